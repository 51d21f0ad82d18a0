import { JsonPatch } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { hardened, hardenPod } from './hardening';
import { patchAfterRendering } from './manifest-object';
import { Mesh } from './mesh';
import { WorkloadOptions } from './workload';

/** Properties of `VersionDeployment`. */
export interface VersionDeploymentProps {
  readonly name: string;
  readonly namespace: string;
  /** Exactly the labels of selector and pods. */
  readonly selector: Record<string, string>;
  readonly containerName: string;
  readonly port: number;
  /** Written where there are several ports. */
  readonly portName?: string;
  /** The Service port's protocol, for services that the user exposes the Deployment by. */
  readonly appProtocol?: string;
  readonly additionalPorts: { readonly name: string; readonly number: number; readonly appProtocol?: string }[];
  readonly workload: WorkloadOptions;
}

/**
 * The `Deployment` of cdk8s-plus, without what cdk8s-plus adds unasked (limits, security contexts, a startup probe, two
 * replicas, `imagePullPolicy: Always`, its own pod label) and with the labels that the mesh selects by.
 *
 * What cdk8s-plus builds on its pod label (`exposeViaService`, `connections`, `scheduling`) works on the selector's labels.
 */
export class VersionDeployment extends kplus.Deployment {
  private readonly selector: Record<string, string>;
  private readonly said: WorkloadOptions;
  /** By the container's port. */
  private readonly appProtocols: Map<number, string | undefined>;
  /** What was said of each container, since cdk8s-plus does not keep it apart from its own defaults. */
  private readonly saidOf: Map<kplus.Container, kplus.ContainerProps>;

  constructor(scope: Construct, id: string, { workload: asked, ...rest }: VersionDeploymentProps) {
    const workload = hardened(asked);
    const props = { ...rest, workload };
    super(scope, id, {
      metadata: { name: props.name, namespace: props.namespace },
      podMetadata: { labels: { ...workload.podLabels, ...props.selector }, annotations: workload.podAnnotations },
      select: false,
      replicas: workload.replicas,
      strategy: workload.strategy,
      serviceAccount: workload.serviceAccount,
      dockerRegistryAuth: workload.dockerRegistryAuth,
      terminationGracePeriod: workload.terminationGracePeriod,
      securityContext: workload.podSecurityContext,
    });
    Mesh.of(this).ownObject('Deployment', props.namespace, props.name, this);
    this.selector = props.selector;
    this.said = workload;
    const ports = [{ number: props.port, appProtocol: props.appProtocol }, ...props.additionalPorts];
    this.appProtocols = new Map(ports.map((each) => [each.number, each.appProtocol]));
    this.saidOf = new Map();
    this.select(kplus.LabelSelector.of({ labels: props.selector }));
    this.addContainer(containerProps(props));
    workload.initContainers?.forEach((container) => this.addInitContainer(container));
    patchAfterRendering(this.apiObject);
  }

  /** Exactly the labels that the pods are selected by. */
  public get _selectorLabels(): Record<string, string> {
    return { ...this.selector };
  }

  public addContainer(props: kplus.ContainerProps): kplus.Container {
    const container = super.addContainer(props);
    this.saidOf.set(container, props);
    return container;
  }

  public addInitContainer(props: kplus.ContainerProps): kplus.Container {
    const container = super.addInitContainer(props);
    this.saidOf.set(container, props);
    return container;
  }

  public toPodSelectorConfig(): kplus.PodSelectorConfig {
    return {
      labelSelector: kplus.LabelSelector.of({ labels: this.selector }),
      namespaces: { names: [this.metadata.namespace!] },
    };
  }

  /** Says the protocol, as a Service's unnamed port would make Istio guess it. */
  public exposeViaService(options: kplus.DeploymentExposeViaServiceOptions = {}): kplus.Service {
    const service = super.exposeViaService(options);
    const object = service.node.defaultChild as any;
    patchAfterRendering(object);
    object.addJsonPatch(JsonPatch.remove('/spec/externalIPs')); // an empty list that cdk8s-plus always writes
    service.ports.forEach(({ port, targetPort = port }, index) => {
      const appProtocol = this.appProtocols.get(targetPort) ?? (service.ports.length === 1 ? [...this.appProtocols.values()][0] : undefined);
      if (appProtocol) object.addJsonPatch(JsonPatch.add(`/spec/ports/${index}/appProtocol`, appProtocol));
    });
    return service;
  }

