import { App } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { parseAllDocuments } from 'yaml';
import {
  AppProtocol, CanaryService, CanaryServiceProps, CorsPolicy, Destination, LaneOptions, LaneRouteOptions, MeshGateway, MeshHost,
  RequestMatch, RouteRule, StainedRoute, StainedRouteProps, Staining, StringMatch, Warnings,
} from '../src';
import { chartOf, inventory, objectOf, objectsOf, rulesOf, synthesized } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

/** Two services, a gateway in front of the first, lanes. */
function shop(props: StainedRouteProps = {}, service: Partial<CanaryServiceProps> = {}) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const canary = (id: string, port: number) => new CanaryService(chart, id, { port, template: { image: `${id}:v1` }, baseline: { version: 'release' }, ...service });
  const [testaaa, testbbb] = [canary('testaaa', 31000), canary('testbbb', 32000)];
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
  const lanes = new StainedRoute(chart, 'lanes', props);
  return { app, chart, testaaa, testbbb, lanes };
}

describe('a lane', () => {
  test('is, for each service that it serves, a Deployment, a subset and a rule in front of each of the service\'s rules', () => {
    const { chart, testaaa, lanes } = shop();
    const before = inventory(chart);
    lanes.addLane('release-v1').serve(testaaa, { image: 'testaaa:v121' });

    const host = 'testaaa.shop.svc.cluster.local';
    const rules = [
      {
        name: 'lane/release-v1',
        match: [{ headers: { 'project-version': { exact: 'release-v1' } } }],
        route: [{
          destination: { host, subset: 'release-v1', port: { number: 31000 } }, headers: { response: { set: { 'x-served-lane': 'release-v1' } } },
        }],
      },
      { route: [{ destination: { host, subset: 'release', port: { number: 31000 } } }] },
    ];
    expect(rulesOf(chart, 'testaaa')).toEqual(rules);
    expect(rulesOf(chart, 'gateway-any-host')).toEqual(rules);
    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets).toEqual([
      { name: 'release', labels: { version: 'release' } }, { name: 'release-v1', labels: { version: 'release-v1' } },
    ]);
    expect(inventory(chart).filter((object) => !before.includes(object))).toEqual(['Deployment testaaa-release-v1']);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('has no rules for a service that it does not serve: its requests meet the baseline', () => {
    const { chart, testaaa, lanes } = shop();
    lanes.addLane('release-v1').serve(testaaa);

    expect(rulesOf(chart, 'testbbb')).toEqual([{ route: [{ destination: { host: 'testbbb.shop.svc.cluster.local', subset: 'release', port: { number: 32000 } } }] }]);
  });

  test('that serves nothing emits nothing', () => {
    const { chart, lanes } = shop();
    const before = chart.toJson();
    lanes.addLane('release-v1');

    expect(chart.toJson()).toEqual(before);
  });

  test('an app with lanes to come looks like one that has none', () => {
    const { chart } = shop();

    expect(objectsOf(chart, 'VirtualService').flatMap(({ spec }) => spec.http).every(({ name, match }: any) => name === undefined && match === undefined)).toBe(true);
  });

  test('has a name that is fit for a label, whatever its branch is called', () => {
    const { chart, testaaa, lanes } = shop();
    const lane = lanes.addLane('release/v1');
    lane.serve(testaaa);

    expect(lane).toMatchObject({ name: 'release-v1-t7jiyo', branch: 'release/v1' });
    expect(objectOf(chart, 'Deployment', 'testaaa-release-v1-t7jiyo').spec.selector.matchLabels).toEqual({ app: 'testaaa', version: 'release-v1-t7jiyo' });
    expect(rulesOf(chart, 'testaaa')[0].match).toEqual([{ headers: { 'project-version': { exact: 'release-v1-t7jiyo' } } }]);
  });

  test('can be given a name by hand', () => {
    const said: Required<LaneOptions> = { name: 'mine', fallback: false };
    const { chart, testaaa, lanes } = shop();
    lanes.addLane('release/v1', said).serve(testaaa);

    expect(rulesOf(chart, 'testaaa')[0].name).toBe('lane/mine');
  });

  test('serves a host that others deploy by a subset and rules, without a Deployment', () => {
    const said: Required<LaneRouteOptions> = { labels: { branch: 'one', app: 'legacy' } };
    const { chart, lanes } = shop();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy', baseline: 'release' });
    lanes.addLane('v1').route(host, said);
    lanes.addLane('v2').route(host);

    expect(objectOf(chart, 'DestinationRule', 'legacy').spec.subsets.slice(1)).toEqual([
      { name: 'v1', labels: { branch: 'one', app: 'legacy' } }, { name: 'v2', labels: { version: 'v2' } },
    ]);
    expect(rulesOf(chart, 'legacy').map(({ name }) => name)).toEqual(['lane/v1', 'lane/v2', undefined]);
    expect(objectsOf(chart, 'Deployment').map(({ metadata }) => metadata.name)).toEqual(['testaaa-release', 'testbbb-release']);
  });

  test('inherits the template and overrides only what it names', () => {
    const { chart, testaaa, lanes } = shop({}, { template: { image: 'a:v1', replicas: 2, env: { A: '1', B: '1' } } });
    lanes.addLane('v1').serve(testaaa, { env: { B: '2' } });

    expect(objectOf(chart, 'Deployment', 'testaaa-v1').spec.replicas).toBe(2);
    expect(objectOf(chart, 'Deployment', 'testaaa-v1').spec.template.spec.containers[0]).toMatchObject({
      image: 'a:v1', env: [{ name: 'A', value: '1' }, { name: 'B', value: '2' }, { name: 'PROJECT_VERSION', value: 'v1' }],
    });
  });

  test('can name its Deployment', () => {
    const { chart, testaaa, lanes } = shop();
    lanes.addLane('v1').serve(testaaa, { deploymentName: 'mine' });

    expect(objectOf(chart, 'Deployment', 'mine').spec.selector.matchLabels.version).toBe('v1');
  });

  test('returns its version, whose Deployment the user goes on with', () => {
    const { chart, testaaa, lanes } = shop();
    const version = lanes.addLane('v1').serve(testaaa);
    version.deployment.addContainer({ name: 'more', image: 'b' });

    expect(version.version).toBe('v1');
    expect(objectOf(chart, 'Deployment', 'testaaa-v1').spec.template.spec.containers).toHaveLength(2);
  });
});

describe('a lane rolls out', () => {
  const strategyOf = (service: Partial<CanaryServiceProps>, own: { strategy?: kplus.DeploymentStrategy } = {}) => {
    const { chart, testaaa, lanes } = shop({}, service);
    lanes.addLane('v1').serve(testaaa, own);
    return objectOf(chart, 'Deployment', 'testaaa-v1').spec.strategy;
  };
  const recreate = kplus.DeploymentStrategy.recreate();

  test('with a new pod ready before an old one goes', () => {
    expect(strategyOf({})).toMatchObject({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } });
  });

  test('as the template says, if it does', () => {
    expect(strategyOf({ template: { image: 'a', strategy: recreate } })).toEqual({ type: 'Recreate' });
  });

  test('as it says itself, before all', () => {
    expect(strategyOf({}, { strategy: recreate })).toEqual({ type: 'Recreate' });
    expect(strategyOf({}, { strategy: undefined })).toMatchObject({ rollingUpdate: { maxUnavailable: 0 } });
  });

  test('while a service\'s own versions roll out as Kubernetes does', () => {
    expect(objectOf(shop().chart, 'Deployment', 'testaaa-release').spec).not.toHaveProperty('strategy');
  });
});

