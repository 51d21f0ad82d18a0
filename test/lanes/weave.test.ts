import {
  allowLaneHeader, HANDLES_LANE_HEADER_LABEL, LaneDestination, LaneMirror, laneOfRule, LaneTable, weave, WeaveFinding, WeaveRefused,
} from '../../src/lanes/weave';
import { evaluate, MeshRequest, Routed } from '../support/route-evaluator';

const CART = 'cart.shop.svc.cluster.local';
const STOCK = 'stock.shop.svc.cluster.local';
const HEADER = 'project-version';

const virtualService = (http: any[], metadata: any = {}, spec: any = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'cart', namespace: 'shop', ...metadata },
  spec: { hosts: [CART], http, ...spec },
});

/** The lanes serve these hosts, each with the subset that has the lane's name. */
const lanesOf = (hosts: Record<string, string[]>, table: any = {}): any => {
  const laneOf = (subset: string) => Object.fromEntries(hosts[subset].map((host) => [host, { host, subset }]));
  return { header: HEADER, lanes: Object.fromEntries(Object.keys(hosts).map((lane) => [lane, laneOf(lane)])), ...table };
};
const l1OnCart = lanesOf({ l1: [CART] });

const to = (host: string, subset?: string, more: any = {}) => {
  const { port, ...entry } = more;
  return { destination: { host, ...(subset ? { subset } : {}), ...(port ? { port: { number: port } } : {}) }, ...entry };
};
const pinned = (rule: any = {}) => ({ ...rule, route: [to(CART, 'release')] });
const ofLane = (lane: string) => ({ headers: { [HEADER]: { exact: lane } } });
const told = (lane: string, headers: any = {}) => ({ headers: { ...headers, response: { ...headers.response, set: { ...headers.response?.set, 'x-served-lane': lane } } } });

const woven = (http: any[], table: any = l1OnCart): any[] => weave(virtualService(http), table).virtualService.spec.http;
const warnings = (http: any[], table: any = l1OnCart, spec: any = {}) => weave(virtualService(http, {}, spec), table).warnings;
const shown = (findings: WeaveFinding[]) => findings.map(({ code, path }) => `${code} ${path}`);

function refusal(http: any[], table: any = l1OnCart): WeaveRefused {
  try {
    weave(virtualService(http), table);
  } catch (error) {
    if (error instanceof WeaveRefused) return error;
    throw error;
  }
  throw new Error('not refused');
}

test('all that a table can say', () => {
  const mirror: Required<LaneMirror> = { destination: { host: 'sniffer' }, fromSubset: 'release' };
  const destination: Required<LaneDestination> = {
    host: STOCK, subset: 'l1', port: 8080, mirrors: [mirror], rule: { timeout: '9s', retries: { attempts: 3 } }, servedLane: '%UPSTREAM_CLUSTER%', tryTimeout: '1s',
  };
  const table: Required<LaneTable> = { header: 'x-lane', lanes: { l1: { 'cart.shop.svc.corp': destination } }, servedLaneHeader: 'x-answered', clusterDomain: 'corp', baggageKey: 'lane' };

  expect(woven([{ timeout: '2s', route: [to('cart', 'release')], mirror: { host: 'sniffer' } }], table)[0]).toEqual({
    name: 'lane/l1',
    match: [
      { headers: { 'x-lane': { exact: 'l1' } } },
      { headers: { baggage: { regex: '(.*,)?[ \\t]*lane[ \\t]*=[ \\t]*l1[ \\t]*([,;].*)?' } }, withoutHeaders: { 'x-lane': { regex: '[^-].*|-.+' } } },
    ],
    timeout: '9s',
    retries: { attempts: 3, perTryTimeout: '3s' },
    mirror: { host: 'sniffer' },
    route: [{ ...to(STOCK, 'l1', { port: 8080 }), headers: { response: { set: { 'x-answered': '%UPSTREAM_CLUSTER%' } } } }],
  });
});

