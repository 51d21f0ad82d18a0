import { Duration } from 'cdk8s';
import { Fallback, FallbackOptions, OutlierDetection, RetryPolicy } from '../../src';
import { expectRefusal } from '../support/refusals';

const retriesOf = (options: FallbackOptions = {}, said: { timeout?: string; retries?: any } = {}) => Fallback.of(options)._retries(said);

test('unless told otherwise it is as measured', () => {
  expect(retriesOf()).toEqual({ attempts: 3, perTryTimeout: '2s', retryOn: 'connect-failure,refused-stream,unavailable,reset,503,504', retryRemoteLocalities: true });
  expect(Fallback.of()._ejection).toEqual({ consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, interval: '1s', baseEjectionTime: '5s', maxEjectionPercent: 100 });
});

test('all that can be said', () => {
  const said: Required<FallbackOptions> = {
    idempotent: true,
    attempts: 4,
    perTryTimeout: Duration.millis(1500),
    connectTimeout: Duration.millis(200),
    outlierDetection: OutlierDetection.of({ maxEjectionPercent: 100, consecutive5xxErrors: 1 }),
  };
  const fallback = Fallback.of(said);

  expect(fallback._retries({})).toMatchObject({ attempts: 4, perTryTimeout: '1500ms' });
  expect(fallback._connectTimeout).toBe('200ms');
  expect(fallback._ejection).toEqual({ maxEjectionPercent: 100, consecutive5xxErrors: 1 });
});

test('what must not be done twice is tried again only where it was not begun, and may take its time', () => {
  expect(retriesOf({ idempotent: false })).toEqual({ attempts: 3, retryOn: 'connect-failure,refused-stream,unavailable,reset-before-request', retryRemoteLocalities: true });
  expect(retriesOf({ idempotent: false, perTryTimeout: Duration.seconds(5) })).toMatchObject({ perTryTimeout: '5s' });
});

describe('what the host says itself', () => {
  test.each([['30s', '10s'], ['1s', '333ms'], ['2ms', '1ms']])('of a timeout of %s a try may take %s, so that two tries in the lane and one at the baseline fit in', (timeout, perTryTimeout) => {
    expect(retriesOf({}, { timeout }).perTryTimeout).toBe(perTryTimeout);
  });

  test('of retries stays as far as it can', () => {
    const retries = RetryPolicy.of({ attempts: 10, retryOn: ['5xx', 'reset'], perTryTimeout: Duration.seconds(1), backoff: Duration.millis(50) })._toManifest();

    expect(retriesOf({}, { retries })).toEqual({
      attempts: 10, perTryTimeout: '1s', backoff: '50ms', retryOn: 'connect-failure,refused-stream,unavailable,reset,503,504,5xx', retryRemoteLocalities: true,
    });
  });

  test('that nothing is tried again still leaves the tries of requests that nobody began', () => {
    expect(retriesOf({}, { retries: RetryPolicy.none()._toManifest() })).toEqual(retriesOf({ idempotent: false }));
  });

  test('does not make a request that must not be done twice be done twice', () => {
    const retries = RetryPolicy.of({ attempts: 2, retryOn: ['5xx'] })._toManifest();

    expect(retriesOf({ idempotent: false }, { retries }).retryOn).not.toContain('5xx');
  });
});

test.each([1, 0, -1, 2.5, NaN])('%p attempts are refused: the baseline comes after the second', (attempts) => {
  expectRefusal(() => Fallback.of({ attempts }), { code: 'FallbackAttempts', property: 'attempts', got: attempts, says: /2 or more.*Fallback\.none\(\)/ });
});

test('durations that Istio cannot have are refused', () => {
  for (const property of ['perTryTimeout', 'connectTimeout']) {
    expectRefusal(() => Fallback.of({ [property]: Duration.millis(0) }), { code: 'Duration', property, says: /1 ms/ });
  }
});
