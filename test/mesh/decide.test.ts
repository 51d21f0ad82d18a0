import { app, createdIn, gateway, namespace, subsets, to, virtualService } from './claims/support';
import { Mesh } from './mesh';
import { disagreements } from '../differential/envoy-agreement';
import { tried } from '../differential/trial';

/*
 * What the runner decides without sending is what Envoy does when the request is sent: on meshes made at random, the same ones each
 * time; others by MESH_SEED=… npm run test:mesh -- decide
 */
const SEED = Number(process.env.MESH_SEED ?? 5_000);
const MESHES = 6;
process.stdout.write(`decide: seeds ${SEED} to ${SEED + MESHES - 1}\n`);

test.each(Array.from({ length: MESHES }, (_, index) => SEED + index))('decides as Envoy does, seed %i', async (seed) => {
  const { requests, decisions, observed } = await tried(seed, true);
  const wrong = requests.flatMap((request, index) => disagreements(decisions[index], observed![index]).map((words) => ({ request, words })));
  expect(wrong).toEqual([]);
});

describe('a mesh that only decides', () => {
  let mesh: Mesh;

  beforeAll(async () => {
    mesh = await Mesh.start([
      namespace('shop'), ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'),
      virtualService('shop/cart', {
        hosts: ['cart'],
        http: [
          { name: 'beta', match: [{ headers: { 'x-user': { exact: 'alice' } } }], route: [to('cart', 'v2')], timeout: '2s', rewrite: { uri: '/new' } },
          { match: [{ uri: { prefix: '/old' } }], redirect: { uri: '/there' } },
          { route: [to('cart', 'v1', 90), to('cart', 'v2', 10)] },
        ],
      }, createdIn(2025)),
      gateway('shop/entry', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
    ], { decideOnly: true });
  });
  afterAll(() => mesh?.stop());

  test('tells the rule that takes a request, and what the destination gets', async () => {
    const [decision] = await mesh.decide([{ from: { namespace: 'shop' }, host: 'cart', path: '/a?q=1', headers: { 'x-user': 'alice' } }]);
    expect(decision).toMatchObject({
      action: 'route',
      routes: '80',
      virtualHost: 'cart.shop.svc.cluster.local:80',
      route: 'beta',
      virtualService: 'shop/cart',
      timeoutMs: 2000,
      destinations: [{
        cluster: 'outbound|80|v2|cart.shop.svc.cluster.local',
        known: true,
        probability: 1,
        workloads: [{ namespace: 'shop', workload: 'cart-v2', pods: 1 }],
        sent: { authority: 'cart', path: '/newa?q=1', headers: { 'x-user': ['alice'] } },
      }],
    });
  });

  test('tells where a redirect points to, and how a split divides', async () => {
    const [redirect, split] = await mesh.decide([{ from: { namespace: 'shop' }, host: 'cart', path: '/old?q=1' }, { from: { namespace: 'shop' }, host: 'cart' }]);
    expect(redirect).toMatchObject({ action: 'redirect', status: 301, location: 'http://cart/there?q=1' });
    expect(split.destinations!.map(({ probability }) => probability)).toEqual([0.9, 0.1]);
  });

  test('tells of hosts that nothing is said of, at gateways and in the mesh', async () => {
    const [entered, passedOn, closed] = await mesh.decide([
      { from: { gateway: { istio: 'ingressgateway' } }, host: 'shop.example.com' },
      { from: { namespace: 'shop' }, host: 'elsewhere.example.com' },
      { from: { gateway: { istio: 'ingressgateway' } }, host: 'shop.example.com', port: 8081 },
    ]);
    expect(entered).toMatchObject({ action: 'none', status: 404 });
    expect(passedOn).toMatchObject({ action: 'route', destinations: [{ cluster: 'PassthroughCluster', workloads: [{ workload: 'elsewhere.example.com' }] }] });
    expect(closed).toEqual({ action: 'refuse' });
  });

  test('decides a thousand requests in two seconds', async () => {
    const start = Date.now();
    const decisions = await mesh.decide(Array.from({ length: 1000 }, (_, index) => ({ from: { namespace: 'shop' }, host: 'cart', path: `/${index}` })));
    expect(decisions).toHaveLength(1000);
    expect(Date.now() - start).toBeLessThan(2000);
  });

  test('follows new manifests', async () => {
    await mesh.update([namespace('shop'), ...app('shop/cart', ['v3'])]);
    const [decision] = await mesh.decide([{ from: { namespace: 'shop' }, host: 'cart' }]);
    expect(decision.destinations![0].workloads).toEqual([{ namespace: 'shop', workload: 'cart-v3', pods: 1 }]);
  });

  test('sends nothing', async () => {
    await expect(mesh.send({ from: { namespace: 'shop' }, host: 'cart' })).rejects.toThrow("send needs a whole mesh: this one was started with 'decideOnly'");
  });
});
