import { isDeepStrictEqual } from 'util';
import { commonOperations, foldIntoOne, headerNames, HeaderOperationsManifest } from './header-precedence';
import { compareText, DEFAULT_CLUSTER_DOMAIN, expandHost, isMistakable, namespaceOf, objectName, VirtualServiceManifest } from './hosts';
import { BAGGAGE_HEADER, baggageKeyProblem, baggageMatch, SAYS_A_LANE } from './lane-carriers';
import { asList, cloneJson } from '../json';
import { dnsLabelProblem, headerNameProblem } from '../traffic/predicates';
import { milliseconds } from '../traffic/rule-problems';
import { wireMilliseconds } from '../traffic/wire-duration';

/** Rules whose name begins so were woven; users may not name theirs so. */
export const LANE_RULE_PREFIX = 'lane/';

/** A VirtualService with this label handles the lane header itself (preview hosts, callbacks): `weave` leaves it alone. */
export const HANDLES_LANE_HEADER_LABEL = 'cdk8s-lanes/handles-lane-header';

/** The request header that tells the lane, unless another is chosen. */
export const DEFAULT_LANE_HEADER = 'project-version';

/** The response header that tells which lane served. */
export const SERVED_LANE_HEADER = 'x-served-lane';

/** A mirror of the baseline's rules that a lane's copies keep. */
export interface LaneMirror {
  /** Where it copies to, as the rule says it. */
  readonly destination: any;

  /**
   * The subset whose rules it is kept in; the same destination may be another mirror's, of another subset.
   * @default - in all rules that have it
   */
  readonly fromSubset?: string;
}

/** Where a lane serves one host. */
export interface LaneDestination {
  /** The fully qualified host that serves; usually the very host that the lane has a version of. */
  readonly host: string;

  /**
   * The subset of it that is the lane's version.
   * @default - the whole host belongs to the lane
   */
  readonly subset?: string;

  /**
   * The host's port.
   * @default - the port that the baseline's destination has
   */
  readonly port?: number;

  /**
   * Those of a rule's mirrors that the lane's copy keeps.
   * @default - none: a mirrored lane request would write into the lane's own services downstream
   */
  readonly mirrors?: LaneMirror[];

  /**
   * Fields that the lane's copy of a rule has in place of the baseline's, for example `retries`. Where the rule routes to hosts that
   * do not ask for them, too, it keeps its own. A `perTryTimeout` that is not below the rule's timeout, which Envoy would ignore, is
   * shortened to a third of it.
   * @default - the copy keeps what the rule has
   */
  readonly rule?: Record<string, any>;

  /**
   * How long one try may take where `rule.retries` does not say: a third of the rule's timeout, or this where it has none (`2s`).
   * @default - as `rule.retries` says
   */
  readonly tryTimeout?: string;

  /**
   * What the response header says of who served; Envoy substitutes `%…%` in it.
   * @default - the lane's name
   */
  readonly servedLane?: string;
}

/** Which lane serves which host, and how requests say their lane. */
export interface LaneTable {
  /** The lane header, in lower case. */
  readonly header: string;

  /**
   * The key of W3C baggage that tells the lane of requests without lane header (missing, empty or `-`): `baggage: lane=release-v1`.
   * @default - baggage is not looked at
   */
  readonly baggageKey?: string;

  /** Lane → fully qualified host → where the lane serves it. */
  readonly lanes: Record<string, Record<string, LaneDestination>>;

  /**
   * The response header that tells which lane served.
   * @default 'x-served-lane', an empty text writes none
   */
  readonly servedLaneHeader?: string;

  /**
   * The domain of the cluster.
   * @default 'cluster.local'
   */
  readonly clusterDomain?: string;
}

/** What `weave` noticed or refused, and where. */
export interface WeaveFinding {
  /** Stays the same when the wording changes. */
  readonly code: string;
  /** Within the VirtualService, for example `spec.http[2].route[0]`. */
  readonly path: string;
  /** What is the matter and the way out. */
  readonly message: string;
}

