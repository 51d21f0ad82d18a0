import { ApiObject, App, Duration, JsonPatch } from 'cdk8s';
import {
  AppProtocol, CanaryService, CanaryServiceProps, ConnectionPool, Destination, Fallback, Fault, FaultInjection, HashKey, LoadBalancer,
  MeshGateway, MeshHost, OutlierDetection, RequestMatch, ResilientBackend, RetryPolicy, RouteRule, StainedRoute, StainedRouteProps, Staining, weave,
} from '../src';
import { chartOf, inventory, objectOf, rulesOf, synthesized } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

/** A service behind a gateway, lanes that fall back unless told otherwise. */
function shop(service: Partial<CanaryServiceProps> = {}, props: StainedRouteProps = { fallback: true }) {
  const app = new App();
  const chart = chartOf('test1', 'test1', app);
  const testbbb = new CanaryService(chart, 'testbbb', { port: 80, targetPort: 8080, template: { image: 'testbbb:1' }, baseline: { version: 'release' }, ...service });
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testbbb);
  const lanes = new StainedRoute(chart, 'lanes', props);
  return { app, chart, testbbb, lanes };
}

const HOST = 'release-v1.testbbb.test1.lanes';
const MEASURED = { attempts: 3, perTryTimeout: '2s', retryOn: 'connect-failure,refused-stream,unavailable,reset,503,504', retryRemoteLocalities: true };
const EJECTION = { consecutiveGatewayErrors: 3, consecutive5xxErrors: 0, interval: '1s', baseEjectionTime: '5s', maxEjectionPercent: 100 };

describe('a lane with fallback', () => {
  test('is a host of its own: the pods of both behind one name, the lane\'s first', () => {
    const { chart, testbbb, lanes } = shop();
    const before = inventory(chart);
    lanes.addLane('release-v1').serve(testbbb);

    expect(inventory(chart).filter((object) => !before.includes(object)).sort()).toEqual([
      'Deployment testbbb-release-v1', 'DestinationRule testbbb-release-v1-fallback',
      'ServiceEntry testbbb-release-v1-fallback-baseline', 'ServiceEntry testbbb-release-v1-fallback-lane',
    ]);
    expect(objectOf(chart, 'DestinationRule', 'testbbb-release-v1-fallback')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'testbbb-release-v1-fallback', namespace: 'test1' },
      spec: {
        host: HOST,
        trafficPolicy: {
          connectionPool: { tcp: { connectTimeout: '1s' } },
          outlierDetection: EJECTION,
          loadBalancer: { simple: 'LEAST_REQUEST', localityLbSetting: { enabled: true, failoverPriority: ['version=release-v1'] } },
        },
      },
    });
    const entry = (version: string) => ({
      hosts: [HOST],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
      workloadSelector: { labels: { app: 'testbbb', version } },
    });
    expect(objectOf(chart, 'ServiceEntry', 'testbbb-release-v1-fallback-baseline').spec).toEqual(entry('release'));
    expect(objectOf(chart, 'ServiceEntry', 'testbbb-release-v1-fallback-lane').spec).toEqual(entry('release-v1'));
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('has its requests routed there, in the mesh and at gateways, and tells of each who served', () => {
    const { chart, testbbb, lanes } = shop();
    lanes.addLane('release-v1').serve(testbbb);

    for (const name of ['testbbb', 'gateway-any-host']) {
      expect(rulesOf(chart, name)[0]).toEqual({
        name: 'lane/release-v1',
        match: [{ headers: { 'project-version': { exact: 'release-v1' } } }],
        retries: MEASURED,
        route: [{ destination: { host: HOST, port: { number: 80 } }, headers: { response: { set: { 'x-served-lane': '%UPSTREAM_METADATA(istio:workload)%' } } } }],
      });
    }
  });

  test('has its objects in the order in which they must come, before any route to them', () => {
    const { app, testbbb, lanes } = shop();
    lanes.addLane('release-v1').serve(testbbb);
    const names = synthesized(app).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const order = [
      'DestinationRule testbbb-release-v1-fallback', 'ServiceEntry testbbb-release-v1-fallback-baseline', 'ServiceEntry testbbb-release-v1-fallback-lane',
      'VirtualService testbbb', 'VirtualService gateway-any-host',
    ];

    expect(names.filter((name) => order.includes(name))).toEqual(order);
  });

  test('keeps its subset, so that rules for it work and fallback can be switched off without a gap', () => {
    const { chart, testbbb, lanes } = shop();
    lanes.addLane('release-v1').serve(testbbb);

    expect(objectOf(chart, 'DestinationRule', 'testbbb').spec.subsets.map(({ name }: any) => name)).toEqual(['release', 'release-v1']);
  });

  test('is woven as any other: weaving again, and weaving no lanes, change nothing', () => {
    const { chart, testbbb, lanes } = shop();
    const baseline = objectOf(chart, 'VirtualService', 'testbbb');
    lanes.addLane('release-v1').serve(testbbb);
    const woven = objectOf(chart, 'VirtualService', 'testbbb');
    const { perTryTimeout: tryTimeout, ...retries } = MEASURED;
    const destination = { host: HOST, servedLane: '%UPSTREAM_METADATA(istio:workload)%', rule: { retries }, tryTimeout };
    const table = { header: 'project-version', lanes: { 'release-v1': { [testbbb.hostName]: destination } } };

    expect(weave(baseline, table).virtualService).toEqual(woven);
    expect(weave(woven, table).virtualService).toEqual(woven);
    expect(weave(woven, { ...table, lanes: {} }).virtualService).toEqual(baseline);
  });

  test('may be one of several: another lane, and the same lane elsewhere, have their own hosts', () => {
    const { chart, testbbb, lanes } = shop();
    const other = new CanaryService(chart, 'testaaa', { port: 80, baseline: { version: 'release', image: 'a' } });
    const [v1, v2] = ['release-v1', 'release-v2'].map((name) => lanes.addLane(name));
    v1.serve(testbbb);
    v2.serve(testbbb);
    v1.serve(other, { image: 'b' });
    const hosts = chart.toJson().filter(({ kind }) => kind === 'ServiceEntry').map(({ spec }) => spec.hosts[0]);

    expect([...new Set(hosts)].sort()).toEqual(['release-v1.testaaa.test1.lanes', HOST, 'release-v2.testbbb.test1.lanes'].sort());
    expect(hosts).toHaveLength(6);
  });

  test('has a fault of its own, too', () => {
    const { chart, testbbb, lanes } = shop();
    const lane = lanes.addLane('release-v1');
    lane.serve(testbbb);
    new FaultInjection(chart, 'fault', { host: testbbb, lane, fault: Fault.abort({ httpStatus: 503, percentage: 50 }) });

    expect(rulesOf(chart, 'testbbb')[0]).toMatchObject({ retries: MEASURED, fault: { abort: { httpStatus: 503 } } });
  });
});

