import { Chart } from 'cdk8s';
import { Construct, IConstruct } from 'constructs';
import { AppProtocol } from './app-protocol';
import { demand, demandLabels, InvalidInput } from './errors';
import { atPort, HostPolicies } from './host-policies';
import { hostWarnings } from './host-warnings';
import { asList } from './json';
import { demandKind, demandKinds, Kinds, listOf, maybe, oneOf, OPTIONS, TEXT } from './kinds';
import { LaneFallbacks } from './lane-fallbacks';
import { compareText } from './lanes/hosts';
import { NamedPods, sharedPodsProblem, sharedPodsWarning } from './lanes/pods-apart';
import { LANE_RULE_PREFIX, LaneDestination } from './lanes/weave';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { ConnectionRule } from './traffic/connection-rule';
import { Destination, IRoutable } from './traffic/destination';
import { Fallback } from './traffic/fallback';
import { HostAtPort, hostProblem } from './traffic/host-reference';
import { dnsLabelProblem, externalHostProblem, objectNameProblem, portProblem, serviceNameProblem, versionNameProblem } from './traffic/predicates';
import { RouteRule, RouteSettings } from './traffic/route-rule';
import { milliseconds } from './traffic/rule-problems';
import { wireDuration } from './traffic/wire-duration';
import { Warnings } from './warnings';
import { WovenRoutes } from './woven-routes';

/** How requests to a host can be routed. */
export enum RoutedProtocol {
  /** By their content: HTTP, HTTP/2, gRPC. */
  HTTP = 'http',
  /** By the server name that TLS connections ask for. */
  TLS = 'tls',
  /** By nothing but the port. */
  TCP = 'tcp',
}

/** One more port of a host. */
export interface HostPort {
  /** The Service's port, 1 to 65535. */
  readonly port: number;

  /**
   * What it speaks.
   * @default RoutedProtocol.HTTP
   */
  readonly protocol?: RoutedProtocol;

  /**
   * The port that the pods listen at, 1 to 65535. Lanes with fallback need it.
   * @default - the Service's port
   */
  readonly targetPort?: number;

  /**
   * What it speaks in Istio's own words. Lanes with fallback need it.
   * @default AppProtocol.HTTP
   */
  readonly appProtocol?: AppProtocol;
}

/** Properties of `MeshHost`. */
export interface MeshHostProps {
  /** The Service's name. */
  readonly name: string;

  /**
   * The host's name where it is no Service of this cluster: that of a ServiceEntry, such as `api.example.com` or `*.example.com`.
   * (EgressHost makes such an entry.)
   * @default - `<name>.<namespace>.svc.cluster.local`
   */
  readonly hostName?: string;

  /**
   * The namespaces that see the VirtualService and the DestinationRule: `.` for their own, names, or `*` for all. A gateway of the app
   * that routes to a version must be among them, or it would answer 503; other callers that are not are warned of.
   * @default - not written: all; or what a Scope derives
   */
  readonly exportTo?: string[];

  /**
   * The Service's namespace. The VirtualService and the DestinationRule stand there too.
   * @default - the chart's namespace; a chart without one is refused, as hosts are written in full
   */
  readonly namespace?: string;

  /**
   * The Service's port, 1 to 65535: the one that requests from gateways, mirrors and other hosts' rules are sent to.
   * @default - not written in destinations: Istio takes the port of the request
   */
  readonly port?: number;

  /**
   * The Service's other ports. Requests inside the mesh keep the port they are for; rules for one port say so
   * (`RequestMatch.port`).
   * @default - none: all requests are sent to `port`
   */
  readonly additionalPorts?: HostPort[];

  /**
   * The version that serves everybody who is in no lane. Its subset is emitted and requests are routed to it alone.
   * @default - the host has no versions: requests may meet any pod, and it cannot have lanes
   */
  readonly baseline?: string;

  /**
   * The labels of the baseline's pods.
   * @default - `version: <baseline>`
   */
  readonly baselineLabels?: Record<string, string>;

  /**
   * What `port` speaks. Requests of HTTP can be routed by content, connections of TCP and TLS as a whole.
   * @default RoutedProtocol.HTTP
   */
  readonly protocol?: RoutedProtocol;

  /**
   * The port that the pods listen at behind `port`, 1 to 65535. Lanes with fallback need it.
   * @default - the Service's port
   */
  readonly targetPort?: number;

  /**
   * What `port` speaks in Istio's own words. Lanes with fallback need it.
   * @default AppProtocol.HTTP
   */
  readonly appProtocol?: AppProtocol;

  /**
   * The labels that the Service selects its pods by. Lanes with fallback need them, as pods of other services may have the same
   * `version`.
   * @default - not known: lanes cannot fall back
   */
  readonly selector?: Record<string, string>;

  /**
   * How the baseline serves the requests of lanes whose pods cannot, where a StainedRoute or a lane says `fallback: true`.
   * @default - as `Fallback.of()` says
   */
  readonly fallback?: Fallback;

