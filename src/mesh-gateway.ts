import { Construct } from 'constructs';
import { CallbackProps } from './callback';
import { demand, demandLabels, InvalidInput } from './errors';
import { GatewayEdge, hostSlug, PREVIEWS_SET_LANES } from './gateway-edge';
import { GatewayServers } from './gateway-servers';
import { acceptHttp10 } from './http10';
import { demandKind, demandKinds, FLAG, listOf, maybe, TEXT } from './kinds';
import { PREVIEW_HOSTS_ANNOTATION } from './lanes/ownership';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { demandRuleName, namespaceFor, objectName } from './mesh-host';
import { Staining } from './staining';
import { ConnectionRule } from './traffic/connection-rule';
import { Destination, IRoutable } from './traffic/destination';
import { covers, GatewayServer } from './traffic/gateway-server';
import { HostAtPort, hostProblem } from './traffic/host-reference';
import { dnsLabelProblem, portProblem, previewHostProblem } from './traffic/predicates';
import { RequestMatch } from './traffic/request-match';
import { RouteRule, RouteSettings } from './traffic/route-rule';
import { ServerTls } from './traffic/server-tls';
import { Warnings } from './warnings';
import { IWorkload } from './workloads';
import { WovenRoutes } from './woven-routes';

/** Properties of `MeshGateway`. */
export interface MeshGatewayProps {
  /**
   * The hosts that it is for: names with a dot, wildcards such as `*.example.com`, or `*` for every host. `<namespace>/<host>` is
   * for routes in that namespace: their VirtualServices stand there.
   * @default - those of `servers`
   */
  readonly hosts?: string[];

  /**
   * The port of the gateway's Service, 1 to 65535.
   * @default - 80, with `tls` 443
   */
  readonly port?: number;

  /**
   * The port's name.
   * @default - 'http'; 'https' where the gateway ends TLS, 'tls' where it passes it on
   */
  readonly portName?: string;

  /**
   * TLS for these hosts.
   * @default - HTTP in plain text
   */
  readonly tls?: ServerTls;

  /**
   * Whether requests in plain text, at port 80, are told to come again with TLS (301).
   * @default false
   */
  readonly redirectHttp?: boolean;

  /**
   * Further servers, for other ports, hosts or certificates.
   * @default - none
   */
  readonly servers?: GatewayServer[];

  /**
   * Whether clients of HTTP/1.0 are answered: Envoy tells them to upgrade (426) unless it is said. (nginx speaks HTTP/1.0 to what is
   * behind it unless told `proxy_http_version 1.1`.) Holds for all servers of these gateway pods.
   * @default false
   */
  readonly acceptHttp10?: boolean;

  /**
   * The namespace of the gateway pods, for what must stand beside them or be visible there.
   * @default 'istio-system'
   */
  readonly podNamespace?: string;

  /**
   * The labels of the gateway pods.
   * @default { istio: 'ingressgateway' }
   */
  readonly selector?: Record<string, string>;

  /**
   * Who may say the lane of a request that comes in here.
   * @default - nobody (`Staining.closed()`), in an app that has lanes, with a warning that asks to say it; an app that says nothing
   * about lanes leaves their header alone
   */
  readonly staining?: Staining;

  /**
   * The Gateway's name.
   * @default - the construct's id
   */
  readonly name?: string;

  /**
   * The namespace of the Gateway and its VirtualServices.
   * @default - the chart's namespace; a chart without one is refused
   */
  readonly namespace?: string;
}

/** Options of `MeshGateway.addRule`. */
export interface GatewayRuleOptions {
  /**
   * Which of the gateway's hosts, or hosts that a wildcard of its covers: `a.example.com` for `*.example.com`. Such a host has its
   * own VirtualService, and the wildcard's rules do not hold for it.
   * @default - all that it names
   */
  readonly hosts?: string[];
}

