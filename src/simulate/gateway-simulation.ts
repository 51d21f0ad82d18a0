import { AccessPolicies } from './access';
import { Caveats } from './caveats';
import { askedText } from './conditions';
import { Proxy } from './destinations';
import { commonHosts, GatewayServer, gatewayRoutes, serverForName, ServerKind, serversOf } from './gateway-routes';
import { Manifest, named } from './objects';
import { Branch, Caveat, Ending, Outcome } from './outcome';
import { Labels, SimulatedRequest } from './request';
import { RequestView } from './request-view';
import { claimCaveats, RouteFollower, unique } from './route-outcome';
import { Domains, routeFor, VirtualHost } from './routes';
import { SendingGateway } from './senders';
import { MeshService } from './services';
import { ProxyScopes } from './sidecar-scope';
import { decisionBy } from './sidecar-simulation';
import { TcpRoutes } from './tcp-routes';

/** What requests through gateways are simulated with. */
export interface GatewaySimulationParts {
  readonly services: readonly MeshService[];
  readonly scopes: ProxyScopes;
  readonly follower: RouteFollower;
  readonly caveats: Caveats;
  readonly gateways: readonly Manifest[];
  readonly access: AccessPolicies;
}

type Part = Omit<Outcome, 'sender' | 'method' | 'authority' | 'port' | 'path'>;

/** Requests that clients outside send to gateway pods. */
export class GatewaySimulation {
  private readonly servers = new Map<SendingGateway, GatewayServer[]>();
  private readonly tables = new Map<SendingGateway, Map<string, Domains>>();

  constructor(private readonly parts: GatewaySimulationParts) {}

  /** Where a client's request goes. */
  public send(request: SimulatedRequest, labels: Labels, pods: SendingGateway | undefined): Outcome {
    const view = new RequestView(request, request.tls ? 'https' : 'http');
    const words =
      pods?.words ??
      `a client of gateway ${Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')}`;
    const part = pods
      ? this.atPods(view, pods)
      : failure(0, `no workload has the labels ${JSON.stringify(labels)}, and no Gateway selects them: the connection is refused`);
    return { sender: words, method: view.method, authority: view.authority, port: view.port, path: view.path + view.query, ...part };
  }

  private atPods(view: RequestView, pods: SendingGateway): Part {
    const listenPort = pods.servicePorts.length === 0 ? view.port : pods.servicePorts.find(({ number }) => number === view.port)?.targetPort;
    const here = this.serversOf(pods).filter((server) => server.listenPort === listenPort);
    if (listenPort === undefined) return failure(0, `the gateway's Service has no port ${view.port}: the connection is refused`);
    if (here.length === 0) return failure(0, `no Gateway opens port ${view.port} at these pods: the connection is refused`);
    if (here[0].isTcp) return this.passedOn(view, pods, here[0]);
    const server =
      view.connection === 'https'
        ? serverForName(
          here.filter(({ kind }) => kind !== ServerKind.HTTP),
          view.serverName,
        )
        : here.find(({ kind }) => kind === ServerKind.HTTP);
    if (!server) return failure(0, whyNoServer(view, here));
    if (server.kind === ServerKind.OPAQUE) return this.passedOn(view, pods, server);
    const sharing = server.kind === ServerKind.HTTP ? here.filter(({ kind }) => kind === ServerKind.HTTP) : [server];
    return this.routed(view, pods, sharing, listenPort);
  }

  private routed(view: RequestView, pods: SendingGateway, servers: readonly GatewayServer[], listenPort: number): Part {
    const routes = servers[0].routeName;
    const host = this.table(pods, servers).find(view.hostName);
    const caveats = this.parts.caveats.atProxy(pods.namespace, pods.labels, 'GATEWAY');
    const entry = this.parts.access.admit({ namespace: pods.namespace, labels: pods.labels, port: listenPort, isHttp: true }, undefined, view);
    const all = unique([...caveats, ...entry.caveats]);
    if (!entry.allowed) return { ...failure(403, `${entry.reason} (at the gateway)`, undefined, entry.cause), caveats: all };
    if (host?.requiresTls && view.connection === 'http') {
      return { decision: { routes, virtualHost: host.name, gateway: host.gateway, overruled: [] }, ...toHttps(view, host), caveats: all };
    }
    if (!host) {
      const reason = `no VirtualService of a Gateway at these pods is for the host ${view.hostName}`;
      return { ...failure(404, reason, 'NR', servers[0].gateway), decision: { routes, overruled: [] }, caveats: all };
    }
    const part = this.atHost(view, pods, host, routes);
    return { ...part, caveats: unique([...all, ...part.caveats, ...this.inboundCaveats(part.branches)]) };
  }

