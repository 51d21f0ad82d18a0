import { Mesh, type Finding, type Verdict } from '../mesh';
import {
  app, authorizationPolicy, destinationRule, envoyFilter, gateway, type Manifest, namespace, peerAuthentication, serviceEntry, sidecar,
  subsets, telemetry, to, virtualService,
} from './support';

type Fields = Record<string, unknown>;

/** Makes the object of a case, under a name of its own. */
type Make = (id: string) => Manifest;

/** What Istio says about an object; nothing means that it is accepted without a word. */
interface Said {
  /** The schemas of the custom resources, with their CEL rules. */
  readonly schema?: RegExp;
  /** Istiod's webhook. */
  readonly webhook?: RegExp;
  /** Istiod's webhook, which accepts the object all the same. */
  readonly warning?: RegExp;
}

const vs = (spec: Fields): Make => (id) => virtualService(id, { hosts: ['b'], ...spec });
const rules = (...http: Fields[]): Make => vs({ http });
const toB = { route: [to('b')] };
const rule = (fields: Fields): Make => rules({ ...toB, ...fields });
const match = (...entries: Fields[]): Make => rule({ match: entries });
const abort = (fields: Fields): Make => rule({ fault: { abort: fields } });
const request = (operations: Fields): Make => rule({ headers: { request: operations } });
const dr = (spec: Fields): Make => (id) => destinationRule(id, { host: 'b', ...spec });
const policy = (trafficPolicy: Fields): Make => dr({ trafficPolicy });
const pool = (connectionPool: Fields): Make => policy({ connectionPool });
const server = (fields: Fields): Make => (id) => gateway(id, {
  selector: { istio: 'ingressgateway' },
  servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.example.com'], ...fields }],
});
const prefix = (path: string): Fields => ({ ...toB, match: [{ uri: { prefix: path } }] });

const tooShort = { schema: /must be a valid duration greater than 1ms/, webhook: /duration must be greater than 1ms/ };

