import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { RequestMatch, StringMatch } from '../../src';
import { expectRefusal } from '../support/refusals';

const v1 = StringMatch.exact('v1');

const RENDERED: [string, RequestMatch, object][] = [
  ['a header', RequestMatch.header('x-user', v1), { headers: { 'x-user': { exact: 'v1' } } }],
  ['any value of a header', RequestMatch.header('x-user', StringMatch.present()), { headers: { 'x-user': {} } }],
  ['no such header', RequestMatch.withoutHeader('x-user', StringMatch.present()), { withoutHeaders: { 'x-user': {} } }],
  ['the browser', RequestMatch.userAgent(StringMatch.regex('.*Safari.*')), { headers: { 'user-agent': { regex: '.*Safari.*' } } }],
  ['a path', RequestMatch.path(StringMatch.exact('/a')), { uri: { exact: '/a' } }],
  ['a path prefix', RequestMatch.pathPrefix('/api'), { uri: { prefix: '/api' } }],
  ['a method', RequestMatch.method(StringMatch.exact('POST')), { method: { exact: 'POST' } }],
  ['an authority', RequestMatch.authority(StringMatch.exact('shop.example.com:8080')), { authority: { exact: 'shop.example.com:8080' } }],
  ['a scheme', RequestMatch.scheme(StringMatch.exact('https')), { scheme: { exact: 'https' } }],
  ['a query parameter', RequestMatch.queryParam('v', v1), { queryParams: { v: { exact: 'v1' } } }],
  ['a port', RequestMatch.port(8080), { port: 8080 }],
  ['pods by labels', RequestMatch.sourceLabels({ app: 'web' }), { sourceLabels: { app: 'web' } }],
  ['pods of a namespace', RequestMatch.sourceNamespace('shop'), { sourceNamespace: 'shop' }],
];

test.each(RENDERED)('%s is written as Istio reads it', (_what, match, manifest) => {
  expect(match._toManifest()).toEqual(manifest);
});

test('what was rendered can be changed without changing the match', () => {
  const match = RequestMatch.header('x-user', v1);
  match._toManifest().headers['x-user'].exact = 'v2';

  expect(match._toManifest()).toEqual({ headers: { 'x-user': { exact: 'v1' } } });
});

