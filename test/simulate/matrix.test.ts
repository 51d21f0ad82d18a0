import { laneMatrix, MatrixOptions } from '../../src/simulate/matrix';

const HOST = 'cart.shop.svc.cluster.local';

function virtualService(http: any[], overrides: any = {}): any {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'cart', namespace: 'shop', ...overrides.metadata },
    spec: { hosts: [HOST], http, ...overrides.spec },
  };
}

const rules = (...subsets: string[]): any => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: 'cart', namespace: 'shop' },
  spec: { host: 'cart', subsets: subsets.map((name) => ({ name, labels: { version: name } })) },
});
const to = (subset: string, weight?: number): any => ({ destination: { host: 'cart', subset }, ...(weight === undefined ? {} : { weight }) });
const lane = (name: string, match: any = {}) => ({ ...match, headers: { ...match.headers, 'project-version': { exact: name } } });
const service: any = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart', namespace: 'shop' }, spec: { selector: { app: 'cart' }, ports: [{ port: 80, name: 'http' }] } };
const deployment = (version: string): any => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `cart-${version}`, namespace: 'shop' },
  spec: { template: { metadata: { labels: { app: 'cart', version } } } },
});

/** Lane (`none`, `other`) → what serves the one service. */
function served(manifests: any[], options: MatrixOptions = {}) {
  const { rows } = laneMatrix(manifests, options);
  return Object.fromEntries(rows.map((row) => [row.other ? 'other' : row.lane ?? 'none', row.cells[0]]));
}

test('a laned request meets its lane, every other one the baseline', () => {
  const cells = served([virtualService([{ name: 'lane/v1', match: [lane('v1')], route: [to('v1')] }, { route: [to('main')] }]), rules('main', 'v1')]);
  expect(cells.v1).toEqual({ serves: [{ version: 'v1', share: 1 }], conditional: [], baseline: false, problems: [] });
  for (const row of ['none', 'other']) expect(cells[row]).toMatchObject({ serves: [{ version: 'main', share: 1 }], baseline: true });
});

test('shares are relative weights; zero and missing ones get nothing', () => {
  const cells = served([virtualService([{ route: [to('main', 1), to('next', 3), to('old', 0), to('older')] }]), rules('main', 'next', 'old', 'older')]);
  expect(cells.none.serves).toEqual([{ version: 'main', share: 0.25 }, { version: 'next', share: 0.75 }]);
});

test('rules with further conditions are told apart, those with the same answer are not', () => {
  const cells = served([
    virtualService([
      { match: [lane('v1', { uri: { prefix: '/api' } })], route: [to('v1')] },
      { match: [{ uri: { prefix: '/api' } }, { method: { exact: 'POST' }, queryParams: { a: { exact: 'b' } } }], route: [to('api')] },
      { match: [{ uri: { prefix: '/static' } }], route: [to('main')] },
      { route: [to('main')] },
    ]),
    rules('main', 'api', 'v1'),
  ], { header: 'project-version' });
  expect(cells.none.conditional).toEqual([
    { when: '/api*', serves: [{ version: 'api', share: 1 }] },
    { when: 'POST ?a=b', serves: [{ version: 'api', share: 1 }] },
  ]);
  expect(cells.v1.conditional[0]).toEqual({ when: '/api*', serves: [{ version: 'v1', share: 1 }] });
});

test.each([
  ['a prefix', { headers: { 'Project-Version': { prefix: 'v' } } }, 'v1'],
  ['a regular expression, which must match the whole value', { headers: { 'project-version': { regex: 'v[0-9]' } } }, 'v1'],
  ['presence', { headers: { 'project-version': {} } }, 'v1'],
])('%s on the lane header is understood', (_, match, value) => {
  const asked = { match: [lane(value, { uri: { prefix: '/never' } })], route: [to('main')] };
  const cells = served([virtualService([{ match: [match], route: [to('lane')] }, asked, { route: [to('main')] }]), rules('main', 'lane')], { header: 'project-version' });
  expect(cells.v1.serves).toEqual([{ version: 'lane', share: 1 }]);
  expect(cells.none.serves).toEqual([{ version: 'main', share: 1 }]);
});

