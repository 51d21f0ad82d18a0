import { ApiObject } from 'cdk8s';
import { IConstruct } from 'constructs';
import type { Branch } from './branch';
import { DEFAULT_CLUSTER_DOMAIN } from './lanes/hosts';
import {
  CLUSTER_DOMAIN_ANNOTATION, LANE_BAGGAGE_ANNOTATION, LANE_HEADER_ANNOTATION, LANE_LABEL, Phase, PHASE_LABEL, phaseOf,
  SERVED_LANE_HEADER_ANNOTATION, SERVICE_LABEL, SOURCE_LABEL, WOVEN_LABEL,
} from './lanes/ownership';
import { HANDLES_LANE_HEADER_LABEL } from './lanes/weave';
import type { Mesh } from './mesh';

/**
 * What of an app belongs to the branch that it is synthesized for. The baseline owns everything; a lane owns what was said to
 * be its own, and everything else is left out of its manifests. What stays is marked with its owner.
 *
 * It is settled in the validation of the app's root, the one thing that cdk8s does before it renders, whichever way it is
 * asked to; by then everything was declared.
 */
export class BranchOwnership {
  private readonly services = new Map<IConstruct, string>();
  private readonly hosts = new Set<string>();
  private readonly lane = new Set<IConstruct>();
  private readonly late: (() => string[])[] = [];
  private readonly fallbacks = new Set<IConstruct>();
  private readonly marked = new WeakSet<ApiObject>();

  constructor(private readonly root: IConstruct, private readonly mesh: Mesh, public readonly branch: Branch) {
    root.node.addValidation({ validate: () => this.settle() });
  }

  /** What stands below `scope` belongs to the service, whose host may have lanes. */
  public addService(service: string, scope: IConstruct, hostName: string): void {
    this.services.set(scope, service);
    this.hosts.add(hostName);
  }

  /** The hosts that branches may bring lanes of. */
  public get lanedHosts(): string[] {
    return [...this.hosts];
  }

  /** What stands below `scope` belongs to the lane. */
  public addToLane(scope: IConstruct): void {
    this.lane.add(scope);
  }

  /** What can be decided only when everything was declared; answers what stands in its way. */
  public whenSettling(add: () => string[]): void {
    this.late.push(add);
  }

  /** What stands below `scope` makes the host of a lane's own. */
  public addFallback(scope: IConstruct): void {
    this.addToLane(scope);
    this.fallbacks.add(scope);
  }

  private settle(): string[] {
    const { stain } = this.mesh;
    if (stain?._hasLanes) {
      return [`'addLane' must not be called where lanes come from branches: a lane's own pipeline deploys it; take the lanes of ${stain.node.path} out, or BranchDeployment`];
    }
    if (!this.branch.isBaseline && this.services.size > 0 && this.lane.size === 0) {
      return [`'image' must be set for one service at least: the lane ${this.branch.lane} deploys none of ${[...this.services.values()].join(', ')}; `
        + 'set it where the pipeline built one, and end the pipeline before where it built none'];
    }
    const problems = this.late.flatMap((add) => add());
    if (problems.length > 0) return problems;
    for (const object of this.root.node.findAll().filter((each): each is ApiObject => each instanceof ApiObject)) {
      if (this.branch.isBaseline || isBelow(object, this.lane)) this.mark(object);
      else object.node.scope!.node.tryRemoveChild(object.node.id);
    }
    return [];
  }

  private mark(object: ApiObject): void {
    if (this.marked.has(object)) return;
    this.marked.add(object);
    const { metadata } = object;
    metadata.addLabel(SOURCE_LABEL, this.branch.source);
    // What a lane's own host is made of must be there when the Deployment says that requests may go there.
    metadata.addLabel(PHASE_LABEL, isBelow(object, this.fallbacks) ? Phase.WORKLOAD : phaseOf(object.kind));
    const service = object.node.scopes.map((scope) => this.services.get(scope)).find((found) => found !== undefined);
    if (service !== undefined) metadata.addLabel(SERVICE_LABEL, service);
    if (this.branch.lane !== undefined) metadata.addLabel(LANE_LABEL, this.branch.lane);
    for (const [key, text] of Object.entries(this.branch._annotations)) metadata.addAnnotation(key, text);
    if (object.kind !== 'VirtualService' || metadata.getLabel(HANDLES_LANE_HEADER_LABEL) !== undefined) return;
    metadata.addLabel(WOVEN_LABEL, 'true');
    metadata.addAnnotation(LANE_HEADER_ANNOTATION, this.mesh.laneHeader);
    if (this.mesh.baggageKey !== undefined) metadata.addAnnotation(LANE_BAGGAGE_ANNOTATION, this.mesh.baggageKey);
    metadata.addAnnotation(SERVED_LANE_HEADER_ANNOTATION, this.mesh.servedLaneHeader);
    if (this.mesh.clusterDomain !== DEFAULT_CLUSTER_DOMAIN) metadata.addAnnotation(CLUSTER_DOMAIN_ANNOTATION, this.mesh.clusterDomain);
  }
}

function isBelow(construct: IConstruct, scopes: Set<IConstruct>): boolean {
  return construct.node.scopes.some((scope) => scopes.has(scope));
}
