import { ApiObject, App, Chart, Duration, JsonPatch, YamlOutputType } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  AppProtocol, Branch, BranchDeployment, BranchDeploymentProps, CanaryService, ConnectionPool, Destination, Fallback, HANDLES_LANE_HEADER_LABEL,
  MeshGateway, MeshHost, MeshNamespace, RequestMatch, ResilientBackend, RouteRule, ServiceType, SidecarInjection, StainedRoute, Staining,
  StringMatch, Warnings, WorkloadOptions,
} from '../src';
import { chartOf, inventory, objectOf, synthesized } from './support/objects';
import { expectRefusal, thrownBy } from './support/refusals';
import { schemaProblems } from './support/schema';
import { hasPreviews, isWoven, laneTable } from '../src/cluster/live-lanes';

const FACTS = { source: 'shop/testaaa', owner: 'ann', commit: '4b7c', run: 'gitlab-8-9', revision: 8, time: '2026-03-01T12:00:00Z' };
const branchOf = (name: string) => Branch.of(name, { baseline: 'release', lanes: ['release-*'], ttl: Duration.days(14) }, FACTS);
const template: WorkloadOptions = { replicas: 2, env: { NODE_ENV: 'development' } };

/** A repository with one service, as its `main.ts` has it for every branch. */
function repository(name: string, props: Partial<BranchDeploymentProps> = {}, app = new App()) {
  const chart = chartOf('testaaa', 'test-istio', app);
  new MeshNamespace(chart, 'namespace');
  const testaaa = new BranchDeployment(chart, 'testaaa', { branch: branchOf(name), port: 31000, image: 'testaaa:4b7c', template, ...props });
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining: Staining.open() }).route(testaaa);
  return { app, chart, testaaa, gateway };
}

/** The same without branches. */
function canary() {
  const chart = chartOf('testaaa', 'test-istio');
  new MeshNamespace(chart, 'namespace');
  const testaaa = new CanaryService(chart, 'testaaa', { port: 31000, template, baseline: { version: 'release', image: 'testaaa:4b7c' } });
  new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining: Staining.open() }).route(testaaa);
  return chart;
}

/** An object without the marks. */
function unmarked({ metadata: { labels, annotations, ...metadata }, ...object }: any) {
  const others = Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !key.startsWith('cdk8s-lanes/')));
  expect(Object.keys(annotations ?? {}).every((key) => key.startsWith('cdk8s-lanes/'))).toBe(true);
  return { ...object, metadata: { ...metadata, ...(Object.keys(others).length > 0 ? { labels: others } : {}) } };
}

const marks = (kind: string, name: string, chart: Chart) => objectOf(chart, kind, name).metadata;

