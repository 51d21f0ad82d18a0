import { Duration } from 'cdk8s';
import { closest } from 'fastest-levenshtein';
import { httpStatusProblem, percentageProblem } from './predicates';
import { wireDuration } from './wire-duration';
import { demand, InvalidInput } from '../errors';
import { demandKind, demandKinds, instance, Kind } from '../kinds';

const GRPC_STATUSES = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
];

/** An answer instead of the service's. */
export interface AbortOptions {
  /**
   * The HTTP status, 200 to 599.
   * @default - a gRPC status is answered
   */
  readonly httpStatus?: number;

  /**
   * The gRPC status, such as `UNAVAILABLE`.
   * @default - an HTTP status is answered
   */
  readonly grpcStatus?: string;

  /** The share of requests, in per cent: 0, or 0.0001 to 100. Asked for, because without it Istio injects nothing. */
  readonly percentage: number;
}

/** A pause before the request goes on. */
export interface DelayOptions {
  /** How long. Whole milliseconds, 1 ms or more. The timeout of the host does not count it. */
  readonly duration: Duration;

  /** The share of requests, in per cent: 0, or 0.0001 to 100. Asked for, because without it Istio injects nothing. */
  readonly percentage: number;
}

/**
 * A failure made on purpose, by the caller's proxy: the service never sees an aborted request, and nothing tries it again.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection
 */
export class Fault {
  /** @internal */
  public static readonly _KIND: Kind = instance(Fault, 'Fault.abort({ httpStatus: 503, percentage: 10 })');

  /** Refused: neither or both statuses, unknown ones, a percentage that is not 0 or 0.0001 to 100. */
  public static abort(options: AbortOptions): Fault {
    demandKinds(options, {}, { of: 'options' });
    const { httpStatus, grpcStatus } = options;
    if ((httpStatus === undefined) === (grpcStatus === undefined)) {
      throw new InvalidInput('AbortStatus', `'httpStatus' or 'grpcStatus' must be set, one of them, got ${httpStatus === undefined ? 'neither' : 'both'}`);
    }
    if (httpStatus !== undefined) demand('httpStatus', httpStatus, httpStatusProblem(httpStatus), { code: 'HttpStatus' });
    if (grpcStatus !== undefined) {
      demand('grpcStatus', grpcStatus, GRPC_STATUSES.includes(grpcStatus) ? undefined : 'must be a gRPC status', {
        code: 'GrpcStatus', remedy: `did you mean '${closest(String(grpcStatus).toUpperCase(), GRPC_STATUSES)}'?`,
      });
    }
    return new Fault({ abort: { ...(httpStatus === undefined ? { grpcStatus } : { httpStatus }), percentage: percentage(options.percentage) } });
  }

  /** Refused: durations under 1 ms, a percentage that is not 0 or 0.0001 to 100. */
  public static delay(options: DelayOptions): Fault {
    demandKinds(options, {}, { of: 'options' });
    return new Fault({ delay: { fixedDelay: wireDuration('duration', options.duration), percentage: percentage(options.percentage) } });
  }

  private constructor(private readonly manifest: any) {}

  /**
   * Both: the delay first, then the abort.
   *
   * Refused: two delays, two aborts.
   */
  public and(other: Fault): Fault {
    demandKind('other', other, Fault._KIND);
    const twice = Object.keys(other.manifest).find((kind) => kind in this.manifest);
    if (twice) throw new InvalidInput('FaultTwice', `'${twice}' is asked for twice within one fault; Envoy does one delay and one abort`);
    return new Fault({ ...this.manifest, ...other.manifest });
  }

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}


function percentage(value: number): { value: number } {
  demand('percentage', value, percentageProblem(value), { code: 'Percentage' });
  return { value };
}
