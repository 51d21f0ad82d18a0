import { ApiObject, App, Chart, Duration, JsonPatch } from 'cdk8s';
import {
  AppProtocol, CanaryService, Destination, Fallback, HeaderOperations, HostPort, MeshGateway, MeshHost, MeshHostProps, RequestMatch, RoutedProtocol,
  RouteRule, StainedRoute, StringMatch,
} from '../src';
import { chartOf, inventory, objectOf, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

const HOST = 'testaaa.shop.svc.cluster.local';
const safari = RequestMatch.userAgent(StringMatch.regex('.*Safari.*'));
const destination = (subset?: string, port?: number) => ({ host: HOST, ...(subset ? { subset } : {}), ...(port ? { port: { number: port } } : {}) });

/** A pinned host that others deploy, and a lane of it. */
function lanedHost() {
  const chart = chartOf();
  const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
  new StainedRoute(chart, 'lanes').addLane('release-v1').route(host);
  return { chart, host };
}

describe('what is emitted', () => {
  test('a host about which nothing is said emits nothing', () => {
    const chart = chartOf();
    new MeshHost(chart, 'testaaa', { name: 'testaaa', port: 31000 });

    expect(chart.toJson()).toEqual([]);
  });

  test('versions alone ask for a DestinationRule and for no VirtualService', () => {
    const chart = chartOf();
    new MeshHost(chart, 'testaaa', { name: 'testaaa' }).addVersion('v2');

    expect(chart.toJson()).toEqual([{
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'testaaa', namespace: 'shop' },
      spec: { host: HOST, subsets: [{ name: 'v2', labels: { version: 'v2' } }] },
    }]);
  });

  test('a rule alone asks for a VirtualService and for no DestinationRule', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa' });
    host.addRule(RouteRule.to([Destination.of(host)], { match: [safari], timeout: Duration.seconds(1) }));

    expect(chart.toJson()).toEqual([{
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'testaaa', namespace: 'shop' },
      spec: {
        hosts: [HOST],
        http: [
          { match: [{ headers: { 'user-agent': { regex: '.*Safari.*' } } }], route: [{ destination: destination() }], timeout: '1s' },
          { route: [{ destination: destination() }] },
        ],
      },
    }]);
  });

  test('all the props', () => {
    const admin: Required<HostPort> = { port: 31001, protocol: RoutedProtocol.TCP, targetPort: 9001, appProtocol: AppProtocol.TCP };
    const said: Required<MeshHostProps> = {
      name: 'testaaa',
      hostName: 'testaaa.example.com',
      exportTo: ['.', 'shop'],
      namespace: 'other',
      port: 31000,
      baseline: 'release',
      virtualServiceName: 'testaaa-vs',
      destinationRuleName: 'testaaa-dr',
      baselineLabels: { track: 'stable' },
      protocol: RoutedProtocol.HTTP,
      additionalPorts: [admin],
      targetPort: 9000,
      appProtocol: AppProtocol.HTTP2,
      selector: { app: 'testaaa' },
      fallback: Fallback.none(),
    };
    const chart = chartOf();
    new MeshHost(chart, 'id', said);
    const host = 'testaaa.example.com';
    const exportTo = ['.', 'shop'];

    expect(chart.toJson()).toEqual([{
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: 'testaaa-dr', namespace: 'other' },
      spec: { host, exportTo, subsets: [{ name: 'release', labels: { track: 'stable' } }] },
    }, {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'testaaa-vs', namespace: 'other' },
      spec: {
        hosts: [host],
        exportTo,
        http: [{ match: [{ port: 31000 }], route: [{ destination: { host, subset: 'release', port: { number: 31000 } } }] }],
        tcp: [{ match: [{ port: 31001 }], route: [{ destination: { host, subset: 'release', port: { number: 31001 } } }] }],
      },
    }]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('the DestinationRule stands before the VirtualService, whichever was asked for first', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa' });
    host.addRule(RouteRule.to([Destination.of(host)], { match: [safari] }));
    host.addVersion('v1');

    expect(inventory(chart)).toEqual(['DestinationRule testaaa', 'VirtualService testaaa']);
  });

  test('rules are tried in the order they were added, the default behind them routes to the baseline', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    for (const version of ['z', 'a']) {
      host.addVersion(version);
      host.addRule(RouteRule.to([Destination.of(host, { version })], { name: version, match: [RequestMatch.header('x-version', StringMatch.exact(version))] }));
    }

    expect(rulesOf(chart, 'testaaa').map(({ route }) => route[0].destination.subset)).toEqual(['z', 'a', 'release']);
    expect(rulesOf(chart, 'testaaa')[2]).toEqual({ route: [{ destination: destination('release') }] });
  });

  test('a version can be known by other labels', () => {
    const chart = chartOf();
    const labels = { track: 'canary' };
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa' });
    host.addVersion('v2', labels);
    labels.track = 'changed later';

    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets).toEqual([{ name: 'v2', labels: { track: 'canary' } }]);
    expect(host.versions).toEqual(['v2']);
  });

  test('the cluster can have another domain', () => {
    const app = new App();
    app.node.setContext('cdk8s-lanes/cluster-domain', 'corp.internal');
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    new StainedRoute(chart, 'lanes').addLane('v1').route(host);

    expect(host.hostName).toBe('testaaa.shop.svc.corp.internal');
    expect(rulesOf(chart, 'testaaa').map(({ route }) => route[0].destination)).toEqual([
      { host: 'testaaa.shop.svc.corp.internal', subset: 'v1' }, { host: 'testaaa.shop.svc.corp.internal', subset: 'release' },
    ]);
  });
});

