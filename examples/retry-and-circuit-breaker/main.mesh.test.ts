import { Testing } from 'cdk8s';
import { retryAndCircuitBreaker } from './main';
import { Behaviour, Mesh, MeshRequest } from '../../test/mesh/mesh';
import { strays } from '../../test/support/shares';

const manifests = retryAndCircuitBreaker(Testing.app()).flatMap((chart) => Testing.synth(chart));

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(manifests); }, 900_000);
afterAll(() => mesh?.stop());

/** Requests from another pod of the case's namespace. */
const ask = (namespace: string, host: string, more: Partial<MeshRequest> = {}) => mesh.send({ from: { namespace }, host, ...more });
const withRetryBackend = (behaviour: Behaviour): Partial<MeshRequest> => ({ backends: { 'retry-backend': behaviour } });

describe('retry', () => {
  test.each<[string, Behaviour]>([
    ['answers 503', { failFirstN: 14 }],
    ['answers 500', { failFirstN: 14, failStatus: 500 }],
    ['resets the connection', { failFirstN: 14, reset: true }],
  ])('a backend that %s 14 times answers', async (_, behaviour) => {
    expect((await ask('retry', 'retry-service', withRetryBackend(behaviour))).responses[0]).toMatchObject({
      status: 200, workload: 'retry-backend', attempts: 15,
    });
  });

  test('one that always fails is called 16 times', async () => {
    expect((await ask('retry', 'retry-service', withRetryBackend({ status: 500 }))).responses[0]).toMatchObject({
      status: 500, flags: 'URX', attempts: 16,
    });
  });

  test('one that takes longer than a second is called again, until 15 seconds are over', async () => {
    const [response] = (await ask('retry', 'retry-service', withRetryBackend({ delayMs: 3000 }))).responses;
    expect(response).toMatchObject({ status: 504 });
    expect(response.attempts).toBeGreaterThan(10);
    expect(response.elapsedMs).toBeGreaterThanOrEqual(14_950);
    expect(response.elapsedMs).toBeLessThan(17_000);
  });
});

describe('circuit breaker', () => {
  test('more than one at a time overflow: 503 UO, without a retry', async () => {
    const slow = withRetryBackend({ delayMs: 100 });
    const { flags, responses } = await ask('circuit-breaker', 'retry-service', { repeat: 30, concurrency: 10, ...slow });
    expect(flags.UO).toBeGreaterThan(0);
    expect(flags[''] + flags.UO).toBe(30);
    expect(responses.filter((each) => each.flags === 'UO').every(({ attempts }) => attempts <= 1)).toBe(true);
  });

  test('when all pods have failed twice they are all ejected, and the answer is 503 at once', async () => {
    const broken = withRetryBackend({ status: 500 });
    const first = (await ask('circuit-breaker', 'retry-service', broken)).responses[0];
    expect(first).toMatchObject({ status: 503, flags: 'UH' });
    // Two for each pod, and what is under way before the proxy has taken note of all ejections; never all 31.
    expect(first.attempts).toBeGreaterThanOrEqual(6);
    expect(first.attempts).toBeLessThan(31);
    const later = await ask('circuit-breaker', 'retry-service', { repeat: 10, ...broken });
    expect(later.distribution).toEqual({ '503 UH': 10 });
    expect(later.responses.flatMap(({ hops }) => hops[0].hits)).toEqual([]);
    expect(Math.max(...later.responses.map(({ elapsedMs }) => elapsedMs))).toBeLessThan(500);
  });
});

describe('load balancing', () => {
  const pods = ['myweb-deployment-v1-0', 'myweb-deployment-v1-1', 'myweb-deployment-v1-2'];
  const thirds = Object.fromEntries(pods.map((pod) => [pod, 1 / 3]));

  test('random: each pod of v1 gets a third, and v2 nothing', async () => {
    expect(strays((await ask('random', 'myweb-service', { repeat: 600 })).pods, thirds)).toEqual([]);
  });

  test('consistent hash: the same user always meets the same pod, and users spread', async () => {
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}`);
    const outcomes = await mesh.sendAll(users.map((user) => (
      { from: { namespace: 'consistent-hash' }, host: 'myweb-service', headers: { User: user }, repeat: 10 }
    )));
    expect(outcomes.map((outcome) => Object.values(outcome.pods))).toEqual(users.map(() => [10]));
    expect([...new Set(outcomes.flatMap((outcome) => Object.keys(outcome.pods)))].sort()).toEqual(pods);
  });

  test('consistent hash: requests without the header spread', async () => {
    expect(strays((await ask('consistent-hash', 'myweb-service', { repeat: 600 })).pods, thirds)).toEqual([]);
  });
});

describe('mirror', () => {
  test('sniffer sees every request, and retry-service answers', async () => {
    const { distribution, mirrors } = await ask('mirror', 'retry-service', { repeat: 50 });
    expect(distribution).toEqual({ 'retry-backend': 50 });
    expect(mirrors).toEqual({ sniffer: 50 });
  });

  test('nobody notices that sniffer fails', async () => {
    const { statuses } = await ask('mirror', 'retry-service', { repeat: 20, backends: { sniffer: { status: 500 } } });
    expect(statuses).toEqual({ 200: 20 });
  });
});