describe('whether a lane falls back', () => {
  test('is said of it, else of the StainedRoute; without a word it does not', () => {
    const falls = (props: StainedRouteProps, fallback?: boolean) => {
      const { chart, testbbb, lanes } = shop({}, props);
      const lane = lanes.addLane('release-v1', { fallback });
      lane.serve(testbbb);
      expect(inventory(chart).some((object) => object.startsWith('ServiceEntry'))).toBe(lane.fallback);
      return lane.fallback;
    };

    expect([falls({}), falls({ fallback: false }), falls({ fallback: true }, false)]).toEqual([false, false, false]);
    expect([falls({}, true), falls({ fallback: true })]).toEqual([true, true]);
  });

  test('off, not a byte is another one', () => {
    const bytes = (props: StainedRouteProps, fallback?: boolean, service?: Fallback) => {
      const { app, testbbb, lanes } = shop({ fallback: service }, props);
      lanes.addLane('release-v1', { fallback }).serve(testbbb);
      return app.synthYaml();
    };
    const plain = bytes({});

    expect(bytes({ fallback: false })).toBe(plain);
    expect(bytes({ fallback: true }, false)).toBe(plain);
    expect(bytes({}, undefined, Fallback.of({ attempts: 5 }))).toBe(plain);
    expect(bytes({ fallback: true }, true, Fallback.none())).toBe(plain);
    expect(bytes({ fallback: true })).not.toBe(plain);
  });
});

