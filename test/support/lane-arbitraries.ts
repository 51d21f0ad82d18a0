import * as fc from 'fast-check';
import { MeshRequest } from './route-evaluator';

/*
 * Random VirtualServices that can take lanes, tables of lanes, and requests aimed at the edges of their matches. Few names and
 * values each, so that they meet often.
 */

export const LANE_HEADER = 'project-version';

/** A VirtualService, a table and requests to try. */
export interface Scene {
  readonly virtualService: any;
  readonly table: any;
  readonly requests: MeshRequest[];
}

const sometimes = <T>(arbitrary: fc.Arbitrary<T>, times: number, missing: number) => (
  fc.oneof({ weight: missing, arbitrary: fc.constant(undefined) }, { weight: times, arbitrary })
);
const seldom = <T>(arbitrary: fc.Arbitrary<T>) => sometimes(arbitrary, 1, 4);
const half = <T>(arbitrary: fc.Arbitrary<T>) => sometimes(arbitrary, 1, 1);
const often = <T>(arbitrary: fc.Arbitrary<T>) => sometimes(arbitrary, 4, 1);

/** Some of the fields, plain JSON: no undefined values, no prototypes that YAML would not give. */
const some = (fields: Record<string, fc.Arbitrary<any>>) => fc.record(fields, { requiredKeys: [], noNullPrototype: true });

const plain = (value: any) => JSON.parse(JSON.stringify(value));

const cart = fc.constantFrom('cart', 'cart.shop.svc.cluster.local');
const stock = fc.constantFrom('stock', 'stock.shop.svc.cluster.local');
/** Hosts that never have lanes: others, a namesake elsewhere, and spellings that Istio does not understand. */
const unlaned = fc.constantFrom(
  'mail', 'mail', 'api.example.com', 'cart.other.svc.cluster.local', 'cart.shop', 'cart.', 'CART', 'Cart.shop.svc.cluster.local', 'stock.shop.svc.cluster.local.',
);

const laneable = fc.record({ host: fc.oneof({ weight: 3, arbitrary: cart }, { weight: 2, arbitrary: stock }), subset: fc.constantFrom('release', 'v2') }, { noNullPrototype: true });
const other = fc.record({ host: unlaned, subset: half(fc.constantFrom('v1', 'v2')) }, { noNullPrototype: true });
const withPort = fc.tuple(fc.oneof({ weight: 3, arbitrary: laneable }, { weight: 1, arbitrary: other }), half(fc.constantFrom(80, 8080)))
  .map(([target, port]) => ({ ...target, port: port && { number: port } }));

