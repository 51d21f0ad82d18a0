import { Construct } from 'constructs';
import { Callbacks, callbackMatch, CallbackProps, demandCallback } from './callback';
import { InvalidInput } from './errors';
import { Edge, rulesForLane, weaveEdge } from './lanes/edge';
import { HANDLES_LANE_HEADER_LABEL, LaneTable, WeaveRefused, Woven } from './lanes/weave';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { objectName } from './mesh-host';
import { Staining } from './staining';
import { covers } from './traffic/gateway-server';
import { Warnings } from './warnings';
import { routedHosts, weaveApp, WovenRoutes } from './woven-routes';

export const PREVIEWS_SET_LANES = 'requests to the hosts of lanes get their lane by the route';

/** What the edge needs to know of its gateway. */
export interface GatewayEdgeProps {
  readonly name: string;
  readonly namespace: string;
  /** The hosts that it has routes for. */
  readonly hosts: string[];
  /** The gateway pods and port: hosts that are added there must be nobody else's. */
  readonly ownHost: (host: string) => void;
  /** The VirtualService of a host, if it has routes. */
  readonly routesOf: (host: string) => WovenRoutes | undefined;
  readonly staining?: Staining;
}

/**
 * Who may say the lane of a request at a gateway, and what stands in for those who cannot: the closed rules, the hosts of lanes
 * and of callbacks.
 */
export class GatewayEdge extends Construct {
  private readonly callbacks: Callbacks;
  /** Hosts beside the gateway's own, and those whose routes they follow. */
  private readonly extraHosts = new Map<string, string>();

  constructor(scope: Construct, id: string, private readonly props: GatewayEdgeProps) {
    super(scope, id);
    this.callbacks = new Callbacks(this);
    const previews = props.staining?._previews;
    if (previews) {
      const host = this.followedHost('staining.host', previews.host);
      this.addHost(previews.wildcard);
      Mesh.of(this).whenLaneIsAdded((lane) => this.preview(lane, previews.wildcard, host));
    }
    this.node.addValidation({ validate: () => this.validateEdge() });
  }

  /** The gateway's hosts, and those that lanes and callbacks have beside them. */
  public get servedHosts(): string[] {
    return [...this.props.hosts, ...this.extraHosts.keys()];
  }

  /** See `MeshGateway.addCallback`. */
  public addCallback(id: string, props: CallbackProps, host: string | undefined): void {
    demandCallback(props, this);
    const { hosts } = this.props;
    if (host !== undefined) this.followedHost('host', host);
    const authority = props.authority?.toLowerCase();
    const serving = hosts.filter((each) => authority === undefined || each === authority || covers(each, authority));
    const own = authority !== undefined && serving.length === 0;
    const followed = own ? this.followedHost('host', host) : undefined;
    const comesInAt = own ? [authority] : serving.filter((each) => authority !== undefined || each === (host ?? each));
    this.callbacks.add(id, props, comesInAt);
    if (own && !this.extraHosts.has(authority)) {
      this.addHost(authority);
      this.extraHosts.set(authority, followed!);
      this.hostOfCallback(authority, followed!);
    }
    if (props.expires === undefined && this.policy.kind !== 'open') {
      Warnings.of(this).add(this, 'CallbackWithoutExpiry', `callback '${id}' has no 'expires', and anybody may call it: its lane stays open to all who know how; say until when it is needed`);
    }
  }

  /** What becomes of the baseline's rules of a host. */
  public weave(host: string, manifest: any, table: LaneTable | undefined): Woven | undefined {
    const edge = this.edgeOf(host);
    // An app that says nothing about lanes says nothing about their header.
    if (!table && !this.props.staining && edge.callbacks.length === 0) return undefined;
    if (edge.policy.kind === 'open' && edge.callbacks.length === 0) return weaveApp(manifest, table);
    return weaveEdge(manifest, table ?? this.emptyTable, edge);
  }

  /** Whether a lane header that comes in is taken away, whoever sent it. */
  public get takesLanesAway(): boolean {
    const said = this.props.staining !== undefined || this.callbacks.all.length > 0 || Mesh.of(this).laneTable([]) !== undefined;
    return said && this.policy.kind === 'closed';
  }

  /** Why requests of a lane do not show it when they come in; `undefined` where they do. */
  public get unseenLane(): string | undefined {
    if (this.props.staining?._previews) return PREVIEWS_SET_LANES;
    if (this.callbacks.all.length > 0) return 'callbacks get their lane by the route';
    return this.takesLanesAway ? 'it is closed: what says a lane there is in none' : undefined;
  }

  private get policy(): Edge['policy'] {
    return (this.props.staining ?? Staining.closed())._policy;
  }

  private edgeOf(host: string): Edge {
    const callbacks = this.callbacks.live(host).map(([id, props]) => ({
      name: id, lane: props.lane, match: callbackMatch(props, props.authority === host),
    }));
    return { policy: this.policy, callbacks };
  }

