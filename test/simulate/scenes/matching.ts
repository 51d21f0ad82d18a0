import { Case, everything, OUTSIDE, Scene } from './scene';
import { app, gateway, to, virtualService } from '../../mesh/claims/support';

/** Rules that answer with their name where their match takes a request, before a rule that answers `rest`. */
function answering(rules: Record<string, object[]>): object {
  const named = Object.entries(rules).map(([name, match]) => ({ match, headers: { request: { set: { 'x-rule': name } } }, route: [to('cart')] }));
  return virtualService('shop/cart', { hosts: ['cart'], http: [...named, { headers: { request: { set: { 'x-rule': 'rest' } } }, route: [to('cart')] }] });
}

function taken(says: string, by: string, send: Omit<Case['send'], 'host'>, from?: Case['from']): Case {
  return { says, send: { host: 'cart', ...send }, from, gets: 'cart', arrives: { headers: { 'x-rule': by } } };
}

/** Which rule takes a request. */
export const matching: Scene[] = [
  {
    name: 'paths',
    manifests: [...app('shop/cart'), answering({
      exact: [{ uri: { exact: '/exact' } }],
      prefix: [{ uri: { prefix: '/foo' } }],
      folded: [{ uri: { prefix: '/FOLDED' }, ignoreUriCase: true }, { uri: { exact: '/Whole' }, ignoreUriCase: true }],
      regex: [{ uri: { regex: '/item/[0-9]+' } }],
      cased: [{ uri: { regex: '/CASED' }, ignoreUriCase: true }],
      quirks: [{ uri: { regex: '/(?i)quirk|/either' } }],
    })],
    cases: [
      taken('an exact path', 'exact', { path: '/exact' }),
      taken('the query is not part of it', 'exact', { path: '/exact?a=b' }),
      taken('a slash more is another path', 'rest', { path: '/exact/' }),
      taken('case counts', 'rest', { path: '/Exact' }),
      taken('a prefix is one of letters, not of segments', 'prefix', { path: '/foobar' }),
      taken('ignoreUriCase for prefixes', 'folded', { path: '/folded/x' }),
      taken('ignoreUriCase for whole paths', 'folded', { path: '/wHOLE' }),
      taken('a regex takes whole paths', 'regex', { path: '/item/42' }),
      taken('not parts of them', 'rest', { path: '/item/42/more' }),
      taken('nor their query', 'regex', { path: '/item/42?x=/y' }),
      taken('ignoreUriCase means nothing to a regex', 'rest', { path: '/cased' }),
      taken('alternatives hold for the whole path', 'quirks', { path: '/either' }),
      taken('flags within', 'quirks', { path: '/QUIRK' }),
      taken('dots are resolved first', 'exact', { path: '/a/../exact' }),
      taken('letters are unescaped first', 'exact', { path: '/%65xact' }),
    ],
  },
  {
    name: 'headers',
    manifests: [...app('shop/cart'), answering({
      exact: [{ headers: { 'X-Exact': { exact: 'v1' } } }],
      prefix: [{ headers: { 'x-prefix': { prefix: 'v' } } }],
      regex: [{ headers: { 'user-agent': { regex: '.*Safari.*' } } }],
      present: [{ headers: { 'x-present': {} } }],
      both: [{ headers: { 'x-a': { exact: '1' }, 'x-b': { exact: '2' } } }],
      either: [{ headers: { 'x-c': { exact: '1' } } }, { headers: { 'x-d': { exact: '2' } } }],
      cookie: [{ headers: { cookie: { regex: '^(.*?;)?\\s*(branch=x)(;.*)?$' } } }],
      joined: [{ headers: { 'x-list': { exact: 'a,b' } } }],
    })],
    cases: [
      taken('names without regard to case', 'exact', { headers: { 'x-eXact': 'v1' } }),
      taken('values with', 'rest', { headers: { 'x-exact': 'V1' } }),
      taken('prefix', 'prefix', { headers: { 'x-prefix': 'v27' } }),
      taken('regex', 'regex', { headers: { 'user-agent': 'Mozilla Safari/1' } }),
      taken('{} is mere presence', 'present', { headers: { 'x-present': 'anything' } }),
      taken('all of one entry', 'both', { headers: { 'x-a': '1', 'x-b': '2' } }),
      taken('not one alone', 'rest', { headers: { 'x-a': '1' } }),
      taken('one of several entries', 'either', { headers: { 'x-d': '2' } }),
      taken('a cookie at the end', 'cookie', { headers: { cookie: 'a=b; branch=x' } }),
      taken('a cookie in the middle', 'cookie', { headers: { cookie: 'a=b; branch=x; c=d' } }),
      taken('no cookie that only begins so', 'rest', { headers: { cookie: 'branch=xy' } }),
      taken('several lines of a header are joined by a comma', 'joined', { headers: { 'x-list': ['a', 'b'] } }),
    ],
  },
  {
    name: 'withoutHeaders',
    manifests: [...app('shop/cart'), answering({
      absent: [{ uri: { exact: '/absent' }, withoutHeaders: { 'x-a': {} } }],
      star: [{ uri: { exact: '/star' }, withoutHeaders: { 'x-a': { regex: '*' } } }],
      value: [{ uri: { exact: '/value' }, withoutHeaders: { 'x-a': { exact: '1' } } }],
      any: [{ uri: { exact: '/any' }, withoutHeaders: { 'x-a': { regex: '.*' } } }],
    })],
    cases: [
      taken('{} takes requests without the header', 'absent', { path: '/absent' }),
      taken('and no others, not even with an empty one', 'rest', { path: '/absent', headers: { 'x-a': '1' } }),
      taken('a lone star is the same', 'star', { path: '/star' }),
      taken('a lone star refuses the header', 'rest', { path: '/star', headers: { 'x-a': '1' } }),
      taken('a value refuses that value', 'rest', { path: '/value', headers: { 'x-a': '1' } }),
      taken('a value takes others', 'value', { path: '/value', headers: { 'x-a': '2' } }),
      taken('a missing header counts as another value', 'value', { path: '/value' }),
      taken('a missing header counts as empty, which any value is', 'rest', { path: '/any' }),
    ],
  },
  {
    name: 'method, scheme, authority, query, port',
    manifests: [...app('shop/cart', [], [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'http-alt', port: 8081, targetPort: 8080 }]), answering({
      method: [{ method: { exact: 'POST' } }],
      scheme: [{ uri: { prefix: '/scheme' }, scheme: { exact: 'http' } }],
      authority: [{ uri: { prefix: '/authority' }, authority: { exact: 'cart:8081' } }],
      present: [{ queryParams: { present: {} } }],
      empty: [{ queryParams: { empty: { exact: '' } } }],
      query: [{ queryParams: { a: { exact: '1' }, b: { prefix: '2' } } }],
      port: [{ uri: { prefix: '/port' }, port: 8081 }],
      pseudo: [{ uri: { prefix: '/pseudo' }, headers: { ':authority': { prefix: 'cart' } } }],
    })],
    cases: [
      taken('method', 'method', { method: 'POST' }),
      taken('scheme', 'scheme', { path: '/scheme' }),
      taken('the authority has the port that the client sent', 'authority', { path: '/authority', port: 8081 }),
      taken('and none where it sent none', 'rest', { path: '/authority', port: 8081, headers: { host: 'cart' } }),
      taken('a parameter that is there', 'present', { path: '/?present=x' }),
      taken('a parameter without value', 'present', { path: '/?present' }),
      taken('an empty parameter', 'empty', { path: '/?empty=' }),
      taken('a parameter that is not empty', 'rest', { path: '/?empty=x' }),
      taken('all parameters', 'query', { path: '/?b=27&a=1' }),
      taken('not one alone', 'rest', { path: '/?a=1' }),
      taken('the port of the service', 'port', { path: '/port', port: 8081 }),
      taken('no other', 'rest', { path: '/port' }),
      taken('pseudo headers', 'pseudo', { path: '/pseudo' }),
    ],
  },
  {
    name: 'the source of a request',
    manifests: [...app('shop/cart'), answering({
      labels: [{ sourceLabels: { app: 'admin', tier: 'one' } }],
      namespace: [{ sourceNamespace: 'stranger' }],
      gateways: [{ gateways: ['mesh'], sourceLabels: { app: 'nobody' }, uri: { prefix: '/gateways' } }],
      gateway: [{ gateways: ['edge'], uri: { prefix: '/gateway' } }],
    })],
    cases: [
      taken('all labels that are asked for, among others', 'labels', {}, { namespace: 'shop', labels: { app: 'admin', tier: 'one', other: 'x' } }),
      taken('not some of them', 'rest', {}, { namespace: 'shop', labels: { app: 'admin' } }),
      { ...taken('sourceNamespace', 'namespace', {}, { namespace: 'stranger' }), send: { host: 'cart.shop' } },
      taken('a list of gateways makes the source mean nothing', 'gateways', { path: '/gateways' }),
      taken('a list without mesh is not for sidecars', 'rest', { path: '/gateway' }),
    ],
  },
  {
    name: 'rules behind one that takes everything',
    manifests: [
      ...app('shop/middle', ['v1', 'v2']), ...app('shop/odd', ['v1', 'v2']),
      gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
      virtualService('shop/odd', { hosts: ['odd.example.com'], gateways: ['edge'], http: [{ match: [{ uri: { prefix: '' } }], ...everything(to('odd-v1')) }, { match: [{ uri: { prefix: '/x' } }], ...everything(to('odd-v2')) }] }),
      virtualService('shop/even', { hosts: ['even.example.com'], gateways: ['edge'], http: [{ match: [{ uri: { regex: '.*' } }], ...everything(to('odd-v1')) }] }),
      ...['odd-v1', 'odd-v2'].map((name) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { selector: { app: 'odd', version: name.slice(-2) }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } })),
    ],
    cases: [
      { says: 'an empty prefix takes everything', from: OUTSIDE, send: { host: 'odd.example.com', path: '/x' }, gets: 'odd-v1' },
      { says: 'so does the regex .*', from: OUTSIDE, send: { host: 'even.example.com', path: '/x' }, gets: 'odd-v1' },
    ],
  },
];
