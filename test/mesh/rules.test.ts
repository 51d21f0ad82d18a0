import { App, Chart, Duration } from 'cdk8s';
import { Mesh } from './mesh';
import {
  AppProtocol, CanaryService, ConnectionRule, Destination, HeaderOperations, MeshGateway, MeshNamespace, RequestMatch, ResilientBackend,
  RouteRule, StainedRoute, Staining,
} from '../../src';

/* What the constructs say beyond the examples: several ports, server names, settings of default rules and gateways, and the cures against closed connections. */

/** A chart with a namespace of its own; `bare`: its pods have no sidecar. */
function chartOf(app: App, name: string, bare = false): Chart {
  const chart = new Chart(app, name, { namespace: name });
  if (!bare) new MeshNamespace(chart, 'namespace');
  return chart;
}

function manifests(): object[] {
  const app = new App();
  const shop = chartOf(app, 'shop');
  const cart = new CanaryService(shop, 'cart', {
    port: 80, portName: 'http', template: { image: 'cart' }, baseline: { version: 'v1' }, additionalPorts: [{ name: 'http-admin', port: 90, targetPort: 9090 }],
  });
  cart.addVersion('v2');
  cart.sendTo('v2', [RequestMatch.port(90).and(RequestMatch.pathPrefix('/beta'))]);
  cart.host.configureDefault({ headers: HeaderOperations.of({ response: { set: { 'x-shop': 'yes' } } }) });
  const plain = new CanaryService(shop, 'plain', { port: 8080, template: { image: 'plain' }, baseline: { version: 'v1' } });
  new StainedRoute(shop, 'lanes').addLane('l1').serve(cart);

  new MeshGateway(shop, 'gateway', { hosts: ['shop.example.com'], staining: Staining.open() })
    .addRule(RouteRule.redirect({ uri: '/new' }, { match: [RequestMatch.pathPrefix('/old')] }))
    .addRule(RouteRule.to([Destination.of(cart, { version: 'v2', port: 90 })], { match: [RequestMatch.pathPrefix('/admin')], timeout: Duration.seconds(2) }))
    .route(plain, { match: [RequestMatch.pathPrefix('/plain/')], rewrite: { uri: '/' }, headers: HeaderOperations.of({ request: { set: { 'x-edge': '1' } } }) })
    .route(cart);

  const sealed = new CanaryService(shop, 'sealed', { port: 9000, appProtocol: AppProtocol.TLS, template: { image: 'sealed' }, baseline: { version: 'v1' } });
  sealed.addVersion('v2');
  sealed.host.addConnectionRule(ConnectionRule.to([Destination.of(sealed, { version: 'v2' })], { sourceLabels: { app: 'tester' } }));

  for (const name of ['closing', 'bare']) {
    const chart = chartOf(app, name, name === 'bare');
    const server = new CanaryService(chart, 'server', { port: 80, template: { image: 'a' }, baseline: { version: 'v1' } });
    ResilientBackend.forClosingServer(chart, 'cure', { host: server, serverKeepAlive: Duration.seconds(5), timeout: Duration.seconds(3) });
  }
  return app.charts.flatMap((chart) => chart.toJson());
}

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(manifests()); }, 900_000);
afterAll(() => mesh?.stop());

const from = { namespace: 'shop' };
const gateway = { gateway: { istio: 'ingressgateway' } };
const lane = { 'project-version': 'l1' };

test('what is emitted is valid, and the analyzers find no error', async () => {
  expect((await Mesh.validate(manifests())).objects.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  const errors = (await Mesh.analyze(manifests())).messages.filter(({ level }) => level === 'Error');
  // The names of a TLS host are told apart letter by letter by the webhook and by Envoy, but the analyzer takes the short one and the
  // full one of one VirtualService for a conflict between two.
  expect(errors.map(({ code, origin }) => [code, origin])).toEqual([['IST0109', 'VirtualService shop/sealed']]);
});

describe('a service with several ports', () => {
  test.each([80, 90])('is pinned at port %i, lanes served there, the default\'s settings kept', async (port) => {
    const baseline = await mesh.send({ from, host: 'cart', port, repeat: 20 });
    expect(baseline.distribution).toEqual({ 'cart-v1': 20 });
    expect(baseline.responses[0].headers['x-shop']).toBe('yes');
    expect((await mesh.send({ from, host: 'cart', port, headers: lane, repeat: 20 })).distribution).toEqual({ 'cart-l1': 20 });
  });

  test('has a rule for one port there alone', async () => {
    expect((await mesh.send({ from, host: 'cart', port: 90, path: '/beta', repeat: 10 })).distribution).toEqual({ 'cart-v2': 10 });
    expect((await mesh.send({ from, host: 'cart', port: 80, path: '/beta', repeat: 10 })).distribution).toEqual({ 'cart-v1': 10 });
  });
});

describe('a gateway with rules and settings of its own', () => {
  const ask = (path: string, headers = {}) => mesh.sendOne({ from: gateway, host: 'shop.example.com', port: 80, path, headers });

  test('redirects, reaches another port, and lanes there', async () => {
    expect(await ask('/old')).toMatchObject({ status: 301 });
    expect((await ask('/admin')).workload).toBe('cart-v2');
    expect((await ask('/admin', lane)).workload).toBe('cart-l1');
    expect((await ask('/')).workload).toBe('cart-v1');
    expect((await ask('/', lane)).workload).toBe('cart-l1');
  });

  test('rewrites the path and changes headers before the service sees them', async () => {
    const { workload, hops } = await ask('/plain/things');
    expect(workload).toBe('plain-v1');
    expect(hops[0].hits[0]).toMatchObject({ path: '/things', headers: { 'x-edge': '1' } });
  });
});

test('TLS connections are routed by who makes them', async () => {
  const connect = (labels?: Record<string, string>) => mesh.send({ from: { ...from, labels }, host: 'sealed.shop.svc.cluster.local', port: 9000, tls: true, headers: { connection: 'close' }, repeat: 10 });
  const to = (version: string) => mesh.total('upstream_cx_total', { cluster: `|9000|${version}|sealed.` });
  await connect();
  expect([await to('v1') >= 10, await to('v2')]).toEqual([true, 0]);
  await connect({ app: 'tester' });
  expect(await to('v2')).toBeGreaterThanOrEqual(10);
});

describe('the preset against connections that the server closes', () => {
  test.each(['closing', 'bare'])('tries again where one is reset, behind a sidecar or not (%s)', async (namespace) => {
    const outcome = await mesh.send({ from: { ...from }, host: `server.${namespace}.svc.cluster.local`, backends: { 'server-v1': { failFirstN: 1, reset: true } } });
    expect(outcome.responses[0]).toMatchObject({ status: 200, attempts: 2 });
  });
});
