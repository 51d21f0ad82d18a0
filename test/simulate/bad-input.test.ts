import * as fc from 'fast-check';
import { SHOP } from './scenes';
import { InvalidInput } from '../../src/errors';
import { ManifestSyntaxError, parseManifests } from '../../src/manifests';
import { MeshModel, SimulatedRequest } from '../../src/simulate';
import { authorizationPolicy, app, destinationRule, gateway, peerAuthentication, serviceEntry, sidecar, subset, to, virtualService } from '../mesh/claims/support';
import { changedAt, Place, placesOf } from '../support/places';

const cart = [...app('shop/cart', ['v1']), destinationRule('shop/cart', { host: 'cart', subsets: [subset('v1')] })];
const send = (manifests: object[], request: Partial<SimulatedRequest> = {}) => MeshModel.of(manifests).send({ from: SHOP, host: 'cart', ...request });
const rule = (...http: any[]) => virtualService('shop/cart', { hosts: ['cart'], http });
const ROUTE = { route: [to('cart')] };

describe('requests that are none are refused by name', () => {
  test.each<[string, any, RegExp]>([
    ['no host', { host: undefined }, /'host' must name the host that the request goes to, got undefined; for example cart\.shop/],
    ['an empty host', { host: ' ' }, /'host' must name the host/],
    ['a host with a path', { host: 'cart/x' }, /'host' must name the host .* got "cart\/x"/],
    ['no sender', { from: undefined }, /'from' must say who sends/],
    ['a port that cannot be', { port: 70000 }, /'port' .*, got 70000/],
    ['a path without slash', { path: 'x' }, /'path' must begin with a slash/],
    ['a header name with a blank', { headers: { 'a b': 'x' } }, /'headers' .*, got "a b"/],
    ['a workload that is not there', { from: { namespace: 'shop', workload: 'cart' } }, /'from' must name a workload of the manifests, got "shop\/cart" \(namespace shop has: cart-v1\)/],
  ])('%s', (_, request, message) => {
    expect(() => send(cart, request)).toThrow(InvalidInput);
    expect(() => send(cart, request)).toThrow(message);
  });
});