describe('the copy of a lane', () => {
  test('stands before its rule, for requests that say the lane, and goes to the lane\'s version', () => {
    expect(woven([pinned({ timeout: '2s' })])).toEqual([
      { name: 'lane/l1', match: [ofLane('l1')], timeout: '2s', route: [{ ...to(CART, 'l1'), ...told('l1') }] },
      { timeout: '2s', route: [to(CART, 'release')] },
    ]);
  });

  test('stands before its own rule and not before an earlier one, so paths keep their precedence', () => {
    const api = { match: [{ uri: { prefix: '/api' } }], route: [to(STOCK, 'release')] };
    expect(woven([api, pinned()]).map((rule) => rule.name)).toEqual([undefined, 'lane/l1', undefined]);
  });

  test('comes for each lane, in the order of their names', () => {
    const table = lanesOf({ b: [CART], a: [CART], b1: [CART], 2: [CART] });
    expect(woven([pinned()], table).map(laneOfRule)).toEqual(['2', 'a', 'b', 'b1', undefined]);
  });

  test('is not made for rules without a host of the lane', () => {
    expect(woven([{ route: [to('mail', 'release')] }])).toEqual([{ route: [to('mail', 'release')] }]);
    expect(woven([pinned()], lanesOf({ l1: [STOCK] }))).toEqual([pinned()]);
  });

  test('keeps the name of its rule behind its own', () => {
    const [copy] = woven([pinned({ name: 'main' })]);
    expect(copy.name).toBe('lane/l1/main');
    expect(laneOfRule(copy)).toBe('l1');
    expect(laneOfRule(pinned({ name: 'main' }))).toBeUndefined();
  });

  test.each([
    ['timeout', '3s'],
    ['retries', { attempts: 2, perTryTimeout: '1s' }],
    ['rewrite', { uri: '/v2', authority: 'inside' }],
    ['fault', { abort: { httpStatus: 503, percentage: { value: 1 } } }],
    ['corsPolicy', { allowMethods: ['GET'] }],
    ['headers', { request: { set: { 'x-a': '1' } } }],
    ['fieldOfTomorrow', { deep: [1, null, { kept: true }] }],
  ])('keeps %s', (field, value) => {
    expect(woven([pinned({ [field]: value })])[0][field]).toEqual(value);
  });

  test.each([
    ['mirror', { mirror: { host: 'mail', subset: 'v1' } }],
    ['mirrorPercentage', { mirror: { host: 'mail', subset: 'v1' }, mirrorPercentage: { value: 5 } }],
    ['mirrorPercent', { mirror: { host: 'mail', subset: 'v1' }, mirrorPercent: 5 }],
    ['mirrors', { mirrors: [{ destination: { host: 'mail', subset: 'v1' }, percentage: { value: 5 } }] }],
  ])('drops %s, which the baseline keeps: a mirrored lane request would write into the lane\'s services downstream', (field, mirroring) => {
    const [copy, baseline] = woven([pinned(mirroring)]);
    expect(copy).not.toHaveProperty(field);
    expect(copy).not.toHaveProperty('mirror');
    expect(baseline).toEqual(pinned(mirroring));
  });

  test('keeps unknown fields of match entries and of destinations that the lane does not serve', () => {
    const sibling = { ...to('mail', 'v1'), weight: 1, fieldOfTomorrow: 1 };
    const [copy] = woven([{ match: [{ fieldOfTomorrow: 2 }], route: [{ ...to(CART, 'release'), weight: 1 }, sibling] }]);
    expect(copy.match).toEqual([{ fieldOfTomorrow: 2, ...ofLane('l1') }]);
    expect(copy.route[1]).toEqual(sibling);
  });

  test('takes the fields that the lane\'s destination asks for in place of the rule\'s', () => {
    const table = { header: HEADER, lanes: { l1: { [CART]: { host: CART, subset: 'l1', rule: { retries: { attempts: 0 } } } } } };
    expect(woven([pinned({ timeout: '2s', retries: { attempts: 3 } })], table)[0]).toMatchObject({ timeout: '2s', retries: { attempts: 0 } });
  });

  describe('keeps its tries below the timeout of the rule that it copies, as Envoy would drop the limit for a try that is not', () => {
    const tried = (timeout: string | undefined, destination: Partial<LaneDestination>) => {
      const table = { header: HEADER, lanes: { l1: { [CART]: { host: CART, subset: 'l1', ...destination } } } };
      const http = [pinned(timeout === undefined ? {} : { timeout })];
      return [woven(http, table)[0].retries?.perTryTimeout, ...shown(warnings(http, table))];
    };
    const retries = { attempts: 3 };

    test.each<[string | undefined, string | undefined]>([
      [undefined, '2s'], ['0s', '2s'], ['6s', '2s'], ['1s', '333ms'], ['2ms', '1ms'], ['1m30s', '30s'],
    ])('in a rule with a timeout of %s they get %s, so that two in the lane and one at the baseline fit in', (timeout, perTryTimeout) => {
      expect(tried(timeout, { rule: { retries }, tryTimeout: '2s' })).toEqual([perTryTimeout]);
    });

    test('what is said of them stays where it can, and is warned of where it cannot', () => {
      const said = { rule: { retries: { ...retries, perTryTimeout: '2s' } } };

      expect([undefined, '0s', '2001ms'].map((timeout) => tried(timeout, said))).toEqual(Array(3).fill(['2s']));
      expect(['2s', '500ms'].map((timeout) => tried(timeout, said))).toEqual([['666ms', 'LaneTryTooLong spec.http[0]'], ['166ms', 'LaneTryTooLong spec.http[0]']]);
    });

    test('of the timeout that the lane asks for, where it asks for one', () => {
      expect(tried('60s', { rule: { retries, timeout: '3s' }, tryTimeout: '2s' })).toEqual(['1s']);
    });

    test('where nothing is said of tries, nothing is', () => {
      expect(tried('3s', { rule: { retries } })).toEqual([undefined]);
      expect(tried('3s', { tryTimeout: '2s' })).toEqual([undefined]);
    });
  });

  test('keeps a mirror where it is asked for, and not where the same destination is another subset\'s mirror', () => {
    const table = { header: HEADER, lanes: { l1: { [CART]: { host: CART, subset: 'l1', mirrors: [{ destination: { host: 'mail' }, fromSubset: 'release' }] } } } };
    const http = ['v2', 'release'].map((subset) => ({ mirror: { host: 'mail' }, route: [to(CART, subset)] }));

    expect(woven(http, table).map(({ mirror }) => mirror)).toEqual([undefined, { host: 'mail' }, { host: 'mail' }, { host: 'mail' }]);
  });

  describe('keeps the rule\'s own fields where a host that it also routes to did not ask for others', () => {
    const fields = { retries: { attempts: 9 } };
    const http = [{ retries: { attempts: 1 }, route: [to(CART, 'release', { weight: 1 }), to(STOCK, 'release', { weight: 1 })] }];
    const shared = (stock: any) => {
      const table = { header: HEADER, lanes: { l1: { [CART]: { host: CART, subset: 'l1', rule: fields }, ...stock } } };
      return [woven(http, table)[0].retries.attempts, ...shown(warnings(http, table))];
    };

    test.each<[string, any]>([['no lane serves', {}], ['the lane serves', { [STOCK]: { host: STOCK, subset: 'l1' } }]])('that %s', (_, stock) => {
      expect(shared(stock)).toEqual([1, 'LaneRuleShared spec.http[0]']);
    });

    test('but not where it asked for the same, or gets no requests', () => {
      expect(shared({ [STOCK]: { host: STOCK, subset: 'l1', rule: fields } })).toEqual([9]);
      const table = { header: HEADER, lanes: { l1: { [CART]: { host: CART, subset: 'l1', rule: fields } } } };
      expect(woven([{ route: [to(CART, 'release', { weight: 1 }), to(STOCK, 'release', { weight: 0 })] }], table)[0].retries.attempts).toBe(9);
    });
  });

  test('may go to another host, to a whole host, and to another port', () => {
    const table = { header: HEADER, lanes: { l1: { [CART]: { host: 'cart-l1.shop.svc.cluster.local', port: 9000 } } } };
    expect(woven([{ route: [to(CART, 'release', { port: 80 })] }], table)[0].route)
      .toEqual([{ ...to('cart-l1.shop.svc.cluster.local', undefined, { port: 9000 }), ...told('l1') }]);
  });

  test('says the lane in the response header of the table, or not at all', () => {
    const copy = (servedLaneHeader: string) => woven([pinned()], lanesOf({ l1: [CART] }, { servedLaneHeader }))[0].route[0];
    expect(copy('x-mine').headers).toEqual({ response: { set: { 'x-mine': 'l1' } } });
    expect(copy('')).toEqual(to(CART, 'l1'));
  });

  test('says the lane on the lane\'s destination alone, so it stays true when a sibling answers', () => {
    const [copy] = woven([{ route: [to(CART, 'release', { weight: 1 }), to('mail', 'v1', { weight: 1 })] }]);
    expect(copy.route).toEqual([{ ...to(CART, 'l1'), weight: 1, ...told('l1') }, to('mail', 'v1', { weight: 1 })]);
    expect(copy).not.toHaveProperty('headers');
  });
});