/** What `weave` returns. */
export interface Woven {
  /** The VirtualService with the rules of the lanes. */
  readonly virtualService: VirtualServiceManifest;
  /** What works, but not as it may seem. */
  readonly warnings: WeaveFinding[];
}

/**
 * Everything that stands in the way of weaving a VirtualService.
 * Not exported from the package, as jsii has no error classes: its `name` is 'WeaveRefused', its `problems` can be read.
 */
export class WeaveRefused extends Error {
  constructor(public readonly virtualService: string, public readonly problems: WeaveFinding[]) {
    super(`VirtualService ${virtualService} cannot take lanes:\n${problems.map((p) => `  ${p.path}: ${p.message}`).join('\n')}`);
    this.name = 'WeaveRefused';
  }
}

/**
 * Puts lanes into a VirtualService: before each rule that routes to a host a lane has a version of, a copy of that rule for
 * the requests that carry the lane's name in the lane header, with the host replaced by the lane's version of it.
 *
 * - A request with lane L is distributed as the same request without the header would be, except that a host which L serves
 *   is answered by L's version. All other requests are untouched.
 * - The lane of a request is what its lane header says. Only where that is missing, empty or `-` does the baggage count, if the
 *   table has a key for it: a request is in one lane, at every hop the same.
 * - Weaving again gives the same; a table without lanes gives the baseline back; the order of lanes does not matter. What was
 *   woven before is taken out first, known by its name (`lane/…`).
 * - A copy keeps everything of its rule (timeout, retries, rewrite, fault, fields this library does not know) except mirrors
 *   that the lane does not ask for: a mirrored lane request would write into the lane's services downstream.
 * - Redirects, direct responses and delegating rules are passed through. A delegate is woven as the object of its own that it is.
 *
 * Pure: nothing given is changed.
 *
 * @throws WeaveRefused when the baseline of a laned host is not pinned to a version, when a rule matches or changes the lane
 *   header or changes the header that tells the lane, when a rule's weights are all zero, or when the table itself is wrong
 */
export function weave(virtualService: VirtualServiceManifest, table: LaneTable): Woven {
  const woven = cloneJson(virtualService);
  if (handlesLaneHeader(woven)) return { virtualService: woven, warnings: [] };
  const weaver = new Weaver(woven, table);
  const http = asList(woven.spec?.http).flatMap((rule, index) => (isLaneRule(rule) ? [] : [...weaver.copiesOf(rule, `spec.http[${index}]`), rule]));
  weaver.lookAtTcp(woven.spec);
  if (weaver.problems.length > 0) throw new WeaveRefused(objectName(woven), weaver.problems);
  if (Array.isArray(woven.spec?.http)) woven.spec.http = http;
  return { virtualService: woven, warnings: weaver.warnings };
}

/** The lane that a rule was woven for, `undefined` for a rule of the baseline. */
export function laneOfRule(rule: any): string | undefined {
  return isLaneRule(rule) ? rule.name.slice(LANE_RULE_PREFIX.length).split('/')[0] : undefined;
}

/**
 * Lets browsers send the lane header: adds it to every CORS rule that allows headers by name. A preflight request carries no
 * lane header itself, so the baseline's rules need it, and need it before the first lane comes.
 */
export function allowLaneHeader(virtualService: VirtualServiceManifest, ...headers: string[]): VirtualServiceManifest {
  const allowing = cloneJson(virtualService);
  if (handlesLaneHeader(allowing)) return allowing;
  for (const rule of asList(allowing.spec?.http)) {
    const allowed = rule?.corsPolicy?.allowHeaders;
    if (!Array.isArray(allowed) || allowed.length === 0) continue;
    for (const header of headers) {
      if (!allowed.some((name: string) => name === '*' || name.toLowerCase() === header)) allowed.push(header);
    }
  }
  return allowing;
}

/** The request headers that may tell the lane. */
export function laneHeaders({ header, baggageKey }: Pick<LaneTable, 'header' | 'baggageKey'>): string[] {
  return baggageKey === undefined ? [header] : [header, BAGGAGE_HEADER];
}

