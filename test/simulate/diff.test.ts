import { curlWords, senderText } from '../../src/cli/curl';
import { parseManifests } from '../../src/manifests';
import { MeshModel } from '../../src/simulate';
import { diffRoutes } from '../../src/simulate/diff';

const object = (kind: string, name: string, spec: object, { namespace = 'shop', apiVersion = 'networking.istio.io/v1', ...more }: any = {}): any => ({ apiVersion, kind, metadata: { name, namespace, ...more.metadata }, spec });
const service = (name = 'cart', ports: object[] = [{ name: 'http', port: 80 }], namespace = 'shop') => object('Service', name, { selector: { app: name }, ports }, { apiVersion: 'v1', namespace });
const deployment = (version: string, app = 'cart') => object('Deployment', `${app}-${version}`, { template: { metadata: { labels: { app, version } } } }, { apiVersion: 'apps/v1' });
const subsets = (host = 'cart') => object('DestinationRule', host, { host, subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })) });
const BASE = [service(), deployment('v1'), deployment('v2'), subsets()];
const to = (subset: string, host = 'cart') => [{ destination: { host, subset } }];

/** Rules for cart: what a match takes goes to v2, all else to v1. */
const canary = (match: object, spec: object = {}) => object('VirtualService', 'cart', { hosts: ['cart'], http: [{ match: [match], route: to('v2') }, { route: to('v1') }], ...spec });
const policy = (spec: object, name = 'guard') => object('AuthorizationPolicy', name, spec, { apiVersion: 'security.istio.io/v1' });

function diff(before: object[], after: object[], limit?: number) {
  const { changes, incomplete, compared } = diffRoutes(MeshModel.of(before), MeshModel.of(after), limit === undefined ? {} : { limit });
  return { rows: changes.map(({ request, before: old, after: young }) => `${senderText(request.from)}: ${curlWords(request).join(' ')}: ${old} -> ${young}`), changes, incomplete, compared };
}

/** The rows between two matches. */
const between = (before: object, after: object) => diff([...BASE, canary(before)], [...BASE, canary(after)]);
const cart = (words: string, change: string) => `from a pod in namespace shop: curl ${words}: ${change}`;
const [TO_V1, TO_V2] = ['shop/cart-v2 -> shop/cart-v1', 'shop/cart-v1 -> shop/cart-v2'];
const URL = 'http://cart.shop.svc.cluster.local';

