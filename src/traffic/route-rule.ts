import { Duration } from 'cdk8s';
import { CorsPolicy } from './cors-policy';
import { Destination } from './destination';
import { HeaderOperations } from './header-operations';
import { HostAtPort } from './host-reference';
import { RequestMatch } from './request-match';
import { directResponseManifest, Redirect, redirectManifest, Rewrite, rewriteManifest } from './rule-action';
import { wireDuration } from './wire-duration';
import { demand, InvalidInput } from '../errors';
import { demandKind, demandKinds, instance, Kind, listOf, maybe, OPTIONS, TEXT } from '../kinds';

/** What every rule may have beside its match. */
export interface RuleSettings {
  /**
   * A name, which access logs show. Names that begin with `lane/` belong to the rules woven for lanes.
   * @default - the rule has no name
   */
  readonly name?: string;

  /**
   * Header changes for all destinations of the rule.
   * @default - none
   */
  readonly headers?: HeaderOperations;

  /**
   * Which web pages of other origins may call.
   * @default - no CORS answers
   */
  readonly corsPolicy?: CorsPolicy;
}

/** Options of every rule. */
export interface RuleOptions extends RuleSettings {
  /**
   * Which requests the rule is for: any of these.
   * @default - all requests that no earlier rule took
   */
  readonly match?: RequestMatch[];
}

/** What a rule that routes may have beside its match. */
export interface RouteSettings extends RuleSettings {
  /**
   * What becomes of path and host before the request goes on.
   * @default - they stay
   */
  readonly rewrite?: Rewrite;

  /**
   * How long a request may take, retries included, whatever is said of the host. Whole milliseconds, 1 ms or more.
   * @default - what is said of the host, else not written: Istio sets no limit
   */
  readonly timeout?: Duration;
}

/** Options of `RouteRule.to`. */
export interface RouteRuleOptions extends RuleOptions, RouteSettings {}

/** What an answer by the proxy itself cannot have. */
const NOT_ANSWERED = ['destinations', 'route', 'rewrite', 'timeout'];

const KINDS = {
  name: maybe(TEXT),
  headers: maybe(HeaderOperations._KIND),
  corsPolicy: maybe(CorsPolicy._KIND),
  match: maybe(listOf(RequestMatch._KIND)),
};
const ROUTE_KINDS = { ...KINDS, rewrite: maybe(OPTIONS) };
const DESTINATIONS = listOf(Destination._KIND);

/** A rule does one thing. The compiler says so already, but not to code without types. */
function demandAlone(action: string, options: object, others: string[]): void {
  const other = others.find((field) => (options as Record<string, unknown>)[field] !== undefined);
  demand(other ?? action, action, other === undefined ? undefined : 'must not stand beside what else the rule does', {
    code: 'RuleActions', remedy: 'Istio refuses a rule that does both; make two rules',
  });
}

