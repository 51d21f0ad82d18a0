import { App } from 'cdk8s';
import {
  CallbackFilter, CallbackFilterProps, CallbackPlace, CallbackProps, CanaryService, Destination, GatewayCallbackProps, MeshGateway,
  NameAndValue, RequestMatch, RouteRule, SelfStaining, SelfStainingProps, StainedRoute, Staining, StringMatch, Warnings, WorkloadReference,
} from '../src';
import { chartOf, inventory, objectOf, objectsOf, rulesOf } from './support/objects';
import { expectRefusal, thrownBy } from './support/refusals';
import { schemaProblems } from './support/schema';

const EXPIRES = '2099-12-31';
const HOST = 'shop.example.com';

function shop(staining = Staining.closed(), hosts = [HOST], now?: string) {
  const app = new App();
  if (now !== undefined) app.node.setContext('cdk8s-lanes/now', now);
  const chart = chartOf('shop', 'shop', app);
  const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart' }, baseline: { version: 'main' } });
  cart.host.addRule(cartRule(cart));
  const lanes = new StainedRoute(chart, 'lanes');
  lanes.addLane('l1').serve(cart);
  lanes.addLane('l2');
  const gateway = new MeshGateway(chart, 'gateway', { hosts, staining }).route(cart);
  return { app, chart, cart, lanes, gateway };
}

function cartRule(cart: CanaryService): RouteRule {
  return RouteRule.to([Destination.of(cart, { version: 'main' })], { match: [RequestMatch.pathPrefix('/api')], name: 'api' });
}

const summary = (rules: any[]) => rules.map(({ name, match, route, headers }) => ({
  name, match, to: route[0].destination.subset, request: headers?.request,
}));
const codes = (scope: any) => Warnings.of(scope).all.map(({ code }) => code);