/** Properties of `MeshGateway.addCallback`. */
export interface GatewayCallbackProps extends CallbackProps {
  /**
   * Which of the gateway's hosts: the one that the callback comes in at, or, for an `authority` that the gateway does not have, whose
   * routes it follows.
   * @default - all of them; of a gateway with several hosts, an `authority` of the callback's own needs one named
   */
  readonly host?: string;
}

/** Options of `MeshGateway.passthrough`. */
export interface GatewayPassthroughOptions extends GatewayRuleOptions {
  /**
   * The service's port that speaks TLS, 1 to 65535.
   * @default - the service's port, where the app knows it
   */
  readonly port?: number;
}

/** Options of `MeshGateway.route`: what they say stands in each of the rules that the route makes, lanes' among them. */
export interface GatewayRouteOptions extends GatewayRuleOptions, RouteSettings {
  /**
   * Which requests: any of these.
   * @default - all that no other route of the host takes
   */
  readonly match?: RequestMatch[];

  /**
   * The service's port that requests go to, 1 to 65535. Rules of the service for other ports are left out.
   * @default - the service's port, where the app knows it
   */
  readonly port?: number;
}

const HOSTS = maybe(listOf(TEXT));

/** Options of `MeshGateway.previewLanesAt`. */
export interface PreviewOptions {
  /**
   * The host of this gateway whose routes the previews follow.
   * @default - the gateway's only host; one of several must be named
   */
  readonly host?: string;
}

/**
 * Where requests enter the mesh: a Gateway for the ingress gateway's pods, and for each of its hosts a VirtualService that
 * routes to services, lanes included.
 *
 * Emits the `Gateway`, one `EnvoyFilter` where HTTP/1.0 is accepted, and a `VirtualService` named `<gateway>-<host>` for each host with a route (`*` is called `any-host`,
 * `*.example.com` is called `any.example.com`, dots become dashes). At a gateway Istio merges the VirtualServices of one host
 * and moves rules around while doing so, also where a wildcard covers the other host: so a host of the same gateway pods and
 * port may be had once in an app, and no wildcard beside a host that it covers.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/
 */
export class MeshGateway extends Construct implements IWorkload {
  /** The Gateway's name. */
  public readonly name: string;
  public readonly workloadNamespace: string;
  public readonly workloadLabels: Record<string, string>;

  private readonly namespace: string;
  private readonly servers: GatewayServers;
  private readonly routesOf = new Map<string, GatewayRoute[]>();
  private readonly connectionsOf = new Map<string, () => any>();
  private readonly ownRules: RouteRule[] = [];
  /** Where routes and rules send requests. */
  private readonly leadsTo: HostAtPort[] = [];
  private readonly virtualServices = new Map<string, WovenRoutes>();
  private preview?: { readonly wildcard: string; readonly host: string };
  private readonly edge: GatewayEdge;