/** Whether a VirtualService handles the lane header itself. */
function handlesLaneHeader(virtualService: VirtualServiceManifest): boolean {
  return virtualService.metadata?.labels?.[HANDLES_LANE_HEADER_LABEL] !== undefined;
}

function isLaneRule(rule: any): boolean {
  return typeof rule?.name === 'string' && rule.name.startsWith(LANE_RULE_PREFIX);
}

/** The work on one VirtualService: gathers every problem rather than stopping at the first. */
class Weaver {
  public readonly problems: WeaveFinding[] = [];
  public readonly warnings: WeaveFinding[] = [];
  private readonly namespace: string;
  private readonly clusterDomain: string;
  private readonly servedLaneHeader: string;
  /** Lanes by name, in their order; the destinations by expanded host. */
  private readonly lanes: [string, Map<string, LaneDestination>][];
  private readonly lanedHosts = new Set<string>();

  constructor(virtualService: VirtualServiceManifest, private readonly table: LaneTable) {
    this.namespace = namespaceOf(virtualService);
    this.clusterDomain = table.clusterDomain ?? DEFAULT_CLUSTER_DOMAIN;
    this.servedLaneHeader = table.servedLaneHeader ?? SERVED_LANE_HEADER;
    const problem = headerNameProblem(table.header);
    if (problem) this.refuse('HeaderName', 'header', `'header' ${problem}, got ${JSON.stringify(table.header)}`);
    const keyProblem = table.baggageKey === undefined ? undefined : baggageKeyProblem(table.baggageKey);
    if (keyProblem) this.refuse('BaggageKey', 'baggageKey', `'baggageKey' ${keyProblem}, got ${JSON.stringify(table.baggageKey)}`);
    if (table.baggageKey !== undefined && table.header === BAGGAGE_HEADER) {
      this.refuse('BaggageKey', 'baggageKey', `'baggageKey' must not stand beside the lane header '${BAGGAGE_HEADER}'; keep one of them`);
    }
    this.lanes = Object.keys(table.lanes).sort(compareText).map((lane) => [lane, this.destinationsOf(lane)]);
  }

  /** The lanes' copies of a baseline rule, in the order of their names. */
  public copiesOf(rule: any, path: string): any[] {
    this.refuseLaneHeader(rule, path);
    const route = asList(rule?.route);
    if (rule?.delegate || rule?.redirect || rule?.directResponse || route.length === 0) return [];
    const live = this.liveDestinations(route, path);
    this.refuseUnpinned(live);
    this.warnOfMirrors(rule, path);
    return this.lanes.flatMap(([lane, destinations]) => {
      const served = live.filter(({ host }) => destinations.has(host));
      return served.length === 0 ? [] : [this.copy(rule, lane, destinations, live, path)];
    });
  }

  /** Header routing is for HTTP alone. */
  public lookAtTcp(spec: any): void {
    for (const kind of ['tcp', 'tls']) {
      asList(spec?.[kind]).forEach((rule, index) => {
        for (const { destination } of asList(rule?.route)) {
          const host = this.expand(destination?.host);
          if (!this.lanedHosts.has(host)) continue;
          this.warn('LaneNotForTcp', `spec.${kind}[${index}]`, `routes to ${host}, which lanes serve; ${kind} routes cannot be chosen by a header, so lanes do not apply to them`);
        }
      });
    }
  }

  private destinationsOf(lane: string): Map<string, LaneDestination> {
    const problem = dnsLabelProblem(lane);
    if (problem) this.refuse('LaneName', `lanes.${lane}`, `a lane's name ${problem}, got ${JSON.stringify(lane)}; laneName(branch) makes one of any branch`);
    const destinations = new Map<string, LaneDestination>();
    for (const [host, destination] of Object.entries(this.table.lanes[lane])) {
      const full = this.expand(host);
      destinations.set(full, destination);
      this.lanedHosts.add(full);
    }
    return destinations;
  }

