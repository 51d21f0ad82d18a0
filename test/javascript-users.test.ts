import { App, Duration } from 'cdk8s';
import {
  AccessPolicy, AccessPolicyProps, AccessRule, AccessRuleOptions, AppProtocol, BaselineOptions, Branch, BranchDeployment, BranchDeploymentProps,
  BranchFacts, BranchRules, Caller, CallbackFilter, CallbackFilterProps, CallbackPlace, CallbackProps, CallOptions, CanaryService,
  CanaryServiceProps, ClientTls, ClosingServerProps, ConnectionMatch, ConnectionPool, ConnectionPoolOptions, ConnectionRule, CorsPolicy,
  CorsPolicyOptions, Destination, DestinationOptions, EgressHost, EgressHostProps, EgressProtocol, EgressResolution, Fallback, FallbackOptions,
  Fault, FaultInjection, FaultInjectionProps, GatewayCallbackProps, GatewayPassthroughOptions, GatewayRouteOptions, GatewayServer,
  GatewayServerOptions, H2UpgradePolicy, HashAlgorithm, HashKey, HeaderChanges, HeaderOperations, HeaderOperationsOptions, LaneOptions,
  LaneRouteOptions, laneName, LoadBalancer, MeshGateway, MeshGatewayProps, MeshHost, MeshHostProps, MeshNamespace, MeshNamespaceProps,
  MirrorTarget, MirrorTargetProps, MtlsMode, MtlsPolicy, MtlsPolicyProps, MutualServerTlsOptions, OutlierDetection, OutlierDetectionOptions,
  PreviewHostOptions, PreviewOptions, RateLimit, RateLimitProps, Redirect, RequestMatch, ResilientBackend, ResilientBackendProps, RetryPolicy,
  RetryPolicyOptions, Rewrite, RoutedProtocol, RouteRule, RouteRuleOptions, RouteSettings, RuleOptions, Scope, ScopeProps, SecretOptions,
  SelfStaining, SelfStainingProps, ServerTls, ServiceType, SidecarInjection, StainedRoute, StainedRouteProps, Staining, StickyOptions,
  StringMatch, TcpKeepalive, TlsVersion, VersionOptions, VersionShare, Workloads, WorkloadReference,
} from '../src';
import { chartOf } from './support/objects';
import { thrownBy } from './support/refusals';
import { InvalidInput } from '../src/errors';

/*
 * Nonsense that TypeScript would not compile, but JavaScript (and Python, by jsii) hands over: each is answered by an InvalidInput
 * whose message names the property, where it was said, and not by a TypeError from deep inside, or by manifests of something else.
 */

/** An app with one of everything that can be handed over. */
function world() {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [cart, stock] = ['cart', 'stock'].map((name) => new CanaryService(chart, name, { port: 80, template: { image: name }, baseline: { version: 'main' }, ownServiceAccount: true }));
  cart.addVersion('v2');
  const stained = new StainedRoute(chart, 'lanes');
  const lane = stained.addLane('l1');
  const version = lane.serve(cart);
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining: Staining.open() });
  const secure = new MeshGateway(chart, 'secure', { servers: [GatewayServer.passthrough({ hosts: ['db.example.com'] })] });
  const db = new MeshHost(chart, 'db', { name: 'db', port: 443, protocol: RoutedProtocol.TLS });
  const ledger = new MeshHost(chart, 'ledger', { name: 'ledger', port: 80, baseline: 'main' });
  return { app, chart, cart, stock, stained, lane, version, gateway, secure, db, ledger };
}

type World = ReturnType<typeof world>;
/** What is handed over, whole and right, and to whom. */
type Case = readonly [whole: object, hand: (to: World, said: any) => unknown];

const shown = world();
const second = Duration.seconds(1);
const path = RequestMatch.pathPrefix('/a');
const headers = HeaderOperations.of({ request: { set: { 'x-a': 'b' } } });
const corsPolicy = CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')] });
/** Handed over to methods, by the names of their parameters. */
const values = <T extends object>(whole: T, hand: (to: World, said: T) => unknown): Case => [whole, hand];
const props = <T>(whole: T extends object ? Required<T> : never, hand: (to: World, said: T) => unknown): Case => [whole, hand];

/** Of the world that something is handed over in. */
const CART = Symbol('cart');
const STOCK = Symbol('stock');
const LANE = Symbol('lane');
const VERSION = Symbol('version');
const HOST = Symbol('host');
const here: Record<symbol, keyof World> = { [CART]: 'cart', [STOCK]: 'stock', [LANE]: 'lane', [VERSION]: 'version', [HOST]: 'ledger' };
const isPlain = (value: unknown): value is object => value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
const settled = (said: unknown, to: World): any => {
  if (typeof said === 'symbol') return to[here[said]];
  if (Array.isArray(said)) return said.map((each) => settled(each, to));
  return isPlain(said) ? Object.fromEntries(Object.entries(said).map(([key, value]) => [key, settled(value, to)])) : said;
};

