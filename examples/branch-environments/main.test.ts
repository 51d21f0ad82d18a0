import { App, Chart, Testing } from 'cdk8s';
import { branchEnvironments } from './main';
import { schemaProblems } from '../../test/support/schema';
import { SimulatedMesh } from 'cdk8s-lanes/testing';

const manifests = Testing.synth(branchEnvironments(Testing.app()));
const mesh = SimulatedMesh.of(manifests);
const OUTSIDE = { gateway: { istio: 'ingressgateway' } };

test('the manifests are those of the snapshot', () => {
  expect(manifests).toMatchSnapshot();
});

test('every manifest is valid', () => {
  expect(schemaProblems(manifests)).toEqual([]);
});

describe.each([
  ['a client outside', { from: OUTSIDE, host: 'www.example.com' }],
  ['a pod of the namespace', { from: { namespace: 'test-istio' }, host: 'testaaa' }],
  ['a pod of another namespace', { from: { namespace: 'other' }, host: 'testaaa.test-istio' }],
])('a request of %s', (_, request) => {
  test.each([undefined, 'release', '-', 'release-v9', 'Release-v1', ''])('with lane %p meets the baseline at both hops', (lane) => {
    expect(mesh.send({ ...request, lane })).toTakePath('testaaa-release -> testbbb-release');
  });

  test.each([
    ['release-v1', 'testaaa-release-v1 -> testbbb-release-v1'],
    ['release-v2', 'testaaa-release-v2 -> testbbb-release'],
    ['release-v3', 'testaaa-release -> testbbb-release-v3'],
  ])('with lane %p meets its own versions, and the baseline where there is none', (lane, path) => {
    expect(mesh.send({ ...request, lane })).toTakePath(path);
  });
});

test('every subset that is routed to has a Deployment whose pods its Service selects', () => {
  for (const rule of manifests.filter(({ kind }) => kind === 'DestinationRule')) {
    for (const { name, labels } of rule.spec.subsets) {
      const pods = manifests.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template.metadata.labels);
      expect(pods).toContainEqual({ app: rule.metadata.name, version: name });
      expect(labels).toEqual({ version: name });
    }
  }
});

test('clients without a sidecar meet all versions, since the Service selects by app alone', () => {
  const sent = mesh.send({ from: { namespace: 'test-istio', sidecar: false }, host: 'testbbb', lane: 'release-v1' });
  expect(sent).toSplit({ 'release': 1, 'release-v1': 1, 'release-v3': 1 });
});

test('the namespace asks for sidecars', () => {
  expect(manifests[0]).toEqual({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'test-istio', labels: { 'istio-injection': 'enabled' } } });
});

test('a Deployment is exactly what scenario and mesh need', () => {
  const deployment = manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'testbbb-release-v3');
  const probe = { tcpSocket: { port: 32000 } };
  expect(deployment.spec).toEqual({
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: { app: 'testbbb', version: 'release-v3' } },
    template: {
      metadata: { labels: { app: 'testbbb', version: 'release-v3' }, annotations: { 'sidecar.istio.io/inject': 'true' } },
      spec: {
        containers: [{
          name: 'testbbb',
          image: 'registry.example.com/release/testbbb:v109',
          imagePullPolicy: 'IfNotPresent',
          ports: [{ containerPort: 32000 }],
          env: [{ name: 'NODE_ENV', value: 'development' }, { name: 'PROJECT_VERSION', value: 'release-v3' }],
          livenessProbe: probe,
          readinessProbe: probe,
        }],
      },
    },
  });
});

test('the app gives the same bytes twice', () => {
  const synthesize = () => {
    const app = new App();
    branchEnvironments(app);
    return app.synthYaml();
  };
  expect(synthesize()).toBe(synthesize());
  expect(Chart.isChart(branchEnvironments(Testing.app()))).toBe(true);
});
