import { Duration } from 'cdk8s';
import {
  AppProtocol, CanaryService, ClientTls, ClosingServerProps, ConnectionPool, Destination, HashKey, LoadBalancer, MeshGateway, MeshHost,
  OutlierDetection, RequestMatch, ResilientBackend, ResilientBackendProps, RetryPolicy, RoutedProtocol, RouteRule, StainedRoute, Staining,
  Warnings,
} from '../src';
import { chartOf, inventory, objectOf, rulesOf } from './support/objects';
import { expectRefusal, thrownBy } from './support/refusals';
import { schemaProblems } from './support/schema';

/** Two services, the first with a second version, and a place for policies. */
function shop() {
  const chart = chartOf();
  const [testaaa, testbbb] = ['testaaa', 'testbbb'].map((name) => new CanaryService(chart, name, { port: 31000, template: { image: 'a' }, baseline: { version: 'release' } }));
  testaaa.addVersion('v2');
  let count = 0;
  const say = (props: Partial<ResilientBackendProps>) => new ResilientBackend(chart, `policy-${++count}`, { host: testaaa, ...props });
  return { app: chart.node.root as any, chart, testaaa, testbbb, say };
}

const policyOf = (chart: ReturnType<typeof chartOf>, name = 'testaaa') => objectOf(chart, 'DestinationRule', name).spec.trafficPolicy;
const subsetOf = (chart: ReturnType<typeof chartOf>, version: string) => objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets.find(({ name }: any) => name === version);
const pool = (maxConnections: number) => ConnectionPool.of({ maxConnections });
const poolManifest = (maxConnections: number) => ({ tcp: { maxConnections } });
const ejecting = OutlierDetection.of({ maxEjectionPercent: 100 });
const random = { simple: 'RANDOM' };

