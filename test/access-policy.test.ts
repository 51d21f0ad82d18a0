import { App } from 'cdk8s';
import {
  AccessPolicy, AccessPolicyProps, AccessRule, AccessRuleOptions, AppProtocol, Caller, CanaryService, ClientTls, MeshGateway, MtlsMode, MtlsPolicy,
  MtlsPolicyProps, ResilientBackend, ServerTls, SidecarInjection, StainedRoute, Warnings, Workloads,
} from '../src';
import { chartOf, inventory, objectOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

function shop(own = true) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const service = (name: string, more = {}) => new CanaryService(chart, name, {
    port: 8080, ownServiceAccount: own, baseline: { version: 'main', image: `${name}:1` }, ...more,
  });
  return { app, chart, service, cart: service('cart'), checkout: service('checkout') };
}

const codes = (app: App) => Warnings.of(app).all.map(({ code }) => code);

describe('what is emitted', () => {
  test('all the props, and all of a rule', () => {
    const { chart, cart, checkout } = shop();
    const lane = new StainedRoute(chart, 'lanes', { header: 'x-lane' }).addLane('new');
    const rule: Required<AccessRuleOptions> = {
      from: [Caller.service(checkout), Caller.serviceAccount('ops', 'robot'), Caller.namespace('ops'), Caller.addresses('10.0.0.0/8', '::1'), Caller.remoteAddresses('1.2.3.4')],
      notFrom: [Caller.namespace('guests')],
      methods: ['GET'],
      paths: ['/a', '/b/*', '*.png', '/c/{*}/d', '/e/{**}'],
      notPaths: ['/a/secret'],
      hosts: ['shop.example.com'],
      ports: [8080],
      lanes: [lane],
      headers: { 'x-role': ['admin', 'owner'] },
    };
    const said: Required<AccessPolicyProps> = { on: cart, allow: [AccessRule.of(rule)], deny: [AccessRule.everything()], requireMtls: true, name: 'callers' };
    new AccessPolicy(chart, 'id', said);

    const not = { notNamespaces: ['guests'] };
    expect(objectOf(chart, 'AuthorizationPolicy', 'callers-allow').spec).toEqual({
      selector: { matchLabels: { app: 'cart' } },
      action: 'ALLOW',
      rules: [{
        from: [
          { source: { principals: ['cluster.local/ns/shop/sa/checkout', 'cluster.local/ns/ops/sa/robot'], ...not } },
          { source: { namespaces: ['ops'], ...not } },
          { source: { ipBlocks: ['10.0.0.0/8', '::1'], ...not } },
          { source: { remoteIpBlocks: ['1.2.3.4'], ...not } },
        ],
        to: [{ operation: { hosts: rule.hosts, methods: rule.methods, paths: rule.paths, notPaths: rule.notPaths, ports: ['8080'] } }],
        when: [{ key: 'request.headers[x-lane]', values: ['new'] }, { key: 'request.headers[x-role]', values: ['admin', 'owner'] }],
      }],
    });
    expect(objectOf(chart, 'AuthorizationPolicy', 'callers-deny').spec).toEqual({ selector: { matchLabels: { app: 'cart' } }, action: 'DENY', rules: [{}] });
    expect(objectOf(chart, 'PeerAuthentication', 'callers-mtls').spec).toEqual({ selector: { matchLabels: { app: 'cart' } }, mtls: { mode: 'STRICT' } });
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a policy of one version selects its pods, of a namespace all, of a gateway the gateway\'s', () => {
    const { chart, cart } = shop();
    const lane = new StainedRoute(chart, 'lanes').addLane('new').serve(cart, { image: 'cart:2' });
    const gateway = new MeshGateway(chart, 'edge', { hosts: ['*'] });
    const allow = [AccessRule.from(Caller.addresses('10.0.0.0/8'))];
    const selectors = Object.entries({ lane, namespace: Workloads.inNamespace('other'), gateway }).map(([id, on]) => {
      new AccessPolicy(chart, id, { on, allow });
      const { metadata, spec } = objectOf(chart, 'AuthorizationPolicy', `${id}-allow`);
      return [metadata.namespace, spec.selector?.matchLabels];
    });

    expect(selectors).toEqual([['shop', { app: 'cart', version: 'new' }], ['other', undefined], ['istio-system', { istio: 'ingressgateway' }]]);
  });

  test('the accounts of all versions are a service\'s, whenever they are declared', () => {
    const { chart, cart, checkout, service } = shop();
    new AccessPolicy(chart, 'callers', { on: cart, allow: [AccessRule.from(Caller.service(checkout))] });
    const other = service('robot').baseline.deployment.serviceAccount;
    new StainedRoute(chart, 'lanes').addLane('new').serve(checkout, { image: 'checkout:2', serviceAccount: other });

    expect(objectOf(chart, 'AuthorizationPolicy', 'callers-allow').spec.rules[0].from[0].source.principals).toEqual([
      'cluster.local/ns/shop/sa/checkout', 'cluster.local/ns/shop/sa/robot',
    ]);
  });

  test('a deny-list requires mutual TLS where it names callers, and nothing where it does not', () => {
    const { chart, app, cart, checkout } = shop();
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.of({ methods: ['DELETE'] })] });
    new AccessPolicy(chart, 'b', { on: cart, deny: [AccessRule.from(Caller.service(checkout))] });

    expect(inventory(chart).filter((object) => /Peer|Authz|Authorization/.test(object))).toEqual(['AuthorizationPolicy a-deny', 'AuthorizationPolicy b-deny', 'PeerAuthentication b-mtls']);
    expect(codes(app)).toEqual([]);
  });

  test('an allow-list that leaves out callers by name requires mutual TLS, as plain text would be let in', () => {
    const { chart, app, cart } = shop();
    const [guests, checkers] = ['guests', 'checkers'].map((namespace) => Caller.namespace(namespace));
    new AccessPolicy(chart, 'a', { on: cart, allow: [AccessRule.of({ notFrom: [guests] })] });
    new AccessPolicy(chart, 'b', { on: cart, allow: [AccessRule.of({ from: [Caller.addresses('10.0.0.0/8')], notFrom: [guests] })] });
    // Whoever is let in here has a name.
    new AccessPolicy(chart, 'c', { on: cart, allow: [AccessRule.of({ from: [checkers], notFrom: [guests] })] });
    new AccessPolicy(chart, 'd', { on: cart, allow: [AccessRule.of({ notFrom: [Caller.addresses('10.0.0.0/8')] })] });

    expect(inventory(chart).filter((object) => /Peer/.test(object))).toEqual(['PeerAuthentication a-mtls', 'PeerAuthentication b-mtls']);
    expect(codes(app)).toEqual([]);
  });

  test('MtlsPolicy: all the props', () => {
    const { chart, cart } = shop();
    const said: Required<MtlsPolicyProps> = { on: cart, mode: MtlsMode.PERMISSIVE, ports: { 9090: MtlsMode.DISABLE }, name: 'plain-metrics' };
    new MtlsPolicy(chart, 'id', said);

    expect(objectOf(chart, 'PeerAuthentication', 'plain-metrics').spec).toEqual({
      selector: { matchLabels: { app: 'cart' } }, mtls: { mode: 'PERMISSIVE' }, portLevelMtls: { 9090: { mode: 'DISABLE' } },
    });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expectRefusal(() => new MtlsPolicy(chart, 'all', { on: Workloads.inNamespace('shop'), ports: { 80: MtlsMode.STRICT } }), {
      code: 'MtlsPorts', property: 'ports', path: 'shop/all', says: /of a service/,
    });
  });
});