describe('a match that becomes wider or narrower around the same text', () => {
  test.each<[string, object, object, string]>([
    ['a prefix becomes exact', { uri: { prefix: '/foo' } }, { uri: { exact: '/foo' } }, cart(`${URL}/foox`, TO_V1)],
    ['exact becomes an expression', { uri: { exact: '/foo' } }, { uri: { regex: '/foo.*' } }, cart(`${URL}/fooa`, TO_V2)],
    ['case is ignored', { uri: { exact: '/foo' } }, { uri: { exact: '/foo' }, ignoreUriCase: true }, cart(`${URL}/FOO`, TO_V2)],
    ['a prefix gets a slash', { uri: { prefix: '/foo' } }, { uri: { prefix: '/foo/' } }, cart(`${URL}/foo`, TO_V1)],
    ['a prefix becomes a shorter one', { uri: { prefix: '/foo' } }, { uri: { prefix: '/fo' } }, cart(`${URL}/fo`, TO_V2)],
    ['a header becomes a prefix', { headers: { x: { exact: 'v1' } } }, { headers: { x: { prefix: 'v1' } } }, cart(`-H 'x: v1x' ${URL}/`, TO_V2)],
    ['a header has one more alternative', { headers: { x: { exact: 'v1' } } }, { headers: { x: { regex: 'v1|v3' } } }, cart(`-H 'x: v3' ${URL}/`, TO_V2)],
    ['an alternative goes', { headers: { x: { regex: '(v1|v2|v3)-a' } } }, { headers: { x: { regex: '(v1|v3)-a' } } }, cart(`-H 'x: v2-a' ${URL}/`, TO_V1)],
    ['a class of characters grows', { headers: { x: { regex: 'v[12]' } } }, { headers: { x: { regex: 'v[123]' } } }, cart(`-H 'x: v3' ${URL}/`, TO_V2)],
    ['a part may be left out', { uri: { regex: '/a/v1' } }, { uri: { regex: '/a(/v1)?' } }, cart(`${URL}/a`, TO_V2)],
    ['mere presence becomes a value', { headers: { x: {} } }, { headers: { x: { exact: 'on' } } }, cart(`-H 'x: any' ${URL}/`, TO_V1)],
    ['a header may not be there', {}, { withoutHeaders: { x: {} } }, cart(`-H 'x: any' ${URL}/`, TO_V1)],
    ['a method has one more alternative', { method: { exact: 'PUT' } }, { method: { regex: 'PUT|PATCH' } }, cart(`-X PATCH ${URL}/`, TO_V2)],
    ['a parameter becomes a prefix', { queryParams: { q: { exact: 'a' } } }, { queryParams: { q: { regex: 'a.*' } } }, cart(`'${URL}/?q=aa'`, TO_V2)],
    ['one of three conditions changes', { uri: { prefix: '/a' }, method: { exact: 'PUT' }, headers: { x: { exact: '1' } } }, { uri: { exact: '/a' }, method: { exact: 'PUT' }, headers: { x: { exact: '1' } } }, cart(`-X PUT -H 'x: 1' ${URL}/ax`, TO_V1)],
    ['one of three conditions is what plain requests have', { uri: { prefix: '/a' }, method: { exact: 'GET' }, headers: { x: { exact: '1' } } }, { uri: { prefix: '/a' }, method: { regex: 'GET|PUT' }, headers: { x: { exact: '1' } } }, cart(`-X PUT -H 'x: 1' ${URL}/a`, TO_V2)],
    ['a header stands for the path', { headers: { ':path': { prefix: '/zz' } } }, { headers: { ':path': { exact: '/zz' } } }, cart(`${URL}/zzx`, TO_V1)],
  ])('is found when %s', (_, before, after, row) => {
    const { rows, incomplete } = between(before, after);
    expect({ rows, incomplete }).toEqual({ rows: [row], incomplete: [] });
  });

  test('is found when nothing but the destination of the longer of two prefixes changes', () => {
    const rules = (subset: string) => object('VirtualService', 'cart', { hosts: ['cart'], http: [{ match: [{ uri: { exact: '/foo' } }], route: to('v1') }, { match: [{ uri: { prefix: '/foo' } }], route: to(subset) }, { route: to('v1') }] });
    expect(diff([...BASE, rules('v2')], [...BASE, rules('v1')]).rows).toEqual([cart(`${URL}/foox`, TO_V1)]);
  });
});

describe('gateways', () => {
  const gateway = (server: object) => object('Gateway', 'edge', { selector: { istio: 'ingressgateway' }, servers: [{ hosts: ['shop.example.com'], ...server }] });
  const rules = (spec: object) => object('VirtualService', 'edge', { hosts: ['shop.example.com'], gateways: ['edge'], ...spec });
  const OUTSIDE = 'from outside, through gateway istio=ingressgateway: curl';

  test.each<[string, object, (subset: string) => object, string]>([
    ['HTTPS', { port: { number: 443, name: 'https', protocol: 'HTTPS' }, tls: { mode: 'SIMPLE', credentialName: 'x' } }, (subset) => ({ http: [{ route: to(subset) }] }), `${OUTSIDE} https://shop.example.com/: ${TO_V2}`],
    ['TLS that is passed on', { port: { number: 443, name: 'tls', protocol: 'TLS' }, tls: { mode: 'PASSTHROUGH' } }, (subset) => ({ tls: [{ match: [{ sniHosts: ['shop.example.com'] }], route: to(subset) }] }), `${OUTSIDE} https://shop.example.com/: ${TO_V2}`],
  ])('are asked by %s where they speak it', (_, server, spec, row) => {
    const side = (subset: string) => [...BASE, gateway(server), rules(spec(subset))];
    expect(diff(side('v1'), side('v2'))).toMatchObject({ rows: [row], incomplete: [] });
  });
});

