import { IConstruct } from 'constructs';
import type { Branch } from './branch';
import { BranchOwnership } from './branch-ownership';
import { demand, InvalidInput } from './errors';
import { RenderedRule, renderRule } from './host-policies';
import { DEFAULT_CLUSTER_DOMAIN } from './lanes/hosts';
import { DEFAULT_LANE_HEADER, LaneDestination, laneHeaders, LaneTable, SERVED_LANE_HEADER } from './lanes/weave';
import type { MeshGateway } from './mesh-gateway';
import type { MeshHost } from './mesh-host';
import type { MtlsPolicy } from './mtls-policy';
import type { StainedRoute } from './stained-route';
import type { Destination } from './traffic/destination';
import { covers } from './traffic/gateway-server';
import type { HostAtPort } from './traffic/host-reference';
import type { RouteRule } from './traffic/route-rule';
import type { IWorkload } from './workloads';

const MESH = Symbol.for('cdk8s-lanes.Mesh');

/** The context key of the cluster's domain, for clusters that are not `cluster.local`. */
export const CLUSTER_DOMAIN_CONTEXT = 'cdk8s-lanes/cluster-domain';

/** What a host must be able to do for rules of requests to lead to it. */
const REQUESTED = 'be sent requests by rules';

/** Pods that call a host. */
export interface DeclaredCall {
  readonly from: IWorkload & IConstruct;
  readonly hostName: string;
  /** Whether they are a gateway's, which routes there by rules of its own. */
  readonly byGateway: boolean;
}

/** From where a host is called, directly or by a rule of another host. */
export interface Caller {
  readonly namespace: string;
  /** The path of who does, for messages. */
  readonly path: string;
  /** Whether it is a gateway that routes to the very host. */
  readonly isGateway: boolean;
}

/** A port of gateway pods, which are known by their labels. */
export interface ServerPlace {
  readonly pods: Record<string, string>;
  readonly port: number;
}

/** Whether all pods of one are pods of the other too, at the same port. */
function sharesPods(one: ServerPlace, other: ServerPlace): boolean {
  if (one.port !== other.port) return false;
  const common = Object.entries(one.pods).filter(([key, value]) => other.pods[key] === value).length;
  return common === Object.keys(one.pods).length || common === Object.keys(other.pods).length;
}

/**
 * What one app knows of its mesh: who owns which host, and which lane serves what. One for each construct tree.
 *
 * Facets may be added from any chart until the app is synthesized, so nothing here is decided before somebody renders.
 */
export class Mesh {
  /** The mesh of the tree that `scope` stands in. */
  public static of(scope: IConstruct): Mesh {
    const root = scope.node.root as any;
    root[MESH] ??= new Mesh(scope.node.root);
    return root[MESH];
  }

  /** The gateways of the app. */
  public readonly gateways: MeshGateway[] = [];

  /** What the app says of the encryption that pods ask for. */
  public readonly mtlsPolicies: MtlsPolicy[] = [];

  /** Grows with every contribution, so that what was found out about an older state is known to be stale. */
  public revision = 0;

  private readonly hosts = new Map<string, MeshHost>();
  private readonly objects = new Map<string, IConstruct>();
  /** Rules that stand at gateways alone. */
  private readonly gatewayRules: RouteRule[] = [];
  private readonly serverNames = new Map<string, MeshHost>();
  private readonly gatewayHosts: { readonly server: ServerPlace; readonly host: string; readonly gateway: IConstruct }[] = [];
  private readonly gatewayPorts: { readonly server: ServerPlace; readonly kind: string }[] = [];
  private readonly calls: DeclaredCall[] = [];
  private readonly narrowings: ((host: MeshHost) => string[] | undefined)[] = [];
  private readonly laneListeners: ((lane: string) => void)[] = [];
  /** Pods → what is said of them alone. */
  private readonly facets = new Map<IWorkload, IConstruct[]>();
  private readonly gone = new Set<IWorkload>();
  private _stain?: StainedRoute;
  private _ownership?: BranchOwnership;

  private constructor(private readonly root: IConstruct) {}

  /** The domain that the hosts of this app end in. */
  public get clusterDomain(): string {
    return this.root.node.tryGetContext(CLUSTER_DOMAIN_CONTEXT) ?? DEFAULT_CLUSTER_DOMAIN;
  }

