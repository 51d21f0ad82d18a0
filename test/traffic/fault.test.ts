import { Duration } from 'cdk8s';
import { AbortOptions, DelayOptions, Fault } from '../../src';
import { ruleProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

const GRPC_STATUSES = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
];

test('an abort with an HTTP status, all that can be said', () => {
  const said: Required<Omit<AbortOptions, 'grpcStatus'>> = { httpStatus: 503, percentage: 50 };
  const fault = Fault.abort(said)._toManifest();

  expect(fault).toEqual({ abort: { httpStatus: 503, percentage: { value: 50 } } });
  expect(ruleProblems({ fault })).toEqual([]);
});

test('an abort with a gRPC status, all that can be said', () => {
  const said: Required<Omit<AbortOptions, 'httpStatus'>> = { grpcStatus: 'UNAVAILABLE', percentage: 0.0001 };
  const fault = Fault.abort(said)._toManifest();

  expect(fault).toEqual({ abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 0.0001 } } });
  expect(ruleProblems({ fault })).toEqual([]);
});

test('a delay, all that can be said', () => {
  const said: Required<DelayOptions> = { duration: Duration.seconds(7), percentage: 50 };
  const fault = Fault.delay(said)._toManifest();

  expect(fault).toEqual({ delay: { fixedDelay: '7s', percentage: { value: 50 } } });
  expect(ruleProblems({ fault })).toEqual([]);
});

test('both, whichever is said first', () => {
  const delay = Fault.delay({ duration: Duration.millis(300), percentage: 100 });
  const abort = Fault.abort({ httpStatus: 404, percentage: 10 });
  const both = { delay: { fixedDelay: '300ms', percentage: { value: 100 } }, abort: { httpStatus: 404, percentage: { value: 10 } } };

  expect(delay.and(abort)._toManifest()).toEqual(both);
  expect(abort.and(delay)._toManifest()).toEqual(both);
  expect(delay._toManifest()).toEqual({ delay: both.delay });
  expect(ruleProblems({ fault: both })).toEqual([]);
});

test.each(GRPC_STATUSES)('the gRPC status %s is known', (grpcStatus) => {
  expect(Fault.abort({ grpcStatus, percentage: 1 })._toManifest().abort.grpcStatus).toBe(grpcStatus);
});

test.each([200, 418, 599])('the HTTP status %d can be answered', (httpStatus) => {
  expect(Fault.abort({ httpStatus, percentage: 1 })._toManifest().abort.httpStatus).toBe(httpStatus);
});

test.each([0, 0.0001, 12.5, 100])('%d per cent can be asked for and is written', (percentage) => {
  expect(Fault.abort({ httpStatus: 500, percentage })._toManifest().abort.percentage).toEqual({ value: percentage });
  expect(Fault.delay({ duration: Duration.seconds(1), percentage })._toManifest().delay.percentage).toEqual({ value: percentage });
});

describe('refused is', () => {
  test.each([99, 199, 600, 0, -1, 503.5, Number.NaN])('the HTTP status %d', (httpStatus) => {
    expectRefusal(() => Fault.abort({ httpStatus, percentage: 1 }), { code: 'HttpStatus', property: 'httpStatus', got: httpStatus, says: /from 200 to 599/ });
  });

  test.each([
    ['UNAVAILIBLE', 'UNAVAILABLE'],
    ['unavailable', 'UNAVAILABLE'],
    ['deadline_exceeded', 'DEADLINE_EXCEEDED'],
    ['14', '.+'],
    ['', '.+'],
  ])('the gRPC status %j', (grpcStatus, meant) => {
    expectRefusal(() => Fault.abort({ grpcStatus, percentage: 1 }), {
      code: 'GrpcStatus', property: 'grpcStatus', got: grpcStatus, says: new RegExp(`did you mean '${meant}'`),
    });
  });

  test('an abort without status, and one with both', () => {
    expectRefusal(() => Fault.abort({ percentage: 1 }), { code: 'AbortStatus', property: 'httpStatus', says: /one of them, got neither/ });
    expectRefusal(() => Fault.abort({ httpStatus: 500, grpcStatus: 'INTERNAL', percentage: 1 }), {
      code: 'AbortStatus', property: 'grpcStatus', says: /one of them, got both/,
    });
  });

  test.each([0.00001, 0.00009, 101, 100.0001, -1, Number.NaN])('%d per cent', (percentage) => {
    const refusal = { code: 'Percentage', property: 'percentage', got: percentage, says: /0, or from 0\.0001 to 100/ };
    expectRefusal(() => Fault.abort({ httpStatus: 500, percentage }), refusal);
    expectRefusal(() => Fault.delay({ duration: Duration.seconds(1), percentage }), refusal);
  });

  test.each([
    [Duration.seconds(0), '0 ms'],
    [Duration.millis(0.5), '0.5 ms'],
    [Duration.seconds(0.0015), '1.5 ms'],
  ])('a delay of a duration that Istio does not take (%#)', (duration, got) => {
    expectRefusal(() => Fault.delay({ duration, percentage: 1 }), { code: 'Duration', property: 'duration', got, says: /1 ms or more/ });
  });

  test('two aborts or two delays in one fault', () => {
    const abort = Fault.abort({ httpStatus: 500, percentage: 1 });
    const delay = Fault.delay({ duration: Duration.seconds(1), percentage: 1 });

    expectRefusal(() => abort.and(abort), { code: 'FaultTwice', property: 'abort', says: /one delay and one abort/ });
    expectRefusal(() => abort.and(delay).and(delay), { code: 'FaultTwice', property: 'delay', says: /one delay and one abort/ });
  });

  test('a fault without percentage, by the compiler: Istio would never inject it', () => {
    // @ts-expect-error the percentage is asked for
    expect(() => Fault.abort({ httpStatus: 500 })).toThrow(/'percentage'/);
    // @ts-expect-error the percentage is asked for
    expect(() => Fault.delay({ duration: Duration.seconds(1) })).toThrow(/'percentage'/);
  });
});
