import { ApiObject, Duration, JsonPatch, Lazy } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { AppProtocol } from './app-protocol';
import { CallOptions, Calls } from './calls';
import { demand, InvalidInput } from './errors';
import { demandKind, demandKinds, FLAG, Kinds, listOf, maybe, oneOf, OPTIONS, TEXT } from './kinds';
import { ManifestObject, patchAfterRendering } from './manifest-object';
import { Mesh } from './mesh';
import { MeshHost, namespaceFor, objectName, RoutedProtocol } from './mesh-host';
import { ServiceVersion } from './service-version';
import { Destination, IRoutable } from './traffic/destination';
import { Fallback } from './traffic/fallback';
import { HeaderOperations } from './traffic/header-operations';
import { envNameProblem, labelValueProblem, portNameProblem, portProblem, serviceNameProblem, versionNameProblem, weightProblem } from './traffic/predicates';
import { RequestMatch } from './traffic/request-match';
import { RouteRule } from './traffic/route-rule';
import { StringMatch } from './traffic/string-match';
import { millisecondsOf } from './traffic/wire-duration';
import { VersionDeployment, VersionDeploymentProps } from './version-deployment';
import { inherit, WorkloadOptions } from './workload';
import type { ContainerPort } from './workload-facts';
import { WORKLOAD_KINDS } from './workload-kinds';
import { IWorkload } from './workloads';

/** Protocols whose requests cannot be routed by content. */
const ROUTED_AS: Partial<Record<AppProtocol, RoutedProtocol>> = {
  [AppProtocol.HTTPS]: RoutedProtocol.TLS,
  [AppProtocol.TLS]: RoutedProtocol.TLS,
  [AppProtocol.TCP]: RoutedProtocol.TCP,
};

/** How Kubernetes offers the Service. */
export enum ServiceType {
  /** Inside the cluster. */
  CLUSTER_IP = 'ClusterIP',
  /** Also on a port of every node. */
  NODE_PORT = 'NodePort',
  /** Also by a load balancer of the cloud's. */
  LOAD_BALANCER = 'LoadBalancer',
}

/** Whether the pods get Istio's sidecar. */
export enum SidecarInjection {
  /** The pods ask for it. The namespace must have injection switched on too (see MeshNamespace): the annotation alone does nothing. */
  ENABLED = 'true',
  /** The pods refuse it: they get no routing, and lanes do not reach beyond them. */
  DISABLED = 'false',
  /** Nothing is written: the namespace's label decides. */
  BY_NAMESPACE = '',
}

/** One version of a service. */
export interface VersionOptions extends WorkloadOptions {
  /**
   * The Deployment's name.
   * @default - `<service>-<version>`, or the service's name where it has no versions
   */
  readonly deploymentName?: string;

  /**
   * Whether this version takes messages from queues, for services with `consumeQueuesEnv`: a lane with queues of its own does.
   * @default - lanes do not, other versions do
   */
  readonly consumesQueues?: boolean;
}

/** The version that serves everybody who is in no lane. */
export interface BaselineOptions extends VersionOptions {
  /**
   * The version's name: a DNS label.
   * @default - the service has no versions: its pods carry no `version` label, nothing is emitted for the mesh until a rule asks for it, and it cannot have lanes
   */
  readonly version?: string;
}

/** Options of `CanaryService.splitSticky`. */
export interface StickyOptions {
  /**
   * The cookie's name.
   * @default - `<service>-version`
   */
  readonly cookie?: string;

  /**
   * How long a browser keeps it, in whole seconds.
   * @default - as long as the browser's session
   */
  readonly maxAge?: Duration;
}

/** A version's share of a split. */
export interface VersionShare {
  /** The version's name. */
  readonly version: string;

  /** Its weight, relative to the others': a whole number, 0 or more. */
  readonly weight: number;
}

/** Options of `CanaryService.splitBetween`. */
export interface SplitOptions {
  /**
   * How a user stays with the version first met, as by `splitSticky`.
   * @default - a user may meet another version with each request
   */
  readonly sticky?: StickyOptions;
}

/** One more port of a service. */
export interface ServicePort {
  /** The port's name, which a Service with several ports needs for each. */
  readonly name: string;

