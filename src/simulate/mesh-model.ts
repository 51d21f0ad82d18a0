import { AccessPolicies } from './access';
import { Arrivals } from './arrival';
import { Caveats } from './caveats';
import { DestinationRules } from './destination-rules';
import { Destinations } from './destinations';
import { Endpoints } from './endpoints';
import { isGateway } from './gateway-routes';
import { GatewaySimulation } from './gateway-simulation';
import { meshConfigOf } from './mesh-config';
import { withEndpoints } from './named-endpoints';
import { addTo, groupOf, Manifest } from './objects';
import { Caveat, Outcome } from './outcome';
import { Labels, SimulatedRequest } from './request';
import { demandHeaders, demandSender } from './request-demands';
import { withoutPort } from './request-view';
import { RouteFollower, unique } from './route-outcome';
import { SendingGateway, SendingPod, Senders } from './senders';
import { MeshService, servicesOf } from './services';
import { demandObjects } from './shapes';
import { ProxyScopes } from './sidecar-scope';
import { SidecarSimulation } from './sidecar-simulation';
import { StringMatches } from './string-match';
import { VirtualService, virtualServicesOf } from './virtual-services';
import { Namespaces, podNames, PodTemplates, unknownPodsOf, Workload, workloadOf } from './workloads';
import { InvalidInput, shown } from '../errors';
import { asList } from '../json';
import { DEFAULT_CLUSTER_DOMAIN, namespaceOf } from '../lanes/hosts';

/** What manifests do not say. */
export interface MeshModelOptions {
  /**
   * The domain of the cluster.
   * @default 'cluster.local'
   */
  readonly clusterDomain?: string;

  /**
   * The namespace whose objects are for the whole mesh, where gateway pods stand that no manifest describes.
   * @default 'istio-system'
   */
  readonly rootNamespace?: string;

  /**
   * Whether requests to hosts that nobody knows are refused (`outboundTrafficPolicy: REGISTRY_ONLY` of the mesh).
   * @default - as the ConfigMap `istio` of the root namespace says, else they are let out
   */
  readonly registryOnly?: boolean;

  /**
   * Whether sidecars speak mutual TLS among themselves, by which AuthorizationPolicies know senders.
   * @default true
   */
  readonly mutualTls?: boolean;

  /**
   * Workloads whose pods are not ready, as `namespace/name`.
   * @default - all pods that manifests ask for are ready
   */
  readonly unready?: readonly string[];

  /**
   * Where a manifest was read, such as `dist/shop.yaml:12`, for messages.
   * @default - messages name the object alone
   */
  readonly where?: (manifest: Manifest) => string | undefined;
}

/**
 * A mesh as manifests describe it: Kubernetes' and Istio's objects, this library's or anybody's. Kinds that it does not know are
 * ignored; what could matter and is not modelled is said in each outcome.
 */
export class MeshModel {
  /**
   * Reads manifests.
   *
   * @throws InvalidInput for what istiod would refuse and nothing could be said of: regular expressions that are none, delegates
   * that delegate, objects of one kind, namespace and name
   */
  public static of(manifests: readonly Manifest[], options: MeshModelOptions = {}): MeshModel {
    return new MeshModel(manifests, options);
  }

  public readonly clusterDomain: string;
  public readonly rootNamespace: string;
  public readonly workloads: readonly Workload[];
  /** Services and hosts of ServiceEntries, the oldest first. */
  public readonly services: readonly MeshService[];
  public readonly virtualServices: readonly VirtualService[];
  public readonly gateways: readonly Manifest[];
  /** What each proxy is told of the mesh. */
  public readonly scopes: ProxyScopes;
  /** Which DestinationRule each client follows. */
  public readonly destinationRules: DestinationRules;
  /** Which pods have a sidecar. */
  public readonly namespaces: Namespaces;
  private readonly byName: ReadonlyMap<string, Workload>;
  private readonly sidecars: SidecarSimulation;
  private readonly ingress: GatewaySimulation;
  private readonly senders: Senders;
  private readonly caveats: Caveats;