const changeName = fc.constantFrom('x-a', 'X-A', 'x-b');
/** Envoy does nothing for an empty value. */
const changeValue = fc.constantFrom('1', '2', '3', '');
const changes = (hosts: fc.Arbitrary<any>) => fc.tuple(some({
  set: fc.dictionary(changeName, changeValue, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
  add: fc.dictionary(changeName, changeValue, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
  remove: fc.uniqueArray(changeName, { minLength: 1, maxLength: 2 }),
}), hosts).map(([operations, host]) => (host ? { ...operations, [host[0]]: { ...(operations as any)[host[0]], [host[1]]: host[2] } } : operations));

/** At most one change of the host for each level: istiod refuses more. */
const changesOfHost = half(fc.tuple(fc.constantFrom('set', 'add'), fc.constantFrom('host', 'Host', ':authority'), fc.constantFrom('h1', 'h2')));
const headerOperations = some({
  request: changes(changesOfHost),
  response: changes(fc.constant(undefined)),
});

const valueMatch = fc.constantFrom<any>({ exact: '1' }, { prefix: '1' }, { regex: '1.*' }, { regex: '.*' }, { regex: '1|2' }, {});
const uriMatch = fc.constantFrom<any>(
  { exact: '/a' }, { exact: '/a/b' }, { exact: '/' }, { prefix: '/' }, { prefix: '/a' }, { prefix: '/a/' }, { prefix: '' },
  { regex: '/a.*' }, { regex: '.*' }, { regex: '/(a|b)' }, { regex: '/a' },
);
const matchEntry = some({
  name: fc.constant('entry'),
  uri: uriMatch,
  ignoreUriCase: fc.boolean(),
  method: fc.constantFrom({ exact: 'GET' }, { regex: 'P.*' }),
  authority: fc.constantFrom({ exact: 'shop.example.com' }, { prefix: 'shop' }),
  headers: fc.dictionary(fc.constantFrom('x-user', 'X-User', 'cookie'), valueMatch, { maxKeys: 2, noNullPrototype: true }),
  withoutHeaders: fc.dictionary(fc.constantFrom('x-user', 'X-Bot'), valueMatch, { maxKeys: 2, noNullPrototype: true }),
  queryParams: fc.dictionary(fc.constantFrom('q', 'debug'), valueMatch, { maxKeys: 2, noNullPrototype: true }),
  port: fc.constantFrom(80, 8080),
  sourceLabels: fc.constantFrom<Record<string, string>>({ app: 'web' }, { app: 'web', version: 'v2' }, {}),
  sourceNamespace: fc.constantFrom('shop', 'other'),
  gateways: fc.constantFrom(['mesh'], ['shop/entry'], ['mesh', 'shop/entry']),
  unknownMatchField: fc.constant({ kept: true }),
});
/** Entries with all those fields match hardly anything, so most have one or two. */
const match = fc.array(fc.tuple(matchEntry, fc.uniqueArray(fc.constantFrom<string>(
  'uri', 'uri', 'headers', 'withoutHeaders', 'method', 'queryParams', 'port', 'sourceLabels', 'sourceNamespace', 'gateways', 'authority', 'name',
  'ignoreUriCase', 'unknownMatchField',
), { maxLength: 3 })).map(([entry, kept]) => Object.fromEntries(Object.entries(entry).filter(([field]) => kept.includes(field)))), { maxLength: 3 });

const mirrored = fc.tuple(fc.oneof(laneable, other), half(fc.constantFrom(0, 50, 100)))
  .map(([target, value]) => ({ destination: target, percentage: value === undefined ? undefined : { value } }));
const mirroring = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: mirrored.map((policy) => ({ mirror: policy.destination, mirrorPercentage: policy.percentage })) },
  { weight: 1, arbitrary: fc.array(mirrored, { maxLength: 2 }).map((mirrors) => ({ mirrors })) },
);

const kept = some({
  timeout: fc.constantFrom('1s', '2s'),
  retries: fc.constantFrom<any>({ attempts: 3, retryOn: '5xx' }, {}),
  fault: fc.constant({ delay: { fixedDelay: '1s', percentage: { value: 10 } } }),
  rewrite: fc.constantFrom<any>({ uri: '/new' }, { authority: 'rewritten' }, { uri: '/new', authority: 'rewritten' }),
  corsPolicy: fc.constant({ allowMethods: ['GET'], allowHeaders: ['x-user'] }),
  unknownRuleField: fc.constant({ deep: ['kept', null, 1] }),
});

const weight = fc.constantFrom(undefined, 0, 1, 2, 30, 100);

/** One destination or several, of which some get nothing; those need no version. Often all are one service's, which a lane makes one. */
const route = fc.tuple(headerOperations, headerOperations, fc.constantFrom(withPort, laneable, cart.map((host) => ({ host, subset: 'release' }))))
  .chain(([one, two, destination]) => fc.array(
    fc.record({
      destination: destination as fc.Arbitrary<any>,
      weight,
      headers: fc.constantFrom(undefined, one, one, one, two),
      forgetsVersion: fc.boolean(),
      unknownDestinationField: seldom(fc.constant('kept')),
    }, { noNullPrototype: true }),
    { minLength: 1, maxLength: 4 },
  ))
  .map((entries) => {
    // A single weight does not count, so that one may be zero.
    const allZero = entries.length > 1 && entries.every((entry) => !entry.weight);
    return entries.map(({ forgetsVersion, ...entry }, index) => {
      if (allZero && index === 0) return { ...entry, weight: 1 };
      if (entries.length === 1 || entry.weight || !forgetsVersion) return entry;
      return { ...entry, destination: { ...entry.destination, subset: undefined } };
    });
  });