  private atHost(view: RequestView, pods: SendingGateway, host: VirtualHost, routes: string): Part {
    const route = routeFor(host.routes, view);
    const skipped = claimCaveats(host.routes, route);
    if (!route) {
      const owners = [...new Set(host.routes.map(({ virtualService }) => virtualService && named(virtualService.object)))].join(', ');
      const owner = host.routes[0]?.virtualService?.object;
      return {
        ...failure(404, `no rule of ${owners || 'any VirtualService'} takes this request${askedText(host.routes)}`, 'NR', owner),
        decision: { routes, virtualHost: host.name, gateway: host.gateway, virtualService: owner, overruled: [] },
        caveats: skipped,
      };
    }
    const caller = { identity: pods, hasProxy: true, speaksHttp: true };
    const outcome = this.parts.follower.follow(route, view, { proxy: this.proxyOf(pods), caller });
    return { decision: { ...decisionBy(route, routes, host), overruled: [] }, ...outcome, caveats: unique([...skipped, ...outcome.caveats]) };
  }

  /** TLS that the gateway does not end, and TCP. */
  private passedOn(view: RequestView, pods: SendingGateway, server: GatewayServer): Part {
    const gateway = `${server.gateway.namespace}/${server.gateway.name}`;
    const bound = this.parts.scopes.virtualServicesFor(pods.namespace, gateway);
    const fitting = server.isTcp ? bound.filter((vs) => commonHosts(server.hosts, vs).length > 0) : bound;
    const route = new TcpRoutes(fitting).routeFor(server.isTcp ? undefined : view.serverName, view, { ...pods, gateway });
    const note: Caveat = {
      code: 'Tcp',
      message: `${named(server.gateway)} passes connections on at port ${view.port}: they are routed as a whole, and matches on addresses are not modelled`,
    };
    if (!route) {
      return {
        ...failure(0, `no tls or tcp rule of a VirtualService of ${named(server.gateway)} takes the connection`, undefined, server.gateway),
        caveats: [note],
      };
    }
    const proxy = this.proxyOf(pods);
    const outcome = this.parts.follower.follow({ ...route, port: server.port, lookup: (host) => proxy.scope.services.get(host) }, view, {
      proxy,
      caller: { identity: pods, hasProxy: true, speaksHttp: false },
    });
    const { fault: _, timeoutMs: __, retries: ___, ...rest } = outcome;
    return {
      ...rest,
      decision: {
        routes: server.routeName,
        gateway: server.gateway,
        virtualService: route.rule?.owner,
        rule: route.rule && { index: route.rule.index },
        overruled: [],
      },
      caveats: unique([note, ...outcome.caveats]),
    };
  }

  private proxyOf(pods: SendingGateway): Proxy {
    return { namespace: pods.namespace, labels: pods.labels, scope: this.parts.scopes.ofGateway(pods.namespace), isGateway: true };
  }

  private serversOf(pods: SendingGateway): GatewayServer[] {
    const known = this.servers.get(pods);
    if (known) return known;
    const servers = serversOf(this.parts.gateways, pods);
    this.servers.set(pods, servers);
    return servers;
  }

  private table(pods: SendingGateway, servers: readonly GatewayServer[]): Domains {
    const tables = this.tables.get(pods) ?? new Map<string, Domains>();
    this.tables.set(pods, tables);
    const key = servers[0].routeName;
    const known = tables.get(key);
    if (known) return known;
    const made = gatewayRoutes(servers, {
      pods,
      scope: this.parts.scopes.ofGateway(pods.namespace),
      scopes: this.parts.scopes,
      services: this.parts.services,
    });
    tables.set(key, made);
    return made;
  }

  private inboundCaveats(branches: readonly Branch[]): Caveat[] {
    return branches
      .flatMap(({ workloads, ending }) => (ending === Ending.SERVED ? workloads : []))
      .flatMap(({ namespace, labels }) => this.parts.caveats.atProxy(namespace, labels, 'SIDECAR_INBOUND'));
  }
}

function failure(status: number, reason: string, flag?: string, cause?: Branch['cause']): Part {
  return {
    branches: [{ probability: 1, ending: Ending.FAILED, status, flag, reason, cause, workloads: [], answerHeaders: [] }],
    mirrors: [],
    caveats: [],
  };
}

function whyNoServer(view: RequestView, servers: readonly GatewayServer[]): string {
  if (view.connection === 'http') {
    return `port ${view.port} speaks TLS only (${servers.map(({ gateway }) => named(gateway)).join(', ')}), and the request is in plain text: the connection is closed`;
  }
  if (servers.every(({ kind }) => kind === ServerKind.HTTP)) {
    return `port ${view.port} speaks plain HTTP (${named(servers[0].gateway)}), and the client starts TLS: the connection fails`;
  }
  return `no TLS server at port ${view.port} is for the server name ${view.serverName}: the connection is closed`;
}

function toHttps(view: RequestView, host: VirtualHost): Pick<Part, 'branches' | 'mirrors'> {
  const location = `https://${view.authority}${view.path}${view.query}`;
  return {
    branches: [
      {
        probability: 1,
        ending: Ending.REDIRECTED,
        status: 301,
        location,
        reason: `${host.gateway ? named(host.gateway) : 'the Gateway'} redirects plain text to https`,
        cause: host.gateway,
        workloads: [],
        answerHeaders: [],
      },
    ],
    mirrors: [],
  };
}