  /** Zero weights get no requests, and neither does a destination without weight beside others. */
  private liveDestinations(route: any[], path: string): LiveDestination[] {
    const all = route.map((entry, index) => ({
      entry,
      host: this.expand(entry?.destination?.host),
      port: entry?.destination?.port?.number as number | undefined,
      weight: route.length === 1 ? 1 : Number(entry?.weight ?? 0),
      path: `${path}.route[${index}]`,
    }));
    for (const { entry, host, path: where } of all) this.warnOfMistakable(String(entry?.destination?.host ?? ''), host, where);
    const live = all.filter(({ weight }) => weight > 0);
    if (live.length === 0 && all.some(({ host }) => this.lanedHosts.has(host))) {
      this.refuse('WeightsAllZero', path, 'its weights are all zero, which Istio refuses; give one destination a weight');
    }
    return live;
  }

  private copy(rule: any, lane: string, destinations: Map<string, LaneDestination>, live: LiveDestination[], path: string): any {
    // Cloned so that no two rules share an object: YAML writers turn those into anchors.
    const { mirror, mirrors, mirrorPercent, mirrorPercentage, ...kept } = cloneJson(rule);
    const groups = groupsOf(live, destinations);
    const alone = groups.length === 1;
    const route = groups.map((group) => {
      const target = destinations.get(group[0].host);
      if (!target) return { ...cloneJson(group[0].entry), weight: group[0].weight };
      let own = this.headersOf(group, path);
      if (alone && rule.route.length > 1) {
        const folded = foldIntoOne({ rule: kept.headers, destination: own }, !!kept.rewrite?.authority);
        own = folded.destination;
        kept.headers = folded.rule;
        if (!kept.headers) delete kept.headers;
      }
      return this.laneEntry(lane, target, group, own, alone);
    });
    return {
      ...kept,
      ...keptMirrors({ mirror, mirrors, mirrorPercentage }, groups.flatMap((group) => mirrorsFor(group, destinations.get(group[0].host)))),
      ...this.replacedFields(lane, rule, groups.map(([{ host }]) => ({ host, asked: destinations.get(host) })), path),
      name: rule.name ? `${LANE_RULE_PREFIX}${lane}/${rule.name}` : `${LANE_RULE_PREFIX}${lane}`,
      match: this.laneMatch(rule.match, lane),
      route,
    };
  }

  /**
   * The rule's fields that the lane's destinations ask for. Two that ask for different ones cannot share a rule, and what not all
   * of them ask for would change the requests of the others.
   */
  private replacedFields(lane: string, rule: any, targets: { host: string; asked?: LaneDestination }[], path: string): Record<string, any> {
    const fields: Record<string, any> = {};
    const asked = targets.map((target) => ({ host: target.host, fields: cloneJson(this.fieldsFor(lane, rule, target.asked, path)) }));
    for (const field of new Set(asked.flatMap((each) => Object.keys(each.fields)))) {
      const [asking, others] = [true, false].map((asks) => asked.filter((each) => field in each.fields === asks));
      if (asking.some((each) => !isDeepStrictEqual(each.fields[field], asking[0].fields[field]))) {
        this.refuse('LaneRuleClash', path, `lane ${lane} asks for different '${field}' for two hosts of this rule; split the rule`);
      } else if (others.length > 0) {
        this.warn('LaneRuleShared', path, `lane ${lane} asks for '${field}' for ${hostsOf(asking)}, which would hold for ${hostsOf(others)} too, to which this rule also routes; `
          + 'so the rule\'s own stay: ask for the same for all of them, or split the rule');
      } else {
        fields[field] = asking[0].fields[field];
      }
    }
    return fields;
  }