describe('facets come from anywhere', () => {
  test('another chart can add a rule, a version and a lane, after everything else was declared', () => {
    const app = new App();
    const [services, policies] = [chartOf('services', 'shop', app), chartOf('policies', 'elsewhere', app)];
    const host = new MeshHost(services, 'testaaa', { name: 'testaaa', baseline: 'release' });
    host.addVersion('v2');
    new StainedRoute(policies, 'lanes').addLane('release-v1').route(host);
    host.addRule(RouteRule.to([Destination.of(host, { version: 'v2' })], { match: [safari] }));

    expect(policies.toJson()).toEqual([]);
    expect(rulesOf(services, 'testaaa').map(({ name, route }) => [name, route[0].destination.subset])).toEqual([
      ['lane/release-v1', 'release-v1'], [undefined, 'v2'], ['lane/release-v1', 'release-v1'], [undefined, 'release'],
    ]);
  });

  test('what is asked for after a first synth is in the next', () => {
    const { chart, host } = lanedHost();
    expect(rulesOf(chart, 'testaaa')).toHaveLength(2);
    host.addVersion('v2');
    host.addRule(RouteRule.to([Destination.of(host, { version: 'v2' })], { match: [safari] }));

    expect(rulesOf(chart, 'testaaa')).toHaveLength(4);
  });

  test('a rule can route to another host, which its lanes then serve', () => {
    const chart = chartOf();
    const testaaa = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    const testbbb = new MeshHost(chart, 'testbbb', { name: 'testbbb', port: 32000, baseline: 'release' });
    new StainedRoute(chart, 'lanes').addLane('v1').route(testbbb);
    testaaa.addRule(RouteRule.to([Destination.of(testbbb, { version: 'release' })], { match: [RequestMatch.pathPrefix('/b')] }));

    expect(rulesOf(chart, 'testaaa').map(({ name, route }) => [name, route[0].destination.host.split('.')[0], route[0].destination.subset])).toEqual([
      ['lane/v1', 'testbbb', 'v1'], [undefined, 'testbbb', 'release'], [undefined, 'testaaa', 'release'],
    ]);
  });
});

