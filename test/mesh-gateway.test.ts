import { ApiObject, App, Chart, Duration, JsonPatch } from 'cdk8s';
import {
  AppProtocol, Branch, CanaryService, CorsPolicy, Destination, GatewayServer, MeshGateway, MeshGatewayProps, MeshHost, RequestMatch,
  RouteRule, ServerTls, StainedRoute, Staining, StringMatch,
} from '../src';
import { chartOf, inventory, objectOf, rulesOf } from './support/objects';
import { expectRefusal, thrownBy } from './support/refusals';
import { schemaProblems } from './support/schema';
import { shopOf } from './support/shop';

const api = RequestMatch.pathPrefix('/api');
const safari = RequestMatch.userAgent(StringMatch.regex('.*Safari.*'));

/** Two pinned hosts that others deploy, and a gateway. */
function shop(hosts = ['shop.example.com']) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [testaaa, testbbb] = ['testaaa', 'testbbb'].map((name) => new MeshHost(chart, name, { name, baseline: 'release' }));
  const gateway = new MeshGateway(chart, 'gateway', { hosts, staining: Staining.open() });
  return { app, chart, testaaa, testbbb, gateway };
}

/** Where the rules of a VirtualService lead: lane rule or not, the first match's path, `service/subset`. */
function summary(chart: Chart, name: string) {
  return rulesOf(chart, name).map((rule) => {
    const { host, subset } = rule.route[0].destination;
    return [rule.name ?? '', rule.match?.[0].uri?.prefix ?? '', `${host.split('.')[0]}/${subset}`];
  });
}

describe('what is emitted', () => {
  test('a gateway without routes is the Gateway alone', () => {
    const chart = chartOf();
    new MeshGateway(chart, 'gateway', { hosts: ['*'] });

    expect(chart.toJson()).toEqual([{
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'gateway', namespace: 'shop' },
      spec: { selector: { istio: 'ingressgateway' }, servers: [{ hosts: ['*'], port: { number: 80, name: 'http', protocol: 'HTTP' } }] },
    }]);
  });

  test('all the props', () => {
    const said: Required<MeshGatewayProps> = {
      hosts: ['shop.example.com', '*.example.org'],
      port: 8443,
      portName: 'https-orange',
      tls: ServerTls.simple({ credentialName: 'edge-cert' }),
      redirectHttp: true,
      servers: [GatewayServer.http({ hosts: ['old.example.com'], port: 8000 })],
      acceptHttp10: true,
      selector: { app: 'orange-gateway-a' },
      podNamespace: 'pods',
      name: 'edge',
      namespace: 'istio-ingress',
      staining: Staining.closed(),
    };
    const chart = chartOf();
    const gateway = new MeshGateway(chart, 'id', said).route(new MeshHost(chart, 'testaaa', { name: 'testaaa' }));

    expect(gateway.name).toBe('edge');
    expect(objectOf(chart, 'Gateway', 'edge')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'edge', namespace: 'istio-ingress' },
      spec: {
        selector: { app: 'orange-gateway-a' },
        servers: [
          {
            hosts: ['shop.example.com', '*.example.org'],
            port: { number: 8443, name: 'https-orange', protocol: 'HTTPS' },
            tls: { mode: 'SIMPLE', credentialName: 'edge-cert' },
          },
          { hosts: ['shop.example.com', '*.example.org'], port: { number: 80, name: 'http', protocol: 'HTTP' }, tls: { httpsRedirect: true } },
          { hosts: ['old.example.com'], port: { number: 8000, name: 'http-2', protocol: 'HTTP' } },
        ],
      },
    });
    expect(objectOf(chart, 'EnvoyFilter', 'edge-http10')).toMatchObject({
      metadata: { namespace: 'pods' }, spec: { workloadSelector: { labels: { app: 'orange-gateway-a' } } },
    });
    expect(objectOf(chart, 'VirtualService', 'edge-shop-example-com')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'edge-shop-example-com', namespace: 'istio-ingress', labels: { 'cdk8s-lanes/handles-lane-header': 'closed' } },
      spec: {
        hosts: ['shop.example.com'],
        gateways: ['edge'],
        http: [{ headers: { request: { remove: ['project-version'] } }, route: [{ destination: { host: 'testaaa.shop.svc.cluster.local' } }] }],
      },
    });
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('each host with a route has a VirtualService of its own, named after both', () => {
    const { chart, testaaa, gateway } = shop(['*.example.org', 'shop.example.com', 'unused.example.com']);
    gateway.route(testaaa, { hosts: ['*.example.org', 'shop.example.com'] });

    expect(inventory(chart).filter((object) => object.includes('gateway'))).toEqual([
      'Gateway gateway', 'VirtualService gateway-any-example-org', 'VirtualService gateway-shop-example-com',
    ]);
    expect(objectOf(chart, 'VirtualService', 'gateway-any-example-org').spec.hosts).toEqual(['*.example.org']);
  });

  test('the mesh VirtualService of a service does not change with its gateway', () => {
    const { chart, testaaa, gateway } = shop();
    const before = objectOf(chart, 'VirtualService', 'testaaa');
    gateway.route(testaaa);

    expect(objectOf(chart, 'VirtualService', 'testaaa')).toEqual(before);
    expect(before.spec).not.toHaveProperty('gateways');
  });

  test('a gateway of another chart and namespace', () => {
    const { app, testaaa } = shop();
    const edge = chartOf('edge', 'istio-ingress', app);
    new MeshGateway(edge, 'edge', { hosts: ['*'], port: 8080 }).route(testaaa);

    expect(objectOf(edge, 'VirtualService', 'edge-any-host')).toMatchObject({
      metadata: { namespace: 'istio-ingress' }, spec: { gateways: ['edge'], http: [{ route: [{ destination: { host: 'testaaa.shop.svc.cluster.local', subset: 'release' } }] }] },
    });
  });
});