  /**
   * Refused: no hosts, hosts without a dot, a host twice, ports outside 1 to 65535, one port in plain text and with TLS, two
   * servers with one port name, a host that another gateway of the same pods and port serves.
   */
  constructor(scope: Construct, id: string, props: MeshGatewayProps) {
    super(scope, id);
    demandKinds(props, {
      hosts: HOSTS,
      tls: maybe(ServerTls._KIND),
      redirectHttp: maybe(FLAG),
      servers: maybe(listOf(GatewayServer._KIND)),
      acceptHttp10: maybe(FLAG),
      staining: maybe(Staining._KIND),
    }, { scope: this });
    this.name = objectName(this, 'name', props.name === undefined ? id : props.name);
    // Unlike other objects' it may have no dots.
    demand('name', this.name, dnsLabelProblem(this.name), { code: 'ObjectName', scope: this });
    this.namespace = namespaceFor(this, props.namespace);
    const { selector = { istio: 'ingressgateway' }, podNamespace = 'istio-system' } = props;
    demandLabels('selector', selector, this);
    demand('selector', '{}', Object.keys(selector).length === 0 ? 'must name a label of the gateway pods' : undefined, { code: 'GatewaySelector', scope: this });
    this.workloadNamespace = namespaceFor(this, podNamespace, 'podNamespace');
    this.workloadLabels = selector;
    this.servers = new GatewayServers(this, props, selector);
    new ManifestObject(this, 'Resource', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: this.name, namespace: this.namespace },
      spec: () => ({ selector, servers: this.servers.manifests(this.addedHosts) }),
    });
    this.edge = new GatewayEdge(this, 'edge', {
      name: this.name,
      namespace: this.namespace,
      hosts: this.hosts,
      ownHost: (host) => this.servers.own(host),
      routesOf: (host) => this.virtualServices.get(host),
      staining: props.staining,
    });
    Mesh.of(this).gateways.push(this);
    if (props.acceptHttp10) acceptHttp10(this, `${this.name}-http10`);
    this.node.addValidation({ validate: () => this.ownRules.flatMap((rule) => Mesh.of(this).unknownVersions(rule)) });
    this.node.addValidation({ validate: () => this.validatePorts() });
    this.node.addValidation({ validate: () => this.validatePreview() });
  }

  /**
   * Routes requests to a service, by all the rules of that service: what its own rules say for requests inside the mesh holds
   * here too, except for matches that only have a meaning there (the caller's labels and namespace, other ports).
   *
   * Routes and rules with `match` are tried in the order they were added, the one without comes last whenever it was added.
   *
   * Settings (headers, rewrite, CORS, timeout) hold for all these rules. A rewrite of the path fits services without rules by
   * path alone: those look at the path as it comes in.
   *
   * Refused: hosts that are not the gateway's or none, a host or port that does not speak HTTP, a second route without `match` for a host, ports outside 1 to 65535; at synth a
   * setting that a rule of the service says too.
   */
  public route(service: IRoutable, options: GatewayRouteOptions = {}): this {
    demand('service', service, hostProblem(service), { code: 'HostMissing', scope: this });
    demandKinds(options, { hosts: HOSTS, match: maybe(listOf(RequestMatch._KIND)) }, { scope: this, of: 'options' });
    this.demandHosts(options.hosts);
    const { hosts, match = [], port = service.port, ...settings } = options;
    if (options.port !== undefined) demand('port', port, portProblem(options.port), { code: 'Port', scope: this });
    Mesh.of(this).demandRequests('service', [{ hostName: service.hostName, port }], this);
    this.leadsTo.push({ hostName: service.hostName, port });
    demandRuleName(this, settings.name);
    RouteRule.to([Destination.of(service)], settings);
    if (port === undefined) {
      Warnings.of(this).add(this, 'GatewayPortUnknown', `'port' of ${service.hostName} is not known to the app: Istio takes the Service's only port, and where it has several the gateway's own, `
        + 'and then answers 503; say it: MeshHost({ port }), or route(service, { port })');
    }
    Mesh.of(this).calledFrom(this, [service.hostName], { byGateway: true });
    return this.add(hosts, match, service.hostName, () => this.baselineRules(service)
      .flatMap((rule) => rule._atGateway({ hostName: service.hostName, port })?._with(settings)._narrowedTo(match) ?? []));
  }

  /**
   * A rule of the gateway's own, apart from those of services: with destinations of its own, a redirect or a direct response.
   * Lanes are woven into it too.
   *
   * Refused: as `route`, a name that begins with `lane/`, destinations that do not speak HTTP; at synth unknown versions.
   */
  public addRule(rule: RouteRule, options: GatewayRuleOptions = {}): this {
    demandKind('rule', rule, RouteRule._KIND, this);
    demandKinds(options, { hosts: HOSTS }, { scope: this, of: 'options' });
    this.demandHosts(options.hosts);
    demandRuleName(this, rule.name);
    const destinations = rule.destinations.map(({ hostName, _port }) => ({ hostName, port: _port }));
    Mesh.of(this).demandRequests('rule', destinations, this);
    this.leadsTo.push(...destinations);
    this.ownRules.push(rule);
    Mesh.of(this).addRule(rule);
    Mesh.of(this).calledFrom(this, rule.destinations.map(({ hostName }) => hostName), { byGateway: true });
    const what = rule.destinations.map(({ hostName }) => hostName).join(' and ') || 'an answer of the gateway';
    return this.add(options.hosts, rule.matches, what, () => [rule]);
  }

  /**
   * Passes TLS connections on to a service that ends TLS itself, by the server name that clients ask for: to the version that its
   * default rule routes to. The mesh cannot read them, so there are no lanes.
   *
   * Refused: hosts that no server passes on (`GatewayServer.passthrough`), a second call for a host, ports outside 1 to 65535.
   */
  public passthrough(service: IRoutable, options: GatewayPassthroughOptions = {}): this {
    demand('service', service, hostProblem(service), { code: 'HostMissing', scope: this });
    demandKinds(options, { hosts: HOSTS }, { scope: this, of: 'options' });
    this.demandHosts(options.hosts);
    if (options.port !== undefined) demand('port', options.port, portProblem(options.port), { code: 'Port', scope: this });
    Mesh.of(this).calledFrom(this, [service.hostName], { byGateway: true });
    const named = options.hosts ?? this.servers.hosts.filter((host) => this.servers.find(host, 'connections')?.host === host);
    if (named.length === 0) this.refuseHost('all of them', 'connections');
    for (const host of named) {
      if (!this.servers.find(host, 'connections')) this.refuseHost(host, 'connections');
      demand('hosts', host, host === '*' ? 'must be a name or a wildcard of one, as TLS is routed by server name' : undefined, { code: 'SniHost', scope: this });
      demand('hosts', host, this.connectionsOf.has(host) ? 'must not be passed on twice' : undefined, { code: 'GatewayRouteTwice', scope: this });
      this.connectionsOf.set(host, () => {
        const everything = Mesh.of(this).hostNamed(service.hostName)?._everything ?? [Destination.of(service)];
        const destinations = everything.map((each) => each._atPort({ hostName: service.hostName, port: options.port }));
        return ConnectionRule._everything(destinations)._toManifest([host]);
      });
      this.ensureVirtualService(host);
    }
    Mesh.of(this).changed();
    return this;
  }

  /** A list that turned out empty would be a route nowhere, silently. */
  private demandHosts(hosts: string[] | undefined): void {
    demand('hosts', '[]', hosts?.length === 0 ? 'must name one of the gateway\'s hosts' : undefined, { code: 'GatewayHost', scope: this, remedy: 'leave it out for all of them' });
  }

  private add(hosts: string[] | undefined, match: RequestMatch[], what: string, rules: () => RouteRule[]): this {
    if (this.hosts.length === 0 && !hosts) this.refuseHost('all of them', 'requests');
    for (const host of hosts ?? this.hosts) {
      if (!this.servers.find(host, 'requests')) this.refuseHost(host, 'requests');
      const routes = this.routesOf.get(host) ?? [];
      this.routesOf.set(host, routes);
      const everything = routes.find((route) => route.match.length === 0);
      if (match.length === 0 && everything) {
        throw new InvalidInput('GatewayRouteTwice', `'match' must be given: all requests to ${host} that no other route takes go to ${everything.what} already`, this);
      }
      routes.push({ match, what, rules });
      this.ensureVirtualService(host);
    }
    Mesh.of(this).changed();
    return this;
  }

  private refuseHost(host: string, speaks: 'requests' | 'connections'): never {
    const other = speaks === 'requests' ? 'connections' : 'requests';
    if (this.servers.find(host, other) || host === 'all of them') {
      const wayOut = speaks === 'requests' ? 'its TLS is passed on, so the gateway sees none: passthrough(service) routes its connections' : 'no server passes their TLS on: GatewayServer.passthrough';
      throw new InvalidInput('GatewayProtocol', `'hosts' must be hosts whose ${speaks} the gateway can route, got ${JSON.stringify(host)}; ${wayOut}`, this);
    }
    throw new InvalidInput('GatewayHostUnknown', `'hosts' must be hosts of the gateway, got ${JSON.stringify(host)} (its hosts: ${this.servers.hosts.join(', ')})`, this);
  }

  /**
   * Gives each lane a host of its own, at which people meet it without sending the lane header: `release-v1.preview.example.com`
   * for `*.preview.example.com`, whose DNS entry must lead to the gateway. Requests are routed as those to `host` with the lane's
   * header would be, whatever header they bring.
   *
   * The gateway takes the wildcard host too, unless it has it already. The lanes' VirtualServices are made in the cluster, by
   * `cdk8s-lanes up` and `converge`: so it is for apps whose lanes come from branches (`BranchDeployment`).
   *
   * Refused: what is no wildcard, a second call, a host that is not the gateway's, several hosts of which none is named; at synth a
   * host without routes, an app with lanes of its own.
   */
  public previewLanesAt(wildcard: string, options: PreviewOptions = {}): this {
    demandKinds(options, { host: maybe(TEXT) }, { scope: this, of: 'options' });
    const problem = previewHostProblem(wildcard);
    demand('wildcard', wildcard, problem, { code: 'PreviewHost', scope: this });
    if (this.preview) {
      throw new InvalidInput('PreviewTwice', `'wildcard' is said already of this gateway (${this.preview.wildcard}), got ${wildcard}; say it once`, this);
    }
    const host = options.host ?? (this.hosts.length === 1 ? this.hosts[0] : undefined);
    if (host === undefined || !this.hosts.includes(host)) {
      throw new InvalidInput('GatewayHostUnknown', `'host' must be one of the gateway's hosts, whose routes the previews follow, got ${JSON.stringify(host)} (its hosts: ${this.hosts.join(', ')})`, this);
    }
    if (!this.hosts.some((each) => each === wildcard || covers(each, wildcard))) this.servers.own(wildcard);
    this.preview = { wildcard, host };
    this.virtualServices.get(host)?.metadata.addAnnotation(PREVIEW_HOSTS_ANNOTATION, wildcard);
    return this;
  }

  /**
   * Requests of somebody who cannot send the lane header belong to a lane: it is set for the hops that follow, and the lane's version
   * serves where there is one. Where the gateway is open, a lane header that the request brings is kept (missing, empty or `-` is
   * none); where it is not, the callback alone decides. No Lua: what a callback says stands in the rules.
   *
   * A callback for an `authority` that the gateway does not have gets a host of its own, whose requests are routed as those to
   * `host` are. Callbacks that are over are left out, with a warning.
   *
   * Refused: what tells no request apart, `*` as host, two callbacks for the same requests, days that are none; at synth a lane that
   * the app does not have, one whose requests all belong to another lane's before it.
   */
  public addCallback(id: string, props: GatewayCallbackProps): this {
    demandKinds(props, { host: maybe(TEXT) }, { scope: this });
    const { host, ...callback } = props;
    this.edge.addCallback(id, callback, host);
    return this;
  }

  /** The VirtualService of a host, for patches. Refused: a host without routes. */
  public virtualService(host: string): Construct {
    const found = this.virtualServices.get(host);
    if (found) return found;
    throw new InvalidInput('GatewayHostUnknown', `'host' must be a host with routes, got ${JSON.stringify(host)} (those are: ${[...this.virtualServices.keys()].join(', ') || 'none'})`, this);
  }

  /**
   * Whether clients of some server show who they are.
   *
   * @internal
   */
  public get _knowsClients(): boolean {
    return this.servers.knowClients;
  }

  /**
   * Whether a lane header that comes in is taken away, whoever sent it.
   *
   * @internal
   */
  public get _takesLanesAway(): boolean {
    return this.edge.takesLanesAway;
  }

  /**
   * Why requests of a lane do not show it when they come in; `undefined` where they do.
   *
   * @internal
   */
  public get _unseenLane(): string | undefined {
    return this.preview ? PREVIEWS_SET_LANES : this.edge.unseenLane;
  }

  private ensureVirtualService(host: string): void {
    if (this.virtualServices.has(host)) return;
    const slug = hostSlug(host);
    const twin = [...this.virtualServices.keys()].find((other) => hostSlug(other) === slug);
    const name = objectName(this, 'name', `${this.name}-${slug}`);
    if (twin) {
      throw new InvalidInput('GatewayHostName', `'hosts' must not give two VirtualServices one name, got ${host} and ${twin}, both ${name}; serve one of them by a gateway of its own`, this);
    }
    const namespace = this.namespaceOf(host);
    this.virtualServices.set(host, new WovenRoutes(this, slug, {
      name,
      namespace,
      spec: () => ({
        hosts: [host],
        gateways: [namespace === this.namespace ? this.name : `${this.namespace}/${this.name}`],
        ...(this.routesOf.has(host) ? { http: Mesh.of(this).renderRules(this.rulesOf(host)).manifests } : {}),
        ...(this.connectionsOf.has(host) ? { tls: [this.connectionsOf.get(host)!()] } : {}),
      }),
      problems: () => this.problemsOf(host),
      weave: (manifest, table) => this.edge.weave(host, manifest, table),
    }));
    if (this.preview?.host === host) this.virtualServices.get(host)!.metadata.addAnnotation(PREVIEW_HOSTS_ANNOTATION, this.preview.wildcard);
  }

  /** The hosts that it takes beside those of its servers: of lanes and of callbacks. */
  private get addedHosts(): string[] {
    const wildcard = this.preview?.wildcard;
    const hosts = this.edge.servedHosts;
    const all = wildcard === undefined || hosts.some((each) => each === wildcard || covers(each, wildcard)) ? hosts : [...hosts, wildcard];
    return all.filter((host) => !this.hosts.includes(host));
  }

  /** The hosts that it is said to route requests of. */
  private get hosts(): string[] {
    return this.servers.hosts.filter((host) => this.servers.find(host, 'requests')?.host === host);
  }

  /** Hosts may have been declared later than what leads to them. */
  private validatePorts(): string[] {
    const { problems, strange } = Mesh.of(this).requestProblems('service', this.leadsTo);
    for (const each of strange) Warnings.of(this).add(this, 'GatewayPortUnknown', `'port' ${each}`);
    return problems;
  }

  private validatePreview(): string[] {
    if (!this.preview) return [];
    const { host, wildcard } = this.preview;
    if (!this.virtualServices.has(host)) return [`'host' must have routes for the previews at ${wildcard} to follow, got ${host}; route(...) it`];
    if (Mesh.of(this).ownership) return [];
    return [`'wildcard' needs lanes that come from branches (BranchDeployment), got ${wildcard}: the VirtualServices of preview hosts are made when lanes come up`];
  }

  /** Where the server says that a host's VirtualServices are. */
  private namespaceOf(host: string): string {
    const { namespace } = (this.servers.find(host, 'requests') ?? this.servers.find(host, 'connections'))!;
    return namespace === undefined || namespace === '.' ? this.namespace : namespace;
  }

  private rulesOf(host: string): RouteRule[] {
    const routes = this.routesOf.get(host) ?? [];
    const inOrder = [...routes.filter(({ match }) => match.length > 0), ...routes.filter(({ match }) => match.length === 0)];
    return inOrder.flatMap(({ rules }) => rules());
  }

  /** A route's match and a rule of its service may not fit into one match entry. */
  private problemsOf(host: string): string[] {
    try {
      return Mesh.of(this).renderRules(this.rulesOf(host)).problems.map((problem) => `${host}: ${problem}`);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      return [`${host}: ${error.message}`];
    }
  }

  private baselineRules(service: IRoutable): RouteRule[] {
    return Mesh.of(this).hostNamed(service.hostName)?._baselineRules ?? [RouteRule.to([Destination.of(service)])];
  }
}

interface GatewayRoute {
  readonly match: RequestMatch[];
  /** Where its requests go, for messages. */
  readonly what: string;
  readonly rules: () => RouteRule[];
}