describe('refused', () => {
  test.each<[AccessRuleOptions, string, string]>([
    [{}, 'AccessRuleEmpty', 'from'],
    [{ from: [] }, 'AccessRuleEmpty', 'from'],
    [{ paths: [] }, 'AccessRuleEmpty', 'paths'],
    [{ headers: {} }, 'AccessRuleEmpty', 'headers'],
    [{ methods: ['get'] }, 'Method', 'methods'],
    [{ paths: ['admin'] }, 'AccessPath', 'paths'],
    [{ paths: ['/a*b'] }, 'AccessPath', 'paths'],
    [{ paths: ['/a?b=c'] }, 'AccessPath', 'paths'],
    [{ paths: ['/{**}/a'] }, 'AccessPath', 'paths'],
    [{ ports: [0] }, 'Port', 'ports'],
    [{ headers: { 'X-Role': ['a'] } }, 'HeaderName', 'headers'],
    [{ headers: { 'x-role': [] } }, 'AccessHeader', 'headers.x-role'],
    [{ from: ['checkout' as any] }, 'CallerMissing', 'from'],
  ])('the rule %j', (options, code, property) => {
    expectRefusal(() => AccessRule.of(options), { code, property, says: /./ });
  });

  test('callers that are none', () => {
    expectRefusal(() => Caller.addresses('10.0.0.0/33'), { code: 'CallerAddress', property: 'blocks', got: '10.0.0.0/33', says: /network/ });
    expectRefusal(() => Caller.addresses(), { code: 'CallerAddress', property: 'blocks', says: /none/ });
    expectRefusal(() => Caller.namespace('Ops'), { code: 'Namespace', property: 'namespace', got: 'Ops', says: /DNS label/ });
    expectRefusal(() => Caller.service('cart' as any), { code: 'CallerService', property: 'service', says: /Caller.serviceAccount/ });
  });

  test('no list, an empty deny-list, pods that are none', () => {
    const { chart, cart } = shop();
    expectRefusal(() => new AccessPolicy(chart, 'a', { on: cart }), { code: 'AccessPolicyEmpty', property: 'allow', path: 'shop/a', says: /neither/ });
    expectRefusal(() => new AccessPolicy(chart, 'b', { on: cart, deny: [] }), { code: 'AccessPolicyEmpty', property: 'deny', path: 'shop/b', says: /leave it out/ });
    expectRefusal(() => new AccessPolicy(chart, 'c', { on: 'cart' as any, allow: [] }), { code: 'WorkloadMissing', property: 'on', path: 'shop/c', says: /CanaryService/ });
  });

  test('rules about requests for ports that speak no HTTP', () => {
    const { chart, service, cart } = shop();
    const tcp = service('db', { appProtocol: AppProtocol.TCP, port: 5432 });
    const mixed = service('mixed', { portName: 'http', targetPort: 8000, additionalPorts: [{ name: 'tcp', port: 9000, targetPort: 9001, appProtocol: AppProtocol.TCP }] });
    const get = AccessRule.of({ methods: ['GET'] });
    const refusal = (id: string, got: string) => ({ code: 'AccessPortNotHttp', property: 'methods', got, path: `shop/${id}`, says: /ports/ });
    expectRefusal(() => new AccessPolicy(chart, 'a', { on: tcp, deny: [get] }), refusal('a', '5432'));
    expectRefusal(() => new AccessPolicy(chart, 'b', { on: mixed, allow: [get] }), refusal('b', '9001'));
    new AccessPolicy(chart, 'c', { on: mixed, deny: [AccessRule.of({ methods: ['GET'], ports: [8000] })] });
    new AccessPolicy(chart, 'd', { on: tcp, allow: [AccessRule.from(Caller.service(cart))] });
    expectRefusal(() => new AccessPolicy(chart, 'e', { on: Workloads.withLabels('shop', { app: 'x' }), deny: [get] }), {
      code: 'AccessDenyPorts', property: 'ports', path: 'shop/e', says: /container/,
    });
  });

  test('at synth: a caller that runs as the account that all share', () => {
    const { chart, cart, checkout } = shop(false);
    const policy = new AccessPolicy(chart, 'callers', { on: cart, allow: [AccessRule.from(Caller.service(checkout))] });

    expect(policy.node.validate()).toEqual([expect.stringMatching(/^'from' must be a service with an account of its own, got shop\/checkout, .*ownServiceAccount: true/)]);

    const other = new AccessPolicy(chart, 'others', { on: cart, allow: [AccessRule.of({ notFrom: [Caller.service(checkout)] })] });
    expect(other.node.validate()).toEqual([expect.stringMatching(/^'notFrom' must be a service with an account of its own, got shop\/checkout, .*ownServiceAccount: true/)]);
  });

  test('the Service\'s port where the container\'s is meant', () => {
    const { chart, service } = shop();
    const web = service('web', { port: 80, targetPort: 8080 });
    const admin = AccessRule.of({ paths: ['/admin'], ports: [80] });
    const refusal = (id: string, property: string) => ({ code: 'ContainerPort', property, got: 80, path: `shop/${id}`, says: /container.*8080/ });
    expectRefusal(() => new AccessPolicy(chart, 'a', { on: web, deny: [admin] }), refusal('a', 'ports'));
    expectRefusal(() => new AccessPolicy(chart, 'b', { on: web.baseline, allow: [admin] }), refusal('b', 'ports'));
    expectRefusal(() => new MtlsPolicy(chart, 'c', { on: web, ports: { 80: MtlsMode.DISABLE } }), refusal('c', 'ports'));
    new AccessPolicy(chart, 'd', { on: web, deny: [AccessRule.of({ paths: ['/admin'], ports: [8080] })] });
  });

  test('mutual TLS of a gateway, whose servers say what they take', () => {
    const { chart } = shop();
    const gateway = new MeshGateway(chart, 'edge', { hosts: ['*'] });
    expectRefusal(() => new MtlsPolicy(chart, 'a', { on: gateway }), { code: 'MtlsGateway', property: 'on', path: 'shop/a', says: /ServerTls/ });
    expectRefusal(() => new AccessPolicy(chart, 'b', { on: gateway, allow: [AccessRule.everything()], requireMtls: true }), {
      code: 'MtlsGateway', property: 'requireMtls', path: 'shop/b', says: /ServerTls/,
    });
  });
});

