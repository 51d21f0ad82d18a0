import type { LiveAnswer, LivePod, LiveStep } from './contract';
import { BASELINE, counted, LANE, laneLoad, shop, untrue, up, Way, ways } from './fallback-support';
import { LiveMesh } from './live-mesh';
import { Fallback, HashKey, LoadBalancer, ResilientBackend } from '../../src';

/*
 * A lane with fallback while its pods go and come, under load, on istiod's own pushes and a running Envoy. What it stands on is
 * partly code of istiod's and no documented promise (ServiceEntries of one host and namespace are put together), so these run with
 * every new Istio. Nothing is asserted of milliseconds: counts of answers, and who gave them.
 */

const object = (manifests: any[], kind: string, name: string) => manifests.find((each) => each.kind === kind && each.metadata.name === name);
const entries = ['cart-l1-fallback-baseline', 'cart-l1-fallback-lane'];

let mesh: LiveMesh | undefined;
afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
});

/** What becomes of requests of the lane while pods and objects change. */
async function under(way: Way, count: number, steps: LiveStep[], manifests = shop()): Promise<LiveAnswer[]> {
  mesh ??= await LiveMesh.start(manifests, way.options);
  const answers = await mesh.load(laneLoad(way, count, steps));
  expect(untrue(answers)).toEqual([]);
  return answers;
}

const lane = (pod: LivePod, after = 0, waitMs = 0): LiveStep => ({ after, waitMs, pods: { [LANE]: pod } });

/** A crash so soon after the pod came back that Envoy, which gathers changes of one priority for a second, holds its ejection back. */
const crashAfterReturn = [lane({ ready: false }, 20), lane({ ready: true }, 150), lane({ running: false }, 0, 500)];

/** Each request was answered by the lane or the baseline, each of which answered some. */
function expectBoth(answers: LiveAnswer[]): void {
  const counts = counted(answers);
  expect(counts).toEqual({ [LANE]: expect.any(Number), [BASELINE]: expect.any(Number) });
  expect(counts[LANE] + counts[BASELINE]).toBe(answers.length);
}

describe.each(ways)('through $name', (way) => {
  test('healthy: the lane serves its requests, the baseline all others', async () => {
    expect(counted(await under(way, 50, []))).toEqual({ [LANE]: 50 });
    expect(counted(await mesh!.load({ host: way.host, count: 20 }))).toEqual({ [BASELINE]: 20 });
    expect(counted(await mesh!.load({ host: way.host, headers: { 'x-lane': 'l2' }, count: 20 }))).toEqual({ 'cart-l2': 20 });
  });

  test('unready, then ready again: no error', async () => {
    expectBoth(await under(way, 600, [lane({ ready: false }, 100), lane({ ready: true }, 350)]));
    await mesh!.change({ waitMs: 1500 });
    expect(counted(await under(way, 20, []))).toEqual({ [LANE]: 20 });
  });

  test('scaled to nothing, then back: no error', async () => {
    expectBoth(await under(way, 600, [lane({ present: false, running: false }, 100), lane(up, 350)]));
  });

  test('crashed, while Kubernetes still says that it is ready: no error', async () => {
    const answers = await under(way, 400, [lane({ running: false }, 80)]);
    expectBoth(answers);
    expect(counted(answers.slice(-100))).toEqual({ [BASELINE]: 100 });
  });

  test('crashed within a second of its return, when Envoy holds back the ejection: no error', async () => {
    expectBoth(await under(way, 500, crashAfterReturn));
  });

  test('answering 503: no error', async () => {
    expectBoth(await under(way, 400, [lane({ status: 503 }, 80)]));
  });

  test('answering 500: it stays with the lane, whose bug it is', async () => {
    expect(counted(await under(way, 50, [lane({ status: 500 })]).then((answers) => answers.slice(-40)))).toEqual({ [`${LANE} 500`]: 40 });
  });

  test('both gone: 503; the baseline back: it serves', async () => {
    const gone = { present: false, running: false };
    mesh = await LiveMesh.start(shop(), way.options);
    await mesh.change({ pods: { [LANE]: gone, [BASELINE]: gone } });
    await mesh.change({ waitMs: 1500 });
    expect(counted(await under(way, 20, []))).toEqual({ '503 no healthy upstream': 20 });

    await mesh.change({ pods: { [BASELINE]: up } });
    await mesh.change({ waitMs: 1500 });
    expect(counted(await under(way, 20, []))).toEqual({ [BASELINE]: 20 });
  });
});

