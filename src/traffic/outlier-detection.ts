import { Duration } from 'cdk8s';
import { countProblem } from './predicates';
import { wireDuration } from './wire-duration';
import { demand, InvalidInput } from '../errors';
import { demandKinds, FLAG, instance, Kind, maybe } from '../kinds';

/** Options of `OutlierDetection.of`. */
export interface OutlierDetectionOptions {
  /**
   * How many of the pods may be ejected at once, in per cent: 1 to 100. Asked for, because Istio's own 10 % ejects nothing at
   * all where there are fewer than 10 pods. 100 means that all may go: requests are then answered 503 at once.
   */
  readonly maxEjectionPercent: number;

  /**
   * How many answers of 500 to 599 in a row eject a pod; connections that fail count too. 0 switches this off.
   * @default - not written: 5
   */
  readonly consecutive5xxErrors?: number;

  /**
   * How many answers of 502, 503 or 504 in a row eject a pod. 0 switches this off. Less than `consecutive5xxErrors`, which count
   * them too, or with those switched off.
   * @default - not written: off
   */
  readonly consecutiveGatewayErrors?: number;

  /**
   * How many failures of the connection itself in a row eject a pod. Needs `splitExternalLocalOriginErrors`.
   * @default - not written: 5
   */
  readonly consecutiveLocalOriginFailures?: number;

  /**
   * Whether failures of the connection are counted apart from answers.
   * @default - not written: no
   */
  readonly splitExternalLocalOriginErrors?: boolean;

  /**
   * The pause between looks at who failed.
   * @default - not written: 10 s
   */
  readonly interval?: Duration;

  /**
   * How long a pod stays out, times the number of its ejections.
   * @default - not written: 30 s
   */
  readonly baseEjectionTime?: Duration;

  /**
   * The share of healthy pods, in per cent, below which ejections are ignored and all pods get requests: 0 to 100.
   * @default - not written: 0, never
   */
  readonly minHealthPercent?: number;
}

/**
 * Takes pods that fail out of the rotation for a while. Each calling proxy does so by what it sees itself.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection
 */
export class OutlierDetection {
  /** @internal */
  public static readonly _KIND: Kind = instance(OutlierDetection, 'OutlierDetection.of({ maxEjectionPercent: 100 })');

  /**
   * Refused: percentages outside their ranges (an ejection of 0 % ejects nothing), negative counts, durations under 1 ms, counts by which
   * no pod is ever ejected, `consecutiveGatewayErrors` that `consecutive5xxErrors` always comes before.
   */
  public static of(options: OutlierDetectionOptions): OutlierDetection {
    demandKinds(options, { splitExternalLocalOriginErrors: maybe(FLAG) }, { of: 'options' });
    const { maxEjectionPercent, minHealthPercent, interval, baseEjectionTime, ...counted } = options;
    demand('maxEjectionPercent', maxEjectionPercent, percentProblem(maxEjectionPercent, 1), { code: 'MaxEjectionPercent', remedy: '0 would eject nothing: leave outlier detection out' });
    if (minHealthPercent !== undefined) demand('minHealthPercent', minHealthPercent, percentProblem(minHealthPercent, 0), { code: 'MinHealthPercent' });
    const { splitExternalLocalOriginErrors, ...counts } = counted;
    for (const [name, count] of Object.entries(counts)) if (count !== undefined) demand(name, count, countProblem(count), { code: 'Count' });
    if ((counts.consecutiveLocalOriginFailures ?? 0) > 0 && !splitExternalLocalOriginErrors) {
      throw new InvalidInput('LocalOriginErrors', `'consecutiveLocalOriginFailures' needs splitExternalLocalOriginErrors: true, got ${counts.consecutiveLocalOriginFailures} without it`);
    }
    demandEffect(counts, splitExternalLocalOriginErrors ?? false);
    const manifest = {
      ...counts,
      splitExternalLocalOriginErrors,
      interval: interval === undefined ? undefined : wireDuration('interval', interval),
      baseEjectionTime: baseEjectionTime === undefined ? undefined : wireDuration('baseEjectionTime', baseEjectionTime),
      maxEjectionPercent,
      minHealthPercent,
    };
    return new OutlierDetection(Object.fromEntries(Object.entries(manifest).filter(([, value]) => value !== undefined)));
  }

  private constructor(private readonly manifest: any) {}

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}


/** Counts that can eject a pod. Answers of 502 to 504 are counted among the 5xx, so a count of them must be the smaller one. */
function demandEffect(counts: Counts, connectionsApart: boolean): void {
  const { consecutive5xxErrors: errors = 5, consecutiveGatewayErrors: gatewayErrors = 0, consecutiveLocalOriginFailures: failures = 5 } = counts;
  const none = errors === 0 && gatewayErrors === 0 && !(connectionsApart && failures > 0);
  demand('consecutive5xxErrors', errors, none ? 'must not be switched off where nothing else ejects' : undefined, { code: 'EjectsNothing', remedy: 'set another count, or leave outlier detection out' });
  const idle = errors > 0 && gatewayErrors >= errors;
  demand('consecutiveGatewayErrors', gatewayErrors, idle ? `must be less than consecutive5xxErrors (${errors}), which count the same answers` : undefined, {
    code: 'GatewayErrorsIdle', remedy: 'consecutive5xxErrors: 0 lets gateway errors alone eject',
  });
}

type Counts = Pick<OutlierDetectionOptions, 'consecutive5xxErrors' | 'consecutiveGatewayErrors' | 'consecutiveLocalOriginFailures'>;

function percentProblem(percent: number, least: number): string | undefined {
  return Number.isInteger(percent) && percent >= least && percent <= 100 ? undefined : `must be a whole number from ${least} to 100 (per cent)`;
}
