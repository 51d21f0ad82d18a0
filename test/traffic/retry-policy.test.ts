import { Duration } from 'cdk8s';
import { RetryOn, RetryPolicy, RetryPolicyOptions } from '../../src';
import { ruleProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

/** What istiod takes beside HTTP statuses, from its own list. */
const CONDITIONS = [
  '5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'retriable-4xx', 'refused-stream', 'retriable-status-codes',
  'retriable-headers', 'envoy-ratelimited', 'http3-post-connect-failure', 'cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable',
];

/** Statuses that Go's net/http has a name for: istiod takes no others. */
const STATUSES = ['100', '200', '206', '226', '301', '308', '400', '409', '418', '426', '429', '451', '500', '502', '503', '504', '511'];

const retriesOf = (options: RetryPolicyOptions) => RetryPolicy.of(options)._toManifest();

test('attempts alone are as short as it can be', () => {
  expect(retriesOf({ attempts: 3 })).toEqual({ attempts: 3 });
});

test('all that can be said is written', () => {
  const said: Required<RetryPolicyOptions> = {
    attempts: 15,
    perTryTimeout: Duration.millis(1500),
    retryOn: [RetryOn.GATEWAY_ERROR, RetryOn.RESET, '503'],
    backoff: Duration.millis(50),
    retryRemoteLocalities: false,
  };
  const retries = retriesOf(said);

  expect(retries).toEqual({ attempts: 15, perTryTimeout: '1500ms', retryOn: 'gateway-error,reset,503', backoff: '50ms', retryRemoteLocalities: false });
  expect(RetryPolicy.of(said).perTryTimeout?.toMilliseconds()).toBe(1500);
  expect(ruleProblems({ retries })).toEqual([]);
});

test('retries can be switched off, which is not the same as saying nothing', () => {
  const retries = RetryPolicy.none()._toManifest();

  expect(retries).toEqual({ attempts: 0 });
  expect(ruleProblems({ retries })).toEqual([]);
});

test('what was rendered can be changed without changing the policy', () => {
  const policy = RetryPolicy.of({ attempts: 3 });
  policy._toManifest().attempts = 9;

  expect(policy._toManifest()).toEqual({ attempts: 3 });
});

describe('what makes it try again', () => {
  test.each(CONDITIONS)('may be %s', (condition) => {
    const retryOn = condition === RetryOn.RETRIABLE_STATUS_CODES ? [condition, '503'] : [condition];
    const retries = retriesOf({ attempts: 1, retryOn });

    expect(retries.retryOn).toBe(retryOn.join(','));
    expect(ruleProblems({ retries })).toEqual([]);
  });

  test.each(STATUSES)('may be the status %s', (status) => {
    expect(retriesOf({ attempts: 1, retryOn: [status] }).retryOn).toBe(status);
  });

  test('has constants, each of which istiod knows', () => {
    const constants = Object.values(RetryOn).filter((value) => typeof value === 'string');

    expect(constants).toHaveLength(13);
    for (const constant of constants) expect(CONDITIONS).toContain(constant);
    expect(retriesOf({ attempts: 1, retryOn: [...constants, '503'] }).retryOn).toBe([...constants, '503'].join(','));
  });

  test('is joined without blanks, which istiod would take for a part of the name', () => {
    expect(retriesOf({ attempts: 1, retryOn: ['5xx', 'reset'] }).retryOn).toBe('5xx,reset');
  });

  test.each([
    ['5XX', '5xx'],
    ['gatewayerror', 'gateway-error'],
    ['conect-failure', 'connect-failure'],
    ['refused-steam', 'refused-stream'],
    ['unavailible', 'unavailable'],
    ['canceled', 'cancelled'],
    ['reset ', 'reset'],
    ['retriable-4XX', 'retriable-4xx'],
  ])('is refused when mistyped: %j was meant to be %s', (typo, meant) => {
    expectRefusal(() => retriesOf({ attempts: 1, retryOn: ['reset', typo] }), {
      code: 'RetryOn', property: 'retryOn', got: typo, says: new RegExp(`did you mean '${meant}'`),
    });
  });

  test.each(['', '5xx,reset', '5xx ,reset', '600', '99', '0', '50', '5030', '-503', '5.3'])('is refused when nothing knows it: %j', (condition) => {
    expectRefusal(() => retriesOf({ attempts: 1, retryOn: [condition] }), { code: 'RetryOn', property: 'retryOn', got: condition, says: /Envoy knows, or HTTP statuses/ });
  });

  // Run on istiod 1.31's webhook: `"599" is not a valid retryOn policy`.
  test.each(['199', '299', '419', '509', '599'])('is refused when it is a number that istiod knows no status by: %s', (status) => {
    expectRefusal(() => retriesOf({ attempts: 1, retryOn: [status] }), { code: 'RetryOn', property: 'retryOn', got: status, says: /HTTP status/ });
  });

  test('is refused when the list is empty: written so, Istio takes its own list, as if nothing had been said', () => {
    expectRefusal(() => retriesOf({ attempts: 1, retryOn: [] }), { code: 'RetryOn', property: 'retryOn', says: /at least one|leave it out/ });
  });
});

describe('refused is', () => {
  test.each([-1, 0, 1.5, Number.NaN, Infinity, 2 ** 31])('%d attempts', (attempts) => {
    expectRefusal(() => retriesOf({ attempts }), {
      code: 'RetryAttempts', property: 'attempts', got: attempts, says: /must be .*; use RetryPolicy\.none\(\) to switch retries off/,
    });
  });

  test.each(['perTryTimeout', 'backoff'])('a duration that Istio does not take: %s', (property) => {
    for (const [duration, got] of [[Duration.seconds(0), '0 ms'], [Duration.millis(0.5), '0.5 ms'], [Duration.seconds(0.0015), '1.5 ms']] as const) {
      expectRefusal(() => retriesOf({ attempts: 1, [property]: duration }), { code: 'Duration', property, got, says: /whole number of milliseconds, 1 ms or more/ });
    }
  });

  test('a policy without attempts, by the compiler', () => {
    // @ts-expect-error attempts are asked for
    expect(() => RetryPolicy.of({ retryOn: ['5xx'] })).toThrow(/'attempts'/);
  });
});

test.each([
  [Duration.millis(1), '1ms'],
  [Duration.millis(2000), '2s'],
  [Duration.minutes(1), '60s'],
])('durations are written as Istio reads them (%#)', (duration, wire) => {
  expect(retriesOf({ attempts: 1, perTryTimeout: duration, backoff: duration })).toEqual({ attempts: 1, perTryTimeout: wire, backoff: wire });
});

test('statuses to try again on, of which none is named, are refused', () => {
  expectRefusal(() => RetryPolicy.of({ attempts: 1, retryOn: [RetryOn.RETRIABLE_STATUS_CODES] }), { code: 'RetryOn', property: 'retryOn', got: 'retriable-status-codes', says: /must name HTTP statuses too/ });
  expect(RetryPolicy.of({ attempts: 1, retryOn: [RetryOn.RETRIABLE_STATUS_CODES, '503'] })._toManifest().retryOn).toBe('retriable-status-codes,503');
});
