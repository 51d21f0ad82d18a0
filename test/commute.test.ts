import { App, Duration } from 'cdk8s';
import * as fc from 'fast-check';
import {
  AppProtocol, CanaryService, ClientTls, ConnectionPool, ConnectionRule, CorsPolicy, Destination, Fault, FaultInjection, HashKey,
  HeaderOperations, Lane, LoadBalancer, MeshGateway, MirrorTarget, OutlierDetection, RequestMatch, ResilientBackend, RetryPolicy, RouteRule,
  StainedRoute, Staining, StringMatch,
} from '../src';
import { chartOf } from './support/objects';
import { schemaProblems } from './support/schema';

/** A small app to which facets are added. */
interface Shop {
  readonly testaaa: CanaryService;
  readonly testbbb: CanaryService;
  /** It speaks TLS. */
  readonly store: CanaryService;
  readonly gateway: MeshGateway;
  readonly one: Lane;
  readonly two: Lane;
  /** Facets stand in a chart of their own. */
  readonly facets: ReturnType<typeof chartOf>;
}

/** What is added, one contribution of a kind for each host, so that any two commute. Each kind stands where it meets the others. */
const CONTRIBUTIONS: Record<string, (shop: Shop) => void> = {
  'lanes': ({ testaaa, testbbb, one, two }) => {
    one.serve(testaaa);
    one.serve(testbbb);
    two.serve(testaaa);
  },
  'the default of one': ({ testaaa }) => testaaa.split({ release: 90, v2: 10 }),
  'the default of the other': ({ testbbb }) => testbbb.activate('v2'),
  'rules of one': ({ testaaa, testbbb }) => {
    testaaa.sendTo('v2', [RequestMatch.pathPrefix('/v2')]);
    testaaa.host.addRule(RouteRule.to([Destination.of(testbbb, { version: 'release' })], { name: 'b', match: [RequestMatch.pathPrefix('/b')], rewrite: { uri: '/' } }));
    testaaa.host.addRule(RouteRule.redirect({ uri: '/new' }, { match: [RequestMatch.path(StringMatch.exact('/old'))] }));
  },
  'rules of the other': ({ testbbb }) => testbbb.sendTo('release', [RequestMatch.userAgent(StringMatch.regex('.*Safari.*'))]),
  'settings of the default': ({ testaaa }) => testaaa.host.configureDefault({
    headers: HeaderOperations.of({ response: { set: { 'x-shop': 'yes' } } }), corsPolicy: CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')], allowHeaders: ['x-a'] }),
  }),
  'calls': ({ testaaa, testbbb }) => void testaaa.calls(testbbb).calls(testaaa, { path: '/a' }),
  'calls of a version': ({ testaaa, testbbb }) => void testbbb.baseline.calls(testaaa),
  'a version that calls nobody': ({ testaaa }) => void testaaa.baseline.callsNobody(),
  'rules of connections': ({ store }) => store.host.addConnectionRule(ConnectionRule.to([Destination.of(store, { version: 'v2' })], { sniHosts: ['v2.example.com'] })),
  'the default of connections': ({ store }) => store.split({ release: 3, v2: 1 }),
  'policies of connections': ({ facets, store }) => void new ResilientBackend(facets, 'store', { host: store, connectionPool: ConnectionPool.of({ maxConnections: 3 }) }),
  'a timeout': ({ facets, testaaa }) => void new ResilientBackend(facets, 'timeout', { host: testaaa, timeout: Duration.seconds(2) }),
  'retries': ({ facets, testaaa }) => void new ResilientBackend(facets, 'retries', { host: testaaa, retries: RetryPolicy.of({ attempts: 3, perTryTimeout: Duration.seconds(1) }) }),
  'a timeout of the other': ({ facets, testbbb }) => void new ResilientBackend(facets, 'timeout-b', { host: testbbb, timeout: Duration.seconds(3) }),
  'a pool': ({ facets, testaaa }) => void new ResilientBackend(facets, 'pool', { host: testaaa, connectionPool: ConnectionPool.of({ maxConnections: 9 }) }),
  'TLS': ({ facets, testaaa }) => void new ResilientBackend(facets, 'tls', { host: testaaa, tls: ClientTls.istioMutual() }),
  'balancing': ({ facets, testaaa }) => void new ResilientBackend(facets, 'balancing', { host: testaaa, loadBalancer: LoadBalancer.consistentHash(HashKey.header('user')) }),
  'policies of a port': ({ facets, testaaa }) => void new ResilientBackend(facets, 'port', {
    host: testaaa,
    port: 31000,
    outlierDetection: OutlierDetection.of({ maxEjectionPercent: 100 }),
    connectionPool: ConnectionPool.of({ maxConnections: 5 }),
  }),
  'policies of another port': ({ facets, testaaa }) => void new ResilientBackend(facets, 'port-80', { host: testaaa, port: 80, loadBalancer: LoadBalancer.random() }),
  'policies of a version': ({ facets, testaaa }) => void new ResilientBackend(facets, 'version', { host: testaaa, version: 'v2', connectionPool: ConnectionPool.of({ maxConnections: 1 }) }),
  'policies of the baseline': ({ facets, testaaa }) => void new ResilientBackend(facets, 'baseline', { host: testaaa, version: 'release', loadBalancer: LoadBalancer.roundRobin() }),
  'a mirror of one': ({ facets, testaaa, testbbb }) => void new MirrorTarget(facets, 'mirror', { from: testaaa, to: testbbb, toVersion: 'release', percentage: 10, mirrorLanes: true }),
  'a mirror of the other': ({ facets, testbbb }) => void new MirrorTarget(facets, 'mirror-b', { from: testbbb, to: testbbb, toVersion: 'release' }),
  'a fault for everybody': ({ facets, testaaa }) => void new FaultInjection(facets, 'fault', { host: testaaa, fault: Fault.delay({ duration: Duration.seconds(1), percentage: 1 }) }),
  'a fault for some': ({ facets, testbbb }) => void new FaultInjection(facets, 'fault-b', {
    host: testbbb, fault: Fault.abort({ httpStatus: 503, percentage: 1 }), match: [RequestMatch.header('x-fault', StringMatch.present())],
  }),
  'routes of a gateway': ({ gateway, testaaa, testbbb }) => {
    gateway.route(testbbb, { match: [RequestMatch.method(StringMatch.exact('POST'))], hosts: ['shop.example.com'] });
    gateway.route(testaaa);
    gateway.addRule(RouteRule.redirect({ uri: '/shop' }, { match: [RequestMatch.path(StringMatch.exact('/'))] }), { hosts: ['other.example.com'] });
  },
  'routes of another gateway': ({ facets, testaaa }) => void new MeshGateway(facets, 'inner', { hosts: ['*'], port: 8080, staining: Staining.open() })
    .route(testaaa, { match: [RequestMatch.pathPrefix('/inner')], headers: HeaderOperations.of({ request: { set: { 'x-inner': '1' } } }), timeout: Duration.seconds(9) }),
};