describe('a callback at a closed gateway', () => {
  test('stands before each rule, for the requests of both, goes to the lane\'s version and sets the header', () => {
    const { chart, gateway } = shop();
    gateway.addCallback('pay', { path: '/', query: { name: 'lane', value: 'one' }, lane: 'l1', expires: EXPIRES });

    const queryParams = { lane: { exact: 'one' } };
    expect(summary(rulesOf(chart, 'gateway-shop-example-com'))).toEqual([
      { name: 'callback/pay/api', match: [{ uri: { prefix: '/api' }, queryParams }], to: 'l1', request: { set: { 'project-version': 'l1' } } },
      { name: 'api', match: [{ uri: { prefix: '/api' } }], to: 'main', request: { remove: ['project-version'] } },
      { name: 'callback/pay', match: [{ uri: { prefix: '/' }, queryParams }], to: 'l1', request: { set: { 'project-version': 'l1' } } },
      { name: undefined, match: undefined, to: 'main', request: { remove: ['project-version'] } },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(codes(chart)).toEqual([]);
  });

  test('of a lane without a version there meets the baseline, and carries the lane on', () => {
    const { chart, gateway } = shop();
    gateway.addCallback('pay', { path: '/pay', lane: 'l2', expires: EXPIRES });
    expect(summary(rulesOf(chart, 'gateway-shop-example-com'))[1]).toEqual({ name: 'callback/pay', match: [{ uri: { prefix: '/pay' } }], to: 'main', request: { set: { 'project-version': 'l2' } } });
  });

  test('for the gateway\'s own host takes all its requests', () => {
    const { chart, gateway } = shop();
    gateway.addCallback('all', { authority: 'SHOP.example.com', lane: 'l1', expires: EXPIRES });
    expect(summary(rulesOf(chart, 'gateway-shop-example-com')).map(({ name, to }) => [name, to])).toEqual([['callback/all/api', 'l1'], ['callback/all', 'l1']]);
  });

  test('for a host that a wildcard covers asks for it, without case, with any port', () => {
    const { chart, gateway } = shop(Staining.closed(), ['*']);
    gateway.addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    expect(rulesOf(chart, 'gateway-any-host')[2].match).toEqual([{ authority: { regex: '(?i)aaa\\.com\\.?(:[0-9]+)?' } }]);
    expect(objectOf(chart, 'Gateway', 'gateway').spec.servers[0].hosts).toEqual(['*']);
  });

  test('for another host has a VirtualService of its own, with the routes of the gateway\'s host', () => {
    const { chart, gateway } = shop();
    gateway.addCallback('aaa', { authority: 'aaa.com', path: '/in', lane: 'l1', expires: EXPIRES });
    gateway.addCallback('aab', { authority: 'aaa.com', path: '/out', lane: 'l2', expires: EXPIRES });

    expect(objectOf(chart, 'Gateway', 'gateway').spec.servers[0].hosts).toEqual([HOST, 'aaa.com']);
    const { spec, metadata } = objectOf(chart, 'VirtualService', 'gateway-aaa-com');
    expect(metadata.labels).toEqual({ 'cdk8s-lanes/handles-lane-header': 'closed' });
    expect(spec.hosts).toEqual(['aaa.com']);
    expect(summary(spec.http).map(({ name, to }) => [name, to])).toEqual([['api', 'main'], ['callback/aaa', 'l1'], ['callback/aab', 'main'], [undefined, 'main']]);
    expect(summary(rulesOf(chart, 'gateway-shop-example-com')).map(({ name }) => name)).toEqual(['api', undefined]);
    expect(inventory(chart).filter((name) => name.includes('gateway'))).toEqual(['Gateway gateway', 'VirtualService gateway-aaa-com', 'VirtualService gateway-shop-example-com']);
  });

  test('may be for one of several hosts', () => {
    const { chart, gateway } = shop(Staining.closed(), [HOST, 'two.example.com']);
    gateway.addCallback('pay', { path: '/pay', lane: 'l1', host: 'two.example.com', expires: EXPIRES });
    const named = (vs: string) => summary(rulesOf(chart, vs)).map(({ name }) => name);
    expect([named('gateway-shop-example-com'), named('gateway-two-example-com')]).toEqual([['api', undefined], ['api', 'callback/pay', undefined]]);
  });
});

test('all the props', () => {
  const cookie: Required<NameAndValue> = { name: 'lane', value: 'one' };
  const callback: Required<CallbackProps> = {
    authority: 'aaa.com', path: '/in', cookie, query: { name: 'q', value: '1' }, lane: 'elsewhere', laneMayBeMissing: true, expires: '2099-01-31T12:00:00Z',
  };
  const said: Required<GatewayCallbackProps> = { ...callback, host: HOST };
  const { chart, gateway } = shop();
  gateway.addCallback('all', said);
  expect(summary(rulesOf(chart, 'gateway-aaa-com'))[1]).toEqual({
    name: 'callback/all',
    match: [{ uri: { prefix: '/in' }, headers: { cookie: { regex: '^(.*?;)?\\s*(lane=one)(;.*)?$' } }, queryParams: { q: { exact: '1' } } }],
    to: 'main',
    request: { set: { 'project-version': 'elsewhere' } },
  });
});

describe('at an open gateway', () => {
  test('a lane header that says something is kept: lanes go first, and the callback is for requests without', () => {
    const { chart, gateway } = shop(Staining.open());
    gateway.addCallback('pay', { path: '/pay', lane: 'l1' });
    expect(summary(rulesOf(chart, 'gateway-shop-example-com')).map(({ name, match }) => [name, match])).toEqual([
      ['lane/l1/api', [{ uri: { prefix: '/api' }, headers: { 'project-version': { exact: 'l1' } } }]],
      ['api', [{ uri: { prefix: '/api' } }]],
      ['lane/l1', [{ headers: { 'project-version': { exact: 'l1' } } }]],
      ['callback/pay', [{ uri: { prefix: '/pay' }, withoutHeaders: { 'project-version': { regex: '[^-].*|-.+' } } }]],
      [undefined, undefined],
    ]);
    expect(objectOf(chart, 'VirtualService', 'gateway-shop-example-com').metadata.labels).toEqual({ 'cdk8s-lanes/handles-lane-header': 'callbacks' });
    expect(codes(chart)).toEqual([]);
  });

  test('without callbacks nothing differs', () => {
    expect(objectOf(shop(Staining.open()).chart, 'VirtualService', 'gateway-shop-example-com').metadata).not.toHaveProperty('labels');
  });
});

describe('the end of a callback', () => {
  const at = (now: string, expires: string) => {
    const { chart, gateway } = shop(Staining.closed(), [HOST], now);
    gateway.addCallback('pay', { path: '/pay', lane: 'l1', expires });
    return { there: rulesOf(chart, 'gateway-shop-example-com').some(({ name }) => name === 'callback/pay'), codes: codes(chart) };
  };

  test.each<[string, string, boolean, string[]]>([
    ['2027-01-01', '2027-01-31', true, []],
    ['2027-01-17T00:00:00Z', '2027-01-31', true, []],
    ['2027-01-18T00:00:01Z', '2027-01-31', true, ['CallbackExpiresSoon']],
    ['2027-01-31T23:59:59Z', '2027-01-31', true, ['CallbackExpiresSoon']],
    ['2027-02-01T00:00:00Z', '2027-01-31', false, ['CallbackExpired']],
    ['2027-01-31T12:00:00Z', '2027-01-31T12:00:00+01:00', false, ['CallbackExpired']],
  ])('at %s, when %s is the last day', (now, expires, there, warned) => {
    expect(at(now, expires)).toEqual({ there, codes: warned });
  });

  test('where anybody may call is asked for', () => {
    const { chart, gateway } = shop();
    gateway.addCallback('pay', { path: '/pay', lane: 'l1' });
    expect(Warnings.of(chart).all).toEqual([{ code: 'CallbackWithoutExpiry', path: 'shop/gateway/edge', message: expect.stringMatching(/'pay'.*'expires'/) }]);
  });

  test('leaves no filter behind', () => {
    const { chart, cart } = shop(Staining.closed(), [HOST], '2027-02-01');
    new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inbound(cart) }).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: '2027-01-31' });
    expect(objectsOf(chart, 'EnvoyFilter')).toEqual([]);
    expect(codes(chart)).toEqual(['CallbackExpired']);
  });

  test.each(['2027-02-30', 'tomorrow', '2027-1-1', '', '2027-01-31T25:00:00Z', '31.1.2027'])('%p is none', (expires) => {
    expectRefusal(() => shop().gateway.addCallback('pay', { path: '/pay', lane: 'l1', expires }), { code: 'CallbackExpires', property: 'pay.expires', got: expires, path: 'shop/gateway/edge', says: /2027-01-31/ });
  });
});