  /** The app's lanes, if it has any. */
  public get stain(): StainedRoute | undefined {
    return this._stain;
  }

  /** What belongs to the branch, where the app is synthesized for one. */
  public get ownership(): BranchOwnership | undefined {
    return this._ownership;
  }

  /** The lane header of the app, said or not. */
  public get laneHeader(): string {
    return this._stain?.header ?? DEFAULT_LANE_HEADER;
  }

  /** The response header that tells the lane, empty for none. */
  public get servedLaneHeader(): string {
    return this._stain?.servedLaneHeader ?? SERVED_LANE_HEADER;
  }

  /** The key of baggage that tells the lane too, if one was said. */
  public get baggageKey(): string | undefined {
    return this._stain?.baggageKey;
  }

  /** The headers by which requests tell their lane, which services must forward. */
  public get forwardedHeaders(): string[] {
    return laneHeaders({ header: this.laneHeader, baggageKey: this.baggageKey });
  }

  /** The names of the lanes that the app declares. */
  public get laneNames(): string[] {
    return this._stain?._laneNames ?? [];
  }

  /** Calls for each lane of the app, those to come too. */
  public whenLaneIsAdded(listener: (lane: string) => void): void {
    this.laneListeners.push(listener);
    this.laneNames.forEach(listener);
  }

  /** A lane was added. */
  public laneAdded(lane: string): void {
    this.laneListeners.forEach((listener) => listener(lane));
    this.changed();
  }

  /** Something was contributed. */
  public changed(): void {
    this.revision++;
  }

  /** One writer per host: sidecars do not merge two VirtualServices, the older wins silently. */
  public own(host: MeshHost): void {
    this.refuseOwned(host.hostName, host);
    this.hosts.set(host.hostName, host);
    this.changed();
  }

  /** Refuses what would be a host's second owner. */
  public refuseOwned(hostName: string, scope: IConstruct): void {
    const owner = this.hosts.get(hostName) ?? this.serverNames.get(hostName);
    if (!owner) return;
    throw new InvalidInput('HostOwnedTwice', `'name' gives the host ${hostName}, which ${owner.node.path} owns already: a host has one owner, `
      + 'because sidecars do not merge the VirtualServices of two; contribute to the owner instead', scope);
  }

  /** A host's VirtualService names a server name too: nobody else's may. */
  public ownServerName(name: string, host: MeshHost): void {
    const owner = this.hosts.get(name) ?? this.serverNames.get(name) ?? host;
    if (owner !== host) {
      throw new InvalidInput('HostOwnedTwice', `'sniHosts' names ${name}, which ${owner.node.path} routes already: a name has one owner, because sidecars do not merge `
        + 'the VirtualServices of two; add the rule there', host);
    }
    this.serverNames.set(name, host);
  }