const workload: Partial<VersionOptions> = {
  image: 'i', replicas: 1, command: ['a'], args: ['a'], env: { A: 'b' }, hardened: true, podAnnotations: { a: 'b' }, podLabels: { a: 'b' }, terminationGracePeriod: second, deploymentName: 'd', consumesQueues: true,
};
const service = {
  port: 80,
  targetPort: 8080,
  portName: 'http',
  additionalPorts: [{ name: 'b', port: 81 }],
  appProtocol: AppProtocol.HTTP,
  serviceType: ServiceType.CLUSTER_IP,
  name: 'n',
  namespace: 'shop',
  app: 'n',
  template: { image: 'i' },
  versionEnv: 'A',
  forwardHeadersEnv: 'B',
  consumeQueuesEnv: 'C',
  sidecarInjection: SidecarInjection.ENABLED,
  fallback: Fallback.of(),
  ownServiceAccount: true,
  exportTo: ['.'],
  virtualServiceName: 'n',
  destinationRuleName: 'n',
};
const tls: MutualServerTlsOptions = {
  credentialName: 'c', minProtocolVersion: TlsVersion.V1_2, maxProtocolVersion: TlsVersion.V1_3, cipherSuites: ['a'], caCertCredentialName: 'a', subjectAltNames: ['a'],
};
const callback: Required<CallbackProps> = {
  authority: 'shop.example.com', path: '/a', cookie: { name: 'a', value: 'b' }, query: { name: 'a', value: 'b' }, lane: 'l1', laneMayBeMissing: true, expires: '2999-01-01',
};
const rules: Required<BranchRules> = { baseline: 'main', lanes: ['*'], ttl: Duration.hours(1) };
const facts: Required<BranchFacts> = { source: 'a/b', owner: 'o', commit: 'c', run: 'r', revision: 1, time: '2026-03-01T12:00:00Z' };

