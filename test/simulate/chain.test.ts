import { MeshModel, SimulatedRequest } from '../../src/simulate';
import { allHops, caveatsOf, ChainOptions, Chains, Hop } from '../../src/simulate/chain';
import { storyOf } from '../../src/simulate/story';
import { app, deployment, envoyFilter, gateway, service, subsets, to, virtualService } from '../mesh/claims/support';

const LANE = 'project-version';
const laned = (host: string, lane: string, baseline: string) => virtualService(`shop/${host}`, {
  hosts: [host], http: [{ match: [{ headers: { [LANE]: { exact: lane } } }], route: [to(host, lane)] }, { route: [to(host, baseline)] }],
});
const calling = (id: string, calls: string, labels: Record<string, string>) => {
  const made = deployment(id, labels);
  return { ...made, metadata: { ...made.metadata, annotations: { 'cdk8s-lanes/calls': calls } } };
};
/** a has a lane, b has none, c has one. */
const three = [
  ...app('shop/a', ['main', 'l1']), subsets('shop/a', 'main', 'l1'), laned('a', 'l1', 'main'),
  ...app('shop/b'),
  ...app('shop/c', ['main', 'l1']), subsets('shop/c', 'main', 'l1'), laned('c', 'l1', 'main'),
];

function follow(manifests: object[], options: ChainOptions, request: Partial<SimulatedRequest> = {}): Hop {
  return new Chains(MeshModel.of(manifests), options).follow({ from: { namespace: 'shop' }, host: 'a', ...request });
}

/** Workloads with how likely each call of the chain is, in order. */
function waysOf(hop: Hop): string[] {
  return hop.answers.flatMap(({ workload, probability, calls }) => {
    const own = `${workload.workload} ${Math.round(probability * 1000) / 10}`;
    return calls.length === 0 ? [own] : calls.flatMap((call) => (waysOf(call).length > 0 ? waysOf(call) : [`!${call.outcome.branches[0].status}`]).map((way) => `${own} -> ${way}`));
  });
}

describe('a chain of calls', () => {
  const calls = { a: ['b'], b: ['c/prices'] };

  test('the lane header is passed on, through services that have no such lane', () => {
    expect(waysOf(follow(three, { calls }, { headers: { [LANE]: 'l1' } }))).toEqual(['a-l1 100 -> b 100 -> c-l1 100']);
    expect(waysOf(follow(three, { calls }))).toEqual(['a-main 100 -> b 100 -> c-main 100']);
  });

  test('other headers are passed on only where that is said', () => {
    const seen = (options: ChainOptions) => allHops(follow(three, { calls, ...options }, { headers: { 'x-user': 'me', 'x-other': '1', [LANE]: 'l1' } })).at(-1)!.outcome.branches[0].sent!.headers;
    expect(seen({})).toEqual({ [LANE]: ['l1'] });
    expect(seen({ forwards: ['X-User'] })).toEqual({ [LANE]: ['l1'], 'x-user': ['me'] });
  });

  test('what an application sends when it got no lane header may be said', () => {
    const last = allHops(follow(three, { calls, absentLane: 'l1' })).at(-1)!;
    expect(last.outcome.branches[0].workloads[0].workload).toBe('c-l1');
  });

  test('a header that a rule sets is passed on', () => {
    const stamping = virtualService('shop/b', { hosts: ['b'], http: [{ headers: { request: { set: { [LANE]: 'l1' } } }, route: [to('b')] }] });
    expect(waysOf(follow([...three, stamping], { calls }, {}))).toEqual(['a-main 100 -> b 100 -> c-l1 100']);
  });

  test('a request that gateway pods get goes on by the routes of their Gateway', () => {
    const pods = { ...deployment('edge/egress', { istio: 'egress' }) };
    const port = { number: 80, name: 'http', protocol: 'HTTP' };
    const mesh = [
      ...three, pods, service('edge/egress', { selector: { istio: 'egress' }, ports: [{ name: 'http', port: 80 }] }),
      gateway('edge/out', { selector: { istio: 'egress' }, servers: [{ port, hosts: ['out.example.com'] }] }),
      virtualService('shop/to-edge', { hosts: ['out.example.com', 'other.example.com'], http: [{ route: [to('egress.edge.svc.cluster.local')] }] }),
      virtualService('edge/out', { hosts: ['out.example.com'], gateways: ['out'], http: [{ route: [to('b.shop.svc.cluster.local')] }] }),
    ];
    expect(waysOf(follow(mesh, {}, { host: 'out.example.com' }))).toEqual(['egress 100 -> b 100']);
    expect(waysOf(follow(mesh, {}, { host: 'other.example.com' }))).toEqual(['egress 100 -> !404']);
    expect(MeshModel.of(mesh).send({ from: { namespace: 'shop' }, host: 'out.example.com' }).caveats).toEqual([
      { code: 'GatewayPods', message: expect.stringMatching(/edge\/egress are pods of a Gateway/) },
    ]);
    expect(caveatsOf(follow(mesh, {}, { host: 'out.example.com' }))).toEqual([]);
  });

  test('each way has the probability of getting there', () => {
    const split = virtualService('shop/d', { hosts: ['d'], http: [{ route: [to('d', 'main', 3), to('d', 'l1', 1)] }] });
    const mesh = [...three, ...app('shop/d', ['main', 'l1']), subsets('shop/d', 'main', 'l1'), split];
    expect(waysOf(follow(mesh, { calls: { d: ['a'] } }, { host: 'd' }))).toEqual(['d-main 75 -> a-main 75', 'd-l1 25 -> a-main 25']);
  });

  test('several calls of one service are branches of a tree', () => {
    expect(waysOf(follow(three, { calls: { a: ['b', 'c'] } }))).toEqual(['a-main 100 -> b 100', 'a-main 100 -> c-main 100']);
  });

  test('a call that fails ends its branch, and is told with its reason', () => {
    const hop = follow([...three, service('shop/idle', { selector: { app: 'idle' }, ports: [{ name: 'http', port: 80 }] })], { calls: { a: ['idle', 'b'] } });
    expect(waysOf(hop)).toEqual(['a-main 100 -> !503', 'a-main 100 -> b 100']);
    expect(storyOf(hop).map(({ text }) => text).join('\n')).toMatch(/a-main calls GET idle\/\n.*\n-> fails, 503 UH: idle\.shop\.svc\.cluster\.local has no ready pods/);
  });
});