/** An app to which nothing is contributed yet. */
function emptyShop(app: App): Shop {
  const chart = chartOf('shop', 'shop', app);
  const [testaaa, testbbb] = ['testaaa', 'testbbb'].map((name) => {
    const service = new CanaryService(chart, name, { port: 31000, template: { image: 'a' }, baseline: { version: 'release' } });
    service.addVersion('v2');
    return service;
  });
  const store = new CanaryService(chart, 'store', { port: 443, appProtocol: AppProtocol.TLS, template: { image: 'a' }, baseline: { version: 'release' } });
  store.addVersion('v2');
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com', 'other.example.com'], staining: Staining.open() });
  const lanes = new StainedRoute(chart, 'lanes');
  const [one, two] = ['l1', 'l2'].map((name) => lanes.addLane(name));
  return { testaaa, testbbb, store, gateway, one, two, facets: chartOf('facets', 'shop', app) };
}

/** An app with these contributions, made in this order. */
function appOf(order: string[], more: Record<string, (shop: Shop) => void> = {}): App {
  const app = new App();
  const shop = emptyShop(app);
  for (const name of order) ({ ...CONTRIBUTIONS, ...more })[name](shop);
  return app;
}

const NAMES = Object.keys(CONTRIBUTIONS);

beforeAll(() => void jest.spyOn(process.stderr, 'write').mockReturnValue(true));