describe('rules at the gateway', () => {
  test('routes with a match come in the order they were added, the one without comes last', () => {
    const { chart, testaaa, testbbb, gateway } = shop();
    gateway.route(testaaa).route(testbbb, { match: [api] }).route(testbbb, { match: [RequestMatch.pathPrefix('/a')] });

    expect(summary(chart, 'gateway-shop-example-com')).toEqual([['', '/api', 'testbbb/release'], ['', '/a', 'testbbb/release'], ['', '', 'testaaa/release']]);
  });

  test('without a route for the rest there is none', () => {
    const { chart, testaaa, gateway } = shop();
    gateway.route(testaaa, { match: [api] });

    expect(summary(chart, 'gateway-shop-example-com')).toEqual([['', '/api', 'testaaa/release']]);
  });

  test('the rules of the service apply, each narrowed to the route\'s requests, its default behind them', () => {
    const { chart, testaaa, testbbb, gateway } = shop();
    gateway.route(testaaa, { match: [api, RequestMatch.pathPrefix('/v2')] }).route(testbbb);
    testaaa.addVersion('v2');
    testaaa.addRule(RouteRule.to([Destination.of(testaaa, { version: 'v2' })], { name: 'safari', match: [safari], timeout: Duration.seconds(2) }));

    const host = 'testaaa.shop.svc.cluster.local';
    const headers = { 'user-agent': { regex: '.*Safari.*' } };
    expect(rulesOf(chart, 'gateway-shop-example-com')).toEqual([
      { name: 'safari', match: [{ uri: { prefix: '/api' }, headers }, { uri: { prefix: '/v2' }, headers }], route: [{ destination: { host, subset: 'v2' } }], timeout: '2s' },
      { match: [{ uri: { prefix: '/api' } }, { uri: { prefix: '/v2' } }], route: [{ destination: { host, subset: 'release' } }] },
      { route: [{ destination: { host: 'testbbb.shop.svc.cluster.local', subset: 'release' } }] },
    ]);
  });

  test('a rule of the service applies as it is where the route takes all requests', () => {
    const { chart, testaaa, gateway } = shop();
    gateway.route(testaaa);
    testaaa.addRule(RouteRule.to([Destination.of(testaaa, { version: 'release' })], { match: [api], timeout: Duration.seconds(2) }));

    expect(rulesOf(chart, 'gateway-shop-example-com')).toEqual(rulesOf(chart, 'testaaa'));
  });

  test('a rule for paths below the route\'s is for those paths, one for other paths is not there', () => {
    const { chart, testaaa, gateway } = shop();
    gateway.route(testaaa, { match: [api] });
    for (const prefix of ['/api/v2', '/other', '/']) {
      testaaa.addRule(RouteRule.to([Destination.of(testaaa, { version: 'release' })], { name: `for ${prefix}`, match: [RequestMatch.pathPrefix(prefix)] }));
    }

    expect(summary(chart, 'gateway-shop-example-com')).toEqual([
      ['for /api/v2', '/api/v2', 'testaaa/release'], ['for /', '/api', 'testaaa/release'], ['', '/api', 'testaaa/release'],
    ]);
  });

  test('a rule that cannot be narrowed is refused at synth, with the path of the gateway', () => {
    const { app, testaaa, gateway } = shop();
    gateway.route(testaaa, { match: [api] });
    testaaa.addRule(RouteRule.to([Destination.of(testaaa, { version: 'release' })], { match: [RequestMatch.path(StringMatch.regex('.*\\.html'))] }));

    expect(() => app.synthYaml()).toThrow(/\[shop\/gateway\/shop-example-com\] shop\.example\.com: 'uri' is asked for twice.*"\/api".*html.*one regular expression may/);
  });

  test('lanes are woven: each copy directly before its rule', () => {
    const { chart, testaaa, testbbb, gateway } = shop();
    gateway.route(testaaa).route(testbbb, { match: [api] });
    const stain = new StainedRoute(chart, 'lanes');
    stain.addLane('a').route(testbbb);
    const b = stain.addLane('b');
    b.route(testaaa);
    b.route(testbbb);

    expect(summary(chart, 'gateway-shop-example-com')).toEqual([
      ['lane/a', '/api', 'testbbb/a'], ['lane/b', '/api', 'testbbb/b'], ['', '/api', 'testbbb/release'], ['lane/b', '', 'testaaa/b'], ['', '', 'testaaa/release'],
    ]);
  });

  test('lanes match the lane header beside the conditions of the route', () => {
    const { chart, testaaa, gateway } = shop();
    gateway.route(testaaa, { match: [api.and(RequestMatch.header('x-a', StringMatch.present())), RequestMatch.port(80)] });
    new StainedRoute(chart, 'lanes', { header: 'x-lane' }).addLane('v1').route(testaaa);

    expect(rulesOf(chart, 'gateway-shop-example-com')[0].match).toEqual([
      { uri: { prefix: '/api' }, headers: { 'x-a': {}, 'x-lane': { exact: 'v1' } } }, { port: 80, headers: { 'x-lane': { exact: 'v1' } } },
    ]);
  });

  test('CORS of a service\'s rule lets browsers send the lane header here too', () => {
    const { chart, testaaa, gateway } = shop();
    gateway.route(testaaa);
    const corsPolicy = CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')], allowHeaders: ['x-token'] });
    testaaa.addRule(RouteRule.to([Destination.of(testaaa, { version: 'release' })], { match: [api], corsPolicy }));
    new StainedRoute(chart, 'lanes');

    expect(rulesOf(chart, 'gateway-shop-example-com')[0].corsPolicy.allowHeaders).toEqual(['x-token', 'project-version']);
  });
});