  private constructor(
    /** What it was made of. */
    public readonly manifests: readonly Manifest[],
    options: MeshModelOptions,
  ) {
    this.clusterDomain = options.clusterDomain ?? DEFAULT_CLUSTER_DOMAIN;
    this.rootNamespace = options.rootNamespace ?? 'istio-system';
    const where = options.where ?? (() => undefined);
    demandObjects(manifests, where);
    const objects = new ManifestsByKind(manifests);
    const namespaces = new Namespaces(objects.of('', 'Namespace'));
    const strings = new StringMatches();
    const templates = new PodTemplates(manifests);
    this.workloads = notOwned(manifests, templates).flatMap((manifest) => workloadOf(manifest, namespaces, templates) ?? []);
    const services = servicesOf(objects.of('', 'Service'), objects.of('networking.istio.io', 'ServiceEntry'), this.clusterDomain);
    this.services = withEndpoints(services, objects.of('', 'Endpoints'), objects.of('discovery.k8s.io', 'EndpointSlice'));
    const registryOnly = options.registryOnly ?? meshConfigOf(objects.of('', 'ConfigMap'), this.rootNamespace, where).registryOnly;
    this.virtualServices = virtualServicesOf(objects.of('networking.istio.io', 'VirtualService'), {
      clusterDomain: this.clusterDomain,
      strings,
      where,
    });
    this.gateways = objects.of('networking.istio.io', 'Gateway');
    const destinationRules = new DestinationRules(objects.of('networking.istio.io', 'DestinationRule'), this.rootNamespace, this.clusterDomain);
    const scopes = new ProxyScopes({
      services: this.services,
      virtualServices: this.virtualServices,
      sidecars: objects.of('networking.istio.io', 'Sidecar'),
      rootNamespace: this.rootNamespace,
      clusterDomain: this.clusterDomain,
      allowsUnknownHosts: !registryOnly,
    });
    this.scopes = scopes;
    this.destinationRules = destinationRules;
    this.namespaces = namespaces;
    const endpoints = new Endpoints(this.workloads, this.services, new Set(options.unready), objects.of('networking.istio.io', 'WorkloadEntry'));
    const access = new AccessPolicies(
      objects.of('security.istio.io', 'AuthorizationPolicy'),
      objects.of('security.istio.io', 'PeerAuthentication'),
      objects.of('security.istio.io', 'RequestAuthentication'),
      this.rootNamespace,
    );
    const arrivals = new Arrivals(access, options.mutualTls !== false);
    const follower = new RouteFollower(new Destinations(endpoints, destinationRules, this.services, this.clusterDomain), arrivals, strings);
    this.caveats = new Caveats(manifests, {
      namespaces,
      rootNamespace: this.rootNamespace,
      clusterDomain: this.clusterDomain,
      services: this.services,
      workloads: this.workloads,
      unknownPods: manifests.flatMap((manifest) => unknownPodsOf(manifest, templates)),
    });
    this.byName = new Map([...this.workloads].reverse().map((workload) => [`${workload.namespace}/${workload.name}`, workload]));
    this.demandReadiness(options.unready ?? []);
    this.senders = new Senders(this, this.services, this.gateways, this.rootNamespace, namespaces);
    const parts = { services: this.services, scopes, follower, caveats: this.caveats, clusterDomain: this.clusterDomain };
    const labelKeys = new Set([...scopes.selectorKeys, ...destinationRules.selectorKeys, ...sourceLabelKeys(this.virtualServices)]);
    const names = new Set([...manifests.map(namespaceOf), ...namespaces.names]);
    this.sidecars = new SidecarSimulation({
      ...parts, endpoints, arrivals, labelKeys, namespaces: names, podNames: podNames(this.workloads), gateways: this.gateways,
    });
    this.ingress = new GatewaySimulation({ ...parts, gateways: this.gateways, access });
  }