describe('refused', () => {
  const make = (props: Partial<CallbackProps>) => () => shop().gateway.addCallback('pay', { lane: 'l1', expires: EXPIRES, ...props });

  test.each<[string, Partial<CallbackProps>, string, string, RegExp]>([
    ['every host', { authority: '*' }, 'CallbackAuthority', 'pay.authority', /one host/],
    ['a wildcard', { authority: '*.aaa.com' }, 'CallbackAuthority', 'pay.authority', /one host/],
    ['a host with a port', { authority: 'aaa.com:80' }, 'CallbackAuthority', 'pay.authority', /without port/],
    ['no host name', { authority: 'aaa_b"c' }, 'CallbackAuthority', 'pay.authority', /DNS name/],
    ['a relative path', { path: 'pay' }, 'PathPrefix', 'pay.path', /begin with '\/'/],
    ['a cookie that is none', { cookie: { name: 'a b', value: '1' } }, 'CallbackName', 'pay.cookie.name', /header name/],
    ['a value that would be two', { cookie: { name: 'a', value: '1;b=2' } }, 'CallbackValue', 'pay.cookie.value', /without/],
    ['a query parameter that is none', { query: { name: 'a=b', value: '1' } }, 'CallbackName', 'pay.query.name', /URL/],
    ['nothing at all', {}, 'CallbackMatchesAll', 'pay', /authority, path, cookie or query/],
    ['no lane\'s name', { path: '/a', lane: 'Release/1' }, 'LaneName', 'pay.lane', /DNS label/],
  ])('%s', (_, props, code, property, says) => {
    expectRefusal(make(props), { code, property, path: 'shop/gateway/edge', says });
  });

  test('a lane that the app does not have, at synth', () => {
    const { chart, gateway } = shop();
    gateway.addCallback('pay', { path: '/pay', lane: 'l9', expires: EXPIRES });
    expect(thrownBy(() => chart.toJson()).message).toMatch(/\[shop\/gateway\/edge\] 'pay\.lane' must be a lane of the app, got "l9" \(known: l1, l2\); add the lane, or say laneMayBeMissing: true/);
  });

  test('two callbacks for the same requests, to two lanes or one', () => {
    const { gateway } = shop();
    gateway.addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    expectRefusal(() => gateway.addCallback('other', { authority: 'AAA.com', lane: 'l2', expires: EXPIRES }), { code: 'CallbackTwice', property: 'other', path: 'shop/gateway/edge', says: /'aaa'.*lane l1, and this one to lane l2/ });
    expectRefusal(() => gateway.addCallback('other', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES }), { code: 'CallbackTwice', property: 'other', says: /tell them apart/ });
    expectRefusal(() => gateway.addCallback('aaa', { path: '/x', lane: 'l1', expires: EXPIRES }), { code: 'CallbackTwice', property: 'id', got: 'aaa', says: /new/ });
    gateway.addCallback('other', { authority: 'aaa.com', path: '/x', lane: 'l2', expires: EXPIRES });
  });

  describe('one whose requests all belong to another before it, at synth', () => {
    const add = (hosts: string[], ...callbacks: Partial<GatewayCallbackProps>[]) => {
      const { chart, gateway } = shop(Staining.closed(), hosts, '2027-01-01');
      callbacks.forEach((each, index) => gateway.addCallback(`cb-${index}`, { lane: `l${index + 1}`, expires: EXPIRES, ...each }));
      return () => chart.toJson();
    };
    const two = [HOST, 'two.example.com'];
    const lane = { name: 'lane', value: '1' };

    test.each<[string, string[], Partial<GatewayCallbackProps>[]]>([
      ['a host, then a path of it', ['*'], [{ authority: 'AAA.com' }, { authority: 'aaa.com', path: '/' }]],
      ['a host of its own, then a path of it', [HOST], [{ authority: 'aaa.com' }, { authority: 'aaa.com', path: '/in' }]],
      ['a path, then one within', [HOST], [{ path: '/pay' }, { path: '/pay/x' }]],
      ['a path, then it with a query', [HOST], [{ path: '/pay' }, { path: '/pay', query: lane }]],
      ['a path on all hosts, then on one', two, [{ path: '/pay' }, { path: '/pay', host: HOST }]],
      ['a path on all hosts, then on the one that an authority is', two, [{ path: '/pay' }, { path: '/pay', authority: HOST }]],
    ])('%s', (_, hosts, callbacks) => {
      expect(thrownBy(add(hosts, ...callbacks)).message).toMatch(/\[shop\/gateway\/edge\] 'cb-1' must not match what callback 'cb-0' takes before it \(for lane l1, not l2\).*before/);
    });

    test.each<[string, string[], Partial<GatewayCallbackProps>[]]>([
      ['the narrower first', [HOST], [{ path: '/pay/x' }, { path: '/pay' }]],
      ['one host first, then all', two, [{ path: '/pay', host: HOST }, { path: '/pay' }]],
      ['both of one lane', [HOST], [{ path: '/pay' }, { path: '/pay/x', lane: 'l1' }]],
      ['the wider is over', [HOST], [{ path: '/pay', expires: '2026-12-01' }, { path: '/pay/x' }]],
      ['another cookie', [HOST], [{ path: '/pay', cookie: lane }, { path: '/pay/x' }]],
      ['other hosts', two, [{ path: '/pay', host: HOST }, { path: '/pay', host: 'two.example.com' }]],
    ])('but not where it is %s', (_, hosts, callbacks) => {
      expect(add(hosts, ...callbacks)).not.toThrow();
    });

    test('of a filter too', () => {
      const { chart, cart } = shop();
      new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inbound(cart) })
        .addCallback('a', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES }).addCallback('b', { authority: 'aaa.com', path: '/b', lane: 'l2', expires: EXPIRES });
      expect(thrownBy(() => chart.toJson()).message).toMatch(/\[shop\/callbacks\] 'b' must not match what callback 'a' takes before it/);
    });
  });

  test('two for all hosts of a gateway that has one, named or not', () => {
    const { gateway } = shop();
    gateway.addCallback('a', { path: '/pay', lane: 'l1', expires: EXPIRES });
    expectRefusal(() => gateway.addCallback('b', { path: '/pay', host: HOST, lane: 'l2', expires: EXPIRES }), { code: 'CallbackTwice', property: 'b', says: /'a'/ });
  });

  test('a host of another gateway, and one whose routes nobody named', () => {
    const { chart, gateway } = shop(Staining.closed(), [HOST, 'two.example.com']);
    new MeshGateway(chart, 'other', { hosts: ['aaa.com'], staining: Staining.closed() });
    expectRefusal(() => gateway.addCallback('aaa', { authority: 'bbb.com', lane: 'l1', expires: EXPIRES }), { code: 'GatewayHostUnknown', property: 'host', path: 'shop/gateway/edge', says: /shop\.example\.com, two\.example\.com/ });
    expect(() => gateway.addCallback('aaa', { authority: 'aaa.com', lane: 'l1', host: HOST, expires: EXPIRES })).toThrow(/'hosts' names aaa\.com, which shop\/other serves already/);
  });

  test('a match that cannot be joined with a rule\'s, at synth, with the way out', () => {
    const { chart, cart, gateway } = shop();
    cart.sendTo('main', [RequestMatch.path(StringMatch.regex('/a.*'))]);
    gateway.addCallback('pay', { path: '/abc', lane: 'l1', expires: EXPIRES });
    expect(thrownBy(() => chart.toJson()).message).toMatch(/spec\.http\[1\] cannot be joined with a callback.*'uri'.*a host of its own/);
  });
});