  /**
   * The VirtualService's name.
   * @default - the Service's name
   */
  readonly virtualServiceName?: string;

  /**
   * The DestinationRule's name.
   * @default - the Service's name
   */
  readonly destinationRuleName?: string;
}

/**
 * A host of the mesh, and the one owner of its VirtualService and DestinationRule: sidecars do not merge two VirtualServices
 * of one host, so everything that is said about routing to it, from any chart, comes together here.
 *
 * Make one for a Service that others deploy. A CanaryService brings its own as `canaryService.host`.
 *
 * Emits nothing that nothing asked for: a DestinationRule when there are versions, a VirtualService when there is a baseline
 * or a rule. Both can be patched anywhere, unknown fields too, by `ApiObject.of(host.virtualService).addJsonPatch(...)`;
 * patches of rules are inherited by the copies that lanes get.
 *
 * The host is `<name>.<namespace>.svc.cluster.local`. Where the cluster has another domain, say so for the whole app, before
 * the first host: `app.node.setContext('cdk8s-lanes/cluster-domain', 'corp.internal')`.
 *
 * Needs Istio 1.22 or newer, the first that serves `networking.istio.io/v1`.
 *
 * @see https://istio.io/latest/docs/concepts/traffic-management/
 */
export class MeshHost extends Construct implements IRoutable {
  /** The Service's name. */
  public readonly name: string;
  /** The Service's namespace. */
  public readonly namespace: string;
  public readonly hostName: string;
  public readonly port?: number;
  /** The version that serves everybody who is in no lane, if the host has versions. */
  public readonly baseline?: string;

  /** What each port speaks; `undefined` stands for the one port that the app does not know. */
  private readonly protocols: ReadonlyMap<number | undefined, RoutedProtocol>;
  private readonly external: boolean;
  private readonly selector?: Record<string, string>;
  private readonly exportTo?: string[];
  private readonly virtualServiceName: string;
  private readonly destinationRuleName: string;
  private readonly subsets = new Map<string, Record<string, string>>();
  private readonly rules: RouteRule[] = [];
  private readonly connectionRules: ConnectionRule[] = [];
  private defaultRoute?: Destination[];
  private defaultSettings?: RouteSettings;
  private readonly retired = new Set<string>();
  private readonly lanes = new Map<string, LaneDestination>();
  private readonly policies = new HostPolicies();
  // Places for objects that are made when they are first asked for, so that their order in the output does not depend on that.
  private readonly destinationRulePlace: Construct;
  private readonly fallbacks: LaneFallbacks;
  private readonly virtualServicePlace: Construct;
  private _destinationRule?: ManifestObject;
  private rendered?: { readonly revision: number; readonly spec: any };
  private _virtualService?: WovenRoutes;

  /**
   * Refused: a name that cannot be a Service's, a port outside 1 to 65535, a chart without namespace, a host that another
   * construct of the app owns.
   */
  constructor(scope: Construct, id: string, props: MeshHostProps) {
    super(scope, id);
    demandKinds(props, KINDS, { scope: this });
    demand('name', props.name, serviceNameProblem(props.name), { code: 'ServiceName', scope: this });
    if (props.port !== undefined) demand('port', props.port, portProblem(props.port), { code: 'Port', scope: this });
    if (props.baseline !== undefined) demand('baseline', props.baseline, versionNameProblem(props.baseline), { code: 'VersionName', scope: this });
    if (props.targetPort !== undefined) demand('targetPort', props.targetPort, portProblem(props.targetPort), { code: 'Port', scope: this });
    if (props.baselineLabels !== undefined) demandLabels('baselineLabels', props.baselineLabels, this);
    if (props.selector !== undefined) demandLabels('selector', props.selector, this);
    this.name = props.name;
    this.namespace = namespaceFor(this, props.namespace);
    this.port = props.port;
    this.baseline = props.baseline;
    this.selector = props.selector;
    this.protocols = this.protocolsOf(props);
    if (props.hostName !== undefined) demand('hostName', props.hostName, externalHostProblem(props.hostName), { code: 'HostName', scope: this });
    this.external = props.hostName !== undefined;
    this.hostName = props.hostName ?? `${this.name}.${this.namespace}.svc.${Mesh.of(this).clusterDomain}`;
    if (props.exportTo !== undefined) demandExportTo(this, props.exportTo);
    this.exportTo = props.exportTo;
    this.virtualServiceName = objectName(this, 'virtualServiceName', props.virtualServiceName === undefined ? this.name : props.virtualServiceName);
    this.destinationRuleName = objectName(this, 'destinationRuleName', props.destinationRuleName === undefined ? this.name : props.destinationRuleName);
    Mesh.of(this).own(this);
    this.destinationRulePlace = new Construct(this, 'DestinationRule');
    this.fallbacks = new LaneFallbacks(this, 'fallback', props);
    this.virtualServicePlace = new Construct(this, 'VirtualService');
    this.node.addValidation({ validate: () => this.validateHost() });
    if (props.baseline !== undefined) {
      this.addVersion(props.baseline, props.baselineLabels);
      this.ensureVirtualService();
    }
  }

