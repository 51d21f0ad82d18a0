import { App, Duration } from 'cdk8s';
import * as fc from 'fast-check';
import {
  AppProtocol, CanaryService, ConnectionPool, ConnectionRule, Destination, Fault, FaultInjection, HeaderOperations, Lane, LoadBalancer,
  MeshGateway, MirrorTarget, OutlierDetection, RequestMatch, ResilientBackend, RetryPolicy, RouteRule, StainedRoute, Staining, StringMatch,
  Warnings,
} from '../src';
import { chartOf, objectsOf } from './support/objects';
import { evaluate, merged, MeshRequest, Outcome, Routed } from './support/route-evaluator';

/*
 * The law of DESIGN §2.2 over what the constructs make: a request with lane L is distributed as the same request without the
 * header would be, except that a host with a destination for L answers with it; every other request is untouched.
 *
 * What the baseline does is read from an app without lanes, so that nothing woven can spoil the measure.
 */

interface Shop {
  readonly testaaa: CanaryService;
  readonly testbbb: CanaryService;
  readonly sniffer: CanaryService;
  readonly gateway: MeshGateway;
  readonly chart: ReturnType<typeof chartOf>;
}

/** Which services each lane has a version of. */
const LANES: Record<string, string[]> = { l1: ['testaaa', 'testbbb'], l2: ['testaaa'], l3: ['testbbb'], l4: [] };

const prefix = (path: string) => [RequestMatch.pathPrefix(path)];

/** How everybody is served: one of these. */
const DEFAULTS: Record<string, (shop: Shop) => void> = {
  'the baseline': () => undefined,
  'a split': ({ testaaa }) => testaaa.split({ release: 90, v2: 10 }),
  'a split of three': ({ testaaa }) => testaaa.split({ v3: 1, release: 1, v2: 0 }),
  'a sticky split': ({ testaaa }) => testaaa.splitSticky({ release: 3, v2: 1 }, { cookie: 'v' }),
  'another version': ({ testaaa }) => testaaa.activate('v2'),
  'another host': ({ testaaa, testbbb }) => testaaa.host.routeDefault([Destination.of(testbbb, { version: 'release' })]),
};

