import { Duration } from 'cdk8s';
import { HashAlgorithm, HashKey, LoadBalancer } from '../../src';
import { trafficPolicyProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

const hashOf = (key: HashKey, algorithm?: HashAlgorithm) => LoadBalancer.consistentHash(key, algorithm)._toManifest().consistentHash;
const header = HashKey.header('user');

test.each([
  ['ROUND_ROBIN', LoadBalancer.roundRobin()],
  ['LEAST_REQUEST', LoadBalancer.leastRequest()],
  ['RANDOM', LoadBalancer.random()],
  ['PASSTHROUGH', LoadBalancer.passthrough()],
])('%s is written as Istio reads it', (simple, loadBalancer) => {
  expect(loadBalancer._toManifest()).toEqual({ simple });
  expect(trafficPolicyProblems({ loadBalancer: loadBalancer._toManifest() })).toEqual([]);
});

test.each([
  ['a header, in the case it was said in', HashKey.header('User'), { httpHeaderName: 'User' }],
  ['a cookie', HashKey.cookie('session'), { httpCookie: { name: 'session' } }],
  ['a cookie that the proxy sets', HashKey.cookie('session', Duration.hours(1)), { httpCookie: { name: 'session', ttl: '3600s' } }],
  ['a cookie that the proxy sets until the browser closes', HashKey.cookie('session', Duration.seconds(0)), { httpCookie: { name: 'session', ttl: '0s' } }],
  ['the address', HashKey.sourceIp(), { useSourceIp: true }],
  ['a query parameter', HashKey.queryParam('user'), { httpQueryParameterName: 'user' }],
])('a consistent hash of %s', (_what, key, manifest) => {
  expect(hashOf(key)).toEqual(manifest);
  expect(trafficPolicyProblems({ loadBalancer: { consistentHash: hashOf(key) } })).toEqual([]);
});

test.each([
  ['a ring', HashAlgorithm.ringHash(), { ringHash: {} }],
  ['a ring of at least a size', HashAlgorithm.ringHash(2048), { ringHash: { minimumRingSize: 2048 } }],
  ['a table of a size', HashAlgorithm.maglev(65537), { maglev: { tableSize: 65537 } }],
])('by %s', (_what, algorithm, manifest) => {
  expect(hashOf(header, algorithm)).toEqual({ httpHeaderName: 'user', ...manifest });
  expect(trafficPolicyProblems({ loadBalancer: { consistentHash: hashOf(header, algorithm) } })).toEqual([]);
});

// Run on istiod 1.31's webhook: `maglev: {}` is refused with `tableSize must be set for maglev`.
test('by a table of the size that is documented as the default, written out because istiod refuses a table without size', () => {
  expect(hashOf(header, HashAlgorithm.maglev())).toEqual({ httpHeaderName: 'user', maglev: { tableSize: 65537 } });
});

test('the key and the algorithm of one balancer can be used for another', () => {
  const algorithm = HashAlgorithm.ringHash(16);
  const [one, other] = [LoadBalancer.consistentHash(header, algorithm), LoadBalancer.consistentHash(HashKey.sourceIp(), algorithm)];

  expect(one._toManifest().consistentHash).toEqual({ httpHeaderName: 'user', ringHash: { minimumRingSize: 16 } });
  expect(other._toManifest().consistentHash).toEqual({ useSourceIp: true, ringHash: { minimumRingSize: 16 } });
});

describe('refused is', () => {
  test('a consistent hash without key, by the compiler', () => {
    // @ts-expect-error a key is asked for
    expect(() => LoadBalancer.consistentHash()).toThrow();
    // @ts-expect-error a key is a HashKey
    expect(() => LoadBalancer.consistentHash({})).toThrow();
  });

  test.each(['', 'a b', 'a:b', ':path'])('a header that is none: %j', (name) => {
    expectRefusal(() => HashKey.header(name), { code: 'HeaderName', property: 'name', got: name, says: /RFC 7230/ });
  });

  test.each([['', /must not be empty/], ['a b', /RFC 7230/], ['a;b', /RFC 7230/]])('a cookie that is none: %j', (name, says) => {
    expectRefusal(() => HashKey.cookie(name), { code: 'CookieName', property: 'name', got: name, says });
  });

  test('a query parameter without name', () => {
    expectRefusal(() => HashKey.queryParam(''), { code: 'QueryParamName', property: 'name', got: '', says: /must not be empty/ });
  });

  test.each([
    ['0.5 ms', Duration.millis(0.5)],
    ['1.5 ms', Duration.seconds(0.0015)],
  ])('a cookie that lives for %s', (got, ttl) => {
    expectRefusal(() => HashKey.cookie('session', ttl), { code: 'Duration', property: 'ttl', got, says: /whole number of milliseconds/ });
  });

  test.each([0, -1, 1.5, Number.NaN])('a ring of %d', (size) => {
    expectRefusal(() => HashAlgorithm.ringHash(size), { code: 'RingSize', property: 'minimumRingSize', got: size, says: /whole number, 1 or more/ });
  });

  // 65536 is no prime; 5000011 is one, but Envoy's limit.
  test.each([0, 1, -3, 4, 9, 65536, 25, 2.5, 5000011, 5000077, Number.NaN])('a table of %d', (size) => {
    expectRefusal(() => HashAlgorithm.maglev(size), { code: 'MaglevTableSize', property: 'tableSize', got: size, says: /prime number below 5000011/ });
  });

  test.each([2, 3, 5, 65537, 4999999])('not a table of the prime %d', (size) => {
    expect(hashOf(header, HashAlgorithm.maglev(size)).maglev).toEqual({ tableSize: size });
  });
});
