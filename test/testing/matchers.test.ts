import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { App, Chart, Testing } from 'cdk8s';
import { stringify } from 'yaml';
import { InvalidInput } from '../../src/errors';
import { CanaryService, MeshGateway, StainedRoute, Staining } from 'cdk8s-lanes';
import { SimulatedMesh } from 'cdk8s-lanes/testing';

/** A shop with a lane for prices, made by the constructs. */
function shop(app: App = Testing.app()): Chart {
  const chart = new Chart(app, 'shop', { namespace: 'shop' });
  const service = (name: string) => new CanaryService(chart, name, { port: 8080, baseline: { version: 'main', image: `registry.example.com/${name}:1` } });
  const [cart, prices] = [service('cart'), service('prices')];
  cart.calls(prices);
  new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining: Staining.open() }).route(cart);
  new StainedRoute(chart, 'lanes', { header: 'project-version' }).addLane('sale').serve(prices, { image: 'registry.example.com/prices:2' });
  return chart;
}

const BY_HAND = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart]
  http:
    - match: [{uri: {prefix: /split}}]
      route: [{destination: {host: cart, subset: v1}, weight: 90}, {destination: {host: cart, subset: v2}, weight: 10}]
      mirror: {host: cart, subset: v2}
    - match: [{uri: {prefix: /old}}]
      redirect: {uri: /new}
    - match: [{uri: {prefix: /gone}}]
      route: [{destination: {host: cart, subset: v3}}]
    - match: [{uri: {prefix: /partly}}]
      route: [{destination: {host: cart, subset: v1}, weight: 50}, {destination: {host: cart, subset: v3}, weight: 50}]
    - match: [{uri: {prefix: /one}}]
      route: [{destination: {host: cart, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec: {host: cart, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v1, namespace: shop}
spec: {template: {metadata: {labels: {app: cart, version: v1}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-v2, namespace: shop}
spec: {template: {metadata: {labels: {app: cart, version: v2}}}}
`;

describe('matchers', () => {
  const mesh = SimulatedMesh.of(BY_HAND);
  const send = (path: string) => mesh.send({ host: 'cart', path });
  type Check = (expected: jest.JestMatchers<any>) => void;

  test.each<[string, string, Check]>([
    ['toServe by version', '/one', (it) => it.toServe({ version: 'v1' })],
    ['toServe by service, workload and namespace', '/one', (it) => it.toServe({ service: 'cart', workload: 'cart-v1', namespace: 'shop' })],
    ['toServe by host', '/one', (it) => it.toServe({ service: 'cart.shop.svc.cluster.local' })],
    ['toServe where any version may', '/split', (it) => it.toServe({ service: 'cart' })],
    ['toSplit by version', '/split', (it) => it.toSplit({ v1: 90, v2: 10 })],
    ['toSplit by proportion', '/split', (it) => it.toSplit({ v1: 9, v2: 1, v3: 0 })],
    ['toSplit by Deployment', '/split', (it) => it.toSplit({ 'cart-v1': 90, 'cart-v2': 10 })],
    ['toSplit with failures', '/partly', (it) => it.toSplit({ 'v1': 1, '503 NC': 1 })],
    ['toFailWith a status', '/gone', (it) => it.toFailWith(503)],
    ['toFailWith a flag', '/none', (it) => it.toFailWith(404, 'NR')],
    ['toRedirectTo', '/old', (it) => it.toRedirectTo('http://cart/new')],
    ['toMirrorTo', '/split', (it) => it.toMirrorTo({ service: 'cart', version: 'v2' })],
    ['toTakePath', '/one', (it) => it.toTakePath('cart-v1')],
  ])('%s passes for what is so, and fails for its opposite', (_, path, check) => {
    check(expect(send(path)));
    expect(() => check(expect(send(path)).not as any)).toThrow(/^Expected the request not to /);
  });

  test.each<[string, string, Check]>([
    ['another version', '/one', (it) => it.toServe({ version: 'v2' })],
    ['another service', '/one', (it) => it.toServe({ service: 'car' })],
    ['one of two versions', '/split', (it) => it.toServe({ version: 'v1' })],
    ['one that does not answer', '/gone', (it) => it.toServe({ service: 'cart' })],
    ['other weights', '/split', (it) => it.toSplit({ v1: 50, v2: 50 })],
    ['too few', '/split', (it) => it.toSplit({ v1: 90 })],
    ['another status', '/gone', (it) => it.toFailWith(404)],
    ['another flag', '/gone', (it) => it.toFailWith(503, 'UH')],
    ['failure of a part', '/partly', (it) => it.toFailWith(503)],
    ['failure of what is served', '/one', (it) => it.toFailWith(503)],
    ['another location', '/old', (it) => it.toRedirectTo('http://cart/old')],
    ['no redirect', '/one', (it) => it.toRedirectTo('http://cart/new')],
    ['no mirror', '/one', (it) => it.toMirrorTo({ version: 'v2' })],
    ['another mirror', '/split', (it) => it.toMirrorTo({ version: 'v1' })],
    ['one of two paths', '/split', (it) => it.toTakePath('cart-v1')],
  ])('what is not so fails: %s', (_, path, check) => {
    expect(() => check(expect(send(path)))).toThrow(/^Expected the request to /);
    check(expect(send(path)).not as any);
  });

  test('the message says what was expected and prints the trace', () => {
    expect(() => expect(send('/gone')).toServe({ service: 'cart', version: 'v1' })).toThrow(`Expected the request to be served by cart version v1. What becomes of it:

  a pod in namespace shop sends GET cart/gone
    by VirtualService shop/cart, http[2]
    -> fails, 503 NC: DestinationRule shop/cart defines no subset v3 of cart.shop.svc.cluster.local (it has v1, v2)
`);
  });

  test.each(['toServe', 'toSplit', 'toFailWith', 'toTakePath'] as const)('%s says so when it is given something else than a sent request', (matcher) => {
    expect(() => (expect({ status: 200 }) as any)[matcher]({})).toThrow(/what SimulatedMesh\.send returns/);
  });
});

describe('a SimulatedMesh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-testing-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'shop.yaml');
  writeFileSync(file, Testing.synth(shop()).map((each) => stringify(each)).join('---\n'));
  const app = Testing.app();
  shop(app);

  test.each<[string, () => SimulatedMesh]>([
    ['a chart', () => SimulatedMesh.of(shop())],
    ['an app', () => SimulatedMesh.of(app)],
    ['objects', () => SimulatedMesh.of(Testing.synth(shop()))],
    ['text', () => SimulatedMesh.of(Testing.synth(shop()).map((each) => stringify(each)).join('---\n'))],
    ['files', () => SimulatedMesh.fromFiles([file])],
  ])('is made of %s', (_, make) => {
    const mesh = make();
    expect(mesh.send({ host: 'shop.example.com', lane: 'sale' })).toTakePath('cart-main -> prices-sale');
    expect(mesh.send({ host: 'prices' })).toServe({ service: 'prices', version: 'main' });
  });

  test('who sends and which port goes without saying: a pod beside the service, a client of the gateway', () => {
    const mesh = SimulatedMesh.of(shop());
    expect(mesh.send({ host: 'cart' }).outcome).toMatchObject({ sender: 'a pod in namespace shop', port: 8080 });
    expect(mesh.send({ host: 'shop.example.com' }).outcome).toMatchObject({ sender: 'a client of gateway istio=ingressgateway', port: 80 });
    expect(mesh.send({ host: 'cart', from: { namespace: 'shop', workload: 'prices-main' } }).outcome.sender).toBe('shop/prices-main');
  });

  test('a host that nobody has needs a sender, and a message says so', () => {
    expect(() => SimulatedMesh.of(BY_HAND).send({ host: 'nowhere' })).toThrow(/'from' must say who sends, as nothing in the mesh has the host "nowhere"/);
  });

  test.each<[string, any, RegExp]>([
    ['no host', {}, /'host' must name the host .*, got undefined/],
    ['a host that is none', { host: 7, lane: 'sale' }, /'host' must name the host .*, got 7/],
    ['a sender that is a text', { host: 'cart', from: 'shop' }, /'from' must say who sends, got "shop"; for example \{ namespace: 'shop' \}/],
    ['a gateway without labels', { host: 'cart', from: { gateway: null } }, /'from\.gateway' must be labels of the gateway pods, got null/],
    ['headers that are none', { host: 'cart', headers: null }, /'headers' must be an object of names and values, got null/],
    ['headers that are none, and a lane', { host: 'cart', headers: 'x: y', lane: 'sale' }, /'headers' must be an object of names and values, got "x: y"/],
  ])('a request with %s is refused by name', (_, request, message) => {
    expect(() => SimulatedMesh.of(BY_HAND).send(request)).toThrow(InvalidInput);
    expect(() => SimulatedMesh.of(BY_HAND).send(request)).toThrow(message);
  });

  test('calls and headers that are passed on may be said beside the manifests', () => {
    const mesh = SimulatedMesh.of(BY_HAND, { calls: { 'cart-v1': ['cart/old'] } });
    expect(mesh.send({ host: 'cart', path: '/one' })).toTakePath('cart-v1 -> !301');
  });

  test('options of the model hold: pods that are not ready', () => {
    expect(SimulatedMesh.of(BY_HAND, { unready: ['shop/cart-v1'] }).send({ host: 'cart', path: '/one' })).toFailWith(503, 'UH');
  });

  test('broken text is refused with its line', () => {
    expect(() => SimulatedMesh.of('kind: [\n')).toThrow(/^\(text\):2: /);
  });
});