  /** The fields that one destination asks for, its tries within the timeout of the rule: Envoy drops a limit that is not. */
  private fieldsFor(lane: string, baseline: any, { rule = {}, tryTimeout }: Partial<LaneDestination> = {}, path: string): Record<string, any> {
    if (!rule.retries) return rule;
    const { perTryTimeout: said, ...retries } = rule.retries;
    const timeout = rule.timeout ?? baseline.timeout;
    const all = milliseconds(timeout);
    const third = all ? wireMilliseconds(Math.max(1, Math.floor(all / 3))) : undefined;
    const tooLong = third !== undefined && said !== undefined && milliseconds(said)! >= all!;
    if (tooLong) {
      this.warn('LaneTryTooLong', path, `has a timeout of ${timeout}, within which no try can take the ${said} that lane ${lane} asks for, so its tries get ${third}; `
        + "shorten 'perTryTimeout', or lengthen the timeout");
    }
    const perTryTimeout = tooLong ? third : said ?? (tryTimeout && (third ?? tryTimeout));
    return { ...rule, retries: { ...retries, ...(perTryTimeout === undefined ? {} : { perTryTimeout }) } };
  }

  private laneEntry(lane: string, target: LaneDestination, group: LiveDestination[], own: HeaderOperationsManifest | undefined, alone: boolean): any {
    const port = target.port ?? group[0].port;
    const headers = this.servedLaneHeader === '' ? own : withResponseHeader(own, this.servedLaneHeader, target.servedLane ?? lane);
    return {
      destination: {
        host: target.host,
        ...(target.subset === undefined ? {} : { subset: target.subset }),
        ...(port === undefined ? {} : { port: { number: port } }),
      },
      ...(alone ? {} : { weight: group.reduce((sum, { weight }) => sum + weight, 0) }),
      ...(headers ? { headers } : {}),
    };
  }

  private headersOf(group: LiveDestination[], path: string): HeaderOperationsManifest | undefined {
    const { common, differ } = commonOperations(group.map(({ entry }) => entry.headers));
    if (differ) {
      this.warn('LaneHeadersDiffer', path, `its destinations of ${group[0].host} change headers differently; the lane, which stands for all of them, does only what they have in common`);
    }
    return common;
  }

  private laneMatch(match: any, lane: string): any[] {
    const entries = asList(match).length === 0 ? [{}] : asList(match);
    return entries.flatMap((entry) => {
      const { headers, ...others } = cloneJson(entry ?? {});
      const byHeader = { ...others, headers: { ...headers, [this.table.header]: { exact: lane } } };
      const { baggageKey, header } = this.table;
      if (baggageKey === undefined) return [byHeader];
      const byBaggage = cloneJson(entry ?? {});
      byBaggage.headers = { ...byBaggage.headers, [BAGGAGE_HEADER]: baggageMatch(baggageKey, lane) };
      byBaggage.withoutHeaders = { ...byBaggage.withoutHeaders, [header]: { ...SAYS_A_LANE } };
      return [byHeader, byBaggage];
    });
  }

  /** The lane header is woven, never written. */
  private refuseLaneHeader(rule: any, path: string): void {
    const told = laneHeaders(this.table);
    const wayOut = `use another header, or label the VirtualService '${HANDLES_LANE_HEADER_LABEL}' if handling this one is its job`;
    asList(rule?.match).forEach((entry, index) => {
      for (const field of ['headers', 'withoutHeaders']) {
        const names = Object.keys(entry?.[field] ?? {}).map((name) => name.toLowerCase());
        for (const header of told.filter((each) => names.includes(each))) {
          this.refuse('BaselineMatchesLaneHeader', `${path}.match[${index}].${field}`, `matches the lane header '${header}', which only the rules of lanes may; ${wayOut}`);
        }
      }
    });
    const levels = [
      { headers: rule?.headers, at: path },
      ...asList(rule?.route).map((entry, index) => ({ headers: entry?.headers, at: `${path}.route[${index}]` })),
    ];
    for (const { headers, at } of levels) {
      for (const header of told.filter((each) => headerNames(headers?.request).includes(each))) {
        this.refuse('BaselineChangesLaneHeader', `${at}.headers.request`, `changes the lane header '${header}', so later hops would see another lane; ${wayOut}`);
      }
      if (headerNames(headers?.response).includes(this.servedLaneHeader.toLowerCase())) {
        this.refuse('BaselineChangesServedLaneHeader', `${at}.headers.response`, `changes '${this.servedLaneHeader}', by which responses tell the lane that served; choose another header for that, or none`);
      }
    }
  }

