import { portOf } from './matching';
import { isWildcard } from './names';
import { labelsOf, selects } from './objects';
import { ObjectReference } from './outcome';
import { Labels } from './request';
import { RequestView } from './request-view';
import { MeshService } from './services';
import { MESH, Rule, RuleEntry, VirtualService } from './virtual-services';

/** Who routes: what istiod decides about rules by. */
export interface Router {
  readonly namespace: string;
  readonly labels: Labels;
  /** `mesh`, or the gateway as `namespace/name`. */
  readonly gateway: string;
}

/** One entry of one rule, as it stands in a proxy's route configuration; without a rule: all requests to a service. */
export interface Route {
  readonly name: string;
  readonly virtualService?: VirtualService;
  readonly rule?: Rule;
  readonly entry?: RuleEntry;
  /** The service that has no rule. */
  readonly service?: MeshService;
  /** The port that stands in for a destination's that is not written. */
  readonly port: number;
  /** Whether TLS ended here. */
  readonly isTls: boolean;
  /** The service that a destination's host means here, for the port that it leaves out. */
  readonly lookup: (host: string) => MeshService | undefined;
}

/** What a host is routed by. */
export interface VirtualHost {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Requests in plain text are redirected to https. */
  readonly requiresTls?: boolean;
  /** The Gateway that has it. */
  readonly gateway?: ObjectReference;
}

/** What the routes of one port have in common. */
export type RouteContext = Pick<Route, 'port' | 'isTls' | 'lookup'>;

/** The routes of a VirtualService for one router and port, in order, up to the first that takes everything. */
export function routesOf(vs: VirtualService, router: Router, { port, isTls, lookup }: RouteContext): Route[] {
  return [...entriesFor(vs, router, port)].map(([rule, entry]) => {
    const name = [rule.spec.name ?? '', ...(entry.spec?.name ? [entry.spec.name] : [])].join('.');
    return { name, virtualService: vs, rule, entry, port, isTls, lookup };
  });
}

/** Whether a VirtualService has routes for a router and port. */
export function hasRoutes(vs: VirtualService, router: Router, port: number): boolean {
  return entriesFor(vs, router, port).next().done !== true;
}

function* entriesFor(vs: VirtualService, router: Router, port: number): Generator<[Rule, RuleEntry]> {
  for (const rule of vs.rules) {
    for (const entry of rule.entries) {
      if (!isFor(entry, router, port)) continue;
      yield [rule, entry];
      if (entry.match.isCatchAll) return;
    }
    // A rule without match ends the list, whatever became of it.
    if (rule.entries[0].spec === undefined) return;
  }
}

/** istiod leaves out what is not for this proxy. A list of gateways makes it ignore the source. */
function isFor({ spec, gateways }: RuleEntry, router: Router, port: number): boolean {
  const wanted = portOf(spec);
  if (wanted !== undefined && wanted !== port) return false;
  if (gateways.length > 0) return gateways.includes(router.gateway);
  if (spec?.sourceLabels && !selects(labelsOf(spec.sourceLabels), router.labels)) return false;
  return !spec?.sourceNamespace || spec.sourceNamespace === router.namespace;
}

/** Whether a VirtualService may decide for sidecars. */
export function isForMesh(vs: VirtualService): boolean {
  return vs.gateways.includes(MESH);
}

/** The route that takes a request. */
export function routeFor(routes: readonly Route[], request: RequestView): Route | undefined {
  return routes.find(({ entry }) => !entry || entry.match.takes(request));
}

/** Virtual hosts by the domains they are found by. */
export class Domains {
  private readonly exact = new Map<string, VirtualHost>();
  private readonly suffixes: [string, VirtualHost][] = [];
  private everything?: VirtualHost;

  /** Adds domains, in any case. */
  public add(domain: string, host: VirtualHost): void {
    const name = domain.toLowerCase();
    if (name === '*') this.everything = host;
    else if (isWildcard(name)) this.suffixes.push([name.slice(1), host]);
    else this.exact.set(name, host);
  }

  /** Whether a domain is there. */
  public has(domain: string): boolean {
    const name = domain.toLowerCase();
    return this.exact.has(name) || this.suffixes.some(([suffix]) => name === `*${suffix}`) || (name === '*' && this.everything !== undefined);
  }

  /** The virtual host of a Host header without port, in lower case: exactly, by the longest wildcard, or by `*`. */
  public find(host: string): VirtualHost | undefined {
    const exact = this.exact.get(host);
    if (exact) return exact;
    let best: [string, VirtualHost] | undefined;
    for (const candidate of this.suffixes) {
      const [suffix] = candidate;
      if (host.length > suffix.length && host.endsWith(suffix) && suffix.length > (best?.[0].length ?? -1)) best = candidate;
    }
    return best?.[1] ?? this.everything;
  }

  /** All virtual hosts, for listings. */
  public all(): Map<string, VirtualHost> {
    const wildcards = this.suffixes.map(([suffix, host]): [string, VirtualHost] => [`*${suffix}`, host]);
    return new Map([...this.exact, ...wildcards, ...(this.everything ? [['*', this.everything] as [string, VirtualHost]] : [])]);
  }
}