describe('the match of a copy', () => {
  test('asks for the lane in every entry', () => {
    const [copy] = woven([pinned({ match: [{ uri: { prefix: '/a' } }, { method: { exact: 'GET' }, headers: { 'X-User': { exact: '1' } } }] })]);
    expect(copy.match).toEqual([
      { uri: { prefix: '/a' }, ...ofLane('l1') },
      { method: { exact: 'GET' }, headers: { 'X-User': { exact: '1' }, [HEADER]: { exact: 'l1' } } },
    ]);
  });

  test.each([['no match', undefined], ['an empty list', []], ['an empty entry', [{}]]])('asks for the lane alone where the rule has %s', (_, match) => {
    expect(woven([{ ...(match ? { match } : {}), route: [to(CART, 'release')] }])[0].match).toEqual([ofLane('l1')]);
  });

  test.each([
    ['port', 8080],
    ['gateways', ['shop/entry']],
    ['sourceLabels', { app: 'web' }],
    ['sourceNamespace', 'other'],
    ['withoutHeaders', { 'x-bot': {} }],
    ['queryParams', { debug: { exact: '' } }],
    ['ignoreUriCase', true],
    ['name', 'entry'],
  ])('leaves %s as it is', (field, value) => {
    expect(woven([pinned({ match: [{ [field]: value }] })])[0].match).toEqual([{ [field]: value, ...ofLane('l1') }]);
  });
});

