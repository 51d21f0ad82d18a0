import { App, Chart, Duration } from 'cdk8s';
import { CanaryService, MeshGateway, MeshNamespace, RateLimit, RequestMatch, StainedRoute, Staining, StringMatch } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/tutorial';
const MINUTE = Duration.minutes(1);

/** Limits for a service, for a path, for a lane, for a lane's pods, and at the gateway. */
export function rateLimit(app: App): Chart {
  const chart = new Chart(app, 'rate-limit', { namespace: 'rate-limit' });
  new MeshNamespace(chart, 'namespace');
  const service = (name: string) => new CanaryService(chart, name, { port: 8080, baseline: { version: 'v1', image: `${REGISTRY}/${name}:v1` } });
  const [recommendation, preference, customer] = ['recommendation', 'preference', 'customer'].map(service);
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['customer.example.com'], selector: { istio: 'rate-limited' }, staining: Staining.closed() }).route(customer);
  const lane = new StainedRoute(chart, 'lanes').addLane('release-v1');
  const lanePods = lane.serve(customer, { image: `${REGISTRY}/customer:release-v1` });

  // Each pod of recommendation takes 10 requests a minute.
  new RateLimit(chart, 'recommendation-limit', { on: recommendation, requests: 10, per: MINUTE });
  // preference: 5 searches a minute, and 3 requests of the lane, which has no pods of it.
  new RateLimit(chart, 'search', { on: preference, requests: 5, per: MINUTE, match: RequestMatch.path(StringMatch.exact('/search')).and(RequestMatch.method(StringMatch.exact('GET'))) });
  new RateLimit(chart, 'preference-lane', { on: preference, requests: 3, per: MINUTE, lane });
  // The lane's own pods of customer take 4; each gateway pod takes 2 logins a minute.
  new RateLimit(chart, 'customer-lane', { on: lanePods, requests: 4, per: MINUTE });
  new RateLimit(chart, 'login', { on: gateway, requests: 2, per: MINUTE, match: RequestMatch.pathPrefix('/login') });
  return chart;
}

if (require.main === module) {
  const app = new App();
  rateLimit(app);
  app.synth();
}
