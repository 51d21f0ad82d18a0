import { Chance } from './chance';
import { aimedAt, COOKIES, exactly, type Matcher, METHODS, PATHS, QUERIES, startsWith, VALUES } from './matchers';
import { age, exportTo, LANES, NAMESPACES, type RandomEntry, type RandomService, ROOT, VERSIONS, writtenHost } from './random-services';
import { deployment, gateway, type Manifest, service, type Spec, virtualService } from '../mesh/claims/support';

/** Hosts that no Service has. */
export const VIRTUAL_HOSTS = ['virtual.example.com', 'shop.example.com', '*.example.com', 'pay.example.com', 'deep.shop.example.com'];
export const HEADER_NAMES = ['x-user', 'X-Group', 'x-lane', 'user-agent'];
const CLIENT_LABELS: readonly Spec[] = [{ app: 'web' }, { app: 'web', version: 'v2' }, { app: 'cart' }, {}, { istio: 'ingressgateway' }];

/** What rules can refer to. */
export interface Scenery {
  readonly services: readonly RandomService[];
  readonly entries: readonly RandomEntry[];
  /** Gateways as `namespace/name`. */
  readonly gateways: readonly string[];
}

/** A match of a rule, with what a request needs to meet it. */
export interface AimedMatch {
  readonly match: Spec;
  /** Makes a request that meets it, or misses it narrowly. */
  readonly aim: (chance: Chance) => Aim;
}

/** The parts of a request that a match looks at. */
export interface Aim {
  path?: string;
  query?: readonly string[];
  method?: string;
  authority?: string;
  port?: number;
  headers: Record<string, string | undefined>;
  labels?: Spec;
  namespace?: string;
}

/** A rule with the matches that requests can aim at. */
export interface AimedRule {
  readonly rule: Spec;
  readonly matches: readonly AimedMatch[];
}

/** A VirtualService with its rules; a delegate has no hosts. */
export interface AimedVirtualService {
  readonly manifest: Manifest;
  readonly hosts: readonly string[];
  readonly rules: readonly AimedRule[];
}

/** What is matched in headers whose values are no arbitrary ones. */
const SPECIAL_VALUES: Record<string, readonly Matcher[]> = {
  'cookie': COOKIES,
  ':path': PATHS.filter(({ match }) => match.prefix !== ''),
  'host': [startsWith('cart'), startsWith('shop')],
  'x-lane': [exactly('l1'), exactly('l2')],
};