const CASES: Record<string, Case> = {
  'new CanaryService': props<CanaryServiceProps>({ ...service, baseline: { version: 'main', image: 'i' } }, ({ chart }, said) => new CanaryService(chart, 'x', said)),
  'a baseline': values({ ...workload, version: 'main' } as BaselineOptions, ({ chart }, baseline) => new CanaryService(chart, 'x', { port: 80, baseline })),
  'addVersion': values(workload, ({ cart }, said) => cart.addVersion('v3', said)),
  'addVersion()': values({ version: 'v3' }, ({ cart }, { version }) => cart.addVersion(version)),
  'splitBetween': values({ shares: [{ version: 'main', weight: 1 }] as VersionShare[] }, ({ cart }, { shares }) => cart.splitBetween(shares)),
  'splitSticky': props<StickyOptions>({ cookie: 'a', maxAge: second }, ({ cart }, said) => cart.splitSticky({ main: 1, v2: 1 }, said)),
  'sendTo': values({ version: 'v2', match: [path] }, ({ cart }, { version, match }) => cart.sendTo(version, match)),
  'activate': values({ version: 'v2' }, ({ cart }, { version }) => cart.activate(version)),
  'retire': values({ version: 'v2' }, ({ cart }, { version }) => cart.retire(version)),
  'calls': props<CallOptions>({ port: 80, path: '/a' }, ({ cart, stock }, said) => cart.calls(stock, said)),
  'calls()': values({ callee: STOCK as any }, ({ cart }, { callee }) => cart.calls(callee)),
  'new MeshHost': props<MeshHostProps>({
    name: 'n',
    port: 80,
    baseline: 'main',
    baselineLabels: { version: 'main' },
    additionalPorts: [{ port: 81 }],
    exportTo: ['.'],
    selector: { app: 'n' },
    fallback: Fallback.of(),
    protocol: RoutedProtocol.HTTP,
    targetPort: 8080,
    appProtocol: AppProtocol.HTTP,
    hostName: 'a.example.com',
    namespace: 'shop',
    virtualServiceName: 'n',
    destinationRuleName: 'n',
  }, ({ chart }, said) => new MeshHost(chart, 'x', said)),
  'addVersion of a host': values({ version: 'v3', labels: { version: 'v3' } }, ({ ledger }, { version, labels }) => ledger.addVersion(version, labels)),
  'addRule': values({ rule: RouteRule.directResponse(200, 'a', { match: [path] }) }, ({ ledger }, { rule }) => ledger.addRule(rule)),
  'addConnectionRule': values({ rule: ConnectionRule.to([Destination.of(shown.db)], { port: 443 }) }, ({ db }, { rule }) => db.addConnectionRule(rule)),
  'routeDefault': values({ destinations: [Destination.of(shown.ledger)] }, ({ ledger }, { destinations }) => ledger.routeDefault(destinations)),
  'configureDefault': props<RouteSettings>({ name: 'n', headers, corsPolicy, rewrite: { uri: '/' }, timeout: second }, ({ ledger }, said) => ledger.configureDefault(said)),
  'new EgressHost': props<EgressHostProps>({
    hostName: 'a.example.com',
    port: 80,
    targetPort: 443,
    tls: ClientTls.simple(),
    protocol: EgressProtocol.HTTP,
    resolution: EgressResolution.DNS,
    endpoints: [{ address: 'b.example.com' }],
    exportTo: ['.'],
    additionalPorts: [{ port: 81, protocol: EgressProtocol.HTTP }],
    name: 'n',
    namespace: 'shop',
  }, ({ chart }, said) => new EgressHost(chart, 'x', said)),
  'new MeshGateway': props<MeshGatewayProps>({
    hosts: ['a.example.com'],
    port: 443,
    portName: 'https',
    tls: ServerTls.simple({ credentialName: 'c' }),
    redirectHttp: true,
    servers: [GatewayServer.http({ hosts: ['b.example.com'], port: 8080 })],
    acceptHttp10: true,
    podNamespace: 'istio-system',
    selector: { a: 'b' },
    staining: Staining.open(),
    name: 'n',
    namespace: 'shop',
  }, ({ chart }, said) => new MeshGateway(chart, 'x', said)),
  'route': props<GatewayRouteOptions>({ hosts: ['shop.example.com'], match: [path], port: 80, name: 'n', headers, corsPolicy, rewrite: { authority: 'a' }, timeout: second }, ({ gateway, cart }, said) => gateway.route(cart, said)),
  'route()': values({ service: CART as any }, ({ gateway }, said) => gateway.route(said.service)),
  'addRule of a gateway': values({ rule: RouteRule.directResponse(200), hosts: ['shop.example.com'] }, ({ gateway }, { rule, hosts }) => gateway.addRule(rule, { hosts })),
  'passthrough': props<GatewayPassthroughOptions>({ hosts: ['db.example.com'], port: 443 }, ({ secure, db }, said) => secure.passthrough(db, said)),
  'previewLanesAt': values({ wildcard: '*.preview.example.com', host: 'shop.example.com' } as { wildcard: string } & Required<PreviewOptions>, ({ gateway }, { wildcard, host }) => gateway.previewLanesAt(wildcard, { host })),
  'addCallback': props<GatewayCallbackProps>({ ...callback, host: 'shop.example.com' }, ({ gateway }, said) => gateway.addCallback('c', said)),
  'addCallback of a filter': props<CallbackProps>(callback, ({ chart }, said) => new CallbackFilter(chart, 'x', { at: CallbackPlace.gateway() }).addCallback('c', said)),
  'a cookie': values(callback.cookie, ({ gateway }, cookie) => gateway.addCallback('c', { ...callback, cookie })),
  'new CallbackFilter': props<CallbackFilterProps>({ at: CallbackPlace.gateway(), name: 'n' }, ({ chart }, said) => new CallbackFilter(chart, 'x', said)),
  'CallbackPlace.inbound': values({ service: CART as any }, (_, said) => CallbackPlace.inbound(said.service)),
  'CallbackPlace.inboundOf': props<WorkloadReference>({ labels: { app: 'a' }, namespace: 'shop' }, ({ chart }, said) => new CallbackFilter(chart, 'x', { at: CallbackPlace.inboundOf(said) })),
  'new StainedRoute': props<StainedRouteProps>({ header: 'a', baggageKey: 'b', selfStaining: true, reportServedLane: true, servedLaneHeader: 'c', fallback: true }, (_, said) => new StainedRoute(chartOf(), 'x', said)),
  'addLane': props<LaneOptions>({ name: 'l2', fallback: true }, ({ stained }, said) => stained.addLane('b', said)),
  'addLane()': values({ branch: 'b' }, ({ stained }, { branch }) => stained.addLane(branch)),
  'laneName': values({ branch: 'b' }, (_, { branch }) => laneName(branch)),
  'serve': values(workload, ({ lane, stock }, said) => lane.serve(stock, said)),
  'serve()': values({ service: STOCK as any }, ({ lane }, said) => lane.serve(said.service)),
  'route of a lane': props<LaneRouteOptions>({ labels: { a: 'b' } }, ({ lane, ledger }, said) => lane.route(ledger, said)),
  'route() of a lane': values({ host: HOST as any }, ({ lane }, { host }) => lane.route(host)),
  'new SelfStaining': props<SelfStainingProps>({ version: VERSION as any, name: 'n' }, ({ chart }, said) => new SelfStaining(chart, 'x', said)),
  'Staining.bySecret': props<SecretOptions>({ header: 'a', secretInManifest: 'abcdefghijklmnopqrstuvwxyz' }, (_, said) => Staining.bySecret(said)),
  'Staining.previewHostsOnly': values({ wildcard: '*.preview.example.com', host: 'a.example.com' } as { wildcard: string } & Required<PreviewHostOptions>, (_, { wildcard, host }) => Staining.previewHostsOnly(wildcard, { host })),
  'new FaultInjection': values<Partial<FaultInjectionProps>>({ host: CART as any, fault: Fault.abort({ httpStatus: 500, percentage: 1 }), match: [path] }, ({ chart }, said: any) => new FaultInjection(chart, 'x', said)),
  'new FaultInjection of a lane': values<Partial<FaultInjectionProps>>({ fault: Fault.abort({ httpStatus: 500, percentage: 1 }), lane: LANE as any }, ({ chart, cart: host }, said: any) => new FaultInjection(chart, 'x', { host, ...said })),
  'new MirrorTarget': props<MirrorTargetProps>({ from: CART as any, fromVersion: 'main', to: STOCK as any, toVersion: 'main', percentage: 1, mirrorLanes: true }, ({ chart }, said) => new MirrorTarget(chart, 'x', said)),
  'new ResilientBackend': values<Omit<Required<ResilientBackendProps>, 'version'>>({
    host: CART as any,
    port: 80,
    timeout: second,
    retries: RetryPolicy.none(),
    connectionPool: ConnectionPool.of({ maxConnections: 1 }),
    outlierDetection: OutlierDetection.of({ maxEjectionPercent: 100 }),
    loadBalancer: LoadBalancer.random(),
    tls: ClientTls.simple(),
  }, ({ chart }, { port, timeout, retries, ...said }) => {
    new ResilientBackend(chart, 'rules', { host: said.host, timeout, retries });
    return new ResilientBackend(chart, 'traffic', { port, ...said });
  }),
  'ResilientBackend.forClosingServer': props<ClosingServerProps>({ host: CART as any, serverKeepAlive: Duration.seconds(5), timeout: second, connectionPerRequest: true }, ({ chart }, said) => ResilientBackend.forClosingServer(chart, 'x', said)),
  'new AccessPolicy': props<AccessPolicyProps>({ on: CART as any, allow: [AccessRule.everything()], deny: [AccessRule.of({ methods: ['GET'] })], requireMtls: true, name: 'n' }, ({ chart }, said) => new AccessPolicy(chart, 'x', said)),
  'AccessRule.of': props<AccessRuleOptions>({
    from: [Caller.namespace('a')], notFrom: [Caller.namespace('b')], methods: ['GET'], paths: ['/a'], notPaths: ['/b'], hosts: ['a'], ports: [8080], lanes: [LANE as any], headers: { a: ['b'] },
  }, (_, said) => AccessRule.of(said)),
  'AccessRule.from': values({ from: [Caller.namespace('a')] }, (_, { from }) => (Array.isArray(from) ? AccessRule.from(...from) : AccessRule.from(from))),
  'Caller.service': values({ service: CART as any }, (_, said) => Caller.service(said.service)),
  'Caller.serviceAccount': values({ namespace: 'a', account: 'b' }, (_, { namespace, account }) => Caller.serviceAccount(namespace, account)),
  'Caller.namespace': values({ namespace: 'a' }, (_, { namespace }) => Caller.namespace(namespace)),
  'Caller.addresses': values({ blocks: '10.0.0.1' }, (_, { blocks }) => Caller.addresses(blocks)),
  'new MtlsPolicy': props<MtlsPolicyProps>({ on: CART as any, mode: MtlsMode.STRICT, ports: { 8080: MtlsMode.DISABLE }, name: 'n' }, ({ chart }, said) => new MtlsPolicy(chart, 'x', said)),
  'new RateLimit': props<RateLimitProps>({ on: CART as any, requests: 5, per: second, burst: 3, match: path, lane: LANE as any, name: 'n' }, ({ chart }, said) => new RateLimit(chart, 'x', said)),
  'new Scope': props<ScopeProps>({ on: [CART as any], alsoCalls: ['a/*'], registryOnly: true, exportTo: true, callersFrom: ['a'] }, ({ chart }, said) => new Scope(chart, 'x', said)),
  'new MeshNamespace': props<MeshNamespaceProps>({ name: 'a', revision: 'b' }, ({ chart }, said) => new MeshNamespace(chart, 'x', said)),
  'Workloads.withLabels': values({ namespace: 'a', labels: { a: 'b' } }, (_, { namespace, labels }) => Workloads.withLabels(namespace, labels)),
  'Workloads.inNamespace': values({ namespace: 'a' }, (_, { namespace }) => Workloads.inNamespace(namespace)),
  'new BranchDeployment': props<BranchDeploymentProps>({ ...service, branch: Branch.of('main', rules, facts), image: 'i', baseline: { replicas: 1 }, lane: { replicas: 1 } }, (_, said) => new BranchDeployment(chartOf(), 'x', said)),
  'rules of branches': props<BranchRules>(rules, (_, said) => Branch.of('main', said, facts)),
  'facts of branches': props<BranchFacts>(facts, (_, said) => Branch.of('main', rules, said)),
  'Branch.of': values({ branch: 'main' }, (_, { branch }) => Branch.of(branch, rules, facts)),
  'Branch.current': values({ ...rules, ...facts, branch: 'main' }, (_, said) => Branch.current(said)),
  'RetryPolicy.of': props<RetryPolicyOptions>({ attempts: 3, retryOn: ['5xx'], perTryTimeout: second, backoff: second, retryRemoteLocalities: true }, (_, said) => RetryPolicy.of(said)),
  'ConnectionPool.of': values<Partial<ConnectionPoolOptions>>({
    maxConnections: 1,
    connectTimeout: second,
    tcpKeepalive: { probes: 1 },
    maxConnectionDuration: second,
    http1MaxPendingRequests: 1,
    http2MaxRequests: 1,
    maxRequestsPerConnection: 1,
    maxRetries: 1,
    idleTimeout: second,
    h2UpgradePolicy: H2UpgradePolicy.DEFAULT,
    useClientProtocol: true,
    maxConcurrentStreams: 1,
  } satisfies Required<ConnectionPoolOptions>, (_, said) => ConnectionPool.of(said)),
  'keepalive': values({ 'tcpKeepalive.probes': 1, 'tcpKeepalive.time': second, 'tcpKeepalive.interval': second }, (_, said) => ConnectionPool.of({
    tcpKeepalive: { probes: said['tcpKeepalive.probes'], time: said['tcpKeepalive.time'], interval: said['tcpKeepalive.interval'] } satisfies Required<TcpKeepalive>,
  })),
  'OutlierDetection.of': props<OutlierDetectionOptions>({
    maxEjectionPercent: 100,
    consecutive5xxErrors: 5,
    consecutiveGatewayErrors: 3,
    consecutiveLocalOriginFailures: 3,
    splitExternalLocalOriginErrors: true,
    interval: second,
    baseEjectionTime: second,
    minHealthPercent: 1,
  }, (_, said) => OutlierDetection.of(said)),
  'LoadBalancer.consistentHash': values({ key: HashKey.sourceIp(), algorithm: HashAlgorithm.maglev() }, (_, { key, algorithm }) => LoadBalancer.consistentHash(key, algorithm)),
  'HashKey.header': values({ name: 'a' }, (_, { name }) => HashKey.header(name)),
  'HashKey.cookie': values({ name: 'a', ttl: second }, (_, { name, ttl }) => HashKey.cookie(name, ttl)),
  'HashKey.queryParam': values({ name: 'a' }, (_, { name }) => HashKey.queryParam(name)),
  'HashAlgorithm.ringHash': values({ minimumRingSize: 1 }, (_, { minimumRingSize }) => HashAlgorithm.ringHash(minimumRingSize)),
  'HashAlgorithm.maglev': values({ tableSize: 7 }, (_, { tableSize }) => HashAlgorithm.maglev(tableSize)),
  'ClientTls.simple': values({ sni: 'a', caCertificates: 'b', subjectAltNames: ['c'] }, (_, said) => ClientTls.simple(said)),
  'ClientTls.mutual': values({ sni: 'a', credentialName: 'b', subjectAltNames: ['c'] }, (_, said) => ClientTls.mutual(said)),
  'ServerTls.simple': values({ credentialName: 'a', minProtocolVersion: TlsVersion.V1_2 }, (_, said) => ServerTls.simple(said)),
  'ServerTls.mutual': values(tls, (_, said) => ServerTls.mutual(said)),
  'GatewayServer.http': props<GatewayServerOptions>({ hosts: ['a.example.com'], port: 80, portName: 'a', name: 'b', bind: '10.0.0.1' }, (_, said) => GatewayServer.http(said)),
  'GatewayServer.https': values({ hosts: ['a.example.com'], tls: ServerTls.simple({ credentialName: 'c' }) }, (_, said) => GatewayServer.https(said)),
  'Fault.abort': values({ httpStatus: 500, percentage: 1 }, (_, said) => Fault.abort(said)),
  'Fault.abort of gRPC': values({ grpcStatus: 'UNAVAILABLE', percentage: 1 }, (_, said) => Fault.abort(said)),
  'Fault.delay': values({ duration: second, percentage: 1 }, (_, said) => Fault.delay(said)),
  'and of faults': values({ other: Fault.delay({ duration: second, percentage: 1 }) }, (_, { other }) => Fault.abort({ httpStatus: 500, percentage: 1 }).and(other)),
  'Fallback.of': props<FallbackOptions>({ idempotent: true, attempts: 3, perTryTimeout: second, connectTimeout: second, outlierDetection: OutlierDetection.of({ maxEjectionPercent: 100 }) }, (_, said) => Fallback.of(said)),
  'Destination.of': props<DestinationOptions>({ version: 'v1', weight: 1, port: 80, headers }, ({ cart }, said) => Destination.of(cart, said)),
  'Destination.of()': values({ host: CART as any }, (_, { host }) => Destination.of(host)),
  'RouteRule.to': props<RouteRuleOptions>({ name: 'n', headers, corsPolicy, match: [path], rewrite: { uri: '/' }, timeout: second }, ({ cart }, said) => RouteRule.to([Destination.of(cart)], said)),
  'RouteRule.to()': values({ destinations: [Destination.of(shown.cart)] }, (_, { destinations }) => RouteRule.to(destinations)),
  'a rewrite': values<Rewrite>({ uri: '/', authority: 'a' }, ({ cart }, rewrite) => RouteRule.to([Destination.of(cart)], { rewrite })),
  'a rewrite by regular expression': values<Rewrite>({ uriRegexMatch: '/a', uriRegexRewrite: '/b' }, ({ cart }, rewrite) => RouteRule.to([Destination.of(cart)], { rewrite })),
  'RouteRule.redirect': props<Redirect>({ uri: '/', authority: 'a', port: 80, scheme: 'http', redirectCode: 301 }, (_, said) => RouteRule.redirect(said)),
  'options of RouteRule.redirect': props<RuleOptions>({ name: 'n', headers, corsPolicy, match: [path] }, (_, said) => RouteRule.redirect({ uri: '/' }, said)),
  'RouteRule.directResponse': values({ status: 200, body: 'a' }, (_, { status, body }) => RouteRule.directResponse(status, body)),
  'options of RouteRule.directResponse': props<RuleOptions>({ name: 'n', headers, corsPolicy, match: [path] }, (_, said) => RouteRule.directResponse(200, 'a', said)),
  'ConnectionRule.to': props<ConnectionMatch>({ sniHosts: ['a.example.com'], destinationSubnets: ['10.0.0.0/8'], port: 443, sourceLabels: { a: 'b' }, sourceNamespace: 'a' }, ({ db }, said) => ConnectionRule.to([Destination.of(db)], said)),
  'ConnectionRule.to()': values({ destinations: [Destination.of(shown.db)] }, (_, { destinations }) => ConnectionRule.to(destinations, { port: 443 })),
  'HeaderOperations.of': props<HeaderOperationsOptions>({ request: { set: { a: 'b' } }, response: { set: { a: 'b' } } }, (_, said) => HeaderOperations.of(said)),
  'header changes': values({ 'request.set': { a: 'b' }, 'request.add': { b: 'c' }, 'request.remove': ['d'] }, (_, said) => HeaderOperations.of({
    request: { set: said['request.set'], add: said['request.add'], remove: said['request.remove'] } satisfies Required<HeaderChanges>,
  })),
  'CorsPolicy.of': props<CorsPolicyOptions>({ allowOrigins: [StringMatch.exact('a')], allowMethods: ['GET'], allowHeaders: ['a'], exposeHeaders: ['a'], maxAge: second, allowCredentials: true }, (_, said) => CorsPolicy.of(said)),
  'StringMatch.exact': values({ text: 'a' }, (_, { text }) => StringMatch.exact(text)),
  'StringMatch.prefix': values({ prefix: 'a' }, (_, { prefix }) => StringMatch.prefix(prefix)),
  'StringMatch.regex': values({ regex: 'a' }, (_, { regex }) => StringMatch.regex(regex)),
  'RequestMatch.header': values({ header: 'a', match: StringMatch.exact('b') }, (_, { header, match }) => RequestMatch.header(header, match)),
  'RequestMatch.withoutHeader': values({ header: 'a', match: StringMatch.exact('b') }, (_, { header, match }) => RequestMatch.withoutHeader(header, match)),
  'RequestMatch.cookie': values({ cookie: 'a', match: StringMatch.exact('b') }, (_, { cookie, match }) => RequestMatch.cookie(cookie, match)),
  'RequestMatch.userAgent': values({ match: StringMatch.exact('b') }, (_, { match }) => RequestMatch.userAgent(match)),
  'RequestMatch.path': values({ match: StringMatch.exact('/b') }, (_, { match }) => RequestMatch.path(match)),
  'RequestMatch.pathPrefix': values({ prefix: '/a' }, (_, { prefix }) => RequestMatch.pathPrefix(prefix)),
  'RequestMatch.method': values({ match: StringMatch.exact('GET') }, (_, { match }) => RequestMatch.method(match)),
  'RequestMatch.authority': values({ match: StringMatch.exact('b') }, (_, { match }) => RequestMatch.authority(match)),
  'RequestMatch.scheme': values({ match: StringMatch.exact('http') }, (_, { match }) => RequestMatch.scheme(match)),
  'RequestMatch.queryParam': values({ queryParam: 'a', match: StringMatch.exact('b') }, (_, { queryParam, match }) => RequestMatch.queryParam(queryParam, match)),
  'RequestMatch.port': values({ port: 80 }, (_, { port }) => RequestMatch.port(port)),
  'RequestMatch.sourceLabels': values({ sourceLabels: { a: 'b' } }, (_, { sourceLabels }) => RequestMatch.sourceLabels(sourceLabels)),
  'RequestMatch.sourceNamespace': values({ sourceNamespace: 'a' }, (_, { sourceNamespace }) => RequestMatch.sourceNamespace(sourceNamespace)),
  'and of matches': values({ other: RequestMatch.port(80) }, (_, { other }) => path.and(other)),
};

