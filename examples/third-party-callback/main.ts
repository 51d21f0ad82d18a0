import { App, Chart } from 'cdk8s';
import { CallbackFilter, CallbackPlace, CanaryService, MeshGateway, MeshNamespace, StainedRoute, Staining } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/release';

/** An example must work for ever; a real callback ends with its branch: `expires: '2027-01-31'`. */
const EXPIRES = '2099-12-31';

/** Partners call `orange-gateway-a` back at hosts that stand for lanes, since they cannot send the lane header. */
export function thirdPartyCallback(app: App): Chart {
  const chart = new Chart(app, 'third-party-callback', { namespace: 'sopei-biz' });
  new MeshNamespace(chart, 'namespace');

  const entry = new CanaryService(chart, 'orange-gateway-a', { port: 80, targetPort: 8080, baseline: { version: 'release-k3s', image: `${REGISTRY}/orange-gateway-a:v31` } });
  const orders = new CanaryService(chart, 'orders', { port: 8080, baseline: { version: 'release', image: `${REGISTRY}/orders:v12` } });
  entry.calls(orders);

  const lanes = new StainedRoute(chart, 'lanes', { header: 'project-version' });
  const [aaa, bbb] = ['release-aaa', 'release-bbb'].map((branch) => lanes.addLane(branch));
  aaa.serve(orders, { image: `${REGISTRY}/orders:v13` });
  bbb.serve(orders, { image: `${REGISTRY}/orders:v14` });
  bbb.serve(entry, { image: `${REGISTRY}/orange-gateway-a:v32` });

  // The internet cannot get into lanes; the one callback that the gateway knows itself needs no Lua, and its very hop follows the lane.
  new MeshGateway(chart, 'gateway', { hosts: ['aaa.com', 'bbb.com'], staining: Staining.closed() })
    .route(entry)
    .addCallback('payments', { path: '/callbacks/payments/', query: { name: 'lane', value: bbb.name }, lane: bbb.name, expires: EXPIRES });

  // Where the entry is a service, Lua in its sidecar sets the header; hops further on follow it.
  new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inbound(entry) })
    .addCallback('aaa', { authority: 'aaa.com', lane: aaa.name, expires: EXPIRES })
    .addCallback('bbb', { authority: 'bbb.com', lane: bbb.name, expires: EXPIRES });
  return chart;
}

if (require.main === module) {
  const app = new App();
  thirdPartyCallback(app);
  app.synth();
}
