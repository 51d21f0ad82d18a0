import { shop, ways } from './fallback-support';
import { Mesh } from './mesh';
import { SimulatedMesh } from '../../src/testing';

/* The simulator and the real mesh say the same of lanes with fallback. */

const states: [string, string[]][] = [
  ['healthy', []], ['without the lane', ['cart-l1']], ['without the baseline', ['cart-main']], ['without both', ['cart-l1', 'cart-main']], ['without another lane', ['cart-l2']],
];

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start(shop(), { namespace: 'shop' });
}, 900_000);
afterAll(() => mesh?.stop());

describe.each(states)('%s', (_, unready) => {
  beforeAll(() => mesh.setBackends(Object.fromEntries(unready.map((name) => [name, { unhealthy: true }]))));

  test.each([...[ways[0], ways[2]].flatMap((way) => [undefined, 'l1', 'l2', 'l9'].map((lane) => ({ way, lane, name: way.name })))])('$name, lane $lane', async ({ way, lane }) => {
    const simulated = SimulatedMesh.of(shop(), { unready: unready.map((name) => `shop/${name}`) });
    const from = way.options.from as any;
    const branches = simulated.send({ from: from.gateway ? { gateway: from.gateway } : { namespace: 'elsewhere', labels: {} }, host: way.host, port: 80, ...(lane ? { headers: { 'x-lane': lane } } : {}) }).outcome!.branches;
    const said = new Set(branches.flatMap(({ status, flag, workloads }: any) => (workloads.length > 0 ? workloads.map(({ workload }: any) => workload) : [`${status} ${flag}`])));

    const outcome = await mesh.send({ from, host: way.host, port: 80, headers: lane ? { 'x-lane': lane } : {}, repeat: 20 });
    expect(Object.keys(outcome.distribution).sort()).toEqual([...said].sort());
  });
});
