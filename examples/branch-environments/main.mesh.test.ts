import { App, Chart, Testing } from 'cdk8s';
import { branchEnvironments } from './main';
import { Mesh, Sender } from '../../test/mesh/mesh';
import { CanaryService, StainedRoute } from 'cdk8s-lanes';

/*
 * What the README promises, on istiod's code and a running Envoy. The applications do what the scenario's do: testaaa calls
 * testbbb, and passes the lane header on, or `-` when it got none.
 */
const applications = { calls: { testaaa: [{ host: 'testbbb', port: 32000 }] }, propagate: { 'project-version': '-' } };
const REPEAT = 20;

const entry: Sender = { gateway: { istio: 'ingressgateway' } };
const clients: [string, Sender][] = [['the same namespace', { namespace: 'test-istio' }], ['another namespace', { namespace: 'elsewhere' }]];

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start(Testing.synth(branchEnvironments(Testing.app())), applications);
}, 900_000);
afterAll(() => mesh?.stop());

const withLane = (lane?: string): Record<string, string> => (lane === undefined ? {} : { 'project-version': lane });

describe.each<[string, Sender, { host: string; port?: number }]>([
  ['through the gateway', entry, { host: 'testaaa.example.com' }],
  ...clients.map(([place, from]): [string, Sender, { host: string; port?: number }] => [
    `from a client with a sidecar in ${place}`, from, { host: 'testaaa.test-istio', port: 31000 },
  ]),
])('%s', (_, from, target) => {
  test.each<[string | undefined, string]>([
    [undefined, 'testaaa-release -> testbbb-release'],
    ['release', 'testaaa-release -> testbbb-release'],
    ['-', 'testaaa-release -> testbbb-release'],
    ['release-v9', 'testaaa-release -> testbbb-release'],
    ['release-v1', 'testaaa-release-v1 -> testbbb-release-v1'],
    ['release-v2', 'testaaa-release-v2 -> testbbb-release'],
    ['release-v3', 'testaaa-release -> testbbb-release-v3'],
  ])('lane %p: %s', async (lane, path) => {
    const outcome = await mesh.send({ from, ...target, headers: withLane(lane), repeat: REPEAT });
    expect(outcome.paths).toEqual({ [path]: REPEAT });
    const served = path.startsWith(`testaaa-${lane}`) && lane !== 'release' ? lane : undefined;
    expect(outcome.responses.map(({ headers }) => headers['x-served-lane'])).toEqual(Array(REPEAT).fill(served));
  });
});

test.each(clients)('a client in %s that calls testbbb directly with the header is served by the lane', async (_, from) => {
  const outcome = await mesh.send({ from, host: 'testbbb.test-istio.svc.cluster.local', port: 32000, headers: withLane('release-v3'), repeat: REPEAT });
  expect(outcome.distribution).toEqual({ 'testbbb-release-v3': REPEAT });
});

test('a client without a sidecar meets the baseline and the lanes mixed', async () => {
  const outcome = await mesh.send({ from: { namespace: 'elsewhere', sidecar: false }, host: 'testbbb.test-istio', port: 32000, headers: withLane('release-v1'), repeat: 30 });
  expect(Object.keys(outcome.distribution).sort()).toEqual(['testbbb-release', 'testbbb-release-v1', 'testbbb-release-v3']);
});

test('a Service of the baseline\'s own keeps such a client out of lanes', async () => {
  const chart = branchEnvironments(Testing.app());
  const testbbb = chart.node.findChild('testbbb') as CanaryService;
  testbbb.baseline.deployment.exposeViaService({ name: 'testbbb-baseline' });
  await mesh.update(Testing.synth(chart));
  const outcome = await mesh.send({ from: { namespace: 'elsewhere', sidecar: false }, host: 'testbbb-baseline.test-istio', port: 32000, repeat: REPEAT });
  expect(outcome.distribution).toEqual({ 'testbbb-release': REPEAT });
});

test('five more lanes come and go, and nobody else notices', async () => {
  const more = ['feature-a', 'feature-b', 'release-v0', 'release-v10', 'zz'];
  const meanwhile = mesh.send({ from: entry, host: 'testaaa.example.com', headers: withLane('release-v1'), repeat: 300 });

  await mesh.update(Testing.synth(withLanes(more)));
  for (const lane of more) {
    const outcome = await mesh.send({ from: entry, host: 'testaaa.example.com', headers: withLane(lane), repeat: REPEAT });
    expect(outcome.paths).toEqual({ [`testaaa-release -> testbbb-${lane}`]: REPEAT });
  }
  await mesh.update(Testing.synth(withLanes([])));
  for (const lane of more) {
    const outcome = await mesh.send({ from: entry, host: 'testaaa.example.com', headers: withLane(lane), repeat: REPEAT });
    expect(outcome.paths).toEqual({ 'testaaa-release -> testbbb-release': REPEAT });
  }
  expect((await meanwhile).paths).toEqual({ 'testaaa-release-v1 -> testbbb-release-v1': 300 });
});

function withLanes(names: string[]): Chart {
  const chart = branchEnvironments(new App());
  for (const name of names) {
    (chart.node.findChild('lanes') as StainedRoute).addLane(name).serve(chart.node.findChild('testbbb') as CanaryService, { image: 'testbbb' });
  }
  return chart;
}
