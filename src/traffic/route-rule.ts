import { Duration } from 'cdk8s';
import { CorsPolicy } from './cors-policy';
import { Destination } from './destination';
import { HeaderOperations } from './header-operations';
import { RequestMatch } from './request-match';
import { directResponseManifest, Redirect, redirectManifest, Rewrite, rewriteManifest } from './rule-action';
import { wireDuration } from './wire-duration';
import { InvalidInput } from '../errors';

/** What every rule may have. */
export interface RuleOptions {
  /**
   * A name, which access logs show. Names that begin with `lane/` belong to the rules woven for lanes.
   * @default - the rule has no name
   */
  readonly name?: string;

  /**
   * Which requests the rule is for: any of these.
   * @default - all requests that no earlier rule took
   */
  readonly match?: RequestMatch[];

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

/** Options of `RouteRule.to`. */
export interface RouteRuleOptions extends RuleOptions {
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

/**
 * One rule of a host: which requests, and where they go. A lane's copy of it is made by StainedRoute.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export class RouteRule {
  /**
   * A rule that routes to one destination, or by weight to several.
   *
   * Refused: no destinations, weights that are all zero, a timeout under 1 ms or with parts of a millisecond, a rewrite that says
   * nothing or says the path twice.
   */
  public static to(destinations: Destination[], options: RouteRuleOptions = {}): RouteRule {
    if (destinations.length === 0) {
      throw new InvalidInput('RouteWithoutDestination', "'destinations' must name at least one destination, got none");
    }
    if (destinations.every((destination) => destination.weight === 0)) {
      throw new InvalidInput('WeightsAllZero', '\'weight\' must be above 0 for one destination at least, got 0 for all of them');
    }
    if (options.timeout) wireDuration('timeout', options.timeout);
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
    return new RouteRule([], options, { directResponse: directResponseManifest(status, body) });
  }

  private constructor(
    private readonly _destinations: Destination[],
    private readonly options: RouteRuleOptions,
    private readonly action: any,
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
    return both.length === 0 ? undefined : new RouteRule(this._destinations, { ...this.options, match: both }, this.action);
  }

  /**
   * The rule for requests that come in at a gateway: they have no caller in the mesh, and the gateway's own port. `undefined`
   * when it is for none such.
   *
   * @internal
   */
  public _atGateway(port: number | undefined): RouteRule | undefined {
    if (this.matches.length === 0) return this;
    const match = this.matches.flatMap((each) => each._atGateway(port) ?? []);
    return match.length === 0 ? undefined : new RouteRule(this._destinations, { ...this.options, match }, this.action);
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
      ...(timeout ? { timeout: wireDuration('timeout', timeout) } : {}),
      ...(corsPolicy ? { corsPolicy: corsPolicy._toManifest() } : {}),
    };
  }
}