describe('the baseline', () => {
  test('is what a CanaryService is, with marks', () => {
    expect(repository('release').chart.toJson().map(unmarked)).toEqual(canary().toJson());
  });

  test('marks every object with its source and phase, and those of the service with the service', () => {
    const { chart, testaaa } = repository('release');
    const labels = Object.fromEntries(chart.toJson().map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.labels]));
    const source = { 'cdk8s-lanes/source': branchOf('release').source };
    const service = { ...source, 'cdk8s-lanes/service': testaaa.service.name };
    expect(labels).toEqual({
      'Namespace test-istio': { ...source, 'cdk8s-lanes/phase': 'workload', 'istio-injection': 'enabled' },
      'Service testaaa': { ...service, 'cdk8s-lanes/phase': 'workload' },
      'Deployment testaaa-release': { ...service, 'cdk8s-lanes/phase': 'workload' },
      'DestinationRule testaaa': { ...service, 'cdk8s-lanes/phase': 'subsets' },
      'VirtualService testaaa': { ...service, 'cdk8s-lanes/phase': 'routes', 'cdk8s-lanes/woven': 'true' },
      'Gateway gateway': { ...source, 'cdk8s-lanes/phase': 'routes' },
      'VirtualService gateway-shop-example-com': { ...source, 'cdk8s-lanes/phase': 'routes', 'cdk8s-lanes/woven': 'true' },
    });
  });

  test('tells on every object who deployed what, and on routes how lanes are woven into them', () => {
    const { chart } = repository('release');
    const run = {
      'cdk8s-lanes/branch': 'release', 'cdk8s-lanes/owner': 'ann', 'cdk8s-lanes/commit': '4b7c', 'cdk8s-lanes/run': 'gitlab-8-9', 'cdk8s-lanes/revision': '8',
    };
    for (const { kind, metadata } of chart.toJson()) {
      expect(metadata.annotations).toEqual(kind === 'VirtualService' ? { ...run, 'cdk8s-lanes/lane-header': 'project-version', 'cdk8s-lanes/served-lane-header': 'x-served-lane' } : run);
    }
  });

  test('takes the lane header of the StainedRoute, and tells the domain of the cluster where it is another one', () => {
    const app = new App();
    app.node.setContext('cdk8s-lanes/cluster-domain', 'corp.internal');
    const { chart } = repository('release', {}, app);
    new StainedRoute(chart, 'lanes', { header: 'x-lane', reportServedLane: false });
    expect(marks('VirtualService', 'testaaa', chart).annotations).toMatchObject({
      'cdk8s-lanes/lane-header': 'x-lane', 'cdk8s-lanes/served-lane-header': '', 'cdk8s-lanes/cluster-domain': 'corp.internal',
    });
  });

  test('does not mark pods and selectors, so that a commit alone restarts nothing', () => {
    const { spec } = objectOf(repository('release').chart, 'Deployment', 'testaaa-release');
    expect(spec.selector.matchLabels).toEqual({ app: 'testaaa', version: 'release' });
    expect(spec.template.metadata).toEqual({ labels: { app: 'testaaa', version: 'release' }, annotations: { 'sidecar.istio.io/inject': 'true' } });
  });

  test('marks objects of all makes: plain ones, those of cdk8s-plus, VirtualServices made by hand; what handles the lane header itself is not woven', () => {
    const { chart } = repository('release');
    new kplus.ConfigMap(chart, 'settings', { metadata: { name: 'settings' } });
    const route = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', spec: { hosts: ['mail'] } };
    new ApiObject(chart, 'mail', { ...route, metadata: { name: 'mail' } });
    new ApiObject(chart, 'callback', { ...route, metadata: { name: 'callback', labels: { [HANDLES_LANE_HEADER_LABEL]: 'true' } } });
    expect(marks('ConfigMap', 'settings', chart).labels).toMatchObject({ 'cdk8s-lanes/phase': 'workload' });
    expect(marks('VirtualService', 'mail', chart).labels).toMatchObject({ 'cdk8s-lanes/phase': 'routes', 'cdk8s-lanes/woven': 'true' });
    expect(marks('VirtualService', 'callback', chart).labels).toMatchObject({ 'cdk8s-lanes/phase': 'routes' });
    expect(marks('VirtualService', 'callback', chart).labels).not.toHaveProperty(['cdk8s-lanes/woven']);
  });

  test('lets browsers send the lane header before the first lane is there, as with lanes of the app', () => {
    const { chart, testaaa } = repository('release');
    ApiObject.of(testaaa.host.virtualService).addJsonPatch(JsonPatch.add('/spec/http/0/corsPolicy', { allowHeaders: ['x-token'] }));
    expect(objectOf(chart, 'VirtualService', 'testaaa').spec.http[0].corsPolicy.allowHeaders).toEqual(['x-token', 'project-version']);
  });
});