test('a Gateway that comes to be for all gateway pods is asked at those of others', () => {
  const edge = (name: string, selector: object, port: number) => object('Gateway', name, { selector, servers: [{ hosts: ['shop.example.com'], port: { number: port, name: 'http', protocol: 'HTTP' } }] });
  const rules = object('VirtualService', 'edge', { hosts: ['shop.example.com'], gateways: ['edge'], http: [{ route: to('v1') }] });
  const side = (selector: object) => [...BASE, rules, edge('edge', selector, 80), edge('other', { istio: 'other' }, 81)];
  expect(diff(side({ istio: 'ingressgateway' }), side({})).rows).toContain('from outside, through gateway istio=other: curl http://shop.example.com/: no answer -> shop/cart-v1');
});

describe('senders', () => {
  test('of other namespaces are tried where a VirtualService is no longer exported to them', () => {
    const { rows } = diff([...BASE, canary({ uri: { prefix: '/' } }, { exportTo: ['*'] })], [...BASE, canary({ uri: { prefix: '/' } }, { exportTo: ['.'] })]);
    expect(rows).toEqual([`from a pod in namespace elsewhere: curl ${URL}/: shop/cart-v2 -> 50 % shop/cart-v1, 50 % shop/cart-v2`]);
  });

  test('of namespaces with a Sidecar are tried', () => {
    const sidecar = (host: string) => object('Sidecar', 'default', { egress: [{ hosts: [host] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }, { namespace: 'front' });
    const { rows } = diff([...BASE, sidecar('*/*')], [...BASE, sidecar('./*')]);
    expect(rows).toEqual([expect.stringMatching(/^from a pod in namespace front: curl .*: 50 % shop\/cart-v1, 50 % shop\/cart-v2 -> no answer$/)]);
  });

  test('whose pods alone a DestinationRule selects are tried', () => {
    const own = (subset: string) => object('DestinationRule', 'own', { host: 'cart', workloadSelector: { matchLabels: { app: 'web' } }, subsets: [{ name: 'v1', labels: { version: subset } }] });
    const rules = object('VirtualService', 'cart', { hosts: ['cart'], http: [{ route: to('v1') }] });
    expect(diff([...BASE, rules, own('v1')], [...BASE, rules, own('v2')]).rows).toEqual([`from a pod in namespace shop with labels app=web: curl ${URL}/: ${TO_V2}`]);
  });

  test('that rules name by labels and namespace make one row each', () => {
    expect(between({ sourceLabels: { app: 'web' } }, { uri: { exact: '/never' } }).rows).toEqual([
      cart(`${URL}/never`, TO_V2), `from a pod in namespace shop with labels app=web: curl ${URL}/: ${TO_V1}`,
    ]);
    expect(diff([...BASE, canary({ sourceNamespace: 'front' })], [...BASE, canary({ sourceNamespace: 'back' })]).rows).toEqual([
      `from a pod in namespace front: curl ${URL}/: ${TO_V1}`, `from a pod in namespace back: curl ${URL}/: ${TO_V2}`,
    ]);
  });

  test('that are treated alike make one row', () => {
    const others = ['a', 'b', 'c'].map((namespace) => service(`svc-${namespace}`, undefined, namespace));
    expect(diff([...BASE, ...others, canary({ uri: { exact: '/a' } })], [...BASE, ...others]).rows).toHaveLength(2);
  });

  test('with a sidecar are tried where the namespace of the service has none, and with labels in each namespace', () => {
    const namespaces = [['shop', {}], ['front', { 'istio-injection': 'enabled' }]].map(([name, labels]) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }));
    expect(diff([...namespaces, ...BASE, canary({ sourceLabels: { app: 'web' } })], [...namespaces, ...BASE, canary({ sourceLabels: { app: 'web' } }, { http: [{ route: to('v1') }] })]).rows).toEqual([
      `from a pod in namespace front with labels app=web: curl ${URL}/: ${TO_V1}`,
    ]);
  });

  test('beyond the bound are told', () => {
    const sidecars = Array.from({ length: 30 }, (_, index) => object('VirtualService', `v${index}`, { hosts: ['cart'], exportTo: [`n${index}`], http: [{ route: to('v1') }] }));
    expect(diff([...BASE, ...sidecars], [...BASE, ...sidecars.slice(1)]).incomplete).toContain('cart.shop.svc.cluster.local: requests of 20 kinds of pods were compared of 31');
  });
});

