import { Arrivals } from './arrival';
import { Caveats } from './caveats';
import { askedText } from './conditions';
import { Proxy } from './destinations';
import { Endpoints } from './endpoints';
import { isGateway } from './gateway-routes';
import { isWildcard, NameIndex } from './names';
import { Manifest } from './objects';
import { Branch, Caveat, Decision, Ending, GATEWAY_PODS, Outcome } from './outcome';
import { overruledAt } from './overruled';
import { PortProtocol } from './protocols';
import { SimulatedRequest } from './request';
import { RequestView } from './request-view';
import { claimCaveats, Connection, RouteFollower, unique } from './route-outcome';
import { Route, routeFor, VirtualHost } from './routes';
import { SendingPod } from './senders';
import { MeshService, Resolution } from './services';
import { alternativeNames, egressFor, SidecarRoutes, sidecarRoutes } from './sidecar-routes';
import { ProxyScopes } from './sidecar-scope';
import { TcpRoutes } from './tcp-routes';
import { MESH } from './virtual-services';

/** What requests of pods are simulated with. */
export interface SidecarSimulationParts {
  readonly services: readonly MeshService[];
  readonly scopes: ProxyScopes;
  readonly follower: RouteFollower;
  readonly caveats: Caveats;
  readonly clusterDomain: string;
  readonly endpoints: Endpoints;
  readonly arrivals: Arrivals;
  /** Labels that some object looks at: pods that differ in others alone have the same routes. */
  readonly labelKeys: ReadonlySet<string>;
  /** Those that the manifests know of. */
  readonly namespaces: ReadonlySet<string>;
  /** Names of pods of StatefulSets, as `namespace/pod`. */
  readonly podNames: ReadonlySet<string>;
  /** Gateway manifests. */
  readonly gateways: readonly Manifest[];
}

/** Requests that pods send. */
export class SidecarSimulation {
  private readonly names: ServiceNames;
  private readonly tables = new Map<string, SidecarRoutes>();

  constructor(private readonly parts: SidecarSimulationParts) {
    this.names = new ServiceNames(parts.services, parts.clusterDomain, parts.namespaces, parts.podNames);
  }

  /** The service that a name means to clients of a namespace. */
  public serviceNamed(host: string, namespace: string): MeshService | undefined {
    return this.names.find(host, namespace);
  }

  /** Where a pod's request goes. */
  public send(request: SimulatedRequest, pod: SendingPod): Outcome {
    const view = new RequestView(request, request.tls ? 'https' : 'http', true);
    const target = this.serviceNamed(request.host, pod.namespace);
    if (!pod.hasSidecar) return this.outcome(view, pod, this.unruled(view, pod, target, 'the client has no sidecar, so no rule applies'));
    const labels = Object.fromEntries(Object.entries(pod.labels).filter(([key]) => this.parts.labelKeys.has(key)));
    const scope = this.parts.scopes.ofSidecar(pod.namespace, labels);
    const proxy: Proxy = { namespace: pod.namespace, labels, scope, isGateway: false };
    const found = this.route(view, pod, proxy, target);
    const caveats = [
      ...this.parts.caveats.atProxy(pod.namespace, pod.labels, 'SIDECAR_OUTBOUND'),
      ...(target ? this.parts.caveats.atHost(target.hostname) : []),
      ...found.caveats,
    ];
    return this.outcome(view, pod, { ...found, caveats: unique([...caveats, ...this.inboundCaveats(found.branches)]) });
  }

  private outcome(view: RequestView, pod: SendingPod, part: Part): Outcome {
    return { sender: pod.words, method: view.method, authority: view.authority, port: view.port, path: view.path + view.query, ...part };
  }