describe('what is said of the service', () => {
  test('holds for the lane\'s own host, which inherits nothing', () => {
    const { chart, testbbb, lanes } = shop();
    lanes.addLane('release-v1').serve(testbbb);
    new ResilientBackend(chart, 'limits', {
      host: testbbb,
      connectionPool: ConnectionPool.of({ maxConnections: 7, http1MaxPendingRequests: 3 }),
      loadBalancer: LoadBalancer.consistentHash(HashKey.header('x-user')),
      outlierDetection: OutlierDetection.of({ maxEjectionPercent: 10, consecutive5xxErrors: 1 }),
    });
    ApiObject.of(testbbb.host.destinationRule).addJsonPatch(JsonPatch.add('/spec/trafficPolicy/proxyProtocol', { version: 'V2' }));

    expect(objectOf(chart, 'DestinationRule', 'testbbb-release-v1-fallback').spec.trafficPolicy).toEqual({
      connectionPool: { tcp: { maxConnections: 7, connectTimeout: '1s' }, http: { http1MaxPendingRequests: 3 } },
      loadBalancer: { consistentHash: { httpHeaderName: 'x-user' }, localityLbSetting: { enabled: true, failoverPriority: ['version=release-v1'] } },
      outlierDetection: EJECTION,
      proxyProtocol: { version: 'V2' },
    });
  });

  test('of the lane\'s version goes first, of a port it is said there again', () => {
    const { chart, testbbb, lanes } = shop();
    lanes.addLane('release-v1').serve(testbbb);
    new ResilientBackend(chart, 'all', { host: testbbb, connectionPool: ConnectionPool.of({ maxConnections: 7 }) });
    new ResilientBackend(chart, 'lane', { host: testbbb, version: 'release-v1', connectionPool: ConnectionPool.of({ maxConnections: 1, connectTimeout: Duration.millis(200) }) });
    new ResilientBackend(chart, 'port', { host: testbbb, port: 80, loadBalancer: LoadBalancer.random() });
    const { connectionPool, portLevelSettings } = objectOf(chart, 'DestinationRule', 'testbbb-release-v1-fallback').spec.trafficPolicy;

    expect(connectionPool).toEqual({ tcp: { maxConnections: 1, connectTimeout: '200ms' } });
    expect(portLevelSettings).toEqual([{
      port: { number: 80 },
      connectionPool,
      outlierDetection: EJECTION,
      loadBalancer: { simple: 'RANDOM', localityLbSetting: { enabled: true, failoverPriority: ['version=release-v1'] } },
    }]);
  });

  test('of retries and timeouts is minded', () => {
    const { chart, testbbb, lanes } = shop();
    lanes.addLane('release-v1').serve(testbbb);
    new ResilientBackend(chart, 'patience', { host: testbbb, timeout: Duration.seconds(9), retries: RetryPolicy.of({ attempts: 5, retryOn: ['gateway-error'] }) });
    testbbb.host.addRule(RouteRule.to([Destination.of(testbbb, { version: 'release' })], { match: [RequestMatch.pathPrefix('/fast')], timeout: Duration.seconds(3) }));

    expect(rulesOf(chart, 'testbbb').filter(({ name }) => name).map(({ retries }) => retries)).toEqual([
      { ...MEASURED, attempts: 5, perTryTimeout: '1s' }, { ...MEASURED, attempts: 5, perTryTimeout: '3s' },
    ]);
    expect(rulesOf(chart, 'testbbb').filter(({ name }) => !name).map(({ retries }) => retries)).toEqual(Array(2).fill({ attempts: 5, retryOn: 'gateway-error' }));
  });

  test('of a route at a gateway alone is minded there', () => {
    const { chart, testbbb, lanes } = shop();
    new MeshGateway(chart, 'quick', { hosts: ['quick.example.com'], selector: { istio: 'quick' }, staining: Staining.open() }).route(testbbb, { timeout: Duration.seconds(1) });
    lanes.addLane('release-v1').serve(testbbb);

    expect(rulesOf(chart, 'quick-quick-example-com')[0]).toMatchObject({ timeout: '1s', retries: { ...MEASURED, perTryTimeout: '333ms' } });
    expect(rulesOf(chart, 'testbbb')[0].retries).toEqual(MEASURED);
  });

  test('of how to fall back is heard', () => {
    const { chart, testbbb, lanes } = shop({ fallback: Fallback.of({ idempotent: false, connectTimeout: Duration.millis(300) }) });
    lanes.addLane('release-v1').serve(testbbb);

    expect(rulesOf(chart, 'testbbb')[0].retries.retryOn).toBe('connect-failure,refused-stream,unavailable,reset-before-request');
    expect(objectOf(chart, 'DestinationRule', 'testbbb-release-v1-fallback').spec.trafficPolicy.connectionPool.tcp.connectTimeout).toBe('300ms');
  });

  test.each([
    [AppProtocol.HTTP2, 'HTTP2'], [AppProtocol.H2C, 'HTTP2'], [AppProtocol.GRPC, 'GRPC'], [AppProtocol.GRPC_WEB, 'GRPC-WEB'],
  ])('%s is what its host speaks', (appProtocol, protocol) => {
    const { chart, testbbb, lanes } = shop({ appProtocol });
    lanes.addLane('release-v1').serve(testbbb);

    expect(objectOf(chart, 'ServiceEntry', 'testbbb-release-v1-fallback-lane').spec.ports[0]).toMatchObject({ protocol, name: protocol.toLowerCase() });
  });

  test('several ports of one protocol are there, each with a name of its own', () => {
    const { chart, testbbb, lanes } = shop({ portName: 'web', additionalPorts: [{ name: 'admin', port: 81, targetPort: 9090 }] });
    lanes.addLane('release-v1').serve(testbbb);

    expect(objectOf(chart, 'ServiceEntry', 'testbbb-release-v1-fallback-lane').spec.ports).toEqual([
      { number: 80, name: 'http-80', protocol: 'HTTP', targetPort: 8080 }, { number: 81, name: 'http-81', protocol: 'HTTP', targetPort: 9090 },
    ]);
    expect(rulesOf(chart, 'testbbb').filter(({ name }) => name).map(({ route }) => route[0].destination)).toEqual([{ host: HOST, port: { number: 80 } }, { host: HOST, port: { number: 81 } }]);
  });
});