/** What may stand in for what, as far as JavaScript goes. */
function sort(value: unknown): string {
  if (Array.isArray(value)) return `list of ${value.length === 0 ? 'anything' : sort(value[0])}`;
  if (typeof value === 'object' && value !== null) return isPlain(value) ? 'properties' : 'class';
  return typeof value === 'symbol' ? 'class' : String(value === null ? value : typeof value);
}

const NONSENSE = [null, 0, 7, NaN, '', 'X y!', true, {}, { a: 'b' }, [], [null], [undefined], ['X y!'], [{}], new Date(0)];
/** Something else than `right`, whatever that is. */
const nonsenseFor = (right: unknown) => NONSENSE.filter((wrong) => {
  const [is, ought] = [sort(wrong), sort(right)];
  // Properties may be those of a class of the user's.
  if (is === 'class') return ought !== 'properties';
  return is !== ought && !(is === 'list of anything' && ought.startsWith('list'));
});
/** Left out it may be right; it must not be answered by anything but a refusal. */
const refusedAtMost = (act: () => unknown): Error | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return error as Error;
  }
};

describe.each(Object.entries(CASES))('%s', (_, [whole, hand]) => {
  const handed = (said: object) => {
    let made: any;
    const to = new Proxy({}, { get: (__, name) => (made ??= world())[name] }) as World;
    return hand(to, settled(said, to));
  };

  test('is fine as it should be', () => {
    expect(refusedAtMost(() => handed(whole))?.message).toBeUndefined();
  });

  test.each(Object.keys(whole))('refuses nonsense for %s, by its name', (property) => {
    for (const wrong of nonsenseFor((whole as any)[property])) {
      const error = thrownBy(() => {
        handed({ ...whole, [property]: wrong });
        throw new Error(`'${property}' may be ${JSON.stringify(wrong)}`);
      });
      expect({ wrong, name: error.name, message: error.message }).toEqual({ wrong, name: 'InvalidInput', message: expect.stringMatching(`'([a-z]+\\.)*${property}(\\.[\\w.]+)?' `) });
    }
  });

  test.each(Object.keys(whole))('takes %s that is not there for left out, or refuses it', (property) => {
    const error = refusedAtMost(() => handed({ ...whole, [property]: undefined }));
    expect({ error, ours: error === undefined || error instanceof InvalidInput }).toEqual({ error, ours: true });
  });
});

