import { App, Chart, Testing } from 'cdk8s';
import { branchEnvironments } from './main';
import { evaluate } from '../../test/support/route-evaluator';
import { schemaProblems } from '../../test/support/schema';

const manifests = Testing.synth(branchEnvironments(Testing.app()));
const virtualService = (name: string) => manifests.find((each) => each.kind === 'VirtualService' && each.metadata.name === name);

/** The version that a request with this lane header meets by the rules of a VirtualService. */
function served(name: string, lane?: string) {
  const outcome = evaluate(virtualService(name), { path: '/', headers: lane === undefined ? {} : { 'project-version': lane } });
  const shares = outcome.kind === 'route' ? outcome.shares : [];
  return Object.fromEntries(shares.map(({ host, subset, probability }) => [`${host.split('.')[0]}/${subset}`, probability]));
}

test('the manifests are those of the snapshot', () => {
  expect(manifests).toMatchSnapshot();
});

test('every manifest is valid', () => {
  expect(schemaProblems(manifests)).toEqual([]);
});

describe.each(['gateway-any-host', 'testaaa'])('the first hop, by %s', (name) => {
  test.each([undefined, 'release', '-', 'release-v9', 'release-v3', 'Release-v1', ''])('%p meets the baseline', (lane) => {
    expect(served(name, lane)).toEqual({ 'testaaa/release': 1 });
  });

  test.each(['release-v1', 'release-v2'])('%p meets its own version', (lane) => {
    expect(served(name, lane)).toEqual({ [`testaaa/${lane}`]: 1 });
  });
});

describe('the second hop, by testbbb', () => {
  test.each([undefined, 'release', '-', 'release-v9', 'release-v2'])('%p meets the baseline', (lane) => {
    expect(served('testbbb', lane)).toEqual({ 'testbbb/release': 1 });
  });

  test.each(['release-v1', 'release-v3'])('%p meets its own version', (lane) => {
    expect(served('testbbb', lane)).toEqual({ [`testbbb/${lane}`]: 1 });
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
  const service = manifests.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'testbbb');
  expect(service.spec.selector).toEqual({ app: 'testbbb' });
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