  /** The versions, without those of lanes. */
  public get versions(): string[] {
    return [...this.subsets.keys()].filter((version) => !this.lanes.has(version));
  }

  /** The VirtualService, for patches. Refused: a host that emits none yet. */
  public get virtualService(): Construct {
    if (this._virtualService) return this._virtualService;
    throw new InvalidInput('NoVirtualService', `'virtualService' is not there: nothing is said about routing to ${this.hostName}; give it a baseline or a rule first`, this);
  }

  /** The DestinationRule, for patches. Refused: a host that emits none yet. */
  public get destinationRule(): Construct {
    if (this._destinationRule) return this._destinationRule;
    throw new InvalidInput('NoDestinationRule', `'destinationRule' is not there: ${this.hostName} has no versions; add one first`, this);
  }

  /**
   * A version that can be routed to: a subset of the DestinationRule.
   *
   * Refused: names that are no DNS labels, a version that is there already, no labels (such a subset would select every pod), labels
   * that pods of lanes have too.
   *
   * @param version the subset's name
   * @param labels the pods' labels; by default `version: <version>`
   */
  public addVersion(version: string, labels: Record<string, string> = { version }): void {
    this.demandNew(version, labels);
    this.demandApart(version, labels, false, this);
    this.addSubset(version, labels);
  }

  /**
   * A rule, tried after the rules added before it and before the default, which routes to the baseline.
   *
   * Refused: a rule without match (the default is that already), a name that begins with `lane/`, a destination that does not
   * speak HTTP; at synth a version that its host does not have.
   */
  public addRule(rule: RouteRule): void {
    demandKind('rule', rule, RouteRule._KIND, this);
    this._demandHttp('rule', 'have rules by content', this);
    if (rule.matches.length === 0) {
      throw new InvalidInput('RuleWithoutMatch', "'match' must say which requests the rule is for: one without match takes all, and the default rule does that already", this);
    }
    demandRuleName(this, rule.name);
    Mesh.of(this).demandRequests('rule', this.leadingTo(rule), this);
    this.rules.push(rule);
    this.ensureVirtualService();
    Mesh.of(this).changed();
  }

  /**
   * A rule for TCP or TLS connections, tried after those added before it and before the default.
   *
   * Refused: a host that speaks HTTP alone, server names where it does not speak TLS, names that another host of the app has; at
   * synth an unknown version.
   */
  public addConnectionRule(rule: ConnectionRule): void {
    demandKind('rule', rule, ConnectionRule._KIND, this);
    const spoken = [...new Set(this.protocols.values())];
    const fits = rule.sniHosts.length > 0 ? spoken.includes(RoutedProtocol.TLS) : spoken.some((each) => each !== RoutedProtocol.HTTP);
    demand('rule', spoken.join(' and '), fits ? undefined : `must be for a host that speaks ${rule.sniHosts.length > 0 ? 'TLS' : 'TCP or TLS'}`, {
      code: 'ProtocolNotTcp', scope: this, remedy: 'addRule is for HTTP',
    });
    rule.sniHosts.forEach((name) => Mesh.of(this).ownServerName(name, this));
    this.connectionRules.push(rule);
    this.ensureVirtualService();
    Mesh.of(this).changed();
  }

  /**
   * Where all requests go that no rule takes: to one version, or by weight to several. In place of the baseline alone.
   *
   * Refused: a second call, no destinations, weights that are all zero; at synth a version that its host does not have, and a
   * destination without version where the host has lanes.
   */
  public routeDefault(destinations: Destination[]): void {
    if (this.defaultRoute) {
      throw new InvalidInput('DefaultRouteTwice', "'destinations' are said already of the host's default rule; say them once", this);
    }
    const { route } = RouteRule.to(destinations)._toManifest();
    if (route.some((entry: any) => entry.headers)) this._demandHttp('headers', 'have header changes', this);
    this.defaultRoute = [...destinations];
    this.ensureVirtualService();
    Mesh.of(this).changed();
  }

  /**
   * What the default rule has beside its destinations: header changes, CORS, a rewrite, a timeout of its own, a name. Whatever it
   * routes to, and whenever that is said.
   *
   * Refused: a second call, a name that begins with `lane/`, what `RouteRule.to` refuses.
   */
  public configureDefault(settings: RouteSettings): void {
    demandKind('settings', settings, OPTIONS, this);
    this._demandHttp('settings', 'have rules with settings', this);
    if (this.defaultSettings) throw new InvalidInput('DefaultRuleTwice', "'settings' are said already of the host's default rule; say them once", this);
    demandRuleName(this, settings.name);
    RouteRule.to([Destination.of(this)], settings);
    this.defaultSettings = settings;
    this.ensureVirtualService();
    Mesh.of(this).changed();
  }

