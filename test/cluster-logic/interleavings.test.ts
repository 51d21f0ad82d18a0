import { VIRTUAL_SERVICE } from '../../src/cluster/cluster';
import { converge } from '../../src/cluster/converge';
import { down } from '../../src/cluster/down';
import { CommandFailed, ExitCode } from '../../src/cluster/failures';
import { readFolder } from '../../src/cluster/folder';
import { up } from '../../src/cluster/up';
import { baseline, BranchOptions, entry, lane } from '../support/branch-manifests';
import { Call, FakeCluster, FakeServer, quietSession } from '../support/fake-cluster';

/*
 * Each test lets a second process run at one point of a first one. What must never come out is said once, in `expectWhole`.
 */

const CART = { service: 'cart', namespace: 'shop' };
const OPTIONS = { waitSeconds: 0, timeoutSeconds: 1, allowOlder: false, rootNamespace: 'istio-system' };
let server: FakeServer;

const folder = (manifests: any[], run = 'run') => readFolder(manifests.map((manifest) => ({ manifest, file: 'folder', line: 1 })), run, 'shop');
const upLane = (branch: string, options: Partial<BranchOptions> = {}, run = `up-${branch}`, before?: (call: Call) => Promise<void> | void) =>
  up(new FakeCluster(server, before), quietSession(), folder(lane({ ...CART, branch, ...options }), run), OPTIONS);
const upBaseline = (options: Partial<BranchOptions> & { http?: any[] } = {}, run = 'baseline', before?: (call: Call) => Promise<void> | void) =>
  up(new FakeCluster(server, before), quietSession(), folder([...baseline({ ...CART, branch: 'main', ...options }), ...entry({ ...CART, branch: 'main', ...options })], run), OPTIONS);
const downLane = (branch: string, before?: (call: Call) => Promise<void> | void) =>
  down(new FakeCluster(server, before), quietSession(), branch, { source: 'shop', waitSeconds: 0 });
const convergeAll = (before?: (call: Call) => Promise<void> | void) => converge(new FakeCluster(server, before), quietSession(), { force: false });
const statusOf = async (run: Promise<unknown>) => run.then(() => ExitCode.DONE, (error) => {
  if (!(error instanceof CommandFailed)) throw error;
  return error.exitCode;
});

/** Runs `other` once, before the call that fits, the nth of its kind. */
function at(fits: Partial<Call>, other: () => Promise<unknown>, nth = 1): (call: Call) => Promise<void> {
  let seen = 0;
  return async (call) => {
    if (!Object.entries(fits).every(([key, value]) => call[key as keyof Call] === value)) return;
    seen++;
    if (seen === nth) await other();
  };
}

const routed = (name = 'cart') => server.get('VirtualService', 'shop', name)!.spec.http.flatMap((rule: any) => (rule.name?.startsWith('lane/') ? [rule.name.slice(5)] : []));
const mark = (name: string, routable: boolean) => {
  const live = server.get('Deployment', 'shop', name)!;
  const { 'cdk8s-lanes/routable': was, ...labels } = live.metadata.labels;
  server.put({ ...live, metadata: { ...live.metadata, labels: routable ? { ...labels, 'cdk8s-lanes/routable': 'true' } : labels } });
};

/** What is marked is routed to and has a subset, what is not marked is not routed to; previews are those of the marked. */
function expectWhole(...lanes: string[]) {
  const marked = server.all('Deployment').filter(({ metadata }) => metadata.labels['cdk8s-lanes/routable'] === 'true').map(({ metadata }) => metadata.labels['cdk8s-lanes/lane']);
  const subsets = server.all('DestinationRule').flatMap(({ spec }) => spec.subsets.map(({ name }: any) => name));
  const previews = server.all('VirtualService').flatMap(({ metadata }) => (metadata.labels['cdk8s-lanes/preview'] ? [metadata.labels['cdk8s-lanes/lane']] : []));
  expect({ marked: marked.sort(), mesh: routed(), gateway: routed('gateway-shop'), previews: previews.sort() }).toEqual({ marked: lanes, mesh: lanes, gateway: lanes, previews: lanes });
  expect(subsets).toEqual(expect.arrayContaining(lanes));
}

/** Routes to a subset that is not there, or to pods that are not ready, at any moment. */
let failures: string[];

