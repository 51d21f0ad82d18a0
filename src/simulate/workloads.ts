import { asList } from '../json';
import { groupOf, labelsOf, Manifest, numberOf, referenceTo } from './objects';
import { ObjectReference } from './outcome';
import { Labels } from './request';
import { namespaceOf } from '../lanes/hosts';

/** Pods that are alike: those of a Deployment (StatefulSet, Rollout, ...), or a single Pod. */
export interface Workload {
  readonly object: ObjectReference;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** How many pods the manifest asks for. */
  readonly pods: number;
  readonly hasSidecar: boolean;
  /** Ports of its containers by name. */
  readonly namedPorts: ReadonlyMap<string, number>;
  readonly manifest: Manifest;
  /** Of its pods; of a single Pod itself. */
  readonly template: any;
}

/** Namespaces, and what they say about sidecars. */
export class Namespaces {
  private readonly labels = new Map<string, Labels>();

  constructor(manifests: readonly Manifest[]) {
    for (const manifest of manifests) this.labels.set(String(manifest.metadata?.name), labelsOf(manifest.metadata?.labels));
  }

  /** Those that manifests describe. */
  public get names(): Iterable<string> {
    return this.labels.keys();
  }

  /**
   * Whether pods get a sidecar, as Istio's webhook decides. A namespace that no manifest describes is taken to have injection on:
   * who routes there by Istio's rules has it on, and its manifest is often somebody else's.
   */
  public injects(namespace: string, podLabels: Labels, podAnnotations: Labels): boolean {
    const label = podLabels['sidecar.istio.io/inject'];
    if (label === 'false') return false;
    const known = this.labels.get(namespace);
    if (known?.['istio-injection'] === 'disabled') return false;
    const enabled = !known || known['istio-injection'] === 'enabled' || known['istio.io/rev'] !== undefined;
    if (!enabled) return label === 'true' || podLabels['istio.io/rev'] !== undefined;
    return label === 'true' || podAnnotations['sidecar.istio.io/inject'] !== 'false';
  }

  /** Whether the namespace is in ambient mode, which is not modelled. */
  public isAmbient(namespace: string): boolean {
    return this.labels.get(namespace)?.['istio.io/dataplane-mode'] === 'ambient';
  }
}

/** Kinds whose pods have the template `spec.template`, by group. */
const TEMPLATED: Readonly<Record<string, readonly string[]>> = {
  '': ['ReplicationController'],
  'apps': ['Deployment', 'StatefulSet', 'ReplicaSet', 'DaemonSet'],
  'apps.kruise.io': ['CloneSet', 'StatefulSet', 'DaemonSet'],
  'apps.openshift.io': ['DeploymentConfig'],
  'argoproj.io': ['Rollout'],
};

function isTemplated(manifest: Manifest): boolean {
  return TEMPLATED[groupOf(manifest)]?.includes(manifest.kind) ?? false;
}

/** The pods' template of each manifest that has one which is known; a Rollout may take that of a Deployment. */
export class PodTemplates {
  private readonly deployments = new Map<string, Manifest>();

  constructor(manifests: readonly Manifest[]) {
    for (const manifest of manifests) {
      if (groupOf(manifest) === 'apps') this.deployments.set(`${manifest.kind} ${namespaceOf(manifest)}/${manifest.metadata?.name}`, manifest);
    }
  }

  /** `undefined` for kinds that have no pods, or are not known to have some. */
  public of(manifest: Manifest): any {
    if (groupOf(manifest) === '' && manifest.kind === 'Pod') return manifest;
    if (!isTemplated(manifest)) return undefined;
    const { template, workloadRef } = manifest.spec ?? {};
    if (template || !workloadRef) return template ?? {};
    return this.deployments.get(`${workloadRef.kind} ${namespaceOf(manifest)}/${workloadRef.name}`)?.spec?.template;
  }
}

/** Something with pods that are not known: an object of a kind that is not read, or one whose template is elsewhere. */
export interface UnknownPods {
  readonly object: ObjectReference;
  readonly namespace: string;
  readonly labels: Labels;
}

/** What has pods by the looks of it, and is no workload that is known. */
export function unknownPodsOf(manifest: Manifest, templates: PodTemplates): UnknownPods[] {
  const { template, selector } = manifest?.spec ?? {};
  const looksLikePods = Array.isArray(template?.spec?.containers) || isTemplated(manifest);
  if (!looksLikePods || templates.of(manifest) !== undefined) return [];
  const labels = labelsOf(template?.metadata?.labels ?? selector?.matchLabels);
  return [{ object: referenceTo(manifest), namespace: namespaceOf(manifest), labels }];
}

/** The workload that a manifest describes; `undefined` for other kinds. */
export function workloadOf(manifest: Manifest, namespaces: Namespaces, templates: PodTemplates): Workload | undefined {
  const template = templates.of(manifest);
  if (!template) return undefined;
  const namespace = namespaceOf(manifest);
  const labels = labelsOf(template.metadata?.labels);
  const containers = [...asList(template.spec?.containers), ...asList(template.spec?.initContainers)];
  const ports = containers.flatMap((container) => asList(container?.ports));
  return {
    object: referenceTo(manifest),
    namespace,
    name: String(manifest.metadata?.name ?? 'unnamed'),
    labels,
    serviceAccount: String(template.spec?.serviceAccountName ?? 'default'),
    pods: manifest.kind === 'Pod' || manifest.kind === 'DaemonSet' ? 1 : Math.max(0, numberOf(manifest.spec?.replicas) ?? 1),
    hasSidecar: template.spec?.hostNetwork !== true && namespaces.injects(namespace, labels, labelsOf(template.metadata?.annotations)),
    namedPorts: new Map(ports.filter((port) => port?.name).map((port) => [String(port.name), Number(port.containerPort)])),
    manifest,
    template,
  };
}

/** The names of the pods that have one to keep, as `namespace/pod`. */
export function podNames(workloads: readonly Workload[]): ReadonlySet<string> {
  const lasting = workloads.filter(({ manifest }) => manifest.kind === 'StatefulSet');
  return new Set(lasting.flatMap(({ namespace, name, pods }) => Array.from({ length: pods }, (_, index) => `${namespace}/${name}-${index}`)));
}
