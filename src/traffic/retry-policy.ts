import { Duration } from 'cdk8s';
import { closest } from 'fastest-levenshtein';
import { countProblem } from './predicates';
import { wireDuration } from './wire-duration';
import { demand } from '../errors';
import { demandKinds, FLAG, instance, Kind, listOf, maybe, TEXT } from '../kinds';

/** What a try may end in to be tried again. HTTP statuses may be named too, as text: `'503'`. */
export class RetryOn {
  /** Any answer of 500 to 599, no answer at all, a reset or a failed connection. */
  public static readonly SERVER_ERROR = '5xx';
  /** Answers 502, 503 and 504. */
  public static readonly GATEWAY_ERROR = 'gateway-error';
  /** The connection ended before an answer was complete. Unsafe where a request must not be done twice. */
  public static readonly RESET = 'reset';
  /** The connection ended before the request was sent. Safe for any request. */
  public static readonly RESET_BEFORE_REQUEST = 'reset-before-request';
  /** No connection could be made. Safe for any request. */
  public static readonly CONNECT_FAILURE = 'connect-failure';
  /** The server refused the stream before it looked at it. Safe for any request. */
  public static readonly REFUSED_STREAM = 'refused-stream';
  /** Answers 409. */
  public static readonly RETRIABLE_4XX = 'retriable-4xx';
  /** Statuses named beside it. */
  public static readonly RETRIABLE_STATUS_CODES = 'retriable-status-codes';
  /** gRPC: cancelled. */
  public static readonly GRPC_CANCELLED = 'cancelled';
  /** gRPC: deadline exceeded. */
  public static readonly GRPC_DEADLINE_EXCEEDED = 'deadline-exceeded';
  /** gRPC: internal. */
  public static readonly GRPC_INTERNAL = 'internal';
  /** gRPC: resource exhausted. */
  public static readonly GRPC_RESOURCE_EXHAUSTED = 'resource-exhausted';
  /** gRPC: unavailable. */
  public static readonly GRPC_UNAVAILABLE = 'unavailable';

  private constructor() {}
}

/** What istiod takes, beside HTTP statuses. */
const KNOWN_CONDITIONS = [
  '5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'retriable-4xx', 'refused-stream', 'retriable-status-codes',
  'retriable-headers', 'envoy-ratelimited', 'http3-post-connect-failure', 'cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable',
];

/** The statuses that istiod has a name for; it refuses others. */
const KNOWN_STATUSES = [
  ...['100', '101', '102', '103'],
  ...['200', '201', '202', '203', '204', '205', '206', '207', '208', '226'],
  ...['300', '301', '302', '303', '304', '305', '307', '308'],
  ...['400', '401', '402', '403', '404', '405', '406', '407', '408', '409', '410', '411', '412', '413', '414', '415', '416', '417', '418'],
  ...['421', '422', '423', '424', '425', '426', '428', '429', '431', '451'],
  ...['500', '501', '502', '503', '504', '505', '506', '507', '508', '510', '511'],
];

/** Options of `RetryPolicy.of`. */
export interface RetryPolicyOptions {
  /** How often to try again: 3 means at most 4 tries. 1 or more. */
  readonly attempts: number;

  /**
   * How long one try may take. Whole milliseconds, 1 ms or more, less than the timeout of the host.
   * @default - not written: each try may take as long as the timeout leaves
   */
  readonly perTryTimeout?: Duration;

  /**
   * What makes it try again: constants of `RetryOn` and HTTP statuses as text.
   * @default - not written: Istio tries again after failed connections, refused streams and gRPC's unavailable and cancelled, **not** after an answer 503
   */
  readonly retryOn?: string[];

  /**
   * The pause before the first further try; it grows from try to try. Whole milliseconds, 1 ms or more. Istio 1.26 or newer.
   * @default - not written: 25 ms
   */
  readonly backoff?: Duration;

  /**
   * Whether tries may go to pods of other localities.
   * @default - not written: no
   */
  readonly retryRemoteLocalities?: boolean;
}

/**
 * How often, and after what, a request is tried again.
 *
 * Without a policy Istio tries twice more, but not after an answer 503. Tries stay with the destination that was chosen first,
 * and an injected fault is never tried again.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry
 */
export class RetryPolicy {
  /** @internal */
  public static readonly _KIND: Kind = instance(RetryPolicy, 'RetryPolicy.of({ attempts: 3 })');

  /** Refused: less than 1 attempt (`RetryPolicy.none()` tries once), conditions that istiod does not know, `retriable-status-codes`
   * without any, durations under 1 ms. */
  public static of(options: RetryPolicyOptions): RetryPolicy {
    demandKinds(options, { retryOn: maybe(listOf(TEXT)), retryRemoteLocalities: maybe(FLAG) }, { of: 'options' });
    const enough = countProblem(options.attempts) === undefined && options.attempts >= 1 ? undefined : 'must be a whole number, 1 or more';
    demand('attempts', options.attempts, enough, { code: 'RetryAttempts', remedy: 'use RetryPolicy.none() to switch retries off' });
    const nothing = options.retryOn?.length === 0 ? 'must name a condition' : undefined;
    demand('retryOn', '[]', nothing, { code: 'RetryOn', remedy: "leave it out for Istio's own list, or use RetryPolicy.none()" });
    for (const condition of options.retryOn ?? []) {
      const known = KNOWN_CONDITIONS.includes(condition) || KNOWN_STATUSES.includes(condition);
      demand('retryOn', condition, known ? undefined : 'must name conditions that Envoy knows, or HTTP statuses', {
        code: 'RetryOn', remedy: `did you mean '${closest(condition, KNOWN_CONDITIONS)}'?`,
      });
    }
    const idle = options.retryOn?.includes(RetryOn.RETRIABLE_STATUS_CODES) && !options.retryOn.some((each) => KNOWN_STATUSES.includes(each));
    demand('retryOn', RetryOn.RETRIABLE_STATUS_CODES, idle ? 'must name HTTP statuses too, which it stands for' : undefined, {
      code: 'RetryOn', remedy: "statuses alone are enough: retryOn: ['503']",
    });
    return new RetryPolicy({
      attempts: options.attempts,
      ...(options.perTryTimeout !== undefined ? { perTryTimeout: wireDuration('perTryTimeout', options.perTryTimeout) } : {}),
      ...(options.retryOn ? { retryOn: options.retryOn.join(',') } : {}),
      ...(options.backoff !== undefined ? { backoff: wireDuration('backoff', options.backoff) } : {}),
      ...(options.retryRemoteLocalities === undefined ? {} : { retryRemoteLocalities: options.retryRemoteLocalities }),
    }, options.perTryTimeout);
  }

  /** One try and no more. */
  public static none(): RetryPolicy {
    return new RetryPolicy({ attempts: 0 });
  }

  /** How long one try may take, if that is said. */
  public readonly perTryTimeout?: Duration;

  private constructor(private readonly manifest: any, perTryTimeout?: Duration) {
    this.perTryTimeout = perTryTimeout;
  }

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}