const routing = fc.tuple(route, kept, mirroring, half(headerOperations))
  .map(([entries, fields, mirrors, headers]) => {
    const routed: any = plain({ ...fields, ...mirrors, headers, route: entries });
    // istiod refuses a rule that says the host twice.
    const says = routed.headers?.request;
    if (routed.rewrite?.authority) for (const changed of [says?.set, says?.add]) for (const name of ['host', 'Host', ':authority']) delete changed?.[name];
    return routed;
  });

const elsewhere = fc.constantFrom<any>(
  { redirect: { uri: '/elsewhere' } },
  { directResponse: { status: 503 }, headers: { response: { set: { 'x-a': '1' } } } },
  { delegate: { name: 'teams', namespace: 'other' }, timeout: '1s' },
);

const rule = fc.tuple(
  half(fc.constantFrom('main', 'api')),
  often(match),
  fc.oneof({ weight: 7, arbitrary: routing }, { weight: 1, arbitrary: elsewhere }),
).map(([name, entries, action]) => plain({ name, match: entries, ...action }));

const laneableService = fc.array(rule, { minLength: 1, maxLength: 5 }).map((http) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'cart', namespace: 'shop' },
  spec: { hosts: ['cart.shop.svc.cluster.local'], http },
}));

export const LANES = ['l1', 'l2', 'l10'];

const laneDestination = (lane: string, service: string) => fc.record({
  host: fc.constantFrom(`${service}.shop.svc.cluster.local`, `${service}.shop.svc.cluster.local`, `${service}-${lane}.shop.svc.cluster.local`),
  subset: fc.constant(lane),
  port: seldom(fc.constant(9000)),
}, { noNullPrototype: true }).map(({ subset, ...target }) => (target.host.includes(`-${lane}.`) ? target : { ...target, subset }));

const laneOf = (lane: string) => fc.tuple(some({
  'cart.shop.svc.cluster.local': laneDestination(lane, 'cart'),
  'stock.shop.svc.cluster.local': laneDestination(lane, 'stock'),
}), seldom(fc.constant({ retries: { attempts: 0 } }))).map(([hosts, ruleFields]) => (
  // The same for all hosts of the lane: two that ask for different things are refused.
  plain(Object.fromEntries(Object.entries(hosts).map(([host, target]) => [host, { ...target as any, rule: ruleFields }])))
));

export const BAGGAGE_KEY = 'my.lane';

const table = fc.tuple(some(Object.fromEntries(LANES.map((lane) => [lane, laneOf(lane)]))), half(fc.constant(BAGGAGE_KEY)))
  .map(([lanes, baggageKey]) => ({ header: LANE_HEADER, ...(baggageKey === undefined ? {} : { baggageKey }), lanes }));

/** How a request is made from a match: which entry it aims at, and for each field whether it hits, misses narrowly or looks away. */
interface Aim {
  readonly rule: number;
  readonly entry: number;
  readonly choices: number[];
  readonly base: MeshRequest;
}