  /** The Service's port, 1 to 65535. */
  readonly port: number;

  /**
   * The port that the container listens at, 1 to 65535.
   * @default - the Service's port
   */
  readonly targetPort?: number;

  /**
   * What the port speaks.
   * @default AppProtocol.HTTP
   */
  readonly appProtocol?: AppProtocol;
}

/** A service, whatever versions it has. */
export interface ServiceOptions {
  /** The Service's port, 1 to 65535: with several, the one that gateways, mirrors and other services' rules send requests to. */
  readonly port: number;

  /**
   * The port that the container listens at, 1 to 65535.
   * @default - the Service's port
   */
  readonly targetPort?: number;

  /**
   * The name of the Service's port.
   * @default - none; asked for beside `additionalPorts`
   */
  readonly portName?: string;

  /**
   * The Service's other ports. Requests inside the mesh keep the port they are for, and are routed alike at each.
   * @default - none
   */
  readonly additionalPorts?: ServicePort[];

  /**
   * What the port speaks, written as `appProtocol` so that Istio need not guess.
   * @default AppProtocol.HTTP
   */
  readonly appProtocol?: AppProtocol;

  /**
   * How Kubernetes offers the Service.
   * @default - not written: ClusterIP
   */
  readonly serviceType?: ServiceType;

  /**
   * The Service's name.
   * @default - the construct's id
   */
  readonly name?: string;

  /**
   * The namespace of all objects of the service.
   * @default - the chart's namespace; a chart without one is refused
   */
  readonly namespace?: string;

  /**
   * The value of the label `app`, which with `version` is all that selectors select by.
   * @default - the Service's name
   */
  readonly app?: string;

  /**
   * What every version and every lane of the service runs unless it says otherwise.
   * @default - nothing: each version says all
   */
  readonly template?: WorkloadOptions;

  /**
   * The environment variable in which a pod finds its version, or `''` for none.
   * @default 'PROJECT_VERSION'
   */
  readonly versionEnv?: string;

  /**
   * The environment variable in which a pod finds the headers that it must forward from each request to those it makes for it, divided
   * by commas: the lane header, and `baggage` where lanes are told by that too. `LANE_HEADERS` is a good name.
   * @default - none: the application knows them
   */
  readonly forwardHeadersEnv?: string;

  /**
   * The environment variable that tells a pod whether to take messages from queues: `true`, and `false` in lanes. A lane's consumer on
   * the baseline's queue takes messages that nobody meant for it; `CONSUME_QUEUES` is a good name.
   * @default - none: all versions consume, lanes among them
   */
  readonly consumeQueuesEnv?: string;

  /**
   * Whether the pods get Istio's sidecar, written as the pod annotation `sidecar.istio.io/inject`.
   * @default SidecarInjection.ENABLED
   */
  readonly sidecarInjection?: SidecarInjection;

  /**
   * How the baseline serves the requests of lanes whose pods cannot, where a StainedRoute or a lane says `fallback: true`.
   * @default - as `Fallback.of()` says
   */
  readonly fallback?: Fallback;

  /**
   * Whether the service gets a ServiceAccount, named like it, which its pods run as unless a version says another. By it policies
   * tell callers apart (see AccessPolicy): all pods of a namespace share its default account.
   * @default false
   */
  readonly ownServiceAccount?: boolean;

