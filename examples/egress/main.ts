import { App, Chart, Duration } from 'cdk8s';
import {
  CanaryService, ClientTls, EgressHost, EgressProtocol, Fault, FaultInjection, MeshNamespace, MirrorTarget, RequestMatch, ResilientBackend,
  RetryOn, RetryPolicy, Scope, StringMatch,
} from 'cdk8s-lanes';

/** A service that calls hosts outside the mesh, in a namespace whose proxies know no others. */
export function egress(app: App): Chart {
  const chart = new Chart(app, 'egress', { namespace: 'egress' });
  new MeshNamespace(chart, 'namespace');
  const shop = new CanaryService(chart, 'shop', { port: 8080, baseline: { version: 'v1', image: 'registry.example.com/shop:1.0' } });
  const sniffer = new CanaryService(chart, 'sniffer', { port: 8080, baseline: { image: 'registry.example.com/sniffer:1.0' } });

  // Plain HTTP, and HTTPS that the service speaks itself.
  const httpbin = new EgressHost(chart, 'httpbin', { hostName: 'httpbin.org' });
  const bank = new EgressHost(chart, 'bank', { hostName: 'api.bank.example', protocol: EgressProtocol.TLS });
  // The service says http://api.partner.example, and its proxy speaks TLS: so there are retries, timeouts, faults.
  const partner = new EgressHost(chart, 'partner', { hostName: 'api.partner.example', tls: ClientTls.simple() });
  // Every host below a name.
  const storage = new EgressHost(chart, 'storage', { hostName: '*.storage.example', protocol: EgressProtocol.TLS });

  new ResilientBackend(chart, 'patience', {
    host: partner,
    timeout: Duration.seconds(2),
    retries: RetryPolicy.of({ attempts: 2, retryOn: [RetryOn.SERVER_ERROR] }),
  });
  new FaultInjection(chart, 'outage', {
    host: partner, fault: Fault.abort({ httpStatus: 503, percentage: 100 }), match: [RequestMatch.header('x-outage', StringMatch.exact('partner'))],
  });
  new MirrorTarget(chart, 'copies', { from: httpbin, to: sniffer });

  for (const host of [httpbin, bank, partner, storage]) shop.calls(host);
  new Scope(chart, 'known-hosts', { on: [shop], registryOnly: true });
  return chart;
}

if (require.main === module) {
  const app = new App();
  egress(app);
  app.synth();
}
