import { App, Chart, JsonPatch, ApiObject } from 'cdk8s';
import {
  CanaryService, Destination, MeshGateway, MeshGatewayProps, MirrorTarget, PreviewHostOptions, RequestMatch, RouteRule, SecretOptions,
  StainedRoute, StainedRouteProps, Staining, StringMatch, Warnings,
} from '../src';
import { chartOf, inventory, objectOf, rulesOf } from './support/objects';
import { expectRefusal, thrownBy } from './support/refusals';
import { schemaProblems } from './support/schema';

const SECRET = 'correct-horse-battery-staple-7';

interface Shop {
  readonly app: App;
  readonly chart: Chart;
  readonly cart: CanaryService;
  readonly stock: CanaryService;
  readonly lanes: StainedRoute;
  readonly gateway: MeshGateway;
}

/** Two services behind a gateway; the lane `l1` has both, `l2` stock alone. */
function shop(staining?: Staining, gateway: Partial<MeshGatewayProps> = {}, stain: StainedRouteProps = {}): Shop {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [cart, stock] = ['cart', 'stock'].map((name) => new CanaryService(chart, name, { port: 80, template: { image: name }, baseline: { version: 'main' } }));
  const lanes = new StainedRoute(chart, 'lanes', stain);
  const l1 = lanes.addLane('l1');
  l1.serve(cart);
  l1.serve(stock);
  lanes.addLane('l2').serve(stock);
  const made = new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], ...gateway, staining }).route(stock, { match: [RequestMatch.pathPrefix('/stock')] }).route(cart);
  return { app, chart, cart, stock, lanes, gateway: made };
}

const VS = 'gateway-shop-example-com';
const codes = (chart: Chart) => Warnings.of(chart).all.map(({ code }) => code);

test('an app that says nothing about lanes says nothing about their header', () => {
  const chart = chartOf();
  const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart' }, baseline: { version: 'main' } });
  new MeshGateway(chart, 'gateway', { hosts: ['*'] }).route(cart);

  expect(objectOf(chart, 'VirtualService', 'gateway-any-host')).toEqual({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'gateway-any-host', namespace: 'shop' },
    spec: { hosts: ['*'], gateways: ['gateway'], http: [{ route: [{ destination: { host: 'cart.shop.svc.cluster.local', subset: 'main', port: { number: 80 } } }] }] },
  });
  expect(codes(chart)).toEqual([]);
});

describe('a closed gateway', () => {
  test('has no rule of a lane, and each of its rules takes the lane header away', () => {
    const { chart } = shop(Staining.closed());

    expect(rulesOf(chart, VS).map(({ name, match, headers }) => [name, match, headers])).toEqual([
      [undefined, [{ uri: { prefix: '/stock' } }], { request: { remove: ['project-version'] } }],
      [undefined, undefined, { request: { remove: ['project-version'] } }],
    ]);
    expect(rulesOf(chart, 'cart')).toHaveLength(2);
    expect(schemaProblems(chart.toJson())).toEqual([]);
    expect(codes(chart)).toEqual([]);
  });

  test('is what a gateway is that does not say it, with a warning', () => {
    const [said, unsaid] = [shop(Staining.closed()), shop(undefined)];
    expect(unsaid.chart.toJson()).toEqual(said.chart.toJson());
    expect(Warnings.of(unsaid.chart).all).toEqual([{ code: 'StainingNotSaid', path: 'shop/gateway/edge', message: expect.stringMatching(/'staining'.*closed.*'project-version'.*Staining\.open\(\)/) }]);
  });

  test('is marked, so that nobody weaves lanes into it', () => {
    expect(objectOf(shop(Staining.closed()).chart, 'VirtualService', VS).metadata.labels).toEqual({ 'cdk8s-lanes/handles-lane-header': 'closed' });
  });

  test('takes baggage away too, where it tells lanes, and the header that was chosen', () => {
    const { chart } = shop(Staining.closed(), {}, { header: 'x-lane', baggageKey: 'lane' });
    expect(rulesOf(chart, VS)[1].headers).toEqual({ request: { remove: ['x-lane', 'baggage'] } });
  });

  test('keeps what a rule does to other headers, and leaves answers alone', () => {
    const { chart, gateway } = shop(Staining.closed());
    gateway.addRule(RouteRule.redirect({ uri: '/new' }, { match: [RequestMatch.path(StringMatch.exact('/old'))] }));
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(JsonPatch.add('/spec/http/0/headers', { request: { set: { 'x-a': '1' }, remove: ['x-b'] }, response: { remove: ['x-c'] } }));

    const rules = rulesOf(chart, VS);
    expect(rules[0].headers).toEqual({ request: { set: { 'x-a': '1' }, remove: ['x-b', 'project-version'] }, response: { remove: ['x-c'] } });
    expect(rules[1]).toEqual({ match: [{ uri: { exact: '/old' } }], redirect: { uri: '/new' } });
  });

  test('without lanes in the app takes the usual header away, as it says it is closed', () => {
    const chart = chartOf();
    const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart' }, baseline: { version: 'main' } });
    new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.closed() }).route(cart);
    expect(rulesOf(chart, 'gateway-any-host')[0].headers).toEqual({ request: { remove: ['project-version'] } });
  });

  test('does not let a rule delegate, since the delegate would see the header', () => {
    const { chart, gateway } = shop(Staining.closed());
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(
      JsonPatch.remove('/spec/http/1/route'), JsonPatch.add('/spec/http/1/delegate', { name: 'teams' }),
    );
    expect(thrownBy(() => chart.toJson()).message).toMatch(/spec\.http\[1\]\.delegate delegates.*or be open/);
  });

  test('does not let a rule set the lane header', () => {
    const { chart, gateway } = shop(Staining.closed());
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(JsonPatch.add('/spec/http/1/headers', { request: { set: { 'Project-Version': 'l1' } } }));
    expect(thrownBy(() => chart.toJson()).message).toMatch(/changes the lane header 'project-version'/);
  });

  test('keeps its mirrors', () => {
    const { chart, cart, stock } = shop(Staining.closed());
    new MirrorTarget(chart, 'copy', { from: cart, to: stock, toVersion: 'main' });
    expect(rulesOf(chart, VS)[1]).toMatchObject({ mirror: { subset: 'main' }, headers: { request: { remove: ['project-version'] } } });
  });
});

