import { DURATION, FLAG, Kind, Kinds, listOf, mapOf, maybe, OPTIONS, TEXT } from './kinds';
import { WorkloadOptions } from './workload';

const OBJECT = maybe(OPTIONS);
const TEXTS = maybe(listOf(TEXT));
const OBJECTS = maybe(listOf(OPTIONS));
const NAMED: Kind = maybe(mapOf(TEXT));
/** A value that is not there is a variable that is not set: cdk8s leaves it out. */
const VARIABLES: Kind = maybe(mapOf(maybe((value) => (typeof value === 'object' && value !== null ? undefined : TEXT(value)))));

/** What cdk8s-plus takes; its own classes are its own to judge. `replicas` has a message of its own. */
export const WORKLOAD_KINDS: Kinds<WorkloadOptions> = {
  image: maybe(TEXT),
  command: TEXTS,
  args: TEXTS,
  env: VARIABLES,
  envValues: maybe(mapOf(OPTIONS)),
  envFrom: OBJECTS,
  imagePullPolicy: maybe(TEXT),
  liveness: OBJECT,
  readiness: OBJECT,
  startup: OBJECT,
  lifecycle: OBJECT,
  resources: OBJECT,
  securityContext: OBJECT,
  podSecurityContext: OBJECT,
  hardened: maybe(FLAG),
  volumeMounts: OBJECTS,
  initContainers: OBJECTS,
  strategy: OBJECT,
  serviceAccount: OBJECT,
  dockerRegistryAuth: OBJECT,
  terminationGracePeriod: maybe(DURATION),
  podAnnotations: NAMED,
  podLabels: NAMED,
};
