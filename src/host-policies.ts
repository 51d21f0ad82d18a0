import { isDeepStrictEqual } from 'util';
import { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { InvalidInput } from './errors';
import { cloneJson } from './json';
import { Fault } from './traffic/fault';
import { HostAtPort } from './traffic/host-reference';
import { RequestMatch } from './traffic/request-match';
import { RetryPolicy } from './traffic/retry-policy';
import { RouteRule } from './traffic/route-rule';
import { wireDuration } from './traffic/wire-duration';

/** The parts of a DestinationRule's policy, as they stand in the manifest. */
export interface TrafficPolicyManifest {
  readonly connectionPool?: any;
  readonly outlierDetection?: any;
  readonly loadBalancer?: any;
  readonly tls?: any;
}

/** A fault for a host: for everybody, for requests that match, or for one lane. */
export interface FaultPolicy {
  readonly fault: Fault;
  readonly match?: RequestMatch[];
  readonly lane?: string;
}

/** Copies of what is sent to a host, or to one version of it. */
export interface MirrorPolicy {
  readonly fromVersion?: string;
  readonly destination: any;
  readonly percentage: number;
  readonly lanesToo: boolean;
}

/** A part of a DestinationRule's policy, and who said it. */
export interface SaidTraffic {
  readonly value: any;
  readonly by: string;
  /** The port that it is for, if it is for one. */
  readonly port?: number;
}

/** Who said it, for the message to whoever says it again. */
interface Said<T> {
  readonly value: T;
  readonly by: string;
}

/** What facets said of one host as a whole: it holds for every rule of ours that routes to it, in the mesh and at gateways. */
export class HostPolicies {
  public readonly faults: FaultPolicy[] = [];
  public readonly mirrors: MirrorPolicy[] = [];
  private _timeout?: Said<Duration>;
  private _retries?: Said<RetryPolicy>;
  /** What it is for (`''` the host, `version v2`, `port 8080`) → part → what was said. */
  private readonly traffic = new Map<string, Map<string, Said<any>>>();

  public get timeout(): Duration | undefined {
    return this._timeout?.value;
  }

  public get retries(): RetryPolicy | undefined {
    return this._retries?.value;
  }

  public get hasTrafficPolicy(): boolean {
    return this.traffic.size > 0;
  }

  /** Whether pods are chosen by a hash. */
  public get hashes(): boolean {
    return [...this.traffic.values()].some((parts) => parts.get('loadBalancer')?.value.consistentHash !== undefined);
  }

  /** The versions that something is said of. */
  public get versions(): string[] {
    return [...this.traffic.keys()].filter((level) => level.startsWith('version ')).map((level) => level.slice('version '.length));
  }

  /** A part of the policy as it was said: by whom, of the host, or of a version or port. */
  public saidOf(part: keyof TrafficPolicyManifest): SaidTraffic[] {
    return [...this.traffic].flatMap(([level, parts]) => {
      const said = parts.get(part);
      const port = level.startsWith('port ') ? Number(level.slice('port '.length)) : undefined;
      return said ? [{ value: said.value, by: said.by, ...(port === undefined ? {} : { port }) }] : [];
    });
  }

  /** How callers encrypt what they send to a version and port, and who said that. */
  public tlsOf(version: string | undefined, port: number | undefined): { readonly mode: string; readonly by: string } | undefined {
    const levels = [`version ${version}`, `port ${port}`, ''];
    const [said] = levels.flatMap((level) => this.traffic.get(level)?.get('tls') ?? []);
    return said && { mode: said.value.mode, by: said.by };
  }

  public setTimeout(timeout: Duration, scope: Construct): void {
    this._timeout = once('timeout', this._timeout, timeout, scope);
  }

  public setRetries(retries: RetryPolicy, scope: Construct): void {
    this._retries = once('retries', this._retries, retries, scope);
  }

  public setTraffic(part: keyof TrafficPolicyManifest, manifest: any, scope: Construct, level: { version?: string; port?: number } = {}): void {
    const key = level.version !== undefined ? `version ${level.version}` : level.port !== undefined ? `port ${level.port}` : '';
    const parts = this.traffic.get(key) ?? new Map<string, Said<any>>();
    parts.set(part, once(key === '' ? part : `${part} of ${key}`, parts.get(part), manifest, scope));
    this.traffic.set(key, parts);
  }

  /** What was said of a version goes with it. */
  public forget(version: string): void {
    this.traffic.delete(`version ${version}`);
  }

  /** The DestinationRule's own `trafficPolicy`. */
  public trafficPolicy(): any {
    return this.withPorts({});
  }

  /** A subset's `trafficPolicy`: what is said of the version goes before what is said of a port, and that before the host's. */
  public subsetPolicy(version: string): any {
    const own = this.partsOf(`version ${version}`);
    return Object.keys(own).length === 0 ? undefined : this.withPorts(own, own);
  }

  /** Istio lets the settings of a port replace all others, so what is to hold for the port too is written out there again. */
  private withPorts(own: TrafficPolicyManifest, first: TrafficPolicyManifest = this.partsOf('')): any {
    const levels = [...this.traffic.keys()].filter((level) => level.startsWith('port '));
    const ports = levels.map((level) => Number(level.slice('port '.length))).sort((a, b) => a - b);
    const portLevelSettings = ports.map((number) => cloneJson({ port: { number }, ...this.partsOf(''), ...this.partsOf(`port ${number}`), ...own }));
    const policy = { ...cloneJson(first), ...(portLevelSettings.length > 0 ? { portLevelSettings } : {}) };
    return Object.keys(policy).length === 0 ? undefined : policy;
  }

  private partsOf(level: string): TrafficPolicyManifest {
    return Object.fromEntries([...this.traffic.get(level) ?? []].map(([part, { value }]) => [part, value]));
  }
}

function once<T>(property: string, before: Said<T> | undefined, value: T, scope: Construct): Said<T> {
  if (before) {
    throw new InvalidInput('PolicyTwice', `'${property}' is said of the host by ${before.by} already; say it once, there or here`, scope);
  }
  return { value, by: scope.node.path };
}

/** A rule as it stands in a VirtualService, with what is said of the hosts it routes to. */
export interface RenderedRule {
  /** The rule, behind its copies for requests that get a fault. */
  readonly manifests: any[];
  /** Why the rule cannot be what was said. */
  readonly problems: string[];
}

/** Applies what is said of the hosts that a rule routes to. */
export function renderRule(rule: RouteRule, policiesOf: (hostName: string) => HostPolicies | undefined): RenderedRule {
  const destinations = rule.destinations.filter((destination, _, all) => all.length === 1 || destination.weight > 0);
  const hosts = [...new Set(destinations.map(({ hostName }) => hostName))];
  const policies = hosts.map((hostName) => policiesOf(hostName));
  const problems: string[] = [];

  /** What all hosts of the rule that say anything agree on. */
  const agreed = (property: string, said: any[]): any => {
    const values = said.filter((value) => value !== undefined);
    if (values.some((value) => !isDeepStrictEqual(value, values[0]))) {
      problems.push(`'${property}' is said differently of ${hosts.join(' and ')}, to which one rule routes; split the rule, or say the same of both`);
    }
    return values[0];
  };
  const manifest = rule._toManifest();
  const timeout = manifest.timeout ?? agreed('timeout', policies.map((each) => each?.timeout && wireDuration('timeout', each.timeout)));
  const retries = agreed('retries', policies.map((each) => each?.retries?._toManifest()));
  const rendered = { ...manifest, ...(timeout ? { timeout } : {}), ...(retries ? { retries } : {}), ...mirrorsOf(rule, hosts, policies, problems) };

  const faults = policies.flatMap((each) => each?.faults ?? []).filter(({ lane }) => lane === undefined);
  if (faults.length > 0 && hosts.length > 1) {
    problems.push(`'fault' is said of one of ${hosts.join(' and ')}, to which one rule routes, and would hit the others too; split the rule`);
  }
  if (hosts.length > 1 && policies.some((each) => each?.faults.some(({ lane }) => lane !== undefined))) {
    problems.push(`'lane' has a fault for one of ${hosts.join(' and ')}, to which one rule routes, and would hit the others too; split the rule`);
  }
  const forAll = faults.filter(({ match }) => !match?.length);
  if (forAll.length > 1) problems.push(`'fault' is said ${forAll.length} times of ${hosts[0]} for all its requests; join them: fault.and(other)`);
  const forSome: any[] = faults.filter(({ match }) => match?.length).flatMap(({ fault, match }) => {
    const narrowed = rule._narrowedTo(match!);
    return narrowed ? [{ ...cloneJson(rendered), match: narrowed._toManifest().match, fault: fault._toManifest() }] : [];
  });
  // Behind a copy for all its requests nothing would reach the rule.
  if (forSome.some(({ match }) => isDeepStrictEqual(match, rendered.match))) return { manifests: forSome, problems };
  return { manifests: [...forSome, { ...rendered, ...(forAll.length > 0 ? { fault: forAll[0].fault._toManifest() } : {}) }], problems };
}

function mirrorsOf(rule: RouteRule, hosts: string[], policies: (HostPolicies | undefined)[], problems: string[]): any {
  const mirrors = policies.flatMap((each, index) => (each?.mirrors ?? []).filter((mirror) => copies(mirror, rule, hosts[index], problems)));
  if (mirrors.length > 0 && hosts.length > 1) {
    problems.push(`'mirror' is said of one of ${hosts.join(' and ')}, to which one rule routes, and would copy the requests of the others too; split the rule`);
  }
  return mirrorManifest(mirrors.map((mirror) => ({ ...mirror, destination: atPort(mirror.destination, rule._at) })));
}

/**
 * Whether a mirror copies the requests of a rule. It is the whole rule's, so a rule that splits a host between versions cannot
 * mirror one of them.
 */
export function copies({ fromVersion, destination }: MirrorPolicy, rule: RouteRule, hostName: string, problems: string[] = []): boolean {
  const live = rule.destinations.filter(({ weight }) => weight > 0 || rule.destinations.length === 1);
  const versions = live.filter((each) => each.hostName === hostName).map(({ version }) => version);
  if (versions.length === 0) return false;
  // What already goes to the mirror's version would meet it twice.
  if (destination.host === hostName && versions.every((version) => version === destination.subset)) return false;
  if (fromVersion === undefined) return true;
  const those = versions.filter((version) => version === fromVersion);
  if (those.length > 0 && those.length < versions.length) {
    problems.push(`'fromVersion' cannot be ${fromVersion} alone where a rule splits ${hostName} between versions: a mirror copies all requests `
      + 'of the rule; mirror the host, or split the rule');
  }
  return those.length > 0;
}

/** A mirror within the host of a rule for one port is for that port too. */
export function atPort(destination: any, at: HostAtPort | undefined): any {
  return destination.host === at?.hostName && at?.port !== undefined ? { ...destination, port: { number: at.port } } : destination;
}

/** The mirrors of a rule in their simplest form. */
function mirrorManifest(mirrors: MirrorPolicy[]): any {
  if (mirrors.length === 0) return {};
  const [{ destination, percentage }] = mirrors;
  if (mirrors.length === 1) return { mirror: cloneJson(destination), ...(percentage === 100 ? {} : { mirrorPercentage: { value: percentage } }) };
  return {
    mirrors: mirrors.map((each) => ({
      destination: cloneJson(each.destination),
      ...(each.percentage === 100 ? {} : { percentage: { value: each.percentage } }),
    })),
  };
}
