import { isDeepStrictEqual } from 'util';
import { asList } from '../json';
import { isCoveredBy, isWildcard, overlap } from './names';
import { addTo, isVisible, labelsOf, Manifest, numberOf, referenceTo, selects, textsOf } from './objects';
import { ObjectReference } from './outcome';
import { Labels } from './request';
import { MeshService, Resolution, ServicePort } from './services';
import { MESH, VirtualService } from './virtual-services';
import { byAge, expandHost, namespaceOf } from '../lanes/hosts';

/*
 * What a proxy is told of the mesh: services and VirtualServices, by `exportTo` and by the Sidecar that applies to it.
 *
 * Source: istiod's pilot/pkg/model/sidecar.go and `SelectVirtualServices` (virtualservice.go).
 */

/** One `egress` entry of a Sidecar, or what stands for it where there is none. */
export interface EgressListener {
  /** The only port that it is for. */
  readonly port?: number;
  readonly services: readonly MeshService[];
  readonly virtualServices: readonly VirtualService[];
}

/** What a proxy is told. */
export interface ProxyScope {
  readonly namespace: string;
  /** The Sidecar that narrows it. */
  readonly sidecar?: ObjectReference;
  readonly egress: readonly EgressListener[];
  /** By hostname, those that a rule alone makes known too: a proxy has a cluster for each of these. */
  readonly services: ReadonlyMap<string, MeshService>;
  /** Hosts that nobody knows are let out. */
  readonly allowsUnknownHosts: boolean;
}

/** What scopes are made from. */
export interface ScopeSources {
  readonly services: readonly MeshService[];
  readonly virtualServices: readonly VirtualService[];
  readonly sidecars: readonly Manifest[];
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  /** Whether the mesh lets out hosts that nobody knows. */
  readonly allowsUnknownHosts: boolean;
}

/** The scopes of a mesh, each made once. */
export class ProxyScopes {
  /** Keys of labels that some Sidecar looks at. */
  public readonly selectorKeys: ReadonlySet<string>;
  private readonly sidecars: readonly Manifest[];
  private readonly known = new Map<string, ProxyScope>();
  private readonly byHostname = new Map<string, MeshService[]>();

  constructor(private readonly sources: ScopeSources) {
    this.sidecars = [...sources.sidecars].sort((one, other) => Number(hasSelector(other)) - Number(hasSelector(one)) || byAge(one, other));
    for (const service of sources.services) addTo(this.byHostname, service.hostname, service);
    this.selectorKeys = new Set(this.sidecars.flatMap((sidecar) => Object.keys(selectorOf(sidecar))));
  }

  /** The scope of a pod's sidecar. */
  public ofSidecar(namespace: string, labels: Labels): ProxyScope {
    const own = this.sidecars.find((sidecar) => namespaceOf(sidecar) === namespace && selects(selectorOf(sidecar), labels));
    const sidecar = own ?? this.sidecars.find((each) => namespaceOf(each) === this.sources.rootNamespace && !hasSelector(each));
    return this.cached(`${namespace} ${sidecar ? `${namespaceOf(sidecar)}/${sidecar.metadata?.name}` : ''}`, () =>
      this.sidecarScope(namespace, sidecar),
    );
  }

  /** The scope of gateway pods: everything that is exported to their namespace. */
  public ofGateway(namespace: string): ProxyScope {
    return this.cached(`${namespace} gateway`, () => {
      const added = new ImportedServices();
      for (const service of this.servicesFor(namespace)) added.add(service);
      return { namespace, egress: [], services: added.byHostname, allowsUnknownHosts: true };
    });
  }

  /** The VirtualServices of a gateway (`namespace/name` or `mesh`) that a namespace sees, in the order they are followed. */
  public virtualServicesFor(namespace: string, gateway: string): VirtualService[] {
    const bound = this.sources.virtualServices.filter(({ gateways }) => gateways.includes(gateway));
    const isPublic = ({ exportTo }: VirtualService) => exportTo.size === 0 || exportTo.has('*');
    const narrow = bound.filter((vs) => !isPublic(vs) && !vs.exportTo.has('~') && vs.exportTo.has(namespace));
    return [...narrow.filter((vs) => vs.namespace === namespace), ...narrow.filter((vs) => vs.namespace !== namespace), ...bound.filter(isPublic)];
  }