  /**
   * The namespaces that see the rules and subsets: `.` for the service's own, names, or `*` for all.
   * @default - not written: all; or what a Scope derives
   */
  readonly exportTo?: string[];

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

/** Properties of `CanaryService`. */
export interface CanaryServiceProps extends ServiceOptions {
  /** The version that serves everybody who is in no lane. Requests are routed to it alone, from the first day. */
  readonly baseline: BaselineOptions;
}

const KINDS: Kinds<CanaryServiceProps> = {
  baseline: OPTIONS,
  template: maybe(OPTIONS),
  additionalPorts: maybe(listOf(OPTIONS)),
  appProtocol: maybe(oneOf(AppProtocol, 'AppProtocol')),
  serviceType: maybe(oneOf(ServiceType, 'ServiceType')),
  versionEnv: maybe(TEXT),
  sidecarInjection: maybe(oneOf(SidecarInjection, 'SidecarInjection')),
  ownServiceAccount: maybe(FLAG),
};

/**
 * A service with versions: a Service, a Deployment for each version, and the routing that sends everybody to the baseline
 * until a rule or a lane says otherwise.
 *
 * Emits a `Service` (ClusterIP unless asked otherwise, selector `app`), a `Deployment` for each version (selector and pod
 * labels exactly `app` and `version`), a `DestinationRule` with a subset for each version and a `VirtualService` that pins the
 * baseline. A service without versions emits no DestinationRule, and no VirtualService until there is a rule.
 *
 * A client **without** a sidecar follows no rule: it meets the pods of the baseline and of lanes mixed, as the Service selects
 * by `app`. Give such clients a Service of the baseline's own: `service.baseline.deployment.exposeViaService({ name })`.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#Subset
 */
export class CanaryService extends Construct implements IRoutable, IWorkload {
  /** The Service's name. */
  public readonly name: string;
  public readonly hostName: string;
  public readonly port?: number;
  public readonly workloadNamespace: string;
  public readonly workloadLabels: Record<string, string>;

  /** The Service, for patches: `service.addJsonPatch(...)`. */
  public readonly service: ApiObject;

  /** The owner of the routing: rules are added there. */
  public readonly host: MeshHost;

  /** The version that serves everybody who is in no lane. */
  public readonly baseline: ServiceVersion;

  private readonly props: CanaryServiceProps;
  private readonly namespace: string;
  private readonly app: string;
  private readonly lanesPlace: Construct;
  private readonly versionsPlace: Construct;
  private readonly said: Calls;
  private readonly account?: kplus.ServiceAccount;