  private refuseUnpinned(live: LiveDestination[]): void {
    for (const { entry, host, path: where } of live) {
      if (!this.lanedHosts.has(host) || entry.destination.subset) continue;
      this.refuse('BaselineNotPinned', where, `routes to ${host} without a subset, so the baseline's requests would also reach the pods of lanes; `
        + 'pin it: name the subset of the baseline\'s version, and define that subset in a DestinationRule');
    }
  }

  private warnOfMirrors(rule: any, path: string): void {
    for (const mirror of [rule.mirror, ...asList(rule.mirrors).map((policy) => policy?.destination)]) {
      const host = this.expand(mirror?.host);
      if (!mirror || mirror.subset || !this.lanedHosts.has(host)) continue;
      this.warn('MirrorNotPinned', path, `mirrors to ${host} without a subset, so copies also reach the pods of lanes; name the subset of one version`);
    }
  }

  private warnOfMistakable(written: string, host: string, path: string): void {
    if (this.lanedHosts.has(host)) return;
    for (const laned of this.lanedHosts) {
      if (!isMistakable(host, laned)) continue;
      this.warn('HostNotExpanded', path, `routes to '${written}', which Istio does not take for ${laned} (it expands names without dots, and nothing else); lanes do not apply to it, and it may not exist`);
    }
  }

  private expand(host: unknown): string {
    return typeof host === 'string' ? expandHost(host, this.namespace, this.clusterDomain) : '';
  }

  private refuse(code: string, path: string, message: string): void {
    this.problems.push({ code, path, message });
  }

  private warn(code: string, path: string, message: string): void {
    if (!this.warnings.some((warning) => warning.code === code && warning.path === path)) this.warnings.push({ code, path, message });
  }
}

/** A destination of a rule that gets requests. */
interface LiveDestination {
  readonly entry: any;
  readonly host: string;
  readonly port?: number;
  readonly weight: number;
  readonly path: string;
}

/** What the lane serves is grouped by host and port, at the place of its first; every other destination stands alone. */
function groupsOf(live: LiveDestination[], destinations: Map<string, LaneDestination>): LiveDestination[][] {
  const groups: LiveDestination[][] = [];
  for (const destination of live) {
    const same = destinations.has(destination.host)
      && groups.find(([first]) => first.host === destination.host && first.port === destination.port);
    if (same) same.push(destination);
    else groups.push([destination]);
  }
  return groups;
}

/** The destinations of the mirrors that a lane asks for in rules to these destinations of one host. */
function mirrorsFor(group: LiveDestination[], asked: LaneDestination | undefined): any[] {
  const subsets = group.map(({ entry }) => entry.destination.subset);
  const kept = asList(asked?.mirrors).filter(({ fromSubset }) => fromSubset === undefined || subsets.includes(fromSubset));
  return kept.map(({ destination }) => destination);
}

/** Those of a rule's mirrors that a lane asks for, in their simplest form. */
function keptMirrors({ mirror, mirrors, mirrorPercentage }: any, asked: any[]): any {
  const all = mirror ? [{ destination: mirror, percentage: mirrorPercentage }] : asList(mirrors);
  const kept = all.filter((each) => asked.some((destination) => isDeepStrictEqual(destination, each?.destination)));
  if (kept.length > 1) return { mirrors: kept };
  return kept.length === 0 ? {} : { mirror: kept[0].destination, ...(kept[0].percentage ? { mirrorPercentage: kept[0].percentage } : {}) };
}

function hostsOf(targets: { host: string }[]): string {
  return [...new Set(targets.map(({ host }) => host))].join(' and ');
}

function withResponseHeader(headers: HeaderOperationsManifest | undefined, name: string, text: string): HeaderOperationsManifest {
  return { ...headers, response: { ...headers?.response, set: { ...headers?.response?.set, [name]: text } } };
}
