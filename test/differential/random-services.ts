import { Chance } from './chance';
import { createdIn, deployment, destinationRule, type Manifest, namespace, service, serviceEntry, sidecar, type Spec } from '../mesh/claims/support';

export const NAMESPACES = ['shop', 'pay', 'other'];
/** Where objects hold for the whole mesh. */
export const ROOT = 'istio-system';
export const VERSIONS = ['v1', 'v2', 'v3'];
export const LANES = ['l1', 'l2'];

/** A port of a Service, and what istiod takes it for. */
export interface RandomPort {
  readonly number: number;
  readonly name?: string;
  readonly appProtocol?: string;
}

/** A Service with its workloads. */
export interface RandomService {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly ports: readonly RandomPort[];
  readonly versions: readonly string[];
  /** Requests go to the very pod that the sender asked DNS for. */
  readonly headless: boolean;
  readonly manifests: readonly Manifest[];
}

/** A host outside the mesh that a ServiceEntry names. */
export interface RandomEntry {
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  /** Requests go to the address that the sender asked DNS for. */
  readonly original: boolean;
  readonly manifest: Manifest;
}

const HTTP: readonly Omit<RandomPort, 'number'>[] = [
  { name: 'http' }, { name: 'http' }, { name: 'http' }, { name: 'http-web' }, { name: 'web', appProtocol: 'http' }, { name: 'web', appProtocol: 'HTTP' }, { name: 'grpc' }, { name: 'http2' },
];
const SNIFFED: readonly Omit<RandomPort, 'number'>[] = [{ name: 'web' }, { name: 'api-http' }, { name: 'HTTP-upper' }];
const OPAQUE: readonly Omit<RandomPort, 'number'>[] = [{ name: 'tcp' }, { name: 'https' }, { name: 'tcp-data' }, { name: 'http', appProtocol: 'tcp' }];
const NUMBERS = [80, 8080, 9000];

export function randomNamespaces(chance: Chance): Manifest[] {
  return [...NAMESPACES.map((name) => namespace(name, name !== 'other' || chance.happens(0.7))), namespace(ROOT, false)];
}

/** Services of which some share a name, some ports have no protocol, and some have nobody behind them. */
export function randomServices(chance: Chance, declared: boolean): RandomService[] {
  const names = chance.some(['cart', 'stock', 'web', 'mail'], 2, 4);
  const placed = names.flatMap((name) => chance.some(NAMESPACES, 1, chance.happens(0.25) ? 2 : 1).map((home) => ({ name, home })));
  return placed.map(({ name, home }) => randomService(chance, home, name, declared));
}

function randomService(chance: Chance, home: string, name: string, declared: boolean): RandomService {
  const numbers = chance.happens(0.6) ? [80] : chance.some(NUMBERS, 1, 3);
  const ports = numbers.map((number, index): RandomPort => {
    const kind = chance.next();
    const port = chance.pick(declared || kind < 0.8 ? HTTP : kind < 0.94 ? SNIFFED : OPAQUE);
    return { number, ...port, name: `${port.name}${numbers.length > 1 ? `-${index}` : ''}` };
  });
  const versions = [...chance.some(VERSIONS, 1, 3), ...chance.some(LANES, 0, 2)];
  const id = `${home}/${name}`;
  const ofPort = ({ number, name: called, appProtocol }: RandomPort) => ({ name: called, port: number, targetPort: number + 1, appProtocol });
  const nobody = chance.happens(0.07);
  const headless = chance.happens(0.06);
  return {
    namespace: home,
    name,
    host: `${name}.${home}.svc.cluster.local`,
    ports,
    versions,
    headless,
    manifests: [
      service(id, {
        selector: nobody ? { app: 'nobody' } : { app: name },
        ports: ports.map(ofPort),
        ...headless ? { clusterIP: 'None' } : {},
      }),
      ...versions.map((version) => deployment(`${id}-${version}`, { app: name, version, ...chance.maybe(0.3, 'tier', () => chance.pick(['a', 'b'])) }, {
        replicas: chance.pick([1, 1, 1, 1, 2, 3, 0]),
      })),
    ],
  };
}

/** The ways to write a Service's host in an object of a namespace, of which some mean another host or none. */
export function writtenHost(chance: Chance, target: RandomService, from: string): string {
  const short = target.namespace === from ? [target.name, target.name] : [];
  const rare = chance.happens(0.08) ? [`${target.name}.${target.namespace}`, `${target.name}.${target.namespace}.svc`, target.name] : [];
  return chance.pick([target.host, target.host, ...short, ...rare]);
}

export function exportTo(chance: Chance, likely: number, home: string): Spec {
  if (!chance.happens(likely)) { return {}; }
  return { exportTo: chance.pick([['.'], ['*'], ['shop'], ['pay', 'other'], ...home === ROOT ? [] : [['.', ROOT]], [ROOT]]) };
}

/** Ages that are often equal. */
export function age(chance: Chance): Spec {
  return chance.happens(0.5) ? {} : createdIn(chance.pick([2023, 2024, 2025, 2025]));
}

/** A policy that can be told from others by its numbers. */
function policy(chance: Chance): Spec {
  const mark = chance.integer(2, 9999);
  return chance.pick<Spec>([
    { connectionPool: { tcp: { maxConnections: mark } } },
    { connectionPool: { http: { http1MaxPendingRequests: mark } } },
    { loadBalancer: { simple: chance.pick(['ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST']) } },
    { outlierDetection: { consecutive5xxErrors: mark } },
    { connectionPool: { tcp: { maxConnections: mark } }, tls: { mode: chance.pick(['DISABLE', 'DISABLE', 'ISTIO_MUTUAL']) } },
    { connectionPool: { tcp: { maxConnections: mark }, http: { http1MaxPendingRequests: mark } }, outlierDetection: { consecutive5xxErrors: mark } },
  ]);
}