  /**
   * Refused: names that Kubernetes would not take, ports outside 1 to 65535, a version without image, a chart without
   * namespace, a host that another construct of the app owns.
   */
  constructor(scope: Construct, id: string, props: CanaryServiceProps) {
    super(scope, id);
    demandKinds(props, KINDS, { scope: this });
    demandVersionKinds(props.baseline, this);
    this.props = props;
    this.name = props.name === undefined ? id : props.name;
    demand(props.name === undefined ? 'id' : 'name', this.name, serviceNameProblem(this.name), { code: 'ServiceName', scope: this, remedy: 'the name is set by \'name\'' });
    demand('port', props.port, portProblem(props.port), { code: 'Port', scope: this });
    if (props.targetPort !== undefined) demand('targetPort', props.targetPort, portProblem(props.targetPort), { code: 'Port', scope: this });
    if (props.portName !== undefined) demand('portName', props.portName, portNameProblem(props.portName), { code: 'PortName', scope: this });
    for (const { name, port, targetPort, appProtocol } of this.additionalPorts) {
      demandKind('additionalPorts.appProtocol', appProtocol, KINDS.appProtocol!, this);
      demand('additionalPorts.name', name, portNameProblem(name), { code: 'PortName', scope: this });
      demand('additionalPorts.port', port, portProblem(port), { code: 'Port', scope: this });
      if (targetPort !== undefined) demand('additionalPorts.targetPort', targetPort, portProblem(targetPort), { code: 'Port', scope: this });
    }
    const names = [props.portName, ...this.additionalPorts.map(({ name }) => name)];
    const unnamed = names.length > 1 && (props.portName === undefined || new Set(names).size < names.length);
    demand('portName', props.portName, unnamed ? 'must be set beside additionalPorts, and be a name of its own for each port' : undefined, { code: 'PortName', scope: this });
    for (const property of ['forwardHeadersEnv', 'consumeQueuesEnv'] as const) {
      const variable = props[property];
      if (variable !== undefined) demand(property, variable, envNameProblem(variable), { code: 'EnvName', scope: this });
    }
    this.app = props.app === undefined ? this.name : props.app;
    demand('app', this.app, this.app === '' ? 'must not be empty' : labelValueProblem(this.app), { code: 'LabelValue', scope: this });
    this.namespace = namespaceFor(this, props.namespace);
    this.workloadNamespace = this.namespace;
    this.workloadLabels = { app: this.app };
    this.port = props.port;
    Mesh.of(this).refuseOwned(`${this.name}.${this.namespace}.svc.${Mesh.of(this).clusterDomain}`, this);

    this.service = new ManifestObject(this, 'Service', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: this.name, namespace: this.namespace },
      spec: () => this.serviceSpec(),
    });
    this.said = new Calls(this, this.service.metadata);
    if (props.ownServiceAccount) this.account = this.makeAccount();
    // Kept apart so that the baseline stands before other versions, and lanes behind them, whoever is declared first.
    this.versionsPlace = new Construct(this, 'versions');
    this.lanesPlace = new Construct(this, 'lanes');
    this.host = new MeshHost(this, 'host', {
      name: this.name,
      namespace: this.namespace,
      port: this.port,
      baseline: props.baseline.version,
      targetPort: props.targetPort,
      appProtocol: props.appProtocol,
      protocol: ROUTED_AS[props.appProtocol ?? AppProtocol.HTTP],
      additionalPorts: this.additionalPorts.map((each) => ({ ...each, protocol: ROUTED_AS[each.appProtocol ?? AppProtocol.HTTP] })),
      selector: { app: this.app },
      fallback: props.fallback,
      exportTo: props.exportTo,
      virtualServiceName: props.virtualServiceName,
      destinationRuleName: props.destinationRuleName,
    });
    this.hostName = this.host.hostName;
    this.baseline = this.deploy(this.versionsPlace, props.baseline.version, props.baseline);
  }

  /**
   * One more version: a Deployment and a subset. Nothing is routed to it until a rule says so.
   *
   * Refused: names that are no DNS labels, a version that is there already, a version for a service whose baseline has none,
   * no image here and in the template, `<service>-<version>` over 63 characters.
   */
  public addVersion(version: string, options: VersionOptions = {}): ServiceVersion {
    demandVersionKinds(options, this);
    if (this.props.baseline.version === undefined) {
      throw new InvalidInput('BaselineWithoutVersion', "'baseline.version' must be set for the service to have other versions: without it the Service's requests "
        + 'would meet their pods too', this);
    }
    this.host.addVersion(version);
    return this.deploy(this.versionsPlace, version, options);
  }

  /**
   * Sends everybody to versions by weight, in place of the baseline alone. Weights are relative: 90 and 10 are the same as 9
   * and 1. A user may meet another version with each request; see `splitSticky`.
   *
   * Written in the order said, but for versions called like whole numbers (`10`), which JavaScript puts first; `splitBetween`
   * keeps any order.
   *
   * Refused: a second call (also of `splitSticky` and `activate`), weights that are all zero or not whole numbers; at synth an
   * unknown version.
   */
  public split(weights: Record<string, number>): void {
    this.splitBetween(sharesOf(weights));
  }

  /**
   * As `split` (or, with `sticky`, as `splitSticky`), with the versions as a list, in whose order they are written.
   *
   * Refused: as these, and a version twice.
   */
  public splitBetween(shares: VersionShare[], options: SplitOptions = {}): void {
    demandKind('shares', shares, maybe(listOf(OPTIONS)), this);
    demandKinds(options, { sticky: maybe(OPTIONS) }, { scope: this, of: 'options' });
    this.demandShares(shares);
    if (options.sticky) this.keep(shares, options.sticky);
    else this.host.routeDefault(shares.map((share) => Destination.of(this, share)));
  }

  /**
   * As `split`, but a user stays with the version first met: each answer of the split says it in a cookie, and requests with the
   * cookie go to its version, while that version exists.
   *
   * Emits a rule for each version with weight, and a `set-cookie` on each destination of the split.
   *
   * Refused: as `split`, and cookie names that are no tokens.
   */
  public splitSticky(weights: Record<string, number>, options: StickyOptions = {}): void {
    this.splitBetween(sharesOf(weights), { sticky: options });
  }

  /**
   * Sends everybody to one version, in place of the baseline: the switch of a blue-green release, or the end of a canary (take
   * over). All other versions stay ready, unrouted but for rules of their own. Lanes with fallback fall back to it.
   *
   * Refused: a second call (also of `split` and `splitSticky`); at synth an unknown version.
   */
  public activate(version: string): void {
    this.host.routeDefault([Destination.of(this, { version })]);
  }

  /**
   * Sends requests that match to a version. Tried after the rules added before, before the split.
   *
   * @param match the requests: any of these
   */
  public sendTo(version: string, match: RequestMatch[]): void {
    this.host.addRule(RouteRule.to([Destination.of(this, { version })], { match }));
  }

  /**
   * Takes a version away: its Deployment, its subset, and every rule of the service that routes to it alone; in splits its share
   * goes to the others. What is said of its pods alone (AccessPolicy, MtlsPolicy, RateLimit, Scope) goes too; a rule of a gateway or a
   * mirror that leads to it does not, and is refused at synth.
   *
   * Refused: an unknown version, one that serves everybody; at synth the one that lanes fall back to.
   */
  public retire(version: string): void {
    this.host._removeVersion(version, this);
    const place = this.versionsPlace.node.tryFindChild(version) as ServiceVersion | undefined;
    if (place) {
      Mesh.of(this).disown(place.deployment);
      Mesh.of(this).retire(place);
    }
    this.versionsPlace.node.tryRemoveChild(version);
  }

  /**
   * Whom the service calls: may be said of several, one by one, itself among them. A version (or a lane's) that calls others
   * says so itself. Nothing in the mesh changes; whole chains can be told by it (`cdk8s-lanes trace`).
   *
   * Emits the annotation `cdk8s-lanes/calls` at the Service: `host:port`, or `host:port/path`, divided by commas, in the order
   * said. What is said twice is written once.
   *
   * Refused: a host whose port the app does not know and that is not given here, ports outside 1 to 65535, a path that does not
   * begin with `/`.
   */
  public calls(callee: IRoutable, options: CallOptions = {}): this {
    this.said.add(callee, options);
    return this;
  }

  /**
   * A lane's version.
   *
   * @internal
   */
  public _deployLane(lane: string, options: VersionOptions, fallback: boolean = false): ServiceVersion {
    demandVersionKinds(options, this);
    this.host._serveLane(lane, this, { fallback });
    // A lane's one pod must not go before the next one is ready: its requests have nowhere else to go.
    const strategy = kplus.DeploymentStrategy.rollingUpdate({
      maxUnavailable: kplus.PercentOrAbsolute.absolute(0),
      maxSurge: kplus.PercentOrAbsolute.percent(25),
    });
    return this.deploy(this.lanesPlace, lane, {
      ...options,
      consumesQueues: options.consumesQueues ?? false,
      strategy: options.strategy ?? this.props.template?.strategy ?? strategy,
    });
  }

  /**
   * All pods of the service, whatever their version.
   *
   * @internal
   */
  public get _workload(): { readonly labels: Record<string, string>; readonly namespace: string } {
    return { labels: { app: this.app }, namespace: this.namespace };
  }

  /**
   * A lane that is there falls back.
   *
   * @internal
   */
  public _fallBack(lane: string): void {
    this.host._fallBack(lane, this);
  }

  private keep(shares: VersionShare[], options: StickyOptions): void {
    const { cookie = `${this.name}-version` } = options;
    const seconds = options.maxAge === undefined ? undefined : millisecondsOf('maxAge', options.maxAge, this) / 1000;
    if (seconds !== undefined) {
      demand('maxAge', `${seconds} s`, Number.isInteger(seconds) && seconds >= 1 ? undefined : 'must be whole seconds, 1 or more', { code: 'CookieMaxAge', scope: this });
    }
    const age = seconds === undefined ? '' : `; Max-Age=${seconds}`;
    const setCookie = (version: string) => HeaderOperations.of({ response: { add: { 'set-cookie': `${cookie}=${version}; Path=/${age}` } } });
    const kept = (version: string) => RouteRule.to([Destination.of(this, { version })], {
      match: [RequestMatch.cookie(cookie, StringMatch.exact(version))],
    });
    const rules = shares.filter(({ weight }) => weight > 0).map(({ version }) => kept(version));
    // The default first: it refuses a second split before anything of this one is there.
    this.host.routeDefault(shares.map((share) => Destination.of(this, { ...share, headers: setCookie(share.version) })));
    rules.forEach((rule) => this.host.addRule(rule));
  }

  private demandShares(shares: VersionShare[]): void {
    if (!shares?.length) throw new InvalidInput('WeightsEmpty', "'weights' must name a version, got none", this);
    const versions = shares.map(({ version }) => version);
    for (const { version, weight } of shares) {
      demand('weights', version, versionNameProblem(version), { code: 'VersionName', scope: this });
      demand('weight', weight, weightProblem(weight), { code: 'Weight', scope: this, remedy: `it is that of version ${version}` });
    }
    const twice = versions.find((version, index) => versions.indexOf(version) !== index);
    demand('shares', twice, twice && 'must not name a version twice', { code: 'ShareTwice', scope: this, remedy: 'add its weights up' });
    if (shares.every(({ weight }) => weight === 0)) {
      throw new InvalidInput('WeightsAllZero', "'weight' must be above 0 for one destination at least, got 0 for all of them", this);
    }
  }

  private deploy(place: Construct, version: string | undefined, options: VersionOptions): ServiceVersion {
    const named = version === undefined ? this.name : `${this.name}-${version}`;
    if (options.deploymentName === undefined && named.length > 63) {
      throw new InvalidInput('DeploymentNameTooLong', `'deploymentName' must be set: <service>-<version> has ${named.length} characters, at most 63 are allowed (${named})`, this);
    }
    const name = objectName(this, 'deploymentName', options.deploymentName ?? named);
    const workload = this.workload(version, options);
    const deployed = new DeployedVersion(place, version, {
      name,
      namespace: this.namespace,
      selector: { app: this.app, ...(version === undefined ? {} : { version }) },
      containerName: this.name,
      port: this.props.targetPort ?? this.props.port,
      portName: this.props.portName,
      appProtocol: written(this.props.appProtocol),
      additionalPorts: this.additionalPorts.map((each) => ({
        name: each.name, number: each.targetPort ?? each.port, appProtocol: written(each.appProtocol),
      })),
      workload,
    });
    if (version !== undefined) this.host._locate(version, () => ApiObject.of(deployed).toJson().metadata.namespace);
    return deployed;
  }

  /** cdk8s-plus would forbid pods to use the account's token, unasked. */
  private makeAccount(): kplus.ServiceAccount {
    const account = new kplus.ServiceAccount(this, 'ServiceAccount', { metadata: { name: this.name, namespace: this.namespace } });
    Mesh.of(this).ownObject('ServiceAccount', this.namespace, this.name, account);
    const object = ApiObject.of(account);
    patchAfterRendering(object);
    object.addJsonPatch(JsonPatch.remove('/automountServiceAccountToken'));
    return account;
  }

  /**
   * The accounts that its pods run as, those of lanes among them.
   *
   * @internal
   */
  public get _accounts(): string[] {
    return [...new Set(this._deployments.map(({ serviceAccount }) => serviceAccount?.name ?? 'default'))];
  }

  /**
   * The workloads of its versions, those of lanes among them.
   *
   * @internal
   */
  public get _deployments(): kplus.Deployment[] {
    const versions = [...this.versionsPlace.node.children, ...this.lanesPlace.node.children] as ServiceVersion[];
    return versions.map(({ deployment }) => deployment);
  }

  /**
   * The ports that its containers listen at, the Service's port for each, and whether it speaks HTTP.
   *
   * @internal
   */
  public get _containerPorts(): ContainerPort[] {
    return [this.props, ...this.additionalPorts].map(({ port, targetPort = port, appProtocol = AppProtocol.HTTP }) => ({
      port: targetPort, servicePort: port, http: ROUTED_AS[appProtocol] === undefined,
    }));
  }

  private workload(version: string | undefined, options: VersionOptions & { version?: string }): WorkloadOptions {
    const { deploymentName, consumesQueues = true, ...own } = options;
    delete own.version;
    const workload = inherit(inherit({ serviceAccount: this.account }, this.props.template ?? {}), own);
    if (!workload.image) {
      throw new InvalidInput('ImageMissing', `'image' must be set for version ${version ?? 'unversioned'}, got ${JSON.stringify(workload.image)}; set it for the version or for the service's template`, this);
    }
    if (workload.replicas !== undefined && !(Number.isInteger(workload.replicas) && workload.replicas >= 0)) {
      demand('replicas', workload.replicas, 'must be a whole number, 0 or more', { code: 'Replicas', scope: this });
    }
    for (const label of ['app', ...(version === undefined ? [] : ['version'])]) {
      const taken = workload.podLabels?.[label];
      demand(`podLabels.${label}`, taken, taken === undefined ? undefined : 'must not be set: selectors select by it', {
        code: 'SelectorLabel', scope: this, remedy: label === 'app' ? "the service's 'app' sets it" : 'the version is its value',
      });
    }
    const versionEnv = this.props.versionEnv ?? 'PROJECT_VERSION';
    const said = versionEnv in { ...workload.env, ...workload.envValues };
    const env = {
      ...this.laneEnv(consumesQueues),
      ...workload.env,
      ...(version === undefined || versionEnv === '' || said ? {} : { [versionEnv]: version }),
    };
    for (const name of Object.keys(workload.envValues ?? {})) delete env[name];
    const injection = this.props.sidecarInjection ?? SidecarInjection.ENABLED;
    const annotations: Record<string, string> = injection === SidecarInjection.BY_NAMESPACE ? {} : { 'sidecar.istio.io/inject': injection };
    return { ...workload, env, podAnnotations: { ...annotations, ...workload.podAnnotations } };
  }

  /** What a pod is told of lanes, where that is asked for. */
  private laneEnv(consumesQueues: boolean): Record<string, string> {
    const { forwardHeadersEnv, consumeQueuesEnv } = this.props;
    // Whoever declares the lanes may do it later.
    const headers = Lazy.any({ produce: () => Mesh.of(this).forwardedHeaders.join(',') });
    return {
      ...(forwardHeadersEnv === undefined ? {} : { [forwardHeadersEnv]: headers as unknown as string }),
      ...(consumeQueuesEnv === undefined ? {} : { [consumeQueuesEnv]: String(consumesQueues) }),
    };
  }

  private get additionalPorts(): ServicePort[] {
    return this.props.additionalPorts ?? [];
  }

  private serviceSpec(): any {
    const { serviceType, portName, ...main } = this.props;
    return {
      ...(serviceType === undefined ? {} : { type: serviceType }),
      selector: { app: this.app },
      ports: [{ ...main, name: portName }, ...this.additionalPorts].map(({ name, port, targetPort = port, appProtocol }) => ({
        ...(name === undefined ? {} : { name }),
        port,
        targetPort,
        ...(written(appProtocol) === undefined ? {} : { appProtocol: written(appProtocol) }),
      })),
    };
  }
}

