import { OUTSIDE, SHOP } from './scenes';
import { MeshModel, SimulatedRequest } from '../../src/simulate';
import { app, authorizationPolicy, envoyFilter, gateway, namespace, service, to, virtualService } from '../mesh/claims/support';

const cart = app('shop/cart');
const edge = gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] });
const filter = (id: string, context: string | undefined, labels?: object) => envoyFilter(id, {
  ...(labels ? { workloadSelector: { labels } } : {}), configPatches: [{ applyTo: 'HTTP_FILTER', match: { context } }],
});

function codes(manifests: object[], request: Partial<SimulatedRequest> = {}): string[] {
  return MeshModel.of(manifests).send({ from: SHOP, host: 'cart', ...request }).caveats.map(({ code }) => code);
}

test('what is modelled is said without reservation', () => {
  expect(codes([...cart, virtualService('shop/cart', { hosts: ['cart'], http: [{ route: [to('cart')] }] })])).toEqual([]);
});

describe('EnvoyFilters', () => {
  test.each<[string, object, boolean]>([
    ['on the way out of the sender', filter('shop/f', 'SIDECAR_OUTBOUND'), true],
    ['on the way in at the destination', filter('shop/f', 'SIDECAR_INBOUND', { app: 'cart' }), true],
    ['anywhere', filter('shop/f', 'ANY'), true],
    ['without a context', filter('shop/f', undefined), true],
    ['of the root namespace', filter('istio-system/f', 'SIDECAR_OUTBOUND'), true],
    ['of other pods', filter('shop/f', 'SIDECAR_INBOUND', { app: 'other' }), false],
    ['of another namespace', filter('other/f', 'SIDECAR_OUTBOUND'), false],
    ['of gateways', filter('shop/f', 'GATEWAY'), false],
  ])('%s', (_, manifest, matters) => {
    expect(codes([...cart, manifest])).toEqual(matters ? ['EnvoyFilter'] : []);
  });

  test('at a gateway', () => {
    const manifests = [...cart, edge, virtualService('shop/cart', { hosts: ['*'], gateways: ['edge'], http: [{ route: [to('cart')] }] })];
    expect(codes([...manifests, filter('istio-system/f', 'GATEWAY', { istio: 'ingressgateway' })], { from: OUTSIDE, host: 'shop.example.com' })).toEqual(['EnvoyFilter']);
  });
});

test.each<[string, object, string[]]>([
  ['Wasm', { apiVersion: 'extensions.istio.io/v1alpha1', kind: 'WasmPlugin', metadata: { name: 'w', namespace: 'shop' }, spec: { url: 'oci://x' } }, ['WasmPlugin']],
  ['routes of the Gateway API for the host', { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'r', namespace: 'shop' }, spec: { parentRefs: [{ kind: 'Service', group: '', name: 'cart' }] } }, ['GatewayApi']],
  ['routes of the Gateway API for another host', { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'r', namespace: 'shop' }, spec: { parentRefs: [{ kind: 'Service', name: 'other' }] } }, []],
  ['ambient mode', { ...namespace('shop'), metadata: { name: 'shop', labels: { 'istio.io/dataplane-mode': 'ambient', 'istio-injection': 'enabled' } } }, ['Ambient']],
  ['policies that ask somebody else', authorizationPolicy('shop/p', { action: 'CUSTOM', provider: { name: 'x' }, rules: [{}] }), ['AuthorizationPolicy']],
  ['policies that look at addresses', authorizationPolicy('shop/p', { action: 'DENY', rules: [{ from: [{ source: { ipBlocks: ['10.0.0.0/8'] } }] }] }), ['AuthorizationPolicy']],
  ['header values that Envoy fills in', virtualService('shop/cart', { hosts: ['cart'], http: [{ route: [to('cart')], headers: { request: { set: { x: '%START_TIME%' } } } }] }), ['HeaderVariable']],
  ['claims of tokens', virtualService('shop/cart', { hosts: ['cart'], http: [{ match: [{ headers: { '@request.auth.claims.sub': { exact: 'x' } } }], route: [to('cart')] }, { route: [to('cart')] }] }), ['JwtClaims']],
])('what is not modelled is said where it could matter: %s', (_, manifest, expected) => {
  expect(codes([...cart, manifest])).toEqual(expected);
});

test('ports that are routed by connection', () => {
  expect(codes([...app('shop/base', [], [{ name: 'tcp', port: 5432, targetPort: 5432 }])], { host: 'base', port: 5432 })).toEqual(['Tcp']);
});

test('headless Services', () => {
  expect(codes([service('shop/cart', { clusterIP: 'None', selector: { app: 'cart' }, ports: [{ name: 'http', port: 80 }] }), ...cart.slice(1)])).toEqual(['OriginalDestination']);
});