describe('destinations that collapse into the lane\'s', () => {
  test.each<[string, any[], any[]]>([
    ['versions of one host, the only one: no weight is left', [to(CART, 'release', { weight: 90 }), to(CART, 'v2', { weight: 10 })],
      [{ ...to(CART, 'l1'), ...told('l1') }]],
    ['versions of one host beside another: weights are summed', [to(CART, 'release', { weight: 60 }), to('mail', 'v1', { weight: 30 }), to(CART, 'v2', { weight: 10 })],
      [{ ...to(CART, 'l1'), weight: 70, ...told('l1') }, to('mail', 'v1', { weight: 30 })]],
    ['two ports of one host stay two', [to(CART, 'release', { port: 80, weight: 1 }), to(CART, 'release', { port: 81, weight: 2 })],
      [{ ...to(CART, 'l1', { port: 80 }), weight: 1, ...told('l1') }, { ...to(CART, 'l1', { port: 81 }), weight: 2, ...told('l1') }]],
    ['a port and none stay two', [to(CART, 'release', { port: 80, weight: 1 }), to(CART, 'release', { weight: 2 })],
      [{ ...to(CART, 'l1', { port: 80 }), weight: 1, ...told('l1') }, { ...to(CART, 'l1'), weight: 2, ...told('l1') }]],
    ['zero weights are dropped, pinned or not', [to(CART, 'release', { weight: 0 }), to('mail', 'v1', { weight: 1 }), to(CART, 'v2', { weight: 3 }), to(CART, undefined, { weight: 0 })],
      [to('mail', 'v1', { weight: 1 }), { ...to(CART, 'l1'), weight: 3, ...told('l1') }]],
    ['a weight left out beside others is zero', [to(CART, 'release', { weight: 30 }), to('mail', 'v1')],
      [{ ...to(CART, 'l1'), ...told('l1') }]],
    ['the weight of a single destination is ignored, even zero', [to(CART, 'release', { weight: 0 })],
      [{ ...to(CART, 'l1'), ...told('l1') }]],
    ['the short and the full name of a host are one', [to('cart', 'release', { weight: 1 }), to(CART, 'v2', { weight: 1 })],
      [{ ...to(CART, 'l1'), ...told('l1') }]],
  ])('%s', (_, route, expected) => {
    expect(woven([{ route }])[0].route).toEqual(expected);
  });

  test('make no copy where the lane\'s host gets nothing', () => {
    expect(woven([{ route: [to(CART, 'release', { weight: 0 }), to('mail', 'v1', { weight: 1 })] }])).toHaveLength(1);
  });

  test('keep two lane hosts apart', () => {
    const [copy] = woven([{ route: [to(CART, 'release', { weight: 1 }), to(STOCK, 'release', { weight: 3 })] }], lanesOf({ l1: [CART, STOCK] }));
    expect(copy.route).toEqual([{ ...to(CART, 'l1'), weight: 1, ...told('l1') }, { ...to(STOCK, 'l1'), weight: 3, ...told('l1') }]);
  });
});