function lookForFailures(now: FakeServer): void {
  const subsets = now.all('DestinationRule').flatMap(({ spec }) => spec.subsets.map(({ name }: any) => name));
  const ready = now.all('Deployment').filter(({ status }) => status?.readyReplicas > 0).map(({ spec }) => spec.template.metadata.labels.version);
  for (const vs of now.all('VirtualService').filter(({ metadata }) => !metadata.labels['cdk8s-lanes/preview'])) {
    for (const { route: [{ destination: { subset } }] } of vs.spec.http) {
      if (!subsets.includes(subset) || !ready.includes(subset)) failures.push(`${vs.metadata.name} routes to ${subset} (subsets: ${subsets}; ready: ${ready})`);
    }
  }
}

afterEach(() => expect(failures).toEqual([]));

beforeEach(async () => {
  failures = [];
  server = new FakeServer(lookForFailures);
  await upBaseline({ revision: 1 });
});

describe('routes', () => {
  test.each([
    ['before it reads the VirtualServices', { verb: 'list', kind: 'VirtualService' }],
    ['between its reads', { verb: 'list', kind: 'Deployment' }],
    ['before it writes', { verb: 'replace', kind: 'VirtualService' }],
  ] as [string, Partial<Call>][])('a lane that comes up while another process converges, %s, is routed to', async (_, point) => {
    await upLane('a');
    server.put({ ...server.get('VirtualService', 'shop', 'cart')!, spec: baseline({ ...CART, branch: 'main' })[3].spec }); // somebody applied the manifests by hand
    await convergeAll(at(point, () => upLane('b')));
    expectWhole('a', 'b');
  });

  test.each([
    ['before it reads the VirtualServices', { verb: 'list', kind: 'VirtualService' }],
    ['between its reads', { verb: 'list', kind: 'Deployment' }],
    ['before it writes', { verb: 'replace', kind: 'VirtualService' }],
  ] as [string, Partial<Call>][])('a lane that goes while another process converges, %s, is not routed to', async (_, point) => {
    await upLane('a');
    await upLane('b');
    server.put({ ...server.get('VirtualService', 'shop', 'cart')!, spec: baseline({ ...CART, branch: 'main' })[3].spec });
    await convergeAll(at(point, () => downLane('b')));
    expectWhole('a');
  });

  test('two lanes that come up at once, each ahead of the other at some point, are both routed to', async () => {
    for (const point of [{ verb: 'list', kind: 'VirtualService' }, { verb: 'list', kind: 'Deployment' }, { verb: 'replace', kind: 'VirtualService' }, { verb: 'create', kind: 'VirtualService' }] as Partial<Call>[]) {
      for (const nth of [1, 2, 3]) {
        await upLane('a', {}, `up-a-${nth}`, at(point, () => upLane('b'), nth));
        await convergeAll();
        expect(routed()).toEqual(expect.arrayContaining(['a']));
        await upLane('b');
        expectWhole('a', 'b');
        await downLane('b');
        await downLane('a', at(point, () => upLane('c'), nth));
        await upLane('c');
        expectWhole('c');
        await downLane('c');
      }
    }
  });

  test('a lane whose route is there already stays, though another process is about to write that it is not', async () => {
    await upLane('a');
    await upLane('b');
    mark('cart-b', false);
    await convergeAll(at({ verb: 'replace', kind: 'VirtualService', name: 'cart' }, () => upLane('b', {}, 'again')));
    expectWhole('a', 'b');
  });

  test('a lane that goes before it was ever routed to gets no route by another process that is about to write one', async () => {
    await upLane('a');
    await upLane('b');
    mark('cart-b', false);
    await convergeAll();
    mark('cart-b', true);
    await convergeAll(at({ verb: 'replace', kind: 'VirtualService', name: 'cart' }, () => downLane('b')));
    expectWhole('a');
  });

  test('a preview host that another process makes too late is taken away by that process', async () => {
    await upLane('a');
    server.delete('VirtualService', 'shop', 'gateway-shop-a');
    await convergeAll(at({ verb: 'create', kind: 'VirtualService' }, () => downLane('a')));
    expectWhole();
  });

  test('a run that changed a mark writes each VirtualService once even if nothing changes, one that did not writes nothing', async () => {
    await upLane('a');
    const versions = () => server.all('VirtualService').map(({ metadata }) => metadata.resourceVersion);
    const before = versions();
    await convergeAll();
    expect(versions()).toEqual(before);
    await upLane('a', {}, 'again');
    expect(versions().filter((each, index) => each === before[index])).toEqual([]);
  });

  test('VirtualServices are read before Deployments are listed', async () => {
    const order: string[] = [];
    await convergeAll(({ verb, kind }) => void order.push(`${verb} ${kind}`));
    expect(order).toEqual(['list VirtualService', 'list Deployment']);
  });
});

