import { Duration } from 'cdk8s';
import { OutlierDetection } from './outlier-detection';
import { countProblem } from './predicates';
import { RetryOn } from './retry-policy';
import { wireDuration } from './wire-duration';
import { demand } from '../errors';
import { demandKinds, FLAG, instance, Kind, maybe } from '../kinds';

/** Options of `Fallback.of`. */
export interface FallbackOptions {
  /**
   * Whether a request may be done twice. If not, it is tried again only where it certainly was not begun: requests that are under
   * way when a pod crashes then fail, and so do those that the lane answers 503, until its pod is taken out.
   * @default true
   */
  readonly idempotent?: boolean;

  /**
   * How often to try again, 2 or more: the first two tries stay with the lane, those after them go to the baseline.
   * @default 3
   */
  readonly attempts?: number;

  /**
   * How long one try may take: a lane that hangs is left after two of them. Whole milliseconds, 1 ms or more. It also ends requests
   * that only take long, so let it be longer than any good answer.
   * @default - that of the host's retries; else a third of the timeout of each rule, so that two tries in the lane and one at the
   * baseline fit in; 2 s in rules without timeout. None where `idempotent` is false
   */
  readonly perTryTimeout?: Duration;

  /**
   * How long connecting may take. It matters when a node dies.
   * @default - that of the host's connection pool, else 1 s
   */
  readonly connectTimeout?: Duration;

  /**
   * When a pod is taken out, by what each caller sees itself. It takes the place of the host's own outlier detection, because a
   * lane's only pod must be let go, and its own errors (500) must not take it away.
   * @default - 3 answers 502, 503 or 504, or failed connections, in a row; for 5 s times the number of its ejections; all pods may go
   */
  readonly outlierDetection?: OutlierDetection;
}

/** How lanes' rules try again, for `weave`. */
export interface FallbackTries {
  readonly rule: { readonly retries: any };
  readonly tryTimeout?: string;
}

/** What is tried again: measured with pods that crash, go and come back under load. */
const IDEMPOTENT = [RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.GRPC_UNAVAILABLE, RetryOn.RESET, '503', '504'];
const ONLY_UNBEGUN = [RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.GRPC_UNAVAILABLE, RetryOn.RESET_BEFORE_REQUEST];
const TRY_TIMEOUT = '2s';

/**
 * How the baseline serves the requests of lanes whose pods are gone, not ready or failing. That it does is said by `fallback: true`
 * of a StainedRoute or a lane; this says how, of a service.
 *
 * What a lane's pods answer stays the lane's, but for 503, 504 and gRPC's unavailable. So the conditions of the host's own retries
 * (`5xx`, `gateway-error`, …) do not hold for lanes that fall back: they would have the baseline answer in their place.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
 */
export class Fallback {
  /** @internal */
  public static readonly _KIND: Kind = instance(Fallback, 'Fallback.of()');

  /** Refused: fewer than 2 attempts, durations under 1 ms. */
  public static of(options: FallbackOptions = {}): Fallback {
    demandKinds(options, { idempotent: maybe(FLAG), outlierDetection: maybe(OutlierDetection._KIND) }, { of: 'options' });
    const { attempts } = options;
    const enough = attempts === undefined || (countProblem(attempts) === undefined && attempts >= 2) ? undefined : 'must be a whole number, 2 or more: the first two tries stay with the lane';
    demand('attempts', attempts, enough, { code: 'FallbackAttempts', remedy: 'Fallback.none() keeps a service from falling back' });
    if (options.perTryTimeout !== undefined) wireDuration('perTryTimeout', options.perTryTimeout);
    if (options.connectTimeout !== undefined) wireDuration('connectTimeout', options.connectTimeout);
    return new Fallback(options);
  }

  /** Lanes of the service never fall back, whatever a StainedRoute or a lane says. */
  public static none(): Fallback {
    return new Fallback({}, false);
  }

  private constructor(private readonly options: FallbackOptions, private readonly falls = true) {}

  /**
   * Whether lanes may fall back.
   *
   * @internal
   */
  public get _falls(): boolean {
    return this.falls;
  }

  /**
   * How the lanes' rules try again. What the host says of retries stays as far as it can: its pause, its limit for a try, the
   * larger number of tries. Not its conditions: later tries go to the baseline, and what a lane's pods answer is the lane's.
   *
   * @internal
   */
  public _tries(said: any = {}): FallbackTries {
    // Who wants no retries at all may still have those of requests that nobody began.
    const idempotent = (this.options.idempotent ?? true) && said.attempts !== 0;
    const { perTryTimeout = said.perTryTimeout } = this.wire;
    const retries = {
      ...said,
      attempts: this.options.attempts ?? Math.max(3, said.attempts ?? 0),
      ...(perTryTimeout === undefined ? {} : { perTryTimeout }),
      retryOn: (idempotent ? IDEMPOTENT : ONLY_UNBEGUN).join(','),
      retryRemoteLocalities: true,
    };
    return { rule: { retries }, ...(idempotent && perTryTimeout === undefined ? { tryTimeout: TRY_TIMEOUT } : {}) };
  }

  /**
   * What the DestinationRule of a lane's own host needs.
   *
   * @internal
   */
  public get _ejection(): any {
    return this.options.outlierDetection?._toManifest() ?? {
      consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, interval: '1s', baseEjectionTime: '5s', maxEjectionPercent: 100,
    };
  }

  /** @internal */
  public get _connectTimeout(): string | undefined {
    return this.wire.connectTimeout;
  }

  private get wire(): { perTryTimeout?: string; connectTimeout?: string } {
    const { perTryTimeout, connectTimeout } = this.options;
    return {
      ...(perTryTimeout ? { perTryTimeout: wireDuration('perTryTimeout', perTryTimeout) } : {}),
      ...(connectTimeout ? { connectTimeout: wireDuration('connectTimeout', connectTimeout) } : {}),
    };
  }
}