/** What else may be said, in any combination. */
const FEATURES: Record<string, (shop: Shop) => void> = {
  'path rules': ({ testaaa }) => {
    testaaa.sendTo('v2', prefix('/api/v2'));
    testaaa.sendTo('v3', [...prefix('/api'), RequestMatch.userAgent(StringMatch.regex('.*Safari.*'))]);
  },
  'a path of another service': ({ testaaa, testbbb }) => testaaa.host.addRule(RouteRule.to([Destination.of(testbbb, { version: 'v2' })], { name: 'b', match: prefix('/b') })),
  'a rule with a split of its own': ({ testaaa }) => testaaa.host.addRule(RouteRule.to([
    Destination.of(testaaa, { version: 'v2', weight: 2 }), Destination.of(testaaa, { version: 'v3', weight: 1 }),
  ], { match: prefix('/mixed'), headers: HeaderOperations.of({ request: { set: { 'x-mixed': 'yes' } } }) })),
  'a rewrite': ({ testaaa }) => testaaa.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'release' })], {
    match: prefix('/old'), rewrite: { uri: '/new', authority: 'inner' }, timeout: Duration.seconds(9),
  })),
  'a redirect': ({ testaaa }) => testaaa.host.addRule(RouteRule.redirect({ uri: '/elsewhere' }, { match: prefix('/moved') })),
  'a direct response': ({ testaaa }) => testaaa.host.addRule(RouteRule.directResponse(410, 'gone', { match: prefix('/gone') })),
  'settings of the default': ({ testaaa }) => testaaa.host.configureDefault({
    headers: HeaderOperations.of({ request: { set: { 'x-default': 'yes' } }, response: { add: { 'x-shop': 'yes' } } }), timeout: Duration.seconds(5),
  }),
  'TLS connections': ({ chart }) => {
    const store = new CanaryService(chart, 'store', { port: 443, appProtocol: AppProtocol.TLS, baseline: { version: 'release', image: 'a' } });
    store.host.addConnectionRule(ConnectionRule.to([Destination.of(store, { version: 'release' })], { sniHosts: ['store.example.com'] }));
  },
  'policies': ({ chart, testaaa }) => void new ResilientBackend(chart, 'policies', { host: testaaa, connectionPool: ConnectionPool.of({ maxConnections: 9 }), loadBalancer: LoadBalancer.random() }),
  'policies of a version and a port': ({ chart, testaaa }) => {
    new ResilientBackend(chart, 'of-release', { host: testaaa, version: 'release', outlierDetection: OutlierDetection.of({ maxEjectionPercent: 100 }) });
    new ResilientBackend(chart, 'of-port', { host: testaaa, port: 80, loadBalancer: LoadBalancer.roundRobin() });
  },
  'calls': ({ testaaa, testbbb }) => void testaaa.calls(testbbb),
  'patience': ({ chart, testaaa }) => void new ResilientBackend(chart, 'patience', {
    host: testaaa, timeout: Duration.seconds(2), retries: RetryPolicy.of({ attempts: 3, perTryTimeout: Duration.millis(500) }),
  }),
  'a mirror': ({ chart, testaaa, sniffer }) => void new MirrorTarget(chart, 'mirror', { from: testaaa, to: sniffer, toVersion: 'release', percentage: 50 }),
  'a mirror to a version': ({ chart, testaaa }) => void new MirrorTarget(chart, 'mirror-to-v3', { from: testaaa, to: testaaa, toVersion: 'v3' }),
  'a mirror of the other': ({ chart, testbbb, sniffer }) => void new MirrorTarget(chart, 'mirror-b', { from: testbbb, to: sniffer, toVersion: 'release' }),
  'a mirror of lanes too': ({ chart, testaaa, sniffer }) => void new MirrorTarget(chart, 'mirror-lanes', { from: testaaa, to: sniffer, toVersion: 'v2', percentage: 25, mirrorLanes: true }),
  'a fault for everybody': ({ chart, testaaa }) => void new FaultInjection(chart, 'fault', { host: testaaa, fault: Fault.delay({ duration: Duration.seconds(1), percentage: 10 }) }),
  'a fault for some': ({ chart, testaaa }) => void new FaultInjection(chart, 'fault-some', {
    host: testaaa, fault: Fault.abort({ httpStatus: 503, percentage: 100 }), match: [RequestMatch.header('x-fault', StringMatch.present())],
  }),
  'a fault of the other': ({ chart, testbbb }) => void new FaultInjection(chart, 'fault-b', { host: testbbb, fault: Fault.abort({ httpStatus: 500, percentage: 1 }), match: prefix('/b/broken') }),
  'rules of the gateway\'s own': ({ gateway, testaaa }) => {
    const mixed = [Destination.of(testaaa, { version: 'v2', weight: 1 }), Destination.of(testaaa, { version: 'v3', weight: 3 })];
    gateway.addRule(RouteRule.to(mixed, { name: 'both', match: prefix('/mixed'), rewrite: { uri: '/' }, timeout: Duration.seconds(4) }));
    gateway.addRule(RouteRule.redirect({ uri: '/new' }, { match: prefix('/moved') }));
  },
  'a route of the gateway with settings': ({ gateway, testbbb }) => void gateway.route(testbbb, {
    match: prefix('/b'), name: 'edge', headers: HeaderOperations.of({ request: { set: { 'x-edge': '1' } } }), timeout: Duration.seconds(7),
  }),
  'routes of the gateway': ({ gateway, testaaa, testbbb }) => {
    gateway.route(testbbb, { match: [RequestMatch.method(StringMatch.exact('POST'))] }).route(testaaa);
  },
};

/** The app with or without lanes; the StainedRoute is there anyway, as it lets the lane header through CORS. */
function appOf(everybody: string, features: string[], lanes: Record<string, string[]>) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [testaaa, testbbb, sniffer] = ['testaaa', 'testbbb', 'sniffer'].map((name) => {
    const service = new CanaryService(chart, name, { port: 80, template: { image: 'a' }, baseline: { version: 'release' } });
    service.addVersion('v2');
    service.addVersion('v3');
    return service;
  });
  const shop: Shop = { chart, testaaa, testbbb, sniffer, gateway: new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }) };
  const stain = new StainedRoute(chart, 'lanes');
  const made: Record<string, Lane> = {};
  for (const [name, services] of Object.entries(lanes)) {
    made[name] = stain.addLane(name);
    for (const service of [testaaa, testbbb].filter((each) => services.includes(each.name))) made[name].serve(service);
  }
  DEFAULTS[everybody](shop);
  for (const feature of features) FEATURES[feature](shop);
  return { app, chart, shop, lanes: made };
}

const virtualServices = (chart: ReturnType<typeof chartOf>) => new Map(objectsOf(chart, 'VirtualService').map((object) => [object.metadata.name, object]));

