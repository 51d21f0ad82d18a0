import { InvalidInput, shown } from '../errors';
import { GatewayPods } from './gateway-routes';
import { labelsOf, Manifest, selects } from './objects';
import { Labels, Sender } from './request';
import { MeshService } from './services';
import { Namespaces, Workload } from './workloads';

/** A pod that sends. */
export interface SendingPod {
  readonly words: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  readonly hasSidecar: boolean;
}

/** Gateway pods, and what they are called. */
export interface SendingGateway extends GatewayPods {
  readonly words: string;
  /** Absent where no manifest says it. */
  readonly serviceAccount?: string;
}

/** The workloads of a mesh. */
export interface KnownWorkloads {
  readonly workloads: readonly Workload[];
  workloadNamed(namespace: string, name: string): Workload | undefined;
}

/** Finds senders among the objects of a mesh. */
export class Senders {
  private readonly gateways = new Map<string, SendingGateway | undefined>();

  constructor(
    private readonly mesh: KnownWorkloads,
    private readonly services: readonly MeshService[],
    private readonly gatewayManifests: readonly Manifest[],
    private readonly rootNamespace: string,
    private readonly namespaces: Namespaces,
  ) {}

  /** @throws InvalidInput for a workload that is not there */
  public pod(from: Exclude<Sender, { gateway: Labels }>): SendingPod {
    const namespace = from.namespace ?? 'default';
    if ('workload' in from) {
      const workload = this.mesh.workloadNamed(namespace, from.workload);
      if (!workload) {
        const known = this.mesh.workloads.filter((each) => each.namespace === namespace).map(({ name }) => name);
        throw new InvalidInput(
          'SenderUnknown',
          `'from' must name a workload of the manifests, got ${shown(`${namespace}/${from.workload}`)} (namespace ${namespace} has: ${known.join(', ') || 'none'})`,
        );
      }
      return { ...workload, words: `${namespace}/${workload.name}` };
    }
    const labels = labelsOf(from.labels);
    const hasSidecar = from.sidecar ?? this.namespaces.injects(namespace, labels, {});
    const shownLabels = Object.entries(labels)
      .map(([key, value]) => ` ${key}=${value}`)
      .join('');
    return {
      words: `a pod in namespace ${namespace}${shownLabels}${hasSidecar ? '' : ' without sidecar'}`,
      namespace,
      labels,
      serviceAccount: from.serviceAccount ?? 'default',
      hasSidecar,
    };
  }

  /** The gateway pods that have these labels, or that a Gateway's selector supposes; `undefined` where there are none. */
  public gateway(labels: Labels): SendingGateway | undefined {
    const key = JSON.stringify(Object.entries(labels).sort());
    if (!this.gateways.has(key)) this.gateways.set(key, this.findGateway(labels));
    return this.gateways.get(key);
  }

  private findGateway(labels: Labels): SendingGateway | undefined {
    const words = `a client of gateway ${Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',')}`;
    const workload = this.mesh.workloads.find((each) => selects(labels, each.labels));
    if (workload) {
      const servicePorts = this.services
        .filter((service) => service.namespace === workload.namespace && service.selector && selects(service.selector, workload.labels))
        .flatMap(({ ports }) =>
          ports.map(({ number, targetPort }) => ({
            number,
            targetPort: typeof targetPort === 'number' ? targetPort : (workload.namedPorts.get(targetPort) ?? number),
          })),
        );
      return { words, namespace: workload.namespace, labels: workload.labels, serviceAccount: workload.serviceAccount, servicePorts };
    }
    const selectors = this.gatewayManifests.map((gateway) => labelsOf(gateway.spec?.selector)).filter((selector) => selects(labels, selector));
    // A Gateway that asks for fewer labels, or none, is for these pods too.
    const fewer = this.gatewayManifests.some((gateway) => selects(labelsOf(gateway.spec?.selector), labels));
    if (selectors.length === 0 && !fewer) return undefined;
    const podLabels = selectors.find((selector) => Object.keys(selector).length === Object.keys(labels).length) ?? selectors[0] ?? labels;
    const service = this.services.find(({ selector }) => selector && selects(selector, podLabels));
    const servicePorts = (service?.ports ?? []).map(({ number, targetPort }) => ({
      number,
      targetPort: typeof targetPort === 'number' ? targetPort : number,
    }));
    return { words, namespace: service?.namespace ?? this.rootNamespace, labels: podLabels, servicePorts };
  }
}
