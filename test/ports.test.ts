import { App } from 'cdk8s';
import {
  AppProtocol, CanaryService, ConnectionPool, Destination, EgressHost, EgressProtocol, HostPort, MeshGateway, MeshHost, MirrorTarget,
  RequestMatch, ResilientBackend, RoutedProtocol, RouteRule, StainedRoute, Staining, StringMatch, Warnings,
} from '../src';
import { chartOf, objectOf, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { evaluate, Routed } from './support/route-evaluator';
import { schemaProblems } from './support/schema';

/** A service that speaks HTTP at 80, gRPC at 90 and something else at 5432, and one with a port. */
function shop() {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const cart = new CanaryService(chart, 'cart', {
    port: 80,
    portName: 'http',
    template: { image: 'cart' },
    baseline: { version: 'v1' },
    additionalPorts: [
      { name: 'grpc', port: 90, targetPort: 9090, appProtocol: AppProtocol.GRPC }, { name: 'store', port: 5432, appProtocol: AppProtocol.TCP },
    ],
  });
  cart.addVersion('v2');
  const stock = new CanaryService(chart, 'stock', { port: 8080, template: { image: 'stock' }, baseline: { version: 'v1' } });
  return { app, chart, cart, stock };
}

const to = (subset: string, port: number, host = 'cart') => ({ destination: { host: `${host}.shop.svc.cluster.local`, subset, port: { number: port } } });
const specOf = (chart: any, name = 'cart') => objectOf(chart, 'VirtualService', name).spec;

test('requests keep the port they are for, and say it, as Istio\'s analyzers want it of a Service with several', () => {
  const { app, chart } = shop();

  expect(specOf(chart)).toEqual({
    hosts: ['cart.shop.svc.cluster.local'],
    http: [{ match: [{ port: 80 }], route: [to('v1', 80)] }, { match: [{ port: 90 }], route: [to('v1', 90)] }],
    tcp: [{ match: [{ port: 5432 }], route: [to('v1', 5432)] }],
  });
  expect(objectOf(chart, 'Service', 'cart').spec.ports).toEqual([
    { name: 'http', port: 80, targetPort: 80, appProtocol: 'http' },
    { name: 'grpc', port: 90, targetPort: 9090, appProtocol: 'grpc' },
    { name: 'store', port: 5432, targetPort: 5432, appProtocol: 'tcp' },
  ]);
  expect(objectOf(chart, 'Deployment', 'cart-v1').spec.template.spec.containers[0].ports).toEqual([
    { containerPort: 80, name: 'http' }, { containerPort: 9090, name: 'grpc' }, { containerPort: 5432, name: 'store' },
  ]);
  expect(schemaProblems(chart.toJson())).toEqual([]);
  expect(() => app.synthYaml()).not.toThrow();
});

test('rules and splits hold at each port, a rule for one port there alone', () => {
  const { chart, cart } = shop();
  cart.split({ v1: 9, v2: 1 });
  cart.sendTo('v2', [RequestMatch.pathPrefix('/beta')]);
  cart.sendTo('v2', [RequestMatch.port(90).and(RequestMatch.header('x-new', StringMatch.present()))]);

  expect(specOf(chart).http.map(({ match, route }: any) => [match, route.map(({ destination }: any) => `${destination.subset}:${destination.port.number}`).join()])).toEqual([
    [[{ uri: { prefix: '/beta' }, port: 80 }], 'v2:80'],
    [[{ uri: { prefix: '/beta' }, port: 90 }], 'v2:90'],
    [[{ port: 90, headers: { 'x-new': {} } }], 'v2:90'],
    [[{ port: 80 }], 'v1:80,v2:80'],
    [[{ port: 90 }], 'v1:90,v2:90'],
  ]);
  expect(specOf(chart).tcp[0].route.map(({ weight }: any) => weight)).toEqual([9, 1]);
});

test('a port that a destination names itself stays', () => {
  const { chart, cart } = shop();
  cart.host.addRule(RouteRule.to([Destination.of(cart, { version: 'v1', port: 80 })], { match: [RequestMatch.port(90)] }));

  expect(specOf(chart).http[0]).toEqual({ match: [{ port: 90 }], route: [to('v1', 80)] });
});

test('lanes serve each port where the mesh can read requests, and are warned about where it cannot', () => {
  const { app, chart, cart } = shop();
  new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);
  app.synthYaml();
  const virtualService = objectOf(chart, 'VirtualService', 'cart');
  const served = (port: number, headers = {}) => (evaluate(virtualService, { path: '/', port, headers }) as Routed).shares.map(({ subset, port: at }) => `${subset}:${at}`);

  for (const port of [80, 90]) {
    expect(served(port, { 'project-version': 'l1' })).toEqual([`l1:${port}`]);
    expect(served(port)).toEqual([`v1:${port}`]);
  }
  expect(Warnings.of(app).all.map(({ code }) => code)).toEqual(['LaneNotForTcp']);
});