describe('what is said appears', () => {
  test('all the props, but for version and port, which are not for rules', () => {
    const { chart, testaaa } = shop();
    const said: Required<Omit<ResilientBackendProps, 'version' | 'port'>> = {
      host: testaaa,
      timeout: Duration.millis(15500),
      retries: RetryPolicy.of({ attempts: 15, perTryTimeout: Duration.seconds(1), retryOn: ['gateway-error', 'reset', '5xx'] }),
      connectionPool: ConnectionPool.of({ maxConnections: 1, http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 }),
      outlierDetection: OutlierDetection.of({
        consecutive5xxErrors: 2, interval: Duration.seconds(10), baseEjectionTime: Duration.minutes(1), maxEjectionPercent: 100,
      }),
      loadBalancer: LoadBalancer.random(),
      tls: ClientTls.istioMutual(),
    };
    new ResilientBackend(chart, 'patience', said);

    expect(rulesOf(chart, 'testaaa')).toEqual([{
      route: [{ destination: { host: testaaa.hostName, subset: 'release', port: { number: 31000 } } }],
      timeout: '15500ms',
      retries: { attempts: 15, perTryTimeout: '1s', retryOn: 'gateway-error,reset,5xx' },
    }]);
    expect(policyOf(chart)).toEqual({
      connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } },
      outlierDetection: { consecutive5xxErrors: 2, interval: '10s', baseEjectionTime: '60s', maxEjectionPercent: 100 },
      loadBalancer: { simple: 'RANDOM' },
      tls: { mode: 'ISTIO_MUTUAL' },
    });
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test.each(['version', 'port'] as const)('all the props that can be said of a %s', (level) => {
    const { chart, testaaa } = shop();
    testaaa.split({ release: 1, v2: 1 });
    const said: Required<Omit<ResilientBackendProps, 'version' | 'port' | 'timeout' | 'retries'>> = {
      host: testaaa, connectionPool: pool(1), outlierDetection: ejecting, loadBalancer: LoadBalancer.random(), tls: ClientTls.disabled(),
    };
    new ResilientBackend(chart, 'policy', { ...said, [level]: level === 'version' ? 'v2' : 31000 });
    const manifest = { connectionPool: poolManifest(1), outlierDetection: { maxEjectionPercent: 100 }, loadBalancer: random, tls: { mode: 'DISABLE' } };

    if (level === 'version') {
      expect(subsetOf(chart, 'v2').trafficPolicy).toEqual(manifest);
      expect(subsetOf(chart, 'release')).not.toHaveProperty('trafficPolicy');
      expect(policyOf(chart)).toBeUndefined();
    } else {
      expect(policyOf(chart)).toEqual({ portLevelSettings: [{ port: { number: 31000 }, ...manifest }] });
    }
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('and no object of its own', () => {
    const { chart, say } = shop();
    const before = inventory(chart);
    say({ timeout: Duration.seconds(1), connectionPool: pool(1) });

    expect(inventory(chart)).toEqual(before);
  });

  test('retries that are switched off are written, as Istio tries again by itself', () => {
    const { chart, say } = shop();
    say({ retries: RetryPolicy.none() });

    expect(rulesOf(chart, 'testaaa')[0].retries).toEqual({ attempts: 0 });
  });

  test.each([
    [Duration.millis(1), '1ms'], [Duration.seconds(1.5), '1500ms'], [Duration.minutes(2), '120s'], [Duration.days(1.5), '129600s'],
  ])('a timeout as Istio reads it (%#)', (timeout, wire) => {
    const { chart, say } = shop();
    say({ timeout });

    expect(rulesOf(chart, 'testaaa')[0].timeout).toBe(wire);
  });

  test('of a host that somebody else deploys, with nothing else said of it', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy', port: 80 });
    new ResilientBackend(chart, 'routes', { host, timeout: Duration.seconds(1) });
    new ResilientBackend(chart, 'traffic', { host, loadBalancer: LoadBalancer.random() });

    expect(objectOf(chart, 'VirtualService', 'legacy').spec).toEqual({
      hosts: [host.hostName], http: [{ route: [{ destination: { host: host.hostName, port: { number: 80 } } }], timeout: '1s' }],
    });
    expect(objectOf(chart, 'DestinationRule', 'legacy').spec).toEqual({ host: host.hostName, trafficPolicy: { loadBalancer: random } });
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test.each(['timeout', 'loadBalancer'])('and asks for no object but the one that %s stands in', (part) => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy' });
    new ResilientBackend(chart, 'policy', { host, ...(part === 'timeout' ? { timeout: Duration.seconds(1) } : { loadBalancer: LoadBalancer.random() }) });

    expect(inventory(chart)).toEqual([part === 'timeout' ? 'VirtualService legacy' : 'DestinationRule legacy']);
  });

  test('of a service without versions', () => {
    const chart = chartOf();
    const host = new CanaryService(chart, 'retry', { port: 80, baseline: { image: 'retry:v1' } });
    new ResilientBackend(chart, 'policy', { host, timeout: Duration.seconds(15), retries: RetryPolicy.of({ attempts: 15 }), outlierDetection: ejecting });

    expect(rulesOf(chart, 'retry')).toMatchObject([{ timeout: '15s', retries: { attempts: 15 } }]);
    expect(objectOf(chart, 'DestinationRule', 'retry').spec).toEqual({ host: host.hostName, trafficPolicy: { outlierDetection: { maxEjectionPercent: 100 } } });
  });
});

describe('what is said of a host', () => {
  test('holds for every rule that routes to it: its own, the split, those of other hosts and of gateways', () => {
    const { chart, testaaa, testbbb, say } = shop();
    testaaa.sendTo('v2', [RequestMatch.pathPrefix('/v2')]);
    testaaa.split({ release: 9, v2: 1 });
    testbbb.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { match: [RequestMatch.pathPrefix('/a')] }));
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa, { match: [RequestMatch.pathPrefix('/api')] }).route(testbbb);
    say({ timeout: Duration.seconds(2), retries: RetryPolicy.none() });

    const all = ['testaaa', 'testbbb', 'gateway-any-host'].flatMap((name) => rulesOf(chart, name));
    const routesToIt = (rule: any) => rule.route.some(({ destination }: any) => destination.host === testaaa.hostName);
    expect(all.filter(routesToIt)).toHaveLength(5);
    for (const rule of all) {
      expect([rule.timeout, rule.retries]).toEqual(routesToIt(rule) ? ['2s', { attempts: 0 }] : [undefined, undefined]);
    }
  });

  test('holds for its lanes too', () => {
    const { chart, testaaa, say } = shop();
    new StainedRoute(chart, 'lanes').addLane('release-v1').serve(testaaa);
    say({ timeout: Duration.seconds(2), connectionPool: pool(1) });

    expect(rulesOf(chart, 'testaaa').map(({ name, timeout }) => [name, timeout])).toEqual([['lane/release-v1', '2s'], [undefined, '2s']]);
    // A subset without a policy of its own has the host's.
    expect(subsetOf(chart, 'release-v1')).toEqual({ name: 'release-v1', labels: { version: 'release-v1' } });
  });

  test('does not hold for a destination of a rule that gets nothing', () => {
    const { chart, testaaa, testbbb, say } = shop();
    testbbb.host.routeDefault([Destination.of(testbbb, { version: 'release' }), Destination.of(testaaa, { version: 'release', weight: 0 })]);
    say({ timeout: Duration.seconds(2) });

    expect(rulesOf(chart, 'testbbb')[0]).not.toHaveProperty('timeout');
  });

  test('gives way to the timeout of a rule', () => {
    const { chart, testaaa, say } = shop();
    testaaa.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { match: [RequestMatch.pathPrefix('/slow')], timeout: Duration.minutes(1) }));
    say({ timeout: Duration.seconds(2) });

    expect(rulesOf(chart, 'testaaa').map(({ timeout }) => timeout)).toEqual(['60s', '2s']);
  });

  test('does not touch redirects and direct responses', () => {
    const { chart, testaaa, say } = shop();
    testaaa.host.addRule(RouteRule.redirect({ uri: '/new' }, { match: [RequestMatch.pathPrefix('/old')] }));
    testaaa.host.addRule(RouteRule.directResponse(404, undefined, { match: [RequestMatch.pathPrefix('/gone')] }));
    say({ timeout: Duration.seconds(2), retries: RetryPolicy.none() });

    expect(rulesOf(chart, 'testaaa').slice(0, 2)).toEqual([
      { match: [{ uri: { prefix: '/old' } }], redirect: { uri: '/new' } }, { match: [{ uri: { prefix: '/gone' } }], directResponse: { status: 404 } },
    ]);
  });

  test('may come in parts', () => {
    const { chart, say } = shop();
    say({ timeout: Duration.seconds(2) });
    say({ retries: RetryPolicy.none(), loadBalancer: LoadBalancer.random() });
    say({ connectionPool: pool(1) });

    expect(rulesOf(chart, 'testaaa')).toMatchObject([{ timeout: '2s', retries: { attempts: 0 } }]);
    expect(policyOf(chart)).toEqual({ connectionPool: poolManifest(1), loadBalancer: random });
  });

  test('shares a rule with what is said of another host, if both say the same', () => {
    const { app, chart, testaaa, testbbb } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })]);
    for (const host of [testaaa, testbbb]) new ResilientBackend(chart, `of-${host.name}`, { host, timeout: Duration.seconds(2), retries: RetryPolicy.none() });

    expect(() => app.synthYaml()).not.toThrow();
    expect(rulesOf(chart, 'testaaa')).toMatchObject([{ timeout: '2s', retries: { attempts: 0 } }]);
  });

  test('stands in a rule beside a host of which nothing is said', () => {
    const { app, chart, testaaa, testbbb, say } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })]);
    say({ timeout: Duration.seconds(2) });

    expect(() => app.synthYaml()).not.toThrow();
    expect(rulesOf(chart, 'testaaa')[0].timeout).toBe('2s');
  });
});