describe('lanes are ordered by name, whatever order they were added in', () => {
  test.each([[['a', 'b', 'c']], [['c', 'a', 'b']], [['b', 'c', 'a']]])('%j', (order) => {
    const { chart, testaaa, lanes } = shop();
    for (const lane of order) lanes.addLane(lane).serve(testaaa);

    expect(rulesOf(chart, 'testaaa').map(({ name }) => name)).toEqual(['lane/a', 'lane/b', 'lane/c', undefined]);
    expect(rulesOf(chart, 'gateway-any-host').map(({ name }) => name)).toEqual(['lane/a', 'lane/b', 'lane/c', undefined]);
    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets.map(({ name }: any) => name)).toEqual(['release', 'a', 'b', 'c']);
  });

  test('letter by letter, numbers too', () => {
    const { chart, testaaa, lanes } = shop();
    for (const lane of ['9', 'b', '10', 'a-b', 'a', '1e3', 'ab']) lanes.addLane(lane).serve(testaaa);

    const inOrder = ['10', '1e3', '9', 'a', 'a-b', 'ab', 'b'];
    expect(rulesOf(chart, 'testaaa').map(({ name }) => name)).toEqual([...inOrder.map((lane) => `lane/${lane}`), undefined]);
    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets.map(({ name }: any) => name)).toEqual(['release', ...inOrder]);
  });
});

