import { OUTSIDE, SHOP } from './scenes';
import { MeshModel, SimulatedRequest } from '../../src/simulate';
import { app, authorizationPolicy, deployment, envoyFilter, gateway, namespace, service, to, virtualService } from '../mesh/claims/support';

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

describe('settings of the mesh, where manifests hold them', () => {
  const settings = (mesh: string, name = 'istio', home = 'istio-system') => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: home }, data: { mesh } });
  const CLOSED = 'outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\n';
  const ending = (manifests: object[], options = {}) => MeshModel.of(manifests, options).send({ from: SHOP, host: 'example.org' }).branches[0].ending;

  test.each<[string, object[], object, string]>([
    ['unknown hosts are let out where nothing says otherwise', [settings('{}')], {}, 'outside'],
    ['unknown hosts are refused where the settings say so', [settings(CLOSED)], {}, 'failed'],
    ['a revision has settings of its own', [settings(CLOSED, 'istio-1-29')], {}, 'failed'],
    ['those of the default revision count first', [settings(CLOSED, 'istio-1-29'), settings('')], {}, 'outside'],
    ['a ConfigMap elsewhere is something else', [settings(CLOSED, 'istio', 'shop')], {}, 'outside'],
    ['what is said by hand counts before', [settings(CLOSED)], { registryOnly: false }, 'outside'],
  ])('%s', (_, manifests, options, expected) => {
    expect(ending([...cart, ...manifests], options)).toBe(expected);
  });

  test('settings that are no YAML are refused', () => {
    expect(() => MeshModel.of([settings('a: [')])).toThrow(/ConfigMap istio-system\/istio: 'data\.mesh' must be YAML/);
  });
});

describe('what passes a sidecar by', () => {
  const annotated = (annotations: object) => {
    const [svc, pods] = [cart[0], deployment('shop/cart', { app: 'cart' })] as any[];
    pods.spec.template.metadata.annotations = annotations;
    return [svc, pods];
  };
  test.each<[string, object, object | undefined, string[]]>([
    ['ports of the sender', { 'traffic.sidecar.istio.io/excludeOutboundPorts': '80' }, { namespace: 'shop', workload: 'cart' }, ['SidecarPassedBy']],
    ['the way out of those who answer is no matter', { 'traffic.sidecar.istio.io/excludeOutboundPorts': '80' }, undefined, []],
    ['ports of those who answer', { 'traffic.sidecar.istio.io/excludeInboundPorts': '80' }, undefined, ['SidecarPassedBy']],
    ['all ways in but some', { 'traffic.sidecar.istio.io/includeInboundPorts': '' }, undefined, ['SidecarPassedBy']],
    ['nothing', { 'traffic.sidecar.istio.io/excludeInboundPorts': '', 'traffic.sidecar.istio.io/includeInboundPorts': '*' }, undefined, []],
  ])('%s', (_, annotations, from, expected) => {
    expect(codes(annotated(annotations), from ? { from: from as any } : {})).toEqual(expected);
  });
});

describe('NetworkPolicies', () => {
  const policy = (spec: object, home = 'shop') => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'n', namespace: home }, spec });
  test.each<[string, object, string[]]>([
    ['that deny what comes in', policy({ podSelector: {} }), ['NetworkPolicy']],
    ['of those who answer', policy({ podSelector: { matchLabels: { app: 'cart' } }, ingress: [{ from: [{ podSelector: {} }] }] }), ['NetworkPolicy']],
    ['of others', policy({ podSelector: { matchLabels: { app: 'other' } } }), []],
    ['of another namespace', policy({ podSelector: {} }, 'other'), []],
    ['that let all in', policy({ podSelector: {}, ingress: [{}] }), []],
    ['about the way out, of the sender', policy({ podSelector: {}, policyTypes: ['Egress'] }), ['NetworkPolicy']],
  ])('%s', (_, manifest, expected) => {
    expect(codes([...cart, manifest])).toEqual(expected);
  });

  test('a host outside is not behind one for pods', () => {
    const denying = policy({ podSelector: {} });
    expect(MeshModel.of([denying]).send({ from: SHOP, host: 'example.org' }).caveats).toEqual([]);
  });
});