  private route(view: RequestView, pod: SendingPod, proxy: Proxy, target: MeshService | undefined): Part {
    const egress = egressFor(proxy.scope, view.port);
    const known = target && egress?.services.some(({ hostname }) => hostname === target.hostname) ? target : undefined;
    const protocol = known?.ports.find(({ number }) => number === view.port)?.protocol;
    if (protocol === PortProtocol.TLS && view.connection === 'http' && !hasAddress(known!)) {
      return this.unknown(view, pod, proxy, known, undefined, `${known!.hostname} is found by the server name of TLS, and the request is in plain text`);
    }
    if (protocol === PortProtocol.TCP || protocol === PortProtocol.TLS || (view.connection === 'https' && known && protocol !== undefined)) {
      return this.connection(view, pod, proxy, known!);
    }
    const table = this.table(proxy, view.port);
    // A headless Service has a listener for each of its pods, and so none where it has no pods.
    const hasListener = known && (known.resolution !== Resolution.ORIGINAL || this.parts.endpoints.of(known, view.port).some(({ pods }) => pods > 0));
    const routes = protocol === PortProtocol.SNIFFED && known && hasListener ? `${known.hostname}:${view.port}` : String(view.port);
    if (protocol === PortProtocol.SNIFFED && known && hasListener) {
      const host = table.byService.get(known.hostname);
      return host
        ? this.atHost(view, pod, proxy, host, routes, table, target)
        : { decision: { routes, overruled: [] }, ...noRoute(`no rule is for ${known.hostname} at port ${view.port}`) };
    }
    if (!table.hasHttpListener || view.connection === 'https') return this.unknown(view, pod, proxy, target, undefined);
    const host = table.domains.find(view.hostName);
    if (host) return this.atHost(view, pod, proxy, host, routes, table, target);
    return this.unknown(view, pod, proxy, target, { routes, overruled: [] });
  }

  private atHost(
    view: RequestView,
    pod: SendingPod,
    proxy: Proxy,
    host: VirtualHost,
    routes: string,
    table: SidecarRoutes,
    target: MeshService | undefined,
  ): Part {
    const overruled = overruledAt(host, table.considered);
    const route = routeFor(host.routes, view);
    const skipped = claimCaveats(host.routes, route);
    if (!route) {
      const owner = host.routes[0]?.virtualService?.object;
      return {
        decision: { routes, virtualHost: host.name, virtualService: owner, overruled },
        ...noRoute(`no rule of ${owner ? `VirtualService ${owner.namespace}/${owner.name}` : host.name} takes this request${askedText(host.routes)}`, owner),
        caveats: skipped,
      };
    }
    const connection: Connection = { proxy, caller: { identity: pod, hasProxy: true, speaksHttp: true }, connectedTo: target };
    const outcome = this.parts.follower.follow(route, view, connection);
    return { decision: { ...decisionBy(route, routes, host), overruled }, ...outcome, caveats: unique([...skipped, ...outcome.caveats]) };
  }

  private table(proxy: Proxy, port: number): SidecarRoutes {
    const key = JSON.stringify([proxy.scope.namespace, proxy.scope.sidecar, Object.entries(proxy.labels).sort(), port]);
    const known = this.tables.get(key);
    if (known) return known;
    const table = sidecarRoutes(proxy.scope, { namespace: proxy.namespace, labels: proxy.labels, gateway: MESH }, port, this.parts.clusterDomain);
    this.tables.set(key, table);
    return table;
  }

  /** No rule and no service: the proxy lets the connection go where it went, or closes it. */
  private unknown(
    view: RequestView,
    pod: SendingPod,
    proxy: Proxy,
    target: MeshService | undefined,
    decision: Decision | undefined,
    because?: string,
  ): Part {
    const why = because ?? (target
      ? `the sidecar of the client knows no ${target.hostname} at port ${view.port}`
      : `nobody in the mesh has the host ${view.hostName}`);
    if (proxy.scope.allowsUnknownHosts) return { ...this.unruled(view, pod, target, `${why}, so no rule applies`, decision !== undefined), decision };
    const status = decision ? 502 : 0;
    const cause = proxy.scope.sidecar;
    const reason = `${why}, and unknown hosts are not let out (REGISTRY_ONLY)`;
    return {
      decision,
      branches: [{ probability: 1, ending: Ending.FAILED, status, reason, cause, workloads: [], answerHeaders: [] }],
      mirrors: [],
      caveats: [],
    };
  }

