import { App, Chart } from 'cdk8s';
import { CanaryService, MeshGateway, MeshNamespace, StainedRoute, Staining } from 'cdk8s-lanes';

/** Never a real one: yours comes from the environment, and the manifests go nowhere but into the cluster. */
const EXAMPLE_SECRET = 'example-only-3f9c1e7a5b2d4860';

/** One shop behind four gateways, each with another answer to who may get into a lane. */
export function edgeSafety(app: App): Chart {
  const chart = new Chart(app, 'edge-safety', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');

  const service = (name: string) => new CanaryService(chart, name, {
    port: 8080, baseline: { version: 'main', image: `registry.example.com/${name}:41` }, forwardHeadersEnv: 'LANE_HEADERS',
  });
  const [checkout, stock] = [service('checkout'), service('stock')];
  checkout.calls(stock);

  const lanes = new StainedRoute(chart, 'lanes', { header: 'project-version', baggageKey: 'lane' });
  const both = lanes.addLane('new-checkout');
  both.serve(checkout, { image: 'registry.example.com/checkout:42' });
  both.serve(stock, { image: 'registry.example.com/stock:42' });
  lanes.addLane('new-stock').serve(stock, { image: 'registry.example.com/stock:43' });

  // The internet: nobody, by whatever header.
  new MeshGateway(chart, 'public', { hosts: ['shop.example.com'], staining: Staining.closed() }).route(checkout);

  // The internet too, and each lane has a host, behind whose DNS name stands a login.
  new MeshGateway(chart, 'beta', { hosts: ['beta.example.com'], staining: Staining.previewHostsOnly('*.preview.example.com') }).route(checkout);

  // A testing company: whoever has the key.
  new MeshGateway(chart, 'testers', {
    hosts: ['testers.example.com'],
    staining: Staining.bySecret({ header: 'x-lane-key', secretInManifest: process.env.LANE_SECRET ?? EXAMPLE_SECRET }),
  }).route(checkout);

  // The office network: everybody.
  new MeshGateway(chart, 'office', { hosts: ['*'], selector: { istio: 'internal-gateway' }, staining: Staining.open() }).route(checkout);
  return chart;
}

if (require.main === module) {
  const app = new App();
  edgeSafety(app);
  app.synth();
}
