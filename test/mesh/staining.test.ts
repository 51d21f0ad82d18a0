import { Chart, Testing } from 'cdk8s';
import * as fc from 'fast-check';
import { Mesh, Sender } from './mesh';
import {
  CallbackFilter, CallbackPlace, CanaryService, MeshGateway, MeshNamespace, MirrorTarget, RequestMatch, StainedRoute, Staining,
} from '../../src';
import { callbackScript } from '../../src/lua/callback-script';

/*
 * What is promised of the edge, of callbacks and of how a lane is told, beyond what the examples observe: `web` calls `cart`, which
 * calls `stock`. The lane `l1` has cart and worker, `l2` has stock, `l3` has web.
 */
const REPEAT = 10;
const EXPIRES = '2099-12-31';

/** Names that are nearest to breaking out of a literal of Lua, and that can stand in a Host. */
const seed = 7;
const NAMES = [...new Set(fc.sample(fc.array(fc.constantFrom('"', "'", '\\', ']]', '[[', '--', '%', '%d', '{', '}', ',', ';', '\\n', '"..x..\"', 'a', '.', '='), { minLength: 1, maxLength: 6 }).map((parts) => `${parts.join('')}.com`), { numRuns: 60, seed }))];

function app(): Chart {
  const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');
  const [web, cart, stock, worker] = ['web', 'cart', 'stock', 'worker'].map((name) => new CanaryService(chart, name, { port: 80, targetPort: 8080, template: { image: name }, baseline: { version: 'main' } }));
  cart.addVersion('shadow');
  cart.host.addRule(apiRule(cart));
  const lanes = new StainedRoute(chart, 'lanes', { baggageKey: 'lane', selfStaining: true });
  const l1 = lanes.addLane('l1');
  [cart, worker].forEach((service) => l1.serve(service));
  lanes.addLane('l2').serve(stock);
  lanes.addLane('l3').serve(web);

  new MeshGateway(chart, 'open', { hosts: ['*'], selector: { istio: 'open' }, staining: Staining.open() })
    .route(cart)
    .addCallback('path', { path: '/callbacks/l1', lane: 'l1' })
    .addCallback('cookie', { cookie: { name: 'lane', value: 'one' }, lane: 'l1' })
    .addCallback('host', { authority: 'l2.example.com', lane: 'l2' });
  const closed = new MeshGateway(chart, 'closed', { hosts: ['shop.example.com'], selector: { istio: 'closed' }, staining: Staining.closed() });
  closed.route(cart).addCallback('host', { authority: 'l1.example.com', lane: 'l1', expires: EXPIRES });
  new MirrorTarget(chart, 'mirror', { from: cart, to: cart, toVersion: 'shadow' });

  new MeshGateway(chart, 'lua', { hosts: ['*'], selector: { istio: 'lua' }, staining: Staining.open() }).route(cart);
  new CallbackFilter(chart, 'lua-callbacks', { at: CallbackPlace.gateway({ labels: { istio: 'lua' }, namespace: 'istio-system' }) })
    .addCallback('l1', { authority: 'l1.example.com', lane: 'l1', expires: EXPIRES })
    .addCallback('query', { path: '/hook', query: { name: 'lane', value: 'l2' }, lane: 'l2', expires: EXPIRES })
    .addCallback('cookie', { cookie: { name: 'lane', value: 'one' }, lane: 'l1', expires: EXPIRES });
  return chart;
}

function apiRule(cart: CanaryService) {
  return cart.host._baselineRules[0]._narrowedTo([RequestMatch.pathPrefix('/callbacks')])!;
}

const gateway = (name: string): Sender => ({ gateway: { istio: name } });

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start([...Testing.synth(app()), ...hostile()], {
    calls: { web: [{ host: 'cart' }], cart: [{ host: 'stock' }] }, propagate: ['project-version', 'baggage'],
  });
}, 900_000);
afterAll(() => mesh?.stop());

type Headers = Record<string, string | string[]>;
const send = (from: Sender, host: string, headers: Headers = {}, path = '/') => mesh.send({ from, host, headers, path, repeat: REPEAT });
const chain = async (...request: Parameters<typeof send>) => Object.keys((await send(...request)).paths);

describe('a lane that the baggage tells', () => {
  const inside: Sender = { namespace: 'elsewhere' };
  test.each<[Headers, string]>([
    [{}, 'web-main -> cart-main -> stock-main'],
    [{ baggage: 'lane=l1' }, 'web-main -> cart-l1 -> stock-main'],
    [{ baggage: 'a=b , lane = l2 ;p=1,c=d' }, 'web-main -> cart-main -> stock-l2'],
    [{ baggage: ['a=b', 'lane=l1'] }, 'web-main -> cart-l1 -> stock-main'],
    [{ 'baggage': 'lane=l1', 'project-version': '-' }, 'web-main -> cart-l1 -> stock-main'],
    [{ 'baggage': 'lane=l1', 'project-version': '' }, 'web-main -> cart-l1 -> stock-main'],
    [{ 'baggage': 'lane=l1', 'project-version': 'l2' }, 'web-main -> cart-main -> stock-l2'],
    [{ 'baggage': 'lane=l1', 'project-version': 'main' }, 'web-main -> cart-main -> stock-main'],
    [{ baggage: 'a=b;lane=l1' }, 'web-main -> cart-main -> stock-main'],
    [{ baggage: 'lane=l11,xlane=l1' }, 'web-main -> cart-main -> stock-main'],
  ])('%j: %s', async (headers, path) => {
    expect(await chain(inside, 'web.shop', headers)).toEqual([path]);
  });
});