  /**
   * A version goes, and with it every rule of this host that routes to nothing else.
   *
   * @internal
   */
  public _removeVersion(version: string, scope: Construct): void {
    if (!this.versions.includes(version)) {
      throw new InvalidInput('VersionUnknown', `'version' must be a version of ${this.hostName}, got ${JSON.stringify(version)} (known: ${this.versions.join(', ')})`, scope);
    }
    const active = this._baselineRules[this.rules.length].destinations.filter(({ weight }) => weight > 0);
    if (active.every((each) => each.hostName === this.hostName && each.version === version)) {
      throw new InvalidInput('VersionActive', `'version' must not be one that serves everybody, got ${JSON.stringify(version)}; route to another version first`, scope);
    }
    this.subsets.delete(version);
    this.retired.add(version);
    this.policies.forget(version);
    this.rules.splice(0, this.rules.length, ...this.rules.flatMap((rule) => rule._without(this.hostName, version) ?? []));
    const connectionRules = this.connectionRules.flatMap((rule) => rule._without(this.hostName, version) ?? []);
    this.connectionRules.splice(0, this.connectionRules.length, ...connectionRules);
    this.defaultRoute = this.defaultRoute?.filter((each) => each.hostName !== this.hostName || each.version !== version);
    Mesh.of(this).changed();
  }

  /**
   * What facets say of the host as a whole. `forRoutes`: it stands in rules, not in the DestinationRule.
   *
   * @internal
   */
  public _policies(scope: Construct, forRoutes: boolean): HostPolicies {
    if (forRoutes) {
      this._demandHttp('host', 'have timeouts, retries, faults or mirrors', scope);
      this.ensureVirtualService();
    } else {
      this.ensureDestinationRule();
    }
    Mesh.of(this).changed();
    return this.policies;
  }

  /**
   * What is wrong with a version that is asked for of a host; nothing where the app does not own the host.
   *
   * @internal
   */
  public _unknownVersion(property: string, { hostName }: IRoutable, version: string | undefined): string[] {
    const target = Mesh.of(this).hostNamed(hostName);
    if (version === undefined || !target || target.subsets.has(version)) return [];
    const known = [...target.subsets.keys()].join(', ') || 'none';
    return [`'${property}' must be a version of ${hostName}, got ${JSON.stringify(version)} (known: ${known}); add that version, or name one of these`];
  }

  /**
   * Whether a version was here, and what was said of it went with it.
   *
   * @internal
   */
  public _isRetired(version: string | undefined): boolean {
    return version !== undefined && this.retired.has(version);
  }

  /**
   * What facets said of the host so far.
   *
   * @internal
   */
  public get _said(): HostPolicies {
    return this.policies;
  }

  /**
   * A version of this host belongs to a lane. `scope` is what errors are about.
   *
   * @internal
   */
  public _serveLane(lane: string, scope: Construct, { labels = { version: lane }, fallback = false }: LaneServing = {}): void {
    this._demandHttp('lane', 'have lanes', scope);
    const room = 62 - this.name.length;
    if (lane.length > room) {
      const wayOut = room < 1 ? 'give the service a shorter name' : `give the lane a name of at most ${room} characters by hand: addLane(branch, { name })`;
      throw new InvalidInput('LaneNameTooLong', `'lane' must leave <service>-<lane> at most 63 characters, got ${this.name.length + 1 + lane.length}: `
        + `${this.name}-${lane}; ${wayOut}`, scope);
    }
    if (this.baseline === undefined) {
      throw new InvalidInput('BaselineNotPinned', `'baseline' must be set for ${this.hostName} to have lanes: without one its requests may meet any pod, those of lanes among them; `
        + 'name the version that serves everybody else', scope);
    }
    if (this.versions.includes(lane)) {
      throw new InvalidInput('LaneNamedLikeVersion', `'lane' must not be named like a version of the service, got ${JSON.stringify(lane)} `
        + `(versions: ${this.versions.join(', ')}); rename the branch or give the lane a name by hand: addLane(branch, { name })`, scope);
    }
    this.demandNew(lane, labels);
    this.demandApart(lane, labels, true, scope);
    if (fallback) this.fallbacks.check(lane, labels, scope);
    this.addSubset(lane, labels);
    this.lanes.set(lane, { host: this.hostName, subset: lane });
    if (fallback) this.fallbacks.add(lane);
    Mesh.of(this).changed();
  }

  /**
   * A lane that is there falls back.
   *
   * @internal
   */
  public _fallBack(lane: string, scope: Construct): void {
    this.fallbacks.check(lane, this._labelsOf(lane), scope);
    this.fallbacks.add(lane);
    Mesh.of(this).changed();
  }