test('the app that is permuted is a good one, and holds what each contribution says', () => {
  const app = appOf(NAMES);
  const yaml = app.synthYaml();
  const without = (name: string) => appOf(NAMES.filter((each) => each !== name)).synthYaml();

  expect(schemaProblems(app.charts.flatMap((chart) => chart.toJson()))).toEqual([]);
  expect(NAMES.filter((name) => without(name) === yaml)).toEqual([]);
});

test('facets of different kinds give the same bytes in any order', () => {
  const expected = appOf(NAMES).synthYaml();

  fc.assert(fc.property(fc.shuffledSubarray(NAMES, { minLength: NAMES.length, maxLength: NAMES.length }), (order) => {
    expect(appOf(order).synthYaml()).toBe(expected);
  }), { numRuns: 60 });
});

test('so do some of them', () => {
  const some = fc.shuffledSubarray(NAMES, { minLength: 2 })
    .chain((order) => fc.tuple(fc.constant(order), fc.shuffledSubarray(order, { minLength: order.length })));

  fc.assert(fc.property(some, ([one, other]) => {
    expect(appOf(other).synthYaml()).toBe(appOf(one).synthYaml());
  }), { numRuns: 60 });
});

test('rendering in between does not matter', () => {
  const expected = appOf(NAMES).synthYaml();
  const app = new App();
  const shop = emptyShop(app);
  for (const name of NAMES) {
    CONTRIBUTIONS[name](shop);
    app.charts.forEach((each) => each.toJson());
  }

  expect(app.synthYaml()).toBe(expected);
});

describe('facets that name a lane commute with the lane', () => {
  const LANE_FACETS: Record<string, (shop: Shop) => void> = {
    'a mirror to a lane': ({ facets, testaaa }) => void new MirrorTarget(facets, 'mirror-to-lane', { from: testaaa, to: testaaa, toVersion: 'l1' }),
    'a fault for a lane': ({ facets, testbbb, one }) => void new FaultInjection(facets, 'fault-lane', {
      host: testbbb, fault: Fault.abort({ grpcStatus: 'UNAVAILABLE', percentage: 2 }), lane: one,
    }),
    'policies of a lane': ({ facets, testaaa }) => void new ResilientBackend(facets, 'lane', { host: testaaa, version: 'l1', connectionPool: ConnectionPool.of({ maxConnections: 1 }) }),
  };

  test.each(Object.keys(LANE_FACETS))('%s', (name) => {
    const rest = ['the default of one', 'a timeout'];

    expect(appOf([name, 'lanes', ...rest], LANE_FACETS).synthYaml()).toBe(appOf(['lanes', ...rest, name], LANE_FACETS).synthYaml());
  });
});

describe('facets that name a version commute with the version', () => {
  const VERSION_FACETS: Record<string, (shop: Shop) => void> = {
    'a version': ({ testaaa }) => void testaaa.addVersion('v3'),
    'a mirror to a version': ({ facets, testaaa }) => void new MirrorTarget(facets, 'mirror-to-version', { from: testaaa, to: testaaa, toVersion: 'v3' }),
    'policies of the new version': ({ facets, testaaa }) => void new ResilientBackend(facets, 'of-v3', { host: testaaa, version: 'v3', connectionPool: ConnectionPool.of({ maxConnections: 1 }) }),
    'a rule to the version': ({ testaaa }) => testaaa.sendTo('v3', [RequestMatch.pathPrefix('/v3')]),
  };

  test.each(Object.keys(VERSION_FACETS).slice(1))('%s', (name) => {
    const rest = ['a rule to the version'].filter((each) => each !== name);

    expect(appOf([name, 'a version', ...rest], VERSION_FACETS).synthYaml()).toBe(appOf(['a version', ...rest, name], VERSION_FACETS).synthYaml());
  });
});