test('an open gateway has the lanes that stand in the mesh, and no mark', () => {
  const { chart } = shop(Staining.open());
  expect(rulesOf(chart, VS).map(({ name }) => name)).toEqual(['lane/l1', 'lane/l2', undefined, 'lane/l1', undefined]);
  expect(objectOf(chart, 'VirtualService', VS).metadata).toEqual({ name: VS, namespace: 'shop' });
});

describe('a gateway with hosts of lanes', () => {
  test('is closed, and has a VirtualService for each lane, also for one that is added later', () => {
    const { chart, lanes, cart } = shop(Staining.previewHostsOnly('*.preview.example.com'));
    lanes.addLane('l3').serve(cart);

    expect(objectOf(chart, 'Gateway', 'gateway').spec.servers[0].hosts).toEqual(['shop.example.com', '*.preview.example.com']);
    expect(rulesOf(chart, VS).every(({ headers }) => headers.request.remove.includes('project-version'))).toBe(true);
    expect(inventory(chart).filter((name) => name.startsWith(`VirtualService ${VS}-`))).toEqual(['l1', 'l2', 'l3'].map((lane) => `VirtualService ${VS}-${lane}`));
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('routes a lane\'s host as a request of the lane: its versions where it has any, the baseline where not, the header set', () => {
    const { chart } = shop(Staining.previewHostsOnly('*.preview.example.com'));
    const preview = objectOf(chart, 'VirtualService', `${VS}-l2`);
    expect(preview.metadata.labels).toEqual({ 'cdk8s-lanes/handles-lane-header': 'preview' });
    expect(preview.spec).toMatchObject({ hosts: ['l2.preview.example.com'], gateways: ['gateway'] });
    expect(preview.spec.http.map(({ match, route, headers }: any) => [match, route[0].destination.subset, headers])).toEqual([
      [[{ uri: { prefix: '/stock' } }], 'l2', { request: { set: { 'project-version': 'l2' } } }],
      [undefined, 'main', { request: { set: { 'project-version': 'l2' } } }],
    ]);
    expect(preview.spec.http[0].route[0].headers).toEqual({ response: { set: { 'x-served-lane': 'l2' } } });
  });

  test('a patch of the followed host\'s rules holds there too', () => {
    const { chart, gateway } = shop(Staining.previewHostsOnly('*.preview.example.com'));
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(JsonPatch.add('/spec/http/1/timeout', '3s'));
    expect(rulesOf(chart, `${VS}-l1`)[1].timeout).toBe('3s');
  });

  test('does not add a wildcard that the gateway covers', () => {
    const said: Required<PreviewHostOptions> = { host: '*' };
    const { chart } = shop(Staining.previewHostsOnly('*.preview.example.com', said), { hosts: ['*'] });
    expect(objectOf(chart, 'Gateway', 'gateway').spec.servers[0].hosts).toEqual(['*']);
  });

  test('must know whose routes to follow, and they must be there', () => {
    expectRefusal(() => shop(Staining.previewHostsOnly('*.preview.example.com'), { hosts: ['a.example.com', 'b.example.com'] }), {
      code: 'GatewayHostUnknown', property: 'staining.host', path: 'shop/gateway/edge', says: /its hosts: a\.example\.com, b\.example\.com/,
    });
    const chart = chartOf();
    new MeshGateway(chart, 'gateway', { hosts: ['a.example.com'], staining: Staining.previewHostsOnly('*.preview.example.com') });
    expect(thrownBy(() => chart.toJson()).message).toMatch(/'host' must have routes that others can follow, got a\.example\.com; route\(\.\.\.\) it/);
  });

  test.each(['preview.example.com', '*', '*.com.', 'a.*.example.com', ''])('%p is no wildcard for hosts of lanes', (wildcard) => {
    expectRefusal(() => Staining.previewHostsOnly(wildcard), { code: 'PreviewHost', property: 'wildcard', got: wildcard, says: /\*\./ });
  });
});

describe('a secret', () => {
  const said: Required<SecretOptions> = { header: 'x-lane-key', secretInManifest: SECRET };
  const staining = Staining.bySecret(said);

  test('is asked for beside the lane header and nowhere else, and taken away everywhere', () => {
    const { chart } = shop(staining);
    const key = { 'x-lane-key': { exact: SECRET } };
    expect(rulesOf(chart, VS).slice(-3).map(({ name, match, headers }) => [name, match, headers.request])).toEqual([
      ['lane/l1', [{ headers: { 'project-version': { exact: 'l1' }, ...key } }], { remove: ['x-lane-key'] }],
      ['trusted', [{ headers: { 'project-version': {}, ...key } }], { remove: ['x-lane-key'] }],
      [undefined, undefined, { remove: ['project-version', 'x-lane-key'] }],
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('is told of: whoever looks for secrets in manifests finds the mark', () => {
    expect(objectOf(shop(staining).chart, 'VirtualService', VS).metadata).toMatchObject({
      labels: { 'cdk8s-lanes/handles-lane-header': 'by-secret' }, annotations: { 'cdk8s-lanes/holds-secret': 'x-lane-key' },
    });
  });

  test('counts beside baggage too', () => {
    const { chart } = shop(staining, {}, { baggageKey: 'lane' });
    const rules = rulesOf(chart, VS).filter(({ name }) => name !== undefined);
    for (const { match } of rules) for (const { headers } of match) expect(headers['x-lane-key']).toEqual({ exact: SECRET });
    expect(rules.find(({ name }) => name === 'trusted').match.map(({ headers }: any) => Object.keys(headers).sort())).toEqual([['project-version', 'x-lane-key'], ['baggage', 'x-lane-key']]);
  });

  test.each<[string, string | undefined, RegExp]>([
    ['nothing', undefined, /must be set, got 0 characters/], ['an empty one', '', /must be set/], ['a short one', 'abcdefghijklmnopqrstuvw', /at least 24 characters, got 23 characters/],
    ['one letter', 'a'.repeat(40), /at least 8 different characters, got 40 characters, 1 of them/], ['a blank within', `${SECRET} x`, /visible ASCII/], ['an umlaut', `${SECRET}ü`, /visible ASCII/],
  ])('%s is refused, and not shown', (_, secretInManifest, says) => {
    const refused = () => Staining.bySecret({ header: 'x-lane-key', secretInManifest: secretInManifest as string });
    expectRefusal(refused, { code: 'SecretTooWeak', property: 'secretInManifest', says });
    if (secretInManifest) expect(thrownBy(refused).message).not.toContain(secretInManifest);
  });

  test('comes in a header of its own', () => {
    expectRefusal(() => Staining.bySecret({ header: 'X-Key', secretInManifest: SECRET }), { code: 'HeaderName', property: 'header', got: 'X-Key', says: /lower case/ });
    for (const header of ['host', 'content-length', 'cookie', 'authorization', 'x-forwarded-for', 'x-envoy-retry-on', 'baggage', 'origin', 'content-type', 'accept-language', 'if-match']) {
      expectRefusal(() => Staining.bySecret({ header, secretInManifest: SECRET }), { code: 'HeaderName', property: 'header', got: header, says: /needs.*x-lane-key/ });
    }
    const { chart, gateway, cart } = shop(staining);
    gateway.addRule(RouteRule.to([Destination.of(cart, { version: 'main' })], { match: [RequestMatch.header('x-lane-key', StringMatch.present())] }));
    expect(thrownBy(() => chart.toJson()).message).toMatch(/spec\.http\[1\] uses 'x-lane-key'/);
    const same = shop(Staining.bySecret({ header: 'project-version', secretInManifest: SECRET }));
    expect(thrownBy(() => same.chart.toJson()).message).toMatch(/'header' of the secret must not be the lane header/);
  });
});

test('what is said of the lane header in CORS holds where lanes are let in', () => {
  const cors = (staining: Staining) => {
    const { chart, gateway } = shop(staining);
    ApiObject.of(gateway.virtualService('shop.example.com')).addJsonPatch(JsonPatch.add('/spec/http/1/corsPolicy', { allowHeaders: ['x-a'] }));
    return rulesOf(chart, VS).at(-1).corsPolicy.allowHeaders;
  };
  expect(cors(Staining.open())).toEqual(['x-a', 'project-version']);
  expect(cors(Staining.closed())).toEqual(['x-a']);
  expect(cors(Staining.bySecret({ header: 'x-lane-key', secretInManifest: SECRET }))).toEqual(['x-a', 'project-version', 'x-lane-key']);
});
