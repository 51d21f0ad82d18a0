import { uniqueLabel } from './lane-name';

/*
 * The marks by which objects of a shared environment tell whose they are: written by the constructs, read by the command line.
 * Selectors and pod templates carry none of them, so that a mark never restarts a pod.
 */

/** Label: the service that the object belongs to. Not on objects that serve several. */
export const SERVICE_LABEL = 'cdk8s-lanes/service';
/** Label: the lane that the object belongs to. Objects of the baseline have none. */
export const LANE_LABEL = 'cdk8s-lanes/lane';
/** Label: the repository that owns the object, see `sourceLabel`. */
export const SOURCE_LABEL = 'cdk8s-lanes/source';
/** Label: when the object is applied and deleted, a `Phase`. */
export const PHASE_LABEL = 'cdk8s-lanes/phase';
/** Label of a lane's Deployment that requests may be routed to. Set in the cluster, never in manifests. */
export const ROUTABLE_LABEL = 'cdk8s-lanes/routable';
/** Label of VirtualServices into which the live lanes are woven. Manifests hold the baseline's rules alone. */
export const WOVEN_LABEL = 'cdk8s-lanes/woven';

/** Annotation: the branch as its repository calls it. */
export const BRANCH_ANNOTATION = 'cdk8s-lanes/branch';
/** Annotation: who pushed. */
export const OWNER_ANNOTATION = 'cdk8s-lanes/owner';
/** Annotation: the commit that was deployed. */
export const COMMIT_ANNOTATION = 'cdk8s-lanes/commit';
/** Annotation: when a lane may be swept, RFC 3339. */
export const EXPIRES_ANNOTATION = 'cdk8s-lanes/expires';
/** Annotation: the CI run that deployed. */
export const RUN_ANNOTATION = 'cdk8s-lanes/run';
/** Annotation: a number that grows from pipeline to pipeline, so that an older one cannot win by being late. */
export const REVISION_ANNOTATION = 'cdk8s-lanes/revision';
/** Annotation of a lane's Deployment: where requests of the lane go, as JSON, where that is not its subset (a lane with fallback). */
export const DESTINATION_ANNOTATION = 'cdk8s-lanes/destination';
/** Annotation of woven VirtualServices: the lane header. */
export const LANE_HEADER_ANNOTATION = 'cdk8s-lanes/lane-header';
/** Annotation of woven VirtualServices: the key of baggage that tells the lane too, where there is one. */
export const LANE_BAGGAGE_ANNOTATION = 'cdk8s-lanes/lane-baggage';
/** Annotation of woven VirtualServices: the response header that tells which lane served, empty for none. */
export const SERVED_LANE_HEADER_ANNOTATION = 'cdk8s-lanes/served-lane-header';
/** Annotation of woven VirtualServices: the cluster's domain, where it is not `cluster.local`. */
export const CLUSTER_DOMAIN_ANNOTATION = 'cdk8s-lanes/cluster-domain';
/** Annotation of the woven VirtualService whose rules preview hosts follow: the wildcard host that they are under. */
export const PREVIEW_HOSTS_ANNOTATION = 'cdk8s-lanes/preview-hosts';
/** Label of a lane's preview VirtualService: the name of the woven VirtualService whose rules it follows. */
export const PREVIEW_LABEL = 'cdk8s-lanes/preview';

/** The order in which a service's objects come up; they go in the reverse. */
export enum Phase {
  /** What runs, and what it needs. */
  WORKLOAD = 'workload',
  /** How it is told apart. */
  SUBSETS = 'subsets',
  /** How it is reached. */
  ROUTES = 'routes',
}

/** The phase of objects of a kind. */
export function phaseOf(kind: string): Phase {
  if (kind === 'DestinationRule') return Phase.SUBSETS;
  return kind === 'VirtualService' || kind === 'Gateway' ? Phase.ROUTES : Phase.WORKLOAD;
}

/** The value of the label `source` for a repository (`group/project`): another one for each, though labels hold no slash. */
export function sourceLabel(repository: string): string {
  return uniqueLabel(repository, 63);
}