function trafficPolicy(chance: Chance, ports: readonly number[]): Spec {
  return {
    ...policy(chance),
    ...chance.maybe(0.25, 'portLevelSettings', () => chance.some(ports, 1, 2).map((number) => ({ port: { number }, ...policy(chance) }))),
  };
}

/** DestinationRules beside the services, beside their callers and in the root namespace, some for many hosts at once. */
export function randomDestinationRules(chance: Chance, services: readonly RandomService[], entries: readonly RandomEntry[]): Manifest[] {
  const taken = new Set<string>();
  return services.flatMap((target) => {
    const count = chance.pick([0, 1, 1, 1, 1, 2, 3]);
    return Array.from({ length: count }, (_, index) => {
      const home = index === 0 && chance.happens(0.8) ? target.namespace : chance.pick([target.namespace, ...NAMESPACES, ROOT]);
      const name = chance.pick([target.name, 'rule-a', 'rule-b', 'zz']);
      if (taken.has(`${home}/${name}`)) { return undefined; }
      taken.add(`${home}/${name}`);
      const wide = chance.happens(0.15);
      const host = wide ? chance.pick([`*.${target.namespace}.svc.cluster.local`, '*.local', '*.svc.cluster.local']) : writtenHost(chance, target, home);
      const versions = index === 0 && chance.happens(0.7) ? [...VERSIONS, ...LANES] : chance.some([...VERSIONS, ...LANES], 0, 4);
      const selecting = chance.happens(0.12);
      return destinationRule(`${home}/${name}`, {
        host,
        ...chance.maybe(0.4, 'trafficPolicy', () => trafficPolicy(chance, target.ports.map(({ number }) => number))),
        ...versions.length > 0 ? { subsets: versions.map((version) => subsetOf(chance, version, target)) } : {},
        ...selecting ? { workloadSelector: { matchLabels: chance.pick<Spec>([{ app: 'web' }, { app: 'web', version: 'v2' }, { app: 'cart' }]) } } : exportTo(chance, 0.2, home),
      }, age(chance));
    }).filter((rule): rule is Manifest => rule !== undefined);
  }).concat(entries.filter(() => chance.happens(0.2)).map((entry, index) => destinationRule(`${chance.pick(NAMESPACES)}/entry-${index}`, {
    host: entry.hosts[0], trafficPolicy: policy(chance),
  })));
}

function subsetOf(chance: Chance, version: string, target: RandomService): Spec {
  const labels = chance.happens(0.05) ? {} : chance.happens(0.08) ? { version: 'no-such' } : chance.happens(0.08) ? { version, tier: 'a' } : { version };
  return {
    name: version,
    ...Object.keys(labels).length > 0 || chance.happens(0.5) ? { labels } : {},
    ...chance.maybe(0.15, 'trafficPolicy', () => trafficPolicy(chance, target.ports.map(({ number }) => number))),
  };
}

export function randomEntries(chance: Chance): RandomEntry[] {
  return chance.list(0, 2, (index) => {
    const wildcard = chance.happens(0.3);
    const hosts = wildcard ? ['*.wild.example.org'] : [chance.pick(['api.example.org', 'www.wild.example.org', 'db.example.org']), ...chance.happens(0.2) ? ['second.example.org'] : []];
    const home = chance.pick(NAMESPACES);
    const resolution = chance.pick(wildcard ? ['NONE', 'STATIC'] : ['DNS', 'STATIC', 'NONE', 'DNS']);
    const protocols = chance.some([{ number: 80, protocol: 'HTTP' }, { number: 8080, protocol: 'HTTP' }, { number: 443, protocol: 'TLS' }], 1, 2);
    return {
      hosts,
      ports: protocols.map(({ number }) => number),
      original: resolution === 'NONE',
      manifest: serviceEntry(`${home}/outside-${index}`, {
        hosts,
        ports: protocols.map(({ number, protocol }) => ({ number, protocol, name: `${protocol.toLowerCase()}-${number}` })),
        resolution,
        ...chance.maybe(0.7, 'location', () => 'MESH_EXTERNAL'),
        ...resolution === 'STATIC' ? { endpoints: [{ address: '203.0.113.10' }] } : {},
        ...resolution === 'DNS' && chance.happens(0.3) ? { endpoints: [{ address: 'backend.example.net' }] } : {},
        ...exportTo(chance, 0.2, home),
      }, age(chance)),
    };
  });
}

/** Sidecars that narrow what a namespace or some of its pods know. */
export function randomSidecars(chance: Chance, services: readonly RandomService[]): Manifest[] {
  if (!chance.happens(0.3)) { return []; }
  const homes = chance.some([...NAMESPACES, ROOT], 1, 2);
  return homes.map((home) => sidecar(`${home}/scope`, {
    ...home !== ROOT && chance.happens(0.3) ? { workloadSelector: { labels: chance.pick<Spec>([{ app: 'web' }, { app: 'cart' }]) } } : {},
    egress: [{ hosts: egressHosts(chance, services) }],
    ...chance.maybe(0.4, 'outboundTrafficPolicy', () => ({ mode: chance.pick(['REGISTRY_ONLY', 'ALLOW_ANY']) })),
  }, age(chance)));
}

function egressHosts(chance: Chance, services: readonly RandomService[]): string[] {
  const one = chance.pick(services);
  const all = ['./*', `${ROOT}/*`, 'shop/*', `*/${one.host}`, `${one.namespace}/${one.host}`, `*/*.${one.namespace}.svc.cluster.local`, '*/*.example.org', '*/virtual.example.com'];
  return chance.happens(0.1) ? ['~/*'] : chance.some(all, 1, 3);
}