/**
 * One rule of a host: which requests, and where they go. A lane's copy of it is made by StainedRoute.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export class RouteRule {
  /** @internal */
  public static readonly _KIND: Kind = instance(RouteRule, 'RouteRule.to([Destination.of(host)], { match })');

  /**
   * A rule that routes to one destination, or by weight to several.
   *
   * Refused: no destinations, weights that are all zero, a timeout under 1 ms or with parts of a millisecond, a rewrite that says
   * nothing or says the path twice.
   */
  public static to(destinations: Destination[], options: RouteRuleOptions = {}): RouteRule {
    demandKind('destinations', destinations, DESTINATIONS);
    demandKinds(options, ROUTE_KINDS, { of: 'options' });
    demandAlone('destinations', options, ['redirect', 'directResponse']);
    if (destinations.length === 0) {
      throw new InvalidInput('RouteWithoutDestination', "'destinations' must name at least one destination, got none");
    }
    if (destinations.every((destination) => destination.weight === 0)) {
      throw new InvalidInput('WeightsAllZero', '\'weight\' must be above 0 for one destination at least, got 0 for all of them');
    }
    if (options.timeout !== undefined) wireDuration('timeout', options.timeout);
    const rewrite = options.rewrite && rewriteManifest(options.rewrite);
    if (rewrite?.authority !== undefined && options.headers?._setsHost) {
      throw new InvalidInput('AuthorityTwice', "'rewrite.authority' must not stand beside headers that set ':authority', got both; keep one of them");
    }
    return new RouteRule(destinations, options, rewrite ? { rewrite } : {});
  }

  /**
   * A rule that sends clients elsewhere.
   *
   * Refused: nothing that changes, codes other than 301, 302, 303, 307 and 308, schemes other than http and https.
   */
  public static redirect(redirect: Redirect, options: RuleOptions = {}): RouteRule {
    demandKind('redirect', redirect, OPTIONS);
    demandKinds(options, KINDS, { of: 'options' });
    demandAlone('redirect', { ...redirect, ...options }, NOT_ANSWERED);
    return new RouteRule([], options, { redirect: redirectManifest(redirect) });
  }

  /**
   * A rule that answers by itself.
   *
   * Refused: statuses outside 200 to 599 (istiod takes 600, at which Envoy refuses all rules of the port), bodies over 1 MiB.
   *
   * @param body the answer's text; none if not given
   */
  public static directResponse(status: number, body?: string, options: RuleOptions = {}): RouteRule {
    demandKinds(options, KINDS, { of: 'options' });
    demandAlone('directResponse', options, NOT_ANSWERED);
    return new RouteRule([], options, { directResponse: directResponseManifest(status, body) });
  }

  private constructor(
    private readonly _destinations: Destination[],
    private readonly options: RouteRuleOptions,
    private readonly action: any,
    /**
     * The port of a host that the rule is for, if it is for one.
     *
     * @internal
     */
    public readonly _at?: HostAtPort,
  ) {}

  /** The rule's name, if it has one. */
  public get name(): string | undefined {
    return this.options.name;
  }

  /** Where the rule routes to. */
  public get destinations(): Destination[] {
    return [...this._destinations];
  }

  /** The requests it is for, any of these; empty: all. */
  public get matches(): RequestMatch[] {
    return [...this.options.match ?? []];
  }

  /**
   * The same rule for fewer requests: those that also match one of `matches`; `undefined` when there are none such.
   *
   * @internal
   */
  public _narrowedTo(matches: RequestMatch[]): RouteRule | undefined {
    if (matches.length === 0) return this;
    const both = this.matches.length === 0 ? matches : matches.flatMap((outer) => this.matches.flatMap((own) => outer._and(own) ?? []));
    return both.length === 0 ? undefined : new RouteRule(this._destinations, { ...this.options, match: both }, this.action, this._at);
  }

  /**
   * The rule for requests that come in at a gateway for this port of a host: they have no caller in the mesh, and the gateway's own
   * port. `undefined` when it is for none such.
   *
   * @internal
   */
  public _atGateway(at: HostAtPort): RouteRule | undefined {
    const match = this.matches.flatMap((each) => each._atGateway(at.port) ?? []);
    if (match.length === 0 && this.matches.length > 0) return undefined;
    return new RouteRule(this._destinations.map((each) => each._atPort(at)), { ...this.options, match }, this.action, at);
  }

  /**
   * The rule for requests to one port of a host with several; `undefined` when it is for another.
   *
   * @internal
   */
  public _atPort(at: HostAtPort): RouteRule | undefined {
    const rule = this._narrowedTo([RequestMatch.port(at.port!)]);
    return rule && new RouteRule(rule._destinations.map((each) => each._atPort(at)), rule.options, rule.action, at);
  }

  /**
   * The same rule with settings of whoever routes here, which it must not say itself (headers of other names may join).
   *
   * @internal
   */
  public _with({ name, headers, corsPolicy, rewrite, timeout }: RouteSettings): RouteRule {
    const forRoutes = this._destinations.length === 0 ? {} : { rewrite, timeout };
    const own: Record<string, unknown> = { ...this.options, rewrite: this.action.rewrite };
    const twice = Object.entries({ corsPolicy, ...forRoutes }).find(([field, value]) => value !== undefined && own[field] !== undefined);
    demand(twice?.[0] ?? '', 'both', twice && 'must be said by the route or by the rule it goes through', { code: 'RuleOptionTwice', remedy: 'say it in one of them' });
    if (forRoutes.rewrite?.uri !== undefined || forRoutes.rewrite?.uriRegexMatch !== undefined) {
      const byPath = this.matches.some((match) => match._toManifest().uri !== undefined);
      demand('rewrite', 'a rule by path', byPath ? 'must not change the path of a route through rules that look at it, which see the path as it comes in' : undefined, {
        code: 'RewriteBeforeMatch', remedy: 'give the gateway rules of its own: addRule(RouteRule.to(…, { match, rewrite }))',
      });
    }
    return new RouteRule(this._destinations, {
      ...this.options,
      name: [name, this.name].filter((each) => each !== undefined).join('-') || undefined,
      headers: headers && this.options.headers ? headers._and(this.options.headers) : headers ?? this.options.headers,
      corsPolicy: corsPolicy ?? this.options.corsPolicy,
      timeout: forRoutes.timeout ?? this.options.timeout,
    }, { ...this.action, ...(forRoutes.rewrite ? { rewrite: rewriteManifest(forRoutes.rewrite) } : {}) }, this._at);
  }

  /**
   * The same rule without a version; `undefined` when it routes to nothing else.
   *
   * @internal
   */
  public _without(hostName: string, version: string): RouteRule | undefined {
    const kept = this._destinations.filter((each) => each.hostName !== hostName || each.version !== version);
    if (kept.length === this._destinations.length) return this;
    return kept.some(({ weight }) => weight > 0) ? new RouteRule(kept, this.options, this.action) : undefined;
  }

  /** @internal */
  public _toManifest(): any {
    const { name, headers, timeout, corsPolicy } = this.options;
    return {
      ...(name === undefined ? {} : { name }),
      ...(this.matches.length === 0 ? {} : { match: this.matches.map((match) => match._toManifest()) }),
      ...this.action,
      ...(this._destinations.length === 0 ? {} : { route: this._destinations.map((each) => each._toManifest(this._destinations.length === 1)) }),
      ...(headers ? { headers: headers._toManifest() } : {}),
      ...(timeout !== undefined ? { timeout: wireDuration('timeout', timeout) } : {}),
      ...(corsPolicy ? { corsPolicy: corsPolicy._toManifest() } : {}),
    };
  }
}