describe('the escape hatch', () => {
  test('the Gateway can be patched, unknown fields too', () => {
    const { chart, gateway } = shop();
    ApiObject.of(gateway).addJsonPatch(
      JsonPatch.add('/spec/servers/-', { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['*'], tls: { mode: 'SIMPLE', credentialName: 'cert' } }),
      JsonPatch.add('/spec/servers/0/fieldOfTheFuture', { a: 1 }),
      JsonPatch.add('/metadata/labels', { team: 'edge' }),
    );

    const { metadata, spec } = objectOf(chart, 'Gateway', 'gateway');
    expect(metadata.labels).toEqual({ team: 'edge' });
    expect(spec.servers[0].fieldOfTheFuture).toEqual({ a: 1 });
    expect(spec.servers[1].tls.credentialName).toBe('cert');
  });

  test('a host\'s VirtualService can be patched, and lane copies inherit the patches of rules', () => {
    const { chart, testaaa, gateway } = shop();
    gateway.route(testaaa);
    new StainedRoute(chart, 'lanes').addLane('v1').route(testaaa);
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(
      JsonPatch.add('/spec/http/0/rewrite', { uri: '/' }), JsonPatch.add('/spec/http/0/fieldOfTheFuture', 1), JsonPatch.add('/spec/fieldOfTheFuture', 2),
    );

    expect(rulesOf(chart, 'gateway-shop-example-com')).toEqual([
      expect.objectContaining({ name: 'lane/v1', rewrite: { uri: '/' }, fieldOfTheFuture: 1 }), expect.objectContaining({ rewrite: { uri: '/' }, fieldOfTheFuture: 1 }),
    ]);
    expect(objectOf(chart, 'VirtualService', 'gateway-shop-example-com').spec.fieldOfTheFuture).toBe(2);
  });

  test('a patched rule on the lane header is refused at synth, with its path', () => {
    const { app, chart, testaaa, gateway } = shop();
    gateway.route(testaaa);
    new StainedRoute(chart, 'lanes');
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(JsonPatch.add('/spec/http/0/match', [{ headers: { 'project-version': { exact: 'x' } } }]));

    expect(() => app.synthYaml()).toThrow(/\[shop\/gateway\/shop-example-com\] spec\.http\[0\]\.match\[0\]\.headers .*'project-version'/);
  });
});

