import { RE2JS } from 're2js';
import { InvalidInput, shown } from '../errors';
import { asList } from '../json';
import { compareText, DEFAULT_CLUSTER_DOMAIN, expandHost, isForMesh, LostHost, lostHosts, namespaceOf, objectName } from '../lanes/hosts';
import { laneOfRule } from '../lanes/weave';
import { isPresence } from '../traffic/intersection';

/** A version and the share of requests that it serves. */
export interface Share {
  /** The version; the subset's name where no DestinationRule says its version. */
  readonly version: string;
  /** Above 0, at most 1. */
  readonly share: number;
}

/** Requests that a rule with further conditions takes. */
export interface ConditionalShares {
  /** The conditions, for people. */
  readonly when: string;
  readonly serves: Share[];
}

/** Who serves one service for one lane. */
export interface MatrixCell {
  /** For requests that no condition but the lane header tells apart. Empty: they are answered 404. */
  readonly serves: Share[];
  /** Requests that are served by others, by further conditions. */
  readonly conditional: ConditionalShares[];
  /** The lane is served as those without a lane are. */
  readonly baseline: boolean;
  /** Why requests fail. */
  readonly problems: string[];
}

/** One lane header value, and who serves it. */
export interface MatrixRow {
  /** The lane; `undefined` without `other` for requests that carry no lane header. */
  readonly lane?: string;
  /** The row stands for all values that no rule knows. */
  readonly other: boolean;
  readonly cells: MatrixCell[];
}

/** Lanes × services: which version serves whom inside the mesh. */
export interface Matrix {
  /** The lane header. */
  readonly header: string;
  /** The hosts, fully qualified, in the order of the manifests. */
  readonly services: string[];
  readonly rows: MatrixRow[];
  /** VirtualServices that have no effect on a host, since sidecars follow another one. */
  readonly lostHosts: LostHost[];
}

/** Options of `laneMatrix`. */
export interface MatrixOptions {
  /**
   * The lane header.
   * @default - the header that the woven rules match, `project-version` where there are none
   */
  readonly header?: string;

  /**
   * The domain of the cluster.
   * @default 'cluster.local'
   */
  readonly clusterDomain?: string;
}

/**
 * Which version of each service serves each lane, for clients with a sidecar, read off the manifests: VirtualServices,
 * DestinationRules, Services and Deployments; other kinds are ignored.
 *
 * @throws InvalidInput when a rule's regular expression is not RE2
 */
export function laneMatrix(manifests: any[], options: MatrixOptions = {}): Matrix {
  const clusterDomain = options.clusterDomain ?? DEFAULT_CLUSTER_DOMAIN;
  const mesh = new MeshManifests(manifests, clusterDomain);
  const header = options.header?.toLowerCase() ?? mesh.laneHeader() ?? 'project-version';
  const lanes = mesh.lanes(header);
  const services = mesh.hosts();
  const without = services.map((host) => mesh.cell(host, header, undefined));
  const withBaseline = (cell: MatrixCell, index: number): MatrixCell => ({ ...cell, baseline: sameService(cell, without[index]) });
  const row = (value: string) => services.map((host) => mesh.cell(host, header, value)).map(withBaseline);
  return {
    header,
    services,
    rows: [
      { other: false, cells: without.map((cell) => ({ ...cell, baseline: true })) },
      ...lanes.map((lane) => ({ lane, other: false, cells: row(lane) })),
      { other: true, cells: row(unknownLane(lanes)) },
    ],
    lostHosts: lostHosts(mesh.virtualServices, clusterDomain),
  };
}

/** A value that no rule names. */
function unknownLane(lanes: string[]): string {
  let name = 'no-such-lane';
  while (lanes.includes(name)) name += '-';
  return name;
}

function sameService(one: MatrixCell, other: MatrixCell): boolean {
  const key = ({ serves, conditional }: MatrixCell) => JSON.stringify([serves, conditional]);
  return key(one) === key(other);
}

/** What the matrix needs of a set of manifests. */
class MeshManifests {
  public readonly virtualServices: any[];
  private readonly services: any[];
  private readonly deployments: any[];
  /** Host → subset → labels. */
  private readonly subsets = new Map<string, Map<string, Record<string, string>>>();

  constructor(manifests: any[], private readonly clusterDomain: string) {
    const ofKind = (group: string, kind: string) => manifests.filter((m) => m.kind === kind && String(m.apiVersion ?? '').split('/')[0] === group);
    this.virtualServices = ofKind('networking.istio.io', 'VirtualService');
    this.services = ofKind('v1', 'Service');
    this.deployments = ofKind('apps', 'Deployment');
    for (const rule of ofKind('networking.istio.io', 'DestinationRule')) {
      const host = expandHost(String(rule.spec?.host ?? ''), namespaceOf(rule), clusterDomain);
      const known = this.subsets.get(host) ?? new Map();
      for (const subset of asList(rule.spec?.subsets)) known.set(subset?.name, subset?.labels ?? {});
      this.subsets.set(host, known);
    }
  }