/** Istio lets the destination win over the rule where it is the only one, else the rule: who collapses several to one must see to it. */
describe('header operations of destinations that collapse to one keep their effect', () => {
  const request: MeshRequest = {
    path: '/', port: 80, authority: 'cart', headers: { 'x-a': 'asked', [HEADER]: 'l1' }, responseHeaders: { 'x-a': 'answered' },
  };
  const rule = (route: any, headers: any, more: any = {}) => ({
    ...more, headers, route: [{ ...to(CART, 'release'), weight: 1, headers: route }, { ...to(CART, 'v2'), weight: 1, headers: route }],
  });
  const share = (http: any[]) => {
    const outcome = evaluate(virtualService(woven(http)), request) as Routed;
    expect(outcome.shares).toHaveLength(1);
    return outcome.shares[0];
  };

  test.each<[string, any, any, string[] | undefined]>([
    ['only the destination sets', { set: { 'x-a': 'inner' } }, undefined, ['inner']],
    ['only the rule sets', undefined, { set: { 'x-a': 'outer' } }, ['outer']],
    ['both set: the rule wins', { set: { 'x-a': 'inner' } }, { set: { 'x-a': 'outer' } }, ['outer']],
    ['both set, in other letters: the rule wins', { set: { 'X-A': 'inner' } }, { set: { 'x-a': 'outer' } }, ['outer']],
    ['the destination adds, the rule sets', { add: { 'x-a': 'inner' } }, { set: { 'x-a': 'outer' } }, ['outer']],
    ['the destination sets, the rule removes', { set: { 'x-a': 'inner' } }, { remove: ['X-A'] }, undefined],
    ['the destination adds, the rule removes', { add: { 'x-a': 'inner' } }, { remove: ['x-a'] }, undefined],
    ['the destination sets, the rule adds', { set: { 'x-a': 'inner' } }, { add: { 'x-a': 'outer' } }, ['inner', 'outer']],
    ['the destination sets, the rule adds, in other letters', { set: { 'X-A': 'inner' } }, { add: { 'x-a': 'outer' } }, ['inner', 'outer']],
    ['the destination removes, the rule adds', { remove: ['x-a'] }, { add: { 'x-a': 'outer' } }, ['outer']],
    ['the destination removes, the rule sets', { remove: ['x-a'] }, { set: { 'x-a': 'outer' } }, ['outer']],
    ['the destination sets and adds, the rule adds', { set: { 'x-a': 'inner' }, add: { 'x-a': 'more' } }, { add: { 'x-a': 'outer' } }, ['inner', 'more', 'outer']],
    ['the destination sets, the rule removes and adds', { set: { 'x-a': 'inner' } }, { remove: ['x-a'], add: { 'x-a': 'outer' } }, ['outer']],
    ['the destination sets and adds, the rule sets and adds', { set: { 'x-a': '1' }, add: { 'x-a': '2' } }, { set: { 'x-a': '3' }, add: { 'x-a': '4' } }, ['3', '4']],
    ['the destination adds, the rule adds and removes', { add: { 'x-a': 'inner' } }, { remove: ['x-a'], add: { 'x-a': 'outer' } }, ['outer']],
    ['they change different headers', { set: { 'x-a': 'inner' } }, { set: { 'x-b': 'outer' } }, ['inner']],
    // Envoy does nothing for an empty value, so the destination's stays.
    ['the rule sets an empty value', { set: { 'x-a': 'inner' } }, { set: { 'x-a': '' } }, ['inner']],
  ])('%s', (_, inner, outer, expected) => {
    const got = share([rule({ request: inner, response: inner }, { request: outer, response: outer })]);
    expect(got.request['x-a']).toEqual(expected);
    expect(got.response['x-a']).toEqual(expected);
    expect(got.response['x-served-lane']).toEqual(['l1']);
  });

  test('both add: the destination\'s comes first', () => {
    const got = share([rule({ request: { add: { 'x-a': 'inner' } } }, { request: { add: { 'x-a': 'outer' } } })]);
    expect(got.request['x-a']).toEqual(['asked', 'inner', 'outer']);
  });

  test.each<[string, any, any, any, string]>([
    ['only the destination sets the host', { set: { host: 'inner' } }, undefined, {}, 'inner'],
    ['the rule sets the host: it wins', { set: { host: 'inner' } }, { set: { host: 'outer' } }, {}, 'outer'],
    ['the rule sets it by its other name: it wins', { set: { Host: 'inner' } }, { set: { ':authority': 'outer' } }, {}, 'outer'],
    ['the rule adds the host: it wins too', { set: { host: 'inner' } }, { add: { host: 'outer' } }, {}, 'outer'],
    ['the rule rewrites the authority: it wins', { set: { host: 'inner' } }, undefined, { rewrite: { authority: 'outer' } }, 'outer'],
    // istiod asks whether the text is empty, not whether the field is there.
    ['the rule rewrites the authority to nothing', { set: { host: 'inner' } }, undefined, { rewrite: { uri: '/', authority: '' } }, 'inner'],
    ['the rule sets the host to nothing', { set: { host: 'inner' } }, { set: { host: '' } }, {}, 'inner'],
    ['the rule rewrites the path alone', { set: { host: 'inner' } }, undefined, { rewrite: { uri: '/' } }, 'inner'],
  ])('%s', (_, inner, outer, more, expected) => {
    expect(share([rule({ request: inner }, { request: outer }, more)]).authority).toBe(expected);
  });

  test('a rule that listed one destination is left as it was written', () => {
    const headers = { request: { set: { 'x-a': 'outer' } } };
    const [copy] = woven([{ headers, route: [{ ...to(CART, 'release'), headers: { request: { set: { 'x-a': 'inner' } } } }] }]);
    expect(copy.headers).toEqual(headers);
    expect(copy.route[0].headers).toEqual({ request: { set: { 'x-a': 'inner' } }, response: { set: { 'x-served-lane': 'l1' } } });
  });

  test('a rule that keeps several destinations is left as it was written', () => {
    const headers = { request: { set: { 'x-a': 'outer' } } };
    const inner = { request: { set: { 'x-a': 'inner' } } };
    const [copy] = woven([{ headers, route: [{ ...to(CART, 'release'), weight: 1, headers: inner }, { ...to('mail'), weight: 1, headers: inner }] }]);
    expect(copy.headers).toEqual(headers);
    expect(copy.route.map((entry: any) => entry.headers.request)).toEqual([inner.request, inner.request]);
  });

  test('where only one is left of several because the others got nothing, the rule still wins', () => {
    const inner = { request: { set: { 'x-a': 'inner' } } };
    const http = [{
      headers: { request: { set: { 'x-a': 'outer' } } }, route: [{ ...to(CART, 'release'), weight: 1, headers: inner }, to('mail', 'v1', { weight: 0 })],
    }];
    expect(share(http).request['x-a']).toEqual(['outer']);
  });

  test('what destinations of one group do not have in common is dropped with a warning', () => {
    const http = [{
      route: [
        { ...to(CART, 'release'), weight: 1, headers: { request: { set: { 'x-a': '1', 'x-b': '1' }, remove: ['x-c', 'x-d'] } } },
        { ...to(CART, 'v2'), weight: 1, headers: { request: { set: { 'x-a': '1', 'x-b': '2' }, remove: ['x-d'] } } },
      ],
    }];
    expect(woven(http)[0].route).toEqual([{ ...to(CART, 'l1'), ...told('l1', { request: { set: { 'x-a': '1' }, remove: ['x-d'] } }) }]);
    expect(shown(warnings(http))).toEqual(['LaneHeadersDiffer spec.http[0]']);
  });

  test('groups that differ from each other only are not warned about', () => {
    const headers = (value: string) => ({ headers: { request: { set: { 'x-a': value } } } });
    const http = [{ route: [{ ...to(CART, 'release', { port: 80 }), weight: 1, ...headers('1') }, { ...to(CART, 'release', { port: 81 }), weight: 1, ...headers('2') }] }];
    expect(warnings(http)).toEqual([]);
  });
});

