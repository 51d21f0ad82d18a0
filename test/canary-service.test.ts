import { ApiObject, App, Chart, Duration, JsonPatch, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  AppProtocol, BaselineOptions, CanaryService, CanaryServiceProps, Destination, Fallback, MeshGateway, MeshHost, RequestMatch, RouteRule, ServicePort,
  ServiceType, SidecarInjection, StainedRoute, Staining, StringMatch, VersionOptions, WorkloadOptions,
} from '../src';
import { chartOf, inventory, objectOf, objectsOf, rulesOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

const safari = RequestMatch.userAgent(StringMatch.regex('.*Safari.*'));

/** The shortest service with versions, and changes of it. */
function testaaa(props: Partial<CanaryServiceProps> = {}, chart = chartOf()) {
  const service = new CanaryService(chart, 'testaaa', { port: 31000, baseline: { version: 'release', image: 'testaaa:v118' }, ...props });
  return { chart, service };
}

const podOf = (chart: Chart, name = 'testaaa-release') => objectOf(chart, 'Deployment', name).spec.template;
const containerOf = (chart: Chart, name?: string) => podOf(chart, name).spec.containers[0];

/** The Deployment of a version of which nothing is said but its image. */
const minimalDeployment = (version: string, image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `testaaa-${version}`, namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'testaaa', version } },
    template: {
      metadata: { labels: { app: 'testaaa', version }, annotations: { 'sidecar.istio.io/inject': 'true' } },
      spec: {
        containers: [{ name: 'testaaa', image, env: [{ name: 'PROJECT_VERSION', value: version }], ports: [{ containerPort: 31000 }] }],
      },
    },
  },
});

describe('what is emitted', () => {
  test('a service with a baseline is these four objects and nothing else', () => {
    const { chart } = testaaa();
    const host = 'testaaa.shop.svc.cluster.local';

    expect(chart.toJson()).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'testaaa', namespace: 'shop' },
        spec: { selector: { app: 'testaaa' }, ports: [{ port: 31000, targetPort: 31000, appProtocol: 'http' }] },
      },
      minimalDeployment('release', 'testaaa:v118'),
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: { name: 'testaaa', namespace: 'shop' },
        spec: { host, subsets: [{ name: 'release', labels: { version: 'release' } }] },
      },
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'VirtualService',
        metadata: { name: 'testaaa', namespace: 'shop' },
        spec: { hosts: [host], http: [{ route: [{ destination: { host, subset: 'release', port: { number: 31000 } } }] }] },
      },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a service without versions is a Service and a Deployment, selected by app alone', () => {
    const { chart, service } = testaaa({ baseline: { image: 'retry:v1' } });

    expect(inventory(chart)).toEqual(['Service testaaa', 'Deployment testaaa']);
    expect(objectOf(chart, 'Deployment', 'testaaa').spec).toEqual({
      selector: { matchLabels: { app: 'testaaa' } },
      template: {
        metadata: { labels: { app: 'testaaa' }, annotations: { 'sidecar.istio.io/inject': 'true' } },
        spec: { containers: [{ name: 'testaaa', image: 'retry:v1', ports: [{ containerPort: 31000 }] }] },
      },
    });
    expect(service.baseline.version).toBeUndefined();
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a service without versions gets a VirtualService with its first rule, and no DestinationRule', () => {
    const { chart, service } = testaaa({ baseline: { image: 'retry:v1' } });
    service.host.addRule(RouteRule.to([Destination.of(service)], { match: [safari], timeout: Duration.seconds(15) }));

    expect(inventory(chart)).toEqual(['Service testaaa', 'Deployment testaaa', 'VirtualService testaaa']);
    expect(rulesOf(chart, 'testaaa').map(({ route, timeout }) => [timeout, route[0].destination.subset])).toEqual([['15s', undefined], [undefined, undefined]]);
  });

  test('one more version is a Deployment and a subset; nothing is routed to it', () => {
    const { chart, service } = testaaa();
    service.addVersion('v2', { image: 'testaaa:v119' });

    expect(objectOf(chart, 'Deployment', 'testaaa-v2')).toEqual(minimalDeployment('v2', 'testaaa:v119'));
    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets.map(({ name }: any) => name)).toEqual(['release', 'v2']);
    expect(rulesOf(chart, 'testaaa').map(({ route }) => route[0].destination.subset)).toEqual(['release']);
  });

  test('the baseline stands first, other versions as they were declared, lanes behind them', () => {
    const { chart, service } = testaaa();
    new StainedRoute(chart, 'lanes').addLane('a-lane').serve(service, { image: 'a' });
    service.addVersion('z', { image: 'a' });
    service.addVersion('b', { image: 'a' });

    expect(objectsOf(chart, 'Deployment').map(({ metadata }) => metadata.name)).toEqual(['testaaa-release', 'testaaa-z', 'testaaa-b', 'testaaa-a-lane']);
    expect(objectOf(chart, 'DestinationRule', 'testaaa').spec.subsets.map(({ name }: any) => name)).toEqual(['release', 'z', 'b', 'a-lane']);
  });

  test('rendering again gives the same', () => {
    const { chart } = testaaa({ template: { env: { A: '1' }, securityContext: { user: 1 }, liveness: kplus.Probe.fromTcpSocket() } });

    expect(chart.toJson()).toEqual(chart.toJson());
  });
});