describe('a lane', () => {
  test('is its Deployment and its subset, and nothing else of the app', () => {
    const { chart } = repository('release-v1');
    expect(inventory(chart)).toEqual(['Deployment testaaa-release-v1', 'DestinationRule testaaa-release-v1']);
    expect(objectOf(chart, 'DestinationRule', 'testaaa-release-v1').spec).toEqual({
      host: 'testaaa.test-istio.svc.cluster.local', subsets: [{ name: 'release-v1', labels: { version: 'release-v1' } }],
    });
  });

  test('is what it would be as a lane of the app', () => {
    const chart = chartOf('testaaa', 'test-istio');
    const service = new CanaryService(chart, 'testaaa', { port: 31000, template, baseline: { version: 'release', image: 'testaaa:4b7c' } });
    new StainedRoute(chart, 'lanes').addLane('release-v1').serve(service, { image: 'testaaa:4b7c' });
    expect(unmarked(objectOf(repository('release-v1').chart, 'Deployment', 'testaaa-release-v1'))).toEqual(objectOf(chart, 'Deployment', 'testaaa-release-v1'));
  });

  test('tells its lane, its branch as it is called, and when it ends', () => {
    const branch = branchOf('release-Feature/X');
    const { chart } = repository('release-Feature/X');
    expect(branch.lane).toMatch(/^release-feature-x-[a-z0-9]{6}$/);
    for (const { metadata } of chart.toJson()) {
      expect(metadata.name).toBe(`testaaa-${branch.lane}`);
      expect(metadata.labels).toMatchObject({ 'cdk8s-lanes/lane': branch.lane, 'cdk8s-lanes/service': 'testaaa', 'cdk8s-lanes/source': branch.source });
      expect(metadata.annotations).toMatchObject({ 'cdk8s-lanes/branch': 'release-Feature/X', 'cdk8s-lanes/expires': '2026-03-15T12:00:00Z' });
    }
  });

  test('is never marked routable: that is said in the cluster, once its pods are ready', () => {
    expect(JSON.stringify([...repository('release').chart.toJson(), ...repository('release-v1').chart.toJson()])).not.toContain('routable');
  });

  test('has its subset joined with the baseline\'s: same host, namespace and export, the subset\'s own policy, not the host\'s', () => {
    const said = (name: string) => {
      const made = repository(name);
      ApiObject.of(made.testaaa.host.destinationRule).addJsonPatch(JsonPatch.add('/spec/exportTo', ['.']), JsonPatch.add('/spec/workloadSelector', { matchLabels: { app: 'x' } }));
      new ResilientBackend(made.chart, 'patience', { host: made.testaaa, connectionPool: ConnectionPool.of({ maxConnections: 10 }) });
      return made.chart;
    };
    const baseline = objectOf(said('release'), 'DestinationRule', 'testaaa');
    const lane = objectOf(said('release-v1'), 'DestinationRule', 'testaaa-release-v1');
    expect(baseline.spec).toMatchObject({ exportTo: ['.'], trafficPolicy: { connectionPool: { tcp: { maxConnections: 10 } } } });
    expect(lane.spec).toEqual({ host: baseline.spec.host, exportTo: ['.'], workloadSelector: { matchLabels: { app: 'x' } }, subsets: [{ name: 'release-v1', labels: { version: 'release-v1' } }] });
    expect(lane.metadata.namespace).toBe(baseline.metadata.namespace);
  });

  test('owns what stands below its version, on each branch under a name of its own', () => {
    const withSettings = (name: string) => {
      const made = repository(name, { template: {} });
      const settings = new kplus.ConfigMap(made.testaaa.version, 'settings', { data: { a: '1' } });
      new kplus.HorizontalPodAutoscaler(made.testaaa.version, 'scaler', { target: made.testaaa.version.deployment, maxReplicas: 3 });
      new kplus.ConfigMap(made.chart, 'shared', { data: { b: '2' } });
      return { ...made, settings };
    };
    const [baseline, lane] = [withSettings('release'), withSettings('release-v1')];
    expect(lane.chart.toJson().map(({ kind }) => kind)).toEqual(['Deployment', 'ConfigMap', 'HorizontalPodAutoscaler', 'DestinationRule']);
    expect(marks('ConfigMap', lane.settings.name, lane.chart).labels).toMatchObject({ 'cdk8s-lanes/lane': 'release-v1', 'cdk8s-lanes/service': 'testaaa', 'cdk8s-lanes/phase': 'workload' });
    expect(lane.settings.name).not.toBe(baseline.settings.name);
    expect(baseline.chart.toJson().filter(({ kind }) => kind === 'ConfigMap')).toHaveLength(2);
    expect(objectOf(lane.chart, 'Deployment', 'testaaa-release-v1').spec).not.toHaveProperty('replicas');
  });

  test('runs what the template says but for what is said of lanes, and the baseline but for what is said of it', () => {
    const props = { lane: { replicas: 1, image: undefined, env: { LOG_LEVEL: 'debug' } }, baseline: { replicas: 3, version: 'stable' } };
    const lane = objectOf(repository('release-v1', props).chart, 'Deployment', 'testaaa-release-v1').spec;
    const baseline = objectOf(repository('release', props).chart, 'Deployment', 'testaaa-stable').spec;
    expect([lane.replicas, baseline.replicas, lane.template.spec.containers[0].image]).toEqual([1, 3, 'testaaa:4b7c']);
    expect(lane.template.spec.containers[0].env).toContainEqual({ name: 'LOG_LEVEL', value: 'debug' });
    expect(baseline.template.spec.containers[0].env).not.toContainEqual({ name: 'LOG_LEVEL', value: 'debug' });
  });

  test('is left alone by facets, which are the baseline\'s', () => {
    const { chart, testaaa } = repository('release-v1');
    testaaa.service.addVersion('v2', { image: 'v2' });
    testaaa.service.split({ release: 1, v2: 1 });
    testaaa.host.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { match: [RequestMatch.userAgent(StringMatch.exact('x'))] }));
    new ResilientBackend(chart, 'patience', { host: testaaa, timeout: Duration.seconds(2) });
    expect(inventory(chart)).toEqual(['Deployment testaaa-release-v1', 'DestinationRule testaaa-release-v1']);
  });
});

