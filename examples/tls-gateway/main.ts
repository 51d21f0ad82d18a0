import { App, Chart } from 'cdk8s';
import { AppProtocol, CanaryService, GatewayServer, MeshGateway, MeshNamespace, ServerTls, StainedRoute, Staining } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/shop';

/** One Gateway with TLS: a shop with lanes, an address for each lane, partners with certificates, a vault that ends TLS itself. */
export function tlsGateway(app: App): Chart {
  const chart = new Chart(app, 'tls-gateway', { namespace: 'tls-gateway' });
  new MeshNamespace(chart, 'namespace');
  const shop = new CanaryService(chart, 'shop', { port: 8080, baseline: { version: 'v1', image: `${REGISTRY}/shop:v1` } });
  const partners = new CanaryService(chart, 'partners', { port: 8080, baseline: { version: 'v1', image: `${REGISTRY}/partners:v1` } });
  const vault = new CanaryService(chart, 'vault', { port: 443, targetPort: 8443, appProtocol: AppProtocol.TLS, baseline: { version: 'v1', image: `${REGISTRY}/vault:v1` } });
  const lanes = new StainedRoute(chart, 'lanes');
  lanes.addLane('release-v1').serve(shop, { image: `${REGISTRY}/shop:release-v1` });

  const gateway = new MeshGateway(chart, 'gateway', {
    hosts: ['shop.example.com', 'tls-gateway/*.preview.example.com'],
    tls: ServerTls.simple({ credentialName: 'shop-cert' }),
    redirectHttp: true,
    acceptHttp10: true,
    staining: Staining.open(),
    servers: [
      GatewayServer.https({ hosts: ['partners.example.com'], tls: ServerTls.mutual({ credentialName: 'partners-cert' }) }),
      GatewayServer.passthrough({ hosts: ['vault.example.com'] }),
      GatewayServer.http({ hosts: ['legacy.example.com'], port: 8000 }),
    ],
  });
  gateway.route(shop, { hosts: ['shop.example.com', 'legacy.example.com'] });
  // One wildcard, any number of hosts below it, each with rules of its own.
  for (const host of ['a', 'b']) gateway.route(shop, { hosts: [`${host}.preview.example.com`] });
  gateway.route(partners, { hosts: ['partners.example.com'] });
  gateway.passthrough(vault, { hosts: ['vault.example.com'] });
  return chart;
}

if (require.main === module) {
  const app = new App();
  tlsGateway(app);
  app.synth();
}
