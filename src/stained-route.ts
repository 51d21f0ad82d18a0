import { Construct } from 'constructs';
import { CanaryService, VersionOptions } from './canary-service';
import { demand, InvalidInput } from './errors';
import { demandKind, demandKinds, FLAG, instance, maybe } from './kinds';
import { compareText } from './lanes/hosts';
import { baggageKeyProblem, laneHeaderProblem } from './lanes/lane-carriers';
import { laneName } from './lanes/lane-name';
import { DEFAULT_LANE_HEADER, SERVED_LANE_HEADER } from './lanes/weave';
import { Mesh } from './mesh';
import { MeshHost } from './mesh-host';
import { SelfStaining } from './self-staining';
import { ServiceVersion } from './service-version';
import { textProblem, versionNameProblem } from './traffic/predicates';

/** Properties of `StainedRoute`. */
export interface StainedRouteProps {
  /**
   * The lane header: the request header whose value names the lane. Services forward it to whatever they call.
   * @default 'project-version'
   */
  readonly header?: string;

  /**
   * The key of W3C baggage that tells the lane too, for services that forward `baggage` (as OpenTelemetry does by itself):
   * `lane` for `baggage: lane=release-v1`. It counts for requests whose lane header is missing, empty or `-`.
   * @default - baggage is not looked at
   */
  readonly baggageKey?: string;

  /**
   * Whether requests that a lane's own pods originate (jobs, consumers, an application that does not forward the lane header)
   * carry the lane: the lane header is set on what a pod of the lane sends without one. For the lane's versions that `Lane.serve`
   * deploys; see SelfStaining.
   * @default false
   */
  readonly selfStaining?: boolean;

  /**
   * Whether responses tell which lane served, in a response header.
   * @default true
   */
  readonly reportServedLane?: boolean;

  /**
   * The response header for that.
   * @default 'x-served-lane'
   */
  readonly servedLaneHeader?: string;

  /**
   * Whether the baseline serves the requests of lanes whose pods are gone, not ready, crashing or answering 502, 503 or 504. It
   * keeps people at work, and it can hide that a lane is broken: look at the response header, which then tells who really served
   * (`workload;namespace;app;version;cluster`). How is said of each service: `CanaryServiceProps.fallback`.
   * @default false
   */
  readonly fallback?: boolean;
}

/** Options of `StainedRoute.addLane`. */
export interface LaneOptions {
  /**
   * The lane's name, a DNS label: the lane header's value, the subset's name and the `version` label's value.
   * @default - `laneName(branch)`: the branch itself where it is a DNS label of at most 30 characters, else a shortened form with a hash
   */
  readonly name?: string;

  /**
   * Whether the baseline serves the lane's requests where its pods cannot.
   * @default - as the StainedRoute says
   */
  readonly fallback?: boolean;
}

/** Options of `Lane.route`. */
export interface LaneRouteOptions {
  /**
   * The labels of the lane's pods.
   * @default - `version: <lane>`
   */
  readonly labels?: Record<string, string>;
}

/**
 * The lanes of an app: a request that carries the lane header is served, at every hop, by the lane's version of a service
 * where the lane has one, and by the baseline where it has none (traffic staining).
 *
 * Every VirtualService of the app, in the mesh and at gateways, gets the same lanes: before each rule that routes to a service
 * the lane has a version of stands the lane's copy of that rule. Lanes are ordered by name, so a new one moves no other's lines.
 * CORS rules that allow headers by name allow the lane header too.
 *
 * The mesh does not copy headers from one request to the next: each service must forward the lane header itself.
 */
export class StainedRoute extends Construct {
  /** The lane header. */
  public readonly header: string;

  /** The key of baggage that tells the lane too, if there is one. */
  public readonly baggageKey?: string;

  /** The response header that tells which lane served, `''` for none. */
  public readonly servedLaneHeader: string;

  /** Whether the baseline serves the requests of lanes whose pods cannot, unless a lane says otherwise. */
  public readonly fallback: boolean;

  private readonly lanes = new Map<string, Lane>();
  private readonly selfStaining: boolean;

  /** Refused: header names that are no RFC 7230 tokens, not in lower case or needed by HTTP itself; a second StainedRoute. */
  constructor(scope: Construct, id: string, props: StainedRouteProps = {}) {
    super(scope, id);
    demandKinds(props, { selfStaining: maybe(FLAG), reportServedLane: maybe(FLAG) }, { scope: this });
    const { header = DEFAULT_LANE_HEADER, reportServedLane = true, servedLaneHeader = SERVED_LANE_HEADER } = props;
    this.header = laneHeader(this, 'header', header);
    this.servedLaneHeader = reportServedLane ? laneHeader(this, 'servedLaneHeader', servedLaneHeader) : '';
    this.baggageKey = props.baggageKey;
    if (props.baggageKey !== undefined) demand('baggageKey', props.baggageKey, baggageKeyProblem(props.baggageKey), { code: 'BaggageKey', scope: this });
    this.selfStaining = props.selfStaining ?? false;
    this.fallback = props.fallback === undefined ? false : props.fallback;
    demandBoolean(this, this.fallback);
    Mesh.of(this).stainWith(this);
  }