  /**
   * What makes a lane fall back: the objects, and where its requests go; `undefined` where it does not.
   *
   * @internal
   */
  public _fallback(lane: string): { readonly scope: Construct; readonly destination: LaneDestination } | undefined {
    const destination = this.fallbacks.destination(lane);
    return destination && { scope: this.fallbacks.node.findChild(lane) as Construct, destination };
  }

  /**
   * Where the pods of a version are that the app deploys, whatever patches say.
   *
   * @internal
   */
  public _locate(version: string, namespace: () => string): void {
    this.fallbacks.locate(version, namespace);
  }

  /**
   * The labels of a version's pods, beside those that the Service selects by.
   *
   * @internal
   */
  public _labelsOf(version: string): Record<string, string> {
    return this.subsets.get(version) ?? {};
  }

  /**
   * What the DestinationRule says of a version, patches too: for the subset, and where that says nothing, for the host.
   *
   * @internal
   */
  public _policyOf(version: string): any {
    const { revision } = Mesh.of(this);
    // Each lane asks, and the rule grows with every lane.
    if (this.rendered?.revision !== revision) this.rendered = { revision, spec: this._destinationRule!._baseline().spec };
    const { spec } = this.rendered;
    return { ...spec?.trafficPolicy, ...asList(spec?.subsets).find(({ name }) => name === version)?.trafficPolicy };
  }

  /**
   * The shortest that is said of how long requests to the host may take.
   *
   * @internal
   */
  public get _shortestTimeout(): string | undefined {
    const said = [this.policies.timeout && wireDuration('timeout', this.policies.timeout), ...this._baselineRules.map((rule) => rule._toManifest().timeout)];
    return said.filter((each) => each !== undefined).sort((one, other) => milliseconds(one)! - milliseconds(other)!)[0];
  }

  /**
   * Which lanes have a version of this host, and where.
   *
   * @internal
   */
  public get _lanes(): ReadonlyMap<string, LaneDestination> {
    return this.lanes;
  }

  /**
   * The same, with what is said for the lanes' rules alone.
   *
   * @internal
   */
  public _laneDestination(lane: string): LaneDestination {
    const fault = this.policies.faults.find((each) => each.lane === lane)?.fault._toManifest();
    const mirrors = this.policies.mirrors.filter(({ lanesToo }) => lanesToo)
      // What the lane serves itself would meet its requests twice.
      .filter(({ destination: { host, subset } }) => host !== this.hostName || subset !== lane)
      // A mirror within the host keeps the port of the request.
      .flatMap(({ destination, fromVersion }) => {
        const { hostName } = this;
        const written = this._ports.length < 2 ? [destination] : this._ports.map((port) => atPort(destination, { hostName, port }));
        return written.map((each) => ({ destination: each, ...(fromVersion === undefined ? {} : { fromSubset: fromVersion }) }));
      });
    const destination = this.fallbacks.destination(lane) ?? this.lanes.get(lane)!;
    const rule = { ...destination.rule, ...(fault ? { fault } : {}) };
    return { ...destination, ...(Object.keys(rule).length > 0 ? { rule } : {}), ...(mirrors.length > 0 ? { mirrors } : {}) };
  }

  /**
   * The rules of the baseline, in their order, the default last.
   *
   * @internal
   */
  public get _baselineRules(): RouteRule[] {
    return [...this.rules, RouteRule.to(this._everything, this.defaultSettings)];
  }

  /**
   * Where all goes that no rule takes.
   *
   * @internal
   */
  public get _everything(): Destination[] {
    return this.defaultRoute ?? [Destination.of(this, this.baseline === undefined ? {} : { version: this.baseline })];
  }

  /**
   * The version that serves everybody, and so the lanes that cannot: where the default rule splits, the one with most weight. Where
   * it routes to other hosts alone, the baseline.
   *
   * @internal
   */
  public get _standby(): string | undefined {
    const own = this._everything.filter(({ hostName, version }) => hostName === this.hostName && version !== undefined);
    const most = Math.max(...own.map(({ weight }) => weight));
    return own.find(({ weight }) => weight === most)?.version ?? this.baseline;
  }

  /**
   * The rules for connections, without the default.
   *
   * @internal
   */
  public get _connectionRules(): ConnectionRule[] {
    return this.connectionRules;
  }

  /**
   * The ports that the app knows.
   *
   * @internal
   */
  public get _ports(): number[] {
    return [...this.protocols.keys()].flatMap((port) => port ?? []);
  }

  /**
   * What the host's objects say of who sees them.
   *
   * @internal
   */
  public get _exports(): { readonly exportTo?: string[] } {
    const exportTo = this.exportTo ?? Mesh.of(this).exportsOf(this);
    return exportTo ? { exportTo } : {};
  }

  /**
   * The hosts that its rules and mirrors lead to.
   *
   * @internal
   */
  public get _leadsTo(): Set<string> {
    const rules = [...this._baselineRules, ...this.connectionRules];
    const routed = rules.flatMap(({ destinations }) => destinations.map(({ hostName }) => hostName));
    return new Set([...routed, ...this.policies.mirrors.map(({ destination }) => destination.host)]);
  }