describe('refused is', () => {
  const make = (props: Partial<MeshGatewayProps>) => () => new MeshGateway(chartOf(), 'gateway', { hosts: ['*'], ...props });

  test.each<[string, string, Partial<MeshGatewayProps>, unknown, RegExp]>([
    ['GatewayHost', 'hosts', { hosts: [] }, undefined, /at least one host/],
    ['GatewayHost', 'hosts', { hosts: ['shop'] }, 'shop', /with a dot such as 'shop\.example\.com'/],
    ['GatewayHost', 'hosts', { hosts: ['Shop.example.com'] }, 'Shop.example.com', /'\*'/],
    ['GatewayHost', 'hosts', { hosts: ['*foo.com'] }, '*foo.com', /wildcard such as/],
    ['Port', 'port', { port: 0 }, 0, /1 to 65535/],
    ['Port', 'port', { port: 70000 }, 70000, /1 to 65535/],
    ['GatewaySelector', 'selector', { selector: {} }, undefined, /must name a label/],
    ['LabelValue', 'selector.app', { selector: { app: 'a b' } }, 'a b', /label value/],
    ['ObjectName', 'name', { name: 'a_b' }, 'a_b', /DNS name/],
    ['Namespace', 'namespace', { namespace: 'A' }, 'A', /DNS label/],
  ])('with %s a bad %s: %j', (code, property, props, got, says) => {
    expectRefusal(make(props), { code, property, got, path: 'shop/gateway', says });
  });

  test('a port without name, which istiod would not take', () => {
    expect(make({ portName: '' })).toThrow(/\[shop\/gateway\] 'portName'/);
  });

  test('a selector with a key that no pod can have', () => {
    expect(make({ selector: { 'bad key': 'x' } })).toThrow(/\[shop\/gateway\] 'selector/);
  });

  test('a chart without namespace', () => {
    expectRefusal(() => new MeshGateway(new Chart(new App(), 'nowhere'), 'gateway', { hosts: ['*'] }), {
      code: 'NamespaceMissing', property: 'namespace', path: 'nowhere/gateway', says: /new Chart/,
    });
  });

  test('a host of the same gateway pods and port twice: in one gateway, or in two', () => {
    const app = new App();
    const [one, two] = [chartOf('one', 'shop', app), chartOf('two', 'elsewhere', app)];
    new MeshGateway(one, 'gateway', { hosts: ['shop.example.com'] });

    expectRefusal(() => new MeshGateway(two, 'gateway', { hosts: ['shop.example.com'] }), {
      code: 'GatewayHostOwnedTwice', property: 'hosts', path: 'two/gateway', says: /shop\.example\.com, which one\/gateway serves already.*add the routes there/,
    });
    expect(make({ hosts: ['*', '*'] })).toThrow(/'hosts' names \*/);
  });

  test('not that host at another port, at other pods, or another host', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    new MeshGateway(chart, 'one', { hosts: ['shop.example.com'] });

    expect(() => {
      new MeshGateway(chart, 'two', { hosts: ['shop.example.com'], port: 8080 });
      new MeshGateway(chart, 'three', { hosts: ['shop.example.com'], selector: { app: 'other' } });
      new MeshGateway(chart, 'four', { hosts: ['*.example.org'] });
    }).not.toThrow();
  });

  test.each([['*', 'shop.example.com'], ['*.example.com', 'shop.example.com'], ['*', '*.example.com']])(
    '%s beside %s, which it covers: Istio would merge their rules, and a lane of one take requests of the other', (wildcard, host) => {
      for (const hosts of [[wildcard, host], [host, wildcard]]) {
        expect(() => new MeshGateway(chartOf(), 'gateway', { hosts })).toThrow(/^\[shop\/gateway\] 'hosts' must not name a wildcard beside a host that it covers/);
      }
    });

  test('a service whose connections HTTP cannot reach', () => {
    const { chart, gateway } = shop();
    const sealed = new CanaryService(chart, 'sealed', { port: 9000, appProtocol: AppProtocol.TLS, baseline: { version: 'v1', image: 'a' } });

    expect(() => gateway.route(sealed)).toThrow(/^\[shop\/gateway\] 'service' needs HTTP: sealed\.shop\.svc\.cluster\.local speaks tls/);
  });

  test('a route of a host that is not the gateway\'s', () => {
    const { testaaa, gateway } = shop();

    expectRefusal(() => gateway.route(testaaa, { hosts: ['other.example.com'] }), {
      code: 'GatewayHostUnknown', property: 'hosts', got: 'other.example.com', path: 'shop/gateway', says: /its hosts: shop\.example\.com/,
    });
  });

  test('a second route for all the rest', () => {
    const { testaaa, testbbb, gateway } = shop();
    gateway.route(testaaa);

    expectRefusal(() => gateway.route(testbbb), {
      code: 'GatewayRouteTwice', property: 'match', path: 'shop/gateway', says: /must be given.*go to testaaa\.shop\.svc\.cluster\.local already/,
    });
  });

  test('the VirtualService of a host without routes', () => {
    const { gateway } = shop();

    expectRefusal(() => gateway.virtualService('shop.example.com'), { code: 'GatewayHostUnknown', property: 'host', got: 'shop.example.com', path: 'shop/gateway', says: /those are: none/ });
  });

  test('two hosts whose VirtualServices would have one name', () => {
    for (const hosts of [['a-b.example.com', 'a.b.example.com'], ['*.example.com', 'any-example.com']]) {
      const { testaaa, gateway } = shop(hosts);

      expect(() => gateway.route(testaaa)).toThrow(/\[shop\/gateway\] 'hosts' must not give two VirtualServices one name/);
    }
  });

  test('a gateway\'s VirtualService that would overwrite a service\'s', () => {
    const app = new App();
    const chart = chartOf('shop', 'shop', app);
    const host = new MeshHost(chart, 'testaaa', { name: 'gateway-any-host', baseline: 'release' });

    expect(() => {
      new MeshGateway(chart, 'gateway', { hosts: ['*'] }).route(host);
      app.synthYaml();
    }).toThrow(/gateway-any-host/);
  });
});