describe('the baseline\'s part is done by the version that serves everybody', () => {
  const standby = (change: (service: CanaryService) => void) => {
    const { app, chart, testbbb, lanes } = shop();
    testbbb.addVersion('v2');
    lanes.addLane('release-v1').serve(testbbb);
    lanes.addLane('release-v2').serve(testbbb);
    change(testbbb);
    app.synthYaml();
    return objectOf(chart, 'ServiceEntry', 'testbbb-release-v1-fallback-baseline').spec.workloadSelector.labels;
  };

  test.each<[string, string, (service: CanaryService) => void]>([
    ['the baseline, unless told otherwise', 'release', () => {}],
    ['the one that was activated', 'v2', (service) => service.activate('v2')],
    ['the one that was activated, after the baseline was retired', 'v2', (service) => { service.activate('v2'); service.retire('release'); }],
    ['of a split the one with most weight', 'v2', (service) => service.split({ release: 20, v2: 80 })],
    ['of a split that is even the first', 'release', (service) => service.splitSticky({ release: 1, v2: 1 })],
    ['of a split the one that stayed', 'v2', (service) => { service.split({ release: 90, v2: 10 }); service.retire('release'); }],
    ['the baseline, where another host serves everybody', 'release', (service) => service.host.routeDefault([Destination.of(new MeshHost(service, 'next', { name: 'next', port: 80 }))])],
  ])('%s', (_, version, change) => {
    expect(standby(change)).toEqual({ app: 'testbbb', version });
  });

  test('and its pods are where the lane\'s must be', () => {
    expect(() => standby((service) => {
      service.activate('v2');
      ApiObject.of(service.node.findChild('versions').node.findChild('v2').node.findChild('Resource')).addJsonPatch(JsonPatch.replace('/metadata/namespace', 'elsewhere'));
    })).toThrow(/in the namespace of the baseline's, got test1 and elsewhere/);
  });

  test('so nobody may be missing: a retired baseline, and a default rule that leads elsewhere, are refused', () => {
    const { app, testbbb, lanes } = shop();
    const leave = () => {
      testbbb.host.routeDefault([Destination.of(new MeshHost(testbbb, 'next', { name: 'next', port: 80 }))]);
      testbbb.retire('release');
    };
    const says = /'fallback' needs a version of testbbb.test1.svc.cluster.local that serves everybody: release is retired.*Fallback\.none\(\)/;
    lanes.addLane('release-v1').serve(testbbb);
    leave();

    expect(() => app.synthYaml()).toThrow(says);
    expectRefusal(() => lanes.addLane('release-v2').serve(testbbb), { code: 'FallbackImpossible', property: 'fallback', says });
  });
});

describe('a host that others deploy', () => {
  const legacy = (props: object, labels?: Record<string, string>) => {
    const { chart, lanes } = shop();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy', port: 80, targetPort: 8081, baseline: 'release', selector: { app: 'old' }, ...props });
    lanes.addLane('release-v1').route(host, { labels });
    return chart;
  };

  test('falls back too, where the app knows the Service\'s selector', () => {
    const chart = legacy({ baselineLabels: { track: 'stable' } }, { track: 'canary' });

    expect(objectOf(chart, 'ServiceEntry', 'legacy-release-v1-fallback-lane').spec).toMatchObject({
      ports: [{ number: 80, targetPort: 8081, protocol: 'HTTP' }], workloadSelector: { labels: { app: 'old', track: 'canary' } },
    });
    expect(objectOf(chart, 'DestinationRule', 'legacy-release-v1-fallback').spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority).toEqual(['track=canary']);
  });

  test.each([
    ['selector', { selector: undefined }, undefined, /selector.*say it/],
    ['ports', { port: undefined, targetPort: undefined }, undefined, /say 'port'/],
  ])('without %s that tell its pods is refused', (_, props, labels, says) => {
    expectRefusal(() => legacy(props, labels), { code: 'FallbackImpossible', property: 'fallback', path: 'test1/legacy', says });
  });
});

describe('refused is', () => {
  const serve = (service: Partial<CanaryServiceProps>, branch = 'release-v1') => {
    const { app, testbbb, lanes } = shop(service);
    return { app, version: lanes.addLane(branch).serve(testbbb), testbbb };
  };

  test('a service without versions', () => {
    expectRefusal(() => serve({ baseline: {} }), { code: 'BaselineNotPinned', property: 'baseline', path: 'test1/testbbb', says: /must be set/ });
  });

  test.each([[AppProtocol.GRPC, 'GRPC'], [AppProtocol.TCP, 'TCP']])('a service with ports of HTTP and of %s', (appProtocol, protocol) => {
    expectRefusal(() => serve({ portName: 'web', additionalPorts: [{ name: 'other', port: 81, appProtocol }] }), {
      code: 'FallbackImpossible', property: 'fallback', path: 'test1/testbbb', says: new RegExp(`one protocol, got 80 HTTP, 81 ${protocol}.*Fallback\\.none\\(\\)`),
    });
  });

  test('a service whose protocol Istio guesses', () => {
    expectRefusal(() => serve({ appProtocol: AppProtocol.UNSPECIFIED }), { code: 'FallbackImpossible', property: 'fallback', says: /say 'appProtocol'/ });
  });

  test('a name that leaves no room', () => {
    expectRefusal(() => serve({ name: 'a'.repeat(45) }, 'b'.repeat(25)), { code: 'LaneNameTooLong', property: 'lane', says: /63 characters, got 71.*by hand/ });
  });

  test('a lane whose pods are patched into another namespace than the baseline\'s', () => {
    const { app, version } = serve({});
    ApiObject.of(version).addJsonPatch(JsonPatch.replace('/metadata/namespace', 'elsewhere'));

    expect(() => app.synthYaml()).toThrow(/test1\/testbbb.*'fallback' needs the lane's pods in the namespace of the baseline's, got elsewhere and test1.*beside the baseline/);
  });

  test('a load balancer that sends to the address asked for', () => {
    const { app, testbbb } = serve({});
    new ResilientBackend(testbbb, 'direct', { host: testbbb, loadBalancer: LoadBalancer.passthrough() });

    expect(() => app.synthYaml()).toThrow(/'fallback' cannot be had with the load balancer PASSTHROUGH/);
  });

  test.each([['outlierDetection', /outlierDetection/], ['loadBalancer', /failoverPriority/]])('half of it: a patch that takes %s away', (part, says) => {
    const { app, testbbb } = serve({});
    const rule = testbbb.node.findAll().find((each): each is ApiObject => each instanceof ApiObject && each.name === 'testbbb-release-v1-fallback')!;
    rule.addJsonPatch(JsonPatch.remove(`/spec/trafficPolicy/${part}`));

    expect(() => app.synthYaml()).toThrow(says);
    expect(() => app.synthYaml()).toThrow(/spread over its pods and the baseline's/);
  });

  test('a try that may take as long as all tries', () => {
    const { app, testbbb } = serve({ fallback: Fallback.of({ perTryTimeout: Duration.seconds(2) }) });
    new ResilientBackend(testbbb, 'patience', { host: testbbb, timeout: Duration.seconds(2) });

    expect(() => app.synthYaml()).toThrow(/'fallback' of testbbb.test1.svc.cluster.local cannot work: 'perTryTimeout' must be less than the timeout of 2s/);
  });

  test('how to fall back, where whether is asked', () => {
    expectRefusal(() => shop({}, { fallback: Fallback.of() as any }), { code: 'Fallback', property: 'fallback', path: 'test1/lanes', says: /true or false.*CanaryService/ });
    expectRefusal(() => shop({ fallback: true as any }), { code: 'Fallback', property: 'fallback', says: /Fallback\.of.*StainedRoute or the lane/ });
  });
});