  /**
   * A lane for a branch.
   *
   * Refused: the empty branch, a lane that is there already (two branches given one name by hand, one branch twice), a name
   * that is no DNS label.
   */
  public addLane(branch: string, options: LaneOptions = {}): Lane {
    demandKinds(options, {}, { scope: this, of: 'options' });
    demand('branch', branch, textProblem(branch), { code: 'BranchEmpty', scope: this, remedy: 'a detached checkout has no branch: name it explicitly' });
    const name = options.name === undefined ? laneName(branch) : options.name;
    demand('name', name, versionNameProblem(name), { code: 'LaneName', scope: this, remedy: options.name === undefined ? 'give a name by hand: addLane(branch, { name })' : `leave it out for ${laneName(branch)}` });
    const taken = this.lanes.get(name);
    if (taken) {
      const wayOut = taken.branch === branch ? 'keep the lane that the first call returned' : 'give one of them another name';
      throw new InvalidInput('LaneTwice', `'name' must be new, got ${JSON.stringify(name)} for branch ${JSON.stringify(branch)}, `
        + `which is the lane of branch ${JSON.stringify(taken.branch)}; ${wayOut}`, this);
    }
    if (options.fallback !== undefined) demandBoolean(this, options.fallback);
    const lane = new Lane(this, name, branch, this.selfStaining, options.fallback ?? this.fallback);
    this.lanes.set(name, lane);
    Mesh.of(this).laneAdded(name);
    return lane;
  }

  /**
   * Whether lanes were added here.
   *
   * @internal
   */
  public get _hasLanes(): boolean {
    return this.lanes.size > 0;
  }

  /**
   * The names of the lanes that were added here.
   *
   * @internal
   */
  public get _laneNames(): string[] {
    return [...this.lanes.keys()].sort(compareText);
  }
}

/** One branch across the services that it changed. Made by `StainedRoute.addLane`. */
export class Lane extends Construct {
  /** The lane's name: the lane header's value, the subset's name and the `version` label's value. */
  public readonly name: string;

  /** The branch as its repository calls it. */
  public readonly branch: string;

  /** Whether the baseline serves the lane's requests where its pods cannot. */
  public readonly fallback: boolean;

  private readonly selfStaining: boolean;

  /** @internal */
  constructor(scope: Construct, name: string, branch: string, selfStaining: boolean, fallback: boolean) {
    super(scope, name);
    this.name = name;
    this.branch = branch;
    this.fallback = fallback;
    this.selfStaining = selfStaining;
  }

  /**
   * The lane has a version of this service: a Deployment that inherits the service's template and overrides what is named
   * here, a subset, and the lane's rules. New pods become ready before old ones go (`maxUnavailable: 0`) unless a strategy is
   * given here or in the template.
   *
   * Emitted beside the service's other versions, in the service's chart.
   *
   * Refused: a service that the lane serves already, a service without versions, a lane named like one of its versions, no
   * image here and in the template, `<service>-<lane>` over 63 characters.
   */
  public serve(service: CanaryService, options: VersionOptions = {}): ServiceVersion {
    demandKind('service', service, instance(CanaryService, 'new CanaryService(…)'), this);
    this.refuseTwice(service.host);
    const version = service._deployLane(this.name, options, this.fallback);
    if (this.selfStaining) new SelfStaining(version, 'self-staining', { version });
    return version;
  }

  /**
   * The lane has a version of a host whose pods somebody else deploys: a subset and the lane's rules, no Deployment.
   *
   * Refused: a host that the lane serves already, a host without baseline, a lane named like one of its versions, labels that do not
   * tell its pods from those of a version or of another lane.
   */
  public route(host: MeshHost, options: LaneRouteOptions = {}): void {
    demandKind('host', host, instance(MeshHost, 'new MeshHost(…), or the `host` of a CanaryService'), this);
    demandKinds(options, {}, { scope: this, of: 'options' });
    this.refuseTwice(host);
    host._serveLane(this.name, host, { labels: options.labels, fallback: this.fallback });
  }

  private refuseTwice(host: MeshHost): void {
    if (!host._lanes.has(this.name)) return;
    throw new InvalidInput('LaneServesTwice', `'service' must be one that lane ${this.name} does not serve yet, got ${host.hostName}; change the version that the first call returned`, this);
  }
}

/** Code without types may hand over how to fall back, which is the service's to say. */
function demandBoolean(scope: Construct, fallback: boolean): void {
  demand('fallback', fallback, typeof fallback === 'boolean' ? undefined : 'must be true or false', {
    code: 'Fallback', scope, remedy: 'how lanes of a service fall back is said there: new CanaryService(…, { fallback: Fallback.of({ … }) })',
  });
}

function laneHeader(scope: Construct, property: string, name: string): string {
  demand(property, name, laneHeaderProblem(name), { code: 'HeaderName', scope });
  return name;
}
