import { schemaProblems } from './schema';

const virtualService = (http: any = {}, route: any = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'cart', namespace: 'shop', labels: { 'example.com/lane': 'base' } },
  spec: {
    hosts: ['cart'],
    http: [{ match: [{ headers: { 'x-lane': { exact: 'a' } } }], route: [{ destination: { host: 'cart', subset: 'a' }, weight: 100, ...route }], ...http }],
  },
});

const destinationRule = (spec: any = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'cart', namespace: 'shop' },
  spec: {
    host: 'cart',
    subsets: [{ name: 'a', labels: { lane: 'a' } }],
    trafficPolicy: { connectionPool: { tcp: { connectTimeout: '1.5s' } }, outlierDetection: { consecutive5xxErrors: 5, baseEjectionTime: '1m30s' } },
    ...spec,
  },
});

const deployment = (spec: any = {}, container: any = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'cart-a', namespace: 'shop', labels: { app: 'cart' }, annotations: { 'example.com/why': 'any text, at all' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'cart' } },
    template: {
      metadata: { labels: { app: 'cart' } },
      spec: {
        containers: [{ name: 'cart', image: 'cart:1', ports: [{ containerPort: 8080 }], resources: { limits: { cpu: '500m', memory: '64Mi' } }, ...container }],
      },
    },
    ...spec,
  },
});

const service = (metadata: any = {}, port: any = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'cart', namespace: 'shop', ...metadata },
  spec: { selector: { app: 'cart' }, ports: [{ name: 'http', port: 80, targetPort: 8080, ...port }] },
});

const configMap = (metadata: any = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop', ...metadata },
  data: { 'any.key': 'any value' },
});

const otherKubernetesKinds = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } },
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'cart', namespace: 'shop' }, automountServiceAccountToken: false },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'cart', namespace: 'shop' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart' },
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    },
  },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'sweep', namespace: 'shop' },
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'sweep', image: 'sweep:1' }] } } } },
    },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'sweep', namespace: 'shop' },
    rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['delete'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'sweep', namespace: 'shop' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'sweep' },
    subjects: [{ kind: 'ServiceAccount', name: 'sweep', namespace: 'shop' }],
  },
];

const istio = (group: string, version: string, kind: string, spec: any) => ({
  apiVersion: `${group}.istio.io/${version}`, kind, metadata: { name: 'cart', namespace: 'shop' }, spec,
});

