import { isCoveredBy, isWildcard, NameIndex } from './names';
import { mayBeHttp } from './protocols';
import { Domains, hasRoutes, Route, Router, routesOf, VirtualHost } from './routes';
import { MeshService, Resolution, ServicePort } from './services';
import { EgressListener, isAlias, ProxyScope } from './sidecar-scope';
import { VirtualService } from './virtual-services';

/*
 * The route configuration of one port of a pod's sidecar.
 *
 * Source: istiod's `BuildSidecarOutboundVirtualHosts` (pilot/pkg/networking/core/httproute.go) and
 * `BuildSidecarVirtualHostWrapper` (route/route.go).
 */

/** What a sidecar routes by at one port. */
export interface SidecarRoutes {
  readonly domains: Domains;
  /** By hostname of the service: what a port that is not declared goes by, whatever the Host header says. */
  readonly byService: ReadonlyMap<string, VirtualHost>;
  /** Whether some service speaks HTTP on this port, so that Envoy listens there for every address. */
  readonly hasHttpListener: boolean;
  /** VirtualServices that may decide at this port, in order, with what keeps them from it: for explanations. */
  readonly considered: readonly VirtualService[];
}

/** The egress listener that is for a port. */
export function egressFor(scope: ProxyScope, port: number): EgressListener | undefined {
  return scope.egress.find((listener) => listener.port === undefined || listener.port === port);
}

/** The service that a proxy knows by this name at this port, with that port alone. */
interface AtPort {
  readonly service: MeshService;
  readonly port: ServicePort;
}

/** Computes the routes of a port. */
export function sidecarRoutes(scope: ProxyScope, router: Router, port: number, clusterDomain: string): SidecarRoutes {
  const egress = egressFor(scope, port);
  const registry = new Map<string, AtPort>();
  for (const service of egress?.services ?? []) {
    const found = service.ports.find(({ number }) => number === port);
    // The last one of a name stays, as in istiod's map.
    if (found) registry.set(service.hostname.toLowerCase(), { service, port: found });
  }
  const builder = new Builder(registry, router, port, clusterDomain);
  builder.build(egress?.virtualServices ?? [], egress?.services ?? []);
  return {
    domains: builder.domains,
    byService: builder.byService,
    hasHttpListener: [...registry.values()].some(({ service, port: { protocol } }) => protocol === 'HTTP' && !isAlias(service)),
    considered: builder.considered,
  };
}

/** Routes with the hosts and services that they are for. */
interface Wrapper {
  /** Put together when they are asked for: a proxy knows many hosts, and is asked for few. */
  readonly routes: () => readonly Route[];
  readonly hosts: readonly string[];
  readonly services: readonly AtPort[];
}

class HostOnDemand implements VirtualHost {
  private known?: readonly Route[];

  constructor(public readonly name: string, private readonly find: () => readonly Route[]) {}

  public get routes(): readonly Route[] {
    return this.known ??= this.find();
  }
}

class Builder {
  public readonly domains = new Domains();
  public readonly byService = new Map<string, VirtualHost>();
  public considered: VirtualService[] = [];
  private readonly names = new Set<string>();
  private readonly aliases = new Map<string, string[]>();
  private readonly taken = new Set<string>();

  constructor(
    private readonly registry: ReadonlyMap<string, AtPort>,
    private readonly router: Router,
    private readonly port: number,
    private readonly clusterDomain: string,
  ) {}

  public build(virtualServices: readonly VirtualService[], services: readonly MeshService[]): void {
    for (const { aliasOf, hostname } of services) if (aliasOf) this.aliases.set(aliasOf, [...(this.aliases.get(aliasOf) ?? []), hostname]);
    // At other ports than 80 only rules for a service of that port are used.
    this.considered = virtualServices.filter((vs) => this.port === 80 || this.concernsService(vs));
    const mostSpecific = mostSpecificOf(virtualServices, services);
    const wrappers = this.considered.flatMap((vs) => this.wrapperOf(vs, mostSpecific) ?? []);
    const ruled = new Set(wrappers.flatMap((wrapper) => wrapper.services.map(({ service }) => service.hostname)));
    const unruled = [...this.registry.values()].filter(
      ({ service, port }) => !ruled.has(service.hostname) && !isAlias(service) && mayBeHttp(port.protocol),
    );
    wrappers.push(...unruled.map((each) => ({ hosts: [], services: [each], routes: () => [this.defaultRoute(each)] })));
    const known = new Set(
      wrappers.flatMap((wrapper) => wrapper.services.flatMap(({ service }) => [service.hostname, `${service.hostname}:${this.port}`])),
    );
    for (const { hosts, services: served, routes } of wrappers) {
      for (const host of hosts) this.addHost(host.toLowerCase(), routes);
      for (const { service } of served) this.addService(service, routes, known);
    }
  }

