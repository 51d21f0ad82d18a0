import { App, Duration } from 'cdk8s';
import {
  AccessPolicy, AppProtocol, CanaryService, ConnectionPool, Destination, HeaderOperations, MeshGateway, MeshHost, MirrorTarget, MtlsPolicy,
  RateLimit, RequestMatch, ResilientBackend, RoutedProtocol, RouteRule, Scope, SplitOptions, StainedRoute, Staining, StickyOptions,
  StringMatch, VersionShare, Warnings,
} from '../src';
import { chartOf, inventory, objectOf, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { evaluate } from './support/route-evaluator';
import { schemaProblems } from './support/schema';

/** A service with versions release (the baseline), v2 and v3. */
function reviews(appProtocol?: AppProtocol) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const service = new CanaryService(chart, 'reviews', { port: 9080, appProtocol, template: { image: 'reviews' }, baseline: { version: 'release' } });
  for (const version of ['v2', 'v3']) service.addVersion(version);
  return { app, chart, service };
}

const HOST = 'reviews.shop.svc.cluster.local';
const to = (subset: string) => ({ destination: { host: HOST, subset, port: { number: 9080 } } });
const safari = RequestMatch.userAgent(StringMatch.regex('.*Safari.*'));
/** Which versions serve, and with which weights. */
const shares = (rule: any) => rule.route.map(({ destination, weight }: any) => [destination.subset, weight]);

