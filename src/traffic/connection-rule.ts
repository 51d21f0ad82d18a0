import { isIP } from 'net';
import { Destination } from './destination';
import { HostAtPort } from './host-reference';
import { dnsLabelProblem, gatewayHostProblem, portProblem } from './predicates';
import { demand, demandLabels, InvalidInput } from '../errors';
import { demandKind, demandKinds, instance, Kind, listOf, maybe, TEXT } from '../kinds';

/** Which TCP or TLS connections a rule is for: all of what is said. */
export interface ConnectionMatch {
  /**
   * TLS alone: the server names that clients ask for, such as `api.example.com` or `*.example.com`.
   * @default - the host's own names
   */
  readonly sniHosts?: string[];

  /**
   * The addresses that are called, or networks of them: `10.1.0.0/16`.
   * @default - any
   */
  readonly destinationSubnets?: string[];

  /**
   * The port that is called, 1 to 65535.
   * @default - any of the host
   */
  readonly port?: number;

  /**
   * Connections from pods with these labels.
   * @default - from any
   */
  readonly sourceLabels?: Record<string, string>;

  /**
   * Connections from pods of this namespace.
   * @default - from any
   */
  readonly sourceNamespace?: string;
}

/**
 * One rule for TCP or TLS connections, whose content the mesh cannot read: which connections, and where they go.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#TLSRoute
 */
export class ConnectionRule {
  /** @internal */
  public static readonly _KIND: Kind = instance(ConnectionRule, 'ConnectionRule.to([Destination.of(host)], { port })');

  /**
   * A rule that routes to one destination, or by weight to several.
   *
   * Refused: no destinations, weights that are all zero, header changes, nothing to tell connections apart, server names and
   * networks that are none.
   */
  public static to(destinations: Destination[], match: ConnectionMatch): ConnectionRule {
    demandKind('destinations', destinations, listOf(Destination._KIND));
    demandKinds(match, { sniHosts: maybe(listOf(TEXT)), destinationSubnets: maybe(listOf(TEXT)) }, { of: 'match' });
    if (destinations.length === 0) throw new InvalidInput('RouteWithoutDestination', "'destinations' must name at least one destination, got none");
    if (destinations.every(({ weight }) => weight === 0)) throw new InvalidInput('WeightsAllZero', "'weight' must be above 0 for one destination at least, got 0 for all of them");
    const changed = destinations.find((each) => each._toManifest(true).headers);
    demand('headers', changed?.hostName, changed && 'must not be changed where the mesh reads none', { code: 'ProtocolNotHttp' });
    const said = Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0)));
    demand('match', '{}', Object.keys(said).length === 0 ? 'must say which connections the rule is for: the default rule takes all others already' : undefined, { code: 'RuleWithoutMatch' });
    for (const name of match.sniHosts ?? []) {
      demand('sniHosts', name, name === '*' ? 'must not be all names' : gatewayHostProblem(name), { code: 'SniHost', remedy: 'the host\'s own names need not be said' });
    }
    for (const subnet of match.destinationSubnets ?? []) demand('destinationSubnets', subnet, subnetProblem(subnet), { code: 'Subnet' });
    if (match.port !== undefined) demand('port', match.port, portProblem(match.port), { code: 'Port' });
    if (match.sourceNamespace !== undefined) demand('sourceNamespace', match.sourceNamespace, dnsLabelProblem(match.sourceNamespace), { code: 'Namespace' });
    if (match.sourceLabels !== undefined) demandLabels('sourceLabels', match.sourceLabels);
    return new ConnectionRule(destinations, said);
  }

  /**
   * The rule for all that no other rule takes.
   *
   * @internal
   */
  public static _everything(destinations: Destination[]): ConnectionRule {
    return new ConnectionRule(destinations, {});
  }

  private constructor(private readonly _destinations: Destination[], private readonly match: ConnectionMatch) {}

  /** Where the rule routes to. */
  public get destinations(): Destination[] {
    return [...this._destinations];
  }

  /** The server names that it asks for itself. */
  public get sniHosts(): string[] {
    return [...this.match.sniHosts ?? []];
  }

  /**
   * The same rule without a version; `undefined` when it routes to nothing else.
   *
   * @internal
   */
  public _without(hostName: string, version: string): ConnectionRule | undefined {
    const kept = this._destinations.filter((each) => each.hostName !== hostName || each.version !== version);
    return kept.some(({ weight }) => weight > 0) ? new ConnectionRule(kept, this.match) : undefined;
  }

  /**
   * The rule for connections to one port of a host with several; `undefined` when it is for another.
   *
   * @internal
   */
  public _atPort(at: HostAtPort): ConnectionRule | undefined {
    if (this.match.port !== undefined && this.match.port !== at.port) return undefined;
    return new ConnectionRule(this._destinations.map((each) => each._atPort(at)), { ...this.match, port: at.port });
  }

  /**
   * The rule as it stands in `tcp`, or, with names to ask for where it names none, in `tls`.
   *
   * @internal
   */
  public _toManifest(names?: string[]): any {
    const { sniHosts = names, ...match } = this.match;
    const said = { ...(sniHosts ? { sniHosts } : {}), ...match };
    return {
      ...(Object.keys(said).length === 0 ? {} : { match: [said] }),
      route: this._destinations.map((each) => each._toManifest(this._destinations.length === 1)),
    };
  }
}


function subnetProblem(subnet: string): string | undefined {
  const [address, bits, ...rest] = subnet.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const valid = isIP(address) !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
  return valid ? undefined : 'must be an IP address, or a network such as 10.1.0.0/16';
}