const otherIstioKinds = [
  istio('networking', 'v1', 'Gateway', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
  istio('networking', 'v1', 'ServiceEntry', { hosts: ['example.com'], ports: [{ number: 443, name: 'tls', protocol: 'TLS' }], resolution: 'DNS' }),
  istio('networking', 'v1', 'Sidecar', { workloadSelector: { labels: { app: 'cart' } }, egress: [{ hosts: ['./*'] }] }),
  istio('networking', 'v1alpha3', 'EnvoyFilter', {
    configPatches: [{ applyTo: 'HTTP_FILTER', match: { context: 'SIDECAR_INBOUND' }, patch: { operation: 'MERGE', value: { labels: { any: '{thing}' } } } }],
  }),
  istio('security', 'v1', 'PeerAuthentication', { mtls: { mode: 'STRICT' } }),
  istio('security', 'v1', 'AuthorizationPolicy', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin'] } }] }] }),
  istio('security', 'v1', 'RequestAuthentication', { jwtRules: [{ issuer: 'https://example.com' }] }),
];

/** The only problem of a list of manifests; a second one would mean that one mistake is reported twice. */
function onlyProblem(...manifests: any[]): string {
  const problems = schemaProblems(manifests);
  expect(problems).toHaveLength(1);
  return problems[0];
}

/** A text and how the name of a test shows it. */
const quoted = (text: string): [string, string] => [JSON.stringify(text), text];
const ofLength = (length: number): [string, string] => [`of ${length} characters`, 'a'.repeat(length)];

describe('what is valid', () => {
  test('an empty list has no problems', () => {
    expect(schemaProblems([])).toEqual([]);
  });

  test('a VirtualService, a DestinationRule, a Deployment, a Service and a ConfigMap have no problems', () => {
    expect(schemaProblems([virtualService(), destinationRule(), deployment(), service(), configMap()])).toEqual([]);
  });

  test.each(otherKubernetesKinds.map((manifest) => [manifest.kind, manifest]))('a plain %s has no problems', (_, manifest) => {
    expect(schemaProblems([manifest])).toEqual([]);
  });

  test.each(otherIstioKinds.map((manifest) => [manifest.kind, manifest]))('a plain %s has no problems', (_, manifest) => {
    expect(schemaProblems([manifest])).toEqual([]);
  });

  test('a manifest is neither changed nor needs to be changeable', () => {
    const frozen = (value: any): any => {
      if (typeof value === 'object') Object.values(value).forEach(frozen);
      return Object.freeze(value);
    };
    expect(schemaProblems([frozen(deployment()), frozen(virtualService())])).toEqual([]);
  });

  test('a port may be a number or a name', () => {
    expect(schemaProblems([service({}, { targetPort: 'http' })])).toEqual([]);
  });

  test('what a CRD leaves open may be anything', () => {
    expect(schemaProblems([{ ...virtualService(), status: { any: 'thing' } }])).toEqual([]);
  });

  test('a match may be left without any of exact, prefix and regex', () => {
    expect(schemaProblems([virtualService({ match: [{ headers: { 'x-lane': {} } }] })])).toEqual([]);
  });
});

describe('Istio kinds', () => {
  test('a mistyped field is a problem, with the place, the value and the fields there are', () => {
    const { spec, ...rest } = virtualService();
    expect(onlyProblem({ ...rest, spec: { hosts: spec.hosts, htp: [] } }))
      .toBe('VirtualService/shop/cart: $.spec.htp is an unknown field ([]), allowed: only exportTo, gateways, hosts, http, tcp, tls');
  });

  test('a mistyped field is a problem however deep it is, next to a oneof too', () => {
    expect(onlyProblem(virtualService({ match: [{ headers: { 'x-lane': { exat: 'a' } } }] })))
      .toBe('VirtualService/shop/cart: $.spec.http[0].match[0].headers["x-lane"].exat is an unknown field ("a"), allowed: only exact, prefix, regex');
  });

  test('a field next to spec is a problem', () => {
    expect(onlyProblem({ ...virtualService(), specs: {} })).toContain('$.specs is an unknown field ({}), allowed: only apiVersion, kind, metadata, spec, status');
  });

  test('a mistyped field of the metadata is a problem', () => {
    const { metadata, ...rest } = virtualService();
    expect(onlyProblem({ ...rest, metadata: { ...metadata, lables: {} } })).toMatch(/^VirtualService\/shop\/cart: \$\.metadata\.lables is an unknown field/);
  });

  test('a weight that is a string is a problem', () => {
    expect(onlyProblem(virtualService({}, { weight: '100' })))
      .toBe('VirtualService/shop/cart: $.spec.http[0].route[0].weight is "100", allowed: integer');
  });

  test('a weight that does not fit its integer type is a problem', () => {
    expect(onlyProblem(virtualService({}, { weight: 2 ** 31 }))).toContain('weight is 2147483648, allowed: format int32');
  });

  test('a destination without a host is a problem', () => {
    expect(onlyProblem(virtualService({}, { destination: { subset: 'a' } })))
      .toBe('VirtualService/shop/cart: $.spec.http[0].route[0].destination.host is missing, allowed: a value, as the field is required');
  });

  test('a DestinationRule without a host is a problem', () => {
    expect(onlyProblem(destinationRule({ host: undefined }))).toContain('DestinationRule/shop/cart: $.spec.host is missing');
  });

  test('a match that is both exact and a regex is a problem', () => {
    expect(onlyProblem(virtualService({ match: [{ uri: { exact: '/a', regex: '/a' } }] })))
      .toBe('VirtualService/shop/cart: $.spec.http[0].match[0].uri is {"exact":"/a","regex":"/a"}, allowed: at most one of the fields exact, prefix, regex');
  });

  test('a value outside an enum is a problem', () => {
    expect(onlyProblem(destinationRule({ trafficPolicy: { tls: { mode: 'STRICT' } } })))
      .toContain('$.spec.trafficPolicy.tls.mode is "STRICT", allowed: "DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"');
  });

  test.each(['0s', '0', '999us', '-1s', 'abc', '', '5', '1 s', '1d', '1s ', 's', '.s', '3000000h'])('a timeout of %j is a problem', (timeout) => {
    expect(onlyProblem(virtualService({ timeout })))
      .toBe(`VirtualService/shop/cart: $.spec.http[0].timeout is ${JSON.stringify(timeout)}, allowed: a duration such as 1h2m3s4ms, >= 1ms`);
  });

  test.each(['1ms', '1000us', '1000µs', '1000μs', '1000000ns', '.5s', '1.s', '+2s', '1h30m', '1m1ms', '100000h'])('a timeout of %j is no problem', (timeout) => {
    expect(schemaProblems([virtualService({ timeout })])).toEqual([]);
  });

  test('a timeout that is a number is one problem', () => {
    expect(onlyProblem(virtualService({ timeout: 5 }))).toContain('timeout is 5, allowed: string');
  });

  test('a duration in a list item of a DestinationRule is judged too', () => {
    expect(onlyProblem(destinationRule({ subsets: [{ name: 'a', trafficPolicy: { outlierDetection: { interval: '0s' } } }] })))
      .toContain('$.spec.subsets[0].trafficPolicy.outlierDetection.interval is "0s"');
  });

  test('a version that is not in the CRD file is a problem', () => {
    expect(onlyProblem({ ...virtualService(), apiVersion: 'networking.istio.io/v1beta1' }))
      .toMatch(/^VirtualService\/shop\/cart: \$\.kind is an unknown kind \(networking\.istio\.io\/v1beta1 VirtualService\), allowed: of Istio only .*networking\.istio\.io\/v1 VirtualService/);
  });

  test('a kind that is not in the CRD file is a problem', () => {
    expect(onlyProblem(istio('networking', 'v1', 'WorkloadEntry', {}))).toContain('an unknown kind (networking.istio.io/v1 WorkloadEntry)');
  });
});

describe('Kubernetes kinds', () => {
  test('an unknown field of a Deployment is a problem, with the fields there are', () => {
    expect(onlyProblem(deployment({ replcas: 1 }))).toBe(
      'Deployment/shop/cart-a: $.spec.replcas is an unknown field (1), allowed: only minReadySeconds, paused, '
      + 'progressDeadlineSeconds, replicas, revisionHistoryLimit, selector, strategy, template');
  });

  test('an unknown field of a container is a problem, and what is in it is not another', () => {
    expect(onlyProblem(deployment({}, { resource: { limits: { cpu: '1' } } })))
      .toMatch(/^Deployment\/shop\/cart-a: \$\.spec\.template\.spec\.containers\[0\]\.resource is an unknown field \({"limits":{"cpu":"1"}}\), allowed: only .*resources/);
  });

  test('an unknown field at the top is a problem', () => {
    expect(onlyProblem({ ...deployment(), specs: {} })).toContain('$.specs is an unknown field');
  });

  test('replicas that are a string are a problem', () => {
    expect(onlyProblem(deployment({ replicas: '2' }))).toBe('Deployment/shop/cart-a: $.spec.replicas is "2", allowed: integer');
  });

  test('a Deployment without a selector is a problem', () => {
    expect(onlyProblem(deployment({ selector: undefined }))).toContain('$.spec.selector is missing, allowed: a value, as the field is required');
  });

  test('a target port that is neither a number nor a name is one problem', () => {
    expect(onlyProblem(service({}, { targetPort: true }))).toBe('Service/shop/cart: $.spec.ports[0].targetPort is true, allowed: string or integer');
  });

  test('a value outside an enum is a problem', () => {
    expect(onlyProblem(service({}, { protocol: 'HTTP' }))).toContain('$.spec.ports[0].protocol is "HTTP", allowed: "SCTP", "TCP", "UDP"');
  });

  test('a quantity that is not one is a problem', () => {
    expect(onlyProblem(deployment({}, { resources: { limits: { cpu: 'lots' } } }))).toContain('resources.limits.cpu is "lots", allowed: number or format quantity');
  });

  test('a label that is a number is a problem', () => {
    expect(onlyProblem(configMap({ labels: { lane: 1 } }))).toContain('ConfigMap/shop/settings: $.metadata.labels.lane is 1, allowed: string');
  });

  test.each([
    ['example.com/v1', 'Widget'],
    ['v1', 'Deployment'],
    ['apps/v1', 'DeploymentSpec'],
    ['autoscaling/v2beta2', 'HorizontalPodAutoscaler'],
    ['gateway.networking.k8s.io/v1', 'Gateway'],
    ['../v1', 'Pod'],
    [undefined, undefined],
  ])('%s %s is an unknown kind', (apiVersion, kind) => {
    expect(onlyProblem({ apiVersion, kind, metadata: { name: 'a' } })).toContain(`$.kind is an unknown kind (${apiVersion} ${kind})`);
  });

  test.each([[null], ['text'], [[]]])('%j is not a manifest', (manifest) => {
    expect(onlyProblem(manifest)).toBe(`-/-/-: $ is ${JSON.stringify(manifest)}, allowed: an object`);
  });
});

describe('names', () => {
  test.each([...['Cart', 'cart_a', '-cart', 'cart-', 'cart..a', ''].map(quoted), ofLength(254)])('the name %s is a problem', (_, name) => {
    expect(onlyProblem(configMap({ name }))).toMatch(/: \$\.metadata\.name is ".*, allowed: a DNS-1123 subdomain, at most 253 characters$/);
  });

  test.each([...['cart', 'cart.a-b', '1'].map(quoted), ofLength(253)])('the name %s is no problem', (_, name) => {
    expect(schemaProblems([configMap({ name })])).toEqual([]);
  });

  test.each([configMap(), virtualService()])('a $kind without a name is a problem', ({ metadata, ...rest }) => {
    expect(onlyProblem({ ...rest, metadata: { ...metadata, name: undefined } })).toContain('$.metadata.name is missing');
    expect(onlyProblem(rest)).toContain('$.metadata.name is missing');
  });

  test.each([quoted('cart.a'), quoted('1cart'), ofLength(64)])('a Service named %s is a problem, though other kinds may be', (_, name) => {
    expect(onlyProblem(service({ name }), configMap({ name }))).toMatch(/^Service\/.*: \$\.metadata\.name is ".*, allowed: a DNS-1035 label, at most 63 characters$/);
  });

  test('a Service whose name has 63 characters is no problem', () => {
    expect(schemaProblems([service({ name: 'a'.repeat(63) })])).toEqual([]);
  });

  test('a Namespace with a dot in its name is a problem', () => {
    expect(onlyProblem({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop.a' } })).toContain('allowed: a DNS-1123 label');
  });

  test('an object in a namespace that cannot be is a problem', () => {
    expect(onlyProblem(configMap({ namespace: 'Shop' }))).toContain('$.metadata.namespace is "Shop", allowed: a DNS-1123 label, at most 63 characters');
  });

  test('a CronJob whose name leaves no room for the names of its Jobs is a problem', () => {
    const cronJob = otherKubernetesKinds.find(({ kind }) => kind === 'CronJob');
    expect(onlyProblem({ ...cronJob, metadata: { name: 'a'.repeat(53) } })).toContain('at most 52 characters');
  });
});

describe('labels', () => {
  test.each([...['feature/cart', '-a', 'a b'].map(quoted), ofLength(64)])('the value %s is a problem', (_, value) => {
    expect(onlyProblem(configMap({ labels: { lane: value } }))).toContain(`ConfigMap/shop/settings: $.metadata.labels.lane is ${JSON.stringify(value)}`);
  });

  test.each([...['', 'A_b-c.1'].map(quoted), ofLength(63)])('the value %s is no problem', (_, value) => {
    expect(schemaProblems([configMap({ labels: { lane: value } })])).toEqual([]);
  });

  test.each([...['', 'a b', 'Example.com/lane', '/lane', 'a/b/c', 'example.com/'].map(quoted), ofLength(64)])('the key %s is a problem', (_, key) => {
    expect(onlyProblem(configMap({ labels: { [key]: 'a' } }))).toContain('is under a bad key');
  });

  test.each(['lane', 'example.com/Lane_1'])('the key %j is no problem', (key) => {
    expect(schemaProblems([configMap({ labels: { [key]: 'a' } })])).toEqual([]);
  });

  test('a key may have a prefix of 253 characters, but not of 254, before a name of 63', () => {
    const key = (prefix: number) => `${'a'.repeat(prefix)}/${'b'.repeat(63)}`;
    expect(schemaProblems([configMap({ labels: { [key(253)]: 'a' } })])).toEqual([]);
    expect(onlyProblem(configMap({ labels: { [key(254)]: 'a' } }))).toContain('is under a bad key');
  });

  test('a bad label of a pod template, a selector or a subset is a problem too', () => {
    expect(onlyProblem(deployment({ selector: { matchLabels: { app: 'a/b' } } }))).toContain('$.spec.selector.matchLabels.app is "a/b"');
    expect(onlyProblem({ ...service(), spec: { selector: { app: 'a/b' }, ports: [{ port: 80 }] } })).toContain('$.spec.selector.app is "a/b"');
    expect(onlyProblem(destinationRule({ subsets: [{ name: 'a', labels: { lane: 'a/b' } }] }))).toContain('$.spec.subsets[0].labels.lane is "a/b"');
  });

  test('a bad key of an annotation is a problem', () => {
    expect(onlyProblem(configMap({ annotations: { 'a b': 'a' } }))).toContain('$.metadata.annotations["a b"] is under a bad key');
  });
});

describe('the list as a whole', () => {
  test('an object that is there twice is a problem', () => {
    expect(onlyProblem(configMap(), service(), configMap()))
      .toBe('ConfigMap/shop/settings: $ is there more than once, allowed: one object of this kind, namespace and name');
  });

  test('an object that is there in two versions of its API is a problem', () => {
    const scaler = otherKubernetesKinds.find(({ kind }) => kind === 'HorizontalPodAutoscaler')!;
    const { metrics, ...spec } = scaler.spec!;
    expect(onlyProblem(scaler, { ...scaler, apiVersion: 'autoscaling/v1', spec }))
      .toBe('HorizontalPodAutoscaler/shop/cart: $ is there more than once, allowed: one object of this kind, namespace and name');
  });

  test('one name of two kinds or in two namespaces is no problem', () => {
    expect(schemaProblems([configMap({ name: 'cart' }), configMap({ name: 'cart', namespace: 'other' }), service(), virtualService()])).toEqual([]);
  });

  test('one kind and name in two API groups is not the same object', () => {
    expect(onlyProblem(service(), { ...service(), apiVersion: 'serving.knative.dev/v1' })).toContain('an unknown kind');
  });

  test('the problems of all manifests are found, in their order', () => {
    const problems = schemaProblems([deployment({ replicas: '2', pased: true }), virtualService({ timeout: '0s' }), configMap({ name: 'A' })]);
    expect(problems.map((problem) => problem.split(' is ')[0])).toEqual([
      'Deployment/shop/cart-a: $.spec.replicas',
      'Deployment/shop/cart-a: $.spec.pased',
      'VirtualService/shop/cart: $.spec.http[0].timeout',
      'ConfigMap/shop/A: $.metadata.name',
    ]);
  });
});