  /** By Kubernetes alone: any ready pod of the Service. */
  private unruled(view: RequestView, pod: SendingPod, target: MeshService | undefined, why: string, speaksHttp = false): Part {
    const base = { probability: 1, answerHeaders: [], sent: { authority: view.authority, path: view.path + view.query, headers: view.headers } };
    // Only Kubernetes' own Services have an address that leads to pods by itself.
    if (!target?.isKubernetes || target.aliasOf !== undefined) return this.outside(view, pod, base, target, why);
    const backends = this.parts.endpoints.of(target, view.port);
    const found = {
      destination: { cluster: '', host: target.hostname, port: view.port, destinationRules: [] },
      service: target,
      backends,
      goesToOriginal: false,
    };
    if (backends.every(({ pods }) => pods === 0)) {
      return {
        branches: [
          {
            ...base,
            ending: Ending.FAILED,
            ...(speaksHttp ? { status: 503, flag: 'UF' } : { status: 0 }),
            reason: `${why}, and ${target.hostname} has no ${target.ports.some(({ number }) => number === view.port) ? 'ready pods' : `port ${view.port}`}: the connection is refused`,
            cause: target.object,
            workloads: [],
          },
        ],
        mirrors: [],
        caveats: [],
      };
    }
    const { branches, caveats } = this.parts.arrivals.at(found, { identity: pod, hasProxy: pod.hasSidecar, speaksHttp }, view, base, { kind: 'never' });
    return { branches: branches.map((branch) => ({ ...branch, reason: `${branch.reason} (${why})` })), mirrors: [], caveats };
  }

  private outside(
    view: RequestView,
    pod: SendingPod,
    base: Pick<Branch, 'probability' | 'answerHeaders' | 'sent'>,
    target: MeshService | undefined,
    why: string,
  ): Part {
    const host = target?.aliasOf ?? view.request.host;
    const bare = host.replace(/\.$/, '');
    const isOurs = !target && (!bare.includes('.') || bare.endsWith(`.svc.${this.parts.clusterDomain}`) || bare.endsWith('.svc') || this.names.endsInNamespace(bare, pod.namespace));
    if (isOurs) {
      return {
        branches: [{ ...base, ending: Ending.FAILED, status: 0, reason: `${why}, and the name ${host} does not resolve`, workloads: [] }],
        mirrors: [],
        caveats: [],
      };
    }
    const workloads = [{ namespace: '', workload: host, labels: {}, pods: 1, share: 1 }];
    return { branches: [{ ...base, ending: Ending.OUTSIDE, reason: `${host} answers (${why})`, workloads }], mirrors: [], caveats: [] };
  }

  /** Connections that are routed as a whole. */
  private connection(view: RequestView, pod: SendingPod, proxy: Proxy, service: MeshService): Part {
    const chosen = new TcpRoutes(egressFor(proxy.scope, view.port)?.virtualServices ?? []).routeFor(
      service.hostname, view, { namespace: proxy.namespace, labels: proxy.labels, gateway: MESH }, service,
    );
    const connection: Connection = { proxy, caller: { identity: pod, hasProxy: true, speaksHttp: false }, connectedTo: service };
    const route: Route = chosen ?? { name: 'default', service, port: view.port, isTls: false, lookup: () => service };
    const outcome = this.parts.follower.follow(route, view, connection);
    const note: Caveat = {
      code: 'Tcp',
      message: `port ${view.port} of ${service.hostname} is routed by connections, not by requests: matches on requests, faults, timeouts and retries do not apply, policies see the connection alone, and matches on addresses are not modelled`,
    };
    const { fault: _, timeoutMs: __, retries: ___, ...rest } = outcome;
    return {
      decision: {
        routes: `${service.hostname}:${view.port}`,
        virtualService: route.rule?.owner,
        rule: route.rule && { index: route.rule.index },
        overruled: [],
      },
      ...rest,
      caveats: unique([note, ...outcome.caveats]),
    };
  }

  private inboundCaveats(branches: readonly Branch[]): Caveat[] {
    return branches
      .flatMap(({ workloads, ending }) => (ending === Ending.SERVED ? workloads : []))
      .flatMap(({ namespace, labels, workload }) => [
        ...(isGateway(this.parts.gateways, labels) ? [gatewayCaveat(`${namespace}/${workload}`)] : []),
        ...this.parts.caveats.atProxy(namespace, labels, 'SIDECAR_INBOUND'),
      ]);
  }
}