describe('the lane', () => {
  const [way, mtls] = ways;

  test('that hangs is left after two tries: no error', async () => {
    mesh = await LiveMesh.start(shop(), way.options);
    const answers = await mesh.load({ ...laneLoad(way, 120, [lane({ delayMs: 60_000 }, 20)]), concurrency: 40 });
    expectBoth(answers);
    expect(untrue(answers)).toEqual([]);
  });

  test('stays when the baseline goes', async () => {
    mesh = await LiveMesh.start(shop(), way.options);
    await mesh.change({ pods: { [BASELINE]: { present: false, running: false } } });
    await mesh.change({ waitMs: 1500 });
    expect(counted(await under(way, 50, []))).toEqual({ [LANE]: 50 });
    expect(counted(await mesh.load({ host: way.host, count: 10 }))).toEqual({ '503 no healthy upstream': 10 });
  });

  const twoPods = () => {
    const manifests = shop();
    object(manifests, 'Deployment', LANE).spec.replicas = 2;
    return manifests;
  };

  test('of whose two pods one is unready keeps all its requests', async () => {
    expect(counted(await under(way, 400, [{ after: 100, pods: { 'cart-l1-1': { ready: false } } }], twoPods()))).toEqual({ [LANE]: 400 });
  });

  test('of whose two pods one is ejected loses about 30 % to the baseline, without errors: Envoy\'s overprovisioning of 140 %', async () => {
    mesh = await LiveMesh.start(twoPods(), way.options);
    await under(way, 60, [{ pods: { 'cart-l1-1': { running: false } } }]);
    const answers = await under(way, 300, []);
    expectBoth(answers);
    // 90 of 300 are expected; five times the standard deviation on each side, and some that come back between two ejections.
    expect(counted(answers)[BASELINE]).toBeGreaterThan(30);
    expect(counted(answers)[BASELINE]).toBeLessThan(135);
  });

  test('goes on when its pods and the baseline\'s have identities of their own, and flap', async () => {
    const manifests = shop();
    for (const name of [LANE, BASELINE]) object(manifests, 'Deployment', name).spec.template.spec.serviceAccountName = name;
    const flapping = [1, 2, 3, 4, 5, 6].map((turn) => lane({ ready: turn % 2 === 0 }, turn * 100));
    expectBoth(await under(mtls, 800, flapping, manifests));
  });

  test('comes first whatever locality it is in', async () => {
    const manifests = shop();
    for (const [name, locality] of [[LANE, 'far.away.off'], [BASELINE, 'near.by.on']]) object(manifests, 'Deployment', name).spec.template.metadata.labels['istio-locality'] = locality;
    expect(counted(await under({ ...way, options: { ...way.options, from: { namespace: 'elsewhere', labels: { 'istio-locality': 'near.by.on' } } } }, 50, [], manifests))).toEqual({ [LANE]: 50 });
  });

  test('serves callers whose Sidecar lists only the Service', async () => {
    const scope = {
      apiVersion: 'networking.istio.io/v1', kind: 'Sidecar', metadata: { name: 'default', namespace: 'elsewhere' }, spec: { egress: [{ hosts: ['shop/cart.shop.svc.cluster.local'] }] },
    };
    expect(counted(await under(way, 50, [], [...shop(), scope]))).toEqual({ [LANE]: 50 });
    await mesh!.change({ pods: { [LANE]: { ready: false } } });
    await mesh!.change({ waitMs: 1500 });
    expect(counted(await under(way, 20, []))).toEqual({ [BASELINE]: 20 });
  });

  test('falls back under a consistent hash too', async () => {
    const manifests = shop({}, true, (chart, cart) => new ResilientBackend(chart, 'hash', { host: cart, loadBalancer: LoadBalancer.consistentHash(HashKey.header('x-user')) }));
    expectBoth(await under(way, 400, [lane({ running: false }, 100)], manifests));
  });

  test('of a service whose requests must not be done twice falls back without error when it is unready, and keeps its 503 until it is ejected', async () => {
    const manifests = shop({ fallback: Fallback.of({ idempotent: false }) });
    expectBoth(await under(way, 400, [lane({ ready: false }, 100)], manifests));
    await mesh!.change({ pods: { [LANE]: { ready: true } } });
    await mesh!.change({ waitMs: 1500 });
    const counts = counted(await under(way, 400, [lane({ status: 503 }, 100)]));
    expect(counts[`${LANE} 503`]).toBeGreaterThanOrEqual(3);
    expect(counts[BASELINE]).toBeGreaterThan(0);
  });
});