describe('versions and ports: Istio replaces and does not merge, so what holds for both is written out', () => {
  test('what is said of a port has the host\'s settings beside it', () => {
    const { chart, say } = shop();
    say({ connectionPool: pool(10), outlierDetection: ejecting });
    say({ port: 31000, connectionPool: pool(1), loadBalancer: LoadBalancer.random() });

    expect(policyOf(chart)).toEqual({
      connectionPool: poolManifest(10),
      outlierDetection: { maxEjectionPercent: 100 },
      portLevelSettings: [{
        port: { number: 31000 }, connectionPool: poolManifest(1), outlierDetection: { maxEjectionPercent: 100 }, loadBalancer: random,
      }],
    });
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a version goes before the port, and that before the host', () => {
    const { chart, testaaa, say } = shop();
    testaaa.split({ release: 1, v2: 1 });
    say({ connectionPool: pool(10), outlierDetection: ejecting, tls: ClientTls.disabled() });
    say({ port: 31000, connectionPool: pool(5), loadBalancer: LoadBalancer.random() });
    say({ version: 'v2', connectionPool: pool(1) });

    expect(subsetOf(chart, 'v2').trafficPolicy).toEqual({
      connectionPool: poolManifest(1),
      portLevelSettings: [{
        port: { number: 31000 }, connectionPool: poolManifest(1), outlierDetection: { maxEjectionPercent: 100 }, loadBalancer: random, tls: { mode: 'DISABLE' },
      }],
    });
    expect(subsetOf(chart, 'release')).not.toHaveProperty('trafficPolicy');
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a version without ports has its own alone: for the rest Istio takes the host\'s, field by field', () => {
    const { chart, testaaa, say } = shop();
    testaaa.activate('v2');
    say({ connectionPool: pool(10), outlierDetection: ejecting });
    say({ version: 'v2', connectionPool: pool(1) });

    expect(subsetOf(chart, 'v2').trafficPolicy).toEqual({ connectionPool: poolManifest(1) });
  });

  test('ports are in their order', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'many', { name: 'many' });
    for (const port of [9000, 80, 443]) new ResilientBackend(chart, `port-${port}`, { host, port, connectionPool: pool(port) });

    expect(policyOf(chart, 'many').portLevelSettings.map(({ port }: any) => port.number)).toEqual([80, 443, 9000]);
  });

  test('a lane can have a policy of its own', () => {
    const { chart, testaaa, say } = shop();
    new StainedRoute(chart, 'lanes').addLane('release-v1').serve(testaaa);
    say({ version: 'release-v1', connectionPool: pool(1) });

    expect(subsetOf(chart, 'release-v1').trafficPolicy).toEqual({ connectionPool: poolManifest(1) });
  });

  test('nothing is shared between levels, which YAML would write as anchors', () => {
    const { app, testaaa, say } = shop();
    testaaa.split({ release: 1, v2: 1 });
    say({ loadBalancer: LoadBalancer.consistentHash(HashKey.cookie('c')), tls: ClientTls.simple({ subjectAltNames: ['a'] }) });
    say({ port: 31000, connectionPool: pool(5) });
    say({ version: 'v2', connectionPool: pool(1) });

    expect(app.synthYaml()).not.toMatch(/[&*]a\d+\b/);
  });
});