describe('a repository with two services', () => {
  function monorepo(name: string, images: { testaaa?: string; testbbb?: string }) {
    const chart = chartOf('shop', 'test-istio');
    const branch = branchOf(name);
    const [testaaa, testbbb] = (['testaaa', 'testbbb'] as const).map((each, index) => new BranchDeployment(chart, each, { branch, port: 31000 + index, image: images[each] }));
    return { chart, testaaa, testbbb };
  }

  test('a lane deploys those that its pipeline built', () => {
    const { chart, testaaa, testbbb } = monorepo('release-v3', { testbbb: 'testbbb:109' });
    expect(inventory(chart)).toEqual(['Deployment testbbb-release-v3', 'DestinationRule testbbb-release-v3']);
    expect([testaaa.isDeployed, testbbb.isDeployed]).toEqual([false, true]);
  });

  test('a lane whose pipeline built none is refused', () => {
    expect(thrownBy(() => monorepo('release-v3', {}).chart.toJson()).message).toMatch(/'image' must be set for one service at least: the lane release-v3 deploys none of testaaa, testbbb/);
  });

  test('the baseline deploys all', () => {
    expect(inventory(monorepo('release', { testaaa: 'a', testbbb: 'b' }).chart).filter((each) => each.startsWith('Deployment'))).toEqual(['Deployment testaaa-release', 'Deployment testbbb-release']);
    expectRefusal(() => monorepo('release', { testaaa: 'a' }), { code: 'ImageMissing', property: 'image', path: 'shop/testbbb/Resource', says: /must be set for version release/ });
  });
});

test('a gateway of its own repository has its routes woven, and lanes of it emit nothing', () => {
  const edge = (name: string) => {
    const chart = chartOf('edge', 'istio-ingress');
    const testaaa = new MeshHost(chart, 'testaaa', { name: 'testaaa', namespace: 'test-istio', baseline: 'release' });
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);
    branchOf(name).own(chart);
    return chart;
  };
  expect(marks('VirtualService', 'gateway-any-host', edge('release')).labels).toMatchObject({ 'cdk8s-lanes/woven': 'true' });
  expect(inventory(edge('release-v1'))).toEqual([]);
});