describe('preview hosts', () => {
  /** The gateway of an app whose lanes come from branches. */
  function edge(hosts: string[]) {
    const made = shop(hosts);
    Branch.of('release', { baseline: 'release' }, { source: 'shop/edge' }).own(made.chart);
    return made;
  }
  const annotations = (chart: Chart, name: string) => objectOf(chart, 'VirtualService', name).metadata.annotations;
  const served = (chart: Chart) => objectOf(chart, 'Gateway', 'gateway').spec.servers[0].hosts;
  const WILDCARD = '*.preview.example.com';

  test.each(['before', 'after'])('are named on the routes that they follow, and served by the gateway; asked for %s the route', (when) => {
    const { chart, gateway, testaaa } = edge(['shop.example.com']);
    if (when === 'after') gateway.route(testaaa);
    gateway.previewLanesAt(WILDCARD);
    if (when === 'before') gateway.route(testaaa);

    expect(annotations(chart, 'gateway-shop-example-com')).toMatchObject({ 'cdk8s-lanes/preview-hosts': WILDCARD });
    expect(served(chart)).toEqual(['shop.example.com', WILDCARD]);
    expect(inventory(chart).filter((each) => each.startsWith('VirtualService gateway'))).toEqual(['VirtualService gateway-shop-example-com']);
  });

  test.each(['*', '*.example.com', WILDCARD])('are served already where the gateway is for %s', (host) => {
    const { chart, gateway, testaaa } = edge([host]);
    gateway.route(testaaa).previewLanesAt(WILDCARD);

    expect(served(chart)).toEqual([host]);
  });

  test('follow the host that is named', () => {
    const { chart, gateway, testaaa } = edge(['a.example.com', 'b.example.com']);
    gateway.route(testaaa).previewLanesAt(WILDCARD, { host: 'b.example.com' });

    expect(annotations(chart, 'gateway-b-example-com')).toHaveProperty(['cdk8s-lanes/preview-hosts'], WILDCARD);
    expect(annotations(chart, 'gateway-a-example-com')).not.toHaveProperty(['cdk8s-lanes/preview-hosts']);
  });

  test.each(['preview.example.com', '*', '*.', '*preview.example.com', 'a.*.com'])('%s is refused: it is no wildcard', (wildcard) => {
    expectRefusal(() => edge(['shop.example.com']).gateway.previewLanesAt(wildcard), { code: 'PreviewHost', property: 'wildcard', got: wildcard, path: 'shop/gateway', says: /\*\.(preview\.)?example\.com/ });
  });

  test('are refused twice, for hosts that are not the gateway\'s, and where none of several is named', () => {
    const { gateway } = edge(['a.example.com', 'b.example.com']);
    expectRefusal(() => gateway.previewLanesAt(WILDCARD), { code: 'GatewayHostUnknown', property: 'host', says: /its hosts: a\.example\.com, b\.example\.com/ });
    expectRefusal(() => gateway.previewLanesAt(WILDCARD, { host: 'c.example.com' }), { code: 'GatewayHostUnknown', property: 'host', got: 'c.example.com', says: /its hosts/ });
    gateway.previewLanesAt(WILDCARD, { host: 'a.example.com' });
    expectRefusal(() => gateway.previewLanesAt('*.other.example.com', { host: 'a.example.com' }), { code: 'PreviewTwice', property: 'wildcard', says: /say it once/ });
  });

  test('are refused at synth without routes to follow, and where lanes do not come from branches', () => {
    const { chart, gateway } = edge(['shop.example.com']);
    gateway.previewLanesAt(WILDCARD);
    expect(thrownBy(() => chart.toJson()).message).toMatch(/\[shop\/gateway\] 'host' must have routes .* got shop\.example\.com/);

    const plain = shop();
    plain.gateway.route(plain.testaaa).previewLanesAt(WILDCARD);
    expect(thrownBy(() => plain.chart.toJson()).message).toMatch(/\[shop\/gateway\] 'wildcard' needs lanes that come from branches/);
  });

  test('are another gateway\'s where it serves them at the same pods and port', () => {
    const { chart, gateway, testaaa } = edge(['shop.example.com']);
    gateway.route(testaaa).previewLanesAt(WILDCARD);
    expectRefusal(() => new MeshGateway(chart, 'other', { hosts: [WILDCARD] }), { code: 'GatewayHostOwnedTwice', property: 'hosts', says: /shop\/gateway/ });
  });
});

test('a list of hosts that turned out empty is refused: the route would lead nowhere, silently', () => {
  const { gateway, cart } = shopOf(['shop.example.com']);

  for (const action of [
    () => gateway.route(cart, { hosts: [] }),
    () => gateway.addRule(RouteRule.directResponse(204), { hosts: [] }),
    () => gateway.passthrough(cart, { hosts: [] }),
  ]) expectRefusal(action, { code: 'GatewayHost', property: 'hosts', got: '[]', path: 'shop/gateway', says: /leave it out for all/ });
});