describe('refused is', () => {
  test.each([
    [{}, /'timeout', 'retries' or another part must be set, got nothing but the host/],
    [{ version: 'v2' }, /must be set/],
    [{ timeout: undefined, loadBalancer: undefined }, /must be set/],
  ])('nothing at all: %j', (props, says) => {
    expectRefusal(() => shop().say(props), { code: 'ResilientBackendEmpty', property: 'timeout', path: 'shop/policy-1', says });
  });

  test('a host that the app does not own', () => {
    expectRefusal(() => shop().say({ host: { hostName: 'legacy.old.svc.cluster.local' }, timeout: Duration.seconds(1) }), {
      code: 'HostNotOwned', property: 'host', path: 'shop/policy-1', says: /got legacy\.old\.svc\.cluster\.local; make a MeshHost for a Service that others deploy/,
    });
  });

  test.each([
    ['timeout', { timeout: Duration.seconds(1) }],
    ['retries', { retries: RetryPolicy.none() }],
    ['connectionPool', { connectionPool: pool(1) }],
    ['outlierDetection', { outlierDetection: ejecting }],
    ['loadBalancer', { loadBalancer: LoadBalancer.random() }],
    ['tls', { tls: ClientTls.disabled() }],
  ])('%s said twice of a host, even in the same words', (part, props) => {
    const { say } = shop();
    say(props);

    expectRefusal(() => say(props), { code: 'PolicyTwice', property: part, path: 'shop/policy-2', says: /said of the host by shop\/policy-1 already; say it once/ });
  });

  test.each([
    [{ port: 31000 }, /loadBalancer of port 31000' is said .* shop\/policy-1/],
    [{ version: 'v2' }, /loadBalancer of version v2' is said .* shop\/policy-1/],
  ])('a part said twice of one port or version: %j', (level, says) => {
    const { testaaa, say } = shop();
    testaaa.activate('v2');
    say({ ...level, loadBalancer: LoadBalancer.random() });
    const again = thrownBy(() => say({ ...level, loadBalancer: LoadBalancer.roundRobin() }));

    expect(again.message).toMatch(says);
    expect(again.message.slice(0, 16)).toBe('[shop/policy-2] ');
    expect((again as any).code).toBe('PolicyTwice');
  });

  test('not one part of the host, another of a port and the same of two ports or versions', () => {
    const { testaaa, say } = shop();
    testaaa.split({ release: 1, v2: 1 });
    for (const level of [{}, { port: 31000 }, { version: 'v2' }, { version: 'release' }]) say({ ...level, loadBalancer: LoadBalancer.random() });

    expect(() => say({ port: 31000, connectionPool: pool(1) })).not.toThrow();
  });

  test.each(['timeout', 'retries'])('%s of a version or a port: it stands in rules', (part) => {
    const props = part === 'timeout' ? { timeout: Duration.seconds(1) } : { retries: RetryPolicy.none() };
    for (const level of [{ version: 'v2' }, { port: 31000 }]) {
      expectRefusal(() => shop().say({ ...props, ...level }), { code: 'PolicyOfRule', property: part, path: 'shop/policy-1', says: /say it of the host/ });
    }
  });

  test('a version and a port together', () => {
    expectRefusal(() => shop().say({ version: 'v2', port: 31000, connectionPool: pool(1) }), {
      code: 'VersionAndPort', property: 'version', got: 'v2', path: 'shop/policy-1', says: /and 31000; use a ResilientBackend for each/,
    });
  });

  test.each([0, 65536, 80.5, -1])('port %d', (port) => {
    expectRefusal(() => shop().say({ port, connectionPool: pool(1) }), { code: 'Port', property: 'port', got: port, path: 'shop/policy-1', says: /from 1 to 65535/ });
  });

  test('an unknown version, at synth at the latest', () => {
    const { app, say } = shop();

    expect(() => {
      say({ version: 'v9', connectionPool: pool(1) });
      app.synthYaml();
    }).toThrow(/\[shop\/[^\]]+\] 'version' must be a version of testaaa\.shop\S+, got "v9" \(known: release, v2\); add that version/);
  });

  test.each([
    [Duration.seconds(0), '0 ms'],
    [Duration.millis(0.5), '0.5 ms'],
    [Duration.seconds(0.0015), '1.5 ms'],
  ])('a timeout that Istio does not take (%#)', (timeout, got) => {
    expectRefusal(() => shop().say({ timeout }), { code: 'Duration', property: 'timeout', got, path: 'shop/policy-1', says: /whole number of milliseconds, 1 ms or more/ });
  });

  test.each(['timeout', 'retries'])('%s of a host that speaks TCP', (part) => {
    const chart = chartOf();
    const host = new CanaryService(chart, 'db', { port: 5432, appProtocol: AppProtocol.TCP, baseline: { version: 'release', image: 'db' } });
    const props = part === 'timeout' ? { timeout: Duration.seconds(1) } : { retries: RetryPolicy.none() };

    expectRefusal(() => new ResilientBackend(chart, 'policy', { host, ...props }), {
      code: 'ProtocolNotHttp', property: 'host', path: 'shop/policy', says: /db\.shop\.svc\.cluster\.local speaks tcp.*HTTP protocol if it speaks one/,
    });
  });

  test('not a connection pool of a host that speaks TCP', () => {
    const chart = chartOf();
    const host = new CanaryService(chart, 'db', { port: 5432, appProtocol: AppProtocol.TCP, baseline: { version: 'release', image: 'db' } });
    new ResilientBackend(chart, 'policy', { host, connectionPool: pool(1) });

    expect(policyOf(chart, 'db')).toEqual({ connectionPool: poolManifest(1) });
  });
});

describe('refused at synth is', () => {
  const ofTry = (seconds: number) => RetryPolicy.of({ attempts: 3, perTryTimeout: Duration.seconds(seconds) });

  test.each([[2, 2], [2, 3], [0.0015 * 1000, 1.5]])('a timeout of %d s that a try of %d s would not be below', (timeout, perTry) => {
    const { app, say } = shop();
    say({ retries: ofTry(perTry) });
    say({ timeout: Duration.seconds(timeout) });

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\/host\/VirtualService\/Resource\] spec.http\[0\] 'perTryTimeout' must be less than the timeout of .*, got .*: Envoy would ignore it; shorten/);
  });

  test('and at once where one says both', () => {
    expectRefusal(() => shop().say({ timeout: Duration.seconds(1), retries: ofTry(1) }), {
      code: 'PerTryTimeout', property: 'perTryTimeout', path: 'shop/policy-1', says: /less than the timeout of 1s.*shorten it or lengthen the timeout/,
    });
  });

  test('a try not below the timeout, though two say it', () => {
    const { app, say } = shop();
    say({ retries: ofTry(3) });
    say({ timeout: Duration.seconds(2) });

    expect(() => app.synthYaml()).toThrow(/'perTryTimeout' must be less than the timeout of 2s, got 3s/);
  });

  test('a try not below the timeout of one rule', () => {
    const { app, testaaa, say } = shop();
    testaaa.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { match: [RequestMatch.pathPrefix('/fast')], timeout: Duration.millis(500) }));
    say({ timeout: Duration.seconds(2), retries: ofTry(1) });

    expect(() => app.synthYaml()).toThrow(/'perTryTimeout' must be less than the timeout of 500ms, got 1s/);
  });

  test('not a try below the timeout, compared across units, and none without timeout', () => {
    for (const timeout of [Duration.millis(1001), Duration.minutes(1), undefined]) {
      const { app, say } = shop();
      say({ timeout, retries: ofTry(1) });
      expect(() => app.synthYaml()).not.toThrow();
    }
  });

  test.each([
    ['timeout', { timeout: Duration.seconds(1) }, { timeout: Duration.seconds(2) }],
    ['retries', { retries: RetryPolicy.none() }, { retries: RetryPolicy.of({ attempts: 1 }) }],
  ])('a rule whose hosts disagree in %s', (part, one, other) => {
    const { app, chart, testaaa, testbbb } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })]);
    new ResilientBackend(chart, 'one', { host: testaaa, ...one });
    new ResilientBackend(chart, 'other', { host: testbbb, ...other });

    expect(() => app.synthYaml()).toThrow(new RegExp(`\\[shop/testaaa/host/VirtualService/Resource\\] '${part}' is said differently of testaaa\\.shop\\S* and testbbb\\.shop\\S*`
      + ', to which one rule routes; split the rule, or say the same of both'));
  });

  test('a rule of a gateway whose hosts disagree, at the gateway too', () => {
    const { app, chart, testaaa, testbbb } = shop();
    testaaa.host.routeDefault([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })]);
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
    new ResilientBackend(chart, 'one', { host: testaaa, timeout: Duration.seconds(1) });
    new ResilientBackend(chart, 'other', { host: testbbb, timeout: Duration.seconds(2) });

    expect(() => app.synthYaml()).toThrow(/\[shop\/gateway\/any-host\] \*: 'timeout' is said differently/);
  });

  test('not a rule with its own timeout between hosts that disagree', () => {
    const { app, chart, testaaa, testbbb } = shop();
    testaaa.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'release' }), Destination.of(testbbb, { version: 'release' })], {
      match: [RequestMatch.pathPrefix('/both')], timeout: Duration.seconds(3),
    }));
    new ResilientBackend(chart, 'one', { host: testaaa, timeout: Duration.seconds(1) });
    new ResilientBackend(chart, 'other', { host: testbbb, timeout: Duration.seconds(2) });

    expect(() => app.synthYaml()).not.toThrow();
  });
});

