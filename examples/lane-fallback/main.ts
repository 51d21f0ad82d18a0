import { App, Chart, Duration } from 'cdk8s';
import { Probe } from 'cdk8s-plus-27';
import { CanaryService, Fallback, MeshGateway, MeshNamespace, ResilientBackend, StainedRoute, Staining, WorkloadOptions } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/shop';

/** A shop of two services. Lanes that are down are served by the baseline; orders are never placed twice for that. */
export function laneFallback(app: App): Chart {
  const chart = new Chart(app, 'lane-fallback', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');

  // Readiness is what takes a lane's pod out for everybody, at once and without a single failed request.
  const template: WorkloadOptions = { readiness: Probe.fromHttpGet('/healthz') };
  const catalog = new CanaryService(chart, 'catalog', {
    port: 80, targetPort: 8080, template, baseline: { version: 'main', image: `${REGISTRY}/catalog:v41`, replicas: 2 },
  });
  const orders = new CanaryService(chart, 'orders', {
    port: 80, targetPort: 8080, template, baseline: { version: 'main', image: `${REGISTRY}/orders:v12` }, fallback: Fallback.of({ idempotent: false }),
  });
  new ResilientBackend(chart, 'patience', { host: catalog, timeout: Duration.seconds(6) });
  catalog.calls(orders);
  new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining: Staining.open() }).route(catalog);

  const lanes = new StainedRoute(chart, 'lanes', { header: 'x-lane', fallback: true });
  const search = lanes.addLane('new-search');
  search.serve(catalog, { image: `${REGISTRY}/catalog:v42-new-search` });
  search.serve(orders, { image: `${REGISTRY}/orders:v13-new-search` });
  // Who tests what happens when a service is gone wants to see it gone.
  lanes.addLane('chaos', { fallback: false }).serve(catalog, { image: `${REGISTRY}/catalog:v42-chaos` });
  return chart;
}

if (require.main === module) {
  const app = new App();
  laneFallback(app);
  app.synth();
}