describe('an up and a down of the same lane', () => {
  const points: [string, Partial<Call>, number][] = [
    ['before it looks', { verb: 'list', kind: 'Deployment' }, 1],
    ['before it marks', { verb: 'read', kind: 'Deployment' }, 1],
    ['before the mark is written', { verb: 'replace', kind: 'Deployment' }, 1],
    ['before it converges', { verb: 'list', kind: 'VirtualService' }, 2],
    ['before it writes routes', { verb: 'replace', kind: 'VirtualService' }, 1],
    ['before it deletes the subset', { verb: 'remove', kind: 'DestinationRule' }, 1],
    ['before it deletes the Deployment', { verb: 'remove', kind: 'Deployment' }, 1],
  ];

  test.each(points)('an up that comes in between, %s, wins', async (_, point, nth) => {
    await upLane('a');
    const status = await statusOf(downLane('a', at(point, () => upLane('a', { image: 'cart:new' }, 'second'), nth)));
    const came = server.get('Deployment', 'shop', 'cart-a')?.metadata.annotations['cdk8s-lanes/run'] === 'second';
    // Where the up was over before the down looked, the down is the later one.
    if (status === ExitCode.DONE) expectWhole();
    else expectWhole('a');
    expect(status === ExitCode.OVERTAKEN).toBe(came);
  });

  test.each([
    ['before it applies the subset', { verb: 'apply', kind: 'DestinationRule' }],
    ['before it waits for the rollout', { verb: 'rollout', kind: 'Deployment' }],
    ['before it marks', { verb: 'read', kind: 'Deployment' }],
    ['before the mark is written', { verb: 'replace', kind: 'Deployment' }],
    ['before it writes routes', { verb: 'replace', kind: 'VirtualService' }],
  ] as [string, Partial<Call>][])('a down that takes down what an up has begun, %s, leaves no route to nothing', async (_, point) => {
    await statusOf(upLane('a', {}, 'first', at(point, () => downLane('a'))));
    await convergeAll();
    expectWhole();
  });

  test('an up that is about to mark what a down is about to delete does not mark it', async () => {
    let done = () => {};
    let ended: Promise<number> | undefined;
    const over = new Promise<void>((resolve) => { done = resolve; });
    const status = await statusOf(upLane('a', {}, 'first', at({ verb: 'read', kind: 'Deployment' }, () => new Promise<void>((resolve) => {
      ended = statusOf(downLane('a', at({ verb: 'remove', kind: 'DestinationRule' }, () => {
        resolve();
        return over;
      })));
    }))));
    done();
    expect([status, await ended]).toEqual([ExitCode.OVERTAKEN, ExitCode.DONE]);
    expectWhole();
  });

  test('a down in the middle of which only the status of the Deployment was written goes on', async () => {
    await upLane('a');
    const touch = async () => { server.put({ ...server.get('Deployment', 'shop', 'cart-a')!, status: { readyReplicas: 1, observedGeneration: 7 } }); };
    await downLane('a', at({ verb: 'remove', kind: 'Deployment' }, touch));
    expect(server.all('Deployment').map(({ metadata }) => metadata.name)).toEqual(['cart-main']);
  });
});