// Issue 5, build 6: what Istio takes and does nothing with is refused, or warned about with the reason.
describe('refused or warned about, since Istio would do nothing with it, is', () => {
  function isNoticed(app: any, says: RegExp): void {
    let refusal = '';
    try {
      app.synthYaml();
    } catch (error) {
      refusal = (error as Error).message;
    }
    expect([refusal, ...Warnings.of(app).all.map(({ message }) => message)].join('\n')).toMatch(says);
  }

  beforeEach(() => void jest.spyOn(process.stderr, 'write').mockReturnValue(true));
  afterEach(() => jest.restoreAllMocks());

  test('a policy of a version that nothing routes to: Istio uses a subset\'s policy where a route names the subset', () => {
    const { app, say } = shop();
    say({ version: 'v2', connectionPool: pool(1) });

    isNoticed(app, /v2/);
  });

  test('a policy of a port that the service does not have', () => {
    const { app, say } = shop();
    try {
      say({ port: 9999, connectionPool: pool(1) });
    } catch {
      return;
    }
    isNoticed(app, /9999/);
  });

  test('a consistent hash beside weights: a user would meet another version with each request (istio-semantics §1.7 m)', () => {
    const { app, testaaa, say } = shop();
    testaaa.split({ release: 1, v2: 1 });
    say({ loadBalancer: LoadBalancer.consistentHash(HashKey.header('user')) });

    isNoticed(app, /hash|stick/i);
  });

  test('what a connection pool says of HTTP, where the host speaks TCP', () => {
    const chart = chartOf();
    const host = new CanaryService(chart, 'db', { port: 5432, appProtocol: AppProtocol.TCP, baseline: { version: 'release', image: 'db' } });
    try {
      new ResilientBackend(chart, 'policy', { host, connectionPool: ConnectionPool.of({ http1MaxPendingRequests: 1 }) });
    } catch {
      return;
    }
    isNoticed(chart.node.root, /http/i);
  });
});

