import { Duration } from 'cdk8s';
import { ConnectionPool, ConnectionPoolOptions, H2UpgradePolicy, TcpKeepalive } from '../../src';
import { trafficPolicyProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

const LIMITS = ['maxConnections', 'http1MaxPendingRequests', 'http2MaxRequests', 'maxRequestsPerConnection', 'maxRetries', 'maxConcurrentStreams'];
const DURATIONS = ['connectTimeout', 'maxConnectionDuration', 'idleTimeout'];

const poolOf = (options: ConnectionPoolOptions) => ConnectionPool.of(options)._toManifest();

test('all that can be said is written', () => {
  const tcpKeepalive: Required<TcpKeepalive> = { probes: 3, time: Duration.minutes(2), interval: Duration.seconds(75) };
  const said: Required<ConnectionPoolOptions> = {
    maxConnections: 100,
    connectTimeout: Duration.millis(30),
    tcpKeepalive,
    maxConnectionDuration: Duration.hours(1),
    http1MaxPendingRequests: 1,
    http2MaxRequests: 2,
    maxRequestsPerConnection: 3,
    maxRetries: 4,
    idleTimeout: Duration.seconds(4),
    h2UpgradePolicy: H2UpgradePolicy.DO_NOT_UPGRADE,
    useClientProtocol: true,
    maxConcurrentStreams: 5,
  };
  const connectionPool = poolOf(said);

  expect(connectionPool).toEqual({
    tcp: {
      maxConnections: 100,
      connectTimeout: '30ms',
      maxConnectionDuration: '3600s',
      tcpKeepalive: { probes: 3, time: '120s', interval: '75s' },
    },
    http: {
      http1MaxPendingRequests: 1,
      http2MaxRequests: 2,
      maxRequestsPerConnection: 3,
      maxRetries: 4,
      idleTimeout: '4s',
      h2UpgradePolicy: 'DO_NOT_UPGRADE',
      useClientProtocol: true,
      maxConcurrentStreams: 5,
    },
  });
  expect(trafficPolicyProblems({ connectionPool })).toEqual([]);
});

test.each([
  ['maxConnections', { tcp: { maxConnections: 1 } }],
  ['http1MaxPendingRequests', { http: { http1MaxPendingRequests: 1 } }],
  ['http2MaxRequests', { http: { http2MaxRequests: 1 } }],
  ['maxRequestsPerConnection', { http: { maxRequestsPerConnection: 1 } }],
  ['maxRetries', { http: { maxRetries: 1 } }],
  ['maxConcurrentStreams', { http: { maxConcurrentStreams: 1 } }],
])('%s alone is written without anything beside it', (limit, manifest) => {
  expect(poolOf({ [limit]: 1 })).toEqual(manifest);
  expect(trafficPolicyProblems({ connectionPool: manifest })).toEqual([]);
});

test.each(Object.values(H2UpgradePolicy))('the upgrade policy %s is one that Istio knows', (h2UpgradePolicy) => {
  const connectionPool = poolOf({ h2UpgradePolicy });

  expect(connectionPool).toEqual({ http: { h2UpgradePolicy } });
  expect(trafficPolicyProblems({ connectionPool })).toEqual([]);
});

test('probes can be switched on with the settings of the system', () => {
  const connectionPool = poolOf({ tcpKeepalive: {} });

  expect(connectionPool).toEqual({ tcp: { tcpKeepalive: {} } });
  expect(trafficPolicyProblems({ connectionPool })).toEqual([]);
});

test('the client\'s protocol may be not kept, which is said too', () => {
  expect(poolOf({ useClientProtocol: false, h2UpgradePolicy: H2UpgradePolicy.UPGRADE })).toEqual({ http: { useClientProtocol: false, h2UpgradePolicy: 'UPGRADE' } });
});

describe('refused is', () => {
  // Envoy takes 0 for its default of 2^32 - 1, so it would mean the opposite of what it says.
  test.each(LIMITS.flatMap((limit) => [0, -1, 1.5, Number.NaN, 2 ** 31].map((value) => [limit, value] as const)))('a limit %s of %d', (limit, value) => {
    expectRefusal(() => poolOf({ [limit]: value }), { code: 'Limit', property: limit, got: value, says: /whole number, 1 or more \(0 would mean no limit at all\)/ });
  });

  test.each(DURATIONS)('a duration %s that Istio does not take', (property) => {
    for (const [duration, got] of [[Duration.seconds(0), '0 ms'], [Duration.millis(0.5), '0.5 ms'], [Duration.seconds(0.0015), '1.5 ms']] as const) {
      expectRefusal(() => poolOf({ [property]: duration }), { code: 'Duration', property, got, says: /whole number of milliseconds, 1 ms or more/ });
    }
  });

  test.each(['time', 'interval'])('a duration of the probes that Istio does not take: %s', (property) => {
    for (const [duration, got] of [[Duration.seconds(0), '0 ms'], [Duration.millis(0.5), '0.5 ms']] as const) {
      expectRefusal(() => poolOf({ tcpKeepalive: { [property]: duration } }), { code: 'Duration', property: `tcpKeepalive.${property}`, got, says: /1 ms or more/ });
    }
  });

  test.each([0, -1, 1.5])('%d probes', (probes) => {
    expectRefusal(() => poolOf({ tcpKeepalive: { probes } }), { code: 'Limit', property: 'tcpKeepalive.probes', got: probes, says: /or more/ });
  });

  test('an upgrade to HTTP/2 together with the client\'s protocol', () => {
    expectRefusal(() => poolOf({ h2UpgradePolicy: H2UpgradePolicy.UPGRADE, useClientProtocol: true }), {
      code: 'H2Upgrade', property: 'useClientProtocol', got: true, says: /one of them decides/,
    });
  });

  test('a pool that says nothing', () => {
    for (const nothing of [{}, { maxConnections: undefined, tcpKeepalive: undefined }]) {
      expectRefusal(() => poolOf(nothing), { code: 'ConnectionPoolEmpty', property: 'connectionPool', says: /leave it out/ });
    }
  });
});