function randomMatch(chance: Chance, { gateways }: Scenery): AimedMatch {
  const match: Record<string, unknown> = {};
  const aims: ((chance: Chance, aim: Aim) => void)[] = [];
  const text = (field: string, matcher: Matcher, set: (aim: Aim, value: string) => void) => {
    match[field] = matcher.match;
    aims.push((luck, aim) => set(aim, aimedAt(luck, matcher)));
  };
  const fields = chance.some(['uri', 'uri', 'uri', 'headers', 'headers', 'withoutHeaders', 'queryParams', 'method', 'authority', 'scheme', 'port', 'gateways', 'sourceLabels', 'sourceNamespace'], 0, chance.pick([1, 1, 2, 2, 3, 4]));
  for (const field of new Set(fields)) {
    switch (field) {
      case 'uri':
        text('uri', chance.pick(PATHS), (aim, value) => { aim.path = value; });
        if (chance.happens(0.2)) { match.ignoreUriCase = true; }
        break;
      case 'headers': case 'withoutHeaders':
        match[field] = Object.fromEntries(chance.some([...HEADER_NAMES, 'cookie', ...field === 'headers' ? [':path', 'host'] : []], 1, chance.pick([1, 1, 2])).map((name) => {
          const matcher = chance.pick(SPECIAL_VALUES[name] ?? VALUES);
          if (name !== ':path' && name !== 'host') {
            aims.push((luck, aim) => { aim.headers[name.toLowerCase()] = luck.happens(0.15) ? undefined : aimedAt(luck, matcher); });
          }
          return [name, field === 'withoutHeaders' && chance.happens(0.1) ? { regex: '*' } : matcher.match];
        }));
        break;
      case 'queryParams':
        match.queryParams = Object.fromEntries(chance.some(['q', 'debug', 'Q'], 1, 2).map((name) => {
          const matcher = chance.pick(QUERIES);
          aims.push((luck, aim) => {
            if (luck.happens(0.15)) { return; }
            const value = aimedAt(luck, matcher).replace(/ /g, '+');
            aim.query = [...aim.query ?? [], value === '' && luck.happens(0.5) ? name : `${name}=${value}`, ...luck.happens(0.1) ? [`${name}=other`] : []];
          });
          return [name, matcher.match];
        }));
        break;
      case 'method': text('method', chance.pick(METHODS), (aim, value) => { aim.method = value; }); break;
      case 'authority':
        text('authority', chance.pick([startsWith('cart'), startsWith('shop'), exactly('shop.example.com'), exactly('cart'), exactly('shop.example.com:8080'), { match: { regex: '(shop|pay)\\..*' }, hits: ['shop.example.com'], misses: ['xshop.example.com'] }]), (aim, value) => { aim.authority = value; });
        break;
      case 'scheme': match.scheme = chance.pick([{ exact: 'http' }, { exact: 'https' }, { prefix: 'http' }, { regex: 'https?' }]); break;
      case 'port': {
        const number = chance.pick([80, 80, 80, 8080, 9000, 9090]);
        match.port = number;
        aims.push((luck, aim) => { aim.port = luck.happens(0.8) ? number : luck.pick([80, 8080, 9000, 9090]); });
        break;
      }
      case 'gateways': match.gateways = chance.pick([['mesh'], ...gateways.map((name) => [name]), ['mesh', ...gateways.slice(0, 1)]]); break;
      case 'sourceLabels': {
        const labels = chance.pick(CLIENT_LABELS);
        match.sourceLabels = labels;
        aims.push((luck, aim) => { aim.labels = luck.happens(0.7) ? labels : luck.pick(CLIENT_LABELS); });
        break;
      }
      case 'sourceNamespace': {
        const home = chance.pick([...NAMESPACES, ROOT]);
        match.sourceNamespace = home;
        aims.push((luck, aim) => { aim.namespace = luck.happens(0.7) ? home : luck.pick(NAMESPACES); });
        break;
      }
    }
  }
  if (chance.happens(0.2)) { match.name = chance.pick(['m1', 'm2']); }
  return {
    match,
    aim: (luck) => {
      const aim: Aim = { headers: {} };
      aims.forEach((set) => set(luck, aim));
      return aim;
    },
  };
}

const OPERATED = ['x-a', 'X-A2', 'x-b', 'x-user', 'user-agent'];

function operations(chance: Chance, authority: boolean): Spec {
  const values = () => Object.fromEntries(chance.some(OPERATED, 1, 2).map((name) => [name, chance.pick(['1', '2', 'three', '50%% off', ...chance.happens(0.1) ? [''] : []])]));
  const request = {
    ...chance.maybe(0.5, 'set', values), ...chance.maybe(0.4, 'add', values), ...chance.maybe(0.3, 'remove', () => chance.some(OPERATED, 1, 2)),
  };
  const named: Spec = authority && chance.happens(0.15) ? { [chance.pick(['set', 'add'])]: { [chance.pick(['host', ':authority', 'Host'])]: chance.pick(['rewritten.example.com', 'other']) } } : {};
  const response = {
    ...chance.maybe(0.5, 'set', values), ...chance.maybe(0.4, 'add', values), ...chance.maybe(0.3, 'remove', () => chance.some(OPERATED, 1, 2)),
  };
  return { ...chance.maybe(0.8, 'request', () => ({ ...request, ...named })), ...chance.maybe(0.5, 'response', () => response) };
}

function destinationOf(chance: Chance, { services, entries }: Scenery, home: string): Spec {
  if (entries.length > 0 && chance.happens(0.1)) {
    const entry = chance.pick(entries);
    const [host] = entry.hosts;
    return { host: host.replace('*', 'some'), ...chance.maybe(0.7, 'port', () => ({ number: chance.pick(entry.ports) })) };
  }
  if (chance.happens(0.03)) { return { host: chance.pick(['nobody', 'nobody.example.com', 'gone.shop.svc.cluster.local']) }; }
  const target = chance.pick(services);
  return {
    host: writtenHost(chance, target, home),
    ...chance.maybe(0.65, 'subset', () => chance.pick(chance.happens(0.9) ? target.versions : [...VERSIONS, ...LANES, 'nosuch'])),
    ...chance.maybe(0.4, 'port', () => ({ number: chance.happens(0.9) ? chance.pick(target.ports).number : chance.pick([80, 8080, 9999]) })),
  };
}