describe('passed through without copies', () => {
  test.each<[string, any]>([
    ['a redirect', { redirect: { uri: '/new' } }],
    ['a direct response', { directResponse: { status: 204 } }],
    ['a delegating rule, whose delegate is woven as an object of its own', { match: [{ uri: { prefix: '/team' } }], delegate: { name: 'team', namespace: 'other' } }],
    ['a rule without destinations', { route: [] }],
  ])('%s', (_, rule) => {
    expect(woven([rule, pinned()])).toEqual([rule, expect.objectContaining({ name: 'lane/l1' }), pinned()]);
  });

  test.each<[string, any]>([
    ['an object without http rules', { spec: { hosts: [CART], tcp: [] } }],
    ['an object without spec', {}],
  ])('%s', (_, rest) => {
    const object = { kind: 'VirtualService', metadata: { name: 'cart' }, ...rest };
    expect(weave(object, l1OnCart)).toEqual({ virtualService: object, warnings: [] });
  });

  test.each(['', 'true', 'preview'])('a VirtualService with the label, whatever it says (%j), whatever it does', (value) => {
    const preview = virtualService([{ match: [{ headers: { [HEADER]: { exact: 'x' } } }], route: [to(CART)] }], { labels: { [HANDLES_LANE_HEADER_LABEL]: value } });
    expect(weave(preview, l1OnCart)).toEqual({ virtualService: preview, warnings: [] });
  });
});