  private concernsService(vs: VirtualService): boolean {
    return vs.hosts.some((written) => {
      const host = written.toLowerCase();
      if (this.registry.has(host)) return true;
      const names = [...this.registry.keys()];
      return isWildcard(host)
        ? names.some((name) => isCoveredBy(name, host) || isCoveredBy(host, name))
        : names.some((name) => isWildcard(name) && isCoveredBy(host, name));
    });
  }

  private wrapperOf(vs: VirtualService, mostSpecific: ReadonlyMap<string, VirtualService>): Wrapper | undefined {
    if (!hasRoutes(vs, this.router, this.port)) return undefined;
    const lookup = (host: string) => this.registry.get(host)?.service;
    const routes = () => routesOf(vs, this.router, { port: this.port, isTls: false, lookup });
    const { hosts, services } = this.hostsAndServices(vs, mostSpecific);
    const http = services.filter(({ port }) => mayBeHttp(port.protocol));
    if (http.length === 0 && this.port !== 80) return undefined;
    return { routes, hosts, services: http };
  }

  private hostsAndServices(vs: VirtualService, mostSpecific: ReadonlyMap<string, VirtualService>): { hosts: string[]; services: AtPort[] } {
    const hosts: string[] = [];
    const services: AtPort[] = [];
    for (const host of vs.hosts.filter((each) => !isWildcard(each))) {
      const found = this.registry.get(host.toLowerCase());
      if (found) services.push(found);
      else hosts.push(host);
    }
    for (const wildcard of vs.hosts.filter(isWildcard).map((each) => each.toLowerCase())) {
      const covered = [...this.registry].filter(([name]) => isCoveredBy(name, wildcard) || isCoveredBy(wildcard, name));
      services.push(...covered.filter(([name]) => mostSpecific.get(name) === vs).map(([, found]) => found));
      if (covered.length === 0) hosts.push(wildcard);
    }
    return { hosts, services };
  }

  private defaultRoute({ service }: AtPort): Route {
    return { name: 'default', service, port: this.port, isTls: false, lookup: () => service };
  }

  private addHost(host: string, routes: Wrapper['routes']): void {
    const virtualHost = this.newVirtualHost(host, routes);
    if (!virtualHost || this.taken.has(host)) return;
    this.taken.add(host);
    this.domains.add(host, virtualHost);
  }

  private addService(service: MeshService, routes: Wrapper['routes'], known: ReadonlySet<string>): void {
    const hostname = service.hostname.toLowerCase();
    const virtualHost = this.newVirtualHost(hostname, routes);
    if (!virtualHost) return;
    const names = [hostname, ...(this.aliases.get(service.hostname) ?? [])];
    const others = names.flatMap((name) => alternativeNames(name, this.router.namespace, this.clusterDomain));
    const all = [...names, ...others];
    if (service.resolution === Resolution.ORIGINAL && service.isKubernetes) all.push(...all.map((name) => `*.${name}`));
    let added = false;
    for (const domain of [...all, ...service.addresses]) {
      // A short form never takes what is the full name of another service.
      if (this.taken.has(domain) || (others.includes(domain) && known.has(domain))) continue;
      this.taken.add(domain);
      this.domains.add(domain, virtualHost);
      added = true;
    }
    if (added) this.byService.set(service.hostname, virtualHost);
  }

  /** The first of a name stays. */
  private newVirtualHost(host: string, routes: Wrapper['routes']): VirtualHost | undefined {
    const name = `${host}:${this.port}`;
    if (this.names.has(name)) return undefined;
    this.names.add(name);
    return new HostOnDemand(name, routes);
  }
}

/** Which VirtualService a service belongs to, where wildcards are about. */
function mostSpecificOf(virtualServices: readonly VirtualService[], services: readonly MeshService[]): ReadonlyMap<string, VirtualService> {
  const index = new NameIndex<VirtualService>();
  for (const vs of virtualServices) for (const host of vs.hosts) index.add(host, vs);
  const found = new Map<string, VirtualService>();
  for (const { hostname } of services) {
    const vs = index.find(hostname);
    if (vs) found.set(hostname.toLowerCase(), vs);
  }
  return found;
}

/** Other names that clients of a namespace may call a service by. */
export function alternativeNames(hostname: string, clientNamespace: string, clusterDomain: string): string[] {
  const names = [`${hostname}.`];
  const suffix = `.svc.${clusterDomain}`;
  if (!hostname.endsWith(suffix)) return names;
  const short = hostname.slice(0, -suffix.length);
  const [service, namespace, ...rest] = short.split('.');
  if (namespace === undefined) return names;
  if (rest.length === 0 && namespace === clientNamespace) names.push(service);
  return [...names, `${short}.svc`, short];
}