  private get emptyTable(): LaneTable {
    return { header: Mesh.of(this).laneHeader, lanes: {}, clusterDomain: Mesh.of(this).clusterDomain };
  }

  private followedHost(property: string, host: string | undefined): string {
    const { hosts } = this.props;
    const found = host ?? (hosts.length === 1 ? hosts[0] : undefined);
    if (found !== undefined && hosts.includes(found)) return found;
    throw new InvalidInput('GatewayHostUnknown', `'${property}' must be one of the gateway's hosts, whose routes are followed, got ${JSON.stringify(host)} (its hosts: ${hosts.join(', ')})`, this);
  }

  private addHost(host: string): void {
    if (this.props.hosts.some((each) => each === host || covers(each, host))) return;
    this.props.ownHost(host);
    this.extraHosts.set(host, host);
  }

  /** The VirtualService of a callback's own host: the rules of the host that it follows. */
  private hostOfCallback(host: string, followed: string): void {
    const slug = hostSlug(host);
    new WovenRoutes(new Construct(this, `callback-${slug}`), 'Resource', {
      name: objectName(this, 'name', `${this.props.name}-${slug}`),
      namespace: this.props.namespace,
      spec: () => ({ ...this.baselineOf(followed)?.spec, hosts: [host] }),
      problems: () => this.problemsOf(followed),
      weave: (manifest, table) => this.weave(host, manifest, table),
    });
  }

  /** The VirtualService of a lane's host. */
  private preview(lane: string, wildcard: string, followed: string): void {
    const name = objectName(this, 'name', `${this.props.name}-${hostSlug(followed)}-${lane}`);
    new ManifestObject(new Construct(this, `preview-${lane}`), 'Resource', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name, namespace: this.props.namespace, labels: { [HANDLES_LANE_HEADER_LABEL]: 'preview' } },
      spec: () => {
        const baseline = this.baselineOf(followed);
        return { ...baseline?.spec, hosts: [wildcard.replace('*', lane)], http: baseline && rulesForLane(baseline, lane, this.tableFor(baseline)) };
      },
    });
  }

  private tableFor(manifest: any): LaneTable {
    return Mesh.of(this).laneTable(routedHosts(manifest, Mesh.of(this).clusterDomain)) ?? this.emptyTable;
  }

  /** The rules of a host before lanes are woven in, the user's patches among them. */
  private baselineOf(host: string): any {
    return this.props.routesOf(host)?._baseline();
  }

  private problemsOf(followed: string): string[] {
    return this.props.routesOf(followed) ? [] : [`'host' must have routes that others can follow, got ${followed}; route(...) it`];
  }

  private validateEdge(): string[] {
    const mesh = Mesh.of(this);
    if (!this.props.staining && mesh.laneTable([])) {
      Warnings.of(this).add(this, 'StainingNotSaid', `'staining' of the gateway is not said, so it is closed: no request from outside gets into a lane by the header '${mesh.laneHeader}', which is taken away; `
        + 'say Staining.open() where only people of the house reach the gateway, Staining.previewHostsOnly(…), Staining.bySecret(…), or Staining.closed()');
    }
    const { policy } = this;
    if (policy.kind === 'by-secret' && mesh.forwardedHeaders.includes(policy.header)) {
      return [`'header' of the secret must not be the lane header, got ${JSON.stringify(policy.header)} for both; choose another`];
    }
    if (mesh.ownership) return this.branchProblems();
    const previews = this.props.staining?._previews;
    if (!previews) return [];
    const followed = this.followedHost('staining.host', previews.host);
    const missing = this.problemsOf(followed);
    return missing.length > 0 ? missing : this.previewProblems(followed);
  }

  /** Lanes that come from branches are woven into the live routes, of which only open and closed ones are known there. */
  private branchProblems(): string[] {
    const where = 'where lanes come from branches (BranchDeployment)';
    if (this.policy.kind === 'by-secret') return [`'staining' must not be by secret ${where}: the rules of lanes are made in the cluster, without the secret; let it be open, or closed with previewLanesAt(…)`];
    if (this.props.staining?._previews) return [`'staining' must not be previewHostsOnly ${where}; say Staining.closed(), and previewLanesAt(${JSON.stringify(this.props.staining._previews.wildcard)})`];
    const [first] = this.policy.kind === 'open' ? this.callbacks.all : [];
    return first ? [`'${first[0]}' must not be a callback of an open gateway ${where}, whose rules are made in the cluster; use a CallbackFilter, or close the gateway`] : [];
  }

  private previewProblems(followed: string): string[] {
    const baseline = this.baselineOf(followed);
    try {
      rulesForLane(baseline, 'any-lane', this.tableFor(baseline));
      return [];
    } catch (error) {
      if (!(error instanceof WeaveRefused)) throw error;
      return error.problems.map(({ path, message }) => `${path} ${message}`);
    }
  }
}

/** How a host is called in the names of objects. */
export function hostSlug(host: string): string {
  return host === '*' ? 'any-host' : host.replace('*', 'any').replace(/\./g, '-');
}
