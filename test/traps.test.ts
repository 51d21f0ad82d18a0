import { ApiObject, Duration, JsonPatch } from 'cdk8s';
import {
  CanaryService, ConnectionPool, Destination, Fault, FaultInjection, HashKey, HeaderOperations, LoadBalancer, MeshGateway, MeshHost, MirrorTarget,
  OutlierDetection, RequestMatch, ResilientBackend, RetryPolicy, RouteRule, StainedRoute, StringMatch, Warnings,
} from '../src';
import { shopOf } from './support/shop';

/*
 * What Istio takes and then does otherwise than it reads: each such trap is refused or warned about when the app is
 * synthesized, with the reason. One row for each; docs/fields.md has them for readers.
 */

function shop() {
  const { app, chart, cart, ...others } = shopOf(['*']);
  const legacy = new MeshHost(chart, 'legacy', { name: 'legacy' });
  const patched = (path: string, value: unknown) => ApiObject.of(cart.host.virtualService).addJsonPatch(JsonPatch.add(path, value));
  const say = (more: object) => new ResilientBackend(chart, 'policy', { host: cart, ...more });
  return { app, chart, cart, ...others, legacy, patched, say };
}

const under = (path: string) => [RequestMatch.pathPrefix(path)];
const to = (service: CanaryService | MeshHost, version?: string) => [Destination.of(service, { version })];

beforeEach(() => void jest.spyOn(process.stderr, 'write').mockReturnValue(true));
afterEach(() => void jest.restoreAllMocks());

test('the app itself has none', () => {
  const { app } = shop();
  app.synthYaml();

  expect(Warnings.of(app).all).toEqual([]);
});

describe('refused, with the reason:', () => {
  test.each<[string, (app: ReturnType<typeof shop>) => void, RegExp]>([
    ['a status of 600, which Envoy refuses', () => RouteRule.directResponse(600), /from 200 to 599/],
    ['the same, by a patch', ({ patched }) => patched('/spec/http/0', { directResponse: { status: 600 } }), /Envoy would refuse every rule of the port/],
    ['a redirect code Envoy does not know', () => RouteRule.redirect({ uri: '/', redirectCode: 399 }), /301, 302, 303, 307, 308/],
    ['the same, by a patch', ({ patched }) => patched('/spec/http/0', { redirect: { uri: '/', redirectCode: 399 } }), /Envoy would refuse every rule of the port/],
    ['a try not below the timeout', ({ say }) => say({ timeout: Duration.seconds(1), retries: RetryPolicy.of({ attempts: 1, perTryTimeout: Duration.seconds(2) }) }), /Envoy would ignore it/],
    ['the same, by a patch', ({ say, patched }) => {
      say({ timeout: Duration.seconds(1) });
      patched('/spec/http/0/retries', { attempts: 1, perTryTimeout: '1m' });
    }, /Envoy would ignore it/],
    ['a fault without percentage', () => Fault.abort({ httpStatus: 503 } as any), /must be 0, or from 0\.0001 to 100/],
    ['the same, by a patch', ({ patched }) => patched('/spec/http/0/fault', { abort: { httpStatus: 503 } }), /without one Istio injects nothing/],
    ['a share of no mirror, by a patch', ({ patched }) => patched('/spec/http/0/mirrorPercentage', { value: 5 }), /has no effect without 'mirror'/],
    ['a mirror of less than a millionth', ({ chart, cart }) => new MirrorTarget(chart, 'm', { from: cart, to: cart, toVersion: 'v2', percentage: 0.00001 }), /Envoy counts in millionths/],
    ['a mirror of nothing', ({ chart, cart }) => new MirrorTarget(chart, 'm', { from: cart, to: cart, toVersion: 'v2', percentage: 0 }), /must be more than 0/],
    ['two copies of one request', ({ chart, cart }) => [undefined, 'v1'].forEach((fromVersion, index) => new MirrorTarget(chart, `m${index}`, { from: cart, fromVersion, to: cart, toVersion: 'v2' })), /two copies of one request.*keep one/],
    ['a subset without labels, which selects every pod', ({ legacy }) => legacy.addVersion('v1', {}), /selects every pod/],
    ['a version that no subset is for', ({ cart }) => cart.activate('v9'), /must be a version of/],
    ['a header name with a space, which Istio passes on', () => HeaderOperations.of({ request: { set: { 'x a': '1' } } }), /RFC 7230/],
    ['a header set to nothing', () => HeaderOperations.of({ request: { set: { 'x-a': '' } } }), /Envoy does nothing/],
    ['retries of 0', () => ConnectionPool.of({ maxRetries: 0 }), /0 would mean no limit at all/],
    ['pending requests of 0', () => ConnectionPool.of({ http1MaxPendingRequests: 0 }), /0 would mean no limit at all/],
    ['requests of 0', () => ConnectionPool.of({ http2MaxRequests: 0 }), /0 would mean no limit at all/],
    ['an ejection of nothing', () => OutlierDetection.of({ maxEjectionPercent: 0 }), /0 would eject nothing/],
    ['outlier detection that nothing sets off', () => OutlierDetection.of({ maxEjectionPercent: 100, consecutive5xxErrors: 0 }), /nothing else ejects/],
    ['gateway errors that the 5xx always come before', () => OutlierDetection.of({ maxEjectionPercent: 100, consecutiveGatewayErrors: 7 }), /count the same answers/],
    ['failed connections that are not counted apart', () => OutlierDetection.of({ maxEjectionPercent: 100, consecutiveLocalOriginFailures: 1 }), /needs splitExternalLocalOriginErrors/],
    ['weights that are all zero', ({ cart }) => cart.split({ v1: 0, v2: 0 }), /above 0/],
    ['a path that none is', () => RequestMatch.path(StringMatch.prefix('api')), /must begin with '\/'/],
    ['a method that none is', () => RequestMatch.method(StringMatch.exact('get')), /must be in capitals/],
    ['two owners of one host in the mesh, of which the older wins', ({ chart }) => new MeshHost(chart, 'twin', { name: 'cart' }), /sidecars do not merge/],
    ['a wildcard at a gateway beside a host that it covers', ({ chart }) => new MeshGateway(chart, 'twin', { hosts: ['a.example.com'] }), /Istio merges their rules/],
    ['a baseline that also reaches lanes', ({ chart, cart }) => {
      cart.host.routeDefault(to(cart));
      new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);
    }, /pin|subset/],
  ])('%s', (_what, does, reason) => {
    const app = shop();
    expect(() => {
      does(app);
      app.app.synthYaml();
    }).toThrow(reason);
  });
});