/** A cookie that the split would set is the baseline's: a lane's user needs none. */
const OF_LANES_OR_SPLITS = ['x-served-lane', 'set-cookie'];

function withoutThose(response: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(response).filter(([name]) => !OF_LANES_OR_SPLITS.includes(name)));
}

/** What becomes of a request without its rule's name, and without what only tells the lane. */
function comparable(outcome: Outcome): unknown {
  if (outcome.kind !== 'route') return outcome;
  const { name, shares, ...rest } = outcome;
  return { ...rest, shares: merged(shares.map((share) => ({ ...share, response: withoutThose(share.response) }))).map(rounded) };
}

const rounded = ({ probability, ...share }: any) => ({ ...share, probability: Math.round(probability * 1e9) });

/** What the law says a request of the lane meets, from what the baseline does with it. */
function ofLane(baseline: Outcome, lane: string): Outcome {
  if (baseline.kind !== 'route') return baseline;
  const serves = (host: string) => LANES[lane].includes(host.split('.')[0]);
  if (!baseline.shares.some(({ host }) => serves(host))) return baseline;
  return {
    ...baseline,
    shares: baseline.shares.map((share) => (serves(share.host) ? { ...share, subset: lane } : share)),
    // Copies of lanes are made by the one mirror that asks for it.
    mirrors: baseline.mirrors.filter(({ host, subset }) => host.startsWith('sniffer.') && subset === 'v2'),
  };
}

const saying = (request: MeshRequest, lane: string): MeshRequest => ({ ...request, headers: { ...request.headers, 'project-version': lane } });
/** The evaluator does not act on the lane header, but a destination gets it. */
const withLaneHeader = (outcome: Outcome, lane: string): Outcome => (outcome.kind !== 'route' ? outcome : {
  ...outcome,
  shares: outcome.shares.map((share) => ({
    ...share, request: Object.fromEntries(Object.entries({ ...share.request, 'project-version': [lane] }).sort(([one], [other]) => (one < other ? -1 : 1))),
  })),
});

const request: fc.Arbitrary<MeshRequest> = fc.record({
  path: fc.constantFrom('/', '/api', '/api/v2/x', '/apix', '/b', '/b/broken', '/mixed', '/old/path', '/moved', '/gone', '/other'),
  method: fc.constantFrom('GET', 'POST'),
  authority: fc.constant('shop.example.com'),
  gateway: fc.constantFrom('mesh', 'gateway'),
  headers: fc.record({
    'user-agent': fc.constantFrom('Safari', 'curl'),
    'cookie': fc.constantFrom('v=v2', 'a=b; v=release', 'v=v9', 'a=b'),
    'x-fault': fc.constant('1'),
  }, { requiredKeys: [], noNullPrototype: true }),
}, { noNullPrototype: true });

/** Any default with any of the rest, in any order. */
const scenario = fc.record({
  everybody: fc.constantFrom(...Object.keys(DEFAULTS)),
  features: fc.shuffledSubarray(Object.keys(FEATURES)),
  requests: fc.array(request, { minLength: 20, maxLength: 20 }),
});