  /** Services first, then hosts that only a VirtualService names. */
  public hosts(): string[] {
    const named = this.services.map((service) => expandHost(String(service.metadata?.name ?? ''), namespaceOf(service), this.clusterDomain));
    const routed = this.virtualServices.filter(isForMesh).flatMap((vs) => asList(vs.spec?.hosts).map((host: string) => this.expand(host, vs)));
    return [...new Set([...named, ...routed.filter((host) => !host.startsWith('*') || !named.some((name) => covers(host, name)))])];
  }

  /** The header by which most of the woven rules tell their lane. */
  public laneHeader(): string | undefined {
    const votes = new Map<string, number>();
    for (const rule of this.virtualServices.flatMap((vs) => asList(vs.spec?.http))) {
      const lane = laneOfRule(rule);
      for (const [name, match] of Object.entries<any>(lane === undefined ? {} : rule.match?.[0]?.headers ?? {})) {
        if (match?.exact === lane) votes.set(name, (votes.get(name) ?? 0) + 1);
      }
    }
    return [...votes].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0]))[0]?.[0];
  }

  /** Every value that a rule asks the lane header to be. */
  public lanes(header: string): string[] {
    const entries = this.virtualServices.flatMap((vs) => asList(vs.spec?.http)).flatMap((rule: any) => asList(rule?.match));
    const values = entries.map((entry: any) => headerMatch(entry?.headers, header)?.exact).filter((value: any) => typeof value === 'string');
    return [...new Set<string>(values)].sort(compareText);
  }

  /** Who serves requests to `host` that carry this lane (`undefined`: no lane header). */
  public cell(host: string, header: string, lane: string | undefined): MatrixCell {
    const vs = this.virtualServiceFor(host);
    const problems = new Set<string>();
    if (!vs) return { serves: this.podsOf(host), conditional: [], baseline: false, problems: [] };
    if (!Array.isArray(vs.spec?.http)) {
      const serves = this.connectionShares(vs, host, problems);
      return { serves, conditional: [], baseline: false, problems: [...problems] };
    }
    const conditional: ConditionalShares[] = [];
    for (const rule of asList(vs.spec?.http)) {
      for (const entry of asList(rule?.match).length > 0 ? rule.match : [{}]) {
        if (isForGateways(entry) || !matchesLane(entry ?? {}, header, lane)) continue;
        const serves = this.sharesOf(rule, vs, problems);
        const when = furtherConditions(entry ?? {}, header);
        if (when === '') return { serves, conditional: withoutEqual(conditional, serves), baseline: false, problems: [...problems] };
        conditional.push({ when, serves });
      }
    }
    return { serves: [], conditional, baseline: false, problems: [...problems, 'no rule takes the rest: 404'] };
  }

  /** Connections of TCP and TLS are routed as a whole: by the first rule, where nothing else tells them apart. */
  private connectionShares(vs: any, host: string, problems: Set<string>): Share[] {
    const [rule] = [...asList(vs.spec?.tls), ...asList(vs.spec?.tcp)];
    return rule ? this.sharesOf(rule, vs, problems) : this.podsOf(host);
  }

  /** The VirtualService that sidecars follow for a host. */
  private virtualServiceFor(host: string): any {
    const names = (vs: any) => asList(vs.spec?.hosts).map((written) => this.expand(written, vs));
    const exact = this.virtualServices.filter((vs) => isForMesh(vs) && names(vs).includes(host));
    const named = this.virtualServices.filter(isForMesh).flatMap((vs) => names(vs).map((name) => [name, vs] as const));
    const candidates = exact.length > 0 ? exact : mostSpecific(named, host);
    const losers = lostHosts(candidates, this.clusterDomain).filter((lost) => lost.host === host).map(({ loser }) => loser);
    return candidates.find((vs) => !losers.includes(objectName(vs)));
  }

  private sharesOf(rule: any, vs: any, problems: Set<string>): Share[] {
    if (rule?.redirect) return [{ version: 'redirect', share: 1 }];
    if (rule?.directResponse) return [{ version: `status ${rule.directResponse.status}`, share: 1 }];
    if (rule?.delegate) return [{ version: `delegate ${rule.delegate.name}`, share: 1 }];
    const route = asList(rule?.route);
    const weightOf = (entry: any) => route.length === 1 ? 1 : Number(entry?.weight ?? 0);
    const total = route.reduce((sum, entry) => sum + weightOf(entry), 0);
    const shares = new Map<string, number>();
    for (const entry of route.filter((each) => weightOf(each) > 0)) {
      const version = this.versionOf(entry?.destination, vs, problems);
      shares.set(version, (shares.get(version) ?? 0) + weightOf(entry) / total);
    }
    return [...shares].map(([version, share]) => ({ version, share }));
  }

  private versionOf(destination: any, vs: any, problems: Set<string>): string {
    const host = this.expand(String(destination?.host ?? ''), vs);
    const own = asList(vs.spec?.hosts).map((name) => this.expand(name, vs));
    const elsewhere = own.some((name) => name === host || (name.startsWith('*') && covers(name, host))) ? '' : `${host.split('.')[0]}:`;
    if (!destination?.subset) return elsewhere + this.podsOf(host).map(({ version }) => version).join('+');
    const known = this.subsets.get(host) ?? mostSpecific([...this.subsets], host)[0];
    const labels = known?.get(destination.subset);
    if (!labels) problems.add(`${objectName(vs)} routes to subset ${destination.subset} of ${host}, which no DestinationRule defines: 503`);
    return elsewhere + (labels?.version ?? destination.subset);
  }

  /** Without a rule any pod of the Service may serve. */
  private podsOf(host: string): Share[] {
    const service = this.services.find((each) => expandHost(String(each.metadata?.name ?? ''), namespaceOf(each), this.clusterDomain) === host);
    const selector = Object.entries(service?.spec?.selector ?? {});
    const pods = this.deployments
      .filter((deployment) => selector.length > 0 && namespaceOf(deployment) === namespaceOf(service))
      .map((deployment) => deployment.spec?.template?.metadata?.labels ?? {})
      .filter((labels) => selector.every(([key, value]) => labels[key] === value));
    const versions = [...new Set(pods.map((labels) => labels.version ?? 'unversioned'))];
    // How many pods each has is the cluster's affair, so equal shares are the honest guess.
    return versions.length === 0 ? [{ version: 'any pod', share: 1 }] : versions.map((version) => ({ version, share: 1 / versions.length }));
  }

  private expand(host: unknown, object: any): string {
    return expandHost(String(host ?? ''), namespaceOf(object), this.clusterDomain);
  }
}