const SPLITS = [[90, 10], [1, 2], [0, 100], [50, undefined], [0, 0, 1], [25, 25, 50], [1, 1, 1], [100, 0]];

function routing(chance: Chance, scenery: Scenery, home: string): Spec {
  const one = chance.happens(0.55);
  const same = chance.happens(0.4) ? destinationOf(chance, scenery, home) : undefined;
  const weights = one ? [chance.pick([undefined, undefined, 0, 30, 100])] : chance.pick(SPLITS);
  const rewrites = chance.happens(0.2) ? rewrite(chance) : undefined;
  const saysAuthority = (rewrites as any)?.authority !== undefined;
  return {
    route: weights.map((weight) => ({
      destination: same && chance.happens(0.6)
        ? { ...same, ...(same as any).subset ? { subset: chance.pick(VERSIONS) } : {} } : destinationOf(chance, scenery, home),
      ...weight === undefined ? {} : { weight },
      ...chance.maybe(0.25, 'headers', () => operations(chance, true)),
    })),
    ...chance.maybe(0.3, 'headers', () => operations(chance, !saysAuthority)),
    ...rewrites ? { rewrite: rewrites } : {},
    ...mirroring(chance, scenery, home),
    ...chance.maybe(0.15, 'timeout', () => chance.pick(['1s', '500ms', '1.5s', '1m30s'])),
    ...chance.maybe(0.2, 'retries', () => chance.pick<Spec>([
      {}, { attempts: 0 }, { attempts: 3 }, { attempts: 3, perTryTimeout: '2s' }, { attempts: 2, retryOn: '5xx' }, { attempts: 1, retryOn: '503,reset,gateway-error' },
      { attempts: 5, perTryTimeout: '250ms', retryOn: 'connect-failure,retriable-status-codes,409' }, { retryOn: '5xx', attempts: 1, retryRemoteLocalities: true },
    ])),
    ...faulty(chance),
  };
}

function rewrite(chance: Chance): Spec {
  return chance.pick<Spec>([
    { uri: '/new' }, { uri: '/' }, { uri: '/new/' }, { authority: 'rewritten.example.com' }, { uri: '/n', authority: 'other' },
    { uriRegexRewrite: { match: '^/(a|b)', rewrite: '/x\\1' } }, { uriRegexRewrite: { match: '/([^/]*)/?(.*)', rewrite: '/\\2/\\1' } },
    { uriRegexRewrite: { match: 'a', rewrite: '\\0$1' } },
  ]);
}

function mirroring(chance: Chance, scenery: Scenery, home: string): Spec {
  const percentage = () => chance.maybe(0.6, 'percentage', () => ({ value: chance.pick([0, 100, 50, 0.1, 33.3333]) }));
  const kind = chance.next();
  if (kind < 0.07) {
    const { percentage: value } = percentage();
    return { mirror: destinationOf(chance, scenery, home), ...value ? { mirrorPercentage: value } : {} };
  }
  if (kind < 0.14) { return { mirrors: chance.list(1, 2, () => ({ destination: destinationOf(chance, scenery, home), ...percentage() })) }; }
  return {};
}

function faulty(chance: Chance): Spec {
  if (!chance.happens(0.1)) { return {}; }
  const percentage = () => chance.maybe(0.8, 'percentage', () => ({ value: chance.pick([0, 100, 50, 0.5]) }));
  return {
    fault: chance.pick<Spec>([
      { delay: { fixedDelay: '10ms', ...percentage() } },
      { abort: { httpStatus: chance.pick([418, 503]), ...percentage() } },
      { delay: { fixedDelay: '5ms', ...percentage() }, abort: { httpStatus: 500, ...percentage() } },
      { abort: { grpcStatus: 'UNAVAILABLE', ...percentage() } },
    ]),
  };
}