test('a missing header counts as empty for withoutHeaders, and as absent for presence', () => {
  const without = (match: any) => served([virtualService([{ match: [{ withoutHeaders: { 'project-version': match } }], route: [to('a')] }, { route: [to('b')] }]), rules('a', 'b')]);
  expect(without({ exact: 'x' }).none.serves[0].version).toBe('a');
  expect(without({ regex: '.*' }).none.serves[0].version).toBe('b');
  expect(without({}).none.serves[0].version).toBe('a');
  expect(without({}).other.serves[0].version).toBe('b');
});

test('a subset that no DestinationRule defines is a problem', () => {
  expect(served([virtualService([{ route: [to('gone')] }]), rules('main')]).none).toMatchObject({
    serves: [{ version: '503 NC', share: 1 }],
    problems: [`503 NC: DestinationRule shop/cart defines no subset gone of ${HOST} (it has main) (VirtualService shop/cart)`],
  });
});

test('a subset without pods is a problem, where manifests describe the service', () => {
  const { none } = served([virtualService([{ route: [to('main')] }]), rules('main'), service, deployment('next')]);
  expect(none).toMatchObject({ serves: [{ version: '503 UH', share: 1 }], problems: [expect.stringContaining('no pods have the labels app=cart,version=main')] });
});

test('services that others deploy are taken to be there, which is said', () => {
  expect(laneMatrix([virtualService([{ route: [to('main')] }]), rules('main')]).takenForGranted).toEqual([HOST]);
  expect(laneMatrix([virtualService([{ route: [to('main')] }]), rules('main'), service]).takenForGranted).toEqual([]);
});

test('a VirtualService whose rules do not take every request answers 404 to the rest', () => {
  const { none } = served([virtualService([{ match: [{ uri: { prefix: '/api' } }], route: [to('main')] }]), rules('main')]);
  expect(none).toMatchObject({ serves: [{ version: '404 NR', share: 1 }], problems: ['404 NR: no rule of VirtualService shop/cart takes this request; its rule takes /api*'] });
});

test('without a VirtualService any pod of the Service may serve', () => {
  expect(served([service, deployment('main'), deployment('v1')]).none.serves).toEqual([{ version: 'main', share: 0.5 }, { version: 'v1', share: 0.5 }]);
});

test('the older of two VirtualServices of one host decides, and the other is reported', () => {
  const younger = virtualService([{ route: [to('young')] }], { metadata: { name: 'a', creationTimestamp: '2026-02-01T00:00:00Z' } });
  const older = virtualService([{ route: [to('old')] }], { metadata: { name: 'b', creationTimestamp: '2026-01-01T00:00:00Z' } });
  const matrix = laneMatrix([younger, older, rules('old', 'young')]);
  expect(matrix.rows[0].cells[0].serves).toEqual([{ version: 'old', share: 1 }]);
  expect(matrix.lostHosts).toEqual([{ host: HOST, loser: 'shop/a', winner: 'shop/b', reason: 'older' }]);
});

test('VirtualServices for gateways alone have no say inside the mesh', () => {
  const gateway = virtualService([{ route: [to('edge')] }], { metadata: { name: 'edge' }, spec: { gateways: ['gateway'] } });
  expect(served([gateway, service, deployment('main')]).none.serves).toEqual([{ version: 'main', share: 1 }]);
});

test('destinations on another host are named with it', () => {
  const away = { destination: { host: 'legacy' } };
  const named = (object: any) => ({ ...object, metadata: { ...object.metadata, name: 'legacy' }, spec: { ...object.spec, selector: { app: 'cart' } } });
  expect(served([virtualService([{ route: [away] }]), named(service), deployment('old')]).none.serves).toEqual([{ version: 'legacy:old', share: 1 }]);
});

test('redirects and direct responses are shown as such', () => {
  expect(served([virtualService([{ redirect: { uri: '/x' } }])]).none.serves[0].version).toBe('redirect');
  expect(served([virtualService([{ directResponse: { status: 418 } }])]).none.serves[0].version).toBe('status 418');
});

test.each([
  ['a match is null', { spec: { http: [{ match: [null], route: [null] }] } }],
  ['hosts is missing', { spec: { hosts: undefined } }],
  ['there is no spec', { spec: undefined }],
])('a VirtualService where %s does no harm', (_, overrides) => {
  const broken = { ...virtualService([]), ...overrides, ...(overrides.spec ? { spec: { hosts: [HOST], ...overrides.spec } } : {}) };
  expect(() => laneMatrix([broken, service])).not.toThrow();
});

