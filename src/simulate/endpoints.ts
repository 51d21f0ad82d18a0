import { addTo, labelsOf, Manifest, selects, textsOf } from './objects';
import { WorkloadShare } from './outcome';
import { Labels } from './request';
import { MeshService, Resolution } from './services';
import { Workload } from './workloads';
import { namespaceOf } from '../lanes/hosts';

/** Who answers behind a service (or a part of it). */
export interface Backend {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  /** Ready ones. */
  readonly pods: number;
  /** The workload of the manifests; absent for hosts outside and endpoints that a ServiceEntry names. */
  readonly workload?: Workload;
}

/** The endpoints of a mesh, as istiod puts them together. */
export class Endpoints {
  private readonly byNamespace = new Map<string, Workload[]>();
  private readonly byService = new Map<string, MeshService[]>();
  private readonly found = new Map<string, readonly Backend[]>();

  /** @param unready workloads whose pods are not ready, as `namespace/name` */
  constructor(
    workloads: readonly Workload[],
    services: readonly MeshService[],
    private readonly unready: ReadonlySet<string>,
    private readonly workloadEntries: readonly Manifest[],
  ) {
    for (const workload of workloads) addTo(this.byNamespace, workload.namespace, workload);
    for (const service of services) addTo(this.byService, keyOf(service), service);
  }

  /**
   * Who answers behind a port of a service, those without ready pods too. Registry entries of one host and namespace have their
   * endpoints put together.
   */
  public of(service: MeshService, port: number, subset: Labels = {}): readonly Backend[] {
    const all = this.ofAll(service, port);
    return Object.keys(subset).length === 0 ? all : all.filter(({ labels }) => selects(subset, labels));
  }

  private ofAll(service: MeshService, port: number): readonly Backend[] {
    const key = `${keyOf(service)} ${service.resolution} ${port}`;
    const known = this.found.get(key);
    if (known) return known;
    // The service that proxies know decides how endpoints are found, and others of its name add those that can be found like that.
    const alike = (this.byService.get(keyOf(service)) ?? [service]).filter(({ resolution }) => resolution === service.resolution
      || (service.resolution === Resolution.DNS && resolution === Resolution.ENDPOINTS));
    const backends = alike.flatMap((each) => this.ofOne(each, port));
    this.found.set(key, backends);
    return backends;
  }

  private ofOne(service: MeshService, port: number): Backend[] {
    const { ports, selector, namespace, endpoints, hostname, resolution } = service;
    const found = ports.find(({ number }) => number === port);
    if (!found) return [];
    if (selector) {
      return (this.byNamespace.get(namespace) ?? [])
        .filter(({ labels, namedPorts }) => selects(selector, labels) && (typeof found.targetPort === 'number' || namedPorts.has(found.targetPort)))
        .map((workload): Backend => ({ ...workload, pods: this.readyPods(workload), workload }))
        .concat(this.machines(namespace, selector));
    }
    if (endpoints.length > 0) return endpoints.map(({ address, labels }) => ({ namespace, name: address, labels, pods: 1 }));
    return !service.isKubernetes && resolution === Resolution.DNS ? [{ namespace, name: hostname, labels: {}, pods: 1 }] : [];
  }

  /** Machines outside Kubernetes that a selector takes too. */
  private machines(namespace: string, selector: Labels): Backend[] {
    const chosen = this.workloadEntries.filter((entry) => namespaceOf(entry) === namespace && selects(selector, labelsOf(entry.spec?.labels)));
    return chosen.map(({ spec, metadata }) => ({
      namespace,
      name: String(spec?.address ?? metadata?.name),
      labels: labelsOf(spec?.labels),
      pods: 1,
    }));
  }

  private readyPods({ namespace, name, pods }: Workload): number {
    return this.unready.has(`${namespace}/${name}`) ? 0 : pods;
  }
}

/** Backends with the share that each gets by number of pods. */
export function shared(backends: readonly Backend[]): WorkloadShare[] {
  const total = backends.reduce((sum, { pods }) => sum + pods, 0);
  return backends
    .filter(({ pods }) => pods > 0)
    .map(({ namespace, name, labels, pods }) => ({
      namespace,
      workload: name,
      labels,
      pods,
      share: pods / total,
      ...(labels.version === undefined ? {} : { version: labels.version }),
    }));
}

/**
 * Those that get requests now, and those that wait until these are gone: by the labels of `failoverPriority`, which count only
 * beside outlier detection.
 *
 * Source: istiod's `applyFailoverPriorities` (pilot/pkg/networking/core/loadbalancer).
 */
export function byPriority(
  backends: readonly Backend[],
  policy: any,
  client: Labels,
): { readonly first: readonly Backend[]; readonly standby: readonly Backend[] } {
  const setting = policy?.loadBalancer?.localityLbSetting;
  const labels = textsOf(setting?.failoverPriority);
  if (!policy?.outlierDetection || labels.length === 0 || setting.enabled === false) return { first: backends, standby: [] };
  const wanted = labels.map((label) => label.split('=')).map(([key, value]): [string, string | undefined] => [key, value ?? client[key]]);
  const matched = (backend: Backend) => {
    const miss = wanted.findIndex(([key, value]) => backend.labels[key] !== value);
    return miss < 0 ? wanted.length : miss;
  };
  const best = Math.max(...backends.filter(({ pods }) => pods > 0).map(matched));
  return { first: backends.filter((backend) => matched(backend) === best), standby: backends.filter((backend) => matched(backend) < best) };
}

function keyOf({ hostname, namespace }: MeshService): string {
  return `${namespace}/${hostname}`;
}