describe('at synth: names where callers have none', () => {
  const byName = (of: CanaryService) => [AccessRule.from(Caller.service(of))];
  const problems = (policy: AccessPolicy | MtlsPolicy) => policy.node.validate();

  test('at a gateway, unless its clients show certificates of the mesh', () => {
    const { chart } = shop();
    const gateway = new MeshGateway(chart, 'edge', { hosts: ['*'] });
    const inside = new MeshGateway(chart, 'inside', { hosts: ['*'], tls: ServerTls.istioMutual(), selector: { istio: 'inside' } });
    const rules = [AccessRule.from(Caller.namespace('shop'))];
    const pods = Workloads.withLabels('istio-system', { istio: 'ingressgateway' });

    expect(problems(new AccessPolicy(chart, 'a', { on: gateway, allow: rules }))).toEqual([expect.stringMatching(/^'allow' must not name callers .* shop\/edge.*Caller\.addresses/)]);
    expect(problems(new AccessPolicy(chart, 'b', { on: gateway, deny: rules }))).toEqual([expect.stringMatching(/^'deny' must not name callers .* shop\/edge/)]);
    expect(problems(new AccessPolicy(chart, 'c', { on: pods, allow: rules }))).toEqual([expect.stringMatching(/^'allow' must not name callers .* shop\/edge/)]);
    expect(problems(new AccessPolicy(chart, 'd', { on: inside, allow: rules }))).toEqual([]);
    expect(problems(new AccessPolicy(chart, 'e', { on: gateway, allow: [AccessRule.from(Caller.addresses('10.0.0.0/8'))] }))).toEqual([]);
    expect(chart.node.findAll().filter((each) => each instanceof MtlsPolicy)).toEqual([]);
  });

  test.each<[string, (world: ReturnType<typeof shop>) => void, RegExp]>([
    ['plain text alone', ({ chart, cart }) => new MtlsPolicy(chart, 'plain', { on: cart, mode: MtlsMode.DISABLE }), /shop\/plain/],
    ['plain text alone in the namespace', ({ chart }) => new MtlsPolicy(chart, 'plain', { on: Workloads.inNamespace('shop'), mode: MtlsMode.DISABLE }), /shop\/plain/],
    ['plain text alone at the port', ({ chart, cart }) => new MtlsPolicy(chart, 'plain', { on: cart, ports: { 8080: MtlsMode.DISABLE } }), /shop\/plain/],
    ['callers that do not encrypt', ({ chart, cart }) => new ResilientBackend(chart, 'plain', { host: cart, tls: ClientTls.disabled() }), /shop\/plain/],
    ['callers with certificates of their own', ({ chart, cart }) => new ResilientBackend(chart, 'plain', { host: cart, port: 8080, tls: ClientTls.simple() }), /shop\/plain/],
  ])('of pods that get %s', (_, does, who) => {
    const world = shop();
    const { chart, cart, checkout } = world;
    // Whoever is declared first.
    const policy = new AccessPolicy(chart, 'callers', { on: cart, allow: byName(checkout) });
    const lane = new StainedRoute(chart, 'lanes').addLane('new').serve(cart, { image: 'cart:2' });
    const ofLane = new AccessPolicy(chart, 'lane', { on: lane, allow: byName(checkout) });
    expect(problems(policy)).toEqual([]);
    does(world);

    expect(problems(policy)).toEqual([expect.stringMatching(/^'allow' must not name callers/)]);
    expect(problems(policy)[0]).toMatch(who);
    expect(problems(ofLane)).toEqual([expect.stringMatching(/^'allow' must not name callers/)]);
  });

  test('what is said of one version, or one port, leaves the others their names, with a warning', () => {
    const { app, chart, cart, checkout } = shop();
    cart.addVersion('v2', { image: 'cart:2' });
    new ResilientBackend(chart, 'plain', { host: cart, version: 'v2', tls: ClientTls.disabled() });
    const policy = new AccessPolicy(chart, 'callers', { on: cart, allow: byName(checkout) });
    const main = new AccessPolicy(chart, 'main', { on: cart.baseline, allow: byName(checkout) });

    expect([problems(policy), problems(main)]).toEqual([[], []]);
    expect(Warnings.of(app).all.map(({ code, path }) => [code, path])).toEqual([['AccessCallersNameless', 'shop/callers']]);
  });

  test('of callers without a sidecar, and at pods without', () => {
    const { chart, cart, service } = shop();
    const bare = service('bare', { sidecarInjection: SidecarInjection.DISABLED });
    const other = service('other', { template: { podAnnotations: { 'sidecar.istio.io/inject': 'false' } } });

    expect(problems(new AccessPolicy(chart, 'a', { on: cart, allow: byName(bare) }))).toEqual([expect.stringMatching(/^'from' must be a service with sidecars, got shop\/bare/)]);
    expect(problems(new AccessPolicy(chart, 'b', { on: cart, deny: [AccessRule.of({ notFrom: [Caller.service(other)] })] }))).toEqual([expect.stringMatching(/^'notFrom' must be a service with sidecars, got shop\/other/)]);
    expect(problems(new AccessPolicy(chart, 'c', { on: bare, allow: byName(cart) }))).toEqual([expect.stringMatching(/^'on' must be pods with sidecars, got shop\/bare/)]);
    expect(problems(new MtlsPolicy(chart, 'd', { on: other.baseline }))).toEqual([expect.stringMatching(/^'on' must be pods with sidecars, got shop\/other/)]);
  });

  test('two policies about mutual TLS of the same pods must say the same', () => {
    const { app, chart, cart, checkout } = shop();
    const auto = new AccessPolicy(chart, 'a', { on: cart, deny: byName(checkout) });
    new AccessPolicy(chart, 'b', { on: cart.baseline, deny: byName(checkout) });
    new MtlsPolicy(chart, 'all', { on: Workloads.inNamespace('shop'), mode: MtlsMode.PERMISSIVE });
    expect(chart.node.findAll().flatMap(({ node }) => node.validate())).toEqual([]);

    const other = new MtlsPolicy(chart, 'other', { on: cart, mode: MtlsMode.PERMISSIVE });
    expect(problems(other)).toEqual([expect.stringMatching(/^'on' must not be pods .* shop\/a\/mtls .*requireMtls: false/), expect.stringMatching(/shop\/b\/mtls/)]);
    expect(problems(auto)).toEqual([]);
    expect(codes(app)).toEqual([]);
  });
});

