import { Duration } from 'cdk8s';
import { CorsPolicy, Destination, HeaderOperations, RequestMatch, RouteRule, RouteRuleOptions, StringMatch } from '../../src';
import { expectRefusal } from '../support/refusals';

const testaaa = { hostName: 'testaaa.shop.svc.cluster.local', port: 31000 };
const to = (version: string, weight?: number) => Destination.of(testaaa, { version, weight });
const destination = (subset: string) => ({ host: testaaa.hostName, subset, port: { number: 31000 } });

test('a rule is as short as it can be', () => {
  expect(RouteRule.to([to('v1')])._toManifest()).toEqual({ route: [{ destination: destination('v1') }] });
});

test('all that can be said is written', () => {
  const said: Required<RouteRuleOptions> = {
    name: 'safari',
    match: [RequestMatch.userAgent(StringMatch.regex('.*Safari.*')), RequestMatch.pathPrefix('/api')],
    headers: HeaderOperations.of({ request: { set: { 'x-a': '1' } } }),
    timeout: Duration.millis(1500),
    corsPolicy: CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')] }),
    rewrite: { uri: '/b' },
  };

  expect(RouteRule.to([to('v1')], said)._toManifest()).toEqual({
    name: 'safari',
    match: [{ headers: { 'user-agent': { regex: '.*Safari.*' } } }, { uri: { prefix: '/api' } }],
    route: [{ destination: destination('v1') }],
    headers: { request: { set: { 'x-a': '1' } } },
    timeout: '1500ms',
    corsPolicy: { allowOrigins: [{ exact: 'https://a.example.com' }] },
    rewrite: { uri: '/b' },
  });
});

test('several destinations share by weight', () => {
  expect(RouteRule.to([to('v1', 90), to('v2', 10), to('v3', 0)])._toManifest().route).toEqual([
    { destination: destination('v1'), weight: 90 },
    { destination: destination('v2'), weight: 10 },
    { destination: destination('v3'), weight: 0 },
  ]);
});

test('an empty list of matches means all requests', () => {
  const rule = RouteRule.to([to('v1')], { match: [] });

  expect(rule.matches).toEqual([]);
  expect(rule._toManifest()).not.toHaveProperty('match');
});

test('what it was made of can be read, and changed without changing the rule', () => {
  const rule = RouteRule.to([to('v1')], { name: 'a', match: [RequestMatch.port(80)] });
  rule.destinations.pop();
  rule.matches.pop();

  expect(rule.name).toBe('a');
  expect(rule.destinations).toHaveLength(1);
  expect(rule.matches).toHaveLength(1);
});

test('a rule narrowed holds for requests that match both', () => {
  const rule = RouteRule.to([to('v1')], { match: [RequestMatch.header('a', StringMatch.exact('1')), RequestMatch.header('b', StringMatch.exact('2'))], timeout: Duration.seconds(1) });
  const narrowed = rule._narrowedTo([RequestMatch.pathPrefix('/x'), RequestMatch.pathPrefix('/y')])!;

  expect(narrowed._toManifest().match).toEqual([
    { uri: { prefix: '/x' }, headers: { a: { exact: '1' } } },
    { uri: { prefix: '/x' }, headers: { b: { exact: '2' } } },
    { uri: { prefix: '/y' }, headers: { a: { exact: '1' } } },
    { uri: { prefix: '/y' }, headers: { b: { exact: '2' } } },
  ]);
  expect(narrowed._toManifest().timeout).toBe('1s');
  expect(rule.matches).toHaveLength(2);
});

test('a rule narrowed to requests that it is not for is none', () => {
  const rule = RouteRule.to([to('v1')], { match: [RequestMatch.pathPrefix('/a'), RequestMatch.pathPrefix('/b')] });

  expect(rule._narrowedTo([RequestMatch.pathPrefix('/c')])).toBeUndefined();
  expect(rule._narrowedTo([RequestMatch.pathPrefix('/c'), RequestMatch.pathPrefix('/b/c')])!._toManifest().match).toEqual([{ uri: { prefix: '/b/c' } }]);
  expect(rule._narrowedTo([])).toBe(rule);
});

describe('refused is', () => {
  test('a rule without destinations', () => {
    expectRefusal(() => RouteRule.to([]), { code: 'RouteWithoutDestination', property: 'destinations', says: /at least one destination, got none/ });
  });

  test('a rule whose weights are all zero', () => {
    expectRefusal(() => RouteRule.to([to('v1', 0), to('v2', 0)]), { code: 'WeightsAllZero', property: 'weight', got: 0, says: /above 0 for one destination at least/ });
  });
});

describe('a timeout', () => {
  const timeoutOf = (timeout: Duration) => RouteRule.to([to('v1')], { timeout })._toManifest().timeout;

  test.each([
    [Duration.millis(1), '1ms'],
    [Duration.millis(1500), '1500ms'],
    [Duration.millis(2000), '2s'],
    [Duration.seconds(1.5), '1500ms'],
    [Duration.minutes(2), '120s'],
    [Duration.hours(1), '3600s'],
    [Duration.days(1), '86400s'],
  ])('is written in seconds or milliseconds (%#)', (timeout, wire) => {
    expect(timeoutOf(timeout)).toBe(wire);
  });

  test('of zero is refused, as Istio takes no less than a millisecond', () => {
    expectRefusal(() => timeoutOf(Duration.seconds(0)), { code: 'Duration', property: 'timeout', got: 0, says: /1 ms or more/ });
  });

  test.each([
    ['0.5 ms', Duration.millis(0.5)],
    ['1.5 ms, said in milliseconds', Duration.millis(1.5)],
    ['1.5 ms, said in seconds', Duration.seconds(0.0015)],
  ])('with parts of a millisecond is refused: %s', (_text, timeout) => {
    expectRefusal(() => timeoutOf(timeout), { code: 'Duration', property: 'timeout', says: /whole number of milliseconds/ });
  });
});
