import { Testing } from 'cdk8s';
import { Branch, laneName, LaneTable, weave } from 'cdk8s-lanes';
import { rules, shop } from './main';
import { previewVirtualService, previewWildcard } from '../../src/lanes/preview-hosts';
import { Mesh, Sender } from '../../test/mesh/mesh';

/*
 * What the README promises, on istiod's code and a running Envoy: the baseline's manifests and those of its lanes, each from the
 * branch's own synthesis, with the routes that `converge` keeps in the cluster. The applications do what the example's do.
 */
const applications = { calls: { testaaa: [{ host: 'testbbb', port: 32000 }] }, propagate: { 'project-version': '-' } };
const REPEAT = 20;
const IMAGES = { IMAGE_TESTAAA: 'testaaa', IMAGE_TESTBBB: 'testbbb' };
const BRANCHES: Record<string, Record<string, string>> = {
  'release-v1': IMAGES,
  'release-v2': { IMAGE_TESTAAA: 'testaaa' },
  'release-V3/x': { IMAGE_TESTBBB: 'testbbb' },
};
const V3 = laneName('release-V3/x');

const synthesized = (branch: string, images: Record<string, string>): any[] => (
  Testing.synth(shop(Testing.app(), Branch.of(branch, rules, { source: 'shop', time: '2026-03-01T12:00:00Z' }), images))
);

/** The cluster when these branches are up. */
function cluster(branches: string[]): any[] {
  const lanes = branches.flatMap((branch) => synthesized(branch, BRANCHES[branch]));
  const table: LaneTable & { lanes: any } = { header: 'project-version', lanes: {} };
  for (const { kind, spec } of lanes) {
    if (kind !== 'DestinationRule') continue;
    const [{ name }] = spec.subsets;
    (table.lanes[name] ??= {})[spec.host] = { host: spec.host, subset: name };
  }
  const baseline = synthesized('release', IMAGES);
  const woven = baseline.map((each) => (each.kind === 'VirtualService' ? weave(each, table).virtualService : each));
  const entry = baseline.find((each) => previewWildcard(each) !== undefined);
  return [...woven, ...lanes, ...Object.keys(table.lanes).map((lane) => previewVirtualService(entry, lane, table))];
}

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start(cluster(Object.keys(BRANCHES)), applications);
}, 900_000);
afterAll(() => mesh?.stop());

const entry: Sender = { gateway: { istio: 'ingressgateway' } };
const inside: Sender = { namespace: 'test-istio' };
const withLane = (lane?: string): Record<string, string> => (lane === undefined ? {} : { 'project-version': lane });

describe.each<[string, Sender, { host: string; port?: number }]>([
  ['through the gateway', entry, { host: 'shop.example.com' }],
  ['inside the mesh', inside, { host: 'testaaa.test-istio', port: 31000 }],
])('%s', (_, from, target) => {
  test.each<[string | undefined, string]>([
    [undefined, 'testaaa-release -> testbbb-release'],
    ['release-v9', 'testaaa-release -> testbbb-release'],
    ['release-v1', 'testaaa-release-v1 -> testbbb-release-v1'],
    ['release-v2', 'testaaa-release-v2 -> testbbb-release'],
    [V3, `testaaa-release -> testbbb-${V3}`],
  ])('lane %p: %s', async (lane, path) => {
    expect((await mesh.send({ from, ...target, headers: withLane(lane), repeat: REPEAT })).paths).toEqual({ [path]: REPEAT });
  });
});

describe('at the preview host of a lane', () => {
  const brought = [undefined, 'release-v1', 'release-v2', '-'];
  test.each<[string, string]>([
    ['release-v1', 'testaaa-release-v1 -> testbbb-release-v1'],
    ['release-v2', 'testaaa-release-v2 -> testbbb-release'],
    [V3, `testaaa-release -> testbbb-${V3}`],
  ])('%s: %s, whatever header an outsider sends', async (lane, path) => {
    for (const header of brought) {
      expect((await mesh.send({ from: entry, host: `${lane}.preview.example.com`, headers: withLane(header), repeat: REPEAT })).paths).toEqual({ [path]: REPEAT });
    }
  });

  test('the response tells the lane where the lane served it', async () => {
    const servedBy = async (lane: string) => (await mesh.send({ from: entry, host: `${lane}.preview.example.com`, repeat: 1 })).responses[0].headers['x-served-lane'];
    expect([await servedBy('release-v1'), await servedBy(V3)]).toEqual(['release-v1', undefined]);
  });
});

test('a lane that comes and goes is noticed by nobody else', async () => {
  const meanwhile = mesh.send({ from: entry, host: 'shop.example.com', headers: withLane('release-v1'), repeat: 300 });
  await mesh.update(cluster(['release-v1']));
  expect((await mesh.send({ from: entry, host: 'shop.example.com', headers: withLane('release-v2'), repeat: REPEAT })).paths).toEqual({ 'testaaa-release -> testbbb-release': REPEAT });
  await mesh.update(cluster(Object.keys(BRANCHES)));
  expect((await mesh.send({ from: entry, host: 'shop.example.com', headers: withLane('release-v2'), repeat: REPEAT })).paths).toEqual({ 'testaaa-release-v2 -> testbbb-release': REPEAT });
  expect((await meanwhile).paths).toEqual({ 'testaaa-release-v1 -> testbbb-release-v1': 300 });
});