describe('the escape hatch', () => {
  test('known and unknown fields of the VirtualService can be patched', () => {
    const { chart, host } = lanedHost();
    ApiObject.of(host.virtualService).addJsonPatch(
      JsonPatch.add('/spec/exportTo', ['.']),
      JsonPatch.add('/spec/fieldOfTheFuture', { deep: [1, { deeper: true }] }),
      JsonPatch.add('/metadata/annotations', { 'example.com/team': 'shop' }),
      JsonPatch.add('/status', { known: false }),
    );

    const virtualService = objectOf(chart, 'VirtualService', 'testaaa');
    expect(virtualService.spec.exportTo).toEqual(['.']);
    expect(virtualService.spec.fieldOfTheFuture).toEqual({ deep: [1, { deeper: true }] });
    expect(virtualService.metadata.annotations).toEqual({ 'example.com/team': 'shop' });
    expect(virtualService.status).toEqual({ known: false });
  });

  test('known and unknown fields of the DestinationRule can be patched', () => {
    const { chart, host } = lanedHost();
    ApiObject.of(host.destinationRule).addJsonPatch(
      JsonPatch.add('/spec/trafficPolicy', { loadBalancer: { simple: 'RANDOM' }, futurePolicy: 1 }),
      JsonPatch.add('/spec/subsets/0/fieldOfTheFuture', 'x'),
      JsonPatch.replace('/spec/host', 'elsewhere.example.com'),
    );

    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec).toEqual({
      host: 'elsewhere.example.com',
      trafficPolicy: { loadBalancer: { simple: 'RANDOM' }, futurePolicy: 1 },
      subsets: [{ name: 'release', labels: { version: 'release' }, fieldOfTheFuture: 'x' }, { name: 'release-v1', labels: { version: 'release-v1' } }],
    });
  });

  test('patches of a baseline rule are inherited by the copies of lanes', () => {
    const { chart, host } = lanedHost();
    ApiObject.of(host.virtualService).addJsonPatch(
      JsonPatch.add('/spec/http/0/retries', { attempts: 3, perTryTimeout: '1s' }),
      JsonPatch.add('/spec/http/0/fieldOfTheFuture', { keep: 'me' }),
      JsonPatch.add('/spec/http/0/name', 'all'),
    );

    const [lane, baseline] = rulesOf(chart, 'testaaa');
    expect(lane.name).toBe('lane/release-v1/all');
    expect(baseline.name).toBe('all');
    for (const rule of [lane, baseline]) {
      expect(rule.retries).toEqual({ attempts: 3, perTryTimeout: '1s' });
      expect(rule.fieldOfTheFuture).toEqual({ keep: 'me' });
    }
  });

  test('a rule that a patch adds gets its lane copies too', () => {
    const { chart, host } = lanedHost();
    ApiObject.of(host.virtualService).addJsonPatch(JsonPatch.add('/spec/http/0', {
      match: [{ uri: { prefix: '/slow' } }], route: [{ destination: destination('release') }], timeout: '30s',
    }));

    expect(rulesOf(chart, 'testaaa').map(({ name, timeout }) => [name, timeout])).toEqual([
      ['lane/release-v1', '30s'], [undefined, '30s'], ['lane/release-v1', undefined], [undefined, undefined],
    ]);
  });

  test('a VirtualService labelled as handling the lane header itself is left without lanes', () => {
    const { chart, host } = lanedHost();
    ApiObject.of(host.virtualService).addJsonPatch(JsonPatch.add('/metadata/labels', { 'cdk8s-lanes/handles-lane-header': 'true' }));

    expect(rulesOf(chart, 'testaaa')).toEqual([{ route: [{ destination: destination('release') }] }]);
  });

  test('labels and annotations can be added through the metadata', () => {
    const { chart, host } = lanedHost();
    ApiObject.of(host.virtualService).metadata.addAnnotation('example.com/team', 'shop');

    expect(objectOf(chart, 'VirtualService', 'testaaa').metadata.annotations).toEqual({ 'example.com/team': 'shop' });
  });

  test('an object that is not emitted cannot be patched, and the message tells what would make it', () => {
    const host = new MeshHost(chartOf(), 'testaaa', { name: 'testaaa' });

    expectRefusal(() => host.virtualService, { code: 'NoVirtualService', property: 'virtualService', path: 'shop/testaaa', says: /baseline or a rule/ });
    expectRefusal(() => host.destinationRule, { code: 'NoDestinationRule', property: 'destinationRule', path: 'shop/testaaa', says: /add one/ });
  });
});