/** What the longest wildcards that cover a host stand for. */
function mostSpecific<T>(named: (readonly [string, T])[], host: string): T[] {
  const covering = named.filter(([name]) => name.startsWith('*') && covers(name, host));
  const longest = Math.max(...covering.map(([name]) => name.length));
  return covering.filter(([name]) => name.length === longest).map(([, value]) => value);
}

function covers(wildcard: string, host: string): boolean {
  return host.endsWith(wildcard.slice(1));
}

function isForGateways(entry: any): boolean {
  const gateways = asList(entry?.gateways);
  return gateways.length > 0 && !gateways.includes('mesh');
}

function withoutEqual(conditional: ConditionalShares[], serves: Share[]): ConditionalShares[] {
  return conditional.filter((other) => JSON.stringify(other.serves) !== JSON.stringify(serves));
}

function headerMatch(headers: any, header: string): any {
  return Object.entries<any>(headers ?? {}).find(([name]) => name.toLowerCase() === header)?.[1];
}

function matchesLane(entry: any, header: string, lane: string | undefined): boolean {
  const wanted = headerMatch(entry.headers, header);
  if (wanted && !(lane !== undefined && matchesString(wanted, lane))) return false;
  const unwanted = headerMatch(entry.withoutHeaders, header);
  if (!unwanted) return true;
  // Envoy takes a missing header for an empty one when it compares values.
  return isPresence(unwanted) ? lane === undefined : !matchesString(unwanted, lane ?? '');
}

function matchesString(match: any, text: string): boolean {
  if (match.exact !== undefined) return text === match.exact;
  if (match.prefix !== undefined) return text.startsWith(match.prefix);
  if (match.regex !== undefined) return compiled(match.regex).matches(text);
  return true;
}

function compiled(regex: string): { matches(text: string): boolean } {
  try {
    return RE2JS.compile(regex);
  } catch (error) {
    throw new InvalidInput('StringMatchRegex', `'regex' must be RE2, got ${shown(regex)}: ${(error as Error).message}`);
  }
}

/** What a match entry asks for beside the lane header, for people; empty: nothing. */
function furtherConditions(entry: any, header: string): string {
  const conditions: string[] = [];
  const uri = entry.uri;
  // These are every path.
  const any = uri && (uri.prefix === '/' || uri.prefix === '' || uri.regex === '.*' || uri.regex === '/.*');
  if (uri && !any) conditions.push(uri.prefix !== undefined ? `${uri.prefix}*` : uri.exact ?? `~${uri.regex}`);
  if (entry.method) conditions.push(shownMatch(entry.method));
  for (const field of ['authority', 'scheme']) if (entry[field]) conditions.push(`${field} ${shownMatch(entry[field])}`);
  for (const [field, sign] of [['headers', ''], ['withoutHeaders', 'not '], ['queryParams', '?']]) {
    for (const [name, match] of Object.entries<any>(entry[field] ?? {})) {
      if (field === 'queryParams' || name.toLowerCase() !== header) conditions.push(`${sign}${name}=${shownMatch(match)}`);
    }
  }
  if (entry.port) conditions.push(`port ${entry.port}`);
  for (const [key, value] of Object.entries(entry.sourceLabels ?? {})) conditions.push(`from ${key}=${value}`);
  if (entry.sourceNamespace) conditions.push(`from namespace ${entry.sourceNamespace}`);
  return conditions.join(' ');
}

function shownMatch(match: any): string {
  if (match?.prefix !== undefined) return `${match.prefix}*`;
  if (match?.regex !== undefined) return `~${match.regex}`;
  return match?.exact ?? 'any';
}