describe('an older pipeline', () => {
  test('cannot bring its lane up after a newer one', async () => {
    await upLane('a', { revision: 7, image: 'cart:7' });
    expect(await statusOf(upLane('a', { revision: 6, image: 'cart:6' }, 'old'))).toBe(ExitCode.REFUSED);
    expect(server.get('Deployment', 'shop', 'cart-a')!.spec.template.spec.containers[0].image).toBe('cart:7');
  });

  test.each([
    ['before it applies', { verb: 'apply', kind: 'Deployment' }],
    ['before the rollout', { verb: 'rollout', kind: 'Deployment' }],
    ['before it applies the subset', { verb: 'apply', kind: 'DestinationRule' }],
    ['before it marks', { verb: 'read', kind: 'Deployment' }],
  ] as [string, Partial<Call>][])('that a newer one overtakes, %s, does not win by being late', async (_, point) => {
    await upLane('a', { revision: 5 }, 'before');
    const status = await statusOf(upLane('a', { revision: 6, image: 'cart:6' }, 'old', at(point, () => upLane('a', { revision: 7, image: 'cart:7' }, 'new'))));
    expect(status).toBe(ExitCode.OVERTAKEN);
    expect(server.get('Deployment', 'shop', 'cart-a')!.spec.template.spec.containers[0].image).toBe('cart:7');
    expectWhole('a');
  });

  test('that made the lane first at the same time does not win either: the newer one sees it and applies again', async () => {
    const older = at({ verb: 'apply', kind: 'Deployment' }, async () => { /* placed below */ });
    let late: Promise<number> | undefined;
    await upLane('a', { revision: 7, image: 'cart:7' }, 'new', at({ verb: 'rollout' }, async () => {
      const live = server.get('Deployment', 'shop', 'cart-a')!;
      server.delete('Deployment', 'shop', 'cart-a');
      late = statusOf(upLane('a', { revision: 6, image: 'cart:6' }, 'old', older));
      await late;
      void live;
    }));
    expect(server.get('Deployment', 'shop', 'cart-a')!.spec.template.spec.containers[0].image).toBe('cart:7');
    expectWhole('a');
  });

  test("cannot put its baseline's rules over a newer one's, whenever it reads", async () => {
    const http = (timeout: string) => [{ timeout, route: [{ destination: { host: 'cart.shop.svc.cluster.local', subset: 'main', port: { number: 8080 } } }] }];
    await upLane('a');
    const status = await statusOf(upBaseline({ revision: 2, http: http('2s') }, 'old', at({ verb: 'replace', kind: 'VirtualService', name: 'cart' }, () => upBaseline({ revision: 3, http: http('3s') }, 'new'))));
    expect(status).toBe(ExitCode.OVERTAKEN);
    expect(server.get('VirtualService', 'shop', 'cart')!.spec.http.map(({ timeout }: any) => timeout)).toEqual(['3s', '3s']);
    expectWhole('a');
  });
});

describe('a baseline', () => {
  test.each([
    ['before it reads', { verb: 'read', kind: 'VirtualService' }],
    ['before it lists', { verb: 'list', kind: 'Deployment' }],
    ['before it writes', { verb: 'replace', kind: 'VirtualService' }],
  ] as [string, Partial<Call>][])('written while a lane comes up, %s, keeps it', async (_, point) => {
    await upLane('a');
    await upBaseline({ revision: 2 }, 'second', at(point, () => upLane('b'), 2));
    expectWhole('a', 'b');
  });

  test('whose VirtualService is made while a lane comes up gets the lane', async () => {
    await upLane('a');
    server.delete('VirtualService', 'shop', 'gateway-shop');
    await upBaseline({ revision: 2 }, 'second', at({ verb: 'create', kind: 'VirtualService', name: 'gateway-shop' }, () => upLane('b')));
    expectWhole('a', 'b');
  });

  test('that is renamed keeps the old subset until nobody is routed to it', async () => {
    const seen: string[][] = [];
    const watch = ({ verb, kind }: Call) => {
      if (verb !== 'replace' || kind !== VIRTUAL_SERVICE.kind) return;
      seen.push(server.get('DestinationRule', 'shop', 'cart')!.spec.subsets.map(({ name }: any) => name));
    };
    await upBaseline({ branch: 'trunk', revision: 2 }, 'renamed', watch);
    expect(seen[0]).toEqual(['trunk', 'main']);
    expect(server.get('DestinationRule', 'shop', 'cart')!.spec.subsets.map(({ name }: any) => name)).toEqual(['trunk']);
    expect(server.get('VirtualService', 'shop', 'cart')!.spec.http[0].route[0].destination.subset).toBe('trunk');
  });

  test('that is renamed keeps the old subset for good where a VirtualService of somebody else routes to it', async () => {
    const session = quietSession();
    await up(new FakeCluster(server), session, folder(baseline({ ...CART, branch: 'trunk', revision: 2 }), 'renamed'), OPTIONS);
    expect(server.get('DestinationRule', 'shop', 'cart')!.spec.subsets.map(({ name }: any) => name)).toEqual(['trunk', 'main']);
    expect(session.warnings).toEqual(['DestinationRule shop/cart keeps subsets that are not in its manifest, as other VirtualServices still route to them']);
  });
});