describe('refused is', () => {
  const make = (props: Partial<MeshHostProps>) => () => new MeshHost(chartOf(), 'testaaa', { name: 'testaaa', ...props });

  test.each([
    ['ServiceName', 'name', { name: 'Test_A' }, 'Test_A', /begins with a letter/],
    ['ServiceName', 'name', { name: '1test' }, '1test', /begins with a letter/],
    ['ServiceName', 'name', { name: '' }, '', /1 to 63/],
    ['ServiceName', 'name', { name: 'a'.repeat(64) }, 'a'.repeat(64), /1 to 63/],
    ['Namespace', 'namespace', { namespace: 'Shop' }, 'Shop', /DNS label/],
    ['Port', 'port', { port: 0 }, 0, /1 to 65535/],
    ['Port', 'port', { port: 70000 }, 70000, /1 to 65535/],
    ['VersionName', 'baseline', { baseline: 'Release' }, 'Release', /DNS label/],
    ['VersionName', 'baseline', { baseline: '' }, '', /DNS label/],
    ['ObjectName', 'virtualServiceName', { virtualServiceName: 'a_b' }, 'a_b', /DNS name/],
    ['ObjectName', 'destinationRuleName', { destinationRuleName: 'a_b' }, 'a_b', /DNS name/],
  ])('with %s a bad %s: %j', (code, property, props, got, says) => {
    expectRefusal(make(props), { code, property, got, path: 'shop/testaaa', says });
  });

  test('a host in a chart without namespace', () => {
    const nowhere = new Chart(new App(), 'nowhere');

    expectRefusal(() => new MeshHost(nowhere, 'testaaa', { name: 'testaaa' }), {
      code: 'NamespaceMissing', property: 'namespace', path: 'nowhere/testaaa', says: /new Chart\(app, 'id', \{ namespace \}\)/,
    });
  });

  test('a host that another construct owns, in whichever chart', () => {
    const app = new App();
    new CanaryService(chartOf('one', 'shop', app), 'testaaa', { port: 31000, baseline: { version: 'release', image: 'a:1' } });

    expectRefusal(() => new MeshHost(chartOf('two', 'shop', app), 'mine', { name: 'testaaa' }), {
      code: 'HostOwnedTwice', property: 'name', path: 'two/mine', says: /testaaa\.shop\.svc\.cluster\.local, which one\/testaaa\/host owns already.*contribute to the owner/,
    });
  });

  test('not the same name in another namespace', () => {
    const app = new App();
    new MeshHost(chartOf('one', 'shop', app), 'testaaa', { name: 'testaaa' });

    expect(() => new MeshHost(chartOf('two', 'elsewhere', app), 'testaaa', { name: 'testaaa' })).not.toThrow();
  });

  test('two hosts whose VirtualServices would overwrite each other', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release', virtualServiceName: 'routes' });

    expect(() => {
      new MeshHost(chart, 'testbbb', { name: 'testbbb', baseline: 'release', virtualServiceName: 'routes' });
      app.synthYaml();
    }).toThrow(/routes/);
  });

  test('a version twice', () => {
    const host = make({ baseline: 'release' })();

    expectRefusal(() => host.addVersion('release'), { code: 'VersionTwice', property: 'version', got: 'release', path: 'shop/testaaa', says: /choose another name/ });
  });

  test('a version that is no DNS label', () => {
    expectRefusal(() => make({})().addVersion('V2'), { code: 'VersionName', property: 'version', got: 'V2', path: 'shop/testaaa', says: /DNS label/ });
  });

  test('a subset without labels, which would select every pod', () => {
    expectRefusal(() => make({})().addVersion('v2', {}), { code: 'SubsetLabels', property: 'labels', path: 'shop/testaaa', says: /must name a label/ });
  });

  test('a label that no pod can have', () => {
    expectRefusal(() => make({})().addVersion('v2', { track: 'a b' }), { code: 'LabelValue', property: 'labels.track', got: 'a b', path: 'shop/testaaa', says: /label value/ });
    expect(() => make({})().addVersion('v2', { 'bad key': 'x' })).toThrow(/\[shop\/testaaa\] 'labels/);
  });

  test('a rule without match, since the default is that', () => {
    const host = make({})();

    expectRefusal(() => host.addRule(RouteRule.to([Destination.of(host)])), { code: 'RuleWithoutMatch', property: 'match', path: 'shop/testaaa', says: /the default rule does that/ });
  });

  test('a rule named as those of lanes are', () => {
    const host = make({})();

    expectRefusal(() => host.addRule(RouteRule.to([Destination.of(host)], { name: 'lane/x', match: [safari] })), {
      code: 'RuleName', property: 'name', got: 'lane/x', path: 'shop/testaaa', says: /must not begin with 'lane\/'/,
    });
  });
});