function answering(chance: Chance, uri: any): Spec {
  const headers = chance.maybe(0.3, 'headers', () => ({ response: { set: { 'x-a': '1' }, add: { 'x-b': '2' } } }));
  if (chance.happens(0.35)) {
    return { directResponse: { status: chance.pick([200, 404, 503]), ...chance.maybe(0.5, 'body', () => ({ string: 'said' })) }, ...headers };
  }
  const prefixed = uri === undefined || uri.prefix !== undefined;
  return {
    redirect: {
      ...chance.pick<Spec>([{ uri: '/there' }, { uri: '/there?x=1' }, { authority: 'there.example.com' }, { scheme: 'https' }, { scheme: 'https', port: 443 }, { port: 8443 }, { derivePort: 'FROM_REQUEST_PORT' }, { uri: '/there', authority: 'there' }, { derivePort: 'FROM_PROTOCOL_DEFAULT', authority: 'x.example.com' }, ...prefixed ? [{ prefixRewrite: '/there' }] : []]),
      ...chance.maybe(0.4, 'redirectCode', () => chance.pick([301, 302, 303, 307, 308])),
    },
    ...headers,
  };
}

function randomRule(chance: Chance, scenery: Scenery, home: string, delegates: readonly string[]): AimedRule {
  const matches = chance.happens(0.75) ? chance.list(1, chance.pick([1, 1, 2, 3]), () => randomMatch(chance, scenery)) : [];
  const delegated = delegates.length > 0 && chance.happens(0.3);
  const action = delegated
    ? { delegate: { name: chance.pick(delegates).split('/')[1], namespace: chance.pick(delegates).split('/')[0] }, ...chance.maybe(0.3, 'timeout', () => '3s'), ...chance.maybe(0.2, 'headers', () => operations(chance, false)) }
    : chance.happens(0.85) ? routing(chance, scenery, home) : answering(chance, matches.length === 1 ? matches[0].match.uri : matches.length === 0 ? undefined : { exact: '' });
  return {
    rule: { ...chance.maybe(0.3, 'name', () => chance.pick(['main', 'api', 'other'])), ...matches.length > 0 ? { match: matches.map(({ match }) => match) } : {}, ...action },
    matches,
  };
}

/** Several VirtualServices for the same hosts: of different ages, seen by different namespaces, for the mesh and gateways. */
export function randomVirtualServices(chance: Chance, scenery: Scenery): AimedVirtualService[] {
  const taken = new Set<string>();
  const named = (home: string, name: string) => {
    let id = `${home}/${name}`;
    for (let n = 2; taken.has(id); n++) { id = `${home}/${name}-${n}`; }
    taken.add(id);
    return id;
  };
  const delegates = chance.happens(0.25) ? chance.list(1, 2, (index) => {
    const home = chance.pick(NAMESPACES);
    const rules = chance.list(1, 2, () => randomRule(chance, scenery, home, []));
    return { manifest: virtualService(named(home, `part-${index}`), { http: rules.map(({ rule }) => rule), ...exportTo(chance, 0.1, home) }, age(chance)), hosts: [], rules };
  }) : [];
  const ids = delegates.map(({ manifest: { metadata } }) => `${metadata.namespace}/${metadata.name}`);
  const roots = chance.list(2, 6, () => {
    const target = chance.pick(scenery.services);
    const home = chance.happens(0.75) ? target.namespace : chance.pick([...NAMESPACES, ROOT]);
    const entering = scenery.gateways.length > 0 && chance.happens(0.4);
    const own = scenery.gateways.filter((name) => name.startsWith(`${home}/`)).map((name) => name.split('/')[1]);
    const gateways = entering ? chance.some([...scenery.gateways, ...own, ...chance.happens(0.3) ? ['mesh'] : []], 1, 2) : chance.happens(0.2) ? ['mesh'] : undefined;
    const hosts = chance.some([
      ...entering ? VIRTUAL_HOSTS : [writtenHost(chance, target, home), writtenHost(chance, target, home)],
      ...entering && !gateways?.includes('mesh') ? ['*', 'shop.example.com', writtenHost(chance, target, home)] : [],
      ...chance.happens(0.25) ? [writtenHost(chance, chance.pick(scenery.services), home)] : [],
      ...chance.happens(0.12) ? [chance.pick([`*.${target.namespace}.svc.cluster.local`, '*.local', '*.cluster.local'])] : [],
      ...chance.happens(0.2) ? [chance.pick(VIRTUAL_HOSTS)] : [],
      ...scenery.entries.length > 0 && chance.happens(0.25) ? [chance.pick(chance.pick(scenery.entries).hosts)] : [],
    ], 1, 2);
    const rules = chance.list(1, 4, () => randomRule(chance, scenery, home, ids));
    const manifest = virtualService(named(home, chance.pick([target.name, 'aa', 'routes', 'zz'])), {
      hosts: withoutOverlap([...new Set(hosts)], home),
      ...gateways ? { gateways: [...new Set(gateways)] } : {},
      http: rules.map(({ rule }) => rule),
      ...exportTo(chance, 0.2, home),
    }, age(chance));
    return { manifest, hosts, rules };
  });
  return [...delegates, ...roots];
}