describe('the objects', () => {
  const [way] = ways;
  const manifests = shop();
  const [rule, baselineEntry, laneEntry] = [object(manifests, 'DestinationRule', 'cart-l1-fallback'), ...entries.map((name) => object(manifests, 'ServiceEntry', name))];
  const woven = object(manifests, 'VirtualService', 'cart');
  const unwoven = { ...woven, spec: { ...woven.spec, http: woven.spec.http.filter(({ name }: any) => name !== 'lane/l1') } };

  test('of the lane\'s pods may go and come: no error', async () => {
    expectBoth(await under(way, 600, [{ after: 100, delete: [`ServiceEntry shop/${entries[1]}`] }, { after: 350, apply: [laneEntry] }]));
  });

  test('come rule first and go rule last, the route after and before them: no error', async () => {
    const without = manifests.filter((each) => ![rule, baselineEntry, laneEntry].includes(each)).map((each) => (each === woven ? unwoven : each));
    const answers = await under(way, 800, [
      { after: 50, apply: [rule] }, { waitMs: 400, apply: [baselineEntry] }, { apply: [laneEntry] }, { waitMs: 1000, apply: [woven] },
      { after: 550, apply: [unwoven] }, { waitMs: 400, delete: entries.map((name) => `ServiceEntry shop/${name}`) }, { delete: ['DestinationRule shop/cart-l1-fallback'] },
    ], without);
    expectBoth(answers);
  });

  test('but without them a route that is left answers 503, and every other one works', async () => {
    mesh = await LiveMesh.start(manifests, way.options);
    await mesh.change({ delete: entries.map((name) => `ServiceEntry shop/${name}`) });
    await mesh.change({ waitMs: 1500 });
    expect(Object.keys(counted(await under(way, 20, []))).every((each) => each.startsWith('503'))).toBe(true);
    expect(counted(await mesh.load({ host: way.host, count: 20 }))).toEqual({ [BASELINE]: 20 });
  });
});

describe('what each part buys: without it', () => {
  const [way] = ways;

  test.each([
    ['the DestinationRule', undefined],
    ['outlier detection', (policy: any) => ({ ...policy, outlierDetection: undefined })],
  ])('%s, requests of the lane are spread over lane and baseline', async (_, change) => {
    const manifests = shop();
    const rule = object(manifests, 'DestinationRule', 'cart-l1-fallback');
    if (change) rule.spec.trafficPolicy = change(rule.spec.trafficPolicy);
    const answers = await under(way, 100, [], change ? manifests : manifests.filter((each) => each !== rule));
    expectBoth(answers);
    expect(counted(answers)[BASELINE]).toBeGreaterThan(25);
  });

  test('its retries, a crash within a second of a return is a storm of 503', async () => {
    const manifests = shop();
    for (const rule of object(manifests, 'VirtualService', 'cart').spec.http) delete rule.retries;
    const counts = counted(await under(way, 500, crashAfterReturn, manifests));
    const failed = Object.entries(counts).filter(([what]) => what.startsWith('503')).reduce((sum, [, count]) => sum + count, 0);
    expect(failed).toBeGreaterThan(10);
  });

  test('it, a lane whose pods are gone answers 503', async () => {
    mesh = await LiveMesh.start(shop({}, false), way.options);
    await mesh.change({ pods: { [LANE]: { present: false, running: false } } });
    await mesh.change({ waitMs: 1500 });
    expect(counted(await mesh.load(laneLoad(way, 20)))).toEqual({ '503 no healthy upstream': 20 });
  });
});
