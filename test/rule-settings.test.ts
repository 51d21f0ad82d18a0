import { Duration } from 'cdk8s';
import {
  AppProtocol, CanaryService, CorsPolicy, Destination, GatewayRouteOptions, GatewayRuleOptions, HeaderOperations, MeshHost, RequestMatch,
  RouteRule, RouteSettings, StainedRoute, StringMatch, Warnings,
} from '../src';
import { chartOf, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { evaluate, Routed } from './support/route-evaluator';
import { schemaProblems } from './support/schema';
import { shopOf } from './support/shop';

const shop = () => shopOf(['a.example.com', 'b.example.com']);

const headers = HeaderOperations.of({ response: { set: { 'x-shop': 'yes' } } });
const corsPolicy = CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')], allowHeaders: ['x-token'] });
const SETTINGS: Required<RouteSettings> = { name: 'shop', headers, corsPolicy, rewrite: { authority: 'inner.example.com' }, timeout: Duration.seconds(3) };
const WRITTEN = {
  name: 'shop', headers: headers._toManifest(), corsPolicy: corsPolicy._toManifest(), rewrite: { authority: 'inner.example.com' }, timeout: '3s',
};
const to = (host: string, subset: string, port = 80) => ({ destination: { host: `${host}.shop.svc.cluster.local`, subset, port: { number: port } } });
const under = (path: string) => [RequestMatch.pathPrefix(path)];

describe('the default rule of a host', () => {
  test('all the props', () => {
    const { app, chart, cart } = shop();
    cart.host.configureDefault(SETTINGS);

    expect(rulesOf(chart, 'cart')).toEqual([{ ...WRITTEN, route: [to('cart', 'v1')] }]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('has its settings wherever it routes to, and other rules have none of them', () => {
    const { chart, cart } = shop();
    cart.host.configureDefault({ headers });
    cart.sendTo('v2', under('/v2'));
    cart.split({ v1: 9, v2: 1 });
    const [own, everything] = rulesOf(chart, 'cart');

    expect(own).not.toHaveProperty('headers');
    expect(everything).toEqual({ headers: headers._toManifest(), route: [{ ...to('cart', 'v1'), weight: 9 }, { ...to('cart', 'v2'), weight: 1 }] });
  });

  test('has them at gateways too, and in the copies of lanes', () => {
    const { chart, cart, gateway } = shop();
    gateway.route(cart);
    cart.host.configureDefault({ corsPolicy, timeout: Duration.seconds(2) });
    new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);

    for (const name of ['cart', 'gateway-a-example-com']) {
      expect(rulesOf(chart, name).map((rule) => [rule.name, rule.timeout, rule.corsPolicy.allowHeaders])).toEqual([
        ['lane/l1', '2s', ['x-token', 'project-version']], [undefined, '2s', ['x-token', 'project-version']],
      ]);
    }
  });

  test('is written for a host that would emit nothing else', () => {
    const chart = chartOf();
    new MeshHost(chart, 'legacy', { name: 'legacy' }).configureDefault({ timeout: Duration.seconds(1) });

    expect(rulesOf(chart, 'legacy')).toEqual([{ timeout: '1s', route: [{ destination: { host: 'legacy.shop.svc.cluster.local' } }] }]);
  });

  test('is refused settings twice, a lane\'s name, what no rule may have, and hosts that do not speak HTTP', () => {
    const { chart, cart } = shop();
    expectRefusal(() => cart.host.configureDefault({ name: 'lane/x' }), { code: 'RuleName', property: 'name', path: 'shop/cart/host', got: 'lane/x', says: /marks the rules of lanes/ });
    expectRefusal(() => cart.host.configureDefault({ rewrite: {} }), { code: 'RewriteEmpty', property: 'rewrite', says: /must say/ });
    cart.host.configureDefault({ headers });
    expectRefusal(() => cart.host.configureDefault({ corsPolicy }), { code: 'DefaultRuleTwice', property: 'settings', path: 'shop/cart/host', says: /say them once/ });
    const plain = new CanaryService(chart, 'plain', { port: 81, appProtocol: AppProtocol.TCP, baseline: { version: 'v1', image: 'a' } });
    expectRefusal(() => plain.host.configureDefault({ headers }), { code: 'ProtocolNotHttp', property: 'settings', path: 'shop/plain/host', says: /needs HTTP/ });
  });
});

describe('a route of a gateway', () => {
  test('all the props', () => {
    const { app, chart, cart, gateway } = shop();
    const said: Required<GatewayRouteOptions> = { ...SETTINGS, hosts: ['a.example.com'], match: under('/cart'), port: 8080 };
    gateway.route(cart, said);

    expect(rulesOf(chart, 'gateway-a-example-com')).toEqual([{ ...WRITTEN, match: [{ uri: { prefix: '/cart' } }], route: [to('cart', 'v1', 8080)] }]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('says its settings in each rule of the service, names and headers joined, and the mesh knows nothing of them', () => {
    const { chart, cart, gateway } = shop();
    cart.host.addRule(RouteRule.to([Destination.of(cart, { version: 'v2' })], { name: 'beta', match: under('/v2'), headers: HeaderOperations.of({ request: { set: { 'x-beta': '1' } }, response: { remove: ['server'] } }) }));
    gateway.route(cart, { name: 'edge', headers, timeout: Duration.seconds(3), hosts: ['a.example.com'] });

    expect(rulesOf(chart, 'gateway-a-example-com')).toEqual([
      {
        name: 'edge-beta',
        match: [{ uri: { prefix: '/v2' } }],
        timeout: '3s',
        route: [to('cart', 'v2')],
        headers: { request: { set: { 'x-beta': '1' } }, response: { set: { 'x-shop': 'yes' }, remove: ['server'] } },
      },
      { name: 'edge', timeout: '3s', headers: headers._toManifest(), route: [to('cart', 'v1')] },
    ]);
    expect(rulesOf(chart, 'cart')[1]).toEqual({ route: [to('cart', 'v1')] });
  });

  test('rewrites the path before the service, and leaves its redirects alone', () => {
    const { app, chart, cart, gateway } = shop();
    cart.host.addRule(RouteRule.redirect({ scheme: 'https' }, { match: [RequestMatch.header('x-plain', StringMatch.present())] }));
    gateway.route(cart, { match: under('/cart/'), rewrite: { uri: '/' }, timeout: Duration.seconds(1), hosts: ['a.example.com'] });

    expect(rulesOf(chart, 'gateway-a-example-com')).toEqual([
      { match: [{ uri: { prefix: '/cart/' }, headers: { 'x-plain': {} } }], redirect: { scheme: 'https' } },
      { match: [{ uri: { prefix: '/cart/' } }], rewrite: { uri: '/' }, timeout: '1s', route: [to('cart', 'v1')] },
    ]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('keeps lanes with all of that', () => {
    const { chart, cart, gateway } = shop();
    gateway.route(cart, { match: under('/cart/'), rewrite: { uri: '/' }, headers, hosts: ['a.example.com'] });
    new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);
    const [virtualService] = chart.toJson().filter(({ metadata }) => metadata.name === 'gateway-a-example-com');
    const outcome = evaluate(virtualService, { path: '/cart/1', gateway: 'gateway', headers: { 'project-version': 'l1' } }) as Routed;

    expect(outcome.shares.map(({ subset }) => subset)).toEqual(['l1']);
    expect(virtualService.spec.http[0]).toMatchObject({ name: 'lane/l1', rewrite: { uri: '/' }, headers: headers._toManifest() });
  });

  test.each<[string, RouteSettings, RouteSettings, RegExp]>([
    ['a timeout twice', { timeout: Duration.seconds(1) }, { timeout: Duration.seconds(2) }, /\[shop\/gateway\/a-example-com\] .*'timeout' must be said by the route or by the rule.*say it in one of them/],
    ['CORS twice', { corsPolicy }, { corsPolicy }, /'corsPolicy' must be said by the route or by the rule/],
    ['a rewrite twice', { rewrite: { authority: 'a' } }, { rewrite: { uri: '/' } }, /'rewrite' must be said by the route or by the rule/],
    ['one header twice', { headers }, { headers }, /'headers' must not be changed by the route and by the rule.*got "x-shop"; change it in one/],
  ])('is refused %s, at synth', (_what, own, settings, says) => {
    const { app, cart, gateway } = shop();
    cart.host.configureDefault(own);
    gateway.route(cart, { ...settings, hosts: ['a.example.com'] });

    expect(() => app.synthYaml()).toThrow(says);
  });

  test('is refused another path through rules that look at the path', () => {
    const { app, cart, gateway } = shop();
    cart.sendTo('v2', under('/v2'));
    gateway.route(cart, { match: under('/cart/'), rewrite: { uri: '/' } });

    expect(() => app.synthYaml()).toThrow(/'rewrite' must not change the path of a route through rules that look at it.*addRule\(RouteRule\.to/);
  });

  test('is refused ports that are none, a lane\'s name, and no service', () => {
    const { cart, gateway } = shop();
    expectRefusal(() => gateway.route(cart, { port: 0 }), { code: 'Port', property: 'port', path: 'shop/gateway', got: 0, says: /1 to 65535/ });
    expectRefusal(() => gateway.route(cart, { name: 'lane/x' }), { code: 'RuleName', property: 'name', path: 'shop/gateway', says: /marks the rules of lanes/ });
    expectRefusal(() => gateway.route(undefined as any), { code: 'HostMissing', property: 'service', path: 'shop/gateway', says: /CanaryService or a MeshHost/ });
  });
});

describe('a rule of a gateway\'s own', () => {
  test('all the props', () => {
    const { app, chart, cart, stock, gateway } = shop();
    const said: Required<GatewayRuleOptions> = { hosts: ['b.example.com'] };
    const mixed = [Destination.of(cart, { version: 'v2', weight: 1 }), Destination.of(stock, { version: 'v1', weight: 1 })];
    gateway.addRule(RouteRule.to(mixed, { ...SETTINGS, match: under('/mixed') }), said);
    gateway.addRule(RouteRule.directResponse(404, 'not here'), said);

    expect(rulesOf(chart, 'gateway-b-example-com')).toEqual([
      { ...WRITTEN, match: [{ uri: { prefix: '/mixed' } }], route: [{ ...to('cart', 'v2'), weight: 1 }, { ...to('stock', 'v1'), weight: 1 }] },
      { directResponse: { status: 404, body: { string: 'not here' } } },
    ]);
    expect(chart.toJson().filter(({ metadata }) => metadata.name === 'gateway-a-example-com')).toEqual([]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
    expect(Warnings.of(app).all).toEqual([]);
  });

  test('stands among the routes in the order added, the one for everything last, lanes before theirs', () => {
    const { chart, cart, gateway } = shop();
    gateway.route(cart);
    gateway.addRule(RouteRule.redirect({ uri: '/new' }, { match: under('/old') }));
    gateway.addRule(RouteRule.to([Destination.of(cart, { version: 'v2' })], { match: under('/v2') }));
    new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);

    expect(rulesOf(chart, 'gateway-a-example-com').map((rule) => rule.name ?? rule.match?.[0].uri.prefix)).toEqual(['/old', 'lane/l1', '/v2', 'lane/l1', undefined]);
  });

  test('makes a version one that is routed to, and is refused one that is none', () => {
    const { app, cart, gateway } = shop();
    gateway.addRule(RouteRule.to([Destination.of(cart, { version: 'v9' })], { match: under('/') }));

    expect(() => app.synthYaml()).toThrow(/\[shop\/gateway\] 'version' must be a version of cart\.shop\.svc\.cluster\.local, got "v9" \(known: v1, v2\)/);
  });

  test('is refused twice for everything, hosts of another gateway, names of lanes, and hosts that do not speak HTTP', () => {
    const { chart, cart, gateway } = shop();
    gateway.addRule(RouteRule.directResponse(404));
    expectRefusal(() => gateway.route(cart), { code: 'GatewayRouteTwice', property: 'match', path: 'shop/gateway', says: /go to an answer of the gateway already/ });
    expectRefusal(() => gateway.addRule(RouteRule.directResponse(404), { hosts: ['c.example.com'] }), { code: 'GatewayHostUnknown', property: 'hosts', path: 'shop/gateway', got: 'c.example.com', says: /its hosts/ });
    expectRefusal(() => gateway.addRule(RouteRule.directResponse(404, '', { name: 'lane/x' })), { code: 'RuleName', property: 'name', path: 'shop/gateway', says: /lanes/ });
    const plain = new CanaryService(chart, 'plain', { port: 81, appProtocol: AppProtocol.TCP, baseline: { version: 'v1', image: 'a' } });
    expectRefusal(() => gateway.addRule(RouteRule.to([Destination.of(plain)])), { code: 'ProtocolNotHttp', property: 'rule', path: 'shop/gateway', says: /needs HTTP/ });
  });
});