describe('refused at synth is', () => {
  function laned(rule: (host: MeshHost) => RouteRule) {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    new StainedRoute(chart, 'lanes').addLane('release-v1').route(host);
    host.addRule(rule(host));
    return () => app.synthYaml();
  }
  const baselineOf = (host: MeshHost, headers?: HeaderOperations) => [Destination.of(host, { version: 'release', headers })];
  const laneHeader = { request: { set: { 'project-version': 'x' } } };

  test('a rule to a version that the host does not have', () => {
    expect(laned((host) => RouteRule.to([Destination.of(host, { version: 'v9' })], { match: [safari] })))
      .toThrow(/\[shop\/testaaa\] 'version' must be a version of testaaa\.shop\.svc\.cluster\.local, got "v9" \(known: release, release-v1\); add that version/);
  });

  test('a rule to a version that another host does not have', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const [testaaa, testbbb] = ['testaaa', 'testbbb'].map((name) => new MeshHost(chart, name, { name, baseline: 'release' }));
    testaaa.addRule(RouteRule.to([Destination.of(testbbb, { version: 'v9' })], { match: [safari] }));

    expect(() => app.synthYaml()).toThrow(/\[shop\/testaaa\] 'version' must be a version of testbbb\.shop.*"v9"/);
  });

  test('a rule that reaches the pods of lanes, since it names no version', () => {
    expect(laned((host) => RouteRule.to([Destination.of(host)], { match: [safari] })))
      .toThrow(/\[shop\/testaaa\/VirtualService\/Resource\] spec\.http\[0\]\.route\[0\] .*testaaa\.shop\.svc\.cluster\.local.*without a subset.*pin it/);
  });

  test('a rule that matches the lane header', () => {
    const match = [RequestMatch.header('project-version', StringMatch.exact('x'))];

    expect(laned((host) => RouteRule.to(baselineOf(host), { match })))
      .toThrow(/\[shop\/testaaa\/VirtualService\/Resource\] spec\.http\[0\]\.match\[0\]\.headers .*'project-version'.*use another header/);
  });

  test('a rule that matches requests without the lane header', () => {
    const match = [RequestMatch.withoutHeader('project-version', StringMatch.present())];

    expect(laned((host) => RouteRule.to(baselineOf(host), { match }))).toThrow(/spec\.http\[0\]\.match\[0\]\.withoutHeaders/);
  });

  test('a rule that changes the lane header, for itself or for a destination', () => {
    const headers = HeaderOperations.of(laneHeader);

    expect(laned((host) => RouteRule.to(baselineOf(host), { match: [safari], headers }))).toThrow(/spec\.http\[0\]\.headers\.request .*'project-version'/);
    expect(laned((host) => RouteRule.to(baselineOf(host, headers), { match: [safari] }))).toThrow(/spec\.http\[0\]\.route\[0\]\.headers\.request .*'project-version'/);
  });

  test.each([
    ['matches', { match: [{ headers: { 'Project-Version': { exact: 'x' } } }] }],
    ['changes', { headers: { request: { remove: ['PROJECT-VERSION'] } } }],
  ])('a patched rule that %s the lane header in other letters', (verb, fields) => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    new StainedRoute(chart, 'lanes');
    ApiObject.of(host.virtualService).addJsonPatch(JsonPatch.add('/spec/http/0', { ...fields, route: [{ destination: destination('release') }] }));

    expect(() => app.synthYaml()).toThrow(new RegExp(`\\[shop/testaaa/VirtualService/Resource\\] spec\\.http\\[0\\].* ${verb} the lane header`));
  });

  test('every problem of an app, not only the first', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const stain = new StainedRoute(chart, 'lanes');
    for (const name of ['testaaa', 'testbbb']) {
      const host = new MeshHost(chart, name, { name, baseline: 'release' });
      stain.addLane(`for-${name}`).route(host);
      host.addRule(RouteRule.to([Destination.of(host)], { match: [safari] }));
    }

    expect(() => app.synthYaml()).toThrow(/shop\/testaaa\/VirtualService[^]*shop\/testbbb\/VirtualService/);
  });

  test('not a rule on that header where the app has no lanes', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    host.addRule(RouteRule.to(baselineOf(host), { match: [RequestMatch.header('project-version', StringMatch.exact('x'))] }));

    expect(() => app.synthYaml()).not.toThrow();
  });
});

test('a gateway in front of a host that the app does not own routes to all its pods', () => {
  const chart = chartOf();
  new MeshGateway(chart, 'gateway', { hosts: ['*'] }).route({ hostName: 'legacy.old.svc.cluster.local' });

  expect(rulesOf(chart, 'gateway-any-host')).toEqual([{ route: [{ destination: { host: 'legacy.old.svc.cluster.local' } }] }]);
});
