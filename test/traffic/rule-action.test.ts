import { CorsPolicy, Destination, HeaderOperations, Redirect, RequestMatch, Rewrite, RouteRule, RuleOptions, StringMatch } from '../../src';
import { ruleProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

const destinations = [Destination.of({ hostName: 'testaaa.shop.svc.cluster.local', port: 80 }, { version: 'v1' })];
const rewritten = (rewrite: Rewrite) => RouteRule.to(destinations, { rewrite })._toManifest();
const redirected = (redirect: Redirect) => RouteRule.redirect(redirect)._toManifest();

describe('a rewrite', () => {
  test.each([
    ['the prefix', { uri: '/v2' }, { uri: '/v2' }],
    ['the host', { authority: 'other.example.com' }, { authority: 'other.example.com' }],
    ['both', { uri: '/', authority: 'other' }, { uri: '/', authority: 'other' }],
    ['a part of the path', { uriRegexMatch: '^/(.*)/old$', uriRegexRewrite: '/\\1/new' }, { uriRegexRewrite: { match: '^/(.*)/old$', rewrite: '/\\1/new' } }],
  ])('of %s is written as Istio reads it, beside the route', (_what, said, rewrite) => {
    expect(rewritten(said)).toEqual({ rewrite, route: [{ destination: { host: 'testaaa.shop.svc.cluster.local', subset: 'v1', port: { number: 80 } } }] });
    expect(ruleProblems(rewritten(said))).toEqual([]);
  });

  test('all that can be said, but for the path twice', () => {
    const said: Required<Omit<Rewrite, 'uri'>> = { uriRegexMatch: '/a', uriRegexRewrite: '/b', authority: 'other' };

    expect(rewritten(said).rewrite).toEqual({ uriRegexRewrite: { match: '/a', rewrite: '/b' }, authority: 'other' });
    expect(ruleProblems(rewritten(said))).toEqual([]);
  });

  test('that says nothing is refused', () => {
    for (const nothing of [{}, { uri: undefined }]) {
      expectRefusal(() => rewritten(nothing), { code: 'RewriteEmpty', property: 'rewrite', says: /'uri', 'uriRegexMatch' or 'authority', got none/ });
    }
  });

  // Run on istiod 1.31's webhook: an empty text counts as none there.
  test.each([{ uri: '' }, { authority: '' }])('that says nothing in as many words is refused: %j', (nothing) => {
    expect(() => rewritten(nothing)).toThrow(/'(rewrite|uri|authority)'/);
  });

  test('of the path both ways is refused', () => {
    expectRefusal(() => rewritten({ uri: '/b', uriRegexMatch: '/a', uriRegexRewrite: '/b' }), { code: 'RewriteTwice', property: 'uri', says: /beside 'uriRegexMatch'/ });
    expectRefusal(() => rewritten({ uri: '/b', uriRegexRewrite: '/b' }), { code: 'RewriteTwice', property: 'uri', says: /the same path/ });
  });

  test.each([{ uriRegexMatch: '/a' }, { uriRegexRewrite: '/b' }])('by half a regular expression is refused: %j', (half) => {
    expectRefusal(() => rewritten(half), { code: 'RewriteRegex', property: 'uriRegexMatch', says: /'uriRegexRewrite' must be set both, got one/ });
  });

  // Run on istiod 1.31's webhook: `UriRegexRewrite requires both Rewrite and Match fields to be specified`.
  test('of a part of the path by nothing is refused, as istiod refuses it', () => {
    expect(() => rewritten({ uriRegexMatch: '/a', uriRegexRewrite: '' })).toThrow(/'uriRegexRewrite'/);
  });

  test.each(['(', 'a**', '(?=ahead)', '(a)\\1', 'x'.repeat(1025)])('by what is not RE2 is refused (%#)', (uriRegexMatch) => {
    expectRefusal(() => rewritten({ uriRegexMatch, uriRegexRewrite: '/' }), { code: 'StringMatchRegex', property: 'uriRegexMatch', says: /RE2|1024 characters/ });
  });

  // Run on istiod 1.31's webhook: `authority header cannot be set multiple times`.
  test('of the host, which the rule\'s headers set too, is refused', () => {
    const headers = HeaderOperations.of({ request: { set: { ':authority': 'y' } } });

    expect(() => RouteRule.to(destinations, { rewrite: { authority: 'x' }, headers })).toThrow(/authority/);
  });
});

describe('a redirect', () => {
  test('all that can be said is written', () => {
    const said: Required<Redirect> = { uri: '/elsewhere', authority: 'other.example.com', port: 8443, scheme: 'https', redirectCode: 308 };

    expect(redirected(said)).toEqual({ redirect: said });
    expect(ruleProblems(redirected(said))).toEqual([]);
  });

  test.each<Redirect>([{ uri: '/a' }, { authority: 'a' }, { port: 8080 }, { scheme: 'http' }])('may change one thing: %j', (said) => {
    expect(redirected(said)).toEqual({ redirect: said });
    expect(ruleProblems(redirected(said))).toEqual([]);
  });

  test.each([301, 302, 303, 307, 308])('may have the code %d', (redirectCode) => {
    expect(redirected({ uri: '/', redirectCode }).redirect.redirectCode).toBe(redirectCode);
  });

  test('may have a name, a match, headers and CORS', () => {
    const said: Required<RuleOptions> = {
      name: 'moved',
      match: [RequestMatch.pathPrefix('/old')],
      headers: HeaderOperations.of({ response: { set: { 'x-moved': 'yes' } } }),
      corsPolicy: CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')] }),
    };
    const rule = RouteRule.redirect({ uri: '/new' }, said);

    expect(rule._toManifest()).toEqual({
      name: 'moved',
      match: [{ uri: { prefix: '/old' } }],
      redirect: { uri: '/new' },
      headers: { response: { set: { 'x-moved': 'yes' } } },
      corsPolicy: { allowOrigins: [{ exact: 'https://a.example.com' }] },
    });
    expect(rule.destinations).toEqual([]);
  });

  // istiod takes 300 to 399, and Envoy then refuses all rules of the port.
  test.each([399, 300, 304, 305, 306, 200, 0, 301.5])('with the code %d is refused', (redirectCode) => {
    expectRefusal(() => redirected({ uri: '/', redirectCode }), { code: 'RedirectCode', property: 'redirectCode', got: redirectCode, says: /one of 301, 302, 303, 307, 308/ });
  });

  test.each(['ftp', 'HTTPS', ''])('to the scheme %j is refused', (scheme) => {
    expectRefusal(() => redirected({ scheme }), { code: 'RedirectScheme', property: 'scheme', got: scheme, says: /'http' or 'https'/ });
  });

  test.each([0, 65536, 80.5, -1])('to the port %d is refused', (port) => {
    expectRefusal(() => redirected({ port }), { code: 'Port', property: 'port', got: port, says: /from 1 to 65535/ });
  });

  test('that changes nothing is refused', () => {
    for (const nothing of [{}, { redirectCode: 302 }, { uri: undefined }]) {
      expectRefusal(() => redirected(nothing), { code: 'RedirectEmpty', property: 'redirect', says: /got none: it would lead back to itself/ });
    }
  });

  // Run on istiod 1.31's webhook: `redirect must specify URI, authority, scheme, or port`.
  test.each([{ uri: '' }, { authority: '' }])('that changes nothing in as many words is refused: %j', (nothing) => {
    expect(() => redirected(nothing)).toThrow(/'(redirect|uri|authority)'/);
  });

  test('beside a route is refused, by the compiler too: a rule does one or the other', () => {
    const refused = (action: () => unknown, property: string) => expectRefusal(action, { code: 'RuleActions', property, says: /beside.*Istio refuses.*make two rules/ });
    // @ts-expect-error a redirect has no destinations
    refused(() => RouteRule.redirect({ uri: '/' }, { destinations }), 'destinations');
    // @ts-expect-error a route has no redirect
    refused(() => RouteRule.to(destinations, { redirect: { uri: '/' } }), 'redirect');
    // @ts-expect-error a redirect is not rewritten
    refused(() => RouteRule.redirect({ uri: '/' }, { rewrite: { uri: '/x' } }), 'rewrite');
    // @ts-expect-error a direct response has no route
    refused(() => RouteRule.directResponse(200, '', { route: destinations }), 'route');
  });
});

describe('a direct response', () => {
  test('is a status, and a text if one is given', () => {
    const [bare, full] = [RouteRule.directResponse(503)._toManifest(), RouteRule.directResponse(200, 'closed for today')._toManifest()];

    expect(bare).toEqual({ directResponse: { status: 503 } });
    expect(full).toEqual({ directResponse: { status: 200, body: { string: 'closed for today' } } });
    for (const rule of [bare, full]) expect(ruleProblems(rule)).toEqual([]);
  });

  test('may have an empty text, and a match', () => {
    expect(RouteRule.directResponse(404, '', { match: [RequestMatch.pathPrefix('/gone')] })._toManifest()).toEqual({
      match: [{ uri: { prefix: '/gone' } }], directResponse: { status: 404, body: { string: '' } },
    });
  });

  // istiod takes 600, and Envoy then refuses all rules of the port.
  test.each([99, 600, 199, 0, 200.5])('with the status %d is refused', (status) => {
    expectRefusal(() => RouteRule.directResponse(status), { code: 'HttpStatus', property: 'status', got: status, says: /from 200 to 599/ });
  });

  test('with a text of over 1 MiB is refused, counted in bytes', () => {
    const mebibyte = 1024 * 1024;

    expect(() => RouteRule.directResponse(200, 'a'.repeat(mebibyte))).not.toThrow();
    expectRefusal(() => RouteRule.directResponse(200, 'a'.repeat(mebibyte + 1)), { code: 'DirectResponseBody', property: 'body', got: `${mebibyte + 1} bytes`, says: /at most 1 MiB/ });
    expectRefusal(() => RouteRule.directResponse(200, 'ä'.repeat(mebibyte / 2 + 1)), { code: 'DirectResponseBody', property: 'body', says: /at most 1 MiB/ });
  });
});

describe('where a rule sends to is refused', () => {
  test.each<[string, string, Rewrite & Redirect]>([
    ['with a blank in the path', 'uri', { uri: '/new path' }],
    ['with a path that is none', 'uri', { uri: 'new' }],
    ['with a blank in the host', 'authority', { authority: 'a b' }],
    ['with a path after the host', 'authority', { authority: 'a.example.com/c' }],
    ['with a scheme before the host', 'authority', { authority: 'https://a.example.com' }],
  ])('%s', (_what, property, said) => {
    const got = Object.values(said)[0];
    expectRefusal(() => rewritten(said), { code: property === 'uri' ? 'Location' : 'Authority', property: `rewrite.${property}`, got, says: /must be a (path|host)/ });
    expectRefusal(() => redirected(said), { code: property === 'uri' ? 'Location' : 'Authority', property: `redirect.${property}`, got, says: /must be a (path|host)/ });
  });

  test.each<Rewrite & Redirect>([
    { uri: '/a?b=c&d=%20#e' }, { authority: 'a.example.com:8443' }, { authority: 'legacy_host' }, { authority: '[::1]:80' }, { authority: '10.0.0.1' },
  ])('not where a URL may be like that: %j', (said) => {
    expect(rewritten(said).rewrite).toEqual(said);
    expect(redirected(said).redirect).toEqual(said);
  });

  test('nor for a redirect of the matched prefix alone', () => {
    expect(redirected({ uri: '%PREFIX()%/new' }).redirect).toEqual({ uri: '%PREFIX()%/new' });
  });
});