describe('refused', () => {
  test('a baseline that is not pinned, with the way to pin it', () => {
    const refused = refusal([{ route: [to(CART)] }]);
    expect(refused.name).toBe('WeaveRefused');
    expect(refused.problems).toEqual([{ code: 'BaselineNotPinned', path: 'spec.http[0].route[0]', message: expect.stringMatching(/pin it: name the subset .* DestinationRule/) }]);
    expect(refused.message).toContain('shop/cart');
    expect(refused.message).toContain('spec.http[0].route[0]');
  });

  test.each<[string, any[], string[]]>([
    ['in a short spelling', [{ route: [to('cart')] }], ['spec.http[0].route[0]']],
    ['with weight zero, which a single destination ignores', [{ route: [to(CART, undefined, { weight: 0 })] }], ['spec.http[0].route[0]']],
    ['beside a pinned one', [{ route: [to(CART, 'release', { weight: 1 }), to(CART, undefined, { weight: 1 })] }], ['spec.http[0].route[1]']],
    ['in several rules', [{ route: [to(CART)] }, pinned(), { route: [to(CART)] }], ['spec.http[0].route[0]', 'spec.http[2].route[0]']],
  ])('a baseline that is not pinned, %s', (_, http, paths) => {
    expect(shown(refusal(http).problems)).toEqual(paths.map((path) => `BaselineNotPinned ${path}`));
  });

  test('a baseline that is not pinned for lanes that other rules do not have either: every lane\'s pods would be reached', () => {
    const table = lanesOf({ l1: [CART], l2: [STOCK] });
    expect(shown(refusal([pinned(), { route: [to(STOCK)] }], table).problems)).toEqual(['BaselineNotPinned spec.http[1].route[0]']);
  });

  test('but not a host without lanes, nor a destination that gets nothing', () => {
    expect(() => weave(virtualService([{ route: [to('mail')] }, { route: [to(CART, 'release', { weight: 1 }), to(CART, undefined, { weight: 0 })] }]), l1OnCart)).not.toThrow();
  });

  const names = [HEADER, 'Project-Version', 'PROJECT-VERSION'];
  const matching = ['headers', 'withoutHeaders'].flatMap((field) => names.map((name): [string, string] => [field, name]));

  test.each(matching)('a baseline that matches the lane header in %s as %s', (field, name) => {
    const [problem, ...others] = refusal([pinned({ match: [{}, { [field]: { [name]: { exact: 'x' } } }] })]).problems;
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: 'BaselineMatchesLaneHeader', path: `spec.http[0].match[1].${field}` });
    expect(problem.message).toContain(HANDLES_LANE_HEADER_LABEL);
  });

  test.each(['redirect', 'directResponse', 'delegate'])('a %s that matches the lane header', (action) => {
    expect(shown(refusal([{ match: [{ headers: { [HEADER]: {} } }], [action]: { name: 'x' } }]).problems)).toEqual(['BaselineMatchesLaneHeader spec.http[0].match[0].headers']);
  });

  const changing = names.flatMap((name): [string, any, string][] => [['sets', { set: { [name]: 'x' } }, name], ['adds', { add: { [name]: 'x' } }, name], ['removes', { remove: [name] }, name]]);

  test.each(changing)('a rule that %s the lane header (%j)', (_, operations) => {
    expect(shown(refusal([pinned({ headers: { request: operations } })]).problems)).toEqual(['BaselineChangesLaneHeader spec.http[0].headers.request']);
  });

  test.each(changing)('a destination that %s the lane header (%j)', (_, operations) => {
    const http = [{ route: [to('mail', 'v1', { weight: 1 }), { ...to('mail', 'v2'), weight: 1, headers: { request: operations } }] }];
    expect(shown(refusal(http).problems)).toEqual(['BaselineChangesLaneHeader spec.http[0].route[1].headers.request']);
  });

  const reporting = ['x-served-lane', 'X-Served-Lane'].flatMap((name): [any][] => [[{ set: { [name]: 'x' } }], [{ add: { [name]: 'x' } }], [{ remove: [name] }]]);

  test.each(reporting)('a rule or a destination that changes the response header by which lanes report (%j)', (operations) => {
    const headers = { response: operations };
    expect(shown(refusal([pinned({ headers }), { route: [to('mail', 'v1', { weight: 1 }), { ...to('mail', 'v2'), weight: 1, headers }] }]).problems)).toEqual([
      'BaselineChangesServedLaneHeader spec.http[0].headers.response',
      'BaselineChangesServedLaneHeader spec.http[1].route[1].headers.response',
    ]);
  });

  test.each(['x-mine', 'X-Mine'])('one that changes the response header that the table chose, written as %j', (servedLaneHeader) => {
    const http = [pinned({ headers: { response: { remove: ['x-mine'] } } })];
    expect(shown(refusal(http, lanesOf({ l1: [CART] }, { servedLaneHeader })).problems)).toEqual(['BaselineChangesServedLaneHeader spec.http[0].headers.response']);
  });

  test('but not one that changes that header in requests, nor where the table wants none', () => {
    expect(() => woven([pinned({ headers: { request: { set: { 'x-served-lane': 'x' } } } })])).not.toThrow();
    expect(() => woven([pinned({ headers: { response: { set: { 'x-served-lane': 'x' } } } })], lanesOf({ l1: [CART] }, { servedLaneHeader: '' }))).not.toThrow();
  });

  test('a baseline that matches the lane header even where no lane is there yet, so that it comes to light before the first', () => {
    expect(shown(refusal([pinned({ match: [{ headers: { [HEADER]: {} } }] })], lanesOf({})).problems)).toEqual(['BaselineMatchesLaneHeader spec.http[0].match[0].headers']);
  });

  test.each<[string, any[]]>([
    ['zero', [to(CART, 'release', { weight: 0 }), to('mail', 'v1', { weight: 0 })]],
    ['left out', [to(CART, 'release'), to(CART, 'v2')]],
  ])('weights that are all %s', (_, route) => {
    expect(shown(refusal([{ route }]).problems)).toEqual(['WeightsAllZero spec.http[0]']);
  });

  test.each(['L1', 'a_b', 'a/b', 'a.b', '-a', 'a-', '', 'x'.repeat(64)])('a lane named %j', (lane) => {
    const [problem, ...others] = refusal([pinned()], lanesOf({ [lane]: [CART] })).problems;
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: 'LaneName', path: `lanes.${lane}` });
    expect(problem.message).toContain('laneName(branch)');
  });

  test.each(['Project-Version', 'project version', ''])('a table with the header %j', (header) => {
    expect(shown(refusal([pinned()], lanesOf({ l1: [CART] }, { header })).problems)).toEqual(['HeaderName header']);
  });

  test('lanes whose destinations ask for different fields of one rule, unless they ask for the same', () => {
    const table = (one: any, other: any) => ({
      header: HEADER, lanes: { l1: { [CART]: { host: CART, subset: 'l1', rule: one }, [STOCK]: { host: STOCK, subset: 'l1', rule: other } } },
    });
    const http = [{ route: [to(CART, 'release', { weight: 1 }), to(STOCK, 'release', { weight: 1 })] }];
    expect(shown(refusal(http, table({ timeout: '1s' }, { timeout: '2s' })).problems)).toEqual(['LaneRuleClash spec.http[0]']);
    expect(woven(http, table({ timeout: '1s' }, { timeout: '1s' }))[0].timeout).toBe('1s');
  });

  test('everything at once, not only the first', () => {
    const refused = refusal([
      pinned({ match: [{ headers: { [HEADER]: {} } }] }),
      { route: [to(CART)] },
      { headers: { request: { remove: ['Project-Version'] } }, route: [to(CART, 'release', { weight: 0 }), to(CART, 'v2')] },
    ], lanesOf({ L1: [CART] }));
    expect(shown(refused.problems)).toEqual([
      'LaneName lanes.L1',
      'BaselineMatchesLaneHeader spec.http[0].match[0].headers',
      'BaselineNotPinned spec.http[1].route[0]',
      'BaselineChangesLaneHeader spec.http[2].headers.request',
      'WeightsAllZero spec.http[2]',
    ]);
    for (const { path, message } of refused.problems) expect(refused.message).toContain(`${path}: ${message}`);
  });

  test('nothing because of rules that were woven before', () => {
    const stale = { name: 'lane/gone/main', match: [ofLane('gone')], route: [to(CART)] };
    expect(woven([stale, pinned()])).toEqual(woven([pinned()]));
  });
});