test('a lane is warned of where the StainedRoute of the app has none yet', () => {
  const chart = chartOf();
  const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart' }, baseline: { version: 'main' } });
  const gateway = new MeshGateway(chart, 'gateway', { hosts: [HOST], staining: Staining.closed() }).route(cart).addCallback('pay', { path: '/pay', lane: 'typo', expires: EXPIRES });
  chart.toJson();
  expect(codes(chart)).toEqual([]);

  new StainedRoute(chart, 'lanes');
  gateway.addCallback('other', { path: '/other', lane: 'elsewhere', laneMayBeMissing: true, expires: EXPIRES });
  chart.toJson();
  expect(Warnings.of(chart).all).toEqual([{ code: 'CallbackLaneUnknown', path: 'shop/gateway/edge', message: expect.stringMatching(/'pay\.lane' is "typo".*laneMayBeMissing: true/) }]);
});

describe('a filter', () => {
  test('all the props', () => {
    const { chart } = shop();
    const pods: Required<WorkloadReference> = { labels: { app: 'orange-gateway-a' }, namespace: 'sopei-biz' };
    const said: Required<CallbackFilterProps> = { at: CallbackPlace.inboundOf(pods), name: 'partners' };
    new CallbackFilter(chart, 'id', said).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    const filter = objectOf(chart, 'EnvoyFilter', 'partners');
    expect(filter).toMatchObject({
      apiVersion: 'networking.istio.io/v1alpha3', metadata: { namespace: 'sopei-biz' }, spec: { priority: 10, workloadSelector: { labels: { app: 'orange-gateway-a' } } },
    });
    expect(filter.spec.configPatches[0].patch.value.typed_config.default_source_code.inline_string).toContain('authority = "aaa.com", lane = "l1"');
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test.each<[string, Staining | undefined, string[]]>([
    ['is closed', Staining.closed(), ['CallbackFilterIdle']],
    ['does not say what it is', undefined, ['StainingNotSaid', 'CallbackFilterIdle']],
    ['is open', Staining.open(), []],
  ])('beside a gateway of the app that %s', (_, staining, warned) => {
    const { chart, cart } = shop();
    new MeshGateway(chart, 'other', { hosts: ['other.example.com'], selector: { istio: 'other' }, staining }).route(cart);
    const at = CallbackPlace.gateway({ labels: { istio: 'other' }, namespace: 'istio-system' });
    new CallbackFilter(chart, 'idle', { at });
    new CallbackFilter(chart, 'callbacks', { at }).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    new CallbackFilter(chart, 'elsewhere', { at: CallbackPlace.gateway({ labels: { istio: 'third' }, namespace: 'istio-system' }) }).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    chart.toJson();

    expect(Warnings.of(chart).all.map(({ code }) => code)).toEqual(warned);
    for (const { code, path, message } of Warnings.of(chart).all.slice(-1)) expect([code, path, message]).toEqual(['CallbackFilterIdle', 'shop/callbacks', expect.stringMatching(/shop\/other.*addCallback/)]);
  });

  test('beside a gateway of an app that says nothing about lanes is at work', () => {
    const chart = chartOf();
    new MeshGateway(chart, 'gateway', { hosts: [HOST] });
    new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.gateway() }).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    chart.toJson();
    expect(codes(chart)).toEqual([]);
  });

  test('without callbacks is nothing', () => {
    const { chart, cart } = shop();
    new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inbound(cart) });
    expect(objectsOf(chart, 'EnvoyFilter')).toEqual([]);
  });

  test.each<[string, CallbackPlace, string, string, any]>([
    ['at the gateway', CallbackPlace.gateway(), 'GATEWAY', 'istio-system', { istio: 'ingressgateway' }],
    ['at a service', CallbackPlace.inbound(shop().cart), 'SIDECAR_INBOUND', 'shop', { app: 'cart' }],
  ])('%s is for those proxies', (_, at, context, namespace, labels) => {
    const { chart } = shop();
    new CallbackFilter(chart, 'callbacks', { at }).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    const { metadata, spec } = objectOf(chart, 'EnvoyFilter', 'callbacks');
    expect([spec.configPatches[0].match.context, metadata.namespace, spec.workloadSelector.labels]).toEqual([context, namespace, labels]);
  });

  test('needs labels', () => {
    const { chart } = shop();
    expectRefusal(() => new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inboundOf({ labels: {} }) }), { code: 'WorkloadLabels', property: 'at.labels', path: 'shop/callbacks', says: /all pods/ });
  });

  test('sets the header that the app has for lanes, whoever is declared first', () => {
    const chart = chartOf();
    const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart' }, baseline: { version: 'main' } });
    new CallbackFilter(chart, 'callbacks', { at: CallbackPlace.inbound(cart) }).addCallback('aaa', { authority: 'aaa.com', lane: 'l1', expires: EXPIRES });
    new StainedRoute(chart, 'lanes', { header: 'x-lane' });
    expect(JSON.stringify(objectOf(chart, 'EnvoyFilter', 'callbacks'))).toContain('LANE_HEADER = \\"x-lane\\"');
  });
});

