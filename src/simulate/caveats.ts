import { asList } from '../json';
import { isCoveredBy } from './names';
import { addTo, groupOf, labelsOf, Manifest, named, referenceTo, selects, textsOf } from './objects';
import { Branch, Caveat, ObjectReference } from './outcome';
import { Labels } from './request';
import { MeshService, Resolution } from './services';
import { Namespaces, UnknownPods, Workload } from './workloads';
import { expandHost, namespaceOf } from '../lanes/hosts';

/** Where a proxy handles a request. */
export type ProxyContext = 'SIDECAR_OUTBOUND' | 'SIDECAR_INBOUND' | 'GATEWAY';

/** Pods, by where they are and what they are labelled. */
interface Pods {
  readonly namespace: string;
  readonly labels: Labels;
}

/** What is known of the mesh that caveats are about. */
export interface CaveatsParts {
  readonly namespaces: Namespaces;
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  readonly services: readonly MeshService[];
  readonly workloads: readonly Workload[];
  readonly unknownPods: readonly UnknownPods[];
}

/** Annotations of pods that let connections pass their sidecar by, with the value by which none does. */
const PASSED_BY: Readonly<Record<'out' | 'in', Readonly<Record<string, string>>>> = {
  out: {
    'traffic.sidecar.istio.io/excludeOutboundPorts': '',
    'traffic.sidecar.istio.io/excludeOutboundIPRanges': '',
    'traffic.sidecar.istio.io/includeOutboundPorts': '',
    'traffic.sidecar.istio.io/includeOutboundIPRanges': '*',
  },
  in: {
    'traffic.sidecar.istio.io/excludeInboundPorts': '',
    'traffic.sidecar.istio.io/includeInboundPorts': '*',
  },
};

/** What manifests may hold that changes where requests go, and that the simulator does not model. */
export class Caveats {
  private readonly filters: readonly Manifest[];
  private readonly extensions: readonly Manifest[];
  private readonly apiRoutes: readonly Manifest[];
  private readonly apiGateways: ReadonlyMap<string, Manifest>;
  private readonly ingresses: readonly Manifest[];
  private readonly inboundSidecars: readonly Manifest[];
  private readonly networkPolicies: readonly Manifest[];
  private readonly passedBy: Readonly<Record<'out' | 'in', readonly { workload: Workload; annotations: readonly string[] }[]>>;
  private readonly workloadNames: ReadonlySet<string>;
  private readonly servicesByHost = new Map<string, MeshService[]>();