/** Istio refuses hosts of one VirtualService of which one covers another. */
function withoutOverlap(hosts: readonly string[], home: string): string[] {
  const expanded = (host: string) => host.includes('.') || host === '*' ? host : `${host}.${home}.svc.cluster.local`;
  const covers = (wide: string, host: string) => wide.startsWith('*') && expanded(host).endsWith(wide.slice(1));
  const spares = (host: string, index: number) => (other: string, at: number) => (
    at !== index && (covers(other, host) || at < index && expanded(other) === expanded(host)));
  return hosts.filter((host, index) => !hosts.some(spares(host, index)));
}

export function randomGateways(chance: Chance): Manifest[] {
  if (!chance.happens(0.7)) { return []; }
  return chance.list(1, 3, (index) => {
    const home = chance.pick([ROOT, 'shop', 'pay']);
    const count = chance.pick([1, 1, 2]);
    return gateway(`${home}/gate-${index}`, {
      selector: { istio: chance.happens(0.85) ? 'ingressgateway' : 'other' },
      servers: Array.from({ length: count }, (_, at) => randomServer(chance, at)),
    }, age(chance));
  });
}

/** The gateways' own Deployments and Services. Without them everybody would have to make up the same ones. */
export function randomGatewayPods(chance: Chance, gateways: readonly Manifest[]): Manifest[] {
  const selectors = [...new Set(gateways.map(({ spec }) => (spec as any).selector.istio as string))];
  return selectors.flatMap((istio) => {
    const home = chance.pick([ROOT, 'shop']);
    const labels = { istio, app: `gateway-${istio}` };
    const pods = deployment(`${home}/gateway-${istio}`, labels);
    (pods.spec as any).template.metadata.annotations = { 'inject.istio.io/templates': 'gateway' };
    return [
      service(`${home}/gateway-${istio}`, {
        selector: { istio },
        ports: [{ name: 'http', port: 80, targetPort: chance.pick([8080, 80]) }, { name: 'http-more', port: chance.pick([9090, 9091]), targetPort: 9090 }, { name: 'https', port: 443, targetPort: 8443 }],
      }),
      pods,
    ];
  });
}

function randomServer(chance: Chance, index: number): Spec {
  const hosts = chance.some(['*', 'shop.example.com', '*.example.com', 'shop/*', './*', 'pay/pay.example.com', '*/virtual.example.com', './*.example.com', '*.local', '*.shop.svc.cluster.local', 'deep.shop.example.com', 'other/shop.example.com'], 1, 3);
  if (chance.happens(0.12)) {
    return { port: { number: 443, name: `https-${index}`, protocol: 'HTTPS' }, tls: { mode: 'SIMPLE', credentialName: 'secret' }, hosts };
  }
  return {
    port: { number: chance.pick([80, 80, 80, 9090]), name: `http-${index}`, protocol: chance.pick(['HTTP', 'HTTP', 'HTTP2']) },
    hosts,
    ...chance.maybe(0.08, 'tls', () => ({ httpsRedirect: true })),
  };
}