describe('however it is rendered', () => {
  test.each(Object.values(YamlOutputType).filter((each): each is YamlOutputType => typeof each === 'number'))('output type %p: chart by chart, as text and twice it is the same', (yamlOutputType) => {
    const app = new App({ yamlOutputType });
    const { chart } = repository('release-v1', {}, app);
    const other = new Chart(app, 'other', { namespace: 'other' });
    new kplus.ConfigMap(other, 'shared');
    expect(other.toJson()).toEqual([]);
    expect(chart.toJson()).toEqual(synthesized(app));
    expect(app.synthYaml()).toBe(app.synthYaml());
  });

  test.each(['release', 'release-v1'])('it is valid: %s', (name) => {
    expect(schemaProblems(repository(name).chart.toJson())).toEqual([]);
  });

  test('dependencies on what is left out do not matter', () => {
    const { app, chart, testaaa, gateway } = repository('release-v1');
    testaaa.version.node.addDependency(gateway, new kplus.ConfigMap(new Chart(app, 'other', { namespace: 'x' }), 'shared'));
    testaaa.version.node.addDependency(testaaa.service.service);
    expect(inventory(chart)).toHaveLength(2);
  });
});

describe('it is refused', () => {
  test('to speak a protocol without headers, on the baseline\'s branch already', () => {
    expectRefusal(() => repository('release', { appProtocol: AppProtocol.TCP }), { code: 'ProtocolNotHttp', property: 'appProtocol', path: 'testaaa/testaaa', says: /cannot have lanes/ });
  });

  test('to have two branches in one app', () => {
    const { chart } = repository('release');
    expectRefusal(() => new BranchDeployment(chart, 'testbbb', { branch: branchOf('release-v1'), port: 1, image: 'x' }), {
      code: 'BranchTwice', property: 'branch', path: 'testaaa/testbbb', says: /release-v1 beside release; share the one Branch/,
    });
  });

  test('to add lanes in the app, whoever comes first', () => {
    const { chart, testaaa } = repository('release');
    new StainedRoute(chart, 'lanes').addLane('x').serve(testaaa.service, { image: 'x' });
    expect(thrownBy(() => chart.toJson()).message).toMatch(/'addLane' must not be called where lanes come from branches.*testaaa\/lanes/);
  });

  test('to have routes that lanes could not be woven into, before the first lane comes', () => {
    const { chart, testaaa } = repository('release');
    testaaa.host.routeDefault([Destination.of(testaaa)]);
    expect(thrownBy(() => chart.toJson()).message).toMatch(/routes to testaaa\.test-istio\.svc\.cluster\.local without a subset/);
    const other = repository('release');
    other.testaaa.service.sendTo('release', [RequestMatch.header('project-version', StringMatch.exact('x'))]);
    expect(thrownBy(() => other.chart.toJson()).message).toMatch(/matches the lane header/);
  });

  test('a lane that is named like another version', () => {
    const made = repository('release');
    made.testaaa.service.addVersion('release-v1', { image: 'x' });
    expect(() => made.chart.toJson()).not.toThrow();
    expectRefusal(() => repository('release-v1').testaaa.service.addVersion('release-v1', { image: 'x' }), { code: 'VersionTwice', property: 'version', got: 'release-v1', says: /a lane has already/ });
  });
});