  constructor(
    manifests: readonly Manifest[],
    private readonly parts: CaveatsParts,
  ) {
    const ofKind = (group: string, ...kinds: string[]) =>
      manifests.filter((manifest) => groupOf(manifest) === group && kinds.includes(manifest.kind));
    this.filters = ofKind('networking.istio.io', 'EnvoyFilter');
    this.extensions = ofKind('extensions.istio.io', 'WasmPlugin', 'TrafficExtension');
    this.apiRoutes = ofKind('gateway.networking.k8s.io', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute');
    this.ingresses = ofKind('networking.k8s.io', 'Ingress').filter(isIstios);
    this.inboundSidecars = ofKind('networking.istio.io', 'Sidecar').filter((sidecar) => asList(sidecar.spec?.ingress).length > 0);
    this.apiGateways = new Map(ofKind('gateway.networking.k8s.io', 'Gateway').map((gateway) => [`${namespaceOf(gateway)}/${gateway.metadata?.name}`, gateway]));
    this.networkPolicies = ofKind('networking.k8s.io', 'NetworkPolicy');
    const passing = (direction: 'out' | 'in') => parts.workloads.flatMap((workload) => {
      const annotations = workload.hasSidecar ? passingAnnotations(workload, PASSED_BY[direction]) : [];
      return annotations.length > 0 ? [{ workload, annotations }] : [];
    });
    this.passedBy = { out: passing('out'), in: passing('in') };
    this.workloadNames = new Set(parts.workloads.map(({ namespace, name }) => `${namespace}/${name}`));
    for (const service of parts.services) addTo(this.servicesByHost, service.hostname, service);
  }

  /** What applies to the proxy of some pods. */
  public atProxy(namespace: string, labels: Labels, context: ProxyContext): Caveat[] {
    const applies = (manifest: Manifest, selector: any) =>
      [namespace, this.parts.rootNamespace].includes(namespaceOf(manifest)) && selects(labelsOf(selector), labels);
    const filters = this.filters.filter((filter) => applies(filter, filter.spec?.workloadSelector?.labels) && patchesIn(filter, context));
    const extensions = this.extensions.filter((extension) => applies(extension, extension.spec?.selector?.matchLabels));
    return [
      ...filters.map((filter) => caveat('EnvoyFilter', filter, `changes the proxy of ${namespace}; what it does is not modelled`)),
      ...extensions.map((extension) => caveat(extension.kind, extension, `runs in the proxy of ${namespace}; what it does is not modelled`)),
      ...(context === 'GATEWAY' ? this.ingresses.map((ingress) => caveat('Ingress', ingress, 'makes routes at gateways too, which are not modelled')) : []),
      ...(context === 'SIDECAR_INBOUND' ? this.inboundSidecars : [])
        .filter((sidecar) => namespaceOf(sidecar) === namespace && selects(labelsOf(sidecar.spec?.workloadSelector?.labels), labels))
        .map((sidecar) => caveat('SidecarIngress', sidecar, `says at which ports the pods of ${namespace} take requests, which is not modelled`)),
      ...(this.parts.namespaces.isAmbient(namespace)
        ? [{ code: 'Ambient', message: `namespace ${namespace} is in ambient mode, which is not modelled: it is taken for one with sidecars` }]
        : []),
    ];
  }

  /** Routes of the Gateway API for a host of the mesh. */
  public atHost(host: string): Caveat[] {
    const { clusterDomain } = this.parts;
    const isIt = ({ kind, namespace, name }: ObjectReference) => kind === 'Service' && expandHost(name, namespace!, clusterDomain) === host;
    const isMeant = (route: Manifest) => parentsOf(route).some(isIt);
    return this.apiRoutes.filter(isMeant).map((route) => caveat('GatewayApi', route, `routes ${host} too, which is not modelled`));
  }

  /** Routes of the Gateway API for a host at its own gateways, Istio's or such as no manifest describes. */
  public atEdge(host: string): Caveat[] {
    return this.apiRoutes.flatMap((route) => {
      const gateways = parentsOf(route).filter((parent) => parent.kind === 'Gateway' && this.isIstios(parent));
      const gateway = gateways.find((parent) => this.hasHost(route, parent, host.toLowerCase()));
      return gateway ? [caveat('GatewayApi', route, `routes ${host} at Gateway ${gateway.namespace}/${gateway.name} of the Gateway API, which is not modelled`)] : [];
    });
  }

  private isIstios({ namespace, name }: Required<ObjectReference>): boolean {
    const className = this.apiGateways.get(`${namespace}/${name}`)?.spec?.gatewayClassName;
    return className === undefined || String(className).startsWith('istio');
  }

  /** A route without host names takes those of the gateway's listeners. */
  private hasHost(route: Manifest, { namespace, name }: Required<ObjectReference>, host: string): boolean {
    const listeners = asList(this.apiGateways.get(`${namespace}/${name}`)?.spec?.listeners);
    const isFor = (names: readonly string[]) => names.length === 0 || names.some((each) => isCoveredBy(host, each.toLowerCase()));
    const opens = listeners.length === 0 || listeners.some((listener) => isFor(listener?.hostname ? [String(listener.hostname)] : []));
    return opens && isFor(textsOf(route.spec?.hostnames));
  }

  /** What stands between pods and the proxy that their requests are taken to go through. */
  public atSender({ namespace, labels }: Pods): Caveat[] {
    return [...this.passingBy('out', { namespace, labels }), ...this.networkCaveats('Egress', { namespace, labels })];
  }

  /** What stands in front of those who answer, and who may answer beside them. */
  public atDestinations(branches: readonly Branch[]): Caveat[] {
    return branches.flatMap(({ destination, workloads }) => [
      ...workloads.filter(({ namespace, workload }) => this.workloadNames.has(`${namespace}/${workload}`)).flatMap((pods) => [...this.passingBy('in', pods), ...this.networkCaveats('Ingress', pods)]),
      ...(destination ? (this.servicesByHost.get(destination.host) ?? []) : []).flatMap((service) => this.unknownEndpoints(service)),
    ]);
  }

  private passingBy(direction: 'out' | 'in', { namespace, labels }: Pods): Caveat[] {
    return this.passedBy[direction]
      .filter(({ workload }) => workload.namespace === namespace && selects(workload.labels, labels) && selects(labels, workload.labels))
      .map(({ workload: { object }, annotations }) => ({
        code: 'SidecarPassedBy',
        message: `${named(object)} lets connections pass its sidecar by (${annotations.join(', ')}), which is not modelled: rules do not apply to these`,
        object,
      }));
  }

  private networkCaveats(type: 'Ingress' | 'Egress', { namespace, labels }: Pods): Caveat[] {
    const isFor = (policy: Manifest) => namespaceOf(policy) === namespace && selects(labelsOf(policy.spec?.podSelector?.matchLabels), labels);
    const what = `may keep connections ${type === 'Ingress' ? 'to' : 'from'} pods of ${namespace} away, which is not modelled`;
    return this.networkPolicies.filter((policy) => isFor(policy) && isNarrow(policy, type)).map((policy) => caveat('NetworkPolicy', policy, what));
  }

  private unknownEndpoints({ isKubernetes, selector, namespace, hostname, endpoints, resolution, object }: MeshService): Caveat[] {
    if (!isKubernetes || resolution === Resolution.ALIAS) return [];
    if (!selector) {
      const message = `${named(object)} selects no pods, and no manifest tells its endpoints (Endpoints, EndpointSlice): somebody else may write them`;
      return endpoints.length > 0 ? [] : [{ code: 'EndpointsUnknown', message, object }];
    }
    return this.parts.unknownPods
      .filter((each) => each.namespace === namespace && selects(selector, each.labels))
      .map((each) => ({ code: 'PodsUnknown', message: `${named(each.object)} may have pods of ${hostname}; its kind is not read`, object: each.object }));
  }
}

/** What a route of the Gateway API is attached to. */
function parentsOf(route: Manifest): Required<ObjectReference>[] {
  return asList(route.spec?.parentRefs).map((parent) => ({
    kind: String(parent?.kind ?? 'Gateway'), namespace: String(parent?.namespace ?? namespaceOf(route)), name: String(parent?.name),
  }));
}

function passingAnnotations({ template }: Workload, known: Readonly<Record<string, string>>): string[] {
  const annotations = labelsOf(template.metadata?.annotations);
  return Object.keys(known).filter((key) => annotations[key] !== undefined && annotations[key] !== known[key]);
}

/** Whether a NetworkPolicy holds for connections of a direction, and not for all of them: a rule without conditions lets all in. */
function isNarrow({ spec }: Manifest, type: 'Ingress' | 'Egress'): boolean {
  const types = textsOf(spec?.policyTypes);
  const rules = type === 'Ingress' ? spec?.ingress : spec?.egress;
  const holds = types.length > 0 ? types.includes(type) : type === 'Ingress' || rules !== undefined;
  return holds && !asList(rules).some((rule) => rule !== null && typeof rule === 'object' && Object.keys(rule).length === 0);
}

/** Whether Istio reads an Ingress: where its class says so. */
function isIstios(ingress: Manifest): boolean {
  return ingress.spec?.ingressClassName === 'istio' || ingress.metadata?.annotations?.['kubernetes.io/ingress.class'] === 'istio';
}

function patchesIn(filter: Manifest, context: ProxyContext): boolean {
  return asList(filter.spec?.configPatches).some((patch) => ['ANY', undefined, null, context].includes(patch?.match?.context));
}

function caveat(code: string, manifest: Manifest, message: string): Caveat {
  const object = referenceTo(manifest);
  return { code, message: `${named(object)} ${message}`, object };
}
