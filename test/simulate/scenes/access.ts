import { everything, OUTSIDE, Scene } from './scene';
import { app, authorizationPolicy, destinationRule, gateway, namespace, peerAuthentication, to, virtualService } from '../../mesh/claims/support';

const forApp = (name: string) => ({ selector: { matchLabels: { app: name } } });
const DATA = [{ name: 'tcp', port: 5432, targetPort: 6432 }];
const paths = (...list: string[]) => [{ operation: { paths: list } }];

/** Who is let in. */
export const access: Scene[] = [
  {
    name: 'AuthorizationPolicies by request',
    manifests: [
      ...app('shop/cart'), ...app('shop/closed'), ...app('shop/open'), ...app('shop/lists'), ...app('shop/tried'),
      authorizationPolicy('shop/tried', { ...forApp('tried'), action: 'DENY', rules: [{}] }, { annotations: { 'istio.io/dry-run': 'true' } }),
      authorizationPolicy('shop/allow', { ...forApp('cart'), action: 'ALLOW', rules: [{ to: paths('/open', '/both', '/tree/*') }, { to: paths('/admin'), when: [{ key: 'request.headers[x-role]', values: ['admin'] }] }] }),
      authorizationPolicy('shop/deny', { ...forApp('cart'), action: 'DENY', rules: [{ to: paths('/both') }] }),
      authorizationPolicy('shop/nothing', { ...forApp('closed') }),
      authorizationPolicy('shop/anything', { ...forApp('open'), rules: [{}] }),
      authorizationPolicy('shop/lists', { ...forApp('lists'), rules: [{ to: [{ operation: { methods: ['GET'], notPaths: ['*.php'], hosts: ['lists', 'lists.*'] } }] }] }),
    ],
    cases: [
      { says: 'what some ALLOW takes is let in', send: { host: 'cart', path: '/open?q=1' }, gets: 'cart' },
      { says: 'what none takes is 403', send: { host: 'cart', path: '/other?q=/open' }, gets: '403', because: /RBAC: access denied: AuthorizationPolicy shop\/allow allows others only/ },
      { says: 'a trailing star', send: { host: 'cart', path: '/tree/x' }, gets: 'cart' },
      { says: 'DENY comes first', send: { host: 'cart', path: '/both' }, gets: '403', because: /AuthorizationPolicy shop\/deny denies it/ },
      { says: 'to and when hold together: yes', send: { host: 'cart', path: '/admin', headers: { 'x-role': 'admin' } }, gets: 'cart' },
      { says: 'to and when hold together: no', send: { host: 'cart', path: '/admin' }, gets: '403' },
      { says: 'no rules deny everything', send: { host: 'closed' }, gets: '403' },
      { says: 'an empty rule denies nothing', send: { host: 'open' }, gets: 'open' },
      { says: 'what is only tried denies nothing', send: { host: 'tried' }, gets: 'tried' },
      { says: 'methods and hosts', send: { host: 'lists' }, gets: 'lists' },
      { says: 'not this method', send: { host: 'lists', method: 'POST' }, gets: '403' },
      { says: 'not these paths', send: { host: 'lists', path: '/x.php' }, gets: '403' },
    ],
  },
  {
    name: 'AuthorizationPolicies by sender',
    mutualTls: true,
    manifests: [
      ...app('shop/cart'), ...app('shop/accounts'), ...app('shop/all'), ...app('team/job'), namespace('bare', false),
      authorizationPolicy('shop/allow', { ...forApp('cart'), rules: [{ from: [{ source: { namespaces: ['team'] } }] }] }),
      authorizationPolicy('shop/accounts', { ...forApp('accounts'), rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/buyer', '*/sa/seller'] } }] }] }),
      authorizationPolicy('istio-system/root', { action: 'DENY', rules: [{ from: [{ source: { namespaces: ['banned'] } }] }] }),
    ],
    cases: [
      { says: 'their namespace', from: { namespace: 'team' }, send: { host: 'cart.shop' }, gets: 'cart' },
      { says: 'not another one', send: { host: 'cart' }, gets: '403' },
      { says: 'workloads of it', from: { namespace: 'team', workload: 'job' }, send: { host: 'cart.shop' }, gets: 'cart' },
      { says: 'who speaks plain text is nobody', from: { namespace: 'team', sidecar: false }, send: { host: 'cart.shop' }, gets: '403' },
      { says: 'their account', from: { namespace: 'shop', serviceAccount: 'buyer' }, send: { host: 'accounts' }, gets: 'accounts' },
      { says: 'the end of it', from: { namespace: 'team', serviceAccount: 'seller' }, send: { host: 'accounts.shop' }, gets: 'accounts' },
      { says: 'not this one', from: { namespace: 'team', serviceAccount: 'buyer' }, send: { host: 'accounts.shop' }, gets: '403' },
      { says: 'policies of the root namespace hold everywhere', from: { namespace: 'banned' }, send: { host: 'all.shop' }, gets: '403' },
      { says: 'for whom they are', send: { host: 'all' }, gets: 'all' },
    ],
  },
  {
    name: 'AuthorizationPolicies at a gateway',
    manifests: [
      gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
      ...app('shop/cart'), virtualService('shop/cart', { hosts: ['*'], gateways: ['edge'], http: [everything(to('cart'))] }),
      authorizationPolicy('istio-system/edge', { selector: { matchLabels: { istio: 'ingressgateway' } }, action: 'DENY', rules: [{ to: paths('/admin*') }] }),
    ],
    cases: [
      { says: 'hold there', from: OUTSIDE, send: { host: 'shop.example.com', path: '/admin/x' }, gets: '403', because: /at the gateway/ },
      { says: 'let others in', from: OUTSIDE, send: { host: 'shop.example.com' }, gets: 'cart' },
    ],
  },
  {
    name: 'PeerAuthentication',
    mutualTls: true,
    manifests: [
      ...app('strict/cart'), ...app('strict/soft'), ...app('loose/cart'),
      peerAuthentication('strict/default', { mtls: { mode: 'STRICT' } }),
      peerAuthentication('strict/soft', { selector: { matchLabels: { app: 'soft' } }, mtls: { mode: 'PERMISSIVE' } }),
    ],
    cases: [
      { says: 'STRICT takes sidecars', from: { namespace: 'loose' }, send: { host: 'cart.strict' }, gets: 'cart' },
      { says: 'and nobody else', from: { namespace: 'loose', sidecar: false }, send: { host: 'cart.strict' }, gets: 'no answer', because: /takes mutual TLS only, and gets plain text/ },
      { says: 'some workloads may be softer', from: { namespace: 'loose', sidecar: false }, send: { host: 'soft.strict' }, gets: 'soft' },
      { says: 'PERMISSIVE, the default, takes both', from: { namespace: 'strict', sidecar: false }, send: { host: 'cart.loose' }, gets: 'cart' },
    ],
  },
  {
    name: 'AuthorizationPolicies where only connections are seen',
    manifests: [
      ...['cart', 'deny', 'ports', 'mixed', 'other'].flatMap((name) => app(`shop/${name}`, [], DATA)),
      authorizationPolicy('shop/cart', { ...forApp('cart'), rules: [{ to: [{ operation: { methods: ['GET'] } }] }] }),
      authorizationPolicy('shop/deny', { ...forApp('deny'), action: 'DENY', rules: [{ to: [{ operation: { methods: ['POST'] } }] }] }),
      authorizationPolicy('shop/ports', { ...forApp('ports'), rules: [{ to: [{ operation: { ports: ['6432'] } }] }] }),
      authorizationPolicy('shop/mixed', { ...forApp('mixed'), action: 'DENY', rules: [{ to: [{ operation: { methods: ['POST'], ports: ['9999'] } }] }] }),
      authorizationPolicy('shop/other', { ...forApp('other'), rules: [{ to: [{ operation: { methods: ['GET'] } }] }, { to: [{ operation: { ports: ['6432'] } }] }] }),
    ],
    cases: [
      { says: 'an ALLOW by request allows none', send: { host: 'cart', port: 5432 }, gets: 'no answer', because: /AuthorizationPolicy shop\/cart allows others only/ },
      { says: 'a DENY by request denies all', send: { host: 'deny', port: 5432 }, gets: 'no answer', because: /AuthorizationPolicy shop\/deny denies it/ },
      { says: 'an ALLOW by port holds', send: { host: 'ports', port: 5432 }, gets: 'ports' },
      { says: 'a DENY by request and port looks at the port alone', send: { host: 'mixed', port: 5432 }, gets: 'mixed' },
      { says: 'another rule of an ALLOW may be for connections', send: { host: 'other', port: 5432 }, gets: 'other' },
    ],
  },
  {
    name: 'mutual TLS port by port',
    mutualTls: true,
    manifests: [
      ...app('shop/cart', [], [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'http-more', port: 81, targetPort: 8081 }]),
      ...app('shop/plain'),
      peerAuthentication('shop/cart', { selector: { matchLabels: { app: 'cart' } }, mtls: { mode: 'DISABLE' }, portLevelMtls: { 8081: { mode: 'STRICT' } } }),
      authorizationPolicy('shop/cart', { ...forApp('cart'), rules: [{ from: [{ source: { principals: ['*'] } }] }] }),
      destinationRule('shop/plain', { host: 'plain', trafficPolicy: { tls: { mode: 'DISABLE' } } }),
      peerAuthentication('shop/plain', { selector: { matchLabels: { app: 'plain' } }, mtls: { mode: 'STRICT' } }),
    ],
    cases: [
      { says: 'without it nobody has a name', send: { host: 'cart' }, gets: '403' },
      { says: 'with it they have', send: { host: 'cart', port: 81 }, gets: 'cart' },
      { says: 'and plain text is closed', from: { namespace: 'shop', sidecar: false }, send: { host: 'cart', port: 81 }, gets: 'no answer' },
      { says: 'a DestinationRule that says plain text to pods that take none: 503 UC', send: { host: 'plain' }, gets: '503 UC', because: /takes mutual TLS only, and gets plain text/ },
    ],
  },
  {
    name: 'a namespace that takes no mutual TLS',
    mutualTls: true,
    manifests: [
      ...app('soft/cart'), ...app('soft/hard'),
      peerAuthentication('soft/default', { mtls: { mode: 'DISABLE' } }),
      peerAuthentication('soft/hard', { selector: { matchLabels: { app: 'hard' } }, mtls: { mode: 'STRICT' } }),
    ],
    cases: [
      { says: 'gets plain text', from: { namespace: 'soft' }, send: { host: 'cart' }, gets: 'cart' },
      { says: 'also where single workloads demand it', from: { namespace: 'soft' }, send: { host: 'hard' }, gets: '503 UC', because: /hard takes mutual TLS only, and gets plain text/ },
    ],
  },
];