const cases: readonly [claim: string, said: Said, make: Make][] = [
  // The pipeline
  ['§1.1 a field that does not exist', { schema: /unknown fields \[spec\.http\[0\]\.retires\]/ }, rule({ retires: {} })],
  ['§1.1 something deprecated in a DestinationRule', { warning: /consecutive errors/ }, policy({ outlierDetection: { consecutiveErrors: 1 } })],
  ['§1.1 something deprecated in a subset, whose warnings are dropped', {},
    dr({ subsets: [{ name: 'v1', trafficPolicy: { outlierDetection: { consecutiveErrors: 1 } } }] })],
  // Primitive rules
  ['§1.2 a duration with parts of a millisecond', { webhook: /only durations to ms precision/ }, rule({ timeout: '1.5ms' })],
  ['§1.2 a duration in days', { schema: /type conversion error/, webhook: /unknown unit "d"/ }, rule({ timeout: '1d' })],
  ['§1.2 a regex with lookahead', { webhook: /RE2 style regex/ }, match({ headers: { 'x-a': { regex: '(?!x)' } } })],
  ['§1.2 an empty prefix for a header', { webhook: /prefix string match should not be empty/ }, match({ headers: { 'x-a': { prefix: '' } } })],
  ['§1.2 an empty prefix for uri', {}, match({ uri: { prefix: '' } })],
  ['§1.2 the regex * for a header', { webhook: /missing argument to repetition operator/ }, match({ headers: { 'x-a': { regex: '*' } } })],
  ['§1.2 the regex * in withoutHeaders', {}, match({ withoutHeaders: { 'x-a': { regex: '*' } } })],
  ['§1.6 two kinds of match for a header', { schema: /must validate one and only one schema/ },
    match({ headers: { 'x-a': { exact: 'a', prefix: 'a' } } })],
  ['§1.2 a header operation on :path', { webhook: /header cannot have ":" prefix/ }, request({ set: { ':path': '/x' } })],
  ['§1.2 a header operation on host', {}, request({ set: { host: 'x' } })],
  ['§1.2 removing host', { webhook: /cannot set Host header/ }, request({ remove: ['host'] })],
  ['§1.2 a lone % in a header value', { webhook: /Un-escaped %/ }, request({ set: { 'x-a': '50%' } })],
  ['§1.7(i) a header name with a blank', {}, request({ set: { 'x a': '1' } })],
  ['§1.2 a namespace twice in exportTo', { webhook: /duplicate entries in exportTo/ }, vs({ http: [toB], exportTo: ['x', 'x'] })],
  ['§1.2 a subset in capitals', {}, dr({ subsets: [{ name: 'V1' }] })],
  // VirtualService
  ['§1.3-1 a delegate with gateways', { webhook: /must have no gateways/ }, vs({ hosts: [], gateways: ['gate'], http: [toB] })],
  ['§1.3-5 the host * for the mesh', { webhook: /wildcard host \* is not allowed/ }, vs({ hosts: ['*'], http: [toB] })],
  ['§1.3-5 the host * for a gateway', {}, vs({ hosts: ['*'], gateways: ['gate'], http: [toB] })],
  ['§1.3-6 hosts that overlap', { webhook: /duplicate hosts/ }, vs({ hosts: ['b.example.com', '*.example.com'], http: [toB] })],
  ['§1.3-9 a redirect beside a route', { webhook: /both route and redirect/ }, rule({ redirect: { uri: '/x' } })],
  ['§1.3-9 a rule without any action', { webhook: /route, redirect or direct_response is required/ }, rules({ name: 'idle' })],
  ['§1.3-11 mirror beside mirrors', { webhook: /both mirror and mirrors/ }, rule({ mirror: { host: 'b' }, mirrors: [to('b')] })],
  ['§1.3-12 mirrorPercent', { warning: /deprecated setting "mirrorPercent"/ }, rule({ mirror: { host: 'b' }, mirrorPercent: 50 })],
  ['§0.7 §1.3-15 a timeout of 0s', tooShort, rule({ timeout: '0s' })],
  ['§0.7 §1.3-16 retries: {}', {}, rule({ retries: {} })],
  ['§1.3-16 perTryTimeout beside 0 attempts', { webhook: /attempts are set to 0/ }, rule({ retries: { attempts: 0, perTryTimeout: '1s' } })],
  ['§1.3-16 a blank in retryOn', { webhook: /" reset" is not a valid retryOn policy/ }, rule({ retries: { attempts: 1, retryOn: '5xx, reset' } })],
  ['§1.3-16 a status in retryOn', {}, rule({ retries: { attempts: 1, retryOn: '5xx,418' } })],
  ['§1.7(d) a perTryTimeout above the timeout', {}, rule({ timeout: '1s', retries: { attempts: 1, perTryTimeout: '2s' } })],
  ['§0.4 §1.3-17 weights that do not sum to 100', {}, rule({ route: [to('b', 'v1', 1), to('b', 'v2', 2)] })],
  ['§0.4 §1.3-17 the weight 0 of a single destination', {}, rule({ route: [to('b', 'v1', 0)] })],
  ['§0.4 §1.3-17 several weights that sum to 0', { webhook: /total destination weight = 0/ }, rule({ route: [to('b', 'v1', 0), to('b', 'v2', 0)] })],
  ['§0.3 §1.7(a) a dotted short host as a destination', {}, rule({ route: [to('b.shop')] })],
  ['§1.3-18 a fault without delay and abort', { webhook: /must have an abort and\/or a delay/ }, rule({ fault: {} })],
  ['§0.8 §1.3-18 a fault without a percentage', {}, abort({ httpStatus: 500 })],
  ['§1.3-18 a percentage below 0.0001', { webhook: /in range \[0\.0001, 100\.0\]/ }, abort({ httpStatus: 500, percentage: { value: 0.00001 } })],
  ['§1.7(b) an abort with the status 600', {}, abort({ httpStatus: 600 })],
  ['§1.3-18 an abort with the status 601', { webhook: /601 is not in range 200-599/ }, abort({ httpStatus: 601 })],
  ['§1.7(b) a direct response with the status 600', {}, rules({ directResponse: { status: 600 } })],
  ['§1.7(c) a redirect with the code 399', {}, rules({ redirect: { uri: '/x', redirectCode: 399 } })],
  ['§1.3-19 a redirect with the code 400', { webhook: /not a valid redirect code/ }, rules({ redirect: { uri: '/x', redirectCode: 400 } })],
  ['§1.3-21 a rewrite of uri beside one by regex', { webhook: /only contain one of URI or UriRegexRewrite/ },
    rule({ rewrite: { uri: '/x', uriRegexRewrite: { match: 'a', rewrite: 'b' } } })],
  ['§1.3-24 a rule after one that matches everything', { warning: /rule #1 not used \(route without matches defined before\)/ },
    rules(toB, prefix('/x'))],
  ['§1.3-25 a prefix behind a shorter one', { warning: /of prefix \/x\/y is not used/ }, rules(prefix('/x'), prefix('/x/y'))],
  // DestinationRule
  ['§1.4 two subsets of one name', { webhook: /duplicate subset names: v1/ }, dr({ subsets: [{ name: 'v1' }, { name: 'v1' }] })],
  ['§1.7(g) a subset with empty labels', {}, dr({ subsets: [{ name: 'all', labels: {} }] })],
  ['§1.4 an empty trafficPolicy', { webhook: /must have at least one field/ }, policy({})],
  ['§1.4 portLevelSettings without a port', { webhook: /must have valid port/ },
    policy({ portLevelSettings: [{ loadBalancer: { simple: 'RANDOM' } }] })],
  ['§1.4 an ejection percentage of 101', { webhook: /101 is not in range 0\.\.100/ }, policy({ outlierDetection: { maxEjectionPercent: 101 } })],
  ['§1.4 tcp.idleTimeout: 0s', {}, pool({ tcp: { idleTimeout: '0s' } })],
  ['§1.4 http.idleTimeout: 0s', tooShort, pool({ http: { idleTimeout: '0s' } })],
  ['§1.4 a Maglev table whose size is no prime', { webhook: /must be a prime number/ },
    policy({ loadBalancer: { consistentHash: { httpHeaderName: 'x-a', maglev: { tableSize: 100 } } } })],
  // Others
  ['§1.5 a Gateway for a short host', { webhook: /short names \(non FQDN\)/ }, server({ hosts: ['shop'] })],
  ['§1.5 a Gateway with HTTPS and no tls', { webhook: /must have TLS settings/ },
    server({ port: { number: 443, name: 'https', protocol: 'HTTPS' } })],
  ['§1.5 a plain Gateway with httpsRedirect', {}, server({ tls: { httpsRedirect: true } })],
  ['§1.5 a ServiceEntry with resolution NONE and endpoints', { schema: /NONE mode cannot set endpoints/, webhook: /no endpoints should be provided/ },
    (id) => serviceEntry(id, {
      hosts: ['a.example.com'],
      resolution: 'NONE',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
      endpoints: [{ address: '198.51.100.1' }],
    })],
  ['§1.5 a Sidecar egress host without a namespace', { webhook: /must be of form namespace\/dnsName/ },
    (id) => sidecar(id, { egress: [{ hosts: ['b.example.com'] }] })],
  ['§1.5 portLevelMtls without a selector', { schema: /portLevelMtls requires selector/, webhook: /cannot have port level mTLS/ },
    (id) => peerAuthentication(id, { portLevelMtls: { 80: { mode: 'STRICT' } } })],
  ['§1.5 a sampling of 101 percent', { schema: /less than or equal to 100/, webhook: /in range \[0\.0, 100\.0\]/ },
    (id) => telemetry(id, { tracing: [{ randomSamplingPercentage: 101 }] })],
  ['§1.5 a DENY policy without rules', { webhook: /DENY action without `rules` is meaningless/ },
    (id) => authorizationPolicy(id, { action: 'DENY' })],
  ['§1.5 an ALLOW policy without rules', {}, (id) => authorizationPolicy(id, {})],
  ['§1.5 any EnvoyFilter', { warning: /exposes internal implementation details/ },
    (id) => envoyFilter(id, {
      configPatches: [{ applyTo: 'CLUSTER', match: { context: 'SIDECAR_OUTBOUND' }, patch: { operation: 'MERGE', value: { connect_timeout: '1s' } } }],
    })],
];

describe('what Istio says', () => {
  let verdicts: readonly Verdict[];
  beforeAll(async () => {
    verdicts = (await Mesh.validate(cases.map(([, , make], index) => make(`shop/case-${index}`)))).objects;
  });

  const verdict = ({ schema, webhook, warning }: Said) => {
    if (warning) { return 'accepted with a warning'; }
    const by = [...schema ? ['the schema'] : [], ...webhook ? ['the webhook'] : []];
    return by.length > 0 ? `refused by ${by.join(' and ')}` : 'accepted';
  };

  test.each(cases.map(([claim, said], index) => ({ title: `${claim}: ${verdict(said)}`, said, index })))('$title', ({ said, index }) => {
    const { errors, warnings } = verdicts[index];
    const by = (source: Finding['source']) => errors.filter((finding) => finding.source === source).map(({ message }) => message);
    const expected = (message?: RegExp) => message === undefined ? [] : [expect.stringMatching(message)];
    expect(by('schema')).toEqual(expected(said.schema));
    expect(by('webhook')).toEqual(expected(said.webhook));
    expect(warnings.map(({ message }) => message)).toEqual(expected(said.warning));
  });
});

describe('what Istio accepts and Envoy refuses', () => {
  const c = (version: string) => virtualService('refused/c', { hosts: ['c'], http: [{ route: [to('c', version)] }] });
  const base = [namespace('refused'), ...app('refused/b'), ...app('refused/c', ['v1', 'v2']), subsets('refused/c', 'v1', 'v2')];
  let mesh: Mesh;
  beforeAll(async () => { mesh = await Mesh.start([...base, c('v1')]); });
  afterAll(() => mesh?.stop());
  const send = async (host: string) => (await mesh.send({ from: { namespace: 'refused' }, host, repeat: 10 })).distribution;

  test.each([
    ['§1.7(b) an abort with the status 600', /HttpStatus: value must be inside range \[200, 600\)/, abort({ httpStatus: 600, percentage: { value: 100 } })],
    ['§1.7(b) a direct response with the status 600', /Status: value must be inside range \[200, 600\)/, rules({ directResponse: { status: 600 } })],
    ['§1.7(c) a redirect with the code 399', /field: "action", reason: is required/, rules({ redirect: { uri: '/x', redirectCode: 399 } })],
  ])('%s passes the webhook, and Envoy refuses it', async (_, reason, make) => {
    const refused = Mesh.start([...base, make('refused/b')]).then(async (bad) => {
      try {
        await bad.send({ from: { namespace: 'refused' }, host: 'b' });
      } finally {
        await bad.stop();
      }
    });
    await expect(refused).rejects.toMatchObject({ kind: 'refused', message: expect.stringMatching(reason) });
  });

  test('§1.7 (sharper) one refused value keeps the new routes of all services of that port from Envoy, as it refuses the whole RouteConfiguration', async () => {
    expect([await send('b'), await send('c')]).toEqual([{ b: 10 }, { 'c-v1': 10 }]);
    const underWay = mesh.send({ from: { namespace: 'refused' }, host: 'c', repeat: 500 });
    const refused = mesh.update([...base, c('v2'), rules({ directResponse: { status: 600 } })('refused/b')]);
    await expect(refused).rejects.toMatchObject({
      kind: 'refused', message: expect.stringContaining('RouteConfigurationValidationError.VirtualHosts[0]'),
    });
    expect((await underWay).distribution).toEqual({ 'c-v1': 500 });
    expect([await send('b'), await send('c')]).toEqual([{ b: 10 }, { 'c-v1': 10 }]);
    await mesh.update([...base, c('v2'), rules({ directResponse: { status: 418 } })('refused/b')]);
    expect([await send('b'), await send('c')]).toEqual([{ 418: 10 }, { 'c-v2': 10 }]);
  });
});