describe('what the user says appears', () => {
  test('all the props', () => {
    const admin: Required<ServicePort> = { name: 'grpc-admin', port: 5001, targetPort: 9090, appProtocol: AppProtocol.GRPC };
    const baseline: Required<Pick<BaselineOptions, 'version' | 'image' | keyof Omit<VersionOptions, keyof WorkloadOptions>>> = { version: 'release', image: 'flask:v1', deploymentName: 'flask-deployment', consumesQueues: false };
    const said: Required<CanaryServiceProps> = {
      baseline,
      additionalPorts: [admin],
      port: 5000,
      targetPort: 8080,
      portName: 'http-web',
      appProtocol: AppProtocol.HTTP2,
      serviceType: ServiceType.NODE_PORT,
      name: 'flask-demo',
      namespace: 'other',
      app: 'flask',
      template: { replicas: 2 },
      versionEnv: 'VERSION',
      forwardHeadersEnv: 'LANE_HEADERS',
      consumeQueuesEnv: 'CONSUME_QUEUES',
      sidecarInjection: SidecarInjection.DISABLED,
      ownServiceAccount: true,
      exportTo: ['.'],
      virtualServiceName: 'flask-demo-vs',
      destinationRuleName: 'flask-demo-dr',
      fallback: Fallback.none(),
    };
    const ports = [
      { name: 'http-web', port: 5000, targetPort: 8080, appProtocol: 'http2' }, { name: 'grpc-admin', port: 5001, targetPort: 9090, appProtocol: 'grpc' },
    ];
    const chart = chartOf();
    const service = new CanaryService(chart, 'id', said);
    const host = 'flask-demo.other.svc.cluster.local';

    expect(service).toMatchObject({ name: 'flask-demo', hostName: host, port: 5000 });
    expect(chart.toJson().map(({ kind, metadata, spec }) => ({ kind, metadata, spec }))).toEqual([
      {
        kind: 'Service',
        metadata: { name: 'flask-demo', namespace: 'other' },
        spec: { type: 'NodePort', selector: { app: 'flask' }, ports },
      },
      { kind: 'ServiceAccount', metadata: { name: 'flask-demo', namespace: 'other' }, spec: undefined },
      {
        kind: 'Deployment',
        metadata: { name: 'flask-deployment', namespace: 'other' },
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: 'flask', version: 'release' } },
          template: {
            metadata: { labels: { app: 'flask', version: 'release' }, annotations: { 'sidecar.istio.io/inject': 'false' } },
            spec: {
              serviceAccountName: 'flask-demo',
              containers: [{
                name: 'flask-demo',
                image: 'flask:v1',
                env: [{ name: 'LANE_HEADERS', value: 'project-version' }, { name: 'CONSUME_QUEUES', value: 'false' }, { name: 'VERSION', value: 'release' }],
                ports: [{ containerPort: 8080, name: 'http-web' }, { containerPort: 9090, name: 'grpc-admin' }],
              }],
            },
          },
        },
      },
      { kind: 'DestinationRule', metadata: { name: 'flask-demo-dr', namespace: 'other' }, spec: { host, exportTo: ['.'], subsets: [{ name: 'release', labels: { version: 'release' } }] } },
      {
        kind: 'VirtualService',
        metadata: { name: 'flask-demo-vs', namespace: 'other' },
        spec: {
          hosts: [host],
          exportTo: ['.'],
          http: [5000, 5001].map((number) => ({ match: [{ port: number }], route: [{ destination: { host, subset: 'release', port: { number } } }] })),
        },
      },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  /** Every option that a workload can have. */
  function everything(chart: Chart): Required<WorkloadOptions> {
    const scratch = kplus.Volume.fromEmptyDir(chart, 'scratch', 'scratch');
    const secret = kplus.Secret.fromSecretName(chart, 'secret', 'credentials');
    const config = kplus.ConfigMap.fromConfigMapName(chart, 'config', 'settings');
    return {
      image: 'testaaa:v118',
      hardened: false,
      replicas: 3,
      command: ['node'],
      args: ['main.js', '--port=31000'],
      env: { NODE_ENV: 'development' },
      envValues: {
        PASSWORD: kplus.EnvValue.fromSecretValue({ secret, key: 'password' }),
        POD: kplus.EnvValue.fromFieldRef(kplus.EnvFieldPaths.POD_NAME),
      },
      envFrom: [kplus.Env.fromConfigMap(config, 'CFG_'), kplus.Env.fromSecret(secret)],
      imagePullPolicy: kplus.ImagePullPolicy.IF_NOT_PRESENT,
      liveness: kplus.Probe.fromHttpGet('/live', { initialDelaySeconds: Duration.seconds(20), failureThreshold: 5 }),
      readiness: kplus.Probe.fromTcpSocket({ periodSeconds: Duration.seconds(2) }),
      startup: kplus.Probe.fromCommand(['true'], { timeoutSeconds: Duration.seconds(4) }),
      lifecycle: { postStart: kplus.Handler.fromCommand(['warm-up']), preStop: kplus.Handler.fromHttpGet('/drain', { port: 31000 }) },
      resources: {
        cpu: { request: kplus.Cpu.millis(100), limit: kplus.Cpu.units(1) },
        memory: { request: Size.mebibytes(64), limit: Size.mebibytes(128) },
      },
      securityContext: {
        user: 1000,
        group: 1001,
        ensureNonRoot: false,
        privileged: false,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: [kplus.Capability.NET_BIND_SERVICE] },
      },
      podSecurityContext: {
        user: 2000,
        group: 2001,
        fsGroup: 2002,
        ensureNonRoot: true,
        fsGroupChangePolicy: kplus.FsGroupChangePolicy.ON_ROOT_MISMATCH,
        sysctls: [{ name: 'net.core.somaxconn', value: '1024' }],
      },
      volumeMounts: [{ path: '/scratch', volume: scratch, readOnly: false }],
      initContainers: [{ name: 'migrate', image: 'migrate:v1', command: ['migrate'] }],
      strategy: kplus.DeploymentStrategy.recreate(),
      serviceAccount: kplus.ServiceAccount.fromServiceAccountName(chart, 'account', 'robot'),
      dockerRegistryAuth: kplus.Secret.fromSecretName(chart, 'registry', 'registry-login'),
      terminationGracePeriod: Duration.seconds(60),
      podAnnotations: { 'prometheus.io/scrape': 'true' },
      podLabels: { team: 'shop' },
    };
  }

  const everythingWritten = (version: string) => ({
    replicas: 3,
    selector: { matchLabels: { app: 'testaaa', version } },
    strategy: { type: 'Recreate' },
    template: {
      metadata: {
        labels: { app: 'testaaa', version, team: 'shop' },
        annotations: { 'sidecar.istio.io/inject': 'true', 'prometheus.io/scrape': 'true' },
      },
      spec: {
        serviceAccountName: 'robot',
        imagePullSecrets: [{ name: 'registry-login' }],
        terminationGracePeriodSeconds: 60,
        securityContext: {
          runAsUser: 2000,
          runAsGroup: 2001,
          fsGroup: 2002,
          runAsNonRoot: true,
          fsGroupChangePolicy: 'OnRootMismatch',
          sysctls: [{ name: 'net.core.somaxconn', value: '1024' }],
        },
        volumes: [{ name: 'scratch', emptyDir: {} }],
        initContainers: [{ name: 'migrate', image: 'migrate:v1', command: ['migrate'] }],
        containers: [{
          name: 'testaaa',
          image: 'testaaa:v118',
          imagePullPolicy: 'IfNotPresent',
          command: ['node'],
          args: ['main.js', '--port=31000'],
          env: expect.arrayContaining([
            { name: 'NODE_ENV', value: 'development' },
            { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'credentials', key: 'password' } } },
            { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'PROJECT_VERSION', value: version },
          ]),
          envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'CFG_' }, { secretRef: { name: 'credentials' } }],
          ports: [{ containerPort: 31000 }],
          livenessProbe: { httpGet: { path: '/live', port: 31000, scheme: 'HTTP' }, initialDelaySeconds: 20, failureThreshold: 5 },
          readinessProbe: { tcpSocket: { port: 31000 }, periodSeconds: 2 },
          startupProbe: { exec: { command: ['true'] }, timeoutSeconds: 4 },
          lifecycle: { postStart: { exec: { command: ['warm-up'] } }, preStop: { httpGet: { path: '/drain', port: 31000, scheme: 'HTTP' } } },
          resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '128Mi' } },
          securityContext: {
            runAsUser: 1000,
            runAsGroup: 1001,
            runAsNonRoot: false,
            privileged: false,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['CAP_NET_BIND_SERVICE'] },
          },
          volumeMounts: [{ name: 'scratch', mountPath: '/scratch', readOnly: false }],
        }],
      },
    },
  });

  test('every option of a version, and beside it nothing', () => {
    const chart = chartOf();
    testaaa({ baseline: { version: 'release', ...everything(chart) } }, chart);

    expect(objectOf(chart, 'Deployment', 'testaaa-release').spec).toEqual(everythingWritten('release'));
    expect(containerOf(chart).env).toHaveLength(4);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('every option of the template, for the baseline, for other versions and for lanes', () => {
    const chart = chartOf();
    const { service } = testaaa({ template: everything(chart), baseline: { version: 'release' } }, chart);
    service.addVersion('v2');
    new StainedRoute(chart, 'lanes').addLane('release-v1').serve(service);

    for (const version of ['release', 'v2', 'release-v1']) {
      expect(objectOf(chart, 'Deployment', `testaaa-${version}`).spec).toEqual(everythingWritten(version));
    }
  });

  test('zero replicas', () => {
    const { chart } = testaaa({ baseline: { version: 'release', image: 'a', replicas: 0 } });

    expect(objectOf(chart, 'Deployment', 'testaaa-release').spec.replicas).toBe(0);
  });

  test('one field of a security context without the others', () => {
    const { chart } = testaaa({ template: { securityContext: { readOnlyRootFilesystem: true }, podSecurityContext: { ensureNonRoot: false } } });

    expect(containerOf(chart).securityContext).toEqual({ readOnlyRootFilesystem: true });
    expect(podOf(chart).spec.securityContext).toEqual({ runAsNonRoot: false });
  });

  test.each([
    ['http by default', {}, [{ port: 31000, targetPort: 31000, appProtocol: 'http' }]],
    ['gRPC', { appProtocol: AppProtocol.GRPC }, [{ port: 31000, targetPort: 31000, appProtocol: 'grpc' }]],
    ['nothing, with a name that tells it', { appProtocol: AppProtocol.UNSPECIFIED, portName: 'http-web' }, [{ name: 'http-web', port: 31000, targetPort: 31000 }]],
  ])('the protocol of the port: %s', (_what, props, ports) => {
    expect(objectOf(testaaa(props).chart, 'Service', 'testaaa').spec.ports).toEqual(ports);
  });

  test('no variable for the version where none is wanted', () => {
    expect(containerOf(testaaa({ versionEnv: '' }).chart)).not.toHaveProperty('env');
  });

  test('no annotation where the namespace decides about the sidecar', () => {
    expect(podOf(testaaa({ sidecarInjection: SidecarInjection.BY_NAMESPACE }).chart).metadata).toEqual({ labels: { app: 'testaaa', version: 'release' } });
  });

  test('an annotation of the user\'s over ours', () => {
    const { chart } = testaaa({ template: { podAnnotations: { 'sidecar.istio.io/inject': 'false' } } });

    expect(podOf(chart).metadata.annotations).toEqual({ 'sidecar.istio.io/inject': 'false' });
  });

  test.each<[string, Partial<BaselineOptions>]>([
    ['as a text', { env: { PROJECT_VERSION: 'mine' } }],
    ['from a field', { envValues: { PROJECT_VERSION: kplus.EnvValue.fromFieldRef(kplus.EnvFieldPaths.POD_NAME) } }],
  ])('a version\'s own PROJECT_VERSION, %s, is not silently replaced', (_how, own) => {
    let env: any[];
    try {
      env = containerOf(testaaa({ baseline: { version: 'release', image: 'a', ...own } }).chart).env;
    } catch (error) {
      // To refuse it is fine as well.
      expect((error as Error).message).toContain('PROJECT_VERSION');
      return;
    }
    expect(env).not.toContainEqual({ name: 'PROJECT_VERSION', value: 'release' });
  });

  test('labels that the mesh selects by cannot be lost to labels of the user\'s', () => {
    // Silently dropped they would be something that the user said and nothing shows.
    expect(() => testaaa({ baseline: { version: 'release', image: 'a', podLabels: { version: 'mine' } } })).toThrow(/'podLabels.*version/);
  });
});

describe('versions inherit from the template', () => {
  const template: WorkloadOptions = {
    image: 'template:v1', replicas: 2, env: { A: 'template', B: 'template' }, podAnnotations: { a: 'template', b: 'template' }, podLabels: { a: 'template', b: 'template' },
  };

  test('variables, annotations and labels are merged by name', () => {
    const { chart, service } = testaaa({ template, baseline: { version: 'release' } });
    service.addVersion('v2', { env: { B: 'own', C: 'own' }, podAnnotations: { b: 'own' }, podLabels: { b: 'own' } });

    expect(containerOf(chart, 'testaaa-v2').env).toEqual([
      { name: 'A', value: 'template' }, { name: 'B', value: 'own' }, { name: 'C', value: 'own' }, { name: 'PROJECT_VERSION', value: 'v2' },
    ]);
    expect(podOf(chart, 'testaaa-v2').metadata).toEqual({
      labels: { app: 'testaaa', version: 'v2', a: 'template', b: 'own' },
      annotations: { 'sidecar.istio.io/inject': 'true', 'a': 'template', 'b': 'own' },
    });
  });

  test('a variable is not there twice, in whichever way template and version set it', () => {
    const field = kplus.EnvValue.fromFieldRef(kplus.EnvFieldPaths.POD_NAME);
    const { chart, service } = testaaa({ template: { image: 'a', env: { A: 'text' }, envValues: { B: field } }, baseline: { version: 'release' } });
    service.addVersion('v2', { env: { B: 'text' }, envValues: { A: field } });

    expect(containerOf(chart, 'testaaa-v2').env).toHaveLength(3);
    expect(containerOf(chart, 'testaaa-v2').env).toEqual(expect.arrayContaining([
      { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }, { name: 'B', value: 'text' }, { name: 'PROJECT_VERSION', value: 'v2' },
    ]));
  });

  test('everything else is replaced as a whole', () => {
    const { chart, service } = testaaa({ template, baseline: { version: 'release' } });
    service.addVersion('v2', { image: 'own:v2', replicas: 0 });

    expect(containerOf(chart, 'testaaa-v2').image).toBe('own:v2');
    expect(objectOf(chart, 'Deployment', 'testaaa-v2').spec.replicas).toBe(0);
    expect(objectOf(chart, 'Deployment', 'testaaa-release').spec.replicas).toBe(2);
  });

  test('an option that is undefined was not said', () => {
    const { chart, service } = testaaa({ template, baseline: { version: 'release' } });
    // What `{ image: process.env.IMAGE }` comes to where the variable is not set.
    service.addVersion('v2', { image: undefined, replicas: undefined });

    expect(containerOf(chart, 'testaaa-v2').image).toBe('template:v1');
    expect(objectOf(chart, 'Deployment', 'testaaa-v2').spec.replicas).toBe(2);
  });

  test('what is written stays the user\'s: the template is not changed', () => {
    const said: WorkloadOptions = { image: 'a', env: { A: '1' }, podLabels: { a: '1' } };
    testaaa({ template: said, baseline: { version: 'release', env: { B: '2' } } });

    expect(said).toEqual({ image: 'a', env: { A: '1' }, podLabels: { a: '1' } });
  });
});

describe('the user goes on with the Deployment', () => {
  test('volumes and variables from secrets', () => {
    const { chart, service } = testaaa();
    const container = service.baseline.deployment.containers[0];
    container.mount('/data', kplus.Volume.fromEmptyDir(chart, 'data', 'data'));
    container.env.addVariable('TOKEN', kplus.EnvValue.fromSecretValue({ secret: kplus.Secret.fromSecretName(chart, 'secret', 'credentials'), key: 'token' }));

    expect(podOf(chart).spec.volumes).toEqual([{ name: 'data', emptyDir: {} }]);
    expect(containerOf(chart).volumeMounts).toEqual([{ name: 'data', mountPath: '/data' }]);
    expect(containerOf(chart).env).toContainEqual({ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'credentials', key: 'token' } } });
  });

  test('one more container has what was said of it and nothing else', () => {
    const { chart, service } = testaaa();
    service.baseline.deployment.addContainer({ name: 'proxy', image: 'nginx:1', portNumber: 8080, securityContext: { user: 101 } });
    service.baseline.deployment.addInitContainer({ name: 'wait', image: 'busybox:1' });

    expect(podOf(chart).spec.containers[1]).toEqual({ name: 'proxy', image: 'nginx:1', ports: [{ containerPort: 8080 }], securityContext: { runAsUser: 101 } });
    expect(podOf(chart).spec.initContainers).toEqual([{ name: 'wait', image: 'busybox:1' }]);
    expect(containerOf(chart)).not.toHaveProperty('securityContext');
  });

  test('a container that was made elsewhere keeps what its maker gave it', () => {
    const { chart, service } = testaaa();
    service.baseline.deployment.attachContainer(new kplus.Container({ name: 'made-elsewhere', image: 'b' }));

    expect(podOf(chart).spec.containers[1]).toMatchObject({ name: 'made-elsewhere', imagePullPolicy: 'Always' });
  });

  test('an autoscaler', () => {
    const { chart, service } = testaaa();
    new kplus.HorizontalPodAutoscaler(chart, 'autoscaler', {
      target: service.baseline.deployment,
      maxReplicas: 5,
      metrics: [kplus.Metric.resourceCpu(kplus.MetricTarget.averageUtilization(70))],
    });

    expect(objectsOf(chart, 'HorizontalPodAutoscaler')[0].spec.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'testaaa-release' });
    expect(objectOf(chart, 'Deployment', 'testaaa-release').spec).not.toHaveProperty('replicas');
  });

  test('a Service of the baseline\'s own, for clients without a sidecar, selects the baseline\'s pods and says the protocol', () => {
    const { chart, service } = testaaa();
    service.baseline.deployment.exposeViaService({ name: 'testaaa-baseline' });

    const { metadata, spec } = objectOf(chart, 'Service', 'testaaa-baseline');
    expect(metadata).toEqual({ name: 'testaaa-baseline', namespace: 'shop' });
    expect(spec.selector).toEqual({ app: 'testaaa', version: 'release' });
    expect(spec.ports).toEqual([{ port: 31000, targetPort: 31000, appProtocol: 'http' }]);
  });

  test('connections between services select what the pods really carry', () => {
    const { chart, service } = testaaa();
    const other = new CanaryService(chart, 'testbbb', { port: 32000, baseline: { version: 'release', image: 'b' } });
    service.baseline.deployment.connections.allowTo(other.baseline.deployment);

    const policies = objectsOf(chart, 'NetworkPolicy').map(({ spec }) => spec);
    const [labelsA, labelsB] = [{ app: 'testaaa', version: 'release' }, { app: 'testbbb', version: 'release' }];
    expect(policies.map(({ podSelector }) => podSelector.matchLabels)).toEqual([labelsA, labelsB]);
    expect(policies[0].egress[0].to[0].podSelector.matchLabels).toEqual(labelsB);
    expect(policies[0].egress[0].ports).toEqual([{ port: 32000, protocol: 'TCP' }]);
    expect(policies[1].ingress[0].from[0].podSelector.matchLabels).toEqual(labelsA);
  });

  test('scheduling: apart from one service, beside another, spread over nodes', () => {
    const { chart, service } = testaaa();
    const other = new CanaryService(chart, 'testbbb', { port: 32000, baseline: { version: 'release', image: 'b' } });
    const { scheduling } = service.baseline.deployment;
    scheduling.separate(other.baseline.deployment);
    scheduling.colocate(other.baseline.deployment, { topology: kplus.Topology.ZONE });
    scheduling.spread({ topology: kplus.Topology.ZONE });

    const term = (app: string, topologyKey: string) => ({ labelSelector: { matchLabels: { app, version: 'release' } }, namespaces: ['shop'], topologyKey });
    expect(podOf(chart).spec.affinity).toEqual({
      podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('testbbb', 'topology.kubernetes.io/zone')] },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [term('testbbb', 'kubernetes.io/hostname'), term('testaaa', 'topology.kubernetes.io/zone')],
      },
    });
  });

  test('nothing of all this renders the label that cdk8s-plus would have selected by', () => {
    const { chart, service } = testaaa();
    const other = new CanaryService(chart, 'testbbb', { port: 32000, baseline: { image: 'b' } });
    const [one, two] = [service.baseline.deployment, other.baseline.deployment];
    one.exposeViaService({ name: 'own' });
    one.exposeViaIngress('/', { name: 'ingress' });
    one.connections.allowTo(two);
    one.connections.allowFrom(two, { isolation: kplus.PodConnectionsIsolation.POD });
    two.connections.isolate();
    one.scheduling.separate(two);
    two.scheduling.colocate(one);

    expect(JSON.stringify(chart.toJson())).not.toContain(kplus.Pod.ADDRESS_LABEL);
  });
});