describe('warned about, with the reason:', () => {
  test.each<[string, string, (app: ReturnType<typeof shop>) => void, RegExp]>([
    ['VersionPolicyInactive', 'a policy of a version without route', ({ say }) => say({ version: 'v2', loadBalancer: LoadBalancer.random() }), /no rule routes to it/],
    ['HashBesideSplit', 'a hash beside weights', ({ cart, say }) => {
      cart.split({ v1: 1, v2: 1 });
      say({ loadBalancer: LoadBalancer.consistentHash(HashKey.sourceIp()) });
    }, /drawn anew for each request/],
    ['WeightsNotPercent', 'weights near a hundred', ({ cart }) => cart.split({ v1: 90, v2: 15 }), /add up to 105, not to 100, so 90 gets 85\.7 %, 15 gets 14\.3 %/],
    ['FaultNotRetried', 'retries against an injected abort', ({ chart, cart, say }) => {
      say({ retries: RetryPolicy.of({ attempts: 3 }) });
      new FaultInjection(chart, 'fault', { host: cart, fault: Fault.abort({ httpStatus: 503, percentage: 50 }) });
    }, /which Envoy makes before it tries/],
    ['FaultOutsideTimeout', 'a timeout against an injected delay', ({ chart, cart, say }) => {
      say({ timeout: Duration.seconds(1) });
      new FaultInjection(chart, 'fault', { host: cart, fault: Fault.delay({ duration: Duration.seconds(7), percentage: 50 }) });
    }, /before it starts the clock/],
    ['MirrorIdle', 'a mirror to where all requests go', ({ chart, cart }) => new MirrorTarget(chart, 'm', { from: cart, to: cart, toVersion: 'v1' }), /gets no copies/],
    ['RuleUnreachable', 'a rule after one that takes its requests', ({ cart }) => {
      cart.sendTo('v2', under('/api'));
      cart.sendTo('v1', under('/api/v1'));
    }, /spec\.http\[1\] gets no requests: spec\.http\[0\]/],
    ['RuleUnreachable', 'a rule after one for all paths', ({ cart }) => {
      cart.sendTo('v2', under('/'));
    }, /spec\.http\[1\] gets no requests/],
    ['RuleUnreachable', 'a rule of the gateway after a wider one', ({ gateway, cart, stock }) => {
      gateway.route(cart, { match: under('/a') }).route(stock, { match: under('/a/b') });
    }, /spec\.http\[1\] gets no requests/],
    ['RulePortUnknown', 'a rule for a port that the Service has not', ({ cart }) => cart.sendTo('v2', [RequestMatch.port(81)]), /no request meets it/],
    ['PortUnknown', 'a policy for a port that the Service has not', ({ say }) => say({ port: 81, loadBalancer: LoadBalancer.random() }), /does nothing/],
    ['DestinationPortUnknown', 'a destination on another host, whose port is that of the request', ({ cart, legacy }) => {
      cart.host.addRule(RouteRule.to(to(legacy), { match: under('/legacy') }));
    }, /Istio takes the port of the request/],
    ['DestinationPortUnknown', 'a destination at a port that its Service has not', ({ cart, stock }) => {
      cart.host.addRule(RouteRule.to([Destination.of(stock, { port: 9999 })], { match: under('/stock') }));
    }, /'port' 9999 is not a port of stock\.shop\.svc\.cluster\.local that this app knows \(80\).*503/],
    ['GatewayPortUnknown', 'a gateway before a port that the Service has not', ({ gateway, cart }) => gateway.route(cart, { port: 9999 }), /'port' 9999 is not a port of cart\..*503/],
    ['GatewayPortUnknown', 'a rule of the gateway to a port that the Service has not', ({ gateway, cart }) => {
      gateway.addRule(RouteRule.to([Destination.of(cart, { version: 'v1', port: 9999 })]));
    }, /'port' 9999 is not a port of cart\..*503/],
    ['GatewayPortUnknown', 'a gateway before a host of unknown ports', ({ gateway, legacy }) => gateway.route(legacy), /answers 503/],
    ['MirrorPortUnknown', 'a mirror to a host of unknown ports', ({ chart, cart, legacy }) => new MirrorTarget(chart, 'm', { from: cart, to: legacy }), /lost where that host has no such port/],
    ['HostNotExpanded', 'a host with some dots, by a patch', ({ chart, cart, patched }) => {
      new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);
      patched('/spec/http/0', { match: [{ uri: { prefix: '/x' } }], route: [{ destination: { host: 'cart.shop' } }] });
    }, /Istio does not take for cart\.shop\.svc\.cluster\.local/],
  ])('%s, %s', (code, _what, does, reason) => {
    const app = shop();
    does(app);
    app.app.synthYaml();

    expect(Warnings.of(app.app).all).toEqual([{ code, path: expect.stringMatching(/^shop\//), message: expect.stringMatching(reason) }]);
  });
});