  /** Where a rule sends requests; at this host they keep their port unless the rule says another. */
  private leadingTo({ destinations }: RouteRule): HostAtPort[] {
    return destinations.map(({ hostName, _port, _saidPort }) => ({ hostName, port: hostName === this.hostName ? _saidPort : _port }));
  }

  private protocolsOf({ port, protocol = RoutedProtocol.HTTP, additionalPorts = [] }: MeshHostProps): Map<number | undefined, RoutedProtocol> {
    const protocols = new Map<number | undefined, RoutedProtocol>([[port, protocol]]);
    demand('port', port, port === undefined && additionalPorts.length > 0 ? 'must be set beside additionalPorts' : undefined, { code: 'Port', scope: this });
    for (const other of additionalPorts) {
      demandKinds(other, PORT_KINDS, { scope: this, of: 'additionalPorts' });
      if (other.targetPort !== undefined) demand('additionalPorts.targetPort', other.targetPort, portProblem(other.targetPort), { code: 'Port', scope: this });
      const problem = protocols.has(other.port) ? 'must be another port than those before it' : portProblem(other.port);
      demand('additionalPorts', other.port, problem, { code: 'Port', scope: this });
      protocols.set(other.port, other.protocol ?? RoutedProtocol.HTTP);
    }
    return protocols;
  }

  private speaks(protocol: RoutedProtocol): boolean {
    return [...this.protocols.values()].includes(protocol);
  }