describe('the escape hatch', () => {
  test('the Deployment can be patched in the finished manifest, with the names that stand in it, unknown fields too', () => {
    const { chart, service } = testaaa();
    ApiObject.of(service.baseline).addJsonPatch(
      JsonPatch.add('/spec/template/spec/fieldOfTheFuture', { a: 1 }),
      JsonPatch.add('/spec/template/spec/hostIPC', true),
      JsonPatch.add('/spec/template/spec/containers/0/env/-', { name: 'X', value: '1' }),
      JsonPatch.replace('/spec/template/spec/containers/0/image', 'patched:1'),
      JsonPatch.add('/spec/progressDeadlineSeconds', 30),
    );

    expect(podOf(chart).spec).toMatchObject({ fieldOfTheFuture: { a: 1 }, hostIPC: true });
    expect(containerOf(chart)).toMatchObject({ image: 'patched:1', env: [{ name: 'PROJECT_VERSION', value: 'release' }, { name: 'X', value: '1' }] });
    expect(objectOf(chart, 'Deployment', 'testaaa-release').spec.progressDeadlineSeconds).toBe(30);
  });

  test('patches of one version leave the others alone', () => {
    const { chart, service } = testaaa();
    ApiObject.of(service.addVersion('v2', { image: 'b' })).addJsonPatch(JsonPatch.add('/spec/paused', true));

    expect(objectOf(chart, 'Deployment', 'testaaa-v2').spec.paused).toBe(true);
    expect(objectOf(chart, 'Deployment', 'testaaa-release').spec).not.toHaveProperty('paused');
  });

  test('the Service can be patched, unknown fields too', () => {
    const { chart, service } = testaaa();
    ApiObject.of(service.node.findChild('Service')).addJsonPatch(
      JsonPatch.add('/spec/clusterIP', 'None'), JsonPatch.add('/spec/fieldOfTheFuture', 1), JsonPatch.add('/spec/ports/0/nodePort', 30080),
    );

    expect(objectOf(chart, 'Service', 'testaaa').spec).toMatchObject({ clusterIP: 'None', fieldOfTheFuture: 1, ports: [{ port: 31000, nodePort: 30080 }] });
  });

  test('a Service that exposes a version can be patched with the names that stand in it', () => {
    const { chart, service } = testaaa();
    ApiObject.of(service.baseline.deployment.exposeViaService({ name: 'own' })).addJsonPatch(JsonPatch.add('/spec/clusterIP', 'None'), JsonPatch.add('/spec/future', 1));

    expect(objectOf(chart, 'Service', 'own').spec).toMatchObject({ clusterIP: 'None', future: 1 });
  });
});