describe('pods of kinds other than Deployments', () => {
  const svc = cart[0];
  const template = { metadata: { labels: { app: 'cart' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } };
  const object = (apiVersion: string, kind: string, spec: object, name = 'cart') => ({ apiVersion, kind, metadata: { name, namespace: 'shop' }, spec });
  const answer = (manifests: object[]) => {
    const { branches: [{ ending, flag, workloads }], caveats } = MeshModel.of(manifests).send({ from: SHOP, host: 'cart' });
    return { ending, flag, served: workloads.map(({ workload, pods }) => `${workload} ${pods}`), caveats: caveats.map(({ code }) => code) };
  };

  test.each<[string, object[], string[]]>([
    ['a Rollout of Argo', [object('argoproj.io/v1alpha1', 'Rollout', { replicas: 2, template })], ['cart 2']],
    ['a Rollout with the template of a Deployment that is asleep', [
      object('argoproj.io/v1alpha1', 'Rollout', { replicas: 2, workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart-pods' } }),
      object('apps/v1', 'Deployment', { replicas: 0, template }, 'cart-pods'),
    ], ['cart 2']],
    ['a ReplicationController', [object('v1', 'ReplicationController', { template })], ['cart 1']],
    ['a CloneSet', [object('apps.kruise.io/v1alpha1', 'CloneSet', { template })], ['cart 1']],
    ['a Pod of something that has no pods we know', [
      object('example.com/v1', 'Whatever', {}),
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'cart-x', namespace: 'shop', labels: { app: 'cart' }, ownerReferences: [{ kind: 'Whatever', name: 'cart' }] }, spec: template.spec },
    ], ['cart-x 1']],
  ])('%s answers', (_, manifests, served) => {
    expect(answer([svc, ...manifests])).toEqual({ ending: 'served', flag: undefined, served, caveats: [] });
  });

  test('a Pod of a Rollout is one of the Rollout\'s', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'cart-x', namespace: 'shop', labels: { app: 'cart' }, ownerReferences: [{ kind: 'Rollout', name: 'cart' }] }, spec: template.spec };
    expect(answer([svc, object('argoproj.io/v1alpha1', 'Rollout', { template }), pod]).served).toEqual(['cart 1']);
  });

  test.each<[string, object]>([
    ['a kind that is not read', object('example.com/v1', 'Whatever', { template })],
    ['a Rollout whose template is nowhere', object('argoproj.io/v1alpha1', 'Rollout', { selector: { matchLabels: { app: 'cart' } }, workloadRef: { kind: 'Deployment', name: 'gone' } })],
  ])('%s may have pods, which is said', (_, manifest) => {
    expect(answer([svc, manifest])).toMatchObject({ ending: 'failed', caveats: ['PodsUnknown'] });
    expect(answer([...cart, manifest])).toMatchObject({ ending: 'served', caveats: ['PodsUnknown'] });
  });
});

describe('Services that select no pods', () => {
  const db = service('shop/db', { ports: [{ name: 'http', port: 80 }] });
  const endpoints = (name: string, ...ips: string[]) => ({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'db', namespace: 'shop' }, subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name, port: 8080 }] }] });
  const slice = (ready: boolean, ...addresses: string[]) => ({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'db-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'db' } }, endpoints: [{ addresses, conditions: { ready } }], ports: [{ name: 'http', port: 8080 }],
  });
  const answer = (...manifests: object[]) => {
    const { branches, caveats } = MeshModel.of([db, ...manifests]).send({ from: SHOP, host: 'db' });
    return { served: branches.flatMap(({ workloads }) => workloads.map(({ workload }) => workload)), caveats: caveats.map(({ code }) => code) };
  };

  test.each<[string, object[], string[]]>([
    ['Endpoints', [endpoints('http', '10.0.0.1', '10.0.0.2')], ['10.0.0.1', '10.0.0.2']],
    ['an EndpointSlice', [slice(true, '10.0.0.3')], ['10.0.0.3']],
    ['both, of which one is the copy', [endpoints('http', '10.0.0.1'), slice(true, '10.0.0.1')], ['10.0.0.1']],
  ])('have those of %s', (_, manifests, served) => {
    expect(answer(...manifests)).toEqual({ served, caveats: [] });
  });

  test.each<[string, object[]]>([['nothing', []], ['another port', [endpoints('grpc', '10.0.0.1')]], ['those that are not ready', [slice(false, '10.0.0.1')]]])('have none by %s, which is said', (_, manifests) => {
    expect(answer(...manifests)).toEqual({ served: [], caveats: ['EndpointsUnknown'] });
  });
});

describe('gateways of the Gateway API', () => {
  const api = (kind: string, name: string, spec: object) => ({ apiVersion: 'gateway.networking.k8s.io/v1', kind, metadata: { name, namespace: 'shop' }, spec });
  const route = api('HTTPRoute', 'r', { parentRefs: [{ name: 'front' }], hostnames: ['*.example.com'] });
  const front = (className: string, ...listeners: object[]) => api('Gateway', 'front', { gatewayClassName: className, listeners });
  const from = { gateway: { 'gateway.networking.k8s.io/gateway-name': 'front' } };

  test.each<[string, object[], string, string[]]>([
    ['a route for the host', [route], 'shop.example.com', ['GatewayApi']],
    ['a gateway of Istio\'s', [route, front('istio', { hostname: '*.example.com' })], 'shop.example.com', ['GatewayApi']],
    ['a gateway of somebody else\'s', [route, front('nginx')], 'shop.example.com', []],
    ['a route for another host', [route], 'shop.example.org', []],
    ['a listener for another host', [route, front('istio', { hostname: 'other.example.com' })], 'shop.example.com', []],
    ['a route of all hosts that the gateway has', [api('HTTPRoute', 'r', { parentRefs: [{ kind: 'Gateway', name: 'front' }] }), front('istio', { hostname: 'shop.example.com' })], 'shop.example.com', ['GatewayApi']],
  ])('%s', (_, manifests, host, expected) => {
    expect(codes([...cart, ...manifests], { from, host })).toEqual(expected);
  });

  test('are no matter to pods that call a service', () => {
    expect(codes([...cart, route, front('istio')])).toEqual([]);
  });
});
