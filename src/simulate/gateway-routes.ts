import { asList } from '../json';
import { isCoveredBy, isMoreSpecific } from './names';
import { labelsOf, Manifest, numberOf, referenceTo, selects, textsOf } from './objects';
import { ObjectReference } from './outcome';
import { PortProtocol, protocolNamed } from './protocols';
import { Labels } from './request';
import { Domains, Route, routesOf, VirtualHost } from './routes';
import { MeshService } from './services';
import { ProxyScope, ProxyScopes } from './sidecar-scope';
import { VirtualService } from './virtual-services';
import { byAge, namespaceOf } from '../lanes/hosts';

/*
 * What gateway pods listen on and route by.
 *
 * Source: istiod's `mergeGateways` (pilot/pkg/model/gateway.go) and `buildGatewayHTTPRouteConfig`
 * (pilot/pkg/networking/core/gateway.go).
 */

/** Pods that a Gateway's selector may choose. */
export interface GatewayPods {
  readonly namespace: string;
  readonly labels: Labels;
  /** Ports of Services that select them, with the pods' port behind each. */
  readonly servicePorts: readonly { readonly number: number; readonly targetPort: number }[];
}

/** How a server treats a connection. */
export enum ServerKind {
  HTTP = 'http',
  /** TLS that ends at the gateway, HTTP within. */
  HTTPS = 'https',
  /** TLS that is passed on, or bare TCP. */
  OPAQUE = 'opaque',
}

/** One `servers` entry of a Gateway at gateway pods. */
export interface GatewayServer {
  readonly gateway: ObjectReference;
  /** The number that the Gateway gives. */
  readonly port: number;
  /** The port that the pods listen on. */
  readonly listenPort: number;
  readonly kind: ServerKind;
  /** `host` or `namespace/host`. */
  readonly hosts: readonly string[];
  readonly redirectsToHttps: boolean;
  readonly endsTls: boolean;
  /** Bare TCP: whatever clients speak. */
  readonly isTcp: boolean;
  /** istiod's name of its route configuration. */
  readonly routeName: string;
}

/** Whether some Gateway is for pods with these labels. One that asks for no labels says nothing of who they are. */
export function isGateway(gateways: readonly Manifest[], labels: Labels): boolean {
  return gateways.some(({ spec }) => Object.keys(spec?.selector ?? {}).length > 0 && selects(labelsOf(spec.selector), labels));
}

/** The servers of gateway pods, the oldest Gateway's first; those that istiod skips are left out. */
export function serversOf(gateways: readonly Manifest[], pods: GatewayPods): GatewayServer[] {
  const chosen = [...gateways].sort(byAge).filter((gateway) => selects(labelsOf(gateway.spec?.selector), pods.labels));
  const servers: GatewayServer[] = [];
  for (const gateway of chosen) {
    for (const server of asList(gateway.spec?.servers)) {
      const made = serverOf(server, gateway, pods);
      if (made && !clashes(made, servers)) servers.push(made);
    }
  }
  return servers;
}

function serverOf(server: any, gateway: Manifest, pods: GatewayPods): GatewayServer | undefined {
  const port = numberOf(server?.port?.number);
  if (port === undefined) return undefined;
  const namespace = namespaceOf(gateway);
  const listenPort = pods.servicePorts.find(({ number }) => number === port)?.targetPort ?? port;
  const protocol = protocolNamed(String(server.port.protocol ?? ''));
  const mode = server.tls?.mode ?? 'PASSTHROUGH';
  const endsTls = String(server.port.protocol).toUpperCase() === 'HTTPS' && !['PASSTHROUGH', 'AUTO_PASSTHROUGH'].includes(mode);
  const kind = protocol === PortProtocol.HTTP ? ServerKind.HTTP : endsTls ? ServerKind.HTTPS : ServerKind.OPAQUE;
  return {
    gateway: referenceTo(gateway),
    port,
    listenPort,
    kind,
    hosts: textsOf(server.hosts).map((host) => serverHost(host, namespace)),
    redirectsToHttps: server.tls?.httpsRedirect === true,
    endsTls: server.tls !== undefined && server.tls !== null,
    isTcp: protocol === PortProtocol.TCP && !server.tls,
    routeName: kind === ServerKind.HTTP ? `http.${listenPort}` : `https.${port}.${server.port.name}.${gateway.metadata?.name}.${namespace}`,
  };
}

/** `./host` stands for the Gateway's namespace, `*` and a slash for all. */
function serverHost(host: string, namespace: string): string {
  const [owner, name] = host.split('/');
  if (name === undefined) return host;
  if (owner === '.') return `${namespace}/${name}`;
  return owner === '*' ? name : host;
}

/** HTTP and other servers cannot share a port, TLS servers cannot share a host: the later one is left out. */
function clashes(server: GatewayServer, earlier: readonly GatewayServer[]): boolean {
  const samePort = earlier.filter(({ listenPort }) => listenPort === server.listenPort);
  const isHttp = ({ kind }: GatewayServer) => kind === ServerKind.HTTP;
  if (samePort.length > 0 && isHttp(samePort[0]) !== isHttp(server)) return true;
  if (!server.endsTls || isHttp(server)) return false;
  return samePort.some((other) => other.hosts.some((host) => server.hosts.includes(host)));
}