  /** The services that a namespace sees: private ones first. */
  public servicesFor(namespace: string): MeshService[] {
    const all = this.sources.services.filter((service) => isVisible(service.exportTo, namespace));
    const isPublic = ({ exportTo }: MeshService) => exportTo.size === 0 || exportTo.has('*');
    const narrow = all.filter((service) => !isPublic(service));
    return [
      ...narrow.filter((service) => service.namespace === namespace),
      ...narrow.filter((service) => service.namespace !== namespace),
      ...all.filter(isPublic),
    ];
  }

  private cached(key: string, make: () => ProxyScope): ProxyScope {
    const known = this.known.get(key);
    if (known) return known;
    const scope = make();
    this.known.set(key, scope);
    return scope;
  }

  private sidecarScope(namespace: string, sidecar: Manifest | undefined): ProxyScope {
    const entries = asList(sidecar?.spec?.egress);
    const egress = (entries.length > 0 ? entries : [{ hosts: ['*/*'] }]).map((entry) => this.egressListener(namespace, entry));
    const mode = sidecar?.spec?.outboundTrafficPolicy?.mode;
    return {
      namespace,
      sidecar: sidecar ? referenceTo(sidecar) : undefined,
      egress,
      services: this.importedServices(namespace, egress),
      // REGISTRY_ONLY is the default of the field, so a block without mode is that.
      allowsUnknownHosts: sidecar?.spec?.outboundTrafficPolicy ? mode === 'ALLOW_ANY' : this.sources.allowsUnknownHosts,
    };
  }

  private egressListener(namespace: string, entry: any): EgressListener {
    const isProxyPort = String(entry?.port?.protocol ?? '').toUpperCase() === 'HTTP_PROXY';
    const port = isProxyPort ? undefined : numberOf(entry?.port?.number);
    const imports = new EgressHosts(textsOf(entry?.hosts), namespace);
    const atPort = (service: MeshService) => (port === undefined ? service : withPorts(service, ({ number }) => number === port));
    const services = this.servicesFor(namespace)
      .filter((service) => imports.takesService(service))
      .flatMap((service) => atPort(service) ?? []);
    const virtualServices = this.virtualServicesFor(namespace, MESH).filter((vs) => imports.takesVirtualService(vs));
    return { port, services: oneNamespacePerHost(services, namespace), virtualServices };
  }

  /** Services that listeners import, and those that rules of imported VirtualServices route to. */
  private importedServices(namespace: string, egress: readonly EgressListener[]): ReadonlyMap<string, MeshService> {
    const added = new ImportedServices();
    for (const listener of egress) {
      for (const service of listener.services) added.add(service);
      for (const vs of listener.virtualServices) {
        for (const [host, ports] of destinationsOf(vs, namespace, this.sources.clusterDomain)) {
          const service = this.serviceByHost(host, namespace);
          const usable =
            service && (listener.port === undefined ? atRuledPorts(service, ports) : withPorts(service, ({ number }) => number === listener.port));
          if (usable) added.add(usable);
        }
      }
    }
    return added.byHostname;
  }

  /** In the client's own namespace, visible or not; else the Kubernetes one that it sees, else the oldest. */
  private serviceByHost(host: string, namespace: string): MeshService | undefined {
    const named = this.byHostname.get(host) ?? [];
    const own = named.filter((service) => service.namespace === namespace);
    if (own.length > 0) return own.find(({ isKubernetes }) => isKubernetes) ?? own[0];
    const visible = named.filter((service) => isVisible(service.exportTo, namespace));
    return visible.find(({ isKubernetes }) => isKubernetes) ?? visible[0];
  }
}

/** Services by hostname: a Kubernetes one replaces others, else the first stays, with the ports of equals added. */
class ImportedServices {
  public readonly byHostname = new Map<string, MeshService>();

  public add(service: MeshService): void {
    const known = this.byHostname.get(service.hostname);
    if (!known) {
      this.byHostname.set(service.hostname, service);
    } else if (service.isKubernetes && !known.isKubernetes) {
      this.byHostname.set(service.hostname, service);
    } else if (isOneService(service, known)) {
      const more = service.ports.filter(({ number }) => known.ports.every((port) => port.number !== number));
      // Endpoints of ServiceEntries with one host are put together, whichever of them stays.
      if (more.length > 0) this.byHostname.set(service.hostname, { ...known, ports: [...known.ports, ...more] });
    }
  }
}

/**
 * Whether istiod puts the ports of two registry entries of one host together.
 *
 * Source: `canMergeServices` (pilot/pkg/model/sidecar.go).
 */
