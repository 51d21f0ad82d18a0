import { Chart, Testing } from 'cdk8s';
import { gatewayInFront } from './main';
import { Mesh, Sender } from '../../test/mesh/mesh';
import { MeshGateway, MeshHost, Staining } from 'cdk8s-lanes';

/* What the README promises, on istiod's code and a running Envoy, beside the application that another app deploys. */
const deployment = (version: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `orange-gateway-a-${version}`, namespace: 'sopei-biz' },
  spec: {
    selector: { matchLabels: { app: 'orange-gateway-a', version } },
    template: { metadata: { labels: { app: 'orange-gateway-a', version } }, spec: { containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 8080 }] }] } },
  },
});
const elsewhere = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sopei-biz', labels: { 'istio-injection': 'enabled' } } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'orange-gateway-a', namespace: 'sopei-biz' },
    spec: { selector: { app: 'orange-gateway-a' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  deployment('release-k3s'), deployment('release-k8s'),
];
const entry: Sender = { gateway: { istio: 'ingressgateway' } };

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start([...elsewhere, ...Testing.synth(gatewayInFront(Testing.app()))]);
}, 900_000);
afterAll(() => mesh?.stop());

test.each(['aaa.com', 'anything.example.com:80', '10.1.2.3'])('requests to %s are served by release-k3s alone', async (host) => {
  expect((await mesh.send({ from: entry, host: 'x', headers: { host }, repeat: 20 })).distribution).toEqual({ 'orange-gateway-a-release-k3s': 20 });
});

test('so are those from inside the mesh', async () => {
  expect((await mesh.send({ from: { namespace: 'elsewhere' }, host: 'orange-gateway-a.sopei-biz', repeat: 20 })).distribution).toEqual({ 'orange-gateway-a-release-k3s': 20 });
});

const arrived = async () => (await mesh.sendOne({ from: entry, host: 'x', headers: { 'project-version': 'release-v1' } })).hops[0].headers['project-version'];

test('the lane header goes through to apps that have lanes', async () => {
  expect(await arrived()).toBe('release-v1');
});

test('an app without lanes can close its gateway too', async () => {
  const chart = new Chart(Testing.app(), 'closed', { namespace: 'sopei-biz' });
  const front = new MeshHost(chart, 'orange-gateway-a', { name: 'orange-gateway-a', port: 80, baseline: 'release-k3s' });
  new MeshGateway(chart, 'gateway', { hosts: ['*'], portName: 'http-orange', staining: Staining.closed() }).route(front);
  await mesh.update([...elsewhere, ...Testing.synth(chart)]);
  expect(await arrived()).toBeUndefined();
});