/** What is needed to build the routes of gateway pods. */
export interface GatewayContext {
  readonly pods: GatewayPods;
  readonly scope: ProxyScope;
  readonly scopes: ProxyScopes;
  readonly services: readonly MeshService[];
}

/** The routes of all servers that share one route configuration. */
export function gatewayRoutes(servers: readonly GatewayServer[], context: GatewayContext): Domains {
  const hosts = new Map<string, GatewayHost>();
  const built = new Map<string, Route[]>();
  for (const server of servers) {
    const gatewayName = `${server.gateway.namespace}/${server.gateway.name}`;
    for (const vs of context.scopes.virtualServicesFor(context.pods.namespace, gatewayName)) {
      const names = commonHosts(server.hosts, vs);
      if (names.length === 0) continue;
      const key = `${gatewayName} ${vs.namespace}/${vs.name}`;
      const routes = built.get(key) ?? routesOfGateway(vs, server, gatewayName, context);
      built.set(key, routes);
      if (routes.length === 0) continue;
      for (const name of names) addRoutes(hosts, name.toLowerCase(), routes, server);
    }
    if (server.redirectsToHttps) for (const host of server.hosts) requireTls(hosts, host.toLowerCase(), server);
  }
  const domains = new Domains();
  for (const [name, host] of collapsed(hosts)) {
    host.routes = [...host.routes.filter((route) => !isCatchAll(route)), ...host.routes.filter(isCatchAll)];
    domains.add(name, host);
  }
  return domains;
}

/** A virtual host to which servers and VirtualServices add. */
interface GatewayHost extends VirtualHost {
  routes: readonly Route[];
  requiresTls?: boolean;
}

/** Hosts with the very same routes share one virtual host, called after the most specific of them. */
function collapsed(hosts: ReadonlyMap<string, GatewayHost>): [string, GatewayHost][] {
  const kept: GatewayHost[] = [];
  const isSame = (one: GatewayHost, other: GatewayHost) => Boolean(one.requiresTls) === Boolean(other.requiresTls)
    && one.routes.length === other.routes.length && one.routes.every((route, index) => route === other.routes[index]);
  return [...hosts].sort(([one], [other]) => (isMoreSpecific(one, other) ? -1 : 1)).map(([name, host]) => {
    const twin = kept.find((each) => isSame(each, host));
    if (!twin) kept.push(host);
    return [name, twin ?? host];
  });
}

function routesOfGateway(vs: VirtualService, server: GatewayServer, gateway: string, context: GatewayContext): Route[] {
  const lookup = (host: string) => {
    const beside = context.services.find((service) => service.hostname === host && service.namespace === vs.namespace);
    if (beside && visibleTo(beside, context.pods.namespace)) return beside;
    return context.scope.services.get(host);
  };
  return routesOf(vs, { ...context.pods, gateway }, { port: server.port, isTls: server.endsTls, lookup });
}

function visibleTo({ exportTo }: MeshService, namespace: string): boolean {
  return exportTo.size === 0 || exportTo.has('*') || exportTo.has(namespace);
}

function isCatchAll({ entry }: Route): boolean {
  return !entry || entry.match.isCatchAll;
}

/** The more specific one of each pair of a server's and a VirtualService's hosts that overlap. */
export function commonHosts(serverHosts: readonly string[], vs: VirtualService): string[] {
  const common = new Set<string>();
  for (const written of serverHosts) {
    const [owner, name] = written.includes('/') ? written.split('/') : [undefined, written];
    if (owner !== undefined && owner !== vs.namespace) continue;
    for (const host of vs.hosts) {
      if (isCoveredBy(name, host)) common.add(name);
      else if (isCoveredBy(host, name)) common.add(host);
    }
  }
  return [...common];
}

function addRoutes(hosts: Map<string, GatewayHost>, name: string, routes: readonly Route[], server: GatewayServer): void {
  const known = hosts.get(name);
  if (known) {
    known.routes = [...known.routes, ...routes];
    if (server.redirectsToHttps) known.requiresTls = true;
  } else {
    hosts.set(name, { name: `${name}:${server.port}`, routes, requiresTls: server.redirectsToHttps, gateway: server.gateway });
  }
}

function requireTls(hosts: Map<string, GatewayHost>, name: string, server: GatewayServer): void {
  const known = hosts.get(name);
  if (known) known.requiresTls = true;
  else hosts.set(name, { name: `${name}:${server.port}`, routes: [], requiresTls: true, gateway: server.gateway });
}

/** The server that takes a TLS connection for a server name. */
export function serverForName(servers: readonly GatewayServer[], serverName: string): GatewayServer | undefined {
  const fitting = servers.flatMap((server) =>
    namesOf(server)
      .filter((host) => isCoveredBy(serverName, host.toLowerCase()))
      .map((host) => ({ server, host })),
  );
  return fitting.sort((one, other) => specificity(other.host) - specificity(one.host))[0]?.server;
}

/** Names that a server is found by: one that takes all of them is found by none in particular. */
function namesOf({ hosts }: GatewayServer): string[] {
  const names = hosts.map((host) => host.split('/').pop()!);
  return names.includes('*') ? ['*'] : names;
}

function specificity(host: string): number {
  return host.startsWith('*') ? host.length : 1000 + host.length;
}