let quiet: jest.SpyInstance;
beforeAll(() => {
  quiet = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterAll(() => quiet.mockRestore());

/** Fails unless the law holds for these requests; tells how many of them a lane answered. */
function expectLaw(everybody: string, features: string[], requests: MeshRequest[]): number {
  const [laned, plain] = [appOf(everybody, features, LANES), appOf(everybody, features, {})];
  laned.app.synthYaml();
  const [routes, baseline] = [virtualServices(laned.chart), virtualServices(plain.chart)];
  expect([...routes.keys()]).toEqual([...baseline.keys()]);
  let answered = 0;
  for (const [name, virtualService] of routes) {
    for (const each of requests) {
      // A VirtualService of a gateway is for that gateway, one of the mesh for the mesh.
      if ((virtualService.spec.gateways === undefined) !== (each.gateway === 'mesh')) continue;
      const without = evaluate(baseline.get(name), each);
      expect(evaluate(virtualService, each)).toEqual(without);
      for (const unknown of ['l9', '-', '', 'L1', 'l1x']) expect(evaluate(virtualService, saying(each, unknown))).toEqual(withLaneHeader(without, unknown));
      for (const lane of Object.keys(LANES)) {
        const got = evaluate(virtualService, saying(each, lane));
        expect(comparable(got)).toEqual(comparable(withLaneHeader(ofLane(without, lane), lane)));
        if (got.kind === 'route' && got.shares.some(({ subset }) => subset === lane)) answered++;
      }
    }
  }
  return answered;
}

describe('the law of lanes holds', () => {
  const requests = fc.sample(request, { numRuns: 60, seed: 5 });

  test.each(Object.keys(DEFAULTS))('where everybody is served by %s', (everybody) => {
    expect(expectLaw(everybody, ['routes of the gateway'], requests)).toBeGreaterThan(20);
  });

  test.each(Object.keys(FEATURES))('beside %s', (feature) => {
    expect(expectLaw('a split', [feature], requests)).toBeGreaterThan(20);
  });

  test('over any combination of them', () => {
    let answered = 0;
    fc.assert(fc.property(scenario, (each) => {
      answered += expectLaw(each.everybody, each.features, each.requests);
    }), { numRuns: 80 });
    expect(answered).toBeGreaterThan(1000);
  });
});

describe('responses tell the lane that served', () => {
  test('and only where one did', () => {
    const { chart } = appOf('a split', ['path rules', 'a path of another service', 'a rewrite', 'routes of the gateway'], LANES);
    for (const virtualService of virtualServices(chart).values()) {
      for (const path of ['/', '/api', '/api/v2', '/b', '/old']) {
        for (const lane of Object.keys(LANES)) {
          const outcome = evaluate(virtualService, { path, gateway: virtualService.spec.gateways ? 'gateway' : 'mesh', headers: { 'project-version': lane } }) as Routed;
          for (const { subset, response } of outcome.shares) expect(response['x-served-lane']).toEqual(subset === lane ? [lane] : undefined);
        }
      }
    }
  });
});

describe('mirrors', () => {
  const mirrorsFor = (features: string[], headers = {}) => {
    const { chart } = appOf('the baseline', features, LANES);
    return (evaluate(virtualServices(chart).get('testaaa'), { path: '/', headers }) as Routed).mirrors.map(({ host, subset, percent }) => `${host.split('.')[0]} ${subset} ${percent}`);
  };

  test('are for the baseline, and for lanes when that is asked for', () => {
    expect(mirrorsFor(['a mirror'])).toEqual(['sniffer release 50']);
    expect(mirrorsFor(['a mirror'], { 'project-version': 'l1' })).toEqual([]);
    expect(mirrorsFor(['a mirror of lanes too', 'a mirror'])).toEqual(['sniffer v2 25', 'sniffer release 50']);
    expect(mirrorsFor(['a mirror of lanes too', 'a mirror'], { 'project-version': 'l1' })).toEqual(['sniffer v2 25']);
  });

  test('are for requests of lanes that do not serve the host, which are the baseline\'s there', () => {
    expect(mirrorsFor(['a mirror'], { 'project-version': 'l3' })).toEqual(['sniffer release 50']);
  });
});

test('a fault for one lane is for its requests alone, all else as the law says', () => {
  const [laned, plain] = [appOf('a split', ['path rules', 'patience'], LANES), appOf('a split', ['path rules', 'patience'], {})];
  new FaultInjection(laned.chart, 'lane-fault', { host: laned.shop.testaaa, lane: laned.lanes.l1, fault: Fault.abort({ httpStatus: 503, percentage: 50 }) });
  const [routes, baseline] = [virtualServices(laned.chart), virtualServices(plain.chart)];
  const fault = { abort: { httpStatus: 503, percentage: { value: 50 } } };

  for (const path of ['/', '/api', '/api/v2']) {
    const without = evaluate(baseline.get('testaaa'), { path }) as Routed;
    expect(evaluate(routes.get('testaaa'), { path })).toEqual(without);
    for (const lane of ['l1', 'l2']) {
      const expected = ofLane(without, lane) as Routed;
      const settings = lane === 'l1' ? { ...expected.settings, fault } : expected.settings;
      expect(comparable(evaluate(routes.get('testaaa'), saying({ path }, lane)))).toEqual(comparable(withLaneHeader({ ...expected, settings }, lane)));
    }
  }
});

describe('nobody who does as the documentation says is warned', () => {
  test.each(Object.keys(DEFAULTS))('with lanes where everybody is served by %s', (everybody) => {
    const { app } = appOf(everybody, [], LANES);
    app.synthYaml();

    expect(Warnings.of(app).all).toEqual([]);
  });

  test.each(Object.keys(FEATURES))('with lanes beside %s', (feature) => {
    const { app } = appOf('the baseline', [feature], LANES);
    app.synthYaml();

    expect(Warnings.of(app).all).toEqual([]);
  });
});