describe('refused is', () => {
  test.each<[string, string, Partial<CanaryServiceProps>, unknown, RegExp]>([
    ['Port', 'port', { port: 0 }, 0, /1 to 65535/],
    ['Port', 'port', { port: 70000 }, 70000, /1 to 65535/],
    ['Port', 'targetPort', { targetPort: 0 }, 0, /1 to 65535/],
    ['ServiceName', 'name', { name: 'Test' }, 'Test', /begins with a letter/],
    ['LabelValue', 'app', { app: '' }, '', /must not be empty/],
    ['LabelValue', 'app', { app: 'a b' }, 'a b', /label value/],
    ['Namespace', 'namespace', { namespace: 'Shop' }, 'Shop', /DNS label/],
    ['ImageMissing', 'image', { baseline: { version: 'release' } }, undefined, /for the version or for the service's template/],
    ['Replicas', 'replicas', { template: { replicas: -1 } }, -1, /0 or more/],
    ['Replicas', 'replicas', { template: { replicas: 1.5 } }, 1.5, /whole number/],
    ['ObjectName', 'deploymentName', { baseline: { version: 'release', image: 'a', deploymentName: 'a_b' } }, 'a_b', /DNS name/],
  ])('with %s a bad %s: %j', (code, property, props, got, says) => {
    expectRefusal(() => testaaa(props), { code, property, got, path: 'shop/testaaa', says });
  });

  test('a version of the baseline that is no DNS label', () => {
    expect(() => testaaa({ baseline: { version: 'Release', image: 'a' } })).toThrow(/^\[shop\/testaaa.*'(baseline|baseline\.version)' must be a DNS label.*got "Release"/);
  });

  test('an id that is no Service name, with the way to set another', () => {
    expectRefusal(() => new CanaryService(chartOf(), 'Test', { port: 1, baseline: { image: 'a' } }), { code: 'ServiceName', property: 'id', got: 'Test', path: 'shop/Test', says: /'name'/ });
  });

  test.each(['Http', 'http_web', ''])('a port name that Kubernetes would not take: %j', (portName) => {
    expect(() => testaaa({ portName })).toThrow(/\[shop\/testaaa\] 'portName'/);
  });

  test('a chart without namespace', () => {
    expectRefusal(() => new CanaryService(new Chart(new App(), 'nowhere'), 'testaaa', { port: 1, baseline: { image: 'a' } }), {
      code: 'NamespaceMissing', property: 'namespace', path: 'nowhere/testaaa', says: /new Chart/,
    });
  });

  test('a host owned twice', () => {
    const app = new App();
    testaaa({}, chartOf('one', 'shop', app));

    expect(() => testaaa({}, chartOf('two', 'shop', app))).toThrow(/^\[two\/testaaa\S*\] 'name' .*one\/testaaa/);
  });

  test('a version twice', () => {
    const { service } = testaaa();
    service.addVersion('v2', { image: 'a' });

    for (const version of ['release', 'v2']) {
      expectRefusal(() => service.addVersion(version, { image: 'a' }), { code: 'VersionTwice', property: 'version', got: version, path: 'shop/testaaa/host', says: /taken: release, v2/ });
    }
  });

  test('a version that a lane has already', () => {
    const { chart, service } = testaaa();
    new StainedRoute(chart, 'lanes').addLane('v2').serve(service, { image: 'a' });

    expectRefusal(() => service.addVersion('v2', { image: 'a' }), { code: 'VersionTwice', property: 'version', got: 'v2', says: /a lane has already/ });
  });

  test('a version beside a baseline that has none', () => {
    const { service } = testaaa({ baseline: { image: 'a' } });

    expectRefusal(() => service.addVersion('v2', { image: 'a' }), { code: 'BaselineWithoutVersion', property: 'baseline.version', path: 'shop/testaaa', says: /must be set/ });
  });

  test('a Deployment name over 63 characters', () => {
    const name = 'a'.repeat(56);

    expectRefusal(() => testaaa({ name }), { code: 'DeploymentNameTooLong', property: 'deploymentName', got: 64, path: 'shop/testaaa', says: /at most 63/ });
    expect(() => testaaa({ name: 'a'.repeat(55) })).not.toThrow();
    expect(() => testaaa({ name, baseline: { version: 'release', image: 'a', deploymentName: 'short' } })).not.toThrow();
  });

  test('two Deployments of one name: the second would overwrite the first', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);

    expect(() => {
      new CanaryService(chart, 'web', { port: 1, baseline: { version: 'api-v1', image: 'a' } });
      new CanaryService(chart, 'web-api', { port: 2, baseline: { version: 'v1', image: 'b' } });
      app.synthYaml();
    }).toThrow(/web-api-v1/);
  });

  test('versions of a service whose protocol Istio routes by connection: HTTP rules would pin nothing', () => {
    let rules: any;
    try {
      const { chart } = testaaa({ appProtocol: AppProtocol.TCP });
      rules = objectsOf(chart, 'VirtualService')[0]?.spec;
    } catch (error) {
      expect((error as Error).message).toContain('\'appProtocol\'');
      return;
    }
    // If it is not refused, the baseline must be pinned by rules that hold for TCP.
    expect(rules).not.toHaveProperty('http');
  });
});

test('a service can be routed to as a host of its own: by a rule of another host and by a gateway', () => {
  const { chart, service } = testaaa();
  const front = new MeshHost(chart, 'front', { name: 'front' });
  front.addRule(RouteRule.to([Destination.of(service, { version: 'release' })], { match: [RequestMatch.pathPrefix('/a')] }));
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(service);

  const destination = { host: 'testaaa.shop.svc.cluster.local', subset: 'release', port: { number: 31000 } };
  expect(rulesOf(chart, 'front')[0].route).toEqual([{ destination }]);
  expect(rulesOf(chart, 'gateway-any-host')).toEqual([{ route: [{ destination }] }]);
});
