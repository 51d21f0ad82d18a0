import { Duration } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';

/**
 * What the pods of a version run. Nothing is written that is not said here: no limits, no security context, no probes.
 *
 * The types are those of cdk8s-plus, whose `Deployment` every version's workload is.
 */
export interface WorkloadOptions {
  /**
   * The container's image.
   * @default - the service template's; a version without any is refused
   */
  readonly image?: string;

  /**
   * How many pods. 0 or more.
   * @default - not written: Kubernetes runs one
   */
  readonly replicas?: number;

  /**
   * The container's command.
   * @default - the image's entrypoint
   */
  readonly command?: string[];

  /**
   * The command's arguments.
   * @default - the image's
   */
  readonly args?: string[];

  /**
   * Environment variables by name. Merged with those of the service template, variable by variable.
   * @default - none but the version's own (see `versionEnv` of the service)
   */
  readonly env?: Record<string, string>;

  /**
   * Environment variables that come from elsewhere: secrets, config maps, fields of the pod. Merged like `env`.
   * @default - none
   */
  readonly envValues?: Record<string, kplus.EnvValue>;

  /**
   * All variables of secrets or config maps.
   * @default - none
   */
  readonly envFrom?: kplus.EnvFrom[];

  /**
   * When the image is pulled.
   * @default - not written: Kubernetes pulls `latest` always and other tags once per node
   */
  readonly imagePullPolicy?: kplus.ImagePullPolicy;

  /**
   * Whether the container must be restarted.
   * @default - no probe
   */
  readonly liveness?: kplus.Probe;

  /**
   * Whether the pod may get requests.
   * @default - no probe
   */
  readonly readiness?: kplus.Probe;

  /**
   * Whether the container has started; the other probes wait for it.
   * @default - no probe
   */
  readonly startup?: kplus.Probe;

  /**
   * What runs after the container starts and before it stops.
   * @default - nothing
   */
  readonly lifecycle?: kplus.ContainerLifecycle;

  /**
   * What the container asks for and may use.
   * @default - not written: no requests, no limits
   */
  readonly resources?: kplus.ContainerResources;

  /**
   * What the container may do. Only what is said is written.
   * @default - not written
   */
  readonly securityContext?: kplus.ContainerSecurityContextProps;

  /**
   * What the pod's containers may do. Only what is said is written.
   * @default - not written
   */
  readonly podSecurityContext?: kplus.PodSecurityContextProps;

  /**
   * The whole preset for pods that need nothing special, in one word: user not root, root file system read-only, no privileges, all
   * capabilities dropped, the runtime's seccomp profile, 100m CPU and 128Mi asked for, 1 CPU and 512Mi at most. What
   * `securityContext`, `podSecurityContext` and `resources` say goes before it. An image that runs as root or writes to its own files
   * does not start with it.
   * @default false
   */
  readonly hardened?: boolean;

  /**
   * Where volumes are mounted.
   * @default - nowhere
   */
  readonly volumeMounts?: kplus.VolumeMount[];

  /**
   * Containers that run before the others.
   * @default - none
   */
  readonly initContainers?: kplus.ContainerProps[];

  /**
   * How new pods replace old ones.
   * @default - not written for the service's own versions: Kubernetes rolls them over. Lanes roll over with `maxUnavailable: 0`
   */
  readonly strategy?: kplus.DeploymentStrategy;

  /**
   * The account the pods run as.
   * @default - not written: the namespace's default account
   */
  readonly serviceAccount?: kplus.IServiceAccount;

  /**
   * The secret to pull images with.
   * @default - none
   */
  readonly dockerRegistryAuth?: kplus.ISecret;

  /**
   * How long a pod may take to stop.
   * @default - not written: Kubernetes waits 30 seconds
   */
  readonly terminationGracePeriod?: Duration;

  /**
   * Annotations of the pods. Merged with those of the service template, key by key.
   * @default - none but the sidecar's (see `sidecarInjection` of the service)
   */
  readonly podAnnotations?: Record<string, string>;

  /**
   * Labels of the pods beside `app` and `version`. Merged with those of the service template, key by key.
   * @default - none
   */
  readonly podLabels?: Record<string, string>;
}

/** What a version runs: its own options before the template's; environment, annotations and labels merged by name. */
export function inherit(template: WorkloadOptions, own: WorkloadOptions): WorkloadOptions {
  return {
    ...template,
    // What is undefined was not said: `{ image: process.env.IMAGE }` inherits where the variable is not set.
    ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)),
    env: { ...without(template.env, own.envValues), ...own.env },
    envValues: { ...without(template.envValues, own.env), ...own.envValues },
    podAnnotations: { ...template.podAnnotations, ...own.podAnnotations },
    podLabels: { ...template.podLabels, ...own.podLabels },
  };
}

/** A variable that a version sets in the other way is the version's. */
function without<T>(inherited: Record<string, T> | undefined, own: Record<string, unknown> | undefined): Record<string, T> {
  return Object.fromEntries(Object.entries(inherited ?? {}).filter(([name]) => !(name in (own ?? {}))));
}
