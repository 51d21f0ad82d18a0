import { asList } from '../json';
import { groupOf, labelsOf, Manifest, named, referenceTo, selects } from './objects';
import { Caveat } from './outcome';
import { Labels } from './request';
import { Namespaces } from './workloads';
import { expandHost, namespaceOf } from '../lanes/hosts';

/** Where a proxy handles a request. */
export type ProxyContext = 'SIDECAR_OUTBOUND' | 'SIDECAR_INBOUND' | 'GATEWAY';

/** What manifests may hold that changes where requests go, and that the simulator does not model. */
export class Caveats {
  private readonly filters: readonly Manifest[];
  private readonly extensions: readonly Manifest[];
  private readonly httpRoutes: readonly Manifest[];
  private readonly ingresses: readonly Manifest[];
  private readonly inboundSidecars: readonly Manifest[];

  constructor(
    manifests: readonly Manifest[],
    private readonly namespaces: Namespaces,
    private readonly rootNamespace: string,
    private readonly clusterDomain: string,
  ) {
    const ofKind = (group: string, ...kinds: string[]) =>
      manifests.filter((manifest) => groupOf(manifest) === group && kinds.includes(manifest.kind));
    this.filters = ofKind('networking.istio.io', 'EnvoyFilter');
    this.extensions = ofKind('extensions.istio.io', 'WasmPlugin', 'TrafficExtension');
    this.httpRoutes = ofKind('gateway.networking.k8s.io', 'HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute');
    this.ingresses = ofKind('networking.k8s.io', 'Ingress').filter(isIstios);
    this.inboundSidecars = ofKind('networking.istio.io', 'Sidecar').filter((sidecar) => asList(sidecar.spec?.ingress).length > 0);
  }

  /** What applies to the proxy of some pods. */
  public atProxy(namespace: string, labels: Labels, context: ProxyContext): Caveat[] {
    const applies = (manifest: Manifest, selector: any) =>
      [namespace, this.rootNamespace].includes(namespaceOf(manifest)) && selects(labelsOf(selector), labels);
    const filters = this.filters.filter((filter) => applies(filter, filter.spec?.workloadSelector?.labels) && patchesIn(filter, context));
    const extensions = this.extensions.filter((extension) => applies(extension, extension.spec?.selector?.matchLabels));
    return [
      ...filters.map((filter) => caveat('EnvoyFilter', filter, `changes the proxy of ${namespace}; what it does is not modelled`)),
      ...extensions.map((extension) => caveat(extension.kind, extension, `runs in the proxy of ${namespace}; what it does is not modelled`)),
      ...(context === 'GATEWAY' ? this.ingresses.map((ingress) => caveat('Ingress', ingress, 'makes routes at gateways too, which are not modelled')) : []),
      ...(context === 'SIDECAR_INBOUND' ? this.inboundSidecars : [])
        .filter((sidecar) => namespaceOf(sidecar) === namespace && selects(labelsOf(sidecar.spec?.workloadSelector?.labels), labels))
        .map((sidecar) => caveat('SidecarIngress', sidecar, `says at which ports the pods of ${namespace} take requests, which is not modelled`)),
      ...(this.namespaces.isAmbient(namespace)
        ? [{ code: 'Ambient', message: `namespace ${namespace} is in ambient mode, which is not modelled: it is taken for one with sidecars` }]
        : []),
    ];
  }

  /** Routes of the Gateway API for a host of the mesh. */
  public atHost(host: string): Caveat[] {
    const meant = this.httpRoutes.filter((route) =>
      asList(route.spec?.parentRefs).some(
        (parent) =>
          parent?.kind === 'Service' && expandHost(String(parent.name), parent.namespace ?? namespaceOf(route), this.clusterDomain) === host,
      ),
    );
    return meant.map((route) => caveat('GatewayApi', route, `routes ${host} too, which is not modelled`));
  }
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