test.each([
  [['on', 'off', 'yes', 'no', 'y', 'n', 'true', 'false', 'null']],
  [['123', '007', '08', '1e3', '12e-3', '0x1f', '0b1', '2026-11-05']],
])('names that YAML could misread are read as texts, everywhere and by every YAML: %j', (names) => {
  const { app, chart, testaaa, lanes } = shop();
  for (const name of names) lanes.addLane(name).serve(testaaa);
  const text = app.synthYaml();

  expect(lanes.node.children.map(({ node }) => node.id).sort()).toEqual([...names].sort());
  expect(synthesized(app)).toEqual(chart.toJson());
  expect(parseAllDocuments(text, { version: '1.2' }).map((document) => document.toJS())).toEqual(chart.toJson());
  // What Go's parser takes for something else differs from both versions in details, quoted texts it never does.
  for (const name of names) expect(text.split('\n').filter((line) => line.endsWith(`: ${name}`))).toEqual([]);
});

describe('the lane header', () => {
  test('all the props', () => {
    const said: Required<StainedRouteProps> = { header: 'x-lane', reportServedLane: true, servedLaneHeader: 'x-answered-by', baggageKey: 'lane', selfStaining: true, fallback: false };
    const { chart, testaaa, lanes } = shop(said);
    lanes.addLane('v1').serve(testaaa);

    expect(lanes).toMatchObject({ header: 'x-lane', servedLaneHeader: 'x-answered-by' });
    for (const name of ['testaaa', 'gateway-any-host']) {
      expect(rulesOf(chart, name)[0].match).toEqual([
        { headers: { 'x-lane': { exact: 'v1' } } },
        { headers: { baggage: { regex: '(.*,)?[ \\t]*lane[ \\t]*=[ \\t]*v1[ \\t]*([,;].*)?' } }, withoutHeaders: { 'x-lane': { regex: '[^-].*|-.+' } } },
      ]);
      expect(rulesOf(chart, name)[0].route[0].headers).toEqual({ response: { set: { 'x-answered-by': 'v1' } } });
    }
    expect(objectOf(chart, 'EnvoyFilter', 'testaaa-v1-self-staining').spec.workloadSelector).toEqual({ labels: { app: 'testaaa', version: 'v1' } });
  });

  test('responses need not tell the lane', () => {
    const { chart, testaaa, lanes } = shop({ reportServedLane: false });
    lanes.addLane('v1').serve(testaaa);

    expect(JSON.stringify(chart.toJson())).not.toContain('x-served-lane');
    expect(rulesOf(chart, 'testaaa')[0].route[0]).not.toHaveProperty('headers');
  });

  test('the lane that served stands at the lane\'s destination, so that it stays true where another host answers a share', () => {
    const { chart, testaaa, testbbb, lanes } = shop();
    testaaa.host.addRule(RouteRule.to([
      Destination.of(testaaa, { version: 'release', weight: 3 }), Destination.of(testbbb, { version: 'release', weight: 1 }),
    ], { match: [RequestMatch.pathPrefix('/mixed')] }));
    lanes.addLane('v1').serve(testaaa);

    const [lane] = rulesOf(chart, 'testaaa');
    expect(lane).not.toHaveProperty('headers');
    expect(lane.route.map(({ destination, weight, headers }: any) => [destination.subset, weight, headers?.response?.set])).toEqual([
      ['v1', 3, { 'x-served-lane': 'v1' }], ['release', 1, undefined],
    ]);
  });

  test('a canary of the baseline is one destination for the lane', () => {
    const { chart, testaaa, lanes } = shop();
    testaaa.addVersion('v2');
    testaaa.host.addRule(RouteRule.to([
      Destination.of(testaaa, { version: 'release', weight: 90 }), Destination.of(testaaa, { version: 'v2', weight: 10 }),
    ], { match: [RequestMatch.pathPrefix('/')] }));
    lanes.addLane('v1').serve(testaaa);

    expect(rulesOf(chart, 'testaaa')[0].route.map(({ destination, weight }: any) => [destination.subset, weight])).toEqual([['v1', undefined]]);
  });
});