  private ensureDestinationRule(): void {
    this._destinationRule ??= new ManifestObject(this.destinationRulePlace, 'Resource', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: this.destinationRuleName, namespace: this.namespace },
      spec: () => {
        const trafficPolicy = this.policies.trafficPolicy();
        const subsets = this.subsetManifests();
        return { host: this.hostName, ...this._exports, ...(trafficPolicy ? { trafficPolicy } : {}), ...(subsets.length > 0 ? { subsets } : {}) };
      },
    });
  }

  private demandNew(version: string, labels: Record<string, string>): void {
    demand('version', version, versionNameProblem(version), { code: 'VersionName', scope: this });
    if (this.subsets.has(version)) {
      throw new InvalidInput('VersionTwice', `'version' must be new, got ${JSON.stringify(version)}, which ${this.lanes.has(version) ? 'a lane' : 'the service'} has already; `
        + `choose another name (taken: ${[...this.subsets.keys()].join(', ')})`, this);
    }
    demandLabels('labels', labels, this);
    demand('labels', '{}', Object.keys(labels).length === 0 ? 'must name a label, as a subset without labels selects every pod' : undefined, { code: 'SubsetLabels', scope: this });
  }

  private addSubset(version: string, labels: Record<string, string>): void {
    this.subsets.set(version, { ...labels });
    this.retired.delete(version);
    this.ensureDestinationRule();
    Mesh.of(this).changed();
  }

  /** Who is sent to a version must not meet the pods of a lane, nor the other way round. */
  private demandApart(name: string, labels: Record<string, string>, isLane: boolean, scope: Construct): void {
    const pods = this.podsOf(name, labels, isLane);
    for (const other of this.subsets.keys()) {
      const problem = sharedPodsProblem(pods, this.podsOf(other));
      if (problem === undefined) continue;
      demand('labels', JSON.stringify(labels), problem, {
        code: 'LabelsNotApart', scope, remedy: "requests for one of them would meet pods of the other; give both a label with different values, such as 'version'",
      });
    }
  }

  private podsOf(name: string, labels = this._labelsOf(name), isLane = this.lanes.has(name)): NamedPods {
    return { name, isLane, labels, all: { ...this.selector, ...labels } };
  }

  /** Versions as they were declared, then lanes by name: a new lane moves nobody else's lines. */
  private subsetManifests(): any[] {
    const lanes = [...this.lanes.keys()].sort(compareText);
    return [...this.versions, ...lanes].map((name) => {
      const trafficPolicy = this.policies.subsetPolicy(name);
      return { name, labels: this.subsets.get(name), ...(trafficPolicy ? { trafficPolicy } : {}) };
    });
  }

  private ensureVirtualService(): void {
    this._virtualService ??= new WovenRoutes(this.virtualServicePlace, 'Resource', {
      name: this.virtualServiceName,
      namespace: this.namespace,
      spec: () => ({
        hosts: this.speaks(RoutedProtocol.TLS) ? [...this.names, ...this.serverNames] : [this.hostName],
        ...this._exports,
        ...this.routes(),
      }),
      problems: () => Mesh.of(this).renderRules(this.meshRules).problems,
    });
  }

  /** What clients may call the Service by: TLS connections are told apart by the very name that they ask for. */
  private get names(): string[] {
    if (this.external) return [this.hostName];
    return [this.hostName, `${this.name}.${this.namespace}.svc`, `${this.name}.${this.namespace}`, this.name];
  }

  /** Server names beside the host's own. */
  private get serverNames(): string[] {
    return [...new Set(this.connectionRules.flatMap(({ sniHosts }) => sniHosts))];
  }

  private routes(): any {
    const tcp = this.connectionRules.filter(({ sniHosts }) => sniHosts.length === 0 && this.speaks(RoutedProtocol.TCP));
    const tls = this.connectionRules.filter((rule) => !tcp.includes(rule));
    const everything = ConnectionRule._everything(this._everything);
    const connections = (rules: ConnectionRule[], protocol: RoutedProtocol) => this.atPorts([...rules, everything], protocol);
    return {
      ...(this.speaks(RoutedProtocol.HTTP) ? { http: Mesh.of(this).renderRules(this.meshRules).manifests } : {}),
      ...(this.speaks(RoutedProtocol.TCP) ? { tcp: connections(tcp, RoutedProtocol.TCP).map((rule) => rule._toManifest()) } : {}),
      // A TLS rule must say which server names it is for.
      ...(this.speaks(RoutedProtocol.TLS) ? { tls: connections(tls, RoutedProtocol.TLS).map((rule) => rule._toManifest(this.names)) } : {}),
    };
  }

  /** The rules as sidecars follow them. */
  private get meshRules(): RouteRule[] {
    return this.atPorts(this._baselineRules, RoutedProtocol.HTTP);
  }

  /** Where a host has several ports, a rule for each: Istio's analyzers want destinations to say their port, and so do readers. */
  private atPorts<T extends { _atPort(at: HostAtPort): T | undefined }>(rules: T[], protocol: RoutedProtocol): T[] {
    if (this.protocols.size === 1) return rules;
    const ports = [...this.protocols].filter(([, spoken]) => spoken === protocol).map(([port]) => port);
    return rules.flatMap((rule) => ports.flatMap((port) => rule._atPort({ hostName: this.hostName, port }) ?? []));
  }

  /** @internal */
  public _demandHttp(property: string, what: string, scope: IConstruct, port?: number): void {
    const problem = this._httpProblem(what, port);
    if (problem) throw new InvalidInput('ProtocolNotHttp', `'${property}' ${problem}`, scope);
  }

  /**
   * Why the host, or one of its ports, cannot do what needs HTTP: the end of a sentence.
   *
   * @internal
   */
  public _httpProblem(what: string, port?: number): string | undefined {
    const spoken = port !== undefined && this.protocols.has(port) ? [this.protocols.get(port)!] : [...new Set(this.protocols.values())];
    if (spoken.includes(RoutedProtocol.HTTP)) return undefined;
    const where = this.speaks(RoutedProtocol.HTTP) ? ` at port ${port}` : '';
    return `needs HTTP: ${this.hostName} speaks ${spoken.join(' and ')}${where}, whose content the mesh cannot read, so it cannot ${what}; `
      + 'let the port say an HTTP protocol if it speaks one';
  }

  /** Faults of lanes: each lane must serve the host, and have one fault. */
  private faultyLanes(): string[] {
    const lanes = this.policies.faults.flatMap(({ lane }) => lane ?? []);
    return lanes.flatMap((lane, index) => {
      if (!this.lanes.has(lane)) return [`'lane' must be a lane that serves ${this.hostName}, got ${JSON.stringify(lane)} (those are: ${[...this.lanes.keys()].join(', ') || 'none'})`];
      return lanes.indexOf(lane) === index ? [] : [`'fault' is said twice of lane ${lane} at ${this.hostName}; join them: fault.and(other)`];
    });
  }

  private warn(): void {
    const found = hostWarnings({
      hostName: this.hostName,
      ports: this._ports,
      rules: this._baselineRules,
      policies: this.policies,
      versions: this.versions,
      routed: this.policies.hasTrafficPolicy ? Mesh.of(this).routedVersions(this.hostName) : new Set(),
    });
    for (const { code, message } of found) Warnings.of(this).add(this, code, message);
    const [lanes, versions] = [[...this.lanes.keys()], this.versions].map((names) => names.map((name) => this.podsOf(name)));
    const shared = lanes.flatMap((lane) => versions.flatMap((version) => sharedPodsWarning(lane, version) ?? []));
    for (const message of shared) Warnings.of(this).add(this, 'LabelsMayOverlap', `${message} (${this.hostName})`);
  }

  /** Callers that the app knows, and that `exportTo` leaves out. */
  private unseenBy(): string[] {
    const { exportTo, hostName } = this;
    if (exportTo === undefined || exportTo.includes('*')) return [];
    const seen = exportTo.map((each) => (each === '.' ? this.namespace : each));
    const blind = Mesh.of(this).callersOf(this).filter(({ namespace }) => !seen.includes(namespace));
    const pinned = [...Mesh.of(this).routedVersions(hostName)].some((version) => version !== undefined);
    const unserved = blind.filter(({ isGateway }) => isGateway && pinned);
    for (const { namespace, path } of blind.filter((each) => !unserved.includes(each))) {
      Warnings.of(this).add(this, 'CallerNotExportedTo', `'exportTo' ${JSON.stringify(exportTo)} of ${hostName} leaves out ${namespace}, from where ${path} calls it or leads to it: its versions and rules are not known there, `
        + 'so requests meet any pod, those of lanes among them, or are answered 503 where a rule names a version; add the namespace, or leave exportTo out');
    }
    return unserved.map(({ namespace, path }) => `'exportTo' must name the namespaces of gateway pods that route to ${hostName}, got ${JSON.stringify(exportTo)}, but ${path} does in ${namespace}: `
      + 'its versions are not known there, and all requests would be answered 503; add the namespace, leave exportTo out, or say where the pods are: MeshGateway({ podNamespace })');
  }

  private validateHost(): string[] {
    this.warn();
    const rules = this._baselineRules;
    const requests = this.speaks(RoutedProtocol.HTTP) ? rules.flatMap((rule) => this.leadingTo(rule)) : [];
    const { problems, strange } = Mesh.of(this).requestProblems('destinations', requests);
    for (const each of strange) Warnings.of(this).add(this, 'DestinationPortUnknown', `'port' ${each}`);
    const unknown = [...rules, ...this.connectionRules].flatMap((rule) => Mesh.of(this).unknownVersions(rule));
    return [...this.unseenBy(), ...unknown, ...problems, ...this.faultyLanes()];
  }
}