test('all the props', () => {
  const branch = branchOf('release');
  const said: Required<BranchDeploymentProps> = {
    branch,
    image: 'testaaa:1',
    port: 80,
    targetPort: 8080,
    portName: 'http-web',
    additionalPorts: [{ name: 'http-admin', port: 9090, appProtocol: AppProtocol.HTTP2 }],
    appProtocol: AppProtocol.HTTP2,
    serviceType: ServiceType.NODE_PORT,
    name: 'front',
    namespace: 'web',
    app: 'front-app',
    template: { replicas: 2 },
    versionEnv: 'VERSION',
    forwardHeadersEnv: 'LANE_HEADERS',
    consumeQueuesEnv: 'CONSUME_QUEUES',
    sidecarInjection: SidecarInjection.BY_NAMESPACE,
    ownServiceAccount: false,
    exportTo: ['.'],
    virtualServiceName: 'front-routes',
    destinationRuleName: 'front-subsets',
    baseline: { deploymentName: 'front-main', version: 'main' },
    lane: { replicas: 1 },
    fallback: Fallback.of(),
  };
  const chart = chartOf();
  const front = new BranchDeployment(chart, 'id', said);
  expect(inventory(chart)).toEqual(['Service front', 'Deployment front-main', 'DestinationRule front-subsets', 'VirtualService front-routes']);
  expect([front.hostName, front.port, front.version.version, front.host.baseline]).toEqual(['front.web.svc.cluster.local', 80, 'main', 'main']);
  expect(objectOf(chart, 'Deployment', 'front-main')).toMatchObject({
    metadata: { namespace: 'web', labels: { 'cdk8s-lanes/service': 'front' } },
    spec: {
      replicas: 2,
      template: {
        metadata: { labels: { app: 'front-app', version: 'main' } },
        spec: {
          containers: [{
            image: 'testaaa:1',
            env: [
              { name: 'LANE_HEADERS', value: 'project-version' }, { name: 'CONSUME_QUEUES', value: 'true' }, { name: 'VERSION', value: 'main' },
            ],
          }],
        },
      },
    },
  });
  expect(objectOf(chart, 'Service', 'front').spec).toEqual({
    type: 'NodePort',
    selector: { app: 'front-app' },
    ports: [
      { name: 'http-web', port: 80, targetPort: 8080, appProtocol: 'http2' },
      { name: 'http-admin', port: 9090, targetPort: 9090, appProtocol: 'http2' },
    ],
  });
});

describe('a gateway that is not open', () => {
  const closed = (staining: Staining | undefined) => {
    const chart = chartOf('testaaa', 'test-istio');
    const testaaa = new BranchDeployment(chart, 'testaaa', { branch: branchOf('release'), port: 31000, image: 'testaaa:4b7c' });
    return { chart, gateway: new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining }).route(testaaa) };
  };

  test('is known in the cluster as closed, and as one that previews follow', () => {
    const { chart, gateway } = closed(Staining.closed());
    gateway.previewLanesAt('*.preview.example.com');
    const entry = objectOf(chart, 'VirtualService', 'gateway-shop-example-com');
    expect(entry.spec.http[0].headers).toEqual({ request: { remove: ['project-version'] } });
    expect([isWoven(entry), hasPreviews(entry)]).toEqual([false, true]);
  });

  test('is what a gateway is that does not say it, with a warning', () => {
    const { chart } = closed(undefined);
    expect(objectOf(chart, 'VirtualService', 'gateway-shop-example-com').metadata.labels).toMatchObject({ [HANDLES_LANE_HEADER_LABEL]: 'closed' });
    expect(Warnings.of(chart).all.map(({ code }) => code)).toEqual(['StainingNotSaid']);
  });

  test('by a secret, by hosts of lanes of the app or by callbacks of an open one is not made in the cluster, and refused', () => {
    const secret = Staining.bySecret({ header: 'x-key', secretInManifest: 'correct-horse-battery-staple-7' });
    expect(thrownBy(() => closed(secret).chart.toJson()).message).toMatch(/'staining' must not be by secret where lanes come from branches/);
    expect(thrownBy(() => closed(Staining.previewHostsOnly('*.p.example.com')).chart.toJson()).message).toMatch(/say Staining\.closed\(\), and previewLanesAt\("\*\.p\.example\.com"\)/);
    const { chart, gateway } = closed(Staining.open());
    gateway.addCallback('pay', { path: '/pay', lane: 'release-v1' });
    expect(thrownBy(() => chart.toJson()).message).toMatch(/'pay' must not be a callback of an open gateway/);
  });
});

test('the key of baggage is told to those who weave in the cluster', () => {
  const { chart } = repository('release');
  new StainedRoute(chart, 'lanes', { baggageKey: 'lane' });
  const entry = objectOf(chart, 'VirtualService', 'testaaa');
  expect(entry.metadata.annotations).toMatchObject({ 'cdk8s-lanes/lane-baggage': 'lane' });
  expect(laneTable(entry, [])).toMatchObject({ baggageKey: 'lane' });
});
