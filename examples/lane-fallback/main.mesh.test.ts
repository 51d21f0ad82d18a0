import { Testing } from 'cdk8s';
import { laneFallback } from './main';
import { LiveMesh } from '../../test/mesh/live-mesh';
import { Mesh } from '../../test/mesh/mesh';

/* What the README promises, on istiod's code and a running Envoy, while pods go and come. */

const manifests = () => Testing.synth(laneFallback(Testing.app()));
const entry = { from: { gateway: { istio: 'ingressgateway' } }, port: 80, namespace: 'shop' };

let live: LiveMesh;
beforeAll(async () => {
  live = await LiveMesh.start(manifests(), entry);
}, 900_000);
afterAll(() => live?.stop());

const load = (lane: string | undefined, count: number, steps: Parameters<LiveMesh['load']>[0]['steps'] = []) => live.load({
  host: 'shop.example.com', headers: lane === undefined ? {} : { 'x-lane': lane }, count, concurrency: 4, intervalMs: 4, steps,
});
const told = (answers: Awaited<ReturnType<typeof load>>) => {
  const counts: Record<string, number> = {};
  for (const { status, headers } of answers) {
    const by = headers['x-served-lane']?.split(';')[3] ?? headers['x-served-lane'] ?? '(nobody says)';
    counts[`${status} ${by}`] = (counts[`${status} ${by}`] ?? 0) + 1;
  }
  return counts;
};

test('the lane serves its requests while it can, the baseline while it cannot, and each answer says which', async () => {
  expect(told(await load('new-search', 50))).toEqual({ '200 new-search': 50 });
  const counts = told(await load('new-search', 500, [
    { after: 100, pods: { 'catalog-new-search': { present: false, running: false } } },
    { after: 300, pods: { 'catalog-new-search': { present: true, running: true } } },
  ]));
  expect(counts).toEqual({ '200 new-search': expect.any(Number), '200 main': expect.any(Number) });
});

test('the lane that tests how it is to be gone is gone when it is', async () => {
  expect(told(await load('chaos', 20))).toEqual({ '200 chaos': 20 });
  await live.change({ pods: { 'catalog-chaos': { present: false, running: false } } });
  await live.change({ waitMs: 1500 });
  expect(told(await load('chaos', 20))).toEqual({ '503 chaos': 20 });
});

test('the header travels on: the next hop of a lane that fell back at the first is the lane\'s again', async () => {
  const mesh = await Mesh.start(manifests(), {
    calls: { catalog: [{ host: 'orders' }] }, propagate: ['x-lane'], backends: { 'catalog-new-search': { unhealthy: true } },
  });
  const outcome = await mesh.send({ from: entry.from, host: 'shop.example.com', headers: { 'x-lane': 'new-search' }, repeat: 20 });
  await mesh.stop();

  expect(outcome.paths).toEqual({ 'catalog-main -> orders-new-search': 20 });
});