/** The answer is that of the gateway pods, which is not the end. */
function gatewayCaveat(name: string): Caveat {
  return { code: GATEWAY_PODS, message: `${name} are pods of a Gateway, by whose routes the request goes on: ask from there, or follow the chain` };
}

/** Whether clients reach a service at an address of its own, by which its connections are known. */
function hasAddress({ isKubernetes, addresses }: MeshService): boolean {
  return isKubernetes || addresses.length > 0;
}

type Part = Omit<Outcome, 'sender' | 'method' | 'authority' | 'port' | 'path'>;

function noRoute(reason: string, cause?: Branch['cause']): Pick<Part, 'branches' | 'mirrors' | 'caveats'> {
  return {
    branches: [{ probability: 1, ending: Ending.FAILED, status: 404, flag: 'NR', reason, cause, workloads: [], answerHeaders: [] }],
    mirrors: [],
    caveats: [],
  };
}

/** What is to be told of the route that took a request. */
export function decisionBy(route: Route, routes: string, host: VirtualHost): Omit<Decision, 'overruled'> {
  const { rule, entry, virtualService } = route;
  return {
    routes,
    virtualHost: host.name,
    gateway: host.gateway,
    virtualService: rule?.owner ?? virtualService?.object,
    delegatedBy: rule?.delegatedBy,
    rule: rule && { index: rule.index, name: rule.spec.name, match: entry?.index },
    route: route.name,
  };
}

/** Services by the names and addresses that clients use. */
class ServiceNames {
  private readonly exact = new Map<string, MeshService>();
  private readonly wildcards = new NameIndex<MeshService>();

  constructor(
    services: readonly MeshService[],
    private readonly clusterDomain: string,
    /** Those that the manifests know of. */
    private readonly namespaces: ReadonlySet<string>,
    /** Of pods that have one of their own, as `namespace/pod`. */
    private readonly podNames: ReadonlySet<string>,
  ) {
    const kubernetesFirst = [...services.filter(({ isKubernetes }) => isKubernetes), ...services.filter(({ isKubernetes }) => !isKubernetes)];
    for (const service of kubernetesFirst) {
      if (isWildcard(service.hostname)) this.wildcards.add(service.hostname.toLowerCase(), service);
      else for (const name of [service.hostname.toLowerCase(), ...service.addresses]) if (!this.exact.has(name)) this.exact.set(name, service);
    }
  }

  public find(host: string, namespace: string): MeshService | undefined {
    const name = host.toLowerCase();
    const full = name.endsWith('.') ? name.slice(0, -1) : name;
    const found = this.exact.get(full) ?? this.short(full, namespace) ?? this.ofPod(full, namespace) ?? this.wildcards.find(full);
    return found?.aliasOf ? (this.exact.get(found.aliasOf) ?? found) : found;
  }

  /** Whether a name ends in a namespace of the cluster, so that nobody outside is meant: `cart.shop`. */
  public endsInNamespace(name: string, home: string): boolean {
    const [, namespace, ...rest] = name.split('.');
    return rest.length === 0 && (namespace === home || this.namespaces.has(namespace));
  }

  /** The headless Service by which a pod of a StatefulSet has a name: `db-0.db`, `db-0.db.shop`, … */
  private ofPod(name: string, namespace: string): MeshService | undefined {
    const [pod, ...rest] = name.split('.');
    const service = rest.length === 0 ? undefined : (this.exact.get(rest.join('.')) ?? this.short(rest.join('.'), namespace));
    const isThere = service?.isKubernetes && service.resolution === Resolution.ORIGINAL && this.podNames.has(`${service.namespace}/${pod}`);
    return isThere ? service : undefined;
  }

  /** `cart`, `cart.shop`, `cart.shop.svc`. */
  private short(name: string, namespace: string): MeshService | undefined {
    const [service, owner = namespace, svc] = name.split('.');
    const full = `${service}.${owner}.svc.${this.clusterDomain}`;
    const isShort = svc === undefined || (svc === 'svc' && alternativeNames(full, namespace, this.clusterDomain).includes(name));
    return isShort ? this.exact.get(full) : undefined;
  }
}