  /**
   * Where a request goes, and why. Only its first hop: see `follow` for whole chains.
   *
   * @throws InvalidInput for what is no request, and for senders that are not there
   */
  public send(request: SimulatedRequest): Outcome {
    const { from } = request;
    demandSender(from);
    demandHeaders(request);
    if ('gateway' in from) {
      const pods = this.senders.gateway(from.gateway);
      const outcome = this.ingress.send(request, from.gateway, pods);
      return this.withCaveats(outcome, pods, this.caveats.atEdge(withoutPort(outcome.authority)));
    }
    const pod = this.senders.pod(from);
    return this.withCaveats(this.sidecars.send(request, pod), pod);
  }

  /** What stands around the proxies and could matter as well. */
  private withCaveats(outcome: Outcome, sender: SendingPod | SendingGateway | undefined, atEdge: readonly Caveat[] = []): Outcome {
    const more = [...atEdge, ...(sender ? this.caveats.atSender(sender) : []), ...this.caveats.atDestinations(outcome.branches)];
    return more.length === 0 ? outcome : { ...outcome, caveats: unique([...outcome.caveats, ...more]) };
  }

  /** What may have a host although it is not modelled: routes of the Gateway API at their gateways. */
  public unmodelledRoutes(host: string): readonly Caveat[] {
    return this.caveats.atEdge(host);
  }

  private demandReadiness(unready: readonly string[]): void {
    const unknown = unready.find((name) => !this.byName.has(name));
    if (unknown === undefined) return;
    const [namespace] = unknown.split('/');
    const there = this.workloads.filter((each) => each.namespace === namespace).map(({ name }) => name);
    throw new InvalidInput(
      'WorkloadUnknown',
      `'unready' must name workloads of the manifests, as namespace/name, got ${shown(unknown)} (namespace ${namespace} has: ${there.join(', ') || 'none'})`,
    );
  }

  /** The Deployment (StatefulSet, ...) of this name, if it is one of the mesh. */
  public workloadNamed(namespace: string, name: string): Workload | undefined {
    return this.byName.get(`${namespace}/${name}`);
  }

  /** Whether a Gateway is for these pods: requests that they get go on by its routes. */
  public isGateway(labels: Labels): boolean {
    return isGateway(this.gateways, labels);
  }

  /** The service that a name means to clients of a namespace, if it is one of the mesh. */
  public serviceNamed(host: string, namespace: string): MeshService | undefined {
    return this.sidecars.serviceNamed(host, namespace);
  }
}

/** Manifests by group and kind; each object once. */
class ManifestsByKind {
  private readonly byKind = new Map<string, Manifest[]>();

  constructor(manifests: readonly Manifest[]) {
    for (const manifest of manifests) addTo(this.byKind, `${groupOf(manifest)}/${manifest?.kind}`, manifest);
  }

  public of(group: string, kind: string): Manifest[] {
    return this.byKind.get(`${group}/${kind}`) ?? [];
  }
}

/** Without Pods and ReplicaSets whose owner is a workload of the manifests too, as in a dump of a cluster. */
function notOwned(manifests: readonly Manifest[], templates: PodTemplates): Manifest[] {
  const key = (kind: string, namespace: string, name: string) => `${kind} ${namespace}/${name}`;
  const owners = manifests.filter((manifest) => templates.of(manifest) !== undefined);
  const known = new Set(owners.map((manifest) => key(manifest.kind, namespaceOf(manifest), manifest.metadata?.name)));
  return manifests.filter(
    (manifest) => !asList(manifest?.metadata?.ownerReferences).some((owner) => known.has(key(owner?.kind, namespaceOf(manifest), owner?.name))),
  );
}

function sourceLabelKeys(virtualServices: readonly VirtualService[]): string[] {
  return virtualServices.flatMap(({ rules }) => rules.flatMap(({ entries }) => entries.flatMap(({ spec }) => Object.keys(spec?.sourceLabels ?? {}))));
}
