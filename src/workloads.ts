import { demand, demandLabels } from './errors';
import { dnsLabelProblem } from './traffic/predicates';

/** Pods that something is said of: a CanaryService, one version of it, a MeshGateway, or what `Workloads` names. */
export interface IWorkload {
  /** The namespace of the pods. */
  readonly workloadNamespace: string;

  /** The labels of the pods; none means all of the namespace. */
  readonly workloadLabels: Record<string, string>;
}

/** Pods that others deploy, or all of a namespace. */
export class Workloads implements IWorkload {
  /** All pods of a namespace. */
  public static inNamespace(namespace: string): Workloads {
    demand('namespace', namespace, dnsLabelProblem(namespace), { code: 'Namespace' });
    return new Workloads(namespace, {});
  }

  /** The pods of a namespace with these labels. Refused: no labels. */
  public static withLabels(namespace: string, labels: Record<string, string>): Workloads {
    demand('namespace', namespace, dnsLabelProblem(namespace), { code: 'Namespace' });
    demandLabels('labels', labels);
    demand('labels', '{}', Object.keys(labels).length === 0 ? 'must name a label of the pods' : undefined, { code: 'WorkloadLabels', remedy: 'Workloads.inNamespace is for all pods' });
    return new Workloads(namespace, { ...labels });
  }

  private constructor(public readonly workloadNamespace: string, public readonly workloadLabels: Record<string, string>) {}
}

/** Whether pods are among those that others are. */
export function isWithin(pods: IWorkload, { workloadNamespace, workloadLabels }: IWorkload): boolean {
  return pods.workloadNamespace === workloadNamespace && Object.entries(workloadLabels).every(([key, value]) => pods.workloadLabels[key] === value);
}

/** What stands for pods, also where code without types leaves it out. */
export function workloadProblem(workload: unknown): string | undefined {
  const { workloadNamespace, workloadLabels } = (workload ?? {}) as Partial<IWorkload>;
  return typeof workloadNamespace === 'string' && typeof workloadLabels === 'object' && workloadLabels !== null ? undefined : 'must be a CanaryService, a version of one, a MeshGateway or Workloads';
}

/** The selector of an object of Istio's for these pods; nothing where it is for all of the namespace. */
export function podSelector({ workloadLabels }: IWorkload, field: string, labels: string): any {
  return Object.keys(workloadLabels).length === 0 ? {} : { [field]: { [labels]: { ...workloadLabels } } };
}