describe('nothing at all', () => {
  const { chart, cart, stock, lane, gateway, stained, ledger } = world();
  let ids = 0;
  const id = () => `x${ids++}`;

  test.each<[string, (said: any) => unknown, optional?: boolean]>([
    ['props of CanaryService', (said) => new CanaryService(chart, id(), said)],
    ['props of MeshHost', (said) => new MeshHost(chart, id(), said)],
    ['props of EgressHost', (said) => new EgressHost(chart, id(), said)],
    ['props of MeshGateway', (said) => new MeshGateway(chart, id(), said)],
    ['props of ResilientBackend', (said) => new ResilientBackend(chart, id(), said)],
    ['props of ResilientBackend', (said) => ResilientBackend.forClosingServer(chart, id(), said)],
    ['props of FaultInjection', (said) => new FaultInjection(chart, id(), said)],
    ['props of MirrorTarget', (said) => new MirrorTarget(chart, id(), said)],
    ['props of AccessPolicy', (said) => new AccessPolicy(chart, id(), said)],
    ['props of MtlsPolicy', (said) => new MtlsPolicy(chart, id(), said)],
    ['props of RateLimit', (said) => new RateLimit(chart, id(), said)],
    ['props of Scope', (said) => new Scope(chart, id(), said)],
    ['props of SelfStaining', (said) => new SelfStaining(chart, id(), said)],
    ['props of CallbackFilter', (said) => new CallbackFilter(chart, id(), said)],
    ['props of BranchDeployment', (said) => new BranchDeployment(chart, id(), said)],
    ['props of MeshNamespace', (said) => new MeshNamespace(chart, id(), said), true],
    ['props of StainedRoute', (said) => new StainedRoute(chartOf(), id(), said), true],
    ['props of addCallback', (said) => gateway.addCallback(id(), said)],
    ['options of RetryPolicy', (said) => RetryPolicy.of(said)],
    ['options of ConnectionPool', (said) => ConnectionPool.of(said)],
    ['options of OutlierDetection', (said) => OutlierDetection.of(said)],
    ['options of ClientTls', (said) => ClientTls.mutual(said)],
    ['options of ServerTls', (said) => ServerTls.simple(said)],
    ['options of ServerTls', (said) => ServerTls.mutual(said)],
    ['options of GatewayServer', (said) => GatewayServer.https(said)],
    ['options of Fault', (said) => Fault.abort(said)],
    ['options of Fault', (said) => Fault.delay(said)],
    ['options of Staining', (said) => Staining.bySecret(said)],
    ['options of CorsPolicy', (said) => CorsPolicy.of(said)],
    ['options of HeaderOperations', (said) => HeaderOperations.of(said)],
    ['options of AccessRule', (said) => AccessRule.of(said)],
    ['options of Branch', (said) => Branch.current(said)],
    ['rules of Branch', (said) => Branch.of('main', said, facts)],
    ['facts of Branch', (said) => Branch.of('main', rules, said)],
    ['redirect of RouteRule', (said) => RouteRule.redirect(said)],
    ['match of ConnectionRule', (said) => ConnectionRule.to([Destination.of(ledger)], said)],
    ['settings of configureDefault', (said) => ledger.configureDefault(said)],
    ['options of addVersion', (said) => cart.addVersion('v9', said), true],
    ['options of splitSticky', (said) => cart.splitBetween([{ version: 'main', weight: 1 }], said), true],
    ['options of calls', (said) => cart.calls(ledger, said), true],
    ['options of addLane', (said) => stained.addLane('l9', said), true],
    ['options of serve', (said) => lane.serve(stock, said), true],
    ['options of route', (said) => lane.route(ledger, said), true],
    ['options of a gateway\'s route', (said) => gateway.route(cart, said), true],
    ['options of a gateway\'s addRule', (said) => gateway.addRule(RouteRule.directResponse(200), said), true],
    ['options of passthrough', (said) => gateway.passthrough(ledger, said), true],
    ['options of previewLanesAt', (said) => gateway.previewLanesAt('*.a.example.com', said), true],
    ['options of Staining', (said) => Staining.previewHostsOnly('*.a.example.com', said), true],
    ['options of Fallback', (said) => Fallback.of(said), true],
    ['options of Destination', (said) => Destination.of(cart, said), true],
    ['options of RouteRule', (said) => RouteRule.to([Destination.of(cart)], said), true],
    ['options of RouteRule', (said) => RouteRule.directResponse(200, 'a', said), true],
  ])('is refused for %s', (what, act, optional = false) => {
    for (const nothing of [null, 'text', 7, [], ...optional ? [] : [undefined]]) {
      const error = thrownBy(() => act(nothing));
      expect({ nothing, name: error.name, message: error.message }).toEqual({ nothing, name: 'InvalidInput', message: expect.stringContaining(`'${what.split(' ')[0]}' must be an object with properties`) });
    }
  });
});