const aim = fc.record({
  rule: fc.nat({ max: 20 }),
  entry: fc.nat({ max: 20 }),
  choices: fc.array(fc.nat({ max: 11 }), { minLength: 12, maxLength: 12 }),
  base: fc.record({
    path: fc.constantFrom('/', '/a', '/ab', '/a/b', '/a/bc', '/b', '/c', '/A'),
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    authority: fc.constantFrom('cart', 'shop.example.com', 'shop.example.com:80'),
    port: fc.constantFrom(80, 80, 8080),
    gateway: fc.constantFrom('mesh', 'mesh', 'shop/entry'),
    sourceLabels: fc.constantFrom<Record<string, string>>({ app: 'web' }, { app: 'web', version: 'v2' }, {}),
    sourceNamespace: fc.constantFrom('shop', 'other'),
    headers: fc.dictionary(fc.constantFrom('x-user', 'x-bot', 'x-a', 'x-b'), fc.constantFrom('1', '12', '2', ''), { maxKeys: 2, noNullPrototype: true }),
    responseHeaders: fc.dictionary(fc.constantFrom('x-a', 'x-b'), fc.constantFrom('own'), { noNullPrototype: true }),
    query: half(fc.constantFrom('q=1', 'debug', 'q=2&debug=1')),
  }, { noNullPrototype: true }),
}, { noNullPrototype: true });

/** Texts at the edge of a matcher: the first ones are inside, the last ones just outside. */
function edges(matcher: any): string[] {
  if (matcher?.exact !== undefined) return [matcher.exact, matcher.exact, `${matcher.exact}x`, matcher.exact.slice(0, -1)];
  if (matcher?.prefix !== undefined) return [matcher.prefix, `${matcher.prefix}b`, matcher.prefix.slice(0, -1)];
  switch (matcher?.regex) {
    case '/a.*': return ['/a', '/abc', '/xa', '/'];
    case '/(a|b)': return ['/b', '/a', '/ab', 'x/a'];
    case '/a': return ['/a', '/ab', '/A'];
    case '1.*': return ['1', '12', '21', ''];
    case '1|2': return ['1', '2', '12'];
    case 'P.*': return ['POST', 'PUT', 'GET'];
    default: return ['1', ''];
  }
}

function aimed(virtualService: any, { rule: ruleNumber, entry: entryNumber, choices, base }: Aim): MeshRequest {
  const rules = virtualService.spec.http;
  const entries = rules[ruleNumber % rules.length].match ?? [];
  if (entries.length === 0) return base;
  const entry = entries[entryNumber % entries.length];
  const rest = [...choices];
  const looksAway = () => rest[0] === 11;
  const near = (matcher: any, otherwise: any) => (matcher && !looksAway() ? pick(edges(matcher), rest.shift()!) : otherwise);
  const path = near(entry.uri, base.path);
  const headers: any = { ...base.headers };
  for (const [name, matcher] of [...Object.entries(entry.headers ?? {}), ...Object.entries(entry.withoutHeaders ?? {})]) {
    // Missing is an edge of its own; `plain` takes the undefined ones out.
    headers[name.toLowerCase()] = looksAway() ? undefined : pick([...edges(matcher), undefined], rest.shift()!);
  }
  const query = Object.entries(entry.queryParams ?? {}).map(([name, matcher]) => `${name}=${near(matcher, '')}`);
  return plain({
    ...base,
    path: path.startsWith('/') ? path : `/${path}`,
    method: near(entry.method, base.method),
    authority: near(entry.authority, base.authority),
    headers,
    query: query.length > 0 ? query.join('&') : base.query,
    port: entry.port && !looksAway() ? entry.port : base.port,
    gateway: entry.gateways && !looksAway() ? pick(entry.gateways, rest.shift()!) : base.gateway,
    sourceLabels: entry.sourceLabels && !looksAway() ? entry.sourceLabels : base.sourceLabels,
    sourceNamespace: entry.sourceNamespace && !looksAway() ? entry.sourceNamespace : base.sourceNamespace,
  });
}

function pick<T>(items: T[], choice: number): T {
  return items[choice % items.length];
}

export const scene: fc.Arbitrary<Scene> = fc.tuple(laneableService, table, fc.array(aim, { minLength: 3, maxLength: 6 }))
  .map(([virtualService, laneTable, aims]) => ({ virtualService, table: laneTable, requests: aims.map((each) => aimed(virtualService, each)) }));