  /** Two objects of one kind, namespace and name: the second applied would silently replace the first. */
  public ownObject(kind: string, namespace: string | undefined, name: string, object: IConstruct): void {
    const key = `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
    const owner = this.objects.get(key);
    if (owner) {
      throw new InvalidInput('ObjectTwice', `'name' must be new among the app's objects, got ${key}, which ${owner.node.path} is already; set another name for one of them`, object);
    }
    this.objects.set(key, object);
  }

  /** An object is gone again. */
  public disown(object: IConstruct): void {
    for (const [key, owner] of this.objects) if (owner === object) this.objects.delete(key);
    this.changed();
  }

  /** What is said of pods alone goes with them. Refused: pods that are gone. */
  public goesWith(on: IWorkload, facet: IConstruct): void {
    demand('on', String(on), this.gone.has(on) ? 'must not be a version that is retired' : undefined, { code: 'VersionRetired', scope: facet });
    this.facets.set(on, [...this.facets.get(on) ?? [], facet]);
  }

  /** Pods that there are no more, and what is said of them. */
  public retire(on: IWorkload): void {
    this.gone.add(on);
    for (const facet of this.facets.get(on) ?? []) {
      facet.node.findAll().forEach((object) => this.disown(object));
      facet.node.scope!.node.tryRemoveChild(facet.node.id);
    }
  }

  /** The owner of a host, if this app has it. */
  public hostNamed(hostName: string): MeshHost | undefined {
    return this.hosts.get(hostName);
  }

  /** Whom pods call, as the app says it. */
  public calledFrom(from: IWorkload & IConstruct, hostNames: string[], { byGateway = false } = {}): void {
    this.calls.push(...hostNames.map((hostName) => ({ from, hostName, byGateway })));
    this.changed();
  }

  /** All calls that the app says. */
  public get declaredCalls(): readonly DeclaredCall[] {
    return this.calls;
  }

  /** From where a host is called, as the app says it, and from where its rules are followed because another host's lead there. */
  public callersOf(host: MeshHost): Caller[] {
    const hosts = new Set([host.hostName]);
    for (let size = 0; size < hosts.size;) {
      size = hosts.size;
      for (const other of this.ownedHosts) if ([...other._leadsTo].some((each) => hosts.has(each))) hosts.add(other.hostName);
    }
    const callers = this.calls.filter(({ hostName }) => hosts.has(hostName)).map(({ from, hostName, byGateway }) => ({
      namespace: from.workloadNamespace, path: from.node.path, isGateway: byGateway && hostName === host.hostName,
    }));
    const leading = this.ownedHosts.filter((other) => other !== host && hosts.has(other.hostName));
    return [...callers, ...leading.map(({ namespace, node }) => ({ namespace, path: node.path, isGateway: false }))];
  }

  /** Who sees what the app says of some of its hosts. */
  public narrowExports(narrow: (host: MeshHost) => string[] | undefined): void {
    this.narrowings.push(narrow);
    this.changed();
  }

  /** Who sees what the app says of a host; `undefined` where nothing is said of that. */
  public exportsOf(host: MeshHost): string[] | undefined {
    const said = this.narrowings.flatMap((narrow) => narrow(host) ?? []);
    return said.length === 0 ? undefined : [...new Set(said)];
  }

  /** The hosts that the app owns. */
  public get ownedHosts(): MeshHost[] {
    return [...this.hosts.values()];
  }

  /** One writer per gateway and host. */
  public ownGatewayHost(server: ServerPlace, host: string, gateway: IConstruct): void {
    const beside = this.gatewayHosts.filter((each) => sharesPods(each.server, server));
    const owner = beside.find((each) => each.host === host)?.gateway;
    if (owner) {
      throw new InvalidInput('GatewayHostOwnedTwice', `'hosts' names ${host}, which ${owner.node.path} serves already at the same gateway pods and port; `
        + 'add the routes there, or give the gateways different hosts', gateway);
    }
    const overlap = beside.find((each) => covers(each.host, host) || covers(host, each.host));
    if (overlap) {
      throw new InvalidInput('GatewayHostsOverlap', `'hosts' must not name a wildcard beside a host that it covers, got ${host} and ${overlap.host}: `
        + 'Istio merges their rules, and a lane of one would take requests of the other; keep one of them, and tell hosts apart by RequestMatch.authority', gateway);
    }
    this.gatewayHosts.push({ server, host, gateway });
    this.changed();
  }

  /** Servers of the same gateway pods share a port only if they speak the same: in plain text, or TLS. */
  public ownGatewayPort(server: ServerPlace, protocol: string, gateway: IConstruct): void {
    const kind = protocol === 'HTTP' ? 'plain text' : 'TLS';
    if (this.gatewayPorts.some((each) => each.kind !== kind && sharesPods(each.server, server))) {
      throw new InvalidInput('GatewayPortProtocol', `'port' must not be spoken at in plain text and with TLS both, got ${server.port}, `
        + 'which another server of the same gateway pods has; Istio would leave one of them out: give it another port', gateway);
    }
    this.gatewayPorts.push({ server, kind });
  }

  /** One set of lanes per app: two would mean two lane headers woven into one VirtualService. */
  public stainWith(route: StainedRoute): void {
    if (this._stain) {
      throw new InvalidInput('StainedRouteTwice', `'${route.node.id}' is a second StainedRoute of this app, ${this._stain.node.path} is the first; add the lanes there`, route);
    }
    this._stain = route;
    this.changed();
  }

  /** The app is synthesized for one branch: its manifests hold what that branch owns. */
  public ownBy(branch: Branch, scope: IConstruct): void {
    this._ownership ??= new BranchOwnership(this.root, this, branch);
    if (this._ownership.branch !== branch) {
      throw new InvalidInput('BranchTwice', `'branch' must be one for the whole app, got ${branch.name} beside ${this._ownership.branch.name}; share the one Branch`, scope);
    }
  }

  /** Rules as they stand in a VirtualService, with what is said of the hosts they route to. */
  public renderRules(rules: RouteRule[]): RenderedRule {
    const rendered = rules.map((rule) => this.rendered(rule));
    return { manifests: rendered.flatMap(({ manifests }) => manifests), problems: rendered.flatMap(({ problems }) => problems) };
  }

  private rendered(rule: RouteRule): RenderedRule {
    try {
      return renderRule(rule, (hostName) => this.hosts.get(hostName)?._said);
    } catch (error) {
      // A fault's match may not fit into one entry with the rule's.
      if (error instanceof InvalidInput) return { manifests: [], problems: [error.message] };
      throw error;
    }
  }

  /** The versions of a host that some rule of the app routes to. */
  public routedVersions(hostName: string): Set<string | undefined> {
    const rules = [...this.gatewayRules, ...[...this.hosts.values()].flatMap((host) => [...host._baselineRules, ...host._connectionRules])];
    const destinations = rules.flatMap((rule) => rule.destinations.filter(({ weight }, _, all) => weight > 0 || all.length === 1));
    return new Set(destinations.filter((each) => each.hostName === hostName).map(({ version }) => version));
  }

  /** A rule that stands at gateways alone. */
  public addRule(rule: RouteRule): void {
    this.gatewayRules.push(rule);
    this.changed();
  }

  /** What is wrong with the versions that a rule routes to. */
  public unknownVersions(rule: { readonly destinations: Destination[] }): string[] {
    return rule.destinations.flatMap(({ hostName, version }) => this.hosts.get(hostName)?._unknownVersion('version', { hostName }, version) ?? []);
  }

  /** Refuses to send requests where their content cannot be read. */
  public demandRequests(property: string, destinations: HostAtPort[], scope: IConstruct): void {
    for (const { hostName, port } of destinations) this.hosts.get(hostName)?._demandHttp(property, REQUESTED, scope, port);
  }

  /** The same when all hosts of the app are known: what is wrong, and which ports hosts are not known to have. */
  public requestProblems(property: string, destinations: HostAtPort[]): { readonly problems: string[]; readonly strange: string[] } {
    const owned = destinations.flatMap(({ hostName, port }) => (this.hosts.has(hostName) ? [{ host: this.hosts.get(hostName)!, port }] : []));
    return {
      problems: owned.flatMap(({ host, port }) => host._httpProblem(REQUESTED, port) ?? []).map((problem) => `'${property}' ${problem}`),
      strange: owned.filter(({ host, port }) => port !== undefined && host._ports.length > 0 && !host._ports.includes(port)).map(({ host, port }) => (
        `${port} is not a port of ${host.hostName} that this app knows (${host._ports.join(', ')}): if the Service has no such port, requests are answered 503; name one of these`
      )),
    };
  }

  /** The lane table for rules that route to these hosts; `undefined` where the app has no lanes. */
  public laneTable(hostNames: Iterable<string>): LaneTable | undefined {
    if (!this._stain && !this._ownership) return undefined;
    const lanes: Record<string, Record<string, LaneDestination>> = {};
    for (const hostName of hostNames) {
      const host = this.hosts.get(hostName);
      for (const lane of host?._lanes.keys() ?? []) (lanes[lane] ??= {})[hostName] = host!._laneDestination(lane);
    }
    return this.tableOf(lanes);
  }

  /** A table of a lane that serves all that branches may bring: what is woven into the live routes must be possible from the start. */
  public laneTableToCome(): LaneTable | undefined {
    if (!this._ownership) return undefined;
    const destinations = this._ownership.lanedHosts.map((host) => [host, { host, subset: 'lane' }]);
    return this.tableOf({ lane: Object.fromEntries(destinations) });
  }

  private tableOf(lanes: LaneTable['lanes']): LaneTable {
    const { laneHeader: header, baggageKey, servedLaneHeader, clusterDomain } = this;
    return { header, ...(baggageKey === undefined ? {} : { baggageKey }), lanes, servedLaneHeader, clusterDomain };
  }
}