  /** @internal */
  public _toKube(): any {
    const spec: any = super._toKube();
    delete spec.minReadySeconds;
    delete spec.progressDeadlineSeconds;
    if (this.said.replicas === undefined && !this.hasAutoscaler) delete spec.replicas;
    if (!this.said.strategy) delete spec.strategy;
    delete spec.template.metadata.labels[kplus.Pod.ADDRESS_LABEL];
    this.bare(spec.template.spec);
    if (this.said.hardened) hardenPod(spec.template.spec);
    return spec;
  }

  /** Takes out of the pod what cdk8s-plus put there by itself. */
  private bare(pod: any): void {
    for (const field of ['dnsPolicy', 'hostNetwork', 'restartPolicy', 'setHostnameAsFqdn', 'automountServiceAccountToken']) delete pod[field];
    if (!this.said.terminationGracePeriod) delete pod.terminationGracePeriodSeconds;
    pod.securityContext = onlySaid(pod.securityContext, POD_SECURITY_FIELDS, this.said.podSecurityContext);
    this.containers.forEach((container, index) => bareContainer(pod.containers[index], this.saidOf.get(container)));
    this.initContainers.forEach((container, index) => bareContainer(pod.initContainers[index], this.saidOf.get(container)));
  }
}

function containerProps({ containerName, port, portName, additionalPorts, workload }: VersionDeploymentProps): kplus.ContainerProps {
  const plain = Object.entries(workload.env ?? {}).map(([name, text]) => [name, kplus.EnvValue.fromValue(text)]);
  const more = additionalPorts.map(({ name, number }) => ({ name, number }));
  return {
    name: containerName,
    image: workload.image!,
    ...(more.length === 0 ? { portNumber: port } : { ports: [{ name: portName, number: port }, ...more] }),
    envVariables: { ...Object.fromEntries(plain), ...workload.envValues },
    envFrom: workload.envFrom,
    command: workload.command,
    args: workload.args,
    imagePullPolicy: workload.imagePullPolicy,
    liveness: workload.liveness,
    readiness: workload.readiness,
    startup: workload.startup,
    lifecycle: workload.lifecycle,
    resources: workload.resources,
    securityContext: workload.securityContext,
    volumeMounts: workload.volumeMounts,
  };
}

/** Our name of a security field → the manifest's. */
const POD_SECURITY_FIELDS = {
  user: 'runAsUser',
  group: 'runAsGroup',
  fsGroup: 'fsGroup',
  ensureNonRoot: 'runAsNonRoot',
  fsGroupChangePolicy: 'fsGroupChangePolicy',
  sysctls: 'sysctls',
};
const CONTAINER_SECURITY_FIELDS = {
  user: 'runAsUser',
  group: 'runAsGroup',
  ensureNonRoot: 'runAsNonRoot',
  privileged: 'privileged',
  readOnlyRootFilesystem: 'readOnlyRootFilesystem',
  allowPrivilegeEscalation: 'allowPrivilegeEscalation',
  capabilities: 'capabilities',
};

function onlySaid(rendered: any, fields: Record<string, string>, said: any): any {
  const kept = Object.entries(fields).filter(([name]) => said?.[name] !== undefined).map(([, field]) => [field, rendered[field]]);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** A container that was attached as an object came with its own defaults, which its maker chose. */
function bareContainer(container: any, said: kplus.ContainerProps | undefined): void {
  if (!said) return;
  container.securityContext = onlySaid(container.securityContext, CONTAINER_SECURITY_FIELDS, said.securityContext);
  if (!said.resources) delete container.resources;
  if (!said.imagePullPolicy) delete container.imagePullPolicy;
  if (!said.startup) delete container.startupProbe;
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    // Kubernetes' own default, which cdk8s-plus writes out.
    if (probe?.failureThreshold === 3) delete probe.failureThreshold;
  }
}