describe('warned about', () => {
  test.each<[string, any]>([
    ['abbreviated to the namespace', 'cart.shop'],
    ['abbreviated to svc', 'cart.shop.svc'],
    ['with the domain cut off', 'cart.shop.svc.cluster'],
    ['short in capitals', 'CART'],
    ['full in capitals', 'Cart.shop.svc.cluster.local'],
    ['abbreviated in capitals', 'CART.shop'],
    ['with a dot at the end', `${CART}.`],
  ])('a host %s, which Istio does not take for the laned one, so lanes do not apply to it', (_, host) => {
    const http = [{ route: [to(host, 'release')] }];
    expect(woven(http)).toEqual(http);
    expect(shown(warnings(http))).toEqual(['HostNotExpanded spec.http[0].route[0]']);
    expect(warnings(http)[0].message).toContain(`'${host}'`);
    expect(warnings(http)[0].message).toContain(CART);
  });

  test.each(['cart', CART, 'mail.shop', 'MAIL', 'cart.other', 'api.example.com'])('not the host %s', (host) => {
    expect(warnings([{ route: [to(host, 'release')] }])).toEqual([]);
  });

  test.each(['tcp', 'tls'])('%s routes of a laned host, which no header can choose', (kind) => {
    const spec = { [kind]: [{ route: [to('mail')] }, { route: [to('cart', 'release')] }] };
    expect(shown(warnings([pinned()], l1OnCart, spec))).toEqual([`LaneNotForTcp spec.${kind}[1]`]);
    expect(weave(virtualService([pinned()], {}, spec), l1OnCart).virtualService.spec[kind]).toEqual(spec[kind]);
  });

  test.each<[string, any]>([
    ['a mirror', { mirror: { host: 'cart' } }],
    ['one of several mirrors', { mirrors: [{ destination: { host: 'mail' } }, { destination: { host: CART } }] }],
  ])('%s to a laned host without version: copies reach the pods of lanes', (_, mirroring) => {
    const http = [{ ...mirroring, route: [to('mail', 'v1')] }];
    expect(shown(warnings(http))).toEqual(['MirrorNotPinned spec.http[0]']);
    expect(woven(http)).toEqual(http);
  });

  test('not a mirror to a version, nor to a host without lanes', () => {
    expect(warnings([pinned({ mirror: { host: CART, subset: 'v2' } }), pinned({ mirror: { host: 'mail' } })])).toEqual([]);
  });
});

describe('hosts are compared as Istio understands them', () => {
  test('a short name is a Service of the VirtualService\'s namespace', () => {
    const elsewhere = { ...virtualService([{ route: [to('cart', 'release')] }]), metadata: { name: 'cart', namespace: 'other' } };
    expect(weave(elsewhere, l1OnCart).virtualService.spec.http).toHaveLength(1);
    expect(weave(elsewhere, lanesOf({ l1: ['cart.other.svc.cluster.local'] })).virtualService.spec.http).toHaveLength(2);
  });

  test('without a namespace it is one of the namespace default', () => {
    const homeless = { ...virtualService([{ route: [to('cart', 'release')] }]), metadata: { name: 'cart' } };
    expect(weave(homeless, lanesOf({ l1: ['cart.default.svc.cluster.local'] })).virtualService.spec.http).toHaveLength(2);
  });

  test('in the cluster\'s own domain', () => {
    const table = lanesOf({ l1: ['cart.shop.svc.corp.test'] }, { clusterDomain: 'corp.test' });
    expect(woven([{ route: [to('cart', 'release')] }], table)).toHaveLength(2);
    expect(woven([{ route: [to(CART, 'release')] }], table)).toHaveLength(1);
  });
});

describe('browsers may send the lane header', () => {
  const cors = (allowHeaders?: string[]) => [{ corsPolicy: { allowMethods: ['GET'], ...(allowHeaders ? { allowHeaders } : {}) }, route: [] }];
  const allowed = (allowHeaders?: string[]) => allowLaneHeader(virtualService(cors(allowHeaders)), HEADER).spec.http[0].corsPolicy.allowHeaders;

  test.each<[string, string[] | undefined, string[] | undefined]>([
    ['where headers are allowed by name', ['x-user'], ['x-user', HEADER]],
    ['but it is not said twice, in any letters', ['Project-Version'], ['Project-Version']],
    ['nor where all are allowed', ['*'], ['*']],
    ['nor where none are allowed', [], []],
    ['nor where CORS says nothing of headers', undefined, undefined],
  ])('%s', (_, before, after) => {
    expect(allowed(before)).toEqual(after);
  });

  test('and nothing given is changed', () => {
    const given = virtualService(cors(['x-user']));
    allowLaneHeader(given, HEADER);
    expect(given).toEqual(virtualService(cors(['x-user'])));
  });
});