test('a dry run denies nothing', () => {
  const policy = authorizationPolicy('shop/p', { action: 'DENY', rules: [{}] }, { annotations: { 'istio.io/dry-run': 'true' } });
  const { branches } = MeshModel.of([...cart, policy]).send({ from: SHOP, host: 'cart' });
  expect(branches.map(({ ending }) => ending)).toEqual(['served']);
});

test('a request with a token where tokens are checked may be refused', () => {
  const authentication = { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata: { name: 'jwt', namespace: 'shop' }, spec: { selector: { matchLabels: { app: 'cart' } }, jwtRules: [{ issuer: 'x' }] } };
  expect(codes([...cart, authentication], { headers: { authorization: 'Bearer x' } })).toEqual(['RequestAuthentication']);
  expect(codes([...cart, authentication])).toEqual([]);
});

test('Ingresses of Istio and inbound listeners of Sidecars are said not to be modelled', () => {
  const ingress = (className: string) => ({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'i', namespace: 'shop' }, spec: { ingressClassName: className } });
  const manifests = [...cart, edge, virtualService('shop/cart', { hosts: ['*'], gateways: ['edge'], http: [{ route: [to('cart')] }] })];
  const outside = { from: OUTSIDE, host: 'shop.example.com' };
  expect(codes([...manifests, ingress('istio')], outside)).toEqual(['Ingress']);
  expect(codes([...manifests, ingress('nginx')], outside)).toEqual([]);
  const sidecar = (labels: object) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 's', namespace: 'shop' },
    spec: { workloadSelector: { labels }, ingress: [{ port: { number: 80, protocol: 'HTTP', name: 'http' }, defaultEndpoint: '127.0.0.1:8080' }], egress: [{ hosts: ['*/*'] }] },
  });
  expect(codes([...cart, sidecar({ app: 'cart' })])).toEqual(['SidecarIngress']);
  expect(codes([...cart, sidecar({ app: 'other' })])).toEqual([]);
});

test('machines that a WorkloadEntry describes answer beside pods', () => {
  const machine = { apiVersion: 'networking.istio.io/v1', kind: 'WorkloadEntry', metadata: { name: 'vm', namespace: 'shop' }, spec: { address: '10.9.9.9', labels: { app: 'cart' } } };
  const served = MeshModel.of([...cart, machine]).send({ from: SHOP, host: 'cart' }).branches.flatMap(({ workloads }) => workloads.map(({ workload }) => workload));
  expect(served).toContain('10.9.9.9');
  expect(served.length).toBeGreaterThan(1);
});

test('tokens in headers that a RequestAuthentication names count as tokens', () => {
  const authentication = { apiVersion: 'security.istio.io/v1', kind: 'RequestAuthentication', metadata: { name: 'jwt', namespace: 'shop' }, spec: { jwtRules: [{ issuer: 'x', fromHeaders: [{ name: 'x-jwt' }] }] } };
  const policy = authorizationPolicy('shop/p', { rules: [{ from: [{ source: { requestPrincipals: ['*'] } }] }] });
  const endOf = (...headers: string[]) => MeshModel.of([...cart, authentication, policy])
    .send({ from: SHOP, host: 'cart', headers: Object.fromEntries(headers.map((name) => [name, 'abc'])) }).branches[0].ending;
  expect(endOf('x-jwt')).toBe('served');
  expect(endOf()).toBe('failed');
  expect(endOf('authorization')).toBe('failed');
});

test('the account of gateway pods that no manifest describes is not known', () => {
  const manifests = [...cart, edge, virtualService('shop/cart', { hosts: ['*'], gateways: ['edge'], http: [{ route: [to('cart')] }] })];
  const verdict = (principal: string) => {
    const policy = authorizationPolicy('shop/p', { selector: { matchLabels: { app: 'cart' } }, rules: [{ from: [{ source: { principals: [principal] } }] }] });
    const { branches, caveats } = MeshModel.of([...manifests, policy]).send({ from: OUTSIDE, host: 'shop.example.com' });
    return [branches[0].ending, ...caveats.map(({ code }) => code)];
  };
  expect(verdict('cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account')).toEqual(['served', 'AuthorizationPolicy']);
  expect(verdict('cluster.local/ns/istio-system/*')).toEqual(['served']);
  expect(verdict('cluster.local/ns/other/sa/x')).toEqual(['failed']);
});

test('a client in a namespace without sidecars has none, unless it says so', () => {
  const routed = [...app('shop/cart', ['v1', 'v2']), virtualService('shop/cart', { hosts: ['cart'], http: [{ directResponse: { status: 418 } }] })];
  const statusOf = (injects: boolean, sidecar?: boolean) => MeshModel.of([...routed, namespace('shop', injects)])
    .send({ from: { namespace: 'shop', sidecar }, host: 'cart' }).branches[0].status;
  expect(statusOf(true)).toBe(418);
  expect(statusOf(false)).toBeUndefined();
  expect(statusOf(false, true)).toBe(418);
});