test('a gateway asks for the first port, or the one that is said', () => {
  const { chart, cart } = shop();
  cart.sendTo('v2', [RequestMatch.port(90)]);
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(cart, { match: [RequestMatch.pathPrefix('/grpc')], port: 90 }).route(cart);

  expect(rulesOf(chart, 'gateway-any-host')).toEqual([
    { match: [{ uri: { prefix: '/grpc' } }], route: [to('v2', 90)] },
    { match: [{ uri: { prefix: '/grpc' } }], route: [to('v1', 90)] },
    { route: [to('v1', 80)] },
  ]);
});

test('rules of other hosts, mirrors and callers ask for the first port', () => {
  const { chart, cart, stock } = shop();
  stock.host.addRule(RouteRule.to([Destination.of(cart, { version: 'v1' })], { match: [RequestMatch.pathPrefix('/cart')] }));
  new MirrorTarget(chart, 'copies', { from: stock, to: cart, toVersion: 'v2' });
  stock.calls(cart);

  expect(rulesOf(chart, 'stock')[0].route).toEqual([to('v1', 80)]);
  expect(rulesOf(chart, 'stock')[1].mirror).toEqual(to('v2', 80).destination);
  expect(objectOf(chart, 'Service', 'stock').metadata.annotations).toEqual({ 'cdk8s-lanes/calls': 'cart.shop.svc.cluster.local:80' });
});

test('a mirror within the host keeps the port, for lanes that ask for it too', () => {
  const { chart, cart } = shop();
  new MirrorTarget(chart, 'copies', { from: cart, to: cart, toVersion: 'v2', mirrorLanes: true });
  new StainedRoute(chart, 'lanes').addLane('l1').serve(cart);

  expect(specOf(chart).http.map(({ name, mirror }: any) => [name, mirror])).toEqual([
    ['lane/l1', to('v2', 80).destination], [undefined, to('v2', 80).destination], ['lane/l1', to('v2', 90).destination], [undefined, to('v2', 90).destination],
  ]);
});

test('policies of each known port are said without warning, of another with one', () => {
  const { app, chart, cart } = shop();
  for (const port of [90, 5432, 7]) new ResilientBackend(chart, `port-${port}`, { host: cart, port, connectionPool: ConnectionPool.of({ maxConnections: port }) });
  app.synthYaml();

  expect(objectOf(chart, 'DestinationRule', 'cart').spec.trafficPolicy.portLevelSettings.map(({ port }: any) => port.number)).toEqual([7, 90, 5432]);
  expect(Warnings.of(app).all.map(({ code, message }) => [code, /80, 90, 5432/.test(message)])).toEqual([['PortUnknown', true]]);
});

test('a Service of the baseline\'s own says the protocol of each port', () => {
  const { chart, cart } = shop();
  cart.baseline.deployment.exposeViaService({ name: 'cart-v1' });

  expect(objectOf(chart, 'Service', 'cart-v1').spec.ports.map(({ name, targetPort, appProtocol }: any) => [name, targetPort, appProtocol])).toEqual([
    ['http', 80, 'http'], ['grpc', 9090, 'grpc'], ['store', 5432, 'tcp'],
  ]);
});

test('a host that others deploy knows its ports too', () => {
  const chart = chartOf();
  const additionalPorts: HostPort[] = [{ port: 443, protocol: RoutedProtocol.TLS }];
  new MeshHost(chart, 'legacy', { name: 'legacy', port: 80, additionalPorts, baseline: 'v1' });
  const names = ['legacy.shop.svc.cluster.local', 'legacy.shop.svc', 'legacy.shop', 'legacy'];

  expect(specOf(chart, 'legacy')).toEqual({
    hosts: names,
    http: [{ match: [{ port: 80 }], route: [to('v1', 80, 'legacy')] }],
    tls: [{ match: [{ sniHosts: names, port: 443 }], route: [to('v1', 443, 'legacy')] }],
  });
});