describe('self-staining', () => {
  test('is for the pods of one version of a lane, on the way out', () => {
    const { chart, cart, lanes } = shop();
    const version = lanes.addLane('l3').serve(cart);
    const said: Required<SelfStainingProps> = { version, name: 'l3-stains' };
    new SelfStaining(chart, 'self', said);
    const { metadata, spec } = objectOf(chart, 'EnvoyFilter', 'l3-stains');
    expect([metadata.namespace, spec.workloadSelector.labels, spec.configPatches[0].match.context]).toEqual(['shop', { app: 'cart', version: 'l3' }, 'SIDECAR_OUTBOUND']);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('needs a version with a name', () => {
    const chart = chartOf();
    const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart' }, baseline: {} });
    expectRefusal(() => new SelfStaining(chart, 'self', { version: cart.baseline }), { code: 'SelfStainingVersion', property: 'version', path: 'shop/self', says: /serve everybody/ });
  });
});

test('pods are told which headers to forward, and whether to consume, where that is asked for', () => {
  const chart = chartOf();
  const cart = new CanaryService(chart, 'cart', {
    port: 80, template: { image: 'cart' }, baseline: { version: 'main' }, forwardHeadersEnv: 'LANE_HEADERS', consumeQueuesEnv: 'CONSUME_QUEUES', versionEnv: '',
  });
  const lanes = new StainedRoute(chart, 'lanes', { header: 'x-lane', baggageKey: 'lane' });
  lanes.addLane('l1').serve(cart);
  lanes.addLane('l2').serve(cart, { consumesQueues: true, env: { LANE_HEADERS: 'own' } });
  const env = (name: string) => Object.fromEntries(objectOf(chart, 'Deployment', name).spec.template.spec.containers[0].env.map((each: any) => [each.name, each.value]));
  expect([env('cart-main'), env('cart-l1'), env('cart-l2')]).toEqual([
    { LANE_HEADERS: 'x-lane,baggage', CONSUME_QUEUES: 'true' }, { LANE_HEADERS: 'x-lane,baggage', CONSUME_QUEUES: 'false' }, { LANE_HEADERS: 'own', CONSUME_QUEUES: 'true' },
  ]);
  expectRefusal(() => new CanaryService(chart, 'bad', { port: 80, baseline: { image: 'x' }, forwardHeadersEnv: 'LANE-HEADERS' }), { code: 'EnvName', property: 'forwardHeadersEnv', got: 'LANE-HEADERS', says: /letters/ });
});