describe('who calls whom', () => {
  test('an annotation of the Service or of the Deployment says so', () => {
    const mesh = [...three, ...app('shop/e').map((each) => (each.kind === 'Service' ? { ...each, metadata: { ...each.metadata, annotations: { 'cdk8s-lanes/calls': 'a, c:80/x' } } } : each))];
    expect(waysOf(follow(mesh, {}, { host: 'e' }))).toEqual(['e 100 -> a-main 100', 'e 100 -> c-main 100']);
  });

  test('what one version says stands in for what its service says', () => {
    const mesh = [
      ...three, service('shop/f', { selector: { app: 'f' }, ports: [{ name: 'http', port: 80 }] }),
      deployment('shop/f-v1', { app: 'f', version: 'v1' }), calling('shop/f-v2', 'b', { app: 'f', version: 'v2' }), calling('shop/f-v3', '', { app: 'f', version: 'v3' }),
    ];
    expect(waysOf(follow(mesh, { calls: { f: ['c'] } }, { host: 'f' }))).toEqual(['f-v1 33.3 -> c-main 33.3', 'f-v2 33.3 -> b 33.3', 'f-v3 33.3']);
    expect(waysOf(follow(mesh, { calls: { 'f': ['c'], 'shop/f-v2': ['a'] } }, { host: 'f' }))[1]).toBe('f-v2 33.3 -> a-main 33.3');
  });

  test('calls of nobody, and calls that are none, are refused', () => {
    expect(() => follow(three, { calls: { nobody: ['a'] } })).toThrow(/'calls' must name Deployments or Services of the manifests, got "nobody" \(known: .*\ba\b/);
    expect(() => follow(three, { calls: { a: ['http://'] } })).toThrow(/'calls' of shop\/a-main must be host, host:port or host:port\/path, got "http:\/\/"/);
    expect(() => follow(three, { calls: { a: ['b:99999'] } })).toThrow(/'calls' of shop\/a-main/);
  });
});

describe('chains without end', () => {
  test('a circle is followed once, and said to go on', () => {
    const hop = follow(three, { calls: { a: ['b'], b: ['a'] } });
    expect(allHops(hop)).toHaveLength(3);
    expect(storyOf(hop).map(({ text }) => text)).toContain('shop/a-main is called again: the circle goes on');
  });

  test('a long chain is followed for a while', () => {
    const names = Array.from({ length: 30 }, (_, index) => `s${index}`);
    const calls = Object.fromEntries(names.slice(1).map((name, index) => [names[index], [name]]));
    const hop = follow(names.flatMap((name) => app(`shop/${name}`)), { calls }, { host: 's0' });
    expect(allHops(hop)).toHaveLength(17);
    expect(storyOf(hop).map(({ text }) => text)).toContain('followed for 16 hops only');
  });

  test('a wide tree is followed for a while', () => {
    const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
    const calls = Object.fromEntries(names.map((name) => [name, names]));
    const hop = follow(names.flatMap((name) => app(`shop/${name}`)), { calls }, { host: 's0' });
    expect(allHops(hop).length).toBeLessThan(20_000);
    expect(storyOf(hop).map(({ text }) => text)).toContain('followed for 5000 calls only');
  });
});

test('what is not modelled at any hop is said once, at the end', () => {
  const filter = envoyFilter('shop/f', { workloadSelector: { labels: { app: 'c' } }, configPatches: [{ match: { context: 'SIDECAR_INBOUND' } }] });
  const hop = follow([...three, filter], { calls: { a: ['b', 'c'], b: ['c'] } });
  expect(caveatsOf(hop)).toEqual([{ code: 'EnvoyFilter', object: { kind: 'EnvoyFilter', namespace: 'shop', name: 'f' }, message: expect.stringContaining('what it does is not modelled') }]);
  expect(storyOf(hop).filter(({ text }) => text.includes('EnvoyFilter shop/f'))).toHaveLength(1);
});