describe('what names a class or an enum', () => {
  const { chart, cart } = world();

  test.each<[string, () => unknown, RegExp]>([
    ['another class\'s value', () => RequestMatch.path(path as any), /'match' must be a StringMatch, such as StringMatch\.exact\('…'\), got an object of RequestMatch/],
    ['options in place of the value', () => new ResilientBackend(chart, 'a', { host: cart, retries: { attempts: 3 } as any }), /'retries' must be a RetryPolicy, such as RetryPolicy\.of\(\{ attempts: 3 \}\), got \{ attempts: 3 \}/],
    ['no member of the enum', () => new MtlsPolicy(chart, 'b', { on: cart, mode: 'strict' as any }), /'mode' must be one of MtlsMode: MtlsMode\.STRICT, MtlsMode\.PERMISSIVE, MtlsMode\.DISABLE, got "strict"/],
    ['a hole in a list', () => RouteRule.to([undefined as any]), /'destinations' must be a list, each of which must be a Destination, such as Destination\.of\(.*\), got \[ undefined \]/],
    ['the number 0 for a time', () => new ResilientBackend(chart, 'c', { host: cart, timeout: 0 as any }), /'timeout' must be a Duration of cdk8s, got 0; such as Duration\.seconds\(2\)/],
    ['a time of 0', () => ConnectionPool.of({ idleTimeout: Duration.millis(0) }), /'idleTimeout' must be a whole number of milliseconds, 1 ms or more, got "0 ms"/],
    ['a variable that is not set', () => StringMatch.exact(process.env.NOT_SET_ANYWHERE as any), /'text' must be a text, got undefined/],
    ['a variable that is not set, in headers', () => HeaderOperations.of({ request: { set: { 'x-a': process.env.NOT_SET_ANYWHERE as any } } }), /'request\.set' must have values by name, each of which must be a text, got \{ 'x-a': undefined \}/],
    ['a variable that is not set, in labels', () => RequestMatch.sourceLabels({ app: process.env.NOT_SET_ANYWHERE as any }), /'sourceLabels\.app' must be a label value .*, got undefined/],
  ])('is said by name: %s', (_, act, says) => {
    const error = thrownBy(act);
    expect(error).toBeInstanceOf(InvalidInput);
    expect(error.message).toMatch(says);
  });

  test('is known from another copy of the library', () => {
    jest.resetModules();
    const other = jest.requireActual<typeof import('../src')>('../src');

    expect(other.RetryPolicy).not.toBe(RetryPolicy);
    expect(() => new ResilientBackend(chart, 'd', { host: cart, retries: other.RetryPolicy.none() })).not.toThrow();
  });
});
