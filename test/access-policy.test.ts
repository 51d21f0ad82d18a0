import { App } from 'cdk8s';
import {
  AccessPolicy, AccessPolicyProps, AccessRule, AccessRuleOptions, AppProtocol, Caller, CanaryService, MeshGateway, MtlsMode, MtlsPolicy,
  MtlsPolicyProps, StainedRoute, Warnings, Workloads,
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
    const allow = [AccessRule.from(Caller.anybodyInMesh())];
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

  test('a deny-list by name that plain text passes', () => {
    const { app, chart, cart, checkout } = shop();
    new AccessPolicy(chart, 'a', { on: cart, deny: [AccessRule.from(Caller.service(checkout))], requireMtls: false });

    expect(codes(app)).toEqual(['AccessDenyWithoutMtls']);
    expect(inventory(chart)).not.toContain('PeerAuthentication a-mtls');
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