/** What a version says of itself; what it runs is WorkloadOptions' to judge. */
function demandVersionKinds(options: BaselineOptions, scope: Construct): void {
  demandKinds(options, VERSION_KINDS, { scope, of: 'options' });
}

const VERSION_KINDS: Kinds<BaselineOptions> = { ...WORKLOAD_KINDS, version: maybe(TEXT), deploymentName: maybe(TEXT), consumesQueues: maybe(FLAG) };

class DeployedVersion extends ServiceVersion {
  public readonly deployment: kplus.Deployment;
  public readonly workloadNamespace: string;
  public readonly workloadLabels: Record<string, string>;

  constructor(scope: Construct, public readonly version: string | undefined, props: VersionDeploymentProps) {
    super(scope, version ?? 'unversioned');
    this.workloadNamespace = props.namespace;
    this.workloadLabels = props.selector;
    this.deployment = new VersionDeployment(this, 'Resource', props);
  }
}

/** What a Service's port says of its protocol. */
function written(appProtocol: AppProtocol = AppProtocol.HTTP): string | undefined {
  return appProtocol === AppProtocol.UNSPECIFIED ? undefined : appProtocol;
}

function sharesOf(weights: Record<string, number>): VersionShare[] {
  return Object.entries(weights ?? {}).map(([version, weight]) => ({ version, weight }));
}