function isOneService(one: MeshService, other: MeshService): boolean {
  return one.isKubernetes === other.isKubernetes && one.namespace === other.namespace && one.resolution === other.resolution
    && isDeepStrictEqual(one.labels, other.labels) && isDeepStrictEqual(one.selector ?? {}, other.selector ?? {})
    && isDeepStrictEqual(one.exportTo, other.exportTo);
}

/** The `hosts` of an egress listener. */
class EgressHosts {
  private readonly taken = new Map<string, string[]>();
  private readonly excluded = new Map<string, string[]>();

  constructor(hosts: readonly string[], namespace: string) {
    for (const host of hosts) {
      const [owner, name, ...rest] = host.split('/');
      if (name === undefined || rest.length > 0) continue;
      const isExcluded = owner.startsWith('~');
      const written = isExcluded ? owner.slice(1) || '*' : owner;
      const key = written === '.' ? namespace : written;
      const lists = isExcluded ? this.excluded : this.taken;
      lists.set(key, [...(lists.get(key) ?? []), name]);
    }
  }

  public takesService({ namespace, hostname }: MeshService): boolean {
    return !this.excludes(namespace, hostname) && this.names(namespace).some((name) => isCoveredBy(hostname, name));
  }

  /** Unlike a service, a VirtualService for a wildcard is taken when a name under it is. */
  public takesVirtualService({ namespace, hosts }: VirtualService): boolean {
    return hosts.some(
      (host) =>
        this.names(namespace).some((name) => (isWildcard(host) || isWildcard(name) ? overlap(host, name) : host === name)) &&
        !this.excludes(namespace, host),
    );
  }

  private names(namespace: string): string[] {
    return [...(this.taken.get(namespace) ?? []), ...(this.taken.get('*') ?? [])];
  }

  private excludes(namespace: string, host: string): boolean {
    return [...(this.excluded.get(namespace) ?? []), ...(this.excluded.get('*') ?? [])].some((name) => isCoveredBy(host, name));
  }
}

/** Of several services of one host those in one namespace: the client's, else a Kubernetes one's, else the first's. */
function oneNamespacePerHost(services: readonly MeshService[], namespace: string): MeshService[] {
  const chosen = new Map<string, MeshService>();
  for (const service of services) {
    const known = chosen.get(service.hostname);
    const isBetter = !known || service.namespace === namespace || (!known.isKubernetes && service.isKubernetes && known.namespace !== namespace);
    if (isBetter) chosen.set(service.hostname, service);
  }
  return services.filter((service) => chosen.get(service.hostname)!.namespace === service.namespace);
}

/** Destinations and mirrors with the ports asked for; 0 stands for a destination that names none. */
function destinationsOf(vs: VirtualService, namespace: string, clusterDomain: string): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  const add = (destination: any, owner: string) => {
    if (!destination) return;
    const host = expandHost(String(destination.host ?? ''), owner, clusterDomain);
    found.set(host, (found.get(host) ?? new Set()).add(numberOf(destination.port?.number) ?? 0));
  };
  for (const { spec, entries, owner } of vs.rules) {
    // istiod goes by the entries up to the first that names this namespace.
    const sources = entries.map((entry) => entry.spec?.sourceNamespace).filter(Boolean);
    if (sources.length > 0 && !sources.includes(namespace)) continue;
    const home = owner.namespace ?? vs.namespace;
    for (const route of asList(spec.route)) add(route?.destination, home);
    add(spec.mirror, home);
    for (const mirror of asList(spec.mirrors)) add(mirror?.destination, home);
  }
  const { tcp, tls } = vs.manifest.spec;
  for (const route of [...asList(tcp), ...asList(tls)].flatMap((rule) => asList(rule?.route))) add(route?.destination, vs.namespace);
  return found;
}

function atRuledPorts(service: MeshService, ports: ReadonlySet<number>): MeshService | undefined {
  return ports.has(0) ? service : withPorts(service, ({ number }) => ports.has(number));
}

function withPorts(service: MeshService, wanted: (port: ServicePort) => boolean): MeshService | undefined {
  const ports = service.ports.filter(wanted);
  if (ports.length === service.ports.length) return service;
  return ports.length === 0 ? undefined : { ...service, ports };
}

function hasSelector(sidecar: Manifest): boolean {
  return Object.keys(selectorOf(sidecar)).length > 0;
}

function selectorOf(sidecar: Manifest): Labels {
  return labelsOf(sidecar.spec?.workloadSelector?.labels);
}

/** Whether a service stands for another one only. */
export function isAlias(service: MeshService): boolean {
  return service.resolution === Resolution.ALIAS;
}