describe('manifests that Istio would refuse are refused by object and property', () => {
  test.each<[string, any, RegExp]>([
    ['a regular expression that is none', rule({ match: [{ uri: { regex: '(' } }], ...ROUTE }), /VirtualService shop\/cart: 'uri\.regex' of http\[0\] .*, got "\("/],
    ['one with what RE2 has not', rule({ match: [{ headers: { a: { regex: '(?=x)' } } }], ...ROUTE }), /'headers\.a\.regex' of http\[0\]/],
    ['one of 1 MB', rule({ match: [{ uri: { regex: 'a'.repeat(2 ** 20) } }], ...ROUTE }), /'uri\.regex' of http\[0\] .*1024 .*, got "a{1,120}\.\.\./],
    ['a value that YAML made a number of', rule({ match: [{ headers: { a: { exact: 1 } } }], ...ROUTE }), /'headers\.a\.exact' of http\[0\] must be a text \(quote what YAML would read as something else\), got 1/],
    ['a match that is a text', rule({ match: ['x'], ...ROUTE }), /'match' of http\[0\] must be a list of objects/],
    ['headers that are a list', rule({ match: [{ headers: [{}] }], ...ROUTE }), /'headers' of http\[0\] must be an object/],
    ['a rule that is none', rule(null), /'http' of http\[0\] must be a list of rules, got null/],
    ['a rule without destination', rule({ route: [] }), /'route' must name a destination/],
    ['destinations without weight', rule({ route: [to('cart', 'v1', 0), to('cart', 'v1', 0)] }), /'route' must have a weight above 0/],
    ['a percentage above 100', rule({ fault: { abort: { httpStatus: 500, percentage: { value: 101 } } }, ...ROUTE }), /'fault\.abort\.percentage\.value' must be 0, or from 0\.0001 to 100 \(per cent; Envoy counts in millionths\), got 101/],
    ['a host that is in no list', virtualService('shop/cart', { hosts: 'cart', http: [] }), /VirtualService shop\/cart: 'spec\.hosts' must be a list, got "cart"; its items stand behind dashes/],
    ['rules that are in no list', virtualService('shop/cart', { hosts: ['cart'], http: { route: 'x' } }), /'spec\.http' must be a list, got an object/],
    ['destinations that are in no list', rule(ROUTE, { route: to('cart') }), /'spec\.http\[1\]\.route' must be a list, got an object/],
    ['a match that is in no list', rule({ match: { uri: { exact: '/' } }, ...ROUTE }), /'spec\.http\[0\]\.match' must be a list, got an object/],
    ['subsets that are in no list', destinationRule('shop/other', { host: 'other', subsets: subset('v1') }), /DestinationRule shop\/other: 'spec\.subsets' must be a list/],
    ['ports that are a number', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x', namespace: 'shop' }, spec: { ports: 80 } }, /Service shop\/x: 'spec\.ports' must be a list, got 80/],
    ['an object without a name', { apiVersion: 'v1', kind: 'Service', metadata: {} }, /'metadata\.name' of a Service must be a text, got undefined/],
    ['an object that is there twice', cart[0], /^Service shop\/cart is there already; a cluster has one object of a name/],
    ['a manifest that is none', null, /a manifest must be an object, got null/],
    ['a redirect with a status that Envoy has not', rule({ redirect: { uri: '/', redirectCode: 399 } }), /'redirect\.redirectCode' must be 301, .* got 399/],
  ])('%s', (_, manifest, message) => {
    expect(() => send([...cart, manifest])).toThrow(InvalidInput);
    expect(() => send([...cart, manifest])).toThrow(message);
  });

  test('a list that is null is one that is not there', () => {
    expect(send([...cart, rule({ match: null, ...ROUTE }), virtualService('shop/x', { hosts: ['x'], gateways: null, tls: null })]).branches).toHaveLength(1);
  });

  test('pods that are not ready are those of workloads that are there', () => {
    expect(() => MeshModel.of(cart, { unready: ['shop/none'] })).toThrow(/'unready' must name workloads of the manifests, as namespace\/name, got "shop\/none" \(namespace shop has: cart-v1\)/);
    expect(() => MeshModel.of(cart, { unready: ['cart-v1'] })).toThrow(InvalidInput);
    expect(MeshModel.of(cart, { unready: ['shop/cart-v1'] }).send({ from: SHOP, host: 'cart' }).branches).toHaveLength(1);
  });

  test.each<[string, object[], RegExp]>([
    ['that delegates to itself', [rule({ delegate: { name: 'a' } }), virtualService('shop/a', { http: [{ delegate: { name: 'a' } }] })], /VirtualService shop\/a: 'delegate' of http\[0\] must not stand in a VirtualService that VirtualService shop\/cart delegates to/],
    ['of a circle', [rule({ delegate: { name: 'a' } }), virtualService('shop/a', { http: [{ delegate: { name: 'b' } }] }), virtualService('shop/b', { http: [{ delegate: { name: 'a' } }] })], /'delegate' of http\[0\] must not stand .*got "shop\/b"/],
  ])('a delegate %s', (_, manifests, message) => {
    expect(() => send([...cart, ...manifests])).toThrow(message);
  });

  test('the message says where the object was read, where that is known', () => {
    const broken = rule({ match: [{ uri: { regex: '(' } }], ...ROUTE });
    expect(() => MeshModel.of([...cart, broken], { where: (manifest) => (manifest === broken ? 'shop.yaml:7' : undefined) })).toThrow(/^shop\.yaml:7: VirtualService shop\/cart: /);
  });
});

describe('text that is no manifest is refused by file and line', () => {
  test.each<[string, string, RegExp]>([
    ['broken YAML', 'apiVersion: v1\nkind: Service\nmetadata: {\n', /^x\.yaml:[34]: /],
    ['broken YAML in a later document', 'apiVersion: v1\nkind: Service\n---\n\nkind: [\n', /^x\.yaml:[56]: /],
    ['a document that is a list', 'apiVersion: v1\nkind: Service\n---\n- a\n', /^x\.yaml:4: a manifest must be an object, got a list/],
    ['a document that is a text', 'just text\n', /^x\.yaml:1: a manifest must be an object, got "just text"/],
    ['an object without kind', 'apiVersion: v1\n', /^x\.yaml:1: a manifest must say its 'kind'/],
    ['an alias for too much', `apiVersion: v1\nkind: ConfigMap\na: &a [1,1,1,1,1,1,1,1,1,1]\n${[...'bcdefgh'].map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[index]}`).join(',')}]`).join('\n')}\n`, /^x\.yaml:1: its aliases stand for more than/],
  ])('%s', (_, text, message) => {
    expect(() => parseManifests(text, 'x.yaml')).toThrow(ManifestSyntaxError);
    expect(() => parseManifests(text, 'x.yaml')).toThrow(message);
  });

  test('kinds that the simulator does not know are ignored', () => {
    expect(send([...cart, { apiVersion: 'example.com/v1', kind: 'Whatever', metadata: { name: 'x' } }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }]).branches).toHaveLength(1);
  });
});