test.each<[string, any, string, RegExp]>([
  ['no name for the first port', { portName: undefined, additionalPorts: [{ name: 'grpc', port: 90 }] }, 'portName', /must be set beside additionalPorts/],
  ['a name twice', { additionalPorts: [{ name: 'http', port: 90 }] }, 'portName', /a name of its own for each port/],
  ['a name that is none', { additionalPorts: [{ name: 'GRPC', port: 90 }] }, 'additionalPorts.name', /port name/],
  ['a port that is none', { additionalPorts: [{ name: 'grpc', port: 0 }] }, 'additionalPorts.port', /1 to 65535/],
  ['a container\'s port that is none', { additionalPorts: [{ name: 'grpc', port: 90, targetPort: 70000 }] }, 'additionalPorts.targetPort', /1 to 65535/],
  ['a port twice', { additionalPorts: [{ name: 'grpc', port: 80 }] }, 'additionalPorts', /another port/],
])('%s is refused', (_what, props, property, says) => {
  const action = () => new CanaryService(chartOf(), 'cart', { port: 80, portName: 'http', baseline: { image: 'a' }, ...props });
  expectRefusal(action, { code: /name/i.test(property) ? 'PortName' : 'Port', property, says });
  expect(action).toThrow(/^\[shop\/cart/);
});

test('other ports without the first are refused', () => {
  expectRefusal(() => new MeshHost(chartOf(), 'legacy', { name: 'legacy', additionalPorts: [{ port: 90 }] }), { code: 'Port', property: 'port', path: 'shop/legacy', says: /must be set beside additionalPorts/ });
});

describe('requests to what does not speak HTTP are refused', () => {
  const tls = (chart: any) => new EgressHost(chart, 'bank', { hostName: 'bank.example.com', protocol: EgressProtocol.TLS });
  const beta = [RequestMatch.pathPrefix('/beta')];

  test('as a rule of a service', () => {
    const { chart, stock } = shop();

    expectRefusal(() => stock.host.addRule(RouteRule.to([Destination.of(tls(chart))], { match: beta })), { code: 'ProtocolNotHttp', property: 'rule', path: 'shop/stock/host', says: /bank\.example\.com speaks tls/ });
  });

  test('at one port of several', () => {
    const { chart, cart, stock } = shop();
    const gateway = new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() });

    for (const [property, action] of Object.entries({
      rule: () => stock.host.addRule(RouteRule.to([Destination.of(cart, { port: 5432 })], { match: beta })),
      service: () => gateway.route(cart, { port: 5432 }),
    })) expectRefusal(action, { code: 'ProtocolNotHttp', property, says: /cart\.shop\.svc\.cluster\.local speaks tcp at port 5432/ });
  });

  test('as the target of a mirror', () => {
    const { chart, stock } = shop();

    expectRefusal(() => new MirrorTarget(chart, 'm', { from: stock, to: tls(chart) }), { code: 'ProtocolNotHttp', property: 'to', path: 'shop/m', says: /bank\.example\.com speaks tls/ });
  });

  test('at synth, where the host is declared later or the default rule leads there', () => {
    const { app, chart, stock } = shop();
    const bank = { hostName: 'bank.example.com', port: 443 };
    stock.host.addRule(RouteRule.to([Destination.of(bank)], { match: beta }));
    tls(chart);

    expect(() => app.synthYaml()).toThrow(/'destinations' needs HTTP: bank\.example\.com speaks tls/);
  });

  test('but connections may lead to each other\'s hosts', () => {
    const { app, chart } = shop();
    const db = new MeshHost(chart, 'db', { name: 'db', port: 5432, protocol: RoutedProtocol.TCP });
    const replica = new MeshHost(chart, 'replica', { name: 'replica', port: 5432, protocol: RoutedProtocol.TCP });
    db.routeDefault([Destination.of(replica)]);

    expect(() => app.synthYaml()).not.toThrow();
  });
});