describe('CORS', () => {
  function allowed(allowHeaders: string[] | undefined, withLanes = true): string[] | undefined {
    const chart = chartOf();
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    const corsPolicy = CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')], allowHeaders });
    host.addRule(RouteRule.to([Destination.of(host, { version: 'release' })], { match: [RequestMatch.pathPrefix('/')], corsPolicy }));
    if (withLanes) new StainedRoute(chart, 'lanes').addLane('v1').route(host);
    const lists = rulesOf(chart, 'testaaa').filter((rule) => rule.corsPolicy).map((rule) => rule.corsPolicy.allowHeaders);
    // A lane's copy allows what its rule does.
    expect(lists.every((list) => JSON.stringify(list) === JSON.stringify(lists[0]))).toBe(true);
    expect(lists).toHaveLength(withLanes ? 2 : 1);
    return lists[0];
  }

  test('rules that allow named headers allow the lane header too', () => {
    expect(allowed(['x-token'])).toEqual(['x-token', 'project-version']);
  });

  test('not twice, in whatever letters it is there', () => {
    expect(allowed(['project-version'])).toEqual(['project-version']);
    expect(allowed(['Project-Version', 'x-token'])).toEqual(['Project-Version', 'x-token']);
  });

  test('not where every header is allowed', () => {
    expect(allowed(['*'])).toEqual(['*']);
  });

  test('not where no header was spoken of', () => {
    expect(allowed(undefined)).toBeUndefined();
  });

  test('not without lanes', () => {
    expect(allowed(['x-token'], false)).toEqual(['x-token']);
  });

  test('before the first lane comes, as a browser\'s preflight request is in no lane', () => {
    const chart = chartOf();
    const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
    const corsPolicy = CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')], allowHeaders: ['x-token'] });
    host.addRule(RouteRule.to([Destination.of(host, { version: 'release' })], { match: [RequestMatch.pathPrefix('/')], corsPolicy }));
    new StainedRoute(chart, 'lanes');

    expect(rulesOf(chart, 'testaaa')[0].corsPolicy.allowHeaders).toEqual(['x-token', 'project-version']);
  });
});

describe('the pods of lanes are told from those of versions by labels', () => {
  type Labels = Record<string, string>;
  const legacy = (baselineLabels?: Labels, selector?: Labels) => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'legacy', { name: 'legacy', port: 80, baseline: 'main', baselineLabels, selector });
    const lanes = new StainedRoute(chart, 'lanes');
    return { app, host, lanes };
  };
  const both = (one: string, other: string) => ({
    code: 'LabelsNotApart', property: 'labels', path: 'shop/legacy', says: new RegExp(`the pods of ${one} from those of ${other}, which are selected by .*different values`),
  });

  test.each<[string, Labels, Labels, Labels | undefined]>([
    ['all of the baseline\'s', { tier: 'web' }, { tier: 'web', version: 'l1' }, undefined],
    ['the baseline\'s and no more', { tier: 'web' }, { tier: 'web' }, undefined],
    ['some of the baseline\'s', { tier: 'web', version: 'main' }, { tier: 'web' }, undefined],
    ['those of all pods of the Service', { version: 'main' }, { app: 'legacy' }, { app: 'legacy' }],
    ['others than the baseline, which has those of all pods of the Service', { app: 'legacy' }, { version: 'l1' }, { app: 'legacy' }],
  ])('refused is a lane with %s', (_, baselineLabels, labels, selector) => {
    const { host, lanes } = legacy(baselineLabels, selector);

    expectRefusal(() => lanes.addLane('l1').route(host, { labels }), both('lane l1', 'version main'));
  });

  test('refused is a version that comes later, too', () => {
    const { host, lanes } = legacy();
    lanes.addLane('l1').route(host, { labels: { version: 'l1', tier: 'web' } });

    expectRefusal(() => host.addVersion('v2', { tier: 'web' }), both('version v2', 'lane l1'));
    expect(host.versions).toEqual(['main']);
  });

  test('refused is a lane that would meet the pods of another one; two may share theirs', () => {
    const { app, host, lanes } = legacy();
    lanes.addLane('l1').route(host, { labels: { version: 'l1' } });
    lanes.addLane('l2').route(host, { labels: { version: 'l1' } });

    expectRefusal(() => lanes.addLane('l3').route(host, { labels: { version: 'l1', tier: 'web' } }), both('lane l3', 'lane l1'));
    expect(() => app.synthYaml()).not.toThrow();
    expect(Warnings.of(app).all).toEqual([]);
  });

  test('versions among themselves may share theirs', () => {
    const { host } = legacy();

    expect(() => host.addVersion('stable', { version: 'main', tier: 'web' })).not.toThrow();
  });

  test('what labels do not tell is warned of', () => {
    const { app, host, lanes } = legacy({ tier: 'web' });
    lanes.addLane('l1').route(host);
    app.synthYaml();

    expect(Warnings.of(app).all).toEqual([{
      code: 'LabelsMayOverlap',
      path: 'shop/legacy',
      message: '\'labels\' of lane l1, {"version":"l1"}, do not tell whether its pods have those of version main, {"tier":"web"}, too: a pod with both would get requests of both; '
        + "give both a label with different values, such as 'version' (legacy.shop.svc.cluster.local)",
    }]);
  });
});