test('whatever a field holds, the answer is an outcome or names what is wrong: never another error', () => {
  const manifests: any[] = [
    ...cart, ...app('shop/other'),
    virtualService('shop/cart', {
      hosts: ['cart', 'shop.example.com'],
      gateways: ['mesh', 'edge'],
      exportTo: ['*'],
      http: [
        { name: 'a', match: [{ uri: { prefix: '/a' }, headers: { x: { exact: 'y' } }, withoutHeaders: { z: {} }, queryParams: { q: { exact: '1' } }, sourceLabels: { app: 'x' }, gateways: ['mesh'], port: 80 }], route: [to('cart', 'v1', 1), to('other', undefined, 2)], headers: { request: { set: { a: 'b' }, remove: ['c'] } }, rewrite: { uri: '/b' }, timeout: '1s', retries: { attempts: 2, retryOn: '5xx' }, fault: { delay: { fixedDelay: '1s', percentage: { value: 1 } }, abort: { httpStatus: 500, percentage: { value: 1 } } }, mirrors: [{ destination: { host: 'other' }, percentage: { value: 3 } }], corsPolicy: { allowOrigins: [{ exact: '*' }] } },
        { match: [{ uri: { exact: '/r' } }], redirect: { uri: '/x', redirectCode: 302 } },
        { match: [{ uri: { exact: '/d' } }], delegate: { name: 'part' } },
        { route: [to('cart', 'v1')], mirror: { host: 'other' } },
      ],
    }),
    virtualService('shop/part', { http: [{ match: [{ headers: { p: { exact: '1' } } }], route: [to('other')] }] }),
    destinationRule('shop/other', { host: 'other', trafficPolicy: { tls: { mode: 'DISABLE' }, portLevelSettings: [{ port: { number: 80 } }] } }),
    gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
    serviceEntry('shop/out', { hosts: ['out.example'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'STATIC', endpoints: [{ address: '1.2.3.4' }] }),
    sidecar('shop/side', { workloadSelector: { labels: { app: 'x' } }, egress: [{ hosts: ['*/*'], port: { number: 80, protocol: 'HTTP', name: 'x' } }] }),
    authorizationPolicy('shop/allow', { selector: { matchLabels: { app: 'cart' } }, rules: [{ from: [{ source: { namespaces: ['shop'] } }], to: [{ operation: { paths: ['/*'] } }], when: [{ key: 'request.headers[x]', values: ['y'] }] }] }),
    peerAuthentication('shop/peer', { mtls: { mode: 'PERMISSIVE' }, portLevelMtls: { 80: { mode: 'STRICT' } } }),
    { apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter', metadata: { name: 'f', namespace: 'shop' }, spec: { configPatches: [{ match: { context: 'ANY' } }] } },
    { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'r', namespace: 'shop' }, spec: { parentRefs: [{ kind: 'Service', name: 'cart' }] } },
  ];
  const places = manifests.flatMap((manifest, index) => placesOf(manifest)
    .filter(([field]) => field !== 'apiVersion' && field !== 'kind').map((path): [number, ...Place] => [index, ...path]));
  const odd = [null, undefined, 0, -1, 1e9, true, '', 'x', '*', '/', [], [null], [1], {}, { x: null }, [[]], ['x'], [{}]];
  const requests: SimulatedRequest[] = [
    { from: SHOP, host: 'cart', path: '/a?q=1', headers: { x: 'y' } }, { from: SHOP, host: 'cart' }, { from: SHOP, host: 'out.example' }, { from: { namespace: 'shop', labels: { app: 'x' } }, host: 'cart', path: '/d' },
    { from: { gateway: { istio: 'ingressgateway' } }, host: 'shop.example.com', path: '/r' }, { from: { gateway: { istio: 'ingressgateway' } }, host: 'shop.example.com', tls: true, port: 443 },
  ];
  fc.assert(fc.property(fc.constantFrom(...places), fc.constantFrom(...odd), fc.constantFrom(...requests), ([index, ...path], value, request) => {
    const changed = manifests.map((manifest, at) => (at === index ? changedAt(manifest, path, (holder, key) => { holder[key] = value; }) : manifest));
    try {
      const { branches } = MeshModel.of(changed).send(request);
      expect(branches.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
    }
  }), { seed: 6, numRuns: 2500 });
}, 120_000);