describe('policies', () => {
  test.each<[string, object, string]>([
    ['path and method', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin*'], methods: ['POST'] } }] }] }, cart(`-X POST ${URL}/admin`, '50 % shop/cart-v1, 50 % shop/cart-v2 -> 403')],
    ['a header', { action: 'DENY', rules: [{ when: [{ key: 'request.headers[x-bad]', values: ['*'] }] }] }, expect.stringContaining('x-bad: a')],
    ['the end of a path', { action: 'DENY', rules: [{ to: [{ operation: { paths: ['*.php'] } }] }] }, expect.stringContaining('/.php')],
    ['all paths but one', { action: 'DENY', rules: [{ to: [{ operation: { notPaths: ['/healthz'] } }] }] }, cart(`${URL}/`, '50 % shop/cart-v1, 50 % shop/cart-v2 -> 403')],
    ['who sends', { action: 'DENY', rules: [{ from: [{ source: { principals: ['cluster.local/ns/front/sa/web'] } }] }] }, expect.stringContaining('from a pod in namespace front with service account web: ')],
    ['the namespace of who sends', { action: 'DENY', rules: [{ from: [{ source: { namespaces: ['front'] } }] }] }, expect.stringContaining('from a pod in namespace front')],
  ])('that look at %s are tried', (_, spec, row) => {
    const { rows, incomplete } = diff(BASE, [...BASE, policy(spec)]);
    expect({ rows, incomplete }).toEqual({ rows: [row], incomplete: [] });
  });
});

describe('hosts', () => {
  const entry = object('ServiceEntry', 'wiki', { hosts: ['*.wikipedia.org'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'NONE' });

  test('that stand for many are tried by one of them', () => {
    const wiki = (http: object) => object('VirtualService', 'wiki', { hosts: ['*.wikipedia.org'], http: [http] });
    expect(diff([entry, wiki({ route: [{ destination: { host: '*.wikipedia.org' } }] })], [entry, wiki({ directResponse: { status: 403 } })]).rows).toEqual([
      'from a pod in namespace shop: curl http://any.wikipedia.org/: shop/any.wikipedia.org -> 403',
    ]);
  });

  test('of rules in the mesh that are no service are tried', () => {
    const rules = (subset: string) => object('VirtualService', 'alias', { hosts: ['cart.example.com'], http: [{ route: to(subset) }] });
    expect(diff([...BASE, rules('v1')], [...BASE, rules('v2')]).rows).toEqual([`from a pod in namespace shop: curl http://cart.example.com/: ${TO_V2}`]);
  });

  test('whose connections are routed are tried', () => {
    const [, ...rest] = BASE;
    const rules = (subset: string) => object('VirtualService', 'cart', { hosts: ['cart'], tcp: [{ route: to(subset) }] });
    const tcp = [service('cart', [{ name: 'tcp', port: 5432 }]), ...rest];
    expect(diff([...tcp, rules('v1')], [...tcp, rules('v2')]).rows).toEqual([cart(`${URL}:5432/`, TO_V2)]);
  });
});

describe('what no request can show', () => {
  test.each<[string, object, RegExp]>([
    ['a blank in a path', { uri: { exact: '/a b' } }, /^VirtualService shop\/cart: no request was found that meets \/a b; those that do were not compared$/],
    ['a blank that an expression asks for', { uri: { regex: '/a\\sb' } }, /no request was found that meets ~\/a\\sb;/],
    ['a blank in a parameter', { queryParams: { q: { exact: 'a b&c' } } }, /no request was found that meets \?q=a b&c;/],
    ['another scheme', { headers: { ':scheme': { exact: 'https' } } }, /no request was found that meets :scheme=https;/],
    ['the claim of a token', { headers: { '@request.auth.claims.group': { exact: 'a' } } }, /\(tokens are not modelled\)/],
  ])('is told: %s', (_, match, text) => {
    const { incomplete, rows } = diff([...BASE, canary({ uri: { exact: '/never' } })], [...BASE, canary(match)]);
    expect(rows).toEqual([cart(`${URL}/never`, TO_V1)]);
    expect(incomplete).toEqual([expect.stringMatching(text)]);
  });

  test('is told where the subset that such a rule sends to changes', () => {
    const rule = canary({ uri: { exact: '/a b' } });
    const other = { ...subsets(), spec: { ...subsets().spec, trafficPolicy: {} } };
    expect(diff([...BASE, rule], [...BASE.slice(0, 3), other, rule]).incomplete).toHaveLength(1);
    expect(diff([...BASE, rule], [...BASE, rule, service('other')]).incomplete).toEqual([]);
  });

  test.each<[string, object, RegExp]>([
    ['filters of proxies', object('EnvoyFilter', 'lua', { configPatches: [] }), /^EnvoyFilter shop\/lua differs: it changes proxies, which is not modelled$/],
    ['addresses', policy({ action: 'DENY', rules: [{ from: [{ source: { ipBlocks: ['10.0.0.0/8'] } }] }] }), /^AuthorizationPolicy shop\/guard differs: it looks at ipBlocks, which is not modelled$/],
    ['tokens', policy({ rules: [{ when: [{ key: 'request.auth.claims[iss]', values: ['a'] }] }] }), /it looks at request\.auth\.claims\[iss\], which is not modelled/],
    ['addresses of connections', object('VirtualService', 'db', { hosts: ['cart'], tcp: [{ match: [{ destinationSubnets: ['10.0.0.0/8'] }], route: to('v2') }] }), /^VirtualService shop\/db differs: matches on addresses are not modelled$/],
    ['connections to a port that nobody has', object('VirtualService', 'db', { hosts: ['cart'], tcp: [{ match: [{ port: 99 }], route: to('v2') }] }), /^VirtualService shop\/db differs: no connection was found that tcp\[0\] takes$/],
  ])('is told: %s', (_, added, text) => {
    expect(diff(BASE, [...BASE, added]).incomplete).toContainEqual(expect.stringMatching(text));
    expect(diff([...BASE, added], [...BASE, added]).incomplete).toEqual([]);
  });

  test('is nothing where only words of people differ', () => {
    const noted = { ...BASE[3], metadata: { ...BASE[3].metadata, annotations: { note: 'x' } } };
    expect(diff([...BASE, object('EnvoyFilter', 'lua', { configPatches: [] })], [...BASE.slice(0, 3), noted, object('EnvoyFilter', 'lua', { configPatches: [] })]).incomplete).toEqual([]);
  });
});

test('a value that must be escaped is, where that request meets the match', () => {
  expect(between({ uri: { exact: '/never' } }, { uri: { regex: '/caf(é|%C3%A9)' } }).rows).toContain(cart(`${URL}/caf%C3%A9`, TO_V2));
});

test('a port that cannot be is told, and no reason to give up', () => {
  expect(diff([...BASE, service('odd', [{ name: 'http', port: 0 }])], BASE).incomplete).toEqual([expect.stringMatching(/^odd\.shop\.svc\.cluster\.local:0: requests cannot be sent: it must be a whole number from 1 to 65535$/)]);
});

test('requests beyond the bound are told, with the number of all', () => {
  const many = { headers: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x-${index}`, { exact: 'a' }])) };
  const { incomplete, compared } = diff([...BASE, canary(many)], BASE, 100);
  expect(incomplete).toEqual([expect.stringMatching(/^cart\.shop\.svc\.cluster\.local: 100 requests were compared of \d{4,}; --limit compares more$/)]);
  expect(compared).toBe(100);
});

test('every request of every row is one that can be sent, and goes where the row says', () => {
  const yaml = parseManifests('{apiVersion: v1, kind: Service, metadata: {name: a, namespace: n}, spec: {ports: [{port: 80, name: http}]}}', 'a.yaml').map(({ manifest }) => manifest);
  for (const { request } of diff(yaml, [...BASE, canary({ uri: { prefix: '/a b' }, headers: { x: { exact: '\u00e9' } } })]).changes) {
    expect(request.path).toMatch(/^\/[!-~]*$/);
    for (const value of Object.values(request.headers ?? {})) expect(value).toMatch(/^[ -~]*$/);
  }
});

test('pods without sidecar are tried where mutual TLS is asked for', () => {
  const strict = object('PeerAuthentication', 'strict', { mtls: { mode: 'STRICT' } }, { apiVersion: 'security.istio.io/v1' });
  expect(diff(BASE, [...BASE, strict]).rows).toEqual([
    `from a pod in namespace shop without sidecar: curl ${URL}/: 50 % shop/cart-v1, 50 % shop/cart-v2 -> no answer`,
  ]);
});
