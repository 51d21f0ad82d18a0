import { Duration } from 'cdk8s';
import { Fallback, FallbackOptions, OutlierDetection, RetryPolicy } from '../../src';
import { expectRefusal } from '../support/refusals';

const retriesOf = (options: FallbackOptions = {}, said?: any) => Fallback.of(options)._tries(said).rule.retries;

test('unless told otherwise it is as measured', () => {
  expect(Fallback.of()._tries()).toEqual({
    rule: { retries: { attempts: 3, retryOn: 'connect-failure,refused-stream,unavailable,reset,503,504', retryRemoteLocalities: true } }, tryTimeout: '2s',
  });
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

  expect(fallback._tries()).toEqual({ rule: { retries: expect.objectContaining({ attempts: 4, perTryTimeout: '1500ms' }) } });
  expect(fallback._connectTimeout).toBe('200ms');
  expect(fallback._ejection).toEqual({ maxEjectionPercent: 100, consecutive5xxErrors: 1 });
});

test('what must not be done twice is tried again only where it was not begun, and may take its time', () => {
  expect(Fallback.of({ idempotent: false })._tries()).toEqual({
    rule: { retries: { attempts: 3, retryOn: 'connect-failure,refused-stream,unavailable,reset-before-request', retryRemoteLocalities: true } },
  });
  expect(retriesOf({ idempotent: false, perTryTimeout: Duration.seconds(5) })).toMatchObject({ perTryTimeout: '5s' });
});

describe('what the host says itself', () => {
  test('of retries stays as far as it can', () => {
    const retries = RetryPolicy.of({ attempts: 10, perTryTimeout: Duration.seconds(1), backoff: Duration.millis(50) })._toManifest();

    expect(Fallback.of()._tries(retries)).toEqual({ rule: { retries: { ...retriesOf(), attempts: 10, perTryTimeout: '1s', backoff: '50ms' } } });
  });

  test.each([['5xx'], ['gateway-error'], ['500'], ['501', '502'], ['retriable-4xx'], ['internal', 'resource-exhausted']])(
    'of what a lane answers (%s) does not make the baseline answer in its place', (...retryOn) => {
      const retries = RetryPolicy.of({ attempts: 2, retryOn })._toManifest();

      expect(retriesOf({}, retries).retryOn).toBe(retriesOf().retryOn);
      expect(retriesOf({ idempotent: false }, retries).retryOn).toBe(retriesOf({ idempotent: false }).retryOn);
    },
  );

  test('that nothing is tried again still leaves the tries of requests that nobody began', () => {
    expect(Fallback.of()._tries(RetryPolicy.none()._toManifest())).toEqual(Fallback.of({ idempotent: false })._tries());
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
