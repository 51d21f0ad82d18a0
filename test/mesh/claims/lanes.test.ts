import { app, destinationRule, MeshOfClaims, subset, to, virtualService } from './support';

const services = ['a', 'b', 'c'];
const chain = { a: [{ host: 'b' }], b: [{ host: 'c' }] };
const calls = (namespace: string) => Object.fromEntries(Object.entries(chain).map(([name, call]) => [`${namespace}/${name}`, call]));

/** Services a, b and c that call each other in turn. The rules for the lane "one" name the subset of that name. */
function shop(namespace: string, pods: Record<string, string[]>, rulesFor: string[]) {
  return services.flatMap((name) => [
    ...app(`${namespace}/${name}`, pods[name]),
    destinationRule(`${namespace}/${name}`, { host: name, subsets: ['base', 'one'].map(subset) }),
    virtualService(`${namespace}/${name}`, {
      hosts: [name],
      http: [
        ...rulesFor.includes(name) ? [{ match: [{ headers: { 'x-lane': { exact: 'one' } } }], route: [to(name, 'one')] }] : [],
        { route: [to(name, 'base')] },
      ],
    }),
  ]);
}

const everywhere = { a: ['base', 'one'], b: ['base', 'one'], c: ['base', 'one'] };
const notInB = { ...everywhere, b: ['base'] };
const lane = { host: 'a', headers: { 'x-lane': 'one' }, repeat: 10 };

describe('applications that pass the lane header on', () => {
  const mesh = new MeshOfClaims({ calls: { ...calls('full'), ...calls('empty'), ...calls('partial') }, propagate: ['x-lane'] });
  mesh.has(...shop('full', everywhere, services), ...shop('empty', notInB, services), ...shop('partial', notInB, ['a', 'c']));
  const paths = async (namespace: string, more = {}) => (await mesh.send({ from: { namespace }, ...lane, ...more })).paths;

  test('lanes: the header stays within the lane, and without it within the baseline', async () => {
    expect(await paths('full')).toEqual({ 'a-one -> b-one -> c-one': 10 });
    expect(await paths('full', { headers: {} })).toEqual({ 'a-base -> b-base -> c-base': 10 });
  });

  test('lanes (sharper): a rule that names a lane\'s subset without pods is 503 UH, it never falls back', async () => {
    expect(await paths('empty')).toEqual({ 'a-one -> !503 UH': 10 });
  });

  test('lanes (sharper): with no rule for the lane at a hop the baseline serves it, and the next hop returns to the lane', async () => {
    expect(await paths('partial')).toEqual({ 'a-one -> b-base -> c-one': 10 });
  });
});

describe('applications that do not', () => {
  const mesh = new MeshOfClaims({ calls: calls('full') });
  mesh.has(...shop('full', everywhere, services));

  test('lanes (sharper): without propagation every hop after the first is baseline', async () => {
    expect((await mesh.send({ from: { namespace: 'full' }, ...lane })).paths).toEqual({ 'a-one -> b-base -> c-base': 10 });
  });
});