describe('refused is', () => {
  test.each<[string, StainedRouteProps, string, RegExp]>([
    ['header', { header: 'Project-Version' }, 'Project-Version', /lower case \("project-version"\)/],
    ['header', { header: 'project version' }, 'project version', /RFC 7230/],
    ['header', { header: '' }, '', /RFC 7230/],
    ['header', { header: ':authority' }, ':authority', /RFC 7230/],
    ['header', { header: 'host' }, 'host', /needs for itself/],
    ['header', { header: 'cookie' }, 'cookie', /needs for itself/],
    ['header', { header: 'x-envoy-lane' }, 'x-envoy-lane', /needs for itself/],
    ['servedLaneHeader', { servedLaneHeader: 'X-Served-Lane' }, 'X-Served-Lane', /lower case/],
    ['servedLaneHeader', { servedLaneHeader: 'content-length' }, 'content-length', /needs for itself/],
  ])('a bad %s: %j', (property, props, got, says) => {
    expectRefusal(() => new StainedRoute(chartOf(), 'lanes', props), { code: 'HeaderName', property, got, path: 'shop/lanes', says });
  });

  test('a second set of lanes in one app', () => {
    const { app } = shop();

    expect(() => new StainedRoute(chartOf('other', 'shop', app), 'more')).toThrow(/^\[other\/more\] .*shop\/lanes is the first; add the lanes there/);
  });

  test('the empty branch, with or without a name', () => {
    for (const options of [{}, { name: 'x' }]) {
      expectRefusal(() => shop().lanes.addLane('', options), { code: 'BranchEmpty', property: 'branch', got: '', path: 'shop/lanes', says: /name it explicitly/ });
    }
  });

  test('a lane added twice', () => {
    const { lanes } = shop();
    lanes.addLane('release-v1');

    expectRefusal(() => lanes.addLane('release-v1'), { code: 'LaneTwice', property: 'name', got: 'release-v1', path: 'shop/lanes', says: /keep the lane that the first call returned/ });
  });

  test('two branches given one name by hand', () => {
    const { lanes } = shop();
    lanes.addLane('feature/a', { name: 'a' });

    expectRefusal(() => lanes.addLane('feature/b', { name: 'a' }), {
      code: 'LaneTwice', property: 'name', got: 'a', path: 'shop/lanes', says: /branch "feature\/b".*branch "feature\/a".*give one of them another name/,
    });
    expectRefusal(() => lanes.addLane('a'), { code: 'LaneTwice', property: 'name', got: 'a', path: 'shop/lanes', says: /branch "feature\/a"/ });
  });

  test.each(['Release', 'a_b', '', 'a'.repeat(64)])('the name %j, with the one it would get', (name) => {
    expectRefusal(() => shop().lanes.addLane('release/v1', { name }), { code: 'LaneName', property: 'name', got: name, path: 'shop/lanes', says: /leave it out for release-v1-t7jiyo/ });
  });

  test('a lane named like a version of the service', () => {
    const { testaaa, lanes } = shop();
    testaaa.addVersion('v2');
    for (const name of ['release', 'v2']) {
      expectRefusal(() => lanes.addLane(name).serve(testaaa), {
        code: 'LaneNamedLikeVersion', property: 'lane', got: name, path: 'shop/testaaa', says: /versions: release, v2.*rename the branch or give the lane a name by hand/,
      });
    }
  });

  test('a lane of a service without versions', () => {
    const { testaaa, lanes } = shop({}, { baseline: { image: 'a' } });

    expectRefusal(() => lanes.addLane('v1').serve(testaaa), {
      code: 'BaselineNotPinned', property: 'baseline', path: 'shop/testaaa', says: /testaaa\.shop\.svc\.cluster\.local.*name the version that serves everybody else/,
    });
  });

  test('a lane of a host without baseline', () => {
    const { chart, lanes } = shop();
    const host = new MeshHost(chart, 'legacy', { name: 'legacy' });
    host.addVersion('v2');

    expectRefusal(() => lanes.addLane('v1').route(host), { code: 'BaselineNotPinned', property: 'baseline', path: 'shop/legacy', says: /must be set/ });
  });

  test('a service served twice by one lane', () => {
    const { testaaa, lanes } = shop();
    const lane = lanes.addLane('v1');
    lane.serve(testaaa);

    expectRefusal(() => lane.serve(testaaa), { code: 'LaneServesTwice', property: 'service', path: 'shop/lanes/v1', says: /testaaa\.shop\.svc\.cluster\.local; change the version that the first call returned/ });
    expectRefusal(() => lane.route(testaaa.host), { code: 'LaneServesTwice', property: 'service', path: 'shop/lanes/v1', says: /testaaa/ });
  });

  test('a lane without image', () => {
    const { testaaa, lanes } = shop({}, { template: {}, baseline: { version: 'release', image: 'a' } });

    expectRefusal(() => lanes.addLane('v1').serve(testaaa), { code: 'ImageMissing', property: 'image', path: 'shop/testaaa', says: /version v1.*or for the service's template/ });
  });

  test('a name over 63 characters with its lane, with the length that is left', () => {
    const lane = 'a'.repeat(30);
    const [fits, tooLong] = ['s'.repeat(32), 's'.repeat(33)];

    const chart = chartOf();
    const canary = (name: string) => new CanaryService(chart, name, { port: 80, template: { image: 'a' }, baseline: { version: 'release' } });
    const added = new StainedRoute(chart, 'lanes').addLane(lane);
    expect(() => added.serve(canary(fits))).not.toThrow();
    expectRefusal(() => added.serve(canary(tooLong)), {
      code: 'LaneNameTooLong', property: 'lane', got: 64, path: `shop/${tooLong}`, says: /at most 63.*at most 29 characters by hand: addLane\(branch, \{ name \}\)/,
    });
  });

  test('such a name of a service that leaves no room for any lane, without advice that cannot be followed', () => {
    const chart = chartOf();
    const service = new CanaryService(chart, 's'.repeat(62), { port: 80, baseline: { version: 'release', image: 'a', deploymentName: 'short' } });

    expect(() => new StainedRoute(chart, 'lanes').addLane('v1').serve(service)).toThrow(/at most 63 characters(?!.*at most 0 characters)/);
  });

  test('a lane of a service whose headers the mesh cannot read', () => {
    const chart = chartOf('shop', 'shop');
    const sealed = new CanaryService(chart, 'testaaa', { port: 31000, appProtocol: AppProtocol.TLS, baseline: { version: 'release', image: 'a' } });

    expect(() => new StainedRoute(chart, 'lanes').addLane('v1').serve(sealed)).toThrow(/^\[shop\/testaaa\] 'lane' needs HTTP: testaaa\.\S+ speaks tls.*let the port say an HTTP protocol/);
  });

  test('a name that construct trees cannot hold', () => {
    const { lanes } = shop();

    expectRefusal(() => lanes.addLane('constructor'), { code: 'LaneName', property: 'name', got: 'constructor', path: 'shop/lanes', says: /give a name by hand/ });
  });

  test('a name that kubectl takes for an octal number, which no YAML 1.1 writer quotes', () => {
    const { lanes } = shop();

    expectRefusal(() => lanes.addLane('0o7'), { code: 'LaneName', property: 'name', got: '0o7', path: 'shop/lanes', says: /octal number.*give a name by hand/ });
  });
});