describe('a split', () => {
  test('by weight stands in place of the baseline alone', () => {
    const { app, chart, service } = reviews();
    service.split({ release: 90, v2: 10 });

    expect(rulesOf(chart, 'reviews')).toEqual([{ route: [{ ...to('release'), weight: 90 }, { ...to('v2'), weight: 10 }] }]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('may be between any number of versions, in the order said, with weights that add up to anything', () => {
    const { chart, service } = reviews();
    service.split({ v3: 1, release: 3, v2: 0 });

    expect(shares(rulesOf(chart, 'reviews')[0])).toEqual([['v3', 1], ['release', 3], ['v2', 0]]);
  });

  test('to one version is written without weight', () => {
    const { chart, service } = reviews();
    service.split({ v2: 100 });

    expect(rulesOf(chart, 'reviews')).toEqual([{ route: [to('v2')] }]);
  });

  test('holds at gateways too', () => {
    const { chart, service } = reviews();
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(service);
    service.split({ release: 90, v2: 10 });

    expect(rulesOf(chart, 'gateway-any-host')).toEqual(rulesOf(chart, 'reviews'));
  });

  test('of a host that others deploy is said of the host', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy' });
    for (const version of ['v1', 'v2']) host.addVersion(version);
    host.routeDefault([Destination.of(host, { version: 'v1', weight: 3 }), Destination.of(host, { version: 'v2' })]);

    expect(shares(rulesOf(chart, 'legacy')[0])).toEqual([['v1', 3], ['v2', 1]]);
  });

  test('may name a version before it is added', () => {
    const { app, service } = reviews();
    service.split({ release: 1, v4: 1 });
    service.addVersion('v4');

    expect(() => app.synthYaml()).not.toThrow();
  });

  describe('is refused', () => {
    test.each([[{ release: 0, v2: 0 }], [{ v2: 0 }]])('with weights that are all zero: %j', (weights) => {
      expectRefusal(() => reviews().service.split(weights), { code: 'WeightsAllZero', property: 'weight', got: 0, says: /above 0 for one destination at least/ });
    });

    test.each([-1, 1.5, Number.NaN, 2 ** 31])('with the weight %d', (weight) => {
      expectRefusal(() => reviews().service.split({ release: 1, v2: weight }), { code: 'Weight', property: 'weight', got: weight, says: /whole number, 0 or more/ });
    });

    test('without versions', () => {
      expectRefusal(() => reviews().service.split({}), { code: 'WeightsEmpty', property: 'weights', path: 'shop/reviews', says: /must name a version, got none/ });
    });

    // What is said in a method of a construct is about that construct.
    test.each([[{ release: 0, v2: 0 }], [{ release: -1, v2: 1 }], [{ 'V 2': 1 }]])('with the path of the service: %j', (weights) => {
      expect(() => reviews().service.split(weights)).toThrow(/^\[shop\/reviews/);
    });

    test('a second time, in whichever way', () => {
      const again: ((service: CanaryService) => void)[] = [
        (service) => service.split({ v2: 1 }), (service) => service.splitSticky({ v2: 1 }), (service) => service.activate('v2'),
      ];
      for (const first of again) {
        for (const second of again) {
          const { service } = reviews();
          first(service);
          expectRefusal(() => second(service), { code: 'DefaultRouteTwice', property: 'destinations', path: 'shop/reviews/host', says: /say them once/ });
        }
      }
    });

    test('at synth with a version that the service does not have', () => {
      const { app, service } = reviews();
      service.split({ release: 9, v9: 1 });

      expect(() => app.synthYaml()).toThrow(/\[shop\/reviews\/host\] 'version' must be a version of reviews\.shop\S+, got "v9" \(known: release, v2, v3\); add that version/);
    });

    test('at synth for a service without versions', () => {
      const app = new App();
      new CanaryService(chartOf('shop', 'shop', app), 'plain', { port: 80, baseline: { image: 'a' } }).split({ v1: 1 });

      expect(() => app.synthYaml()).toThrow(/'version' must be a version of plain\.shop\S+, got "v1" \(known: none\)/);
    });
  });
});

describe('requests by content', () => {
  test('are sent before the split, in the order said', () => {
    const { chart, service } = reviews();
    service.split({ release: 1, v2: 1 });
    service.sendTo('v2', [safari, RequestMatch.userAgent(StringMatch.regex('.*Mobile.*'))]);
    service.sendTo('v3', [RequestMatch.pathPrefix('/v3').and(RequestMatch.queryParam('debug', StringMatch.exact('1')))]);

    expect(rulesOf(chart, 'reviews')).toEqual([
      { match: [{ headers: { 'user-agent': { regex: '.*Safari.*' } } }, { headers: { 'user-agent': { regex: '.*Mobile.*' } } }], route: [to('v2')] },
      { match: [{ uri: { prefix: '/v3' }, queryParams: { debug: { exact: '1' } } }], route: [to('v3')] },
      { route: [{ ...to('release'), weight: 1 }, { ...to('v2'), weight: 1 }] },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test.each([
    ['a header', RequestMatch.header('x-user', StringMatch.exact('jason'))],
    ['a cookie', RequestMatch.cookie('user', StringMatch.exact('jason'))],
    ['a query parameter', RequestMatch.queryParam('user', StringMatch.exact('jason'))],
    ['a path', RequestMatch.path(StringMatch.exact('/reviews'))],
    ['a method', RequestMatch.method(StringMatch.exact('POST'))],
    ['an authority', RequestMatch.authority(StringMatch.prefix('beta.'))],
    ['a user agent', safari],
    ['pods of the caller', RequestMatch.sourceLabels({ app: 'productpage' })],
    ['a namespace of the caller', RequestMatch.sourceNamespace('beta')],
  ])('may be told by %s', (_what, match) => {
    const { app, chart, service } = reviews();
    service.sendTo('v2', [match]);

    expect(rulesOf(chart, 'reviews')[0]).toEqual({ match: [match._toManifest()], route: [to('v2')] });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('are refused without match, to an unknown version, and of a service that does not speak HTTP', () => {
    expectRefusal(() => reviews().service.sendTo('v2', []), { code: 'RuleWithoutMatch', property: 'match', path: 'shop/reviews/host', says: /the default rule does that/ });
    expectRefusal(() => reviews(AppProtocol.TCP).service.sendTo('v2', [safari]), { code: 'ProtocolNotHttp', property: 'rule', path: 'shop/reviews/host', says: /speaks tcp/ });
    const { app, service } = reviews();
    service.sendTo('v9', [safari]);
    expect(() => app.synthYaml()).toThrow(/\[shop\/reviews\/host\] 'version' .*got "v9"/);
  });

  test.each(['api', ''])('are refused by a prefix that no path has: %j', (prefix) => {
    expectRefusal(() => reviews().service.sendTo('v2', [RequestMatch.pathPrefix(prefix)]), { code: 'PathPrefix', property: 'prefix', got: prefix, says: /must begin with '\/'/ });
  });

  test('are refused by what is no regular expression', () => {
    expect(() => reviews().service.sendTo('v2', [RequestMatch.userAgent(StringMatch.regex('('))])).toThrow(/'regex' must be an RE2 regular expression.*"\("/);
  });
});

describe('a split as a list', () => {
  const three: Required<VersionShare>[] = [{ version: '10', weight: 1 }, { version: 'release', weight: 8 }, { version: '2', weight: 1 }];
  /** A service whose versions are called like whole numbers. */
  function numbered() {
    const shop = reviews();
    for (const version of ['10', '2']) shop.service.addVersion(version);
    return shop;
  }

  test('keeps its order, whatever the versions are called', () => {
    const { app, chart, service } = numbered();
    service.splitBetween(three);

    expect(shares(rulesOf(chart, 'reviews')[0])).toEqual([['10', 1], ['release', 8], ['2', 1]]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('is what a split by names is, but for that order', () => {
    const [one, other] = [numbered(), numbered()];
    one.service.splitBetween([{ version: 'v3', weight: 1 }, { version: 'release', weight: 3 }]);
    other.service.split({ v3: 1, release: 3 });

    expect(one.app.synthYaml()).toBe(other.app.synthYaml());
  });

  test('all the props: sticky too', () => {
    const { chart, service } = numbered();
    const said: Required<SplitOptions> = { sticky: { cookie: 'canary' } };
    service.splitBetween(three, said);
    const rules = rulesOf(chart, 'reviews');

    expect(rules.map((rule) => rule.route.map(({ destination }: any) => destination.subset))).toEqual([['10'], ['release'], ['2'], ['10', 'release', '2']]);
    expect(rules[3].route[0].headers).toEqual({ response: { add: { 'set-cookie': 'canary=10; Path=/' } } });
  });

  test('is refused where it names a version twice, nothing, or zeros alone', () => {
    const refused = (list: VersionShare[], code: string, property: string, says: RegExp) => expectRefusal(() => reviews().service.splitBetween(list), { code, property, path: 'shop/reviews', says });
    refused([{ version: 'v2', weight: 1 }, { version: 'v2', weight: 2 }], 'ShareTwice', 'shares', /twice, got "v2"; add its weights up/);
    refused([], 'WeightsEmpty', 'weights', /must name a version/);
    refused([{ version: 'v2', weight: 0 }], 'WeightsAllZero', 'weight', /above 0/);
    expectRefusal(() => reviews().service.split(undefined as any), { code: 'WeightsEmpty', property: 'weights', path: 'shop/reviews', says: /must name a version/ });
  });
});

describe('a sticky split', () => {
  const cookieRule = (cookie: string, version: string) => ({
    match: [{ headers: { cookie: { regex: `^(.*?;)?\\s*(${cookie}=${version})(;.*)?$` } } }], route: [to(version)],
  });
  const share = (version: string, weight: number, text: string) => ({ ...to(version), weight, headers: { response: { add: { 'set-cookie': text } } } });

  test('tells each user the version in a cookie, and sends the cookie to its version', () => {
    const { app, chart, service } = reviews();
    service.splitSticky({ release: 90, v2: 10 });

    expect(rulesOf(chart, 'reviews')).toEqual([
      cookieRule('reviews-version', 'release'),
      cookieRule('reviews-version', 'v2'),
      { route: [share('release', 90, 'reviews-version=release; Path=/'), share('v2', 10, 'reviews-version=v2; Path=/')] },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('all the props', () => {
    const { chart, service } = reviews();
    const said: Required<StickyOptions> = { cookie: 'canary', maxAge: Duration.days(1) };
    service.splitSticky({ release: 1, v2: 1 }, said);

    const rules = rulesOf(chart, 'reviews');
    expect(rules[0]).toEqual(cookieRule('canary', 'release'));
    expect(rules[2].route[1]).toEqual(share('v2', 1, 'canary=v2; Path=/; Max-Age=86400'));
  });

  test('has no rule for a version that nobody can have met', () => {
    const { chart, service } = reviews();
    service.splitSticky({ release: 1, v2: 1, v3: 0 });

    expect(rulesOf(chart, 'reviews').slice(0, -1).map((rule) => rule.route[0].destination.subset)).toEqual(['release', 'v2']);
  });

  test('stands behind the rules that were there, and before those that come', () => {
    const { chart, service } = reviews();
    service.sendTo('v3', [safari]);
    service.splitSticky({ release: 1, v2: 1 });
    service.sendTo('v3', [RequestMatch.pathPrefix('/v3')]);

    expect(rulesOf(chart, 'reviews').map((rule) => Object.keys(rule.match?.[0].headers ?? rule.match?.[0] ?? {}))).toEqual([['user-agent'], ['cookie'], ['cookie'], ['uri'], []]);
  });

  test('keeps a user at the version of the cookie, among other cookies too, and all others in the split', () => {
    const { chart, service } = reviews();
    service.splitSticky({ release: 1, v2: 1 });
    const [virtualService] = chart.toJson().filter(({ kind }) => kind === 'VirtualService');
    const meets = (cookie?: string) => {
      const outcome: any = evaluate(virtualService, { path: '/', headers: cookie === undefined ? {} : { cookie } });
      return outcome.shares.map(({ subset }: any) => subset).sort();
    };

    for (const cookie of ['reviews-version=v2', 'a=b; reviews-version=v2', 'reviews-version=v2; a=b', 'a=b;reviews-version=v2;c=d']) expect(meets(cookie)).toEqual(['v2']);
    for (const cookie of [undefined, 'a=b', 'reviews-version=v9', 'reviews-version=v2x', 'my-reviews-version=v2', 'reviews-version=']) expect(meets(cookie)).toEqual(['release', 'v2']);
  });

  test.each(['a b', '', 'a;b', 'a=b'])('is refused with a cookie %j', (cookie) => {
    expectRefusal(() => reviews().service.splitSticky({ release: 1 }, { cookie }), { code: 'CookieName', property: 'cookie', got: cookie, says: /RFC 7230/ });
  });

  test('is refused with weights that are all zero, or of no version', () => {
    for (const weights of [{ release: 0, v2: 0 }, { v2: 0 }] as Record<string, number>[]) {
      expectRefusal(() => reviews().service.splitSticky(weights), { code: 'WeightsAllZero', property: 'weight', got: 0, says: /above 0/ });
    }
    expectRefusal(() => reviews().service.splitSticky({}), { code: 'WeightsEmpty', property: 'weights', path: 'shop/reviews', says: /must name a version/ });
  });

  test('is refused with a cookie that lives for no time, which browsers throw away at once', () => {
    expect(() => reviews().service.splitSticky({ release: 1, v2: 1 }, { maxAge: Duration.seconds(0) })).toThrow(/'maxAge' must/);
  });

  test('is refused with a cookie that lives for parts of a second, and the message names the property', () => {
    expect(() => reviews().service.splitSticky({ release: 1, v2: 1 }, { maxAge: Duration.millis(1500) })).toThrow(/'maxAge' must/);
  });

  test('leaves nothing behind when it is refused because something is said already', () => {
    const { chart, service } = reviews();
    service.activate('v2');
    expect(() => service.splitSticky({ release: 1, v3: 1 })).toThrow();

    expect(rulesOf(chart, 'reviews')).toEqual([{ route: [to('v2')] }]);
  });
});

describe('blue-green', () => {
  test('the active version serves everybody, the other is ready and unrouted', () => {
    const { app, chart, service } = reviews();
    service.activate('v2');

    expect(rulesOf(chart, 'reviews')).toEqual([{ route: [to('v2')] }]);
    expect(inventory(chart)).toContain('Deployment reviews-release');
    expect(objectOf(chart, 'DestinationRule', 'reviews').spec.subsets.map(({ name }: any) => name)).toEqual(['release', 'v2', 'v3']);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('switching back is switching to the baseline, with the same bytes as never having switched', () => {
    const [switched, untouched] = [reviews(), reviews()];
    switched.service.activate('release');

    expect(switched.app.synthYaml()).toBe(untouched.app.synthYaml());
  });

  test('only the version\'s name changes from one state to the other', () => {
    const [blue, green] = ['release', 'v2'].map((version) => {
      const { chart, service } = reviews();
      service.activate(version);
      return chart.toJson().filter(({ kind }) => kind === 'VirtualService');
    });

    expect(JSON.stringify(green)).toBe(JSON.stringify(blue).replace('"release"', '"v2"'));
  });

  test('the switch holds at gateways, rules by content stay before it', () => {
    const { chart, service } = reviews();
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(service);
    service.sendTo('release', [safari]);
    service.activate('v2');

    expect(rulesOf(chart, 'gateway-any-host').map(shares)).toEqual([[['release', undefined]], [['v2', undefined]]]);
  });

  test('lanes go on as before, whichever version is active', () => {
    const { app, chart, service } = reviews();
    new StainedRoute(chart, 'lanes').addLane('l1').serve(service);
    service.activate('v2');

    expect(rulesOf(chart, 'reviews').map((rule) => [rule.name, ...shares(rule)[0]])).toEqual([['lane/l1', 'l1', undefined], [undefined, 'v2', undefined]]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('an unknown version is refused at synth', () => {
    const { app, service } = reviews();
    service.activate('v9');

    expect(() => app.synthYaml()).toThrow(/\[shop\/reviews\/host\] 'version' must be a version of .*got "v9" \(known: release, v2, v3\)/);
  });
});

describe('a version that is retired', () => {
  test('takes what is said of its pods alone along, and nothing else', () => {
    const { chart, app, service } = reviews();
    const v4 = service.addVersion('v4');
    new AccessPolicy(chart, 'access', { on: v4, allow: [], requireMtls: true });
    new MtlsPolicy(chart, 'mtls', { on: v4 });
    new RateLimit(chart, 'limit', { on: v4, requests: 5 });
    new Scope(chart, 'scope', { on: [v4, service] });
    service.retire('v4');

    expect(inventory(chart).filter((each) => /AuthorizationPolicy|PeerAuthentication|EnvoyFilter|Sidecar/.test(each))).toEqual(['Sidecar reviews']);
    expect(() => app.synthYaml()).not.toThrow();
    // Its names are free again.
    new RateLimit(chart, 'limit', { on: service, requests: 5 });
    expectRefusal(() => new MtlsPolicy(chart, 'late', { on: v4 }), { code: 'VersionRetired', property: 'on', path: 'shop/late', says: /must not be a version that is retired/ });
  });

  test('takes its Deployment and its subset with it, and leaves the bytes of an app that never had it', () => {
    const { app, service } = reviews();
    service.retire('v3');
    const never = new App();
    new CanaryService(chartOf('shop', 'shop', never), 'reviews', { port: 9080, template: { image: 'reviews' }, baseline: { version: 'release' } }).addVersion('v2');

    expect(app.synthYaml()).toBe(never.synthYaml());
  });

  test('takes every rule that routes to it alone, in the mesh and at gateways', () => {
    const { app, chart, service } = reviews();
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(service);
    service.sendTo('v3', [safari]);
    service.sendTo('v2', [RequestMatch.pathPrefix('/v2')]);
    service.retire('v3');

    for (const name of ['reviews', 'gateway-any-host']) expect(rulesOf(chart, name).map(shares)).toEqual([[['v2', undefined]], [['release', undefined]]]);
    expect(JSON.stringify(chart.toJson())).not.toContain('v3');
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('leaves its share of a rule to the others, and a rule that would have no weight left goes', () => {
    const { chart, service } = reviews();
    const share = (version: string, weight: number) => Destination.of(service, { version, weight });
    service.host.addRule(RouteRule.to([share('release', 1), share('v2', 2), share('v3', 3)], { name: 'three', match: [RequestMatch.pathPrefix('/a')] }));
    service.host.addRule(RouteRule.to([share('v2', 2), share('v3', 3)], { name: 'two', match: [RequestMatch.pathPrefix('/b')] }));
    service.host.addRule(RouteRule.to([share('v2', 0), share('v3', 3)], { name: 'one', match: [RequestMatch.pathPrefix('/c')] }));
    service.retire('v3');

    expect(rulesOf(chart, 'reviews').map((rule) => [rule.name, shares(rule)])).toEqual([
      ['three', [['release', 1], ['v2', 2]]], ['two', [['v2', undefined]]], [undefined, [['release', undefined]]],
    ]);
  });

  test('leaves its share of the split to the others', () => {
    const { chart, service } = reviews();
    service.split({ release: 90, v2: 9, v3: 1 });
    service.retire('v3');

    expect(shares(rulesOf(chart, 'reviews')[0])).toEqual([['release', 90], ['v2', 9]]);
  });

  test('goes out of a split in which it had no weight', () => {
    const { app, chart, service } = reviews();
    service.split({ release: 0, v2: 100 });
    service.retire('release');

    expect(rulesOf(chart, 'reviews')).toEqual([{ route: [to('v2')] }]);
    expect(inventory(chart)).not.toContain('Deployment reviews-release');
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('may be the baseline, once another version has taken over', () => {
    const { app, chart, service } = reviews();
    service.activate('v2');
    service.retire('release');
    service.retire('v3');

    expect(inventory(chart)).toEqual(['Service reviews', 'Deployment reviews-v2', 'DestinationRule reviews', 'VirtualService reviews']);
    expect(rulesOf(chart, 'reviews')).toEqual([{ route: [to('v2')] }]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('takes along what was said of it alone', () => {
    const { app, chart, service } = reviews();
    service.sendTo('v3', [safari]);
    new ResilientBackend(chart, 'policy', { host: service, version: 'v3', connectionPool: ConnectionPool.of({ maxConnections: 1 }) });
    service.retire('v3');

    expect(JSON.stringify(chart.toJson())).not.toContain('maxConnections');
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('does not leave a mirror to a version that is gone: Istio would lose the copies without a word', () => {
    const { app, chart, service } = reviews();
    new MirrorTarget(chart, 'mirror', { from: service, to: service, toVersion: 'v3' });
    service.retire('v3');

    let refusal = '';
    try {
      app.synthYaml();
    } catch (error) {
      refusal = (error as Error).message;
    }
    // Either way will do: the mirror goes with the version, or synth says that it must.
    expect(refusal.includes('v3') || !JSON.stringify(chart.toJson()).includes('v3')).toBe(true);
  });

  test('that another host routes to is missed at synth', () => {
    const { app, chart, service } = reviews();
    const other = new CanaryService(chart, 'other', { port: 80, baseline: { version: 'release', image: 'a' } });
    other.host.addRule(RouteRule.to([Destination.of(service, { version: 'v3' })], { match: [safari] }));
    service.retire('v3');

    expect(() => app.synthYaml()).toThrow(/\[shop\/other\/host\] 'version' must be a version of reviews\.shop\S+, got "v3" \(known: release, v2\)/);
  });

  test('can come back', () => {
    const { app, chart, service } = reviews();
    service.retire('v3');
    service.addVersion('v3', { image: 'new' });

    expect(objectOf(chart, 'Deployment', 'reviews-v3').spec.template.spec.containers[0].image).toBe('new');
    expect(() => app.synthYaml()).not.toThrow();
  });

  describe('is refused', () => {
    test('when the service does not have it, or has no more', () => {
      const { service } = reviews();
      service.retire('v3');

      for (const version of ['v9', 'v3']) {
        expectRefusal(() => service.retire(version), { code: 'VersionUnknown', property: 'version', got: version, path: 'shop/reviews', says: /\(known: release, v2\)/ });
      }
    });

    test('when it is a lane: lanes have an end of their own', () => {
      const { chart, service } = reviews();
      new StainedRoute(chart, 'lanes').addLane('l1').serve(service);

      expectRefusal(() => service.retire('l1'), { code: 'VersionUnknown', property: 'version', got: 'l1', path: 'shop/reviews', says: /known: release, v2, v3/ });
    });

    test.each([
      ['the baseline, untouched', 'release', () => undefined],
      ['the one that was activated', 'v2', (service: CanaryService) => service.activate('v2')],
      ['the only one of a split', 'v2', (service: CanaryService) => service.split({ v2: 1 })],
      ['the only one with weight', 'v2', (service: CanaryService) => service.split({ release: 0, v2: 1 })],
    ])('when it serves everybody: %s', (_what, version, prepare) => {
      const { service } = reviews();
      prepare(service);

      expectRefusal(() => service.retire(version), { code: 'VersionActive', property: 'version', got: version, path: 'shop/reviews', says: /serves everybody.*route to another version first/ });
    });
  });
});

describe('TCP and TLS', () => {
  test('connections are pinned to the baseline', () => {
    const { app, chart } = reviews(AppProtocol.TCP);

    expect(objectOf(chart, 'VirtualService', 'reviews').spec).toEqual({ hosts: [HOST], tcp: [{ route: [to('release')] }] });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test.each([AppProtocol.TLS, AppProtocol.HTTPS])('connections of %s are pinned by the server name that they ask for', (appProtocol) => {
    const { app, chart } = reviews(appProtocol);

    // A connection asks for the very name that its client was given.
    const names = [HOST, 'reviews.shop.svc', 'reviews.shop', 'reviews'];
    expect(objectOf(chart, 'VirtualService', 'reviews').spec).toEqual({ hosts: names, tls: [{ match: [{ sniHosts: names }], route: [to('release')] }] });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test.each([AppProtocol.TCP, AppProtocol.TLS])('connections of %s are split by weight, and switched', (appProtocol) => {
    const kind = appProtocol === AppProtocol.TCP ? 'tcp' : 'tls';
    const [split, switched] = [reviews(appProtocol), reviews(appProtocol)];
    split.service.split({ release: 9, v2: 1 });
    switched.service.activate('v2');

    expect(shares(objectOf(split.chart, 'VirtualService', 'reviews').spec[kind][0])).toEqual([['release', 9], ['v2', 1]]);
    expect(objectOf(switched.chart, 'VirtualService', 'reviews').spec[kind][0].route).toEqual([to('v2')]);
    expect(schemaProblems(split.chart.toJson())).toEqual([]);
  });

  test('a version of them can be retired', () => {
    const { chart, service } = reviews(AppProtocol.TCP);
    service.activate('v2');
    service.retire('release');

    expect(objectOf(chart, 'VirtualService', 'reviews').spec.tcp).toEqual([{ route: [to('v2')] }]);
  });

  test.each([
    ['a sticky split', (service: CanaryService) => service.splitSticky({ release: 1, v2: 1 })],
    ['a rule by content', (service: CanaryService) => service.sendTo('v2', [safari])],
    ['a lane', (service: CanaryService) => new StainedRoute(service, 'stain').addLane('l1').serve(service)],
  ])('they have no content: %s is refused', (_what, action) => {
    for (const protocol of [AppProtocol.TCP, AppProtocol.TLS]) expect(() => action(reviews(protocol).service)).toThrow(/\[shop\/reviews.*\] '\w+' needs HTTP: reviews\.shop\S+ speaks (tcp|tls)/);
  });

  // istiod's schema: unknown field spec.tcp[0].route[0].headers.
  test.each([RoutedProtocol.TCP, RoutedProtocol.TLS])('header changes of a destination are refused for %s, which has no headers', (protocol) => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'db', { name: 'db', baseline: 'release', protocol });

    expect(() => {
      host.routeDefault([Destination.of(host, { version: 'release', headers: HeaderOperations.of({ request: { set: { 'x-a': '1' } } }) })]);
      app.synthYaml();
    }).toThrow(/headers/);
  });
});

test('weights that do not add up to 100 are no case for a warning: they are relative', () => {
  const { app, service } = reviews();
  service.split({ release: 2, v2: 1 });
  app.synthYaml();

  expect(Warnings.of(app).all).toEqual([]);
});

test('a subset without labels, which would select every pod, is refused wherever one is made', () => {
  const chart = chartOf();
  const host = new MeshHost(chart, 'legacy', { name: 'legacy', baseline: 'release' });
  const lane = new StainedRoute(chart, 'lanes').addLane('l1');
  const refusal = { code: 'SubsetLabels', property: 'labels', says: /must name a label, as a subset without labels selects every pod/ };

  expectRefusal(() => host.addVersion('v2', {}), { ...refusal, path: 'shop/legacy' });
  expectRefusal(() => lane.route(host, { labels: {} }), { ...refusal, path: 'shop/legacy' });
  expectRefusal(() => new MeshHost(chart, 'other', { name: 'other', baseline: 'release', baselineLabels: {} }), { ...refusal, path: 'shop/other' });
});