/** Refuses what Istio does not take for the namespaces that see an object. */
export function demandExportTo(scope: Construct, exportTo: string[]): void {
  demandKind('exportTo', exportTo, listOf(TEXT), scope);
  const shown = JSON.stringify(exportTo);
  demand('exportTo', shown, exportTo.length === 0 ? "must name a namespace, '.' or '*'" : undefined, { code: 'ExportTo', scope });
  demand('exportTo', shown, exportTo.includes('*') && exportTo.length > 1 ? "must have '*' alone" : undefined, { code: 'ExportTo', scope });
  demand('exportTo', shown, new Set(exportTo).size < exportTo.length ? 'must not name a namespace twice' : undefined, { code: 'ExportTo', scope });
  const wrong = exportTo.find((each) => each !== '.' && each !== '*' && dnsLabelProblem(each) !== undefined);
  demand('exportTo', wrong, wrong === undefined ? undefined : "must be namespaces, '.' or '*'", { code: 'ExportTo', scope });
}

const PORT_KINDS = { protocol: maybe(oneOf(RoutedProtocol, 'RoutedProtocol')), appProtocol: maybe(oneOf(AppProtocol, 'AppProtocol')) };
const KINDS: Kinds<MeshHostProps> = { ...PORT_KINDS, additionalPorts: maybe(listOf(OPTIONS)) };

/** How a lane serves a host. */
interface LaneServing {
  readonly labels?: Record<string, string>;
  readonly fallback?: boolean;
}

/** The owner of a host that a facet is for. */
export function ownedHost(scope: Construct, property: string, host: IRoutable): MeshHost {
  demand(property, host, hostProblem(host), { code: 'HostMissing', scope });
  const owner = Mesh.of(scope).hostNamed(host.hostName);
  if (owner) return owner;
  throw new InvalidInput('HostNotOwned', `'${property}' must be a CanaryService or MeshHost of this app, got ${host.hostName}; `
    + 'make a MeshHost for a Service that others deploy', scope);
}

/** The namespace that was said, or the chart's. */
export function namespaceFor(scope: Construct, namespace: string | undefined, property = 'namespace'): string {
  const found = namespace === undefined ? Chart.of(scope).namespace : namespace;
  if (found === undefined) {
    throw new InvalidInput('NamespaceMissing', `'${property}' must be set, got undefined: hosts are written in full, as <service>.<namespace>.svc.cluster.local; `
      + "set it here or for the chart: new Chart(app, 'id', { namespace })", scope);
  }
  demand(property, found, dnsLabelProblem(found), { code: 'Namespace', scope });
  return found;
}

/** A name for a rule, which must not read like that of a lane's. */
export function demandRuleName(scope: Construct, name: string | undefined): void {
  demandKind('name', name, maybe(TEXT), scope);
  const reserved = name?.startsWith(LANE_RULE_PREFIX) ? `must not begin with '${LANE_RULE_PREFIX}', which marks the rules of lanes` : undefined;
  demand('name', name, reserved, { code: 'RuleName', scope });
}

/** A name for an object, checked. */
export function objectName(scope: Construct, property: string, name: string): string {
  demand(property, name, objectNameProblem(name), { code: 'ObjectName', scope });
  return name;
}