test('a rule that is none is refused by name', () => {
  expect(() => laneMatrix([{ ...virtualService([]), spec: { hosts: [HOST], http: 'x' } }])).toThrow(/VirtualService shop\/cart: 'spec\.http' must be a list, got "x"/);
  expect(() => laneMatrix([virtualService([null])])).toThrow(/VirtualService shop\/cart: 'http' of http\[0\] must be a list of rules, got null/);
});

test('a regular expression that is not RE2 is refused by name', () => {
  const broken = virtualService([{ match: [{ headers: { 'project-version': { regex: '(?=a)' } } }], route: [to('a')] }]);
  expect(() => laneMatrix([broken])).toThrow(/VirtualService shop\/cart: 'headers.project-version.regex' of http\[0\] must be an RE2 regular expression .*, got "\(\?=a\)"/);
});

test('connections of TCP and TLS are shown by the version they are routed to', () => {
  const tcp = virtualService([], { spec: { http: undefined, tcp: [{ route: [to('main')] }] } });
  expect(served([tcp, rules('main')]).none).toMatchObject({ serves: [{ version: 'main', share: 1 }], problems: [] });
});

test.each(['.*', '/.*'])('a path of %s is every path', (regex) => {
  expect(served([virtualService([{ match: [{ uri: { regex } }], route: [to('main')] }]), rules('main')]).none).toMatchObject({ conditional: [], problems: [] });
});

test('what is for gateways alone within a VirtualService of both has no say inside the mesh', () => {
  const both = virtualService([{ match: [{ gateways: ['gateway'] }], route: [to('edge')] }, { route: [to('main')] }], { spec: { gateways: ['gateway', 'mesh'] } });
  expect(served([both, rules('main', 'edge')]).none).toMatchObject({ serves: [{ version: 'main', share: 1 }], conditional: [] });
});

test('wildcards have a say for the services they cover, where nothing names those themselves', () => {
  const wide = virtualService([{ route: [to('main')] }], { metadata: { name: 'wide' }, spec: { hosts: ['*.shop.svc.cluster.local'] } });
  const policy = { ...rules('main'), spec: { ...rules('main').spec, host: '*.shop.svc.cluster.local' } };
  const matrix = laneMatrix([service, deployment('main'), wide, policy]);
  expect(matrix.services).toEqual([HOST]);
  expect(matrix.rows[0].cells[0]).toMatchObject({ serves: [{ version: 'main', share: 1 }], problems: [] });
});

test.each<[string, object]>([
  ['a blank in a path', { uri: { exact: '/a b' } }],
  ['a blank that an expression asks for', { uri: { regex: '/a\\sb' } }],
  ['a blank in a parameter', { queryParams: { q: { exact: 'a b&c' } } }],
  ['a scheme that clients do not choose', { headers: { ':scheme': { exact: 'https' } } }],
  ['the claim of a token', { headers: { '@request.auth.claims.group': { exact: 'a' } } }],
  ['a header that must be there and must not', { headers: { x: { exact: 'a' } }, withoutHeaders: { x: {} } }],
])('a match that no request meets, such as %s, is told and left out', (_, match) => {
  const matrix = laneMatrix([virtualService([{ match: [match], route: [to('odd')] }, { route: [to('main')] }]), rules('main', 'odd')]);
  expect(matrix.rows[0].cells[0]).toMatchObject({ serves: [{ version: 'main', share: 1 }], conditional: [], problems: [] });
  expect(matrix.caveats).toContainEqual(expect.objectContaining({ code: 'RequestUnknown', message: expect.stringMatching(/^VirtualService shop\/cart: no request was found that meets /) }));
});

test('a match on the path as a header is one on the path', () => {
  const { none } = served([virtualService([{ match: [{ headers: { ':path': { prefix: '/zz' } } }], route: [to('zz')] }, { route: [to('main')] }]), rules('main', 'zz')]);
  expect(none.conditional).toEqual([{ when: ':path=/zz*', serves: [{ version: 'zz', share: 1 }] }]);
});
