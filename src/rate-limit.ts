import { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { envoyFilter } from './envoy-filter';
import { demand } from './errors';
import { demandKinds, LANE, maybe } from './kinds';
import { BAGGAGE_HEADER, baggageMatch, SAYS_A_LANE } from './lanes/lane-carriers';
import { Mesh } from './mesh';
import { MeshGateway } from './mesh-gateway';
import { objectName } from './mesh-host';
import { Lane } from './stained-route';
import { headerMatchers } from './traffic/envoy-request-match';
import { RequestMatch } from './traffic/request-match';
import { StringMatch } from './traffic/string-match';
import { millisecondsOf } from './traffic/wire-duration';
import { serviceOf, sidecarProblems, warnOfUnseenLane } from './workload-facts';
import { IWorkload, workloadProblem } from './workloads';

/** Properties of `RateLimit`. */
export interface RateLimitProps {
  /** The pods whose proxies count: a CanaryService, a version of one (a lane's too), a MeshGateway, or `Workloads`. */
  readonly on: IWorkload;

  /** How many requests each of these pods takes in the time: 1 or more. */
  readonly requests: number;

  /**
   * The time: 50 ms or more.
   * @default Duration.seconds(1)
   */
  readonly per?: Duration;

  /**
   * How many requests may come at once, when none came for a while: 1 or more.
   * @default - `requests`
   */
  readonly burst?: number;

  /**
   * Which requests are counted, by path, method, host, scheme or headers.
   * @default - all
   */
  readonly match?: RequestMatch;

  /**
   * Of which lane, by its lane header (and by baggage, where that tells lanes too), as requests come in: at a gateway before its
   * callbacks and the hosts of lanes set it.
   * @default - of any lane, and of none
   */
  readonly lane?: Lane;

  /**
   * The EnvoyFilter's name.
   * @default - the construct's id
   */
  readonly name?: string;
}

/**
 * A limit of requests: a token bucket in the proxy of each pod that is called, without a service that counts for all. Requests past
 * it are answered 429, with `retry-after`, `x-ratelimit-limit`, `x-ratelimit-remaining` and `x-ratelimit-reset`.
 *
 * **Each pod counts for itself**: two pods take twice as many. Of several limits each must have room.
 *
 * Emits an `EnvoyFilter` that puts Envoy's local rate limit before the router. Envoy's configuration is no promise of Istio's: this
 * one is tested on Istio 1.31 (Envoy 1.38), and uses nothing younger than Istio 1.22.
 *
 * @see https://istio.io/latest/docs/tasks/policy-enforcement/rate-limit/
 */
export class RateLimit extends Construct {
  /**
   * Refused: numbers that are not whole or below 1 (an empty bucket lets nothing through), a time below 50 ms, matches that Envoy cannot
   * make of a header, a service that speaks no HTTP; at synth pods that have no sidecar.
   */
  constructor(scope: Construct, id: string, props: RateLimitProps) {
    super(scope, id);
    demandKinds(props, { match: maybe(RequestMatch._KIND), lane: maybe(LANE) }, { scope: this });
    const { on, requests, per = Duration.seconds(1), burst = requests, match, lane, name = id } = props;
    demand('on', on, workloadProblem(on), { code: 'WorkloadMissing', scope: this });
    Mesh.of(this).goesWith(on, this);
    for (const [property, tokens] of Object.entries({ requests, burst })) {
      demand(property, tokens, tokensProblem(tokens), { code: 'RateLimitTokens', scope: this, remedy: 'to keep everybody out use AccessPolicy' });
    }
    const milliseconds = millisecondsOf('per', per, this);
    demand('per', `${milliseconds} ms`, milliseconds >= 50 && Number.isInteger(milliseconds) ? undefined : 'must be whole milliseconds, 50 or more', { code: 'RateLimitTime', scope: this });
    const bucket = { max_tokens: burst, tokens_per_fill: requests, fill_interval: `${milliseconds / 1000}s` };
    serviceOf(on)?.host._demandHttp('on', 'have limits of requests', this);
    const matching = match ? headerMatchers(match) : [];
    // One of these must hold.
    const counted = () => (lane ? this.carriersOf(lane).map((each) => [...matching, ...headerMatchers(each)]) : match ? [matching] : []);
    const objectsName = objectName(this, 'name', name);
    envoyFilter(this, 'Resource', {
      name: objectsName,
      on,
      patches: () => contextsOf(on).flatMap((context) => [
        filterPatch(context, objectsName, bucket, Math.ceil(milliseconds / 1000), counted().length > 0),
        ...(counted().length > 0 ? [descriptorPatch(context, objectsName, counted())] : []),
      ]),
    });
    this.node.addValidation({
      validate: () => {
        if (lane) warnOfUnseenLane(this, 'lane', on);
        return sidecarProblems(on);
      },
    });
  }

  /** The requests of a lane: those that say it by the lane header, and those that say none there, but by baggage. */
  private carriersOf({ name }: Lane): RequestMatch[] {
    const { laneHeader, baggageKey } = Mesh.of(this);
    const byHeader = RequestMatch.header(laneHeader, StringMatch.exact(name));
    if (baggageKey === undefined) return [byHeader];
    const byBaggage = RequestMatch.header(BAGGAGE_HEADER, StringMatch.regex(baggageMatch(baggageKey, name).regex));
    return [byHeader, byBaggage.and(RequestMatch.withoutHeader(laneHeader, StringMatch.regex(SAYS_A_LANE.regex)))];
  }
}

/** Whose proxies count. Of pods that others deploy nobody knows which they are, and each kind passes by what is for the other. */
function contextsOf(on: IWorkload): string[] {
  if (on instanceof MeshGateway) return ['GATEWAY'];
  return serviceOf(on) ? ['SIDECAR_INBOUND'] : ['SIDECAR_INBOUND', 'GATEWAY'];
}

const ROUTER = 'envoy.filters.http.router';
const CONNECTION_MANAGER = 'envoy.filters.network.http_connection_manager';
const ALWAYS = { default_value: { numerator: 100, denominator: 'HUNDRED' } };

/** Envoy wants a bucket for all requests too; this one is never empty. */
const UNLIMITED = { max_tokens: 4294967295, tokens_per_fill: 4294967295, fill_interval: '1s' };

function filterPatch(context: string, name: string, bucket: any, retryAfter: number, some: boolean): any {
  return {
    applyTo: 'HTTP_FILTER',
    match: { context, listener: { filterChain: { filter: { name: CONNECTION_MANAGER, subFilter: { name: ROUTER } } } } },
    patch: {
      operation: 'INSERT_BEFORE',
      value: {
        name: `cdk8s-lanes.rate-limit.${name}`,
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
          'stat_prefix': `rate_limit_${name.replace(/\W/g, '_')}`,
          'token_bucket': some ? UNLIMITED : bucket,
          'filter_enabled': ALWAYS,
          'filter_enforced': ALWAYS,
          'response_headers_to_add': [{ append_action: 'OVERWRITE_IF_EXISTS_OR_ADD', header: { key: 'retry-after', value: String(retryAfter) } }],
          ...(some ? {
            always_consume_default_token_bucket: false,
            descriptors: [{ entries: [{ key: descriptorKey(name), value: 'yes' }], token_bucket: bucket }],
          } : {}),
          'enable_x_ratelimit_headers': 'DRAFT_VERSION_03',
        },
      },
    },
  };
}

/** What makes a request one of those that are counted. */
function descriptorPatch(context: string, name: string, counted: any[][]): any {
  return {
    applyTo: 'VIRTUAL_HOST',
    match: { context },
    patch: {
      operation: 'MERGE',
      value: {
        rate_limits: counted.map((headers) => ({ actions: [{ header_value_match: { descriptor_key: descriptorKey(name), descriptor_value: 'yes', headers } }] })),
      },
    },
  };
}

function descriptorKey(name: string): string {
  return `cdk8s-lanes/${name}`;
}

function tokensProblem(tokens: number): string | undefined {
  return Number.isInteger(tokens) && tokens >= 1 && tokens <= 4294967295 ? undefined : 'must be a whole number, 1 or more (an empty bucket lets nothing through)';
}