describe('refused is', () => {
  test.each([
    ['header', () => RequestMatch.header('X-User', v1), 'X-User'],
    ['header', () => RequestMatch.header('x user', v1), 'x user'],
    ['header', () => RequestMatch.withoutHeader('X-User', v1), 'X-User'],
    ['header', () => RequestMatch.header(':path', v1), ':path'],
  ])('a %s name that is not one', (property, action, got) => {
    expectRefusal(action, { code: 'HeaderName', property, got, says: /lower case|RFC 7230/ });
  });

  test('a cookie name that is no token', () => {
    expectRefusal(() => RequestMatch.cookie('a b', v1), { code: 'CookieName', property: 'cookie', got: 'a b', says: /RFC 7230/ });
    expectRefusal(() => RequestMatch.cookie('', v1), { code: 'CookieName', property: 'cookie', got: '', says: /RFC 7230/ });
  });

  test('a path prefix that no path begins with', () => {
    expectRefusal(() => RequestMatch.pathPrefix('api'), { code: 'PathPrefix', property: 'prefix', got: 'api', says: /must begin with '\/'/ });
    expectRefusal(() => RequestMatch.pathPrefix(''), { code: 'PathPrefix', property: 'prefix', got: '', says: /must begin with '\/'/ });
  });

  test.each([['exact', StringMatch.exact('api')], ['prefix', StringMatch.prefix('api')], ['exact', StringMatch.exact('')]])('a path that none is: %s %j', (property, match) => {
    expectRefusal(() => RequestMatch.path(match), { code: 'PathPrefix', property, got: match._toManifest()[property], says: /must begin with '\/'.*write '\// });
  });

  test.each([StringMatch.exact('get'), StringMatch.prefix('Po')])('a method in small letters, which none is: %j', (match) => {
    expectRefusal(() => RequestMatch.method(match), { code: 'Method', property: 'method', says: /must be in capitals.*write '(GET|PO)'/ });
  });

  test.each(['HTTP', 'ws', ''])('the scheme %j', (scheme) => {
    expectRefusal(() => RequestMatch.scheme(StringMatch.exact(scheme)), { code: 'Scheme', property: 'scheme', got: scheme, says: /'http' or 'https'/ });
  });

  test('a query parameter without name', () => {
    expectRefusal(() => RequestMatch.queryParam('', v1), { code: 'QueryParamName', property: 'queryParam', got: '', says: /must not be empty/ });
  });

  test.each([0, 70000, 80.5])('port %d', (port) => {
    expectRefusal(() => RequestMatch.port(port), { code: 'Port', property: 'port', got: port, says: /from 1 to 65535/ });
  });

  test('a label value that no pod can have', () => {
    expectRefusal(() => RequestMatch.sourceLabels({ app: 'a b' }), { code: 'LabelValue', property: 'sourceLabels.app', got: 'a b', says: /label value/ });
  });

  test('a label key that no pod can have, as istiod refuses it', () => {
    expect(() => RequestMatch.sourceLabels({ 'bad key': 'x' })).toThrow(/'sourceLabels/);
    expect(() => RequestMatch.sourceLabels({ '': 'x' })).toThrow(/'sourceLabels/);
  });

  test('a namespace that is no DNS label', () => {
    expectRefusal(() => RequestMatch.sourceNamespace('Shop'), { code: 'Namespace', property: 'sourceNamespace', got: 'Shop', says: /DNS label/ });
  });
});

describe('and', () => {
  test('joins conditions on different things', () => {
    const match = RequestMatch.pathPrefix('/api').and(RequestMatch.header('a', v1)).and(RequestMatch.header('b', v1)).and(RequestMatch.queryParam('q', v1));

    expect(match._toManifest()).toEqual({
      uri: { prefix: '/api' }, headers: { a: { exact: 'v1' }, b: { exact: 'v1' } }, queryParams: { q: { exact: 'v1' } },
    });
  });

  test('leaves both sides as they were', () => {
    const [path, header] = [RequestMatch.pathPrefix('/api'), RequestMatch.header('a', v1)];
    path.and(header);

    expect(path._toManifest()).toEqual({ uri: { prefix: '/api' } });
    expect(header._toManifest()).toEqual({ headers: { a: { exact: 'v1' } } });
  });

  test('takes the same condition twice for one', () => {
    expect(RequestMatch.pathPrefix('/api').and(RequestMatch.pathPrefix('/api'))._toManifest()).toEqual({ uri: { prefix: '/api' } });
    expect(RequestMatch.header('a', v1).and(RequestMatch.header('a', v1))._toManifest()).toEqual({ headers: { a: { exact: 'v1' } } });
  });

  test('joins labels of pods', () => {
    expect(RequestMatch.sourceLabels({ app: 'web' }).and(RequestMatch.sourceLabels({ tier: 'front' }))._toManifest())
      .toEqual({ sourceLabels: { app: 'web', tier: 'front' } });
  });

  test.each([
    ['uri', RequestMatch.pathPrefix('/a'), RequestMatch.pathPrefix('/b')],
    ['method', RequestMatch.method(StringMatch.exact('GET')), RequestMatch.method(StringMatch.exact('PUT'))],
    ['port', RequestMatch.port(80), RequestMatch.port(81)],
    ['sourceNamespace', RequestMatch.sourceNamespace('a'), RequestMatch.sourceNamespace('b')],
    ['headers.a', RequestMatch.header('a', v1), RequestMatch.header('a', StringMatch.exact('v2'))],
    ['withoutHeaders.a', RequestMatch.withoutHeader('a', v1), RequestMatch.withoutHeader('a', StringMatch.exact('v2'))],
    ['queryParams.q', RequestMatch.queryParam('q', v1), RequestMatch.queryParam('q', StringMatch.exact('v2'))],
    ['sourceLabels.app', RequestMatch.sourceLabels({ app: 'a' }), RequestMatch.sourceLabels({ app: 'b' })],
    ['headers.cookie', RequestMatch.cookie('a', v1), RequestMatch.cookie('b', v1)],
  ])('refuses two conditions on %s and shows both', (property, one, other) => {
    expectRefusal(() => one.and(other), { code: 'MatchClash', property, says: /twice.*alternatives are several matches/ });
  });
});

describe('a cookie', () => {
  /** Envoy matches the whole header. */
  const matches = (match: RequestMatch, cookies: string) => RE2JS.compile(match._toManifest().headers.cookie.regex).matches(cookies);
  const branchX = RequestMatch.cookie('branch', StringMatch.exact('x'));

  test.each(['branch=x', 'branch=x; a=1', 'a=1; branch=x', 'a=1; branch=x; b=2', 'a=1;branch=x;b=2', 'branch=y; branch=x', 'my-branch=y; branch=x'])('is found in %j', (cookies) => {
    expect(matches(branchX, cookies)).toBe(true);
  });

  test.each(['', 'branch', 'branch=', 'branch=xy', 'branch=yx', 'branch=X', 'Branch=x', 'mybranch=x', 'my-branch=x', 'a=1; mybranch=x', 'branches=x',
    'a=branch=x', 'a="branch=x"', 'branch=x y', 'x=branch'])('is not found in %j', (cookies) => {
    expect(matches(branchX, cookies)).toBe(false);
  });

  test('values are compared letter by letter, whatever they mean in a regular expression', () => {
    const price = RequestMatch.cookie('p', StringMatch.exact('1.5+(a|b)*[c]^${d}?\\e'));

    expect(matches(price, 'q=1; p=1.5+(a|b)*[c]^${d}?\\e; r=2')).toBe(true);
    expect(matches(price, 'p=1x5+(a|b)*[c]^${d}?\\e')).toBe(false);
    expect(matches(price, 'p=1.55a')).toBe(false);
  });

  test('names too', () => {
    const dotted = RequestMatch.cookie('a.b', StringMatch.exact('1'));

    expect(matches(dotted, 'a.b=1')).toBe(true);
    expect(matches(dotted, 'axb=1')).toBe(false);
    expect(matches(RequestMatch.cookie('a|b', StringMatch.exact('1')), 'b=1')).toBe(false);
  });

  test('a prefix goes to the end of the value', () => {
    const release = RequestMatch.cookie('branch', StringMatch.prefix('release-'));

    expect(matches(release, 'branch=release-v1; a=1')).toBe(true);
    expect(matches(release, 'branch=release-')).toBe(true);
    expect(matches(release, 'branch=main; a=release-v1')).toBe(false);
  });

  test('an expression stands for the whole value, alternatives and all', () => {
    const either = RequestMatch.cookie('branch', StringMatch.regex('x|y'));

    expect(matches(either, 'branch=x')).toBe(true);
    expect(matches(either, 'a=1; branch=y; b=2')).toBe(true);
    expect(matches(either, 'y')).toBe(false);
    expect(matches(either, 'branch=xy')).toBe(false);
    expect(matches(either, 'branch=z; y=1')).toBe(false);
  });

  test('any value is enough where only presence is asked for', () => {
    const present = RequestMatch.cookie('branch', StringMatch.present());

    expect(matches(present, 'a=1; branch=whatever')).toBe(true);
    expect(matches(present, 'branch=')).toBe(true);
    expect(matches(present, 'branches=1')).toBe(false);
  });

  test('is found exactly where one of the pairs is it', () => {
    const name = fc.constantFrom('a', 'b', 'ab', 'a.b', 'a-b', 'a*');
    const value = fc.string({ unit: fc.constantFrom(...'ab.*+?()[]{}|^$\\=-/%'), maxLength: 4 });
    const pairs = fc.array(fc.tuple(name, value), { maxLength: 4 });

    fc.assert(fc.property(name, value, pairs, (asked, wanted, cookies) => {
      const header = cookies.map(([key, text]) => `${key}=${text}`).join('; ');
      const there = cookies.some(([key, text]) => key === asked && text === wanted);
      expect(matches(RequestMatch.cookie(asked, StringMatch.exact(wanted)), header)).toBe(there);
    }));
  });
});

test('no labels of the caller are refused: such a match would be for every request', () => {
  expectRefusal(() => RequestMatch.sourceLabels({}), { code: 'SourceLabels', property: 'sourceLabels', says: /must name a label/ });
});