describe('the preset against connections that the server closes', () => {
  function preset(props: Partial<ClosingServerProps>) {
    const { app, chart, testaaa } = shop();
    ResilientBackend.forClosingServer(chart, 'cure', { host: testaaa, serverKeepAlive: Duration.seconds(5), timeout: Duration.seconds(3), ...props });
    return { app, chart, rule: rulesOf(chart, 'testaaa')[0], policy: policyOf(chart) };
  }

  test('lets connections go before the server does, and tries again within the timeout', () => {
    const { app, chart, rule, policy } = preset({});

    expect(rule).toMatchObject({ timeout: '3s', retries: { attempts: 2, retryOn: 'connect-failure,refused-stream,reset,503' } });
    expect(policy).toEqual({ connectionPool: { http: { idleTimeout: '4s' } } });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(() => app.synthYaml()).not.toThrow();
  });

  test('all the props', () => {
    const { chart, testaaa } = shop();
    const said: Required<ClosingServerProps> = {
      host: testaaa, serverKeepAlive: Duration.millis(2500), timeout: Duration.seconds(3), connectionPerRequest: true,
    };
    ResilientBackend.forClosingServer(chart, 'cure', said);

    expect(rulesOf(chart, 'testaaa')[0].timeout).toBe('3s');
    expect(policyOf(chart)).toEqual({ connectionPool: { http: { idleTimeout: '1500ms', maxRequestsPerConnection: 1 } } });
  });

  test('can be taken for a server that closes after 2 seconds', () => {
    expect(preset({ serverKeepAlive: Duration.seconds(2) }).policy.connectionPool.http.idleTimeout).toBe('1s');
  });

  test.each([Duration.seconds(1), Duration.seconds(0), Duration.millis(1999)])('but not for one that closes sooner (%#)', (serverKeepAlive) => {
    const seconds = serverKeepAlive.toMilliseconds() / 1000;

    expectRefusal(() => preset({ serverKeepAlive }), {
      code: 'ServerKeepAlive', property: 'serverKeepAlive', got: `${seconds} s`, says: /2 seconds or more.*connectionPerRequest .*or a longer keep-alive/,
    });
  });

  test('and tells where that was asked for', () => {
    expect(() => preset({ serverKeepAlive: Duration.seconds(1) })).toThrow(/^\[shop(\/cure)?\] /);
  });
});