describe('self-staining', () => {
  test.each<[string, Headers, string]>([
    ['worker-l1', {}, 'cart-l1 -> stock-main'],
    ['worker-l1', { 'project-version': '-' }, 'cart-l1 -> stock-main'],
    ['worker-l1', { 'project-version': '' }, 'cart-l1 -> stock-main'],
    ['worker-l1', { 'project-version': 'l2' }, 'cart-main -> stock-l2'],
    ['worker-main', {}, 'cart-main -> stock-main'],
    ['worker-main', { 'project-version': 'l1' }, 'cart-l1 -> stock-main'],
  ])('what a pod of %s sends with %j goes %s', async (workload, headers, path) => {
    expect(await chain({ namespace: 'shop', workload }, 'cart.shop', headers)).toEqual([path]);
  });
});

describe('a callback at an open gateway', () => {
  test.each<[string, string, Headers, string]>([
    ['any.example.com', '/callbacks/l1/7', {}, 'cart-l1 -> stock-main'],
    ['any.example.com', '/callbacks', {}, 'cart-main -> stock-main'],
    ['any.example.com', '/', { cookie: 'a=b; lane=one' }, 'cart-l1 -> stock-main'],
    ['any.example.com', '/', { cookie: 'a=b; xlane=one' }, 'cart-main -> stock-main'],
    ['L2.example.com:8080', '/', {}, 'cart-main -> stock-l2'],
    ['l2.example.com.', '/', {}, 'cart-main -> stock-l2'],
    ['l2.example.com', '/', { 'project-version': 'l1' }, 'cart-l1 -> stock-main'],
    ['l2.example.com', '/', { 'project-version': '-' }, 'cart-main -> stock-l2'],
    ['l2.example.com', '/', { 'project-version': '' }, 'cart-main -> stock-l2'],
    ['l2.example.com', '/', { 'project-version': 'unknown' }, 'cart-main -> stock-main'],
    ['l2.example.com', '/callbacks/l1', {}, 'cart-l1 -> stock-main'],
  ])('%s%s with %j: %s', async (host, path, headers, served) => {
    expect(await chain(gateway('open'), 'x', { host, ...headers }, path)).toEqual([served]);
  });
});

describe('a closed gateway', () => {
  test('has a callback\'s own host, at which no header counts', async () => {
    for (const headers of [{}, { 'project-version': 'l2' }, { baggage: 'lane=l2' }] as Headers[]) {
      expect(await chain(gateway('closed'), 'l1.example.com', headers)).toEqual(['cart-l1 -> stock-main']);
      expect(await chain(gateway('closed'), 'shop.example.com', headers)).toEqual(['cart-main -> stock-main']);
    }
  });

  test('takes the lane header away from copies too', async () => {
    const { responses, mirrors } = await send(gateway('closed'), 'shop.example.com', { 'project-version': 'l1', 'x-other': '1' });
    expect(mirrors).toEqual({ 'cart-shadow': REPEAT });
    const copies = responses.flatMap(({ hops }) => hops.flatMap((hop) => hop.mirrors));
    expect(copies.map(({ headers }) => [headers['x-other'], headers['project-version']])).toEqual(copies.map(() => ['1', undefined]));
  });
});

describe('a callback by Lua at a gateway', () => {
  test.each<[string, string, Headers, string]>([
    ['l1.example.com', '/', {}, 'cart-l1 -> stock-main'],
    ['L1.EXAMPLE.com:80', '/', {}, 'cart-l1 -> stock-main'],
    ['l1.example.com.evil.com', '/', {}, 'cart-main -> stock-main'],
    ['any', '/hook/7?a=b&lane=l2', {}, 'cart-main -> stock-l2'],
    ['any', '/hook/7?lane=x&lane=l2', {}, 'cart-main -> stock-main'],
    ['any', '/', { cookie: 'lane=one' }, 'cart-l1 -> stock-main'],
    ['l1.example.com', '/', { 'project-version': 'l2' }, 'cart-main -> stock-l2'],
    ['l1.example.com', '/', { 'project-version': '-' }, 'cart-l1 -> stock-main'],
    ['l1.example.com', '/', { 'project-version': '' }, 'cart-l1 -> stock-main'],
    ['l1.example.com', '/', { 'project-version': ['-', 'l2'] }, 'cart-main -> stock-main'],
  ])('%s%s with %j: %s', async (host, path, headers, served) => {
    expect(await chain(gateway('lua'), 'x', { host, ...headers }, path)).toEqual([served]);
  });
});

test(`Envoy's own Lua does the same mapping, for hostile names (seed ${seed})`, async () => {
  expect(NAMES.length).toBeGreaterThan(30);
  const seen = async (host: string) => (await mesh.sendOne({ from: { namespace: 'elsewhere', sidecar: false }, host: 'echo.hostile', headers: { 'x-name': host } })).hops[0].headers['project-version'];
  for (const [index, name] of NAMES.entries()) expect([name, await seen(name)]).toEqual([name, `lane-${index}`]);
  expect(await seen('other.com')).toBeUndefined();
});

/** Envoy refuses most of these names as Host, so the program looks at another header in its place. */
function hostile(): object[] {
  const program = callbackScript('project-version', NAMES.map((name, index) => ({ authority: name, lane: `lane-${index}` }))).replace('":authority"', '"x-name"');
  const chart = new Chart(Testing.app(), 'hostile', { namespace: 'hostile' });
  new MeshNamespace(chart, 'namespace');
  const echo = new CanaryService(chart, 'echo', { port: 80, targetPort: 8080, template: { image: 'echo' }, baseline: { version: 'main' } });
  new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inbound(echo) }).addCallback('any', { authority: 'any.com', lane: 'any', expires: EXPIRES });
  const manifests = Testing.synth(chart);
  manifests.find(({ kind }) => kind === 'EnvoyFilter').spec.configPatches[0].patch.value.typed_config.default_source_code.inline_string = program;
  return manifests;
}
