import { App, Chart, Duration, Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  AccessPolicy, AccessRule, AppProtocol, CanaryService, ClientTls, Destination, EgressHost, EgressHostProps, EgressPort, EgressProtocol,
  EgressResolution, HashKey, LoadBalancer, MeshGateway, MeshHost, MirrorTarget, RateLimit, RateLimitProps, RequestMatch, ResilientBackend,
  RouteRule, Scope, ScopeProps, SidecarInjection, StainedRoute, Staining, StringMatch, Warnings, Workloads,
} from '../src';
import { chartOf, inventory, objectOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

const chartWith = (...names: string[]) => {
  const chart = chartOf();
  return { chart, services: names.map((name) => new CanaryService(chart, name, { port: 8080, baseline: { version: 'main', image: `${name}:1` } })) };
};

describe('EgressHost', () => {
  test('all the props', () => {
    const chart = chartOf();
    const more: Required<EgressPort> = { port: 443, protocol: EgressProtocol.TLS };
    const said: Required<EgressHostProps> = {
      hostName: 'api.example.com',
      protocol: EgressProtocol.HTTP2,
      port: 8080,
      targetPort: 8443,
      additionalPorts: [more],
      tls: ClientTls.simple({ sni: 'api.example.com' }),
      resolution: EgressResolution.STATIC,
      endpoints: [{ address: '198.51.100.1', labels: { version: 'v1' } }],
      exportTo: ['.'],
      name: 'api',
      namespace: 'other',
    };
    const host = new EgressHost(chart, 'id', said);

    expect(host).toMatchObject({ hostName: 'api.example.com', port: 8080 });
    expect(objectOf(chart, 'ServiceEntry', 'api')).toMatchObject({
      metadata: { namespace: 'other' },
      spec: {
        hosts: ['api.example.com'],
        exportTo: ['.'],
        location: 'MESH_EXTERNAL',
        resolution: 'STATIC',
        endpoints: said.endpoints,
        ports: [{ number: 8080, name: 'http2-8080', protocol: 'HTTP2', targetPort: 8443 }, { number: 443, name: 'tls-443', protocol: 'TLS' }],
      },
    });
    // Beside another port it encrypts its own alone.
    expect(objectOf(chart, 'DestinationRule', 'api').spec).toEqual({
      host: 'api.example.com', exportTo: ['.'], trafficPolicy: { portLevelSettings: [{ port: { number: 8080 }, tls: { mode: 'SIMPLE', sni: 'api.example.com' } }] },
    });
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a name alone is HTTP at 80, with TLS at 443 and no rules', () => {
    const chart = chartOf();
    new EgressHost(chart, 'a', { hostName: 'a.example.com' });
    new EgressHost(chart, 'b', { hostName: 'b.example.com', protocol: EgressProtocol.TLS });

    expect(inventory(chart)).toEqual(['ServiceEntry a', 'ServiceEntry b']);
    expect(['a', 'b'].map((name) => objectOf(chart, 'ServiceEntry', name).spec.ports)).toEqual([
      [{ number: 80, name: 'http-80', protocol: 'HTTP' }], [{ number: 443, name: 'tls-443', protocol: 'TLS' }],
    ]);
  });

  test.each<[Partial<EgressHostProps>, string, string, RegExp]>([
    [{ hostName: 'api' }, 'HostName', 'hostName', /dot/],
    [{ hostName: '*' }, 'HostName', 'hostName', /wildcard/],
    [{ hostName: undefined }, 'HostName', 'hostName', /dot/],
    [{ hostName: '*.example.com', resolution: EgressResolution.DNS }, 'EgressWildcard', 'resolution', /NONE/],
    [{ protocol: EgressProtocol.TCP }, 'Port', 'port', /TCP/],
    [{ protocol: EgressProtocol.TLS, tls: ClientTls.simple() }, 'EgressTls', 'tls', /twice/],
    [{ tls: ClientTls.istioMutual() }, 'EgressTls', 'tls', /simple or mutual/],
    [{ tls: ClientTls.simple({ credentialName: 'secret' }) }, 'EgressCredential', 'credentialName', /plain text, silently/],
    [{ resolution: EgressResolution.STATIC }, 'EgressEndpoints', 'endpoints', /STATIC/],
    [{ resolution: EgressResolution.NONE, endpoints: [{ address: '1.2.3.4' }] }, 'EgressEndpoints', 'endpoints', /NONE/],
    [{ endpoints: [{ address: 'other.example.com' }] }, 'EgressEndpoints', 'endpoints.address', /DNS takes names/],
    [{ hostName: '10.0.0.1' }, 'HostName', 'hostName', /address.*endpoints/],
    [{ hostName: '*.1' }, 'HostName', 'hostName', /host name/],
    ...['cafe.de', 'dead', '10.0.0.256', '10.0.0.1:80', ''].map((address): [Partial<EgressHostProps>, string, string, RegExp] => (
      [{ endpoints: [{ address }] }, 'EgressEndpoints', 'endpoints.address', /IP address/]
    )),
    ...['', 'not a host!', '10.0.0.256', '-a.example.com'].map((address): [Partial<EgressHostProps>, string, string, RegExp] => (
      [{ resolution: EgressResolution.DNS, endpoints: [{ address }] }, 'EgressEndpoints', 'endpoints.address', /host name/]
    )),
    [{ hostName: '*.example.com', tls: ClientTls.simple() }, 'EgressWildcard', 'tls', /port: 443/],
    [{ hostName: '*.example.com', targetPort: 8080 }, 'EgressWildcard', 'targetPort', /NONE/],
    [{ resolution: EgressResolution.NONE, tls: ClientTls.simple() }, 'EgressWildcard', 'tls', /DNS/],
    [{ exportTo: ['*', 'shop'] }, 'ExportTo', 'exportTo', /alone/],
    [{ exportTo: [] }, 'ExportTo', 'exportTo', /namespace/],
  ])('refused: %j', (props, code, property, says) => {
    expectRefusal(() => new EgressHost(chartOf(), 'api', { hostName: 'api.example.com', ...props } as EgressHostProps), { code, property, says });
  });

  test('addresses may be of either family, and names where DNS is asked', () => {
    const chart = chartOf();
    const endpointsOf = (id: string, resolution: EgressResolution, ...addresses: string[]) => {
      new EgressHost(chart, id, { hostName: `${id}.example.com`, resolution, endpoints: addresses.map((address) => ({ address })) });
      return objectOf(chart, 'ServiceEntry', id).spec.endpoints.map(({ address }: any) => address);
    };
    expect(endpointsOf('a', EgressResolution.STATIC, '10.0.0.1', 'fe80::1')).toEqual(['10.0.0.1', 'fe80::1']);
    expect(endpointsOf('b', EgressResolution.DNS, 'other.example.com', '10.0.0.1')).toEqual(['other.example.com', '10.0.0.1']);
  });

  test('a wildcard\'s requests can be encrypted at the port that they are sent to', () => {
    const chart = chartOf();
    new EgressHost(chart, 'any', { hostName: '*.example.com', port: 443, tls: ClientTls.simple() });
    expect(objectOf(chart, 'ServiceEntry', 'any').spec).toMatchObject({ resolution: 'NONE', ports: [{ number: 443, name: 'http-443', protocol: 'HTTP' }] });
  });

  describe('refused at synth, whoever says it:', () => {
    const tls = ClientTls.simple();
    test.each<[string, Partial<EgressHostProps>, (chart: any, host: EgressHost, cart: CanaryService) => void, RegExp]>([
      ['TLS inside TLS', { protocol: EgressProtocol.TLS }, (chart, host) => new ResilientBackend(chart, 'b', { host, tls }), /^'tls' must not be said by shop\/b .*twice/],
      ['TLS inside TLS at one of the ports', { additionalPorts: [{ port: 443, protocol: EgressProtocol.TLS }], targetPort: 8443 }, (chart, host) => new ResilientBackend(chart, 'b', { host, tls }), /^'tls' .*shop\/b .*443.*twice/],
      ['TLS at the port of plain text', {}, (chart, host) => new ResilientBackend(chart, 'b', { host, tls }), /^'tls' .*shop\/b .*port 80.*targetPort/],
      ['a secret', { targetPort: 443 }, (chart, host) => new ResilientBackend(chart, 'b', { host, tls: ClientTls.simple({ credentialName: 's' }) }), /^'credentialName' .*shop\/b .*files/],
      ['the mesh\'s certificates', { targetPort: 443 }, (chart, host) => new ResilientBackend(chart, 'b', { host, tls: ClientTls.istioMutual() }), /^'tls' .*shop\/b .*no mesh/],
      ['a hash over addresses that nobody knows', { hostName: '*.example.com' }, (chart, host) => new ResilientBackend(chart, 'b', { host, loadBalancer: LoadBalancer.consistentHash(HashKey.sourceIp()) }), /^'loadBalancer' .*shop\/b .*Istio drops/],
      ['copies to where nobody asked to go', { hostName: '*.example.com' }, (chart, host, from) => new MirrorTarget(chart, 'b', { from, to: host }), /^'resolution' .*shop\/cart/],
      ['a rule to where nobody asked to go', { hostName: '*.example.com' }, (_, host, cart) => cart.host.addRule(RouteRule.to([Destination.of(host)], { match: [RequestMatch.pathPrefix('/a')] })), /^'resolution' .*shop\/cart/],
      ['a gateway\'s route there', { hostName: '*.example.com' }, (chart, host) => new MeshGateway(chart, 'gateway', { hosts: ['*'] }).route(host), /^'resolution' .*shop\/gateway/],
    ])('%s', (_, props, does, problem) => {
      const { chart, services: [cart] } = chartWith('cart');
      const host = new EgressHost(chart, 'out', { hostName: 'api.example.com', ...props });
      expect(host.node.validate()).toEqual([]);
      does(chart, host, cart);

      expect(host.node.validate()).toEqual([expect.stringMatching(problem)]);
    });

    test.each<[string, Partial<EgressHostProps>, (chart: any, host: EgressHost, cart: CanaryService) => void]>([
      ['TLS at a port that says where it leads', { targetPort: 443 }, (chart, host) => new ResilientBackend(chart, 'b', { host, tls })],
      ['TLS at the one port of several that speaks none', { targetPort: 443, additionalPorts: [{ port: 443, protocol: EgressProtocol.TLS }] }, (chart, host) => new ResilientBackend(chart, 'b', { host, port: 80, tls })],
      ['plain text', {}, (chart, host) => new ResilientBackend(chart, 'b', { host, tls: ClientTls.disabled() })],
      ['no balancing, where there is none', { hostName: '*.example.com' }, (chart, host) => new ResilientBackend(chart, 'b', { host, loadBalancer: LoadBalancer.passthrough() })],
      ['copies of what is sent there', { hostName: '*.example.com' }, (chart, from, to) => new MirrorTarget(chart, 'b', { from, to })],
      ['copies to one host', {}, (chart, to, from) => new MirrorTarget(chart, 'b', { from, to })],
    ])('but not %s', (_, props, does) => {
      const { chart, services: [cart] } = chartWith('cart');
      const host = new EgressHost(chart, 'out', { hostName: 'api.example.com', ...props });
      does(chart, host, cart);

      expect(host.node.validate()).toEqual([]);
    });
  });

  test('refused: a second owner of the host', () => {
    const chart = chartOf();
    new MeshHost(chart, 'a', { name: 'a', hostName: 'api.example.com' });
    expectRefusal(() => new EgressHost(chart, 'b', { hostName: 'api.example.com' }), { code: 'HostOwnedTwice', property: 'name', says: /api.example.com/ });
  });
});

describe('RateLimit', () => {
  test('all the props', () => {
    const { chart, services: [cart] } = chartWith('cart');
    const lane = new StainedRoute(chart, 'lanes', { header: 'x-lane' }).addLane('new');
    const match = RequestMatch.path(StringMatch.regex('/v[0-9]+'))
      .and(RequestMatch.withoutHeader('x-key', StringMatch.present())).and(RequestMatch.withoutHeader('x-role', StringMatch.exact('a'))).and(RequestMatch.authority(StringMatch.prefix('shop')));
    const said: Required<RateLimitProps> = { on: cart, requests: 5, per: Duration.millis(1500), burst: 8, match, lane, name: 'limit' };
    new RateLimit(chart, 'id', said);

    const { priority, workloadSelector, configPatches: [filter, vhost] } = objectOf(chart, 'EnvoyFilter', 'limit').spec;
    expect({ priority, workloadSelector }).toEqual({ priority: 10, workloadSelector: { labels: { app: 'cart' } } });
    const { typed_config: config, name } = filter.patch.value;
    expect(name).toBe('cdk8s-lanes.rate-limit.limit');
    expect(config.descriptors).toEqual([{ entries: [{ key: 'cdk8s-lanes/limit', value: 'yes' }], token_bucket: { max_tokens: 8, tokens_per_fill: 5, fill_interval: '1.5s' } }]);
    expect(config.response_headers_to_add[0].header).toEqual({ key: 'retry-after', value: '2' });
    expect(vhost.patch.value.rate_limits[0].actions[0].header_value_match.headers).toEqual([
      { name: ':path', string_match: { safe_regex: { regex: '(?:/v[0-9]+)(\\?.*)?' } } },
      { name: ':authority', string_match: { prefix: 'shop' } },
      { name: 'x-key', present_match: true, invert_match: true },
      { name: 'x-role', string_match: { exact: 'a' }, invert_match: true, treat_missing_header_as_empty: true },
      { name: 'x-lane', string_match: { exact: 'new' } },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('counts requests that tell their lane by baggage, and by no header', () => {
    const { chart, services: [cart] } = chartWith('cart');
    const lane = new StainedRoute(chart, 'lanes', { header: 'x-lane', baggageKey: 'lane' }).addLane('new');
    new RateLimit(chart, 'limit', { on: cart, requests: 1, lane, match: RequestMatch.method(StringMatch.exact('GET')) });

    const { configPatches: [, vhost] } = objectOf(chart, 'EnvoyFilter', 'limit').spec;
    const get = { name: ':method', string_match: { exact: 'GET' } };
    expect(vhost.patch.value.rate_limits.map(({ actions: [{ header_value_match: match }] }: any) => match)).toEqual([
      { descriptor_key: 'cdk8s-lanes/limit', descriptor_value: 'yes', headers: [get, { name: 'x-lane', string_match: { exact: 'new' } }] },
      {
        descriptor_key: 'cdk8s-lanes/limit',
        descriptor_value: 'yes',
        headers: [
          get,
          { name: 'baggage', string_match: { safe_regex: { regex: '(.*,)?[ \\t]*lane[ \\t]*=[ \\t]*new[ \\t]*([,;].*)?' } } },
          { name: 'x-lane', string_match: { safe_regex: { regex: '[^-].*|-.+' } }, invert_match: true, treat_missing_header_as_empty: true },
        ],
      },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('of pods that others deploy stands at sidecars and gateways, whichever they are', () => {
    const { chart, services: [cart] } = chartWith('cart');
    const gateway = new MeshGateway(chart, 'gateway', { hosts: ['*'] });
    const pods = Workloads.withLabels('istio-system', { istio: 'ingressgateway' });
    const contexts = Object.entries({ ofCart: cart, version: cart.baseline, ofGateway: gateway, pods }).map(([id, on]) => {
      new RateLimit(chart, id, { on, requests: 1, match: RequestMatch.pathPrefix('/a'), name: id.toLowerCase() });
      return objectOf(chart, 'EnvoyFilter', id.toLowerCase()).spec.configPatches.map(({ applyTo, match }: any) => `${applyTo} ${match.context}`);
    });

    const at = (context: string) => [`HTTP_FILTER ${context}`, `VIRTUAL_HOST ${context}`];
    expect(contexts).toEqual([at('SIDECAR_INBOUND'), at('SIDECAR_INBOUND'), at('GATEWAY'), [...at('SIDECAR_INBOUND'), ...at('GATEWAY')]]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('needs requests to count, and somebody who counts', () => {
    const chart = chartOf();
    const baseline = { version: 'main', image: 'db:1' };
    const db = new CanaryService(chart, 'db', { port: 5432, appProtocol: AppProtocol.TCP, baseline });
    const bare = new CanaryService(chart, 'bare', { port: 80, sidecarInjection: SidecarInjection.DISABLED, baseline });

    expectRefusal(() => new RateLimit(chart, 'a', { on: db, requests: 1 }), { code: 'ProtocolNotHttp', property: 'on', path: 'shop/a', says: /tcp.*limits/ });
    expectRefusal(() => new RateLimit(chart, 'b', { on: db.baseline, requests: 1 }), { code: 'ProtocolNotHttp', property: 'on', path: 'shop/b', says: /tcp.*limits/ });
    expect(new RateLimit(chart, 'c', { on: bare, requests: 1 }).node.validate()).toEqual([expect.stringMatching(/^'on' must be pods with sidecars, got shop\/bare/)]);
  });

  test.each<[string, Staining, boolean, string[]]>([
    ['is open', Staining.open(), false, []],
    ['asks for a secret', Staining.bySecret({ header: 'x-key', secretInManifest: 'Xk3vQp9sLr7TzWb2MnYc5HdF' }), false, []],
    ['is closed', Staining.closed(), false, ['LaneUnseen shop/limit', 'LaneUnseen shop/policy']],
    ['has hosts of lanes', Staining.previewHostsOnly('*.preview.example.com'), false, ['LaneUnseen shop/limit', 'LaneUnseen shop/policy']],
    ['is open, and has callbacks', Staining.open(), true, ['LaneUnseen shop/limit', 'LaneUnseen shop/policy']],
  ])('of a lane sees it at a gateway before routes are chosen, and so does an AccessPolicy: one that %s', (_, staining, callback, warned) => {
    const { chart, services: [cart] } = chartWith('cart');
    const lane = new StainedRoute(chart, 'lanes').addLane('new');
    lane.serve(cart, { image: 'cart:2' });
    const gateway = new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], staining }).route(cart);
    if (callback) gateway.addCallback('pay', { path: '/pay', lane: 'new', expires: '2099-01-01' });
    new RateLimit(chart, 'limit', { on: gateway, requests: 1, lane });
    new AccessPolicy(chart, 'policy', { on: gateway, deny: [AccessRule.of({ lanes: [lane], ports: [8080] })] });
    new RateLimit(chart, 'behind', { on: cart, requests: 1, lane });
    chart.toJson();

    expect(Warnings.of(chart).all.map(({ code, path }) => `${code} ${path}`)).toEqual(warned);
  });

  test.each<[Partial<RateLimitProps>, string, string]>([
    [{ requests: 0 }, 'RateLimitTokens', 'requests'],
    [{ requests: 1.5 }, 'RateLimitTokens', 'requests'],
    [{ burst: 0 }, 'RateLimitTokens', 'burst'],
    [{ per: Duration.millis(49) }, 'RateLimitTime', 'per'],
    [{ match: RequestMatch.queryParam('a', StringMatch.present()) }, 'RateLimitMatch', 'match'],
    [{ match: RequestMatch.port(80) }, 'RateLimitMatch', 'match'],
    [{ on: undefined }, 'WorkloadMissing', 'on'],
  ])('refused: %j', (props, code, property) => {
    const { chart, services: [cart] } = chartWith('cart');
    expectRefusal(() => new RateLimit(chart, 'limit', { on: cart, requests: 1, ...props } as RateLimitProps), { code, property, says: /must/ });
  });
});

describe('exportTo', () => {
  const shop = (exportTo: string[] | undefined, baseline: object = { version: 'main', image: 'cart:1' }) => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const cart = new CanaryService(chart, 'cart', { port: 8080, template: { image: 'cart:1' }, baseline, exportTo });
    const caller = new CanaryService(chart, 'caller', { namespace: 'callers', port: 8080, baseline: { version: 'main', image: 'caller:1' } });
    return { app, chart, cart, caller };
  };
  const warned = (app: App) => {
    app.synthYaml();
    return Warnings.of(app).all.map(({ code, path, message }) => [code, path, message.replace(/: its versions.*/, '')]);
  };
  const gateway = (chart: Chart, podNamespace?: string) => new MeshGateway(chart, 'gateway', { hosts: ['*'], podNamespace, staining: Staining.open() });

  test.each([['.'], ['.', 'edge'], ['callers']])('%s without the pods of a gateway that routes to a version, which would answer 503, is refused', (...exportTo) => {
    const { app, chart, cart } = shop(exportTo);
    gateway(chart).route(cart);

    expect(() => app.synthYaml()).toThrow(/shop\/cart\/host.*'exportTo' must name .*cart\.shop\.svc.*, got \[.*\], but shop\/gateway does in istio-system.*503.*podNamespace/);
  });

  test.each<[string[] | undefined, string | undefined]>([
    [undefined, undefined], [['*'], undefined], [['istio-system', '.'], undefined], [['.', 'edge'], 'edge'], [['.'], 'shop'], [['shop'], 'shop'],
  ])('%j with them (in %s) is right', (exportTo, podNamespace) => {
    const { app, chart, cart } = shop(exportTo);
    gateway(chart, podNamespace).route(cart);

    expect(warned(app)).toEqual([]);
  });

  test('without callers that the app knows is warned of', () => {
    const { app, cart, caller } = shop(['.']);
    caller.calls(cart);
    cart.calls(cart);

    const says = '\'exportTo\' ["."] of cart.shop.svc.cluster.local leaves out callers, from where shop/caller calls it or leads to it';
    expect(warned(app)).toEqual([['CallerNotExportedTo', 'shop/cart/host', says]]);
  });

  test('without those whose rules lead there is warned of', () => {
    const { app, cart, caller } = shop(['.']);
    caller.host.addRule(RouteRule.to([Destination.of(cart, { version: 'main' })], { match: [RequestMatch.pathPrefix('/cart')] }));

    expect(warned(app).map(([code, path]) => [code, path])).toEqual([['CallerNotExportedTo', 'shop/cart/host']]);
  });

  test('without gateways that route to any pod is warned of: they lack its rules, and nothing else', () => {
    const { app, chart, cart } = shop(['.'], {});
    gateway(chart).route(cart);

    expect(warned(app).map(([code]) => code)).toEqual(['CallerNotExportedTo']);
  });
});

describe('Scope', () => {
  const hostsOf = (chart: any, name: string) => objectOf(chart, 'Sidecar', name).spec.egress[0].hosts;

  test('all the props', () => {
    const { chart, services: [cart, store] } = chartWith('cart', 'store');
    cart.calls(store);
    const said: Required<ScopeProps> = { on: [cart, Workloads.inNamespace('other')], alsoCalls: ['mail/*'], registryOnly: false, exportTo: true, callersFrom: ['ops'] };
    new Scope(chart, 'scope', said);

    expect(objectOf(chart, 'Sidecar', 'cart')).toMatchObject({
      metadata: { namespace: 'shop' },
      spec: {
        workloadSelector: { labels: { app: 'cart' } },
        egress: [{ hosts: ['istio-system/*', 'shop/store.shop.svc.cluster.local', 'mail/*'] }],
        outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
      },
    });
    expect(objectOf(chart, 'Sidecar', 'default')).toMatchObject({ metadata: { namespace: 'other' }, spec: { egress: [{ hosts: ['./*', 'istio-system/*', 'mail/*'] }] } });
    expect(objectOf(chart, 'DestinationRule', 'cart').spec.exportTo).toEqual(['.', 'ops']);
    expect(objectOf(chart, 'DestinationRule', 'store').spec).not.toHaveProperty('exportTo');
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('without one nothing changes, whatever is called', () => {
    const { chart, services: [cart, store] } = chartWith('cart', 'store');
    const before = chart.toJson().map(({ spec }) => spec);
    cart.calls(store);

    expect(chart.toJson().map(({ spec }) => spec)).toEqual(before);
  });

  test('calls that are said later count, those of versions and lanes too; a version alone knows its own', () => {
    const { chart, services: [cart, store, mail] } = chartWith('cart', 'store', 'mail');
    const lane = new StainedRoute(chart, 'lanes').addLane('new').serve(cart, { image: 'cart:2' });
    new Scope(chart, 'scope', { on: [cart, cart.baseline, lane] });
    cart.calls(store);
    lane.calls(mail);

    expect(hostsOf(chart, 'cart')).toEqual(['istio-system/*', 'shop/mail.shop.svc.cluster.local', 'shop/store.shop.svc.cluster.local']);
    expect(hostsOf(chart, 'cart-main')).toEqual(['istio-system/*', 'shop/store.shop.svc.cluster.local']);
    expect(hostsOf(chart, 'cart-new')).toEqual(['istio-system/*', 'shop/mail.shop.svc.cluster.local']);
  });

  test('rules are seen by callers, by gateways\' pods, and by callers of hosts that lead there', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const service = (name: string, namespace: string) => new CanaryService(chart, name, { namespace, port: 8080, baseline: { version: 'main', image: `${name}:1` } });
    const [cart, copy, caller] = [service('cart', 'shop'), service('copy', 'copies'), service('caller', 'callers')];
    caller.calls(cart);
    new MirrorTarget(chart, 'mirror', { from: cart, to: copy });
    new MeshGateway(chart, 'gateway', { hosts: ['*'], podNamespace: 'edge' }).route(cart);
    new Scope(chart, 'scope', { on: [cart, copy], exportTo: true });

    expect(objectOf(chart, 'DestinationRule', 'cart').spec.exportTo).toEqual(['.', 'callers', 'edge']);
    expect(objectOf(chart, 'DestinationRule', 'copy').spec.exportTo).toEqual(['.', 'callers', 'edge', 'shop']);
    expect(objectOf(chart, 'VirtualService', 'cart').spec.exportTo).toEqual(['.', 'callers', 'edge']);
    // What the service says of it itself goes before.
    expect(objectOf(chart, 'DestinationRule', 'caller').spec).not.toHaveProperty('exportTo');
  });

  test('the subsets of lanes stand in the DestinationRule of the baseline, and are seen as it is', () => {
    const { chart, services: [cart] } = chartWith('cart');
    new StainedRoute(chart, 'lanes').addLane('new').serve(cart, { image: 'cart:2' });
    new Scope(chart, 'scope', { on: [cart], exportTo: true });

    expect(objectOf(chart, 'DestinationRule', 'cart').spec).toMatchObject({ exportTo: ['.'], subsets: [{ name: 'main' }, { name: 'new' }] });
  });

  test('refused: nobody, the same pods twice, hosts and namespaces that are none', () => {
    const { chart, services: [cart] } = chartWith('cart');
    expectRefusal(() => new Scope(chart, 'a', { on: [] }), { code: 'ScopeEmpty', property: 'on', path: 'shop/a', says: /whose/ });
    new Scope(chart, 'b', { on: [cart] });
    expectRefusal(() => new Scope(chart, 'c', { on: [cart] }), { code: 'ObjectTwice', property: 'name', says: /Sidecar shop\/cart/ });
    for (const host of ['cart', 'shop/cart', 'Shop/a.b', 'a/b/c.d']) {
      expectRefusal(() => new Scope(chart, `d-${Math.random()}`, { on: [cart], alsoCalls: [host] }), { code: 'ScopeHost', property: 'alsoCalls', got: host, says: /namespace/ });
    }
    expectRefusal(() => new Scope(chart, 'e', { on: [cart], callersFrom: ['A'] }), { code: 'Namespace', property: 'callersFrom', got: 'A', says: /DNS label/ });
    expectRefusal(() => Workloads.withLabels('shop', {}), { code: 'WorkloadLabels', property: 'labels', says: /inNamespace/ });
  });
});

describe('hardened', () => {
  const podOf = (workload: object) => {
    const chart = chartOf();
    new CanaryService(chart, 'cart', { port: 8080, template: { hardened: true, ...workload }, baseline: { version: 'main', image: 'cart:1' } });
    expect(schemaProblems(chart.toJson())).toEqual([]);
    return objectOf(chart, 'Deployment', 'cart-main').spec.template.spec;
  };
  const all = { runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, privileged: false, capabilities: { drop: ['ALL'] } };

  test('is the whole preset', () => {
    const pod = podOf({ initContainers: [{ name: 'migrate', image: 'migrate:1' }] });
    expect(pod.securityContext).toEqual({ seccompProfile: { type: 'RuntimeDefault' } });
    expect([...pod.containers, ...pod.initContainers].map(({ securityContext }: any) => securityContext)).toEqual([all, all]);
    expect(pod.containers[0].resources).toEqual({ requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } });
  });

  test('goes behind what is said', () => {
    const pod = podOf({
      securityContext: { readOnlyRootFilesystem: false, user: 1000, capabilities: { add: [kplus.Capability.NET_BIND_SERVICE] } },
      podSecurityContext: { fsGroup: 2000 },
      resources: { memory: { limit: Size.mebibytes(64) } },
    });
    expect(pod.securityContext).toEqual({ fsGroup: 2000, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.containers[0].securityContext).toEqual({ ...all, readOnlyRootFilesystem: false, runAsUser: 1000, capabilities: { add: ['CAP_NET_BIND_SERVICE'] } });
    expect(pod.containers[0].resources).toEqual({ limits: { memory: '64Mi' } });
  });
});