test('a secret that sidecars do not read is warned of, files are not', () => {
  const { app, say } = shop();
  say({ version: 'v2', tls: ClientTls.simple({ caCertificates: '/etc/ca.crt' }) });
  expect(Warnings.of(app).all).toEqual([]);
  say({ tls: ClientTls.simple({ credentialName: 'authority' }) });
  expect(Warnings.of(app).all).toEqual([{
    code: 'SecretForSidecars', path: 'shop/policy-2', message: expect.stringMatching(/'credentialName' authority is read by gateways alone: .*plain text.*name files/),
  }]);
});

test.each([HashKey.header('x-user'), HashKey.cookie('user'), HashKey.queryParam('user')])('a hash of what requests say is refused where the mesh reads none (%#)', (key) => {
  const chart = chartOf();
  const host = new MeshHost(chart, 'db', { name: 'db', port: 5432, protocol: RoutedProtocol.TCP });

  expectRefusal(() => new ResilientBackend(chart, 'b', { host, loadBalancer: LoadBalancer.consistentHash(key) }), { code: 'ProtocolNotHttp', property: 'loadBalancer', path: 'shop/b', says: /needs HTTP/ });
  expect(() => new ResilientBackend(chart, 'c', { host, loadBalancer: LoadBalancer.consistentHash(HashKey.sourceIp()) })).not.toThrow();
});