describe('warned of', () => {
  test('a policy that lets nobody in', () => {
    const { app, chart, cart } = shop();
    new AccessPolicy(chart, 'a', { on: cart, allow: [] });
    new AccessPolicy(chart, 'b', { on: cart, deny: [AccessRule.everything()] });

    expect(Warnings.of(app).all.map(({ code, path }) => [code, path])).toEqual([['AccessLocksEverybodyOut', 'shop/a'], ['AccessLocksEverybodyOut', 'shop/b']]);
    expect(objectOf(chart, 'AuthorizationPolicy', 'a-allow').spec).not.toHaveProperty('rules');
  });

  test.each<[string, Partial<AccessRuleOptions>, number]>([
    ['all paths', { paths: ['/a', '*'] }, 1],
    ['all paths by prefix', { paths: ['/*'] }, 1],
    ['all paths by template', { paths: ['/{**}'] }, 1],
    ['all hosts', { hosts: ['*'] }, 1],
    ['all methods', { methods: ['*'] }, 1],
    ['whoever is in the mesh, where all must be', { from: [Caller.anybodyInMesh()] }, 1],
    ['all addresses', { from: [Caller.addresses('0.0.0.0/0')] }, 1],
    ['all ports', { ports: [8080] }, 1],
    ['all of everything', { from: [Caller.remoteAddresses('::/0')], hosts: ['*'], paths: ['/*'], ports: [8080] }, 1],
    ['paths but one', { paths: ['/*'], notPaths: ['/health'] }, 0],
    ['everybody but some', { from: [Caller.anybodyInMesh()], notFrom: [Caller.namespace('ops')] }, 0],
    ['one method of all paths', { paths: ['/*'], methods: ['DELETE'] }, 0],
    ['parts of paths', { paths: ['/{*}'] }, 0],
    ['requests with a header', { headers: { 'x-a': ['*'] } }, 0],
    ['half of the addresses', { from: [Caller.addresses('0.0.0.0/1')] }, 0],
  ])('a deny-list for %s', (_, rule, times) => {
    const { app, chart, cart } = shop();
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.of(rule)] });

    expect(codes(app)).toEqual(Array(times).fill('AccessLocksEverybodyOut'));
  });

  test('of two ports one is not all, and where ports are not known none are', () => {
    const { app, chart, service } = shop();
    const two = service('two', { portName: 'a', additionalPorts: [{ name: 'b', port: 9090 }] });
    new AccessPolicy(chart, 'a', { on: two, deny: [AccessRule.of({ ports: [8080] })] });
    new AccessPolicy(chart, 'b', { on: Workloads.withLabels('shop', { app: 'x' }), deny: [AccessRule.of({ ports: [8080] })] });
    expect(codes(app)).toEqual([]);
    new AccessPolicy(chart, 'c', { on: two, deny: [AccessRule.of({ ports: [8080, 9090] })] });
    expect(codes(app)).toEqual(['AccessLocksEverybodyOut']);
  });

  test('a port that no container is said to listen at', () => {
    const { app, chart, cart } = shop();
    cart.baseline.deployment.containers[0].addPort({ number: 9090, name: 'metrics' });
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.of({ ports: [9090, 9091] })] });
    chart.toJson();

    expect(Warnings.of(app).all).toEqual([{ code: 'PortUnknown', path: 'shop/a', message: expect.stringMatching(/'ports' 9091 .*8080, 9090/) }]);
  });

  test('lanes that requests tell by baggage, which no rule can look into', () => {
    const { app, chart, cart } = shop();
    const lane = new StainedRoute(chart, 'lanes', { baggageKey: 'lane' }).addLane('new');
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.of({ lanes: [lane] })] });
    new AccessPolicy(chart, 'b', { on: cart, deny: [AccessRule.of({ methods: ['DELETE'] })] });
    chart.toJson();

    expect(Warnings.of(app).all).toEqual([{ code: 'AccessLaneByBaggage', path: 'shop/a', message: expect.stringMatching(/'lanes'.*project-version.*baggage/) }]);
  });

  test('names that plain text passes by', () => {
    const { app, chart, cart, checkout } = shop();
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.from(Caller.service(checkout))], requireMtls: false });
    new AccessPolicy(chart, 'b', { on: cart, allow: [AccessRule.of({ notFrom: [Caller.service(checkout)] })], requireMtls: false });

    expect(inventory(chart).filter((object) => /Peer/.test(object))).toEqual([]);
    expect(codes(app)).toEqual(['AccessDenyWithoutMtls', 'AccessAllowWithoutMtls']);
  });

  test('not where another policy requires mutual TLS', () => {
    const { app, chart, cart, checkout } = shop();
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.from(Caller.service(checkout))], requireMtls: false });
    const strict = new MtlsPolicy(chart, 'strict', { on: cart, ports: { 9090: MtlsMode.PERMISSIVE } });
    chart.toJson();

    expect(codes(app)).toEqual([]);
    expect(strict.node.validate()).toEqual([]);
  });

  test('whoever is said to call and is not let in: a service, a gateway', () => {
    const { app, chart, cart, checkout, service } = shop();
    const other = service('other').calls(cart);
    checkout.calls(cart);
    new MeshGateway(chart, 'gateway', { hosts: ['*'] }).route(cart);
    new AccessPolicy(chart, 'callers', { on: cart, allow: [AccessRule.from(Caller.service(checkout))] }).node.validate();

    expect(Warnings.of(app).all.map(({ code, message }) => [code, /does not let (\S+) in/.exec(message)?.[1]])).toEqual([
      ['AccessLocksCallerOut', other.node.path], ['AccessLocksCallerOut', 'shop/gateway'],
    ]);
  });

  test('nobody where all of them are let in', () => {
    const { app, chart, cart, checkout, service } = shop();
    service('other').calls(cart);
    checkout.calls(cart);
    new MeshGateway(chart, 'gateway', { hosts: ['*'] }).route(cart);
    new AccessPolicy(chart, 'callers', {
      on: cart, allow: [AccessRule.from(Caller.namespace('shop')), AccessRule.from(Caller.serviceAccount('istio-system', 'istio-ingressgateway'))],
    }).node.validate();

    expect(codes(app)).toEqual([]);
  });
});
