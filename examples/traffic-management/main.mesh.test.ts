import { App, Testing } from 'cdk8s';
import * as cases from './cases';
import { Tutorial } from './tutorial';
import { Backends, Mesh, MeshRequest, MeshResponse, Outcome } from '../../test/mesh/mesh';
import { strays } from '../../test/support/shares';

type Case = (app: App) => Tutorial;
const manifests = (build: Case) => Testing.synth(build(Testing.app()));

const start = (build: Case) => Mesh.start(manifests(build), {
  calls: { customer: [{ host: 'preference', port: 8080 }], preference: [{ host: 'recommendation', port: 8080 }] },
  propagate: ['user-agent'],
});

let mesh: Mesh;
beforeAll(async () => { mesh = await start(cases.noRule); }, 900_000);
afterAll(() => mesh?.stop());

/** Moves the mesh to a case, as `kubectl apply` would. */
const apply = (build: Case) => beforeAll(() => mesh.update(manifests(build)));

/** Requests to customer from another pod of the namespace. */
const ask = (repeat: number, more: Partial<MeshRequest> = {}): Promise<Outcome> =>
  mesh.send({ from: { namespace: 'tutorial' }, host: 'customer', port: 8080, repeat, ...more });

/** The chain that ends so. */
const chain = (end: string) => `customer-v1 -> preference-v1 -> ${end}`;
const v1 = chain('recommendation-v1');
const v2 = chain('recommendation-v2');

/** The last hop, preference's call of recommendation. */
const lastHop = (response: MeshResponse) => response.hops.find(({ depth, shadow }) => depth === 2 && !shadow)!;

describe('no rule', () => {
  describe('and a pod of each version', () => {
    apply(cases.noRule);

    test('each gets half', async () => {
      expect(strays((await ask(400)).paths, { [v1]: 1 / 2, [v2]: 1 / 2 })).toEqual([]);
    });
  });

  describe('and two pods of v2', () => {
    apply(cases.noRuleTwoPodsOfV2);

    test('v2 gets two thirds', async () => {
      expect(strays((await ask(400)).paths, { [v1]: 1 / 3, [v2]: 2 / 3 })).toEqual([]);
    });
  });
});

describe('all to v2', () => {
  apply(cases.allToV2);

  test('only v2 answers; without the rule both do again', async () => {
    expect((await ask(50)).paths).toEqual({ [v2]: 50 });
    await mesh.update(manifests(cases.noRule));
    expect(Object.keys((await ask(50)).paths).sort()).toEqual([v1, v2]);
  });
});

describe.each([[90, 10], [75, 25], [50, 50]])('split %i/%i', (ofV1, ofV2) => {
  apply((app) => cases.split(app, ofV1, ofV2));

  test('the shares are those', async () => {
    expect(strays((await ask(600)).paths, { [v1]: ofV1 / 100, [v2]: ofV2 / 100 })).toEqual([]);
  });
});

describe('fault abort', () => {
  apply(cases.abort);

  test('half the answers are 503, flag FI, and recommendation never saw those', async () => {
    const { paths, responses } = await ask(400);
    expect(strays(paths, { [v1]: 1 / 2, [chain('!503 FI')]: 1 / 2 })).toEqual([]);
    const aborted = responses.map(lastHop).filter(({ status }) => status === 503);
    expect(aborted.flatMap(({ hits }) => hits)).toEqual([]);
  });
});

describe('fault delay', () => {
  apply(cases.delay);

  test('half the answers take 7 seconds, flag DI', async () => {
    const { paths, responses } = await ask(80, { concurrency: 80 });
    expect(paths).toEqual({ [v1]: 80 });
    const delayed = responses.filter((response) => lastHop(response).flags === 'DI');
    expect(strays({ delayed: delayed.length, prompt: 80 - delayed.length }, { delayed: 1 / 2, prompt: 1 / 2 })).toEqual([]);
    expect(Math.min(...delayed.map(({ elapsedMs }) => elapsedMs))).toBeGreaterThanOrEqual(7000);
    expect(Math.max(...responses.filter((response) => !delayed.includes(response)).map(({ elapsedMs }) => elapsedMs))).toBeLessThan(7000);
  });
});

describe('timeout', () => {
  apply(cases.timeout);

  test('v2, which takes 3 seconds, is 504 for its share, after one second', async () => {
    const { paths, responses } = await ask(80, { concurrency: 20, backends: { 'recommendation-v2': { delayMs: 3000 } } });
    expect(strays(paths, { [v1]: 1 / 2, [chain('!504 UT')]: 1 / 2 })).toEqual([]);
    const late = responses.filter((response) => lastHop(response).status === 504);
    expect(Math.min(...late.map(({ elapsedMs }) => elapsedMs))).toBeGreaterThanOrEqual(950);
    expect(Math.max(...late.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(2900);
  });
});

describe('user agent', () => {
  apply(cases.userAgent);

  test.each([
    ['Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15', v2],
    ['Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0', v2],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', v1],
    ['curl/8.5.0', v1],
  ])('%s, which customer and preference pass on, meets %s', async (userAgent, path) => {
    expect((await ask(10, { headers: { 'user-agent': userAgent } })).paths).toEqual({ [path]: 10 });
  });
});

describe('mirror', () => {
  apply(cases.mirror);

  test('v2 sees every request, and v1 answers', async () => {
    const { paths, mirrors } = await ask(50);
    expect(paths).toEqual({ [v1]: 50 });
    expect(mirrors).toEqual({ 'recommendation-v2': 50 });
  });

  test('nobody notices what v2 does with its copy', async () => {
    expect((await ask(20, { backends: { 'recommendation-v2': { status: 500 } } })).paths).toEqual({ [v1]: 20 });
  });
});

describe('retries', () => {
  const failing: Backends = { 'recommendation-v2': { failRatio: 0.5, failStatus: 503 } };

  test('without them a v2 that fails half the time is noticed', async () => {
    await mesh.update(manifests(cases.noRule));
    const failed = (await ask(400, { backends: failing })).responses.filter((response) => lastHop(response).status === 503).length;
    expect(strays({ failed, fine: 400 - failed }, { failed: 1 / 4, fine: 3 / 4 })).toEqual([]);
  });

  test('with them there is no 503 in 200 requests', async () => {
    await mesh.update(manifests(cases.retries));
    const { responses } = await ask(200, { backends: failing });
    expect(responses.map((response) => lastHop(response).status)).toEqual(Array(200).fill(200));
    expect(Math.max(...responses.map((response) => lastHop(response).attempts))).toBeGreaterThan(1);
  });
});

describe('circuit breaker', () => {
  apply(cases.circuitBreaker);

  test('of 20 clients some meet 503 UO, as v2 takes 3 seconds; those of v1 do not', async () => {
    const { paths } = await ask(60, { concurrency: 20, backends: { 'recommendation-v2': { delayMs: 3000 } } });
    const overflow = chain('!503 UO');
    expect(Object.keys(paths).sort()).toEqual([v1, v2, overflow].sort());
    expect(strays({ v1: paths[v1], v2: paths[v2] + paths[overflow] }, { v1: 1 / 2, v2: 1 / 2 })).toEqual([]);
    expect(await mesh.total('upstream_rq_pending_overflow', { proxy: 'preference-v1', cluster: '|v2|' })).toBe(paths[overflow]);
  });
});

describe('load balancing', () => {
  apply(cases.random);

  test('each of the three pods gets a third, not in turn', async () => {
    const pods = (await ask(600)).responses.map((response) => lastHop(response).pod);
    const counts = Object.fromEntries([...new Set(pods)].map((pod) => [pod, pods.filter((other) => other === pod).length]));
    expect(strays(counts, { 'recommendation-v1-0': 1 / 3, 'recommendation-v1-1': 1 / 3, 'recommendation-v2-0': 1 / 3 })).toEqual([]);
    const again = pods.slice(1).filter((pod, index) => pod === pods[index]).length;
    expect(strays({ again, other: 599 - again }, { again: 1 / 3, other: 2 / 3 })).toEqual([]);
  });
});

describe('pool ejection', () => {
  apply((app) => cases.poolEjection(app));

  const bad: Backends = { 'recommendation-v2-0': { status: 503 } };
  const visits = (outcome: Outcome) => outcome.responses.filter((response) => lastHop(response).pod === 'recommendation-v2-0').length;

  test('the bad pod answers once and is silent for 15 seconds; then it gets another chance', async () => {
    const first = Date.now();
    expect(visits(await ask(60, { backends: bad }))).toBe(1);
    const silence = await ask(50, { backends: bad, intervalMs: 200 });
    expect(Date.now() - first).toBeLessThan(15_000);
    expect(visits(silence)).toBe(0);
    // An ejection ends at the first look, each 5 seconds, after its 15.
    expect(visits(await ask(60, { backends: bad, sleepMs: first + 21_000 - Date.now() }))).toBe(1);
  });
});

describe('pool ejection and retries', () => {
  // A mesh in which no pod is ejected yet.
  beforeAll(async () => {
    await mesh.stop();
    mesh = await start(cases.poolEjectionAndRetries);
  });

  test('no 503 at all', async () => {
    const { responses } = await ask(100, { backends: { 'recommendation-v2-0': { status: 503 } } });
    expect(responses.map((response) => lastHop(response).status)).toEqual(Array(100).fill(200));
    expect(responses.filter((response) => lastHop(response).attempts > 1)).toHaveLength(1);
  });
});

describe('ingress', () => {
  apply(cases.ingress);
  const from = { gateway: { istio: 'ingressgateway' } };

  test('customer answers at the gateway\'s host, and nobody at another', async () => {
    expect((await mesh.send({ from, host: 'customer.example.com', repeat: 10 })).paths).toEqual({ [v1]: 10 });
    expect((await mesh.sendOne({ from, host: 'preference.example.com' })).status).toBe(404);
  });
});
