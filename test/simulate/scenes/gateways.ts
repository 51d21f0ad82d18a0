import { at, everything, OUTSIDE, Scene } from './scene';
import { app, createdIn, deployment, gateway, service, subsets, to, virtualService } from '../../mesh/claims/support';

const http = (...hosts: string[]) => ({ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts });
const https = (host: string) => ({ port: { number: 443, name: `https-${host.split('.')[0]}`, protocol: 'HTTPS' }, hosts: [host], tls: { mode: 'SIMPLE', credentialName: host } });
const edge = (id: string, servers: object[], selector: object | undefined = { istio: 'ingressgateway' }, metadata = {}) => gateway(id, { ...(selector ? { selector } : {}), servers }, metadata);
const cart = [...app('shop/cart', ['v1', 'v2', 'v3']), subsets('shop/cart', 'v1', 'v2', 'v3')];
const bound = (id: string, host: string, http_: object[], gateways = ['shop/edge'], metadata = {}) => virtualService(id, { hosts: [host], gateways, http: http_ }, metadata);
const TO_CART = (version: string) => to('cart.shop.svc.cluster.local', version);

/** Requests that come in through a Gateway. */
export const gateways: Scene[] = [
  {
    name: 'hosts of a Gateway and of VirtualServices',
    manifests: [
      edge('shop/edge', [http('*.example.com', 'exact.example.org', './own.example.net', 'team/theirs.example.net', '*/any.example.net')]),
      ...cart,
      bound('shop/narrow', 'narrow.example.com', [everything(to('cart', 'v1'))]),
      bound('shop/wide', '*', [everything(to('cart', 'v2'))]),
      bound('shop/own', 'own.example.net', [everything(to('cart', 'v3'))]),
      bound('team/own', 'own.example.net', [everything(TO_CART('v1'))]),
      bound('team/theirs', 'theirs.example.net', [everything(TO_CART('v3'))]),
      bound('team/any', 'any.example.net', [everything(TO_CART('v3'))]),
      bound('shop/outside', 'www.elsewhere.org', [everything(to('cart', 'v3'))]),
    ],
    cases: [
      { says: 'the more specific of both is what counts: the VirtualService\'s', from: OUTSIDE, send: { host: 'narrow.example.com' }, gets: 'cart-v1' },
      { says: 'the more specific of both is what counts: the Gateway\'s', from: OUTSIDE, send: { host: 'exact.example.org' }, gets: 'cart-v2' },
      { says: 'a wildcard takes names of several parts', from: OUTSIDE, send: { host: 'a.b.example.com' }, gets: 'cart-v2' },
      { says: 'but not the bare domain', from: OUTSIDE, send: { host: 'example.com' }, gets: '404 NR' },
      { says: './host is for VirtualServices beside the Gateway', from: OUTSIDE, send: { host: 'own.example.net' }, gets: 'cart-v3' },
      { says: 'namespace/host is for those of that namespace', from: OUTSIDE, send: { host: 'theirs.example.net' }, gets: { 'cart-v3': 1 } },
      { says: '*/host is for all', from: OUTSIDE, send: { host: 'any.example.net' }, gets: 'cart-v3' },
      { says: 'a VirtualService for a host that the Gateway has not is ignored', from: OUTSIDE, send: { host: 'www.elsewhere.org' }, gets: '404 NR', because: /no VirtualService of a Gateway at these pods is for the host www\.elsewhere\.org/ },
      { says: 'case and port of the Host mean nothing', from: OUTSIDE, send: { host: 'narrow.example.com', headers: { host: 'Narrow.Example.com:80' } }, gets: 'cart-v1' },
    ],
  },
  {
    name: 'several VirtualServices for one host of a Gateway',
    manifests: [
      edge('shop/edge', [http('*')]), ...cart,
      bound('shop/z-old', 'shop.example.com', [{ match: [{ uri: { prefix: '/old' } }], ...everything(to('cart', 'v1')) }, everything(to('cart', 'v1')), at('/never', to('cart', 'v3'))], ['edge'], createdIn(2023)),
      bound('shop/a-young', 'shop.example.com', [{ match: [{ uri: { prefix: '/old/young' } }], ...everything(to('cart', 'v2')) }, at('/young', to('cart', 'v2')), everything(to('cart', 'v3'))], ['edge'], createdIn(2024)),
    ],
    cases: [
      { says: 'the rules of both hold', from: OUTSIDE, send: { host: 'shop.example.com', path: '/young' }, gets: 'cart-v2' },
      { says: 'the older one\'s come first', from: OUTSIDE, send: { host: 'shop.example.com', path: '/old/young' }, gets: 'cart-v1' },
      { says: 'those that take everything come last, the oldest first', from: OUTSIDE, send: { host: 'shop.example.com', path: '/' }, gets: 'cart-v1' },
      { says: 'what stands behind one in its own VirtualService is lost', from: OUTSIDE, send: { host: 'shop.example.com', path: '/never' }, gets: 'cart-v1' },
    ],
  },
  {
    name: 'which pods a Gateway is for, and where they listen',
    manifests: [
      edge('shop/edge', [http('*')], { istio: 'inner' }),
      deployment('edge/inner', { istio: 'inner', tier: 'one' }), service('edge/inner', { selector: { istio: 'inner' }, ports: [{ name: 'http2', port: 80, targetPort: 8080 }, { name: 'alt', port: 8081, targetPort: 8081 }] }),
      edge('shop/by-target', [{ port: { number: 8081, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }], { istio: 'inner' }),
      ...cart, bound('shop/cart', '*', [everything(to('cart', 'v1'))]), bound('shop/alt', '*', [everything(to('cart', 'v2'))], ['by-target']),
    ],
    cases: [
      { says: 'a Gateway is for pods of any namespace that have its labels', from: { gateway: { istio: 'inner' } }, send: { host: 'any.example.com' }, gets: 'cart-v1' },
      { says: 'each port has its own rules', from: { gateway: { istio: 'inner' } }, send: { host: 'any.example.com', port: 8081 }, gets: 'cart-v2' },
      { says: 'no Gateway has this port: the connection is refused', from: { gateway: { istio: 'inner' } }, send: { host: 'any.example.com', port: 8082 }, gets: 'no answer', because: /the gateway's Service has no port 8082/ },
    ],
  },
  {
    name: 'ports that are left out of destinations',
    manifests: [
      edge('shop/edge', [http('*')]),
      ...app('shop/one', [], [{ name: 'http', port: 9080, targetPort: 8080 }]),
      ...app('shop/two', [], [{ name: 'http', port: 9080, targetPort: 8080 }, { name: 'http-alt', port: 9081, targetPort: 8080 }]),
      bound('shop/one', 'one.example.com', [everything(to('one'))]),
      bound('shop/two', 'two.example.com', [everything(to('two'))]),
      ...app('shop/front'), virtualService('shop/front', { hosts: ['front'], http: [at('/said', { destination: { host: 'one', port: { number: 9080 } } }), everything(to('one'))] }),
    ],
    cases: [
      { says: 'a gateway takes the only one of the service', from: OUTSIDE, send: { host: 'one.example.com' }, gets: 'one' },
      { says: 'of several it takes none, but its own', from: OUTSIDE, send: { host: 'two.example.com' }, gets: '503 NC', because: /two\.shop\.svc\.cluster\.local has no port 80 \(it has 9080, 9081\)/ },
      { says: 'a sidecar takes the request\'s, even if the service has another one only', send: { host: 'front' }, gets: '503 NC', because: /has no port 80 \(it has 9080\)/ },
      { says: 'and the one that is written', send: { host: 'front', path: '/said' }, gets: 'one' },
    ],
  },
  {
    name: 'TLS at a gateway',
    manifests: [
      edge('shop/edge', [https('one.example.com'), https('two.example.com'), { ...http('*.example.com'), tls: { httpsRedirect: true } }]),
      ...cart, bound('shop/one', 'one.example.com', [everything(to('cart', 'v1'))]), bound('shop/two', 'two.example.com', [everything(to('cart', 'v2'))]),
    ],
    cases: [
      { says: 'the server name chooses the server', from: OUTSIDE, send: { host: 'two.example.com', port: 443, tls: true }, gets: 'cart-v2' },
      { says: 'the Host of another server is unknown on that connection', from: OUTSIDE, send: { host: 'one.example.com', port: 443, tls: true, headers: { host: 'two.example.com' } }, gets: '404 NR' },
      { says: 'httpsRedirect sends plain text to https', from: OUTSIDE, send: { host: 'one.example.com', path: '/a?b=c' }, gets: '301', answer: { location: 'https://one.example.com/a?b=c' } },
      { says: 'hosts without a VirtualService too', from: OUTSIDE, send: { host: 'three.example.com' }, gets: '301' },
      { says: 'hosts that it has not are unknown', from: OUTSIDE, send: { host: 'example.org' }, gets: '404 NR' },
    ],
  },
  {
    name: 'what a gateway speaks',
    simulatedOnly: 'the runner serves TLS gateways in plain text',
    manifests: [edge('shop/edge', [https('one.example.com'), http('plain.example.com')]), ...cart, bound('shop/one', 'one.example.com', [everything(to('cart', 'v1'))])],
    cases: [
      { says: 'plain text at a TLS port is closed', from: OUTSIDE, send: { host: 'one.example.com', port: 443 }, gets: 'no answer', because: /speaks TLS only .* in plain text/ },
      { says: 'TLS at a plain port fails', from: OUTSIDE, send: { host: 'one.example.com', port: 80, tls: true }, gets: 'no answer', because: /speaks plain HTTP/ },
      { says: 'a server name that no server has is closed', from: OUTSIDE, send: { host: 'two.example.com', port: 443, tls: true }, gets: 'no answer', because: /no TLS server at port 443 is for the server name two\.example\.com/ },
      { says: 'gateway pods that nobody has refuse connections', from: { gateway: { istio: 'nobody' } }, send: { host: 'one.example.com' }, gets: 'no answer', because: /no workload has the labels/ },
    ],
  },
  {
    name: 'match.gateways, match.port and the mesh',
    manifests: [
      edge('shop/edge', [http('*')]), ...cart,
      virtualService('shop/cart', {
        hosts: ['cart.shop.svc.cluster.local', 'shop.example.com'],
        gateways: ['edge', 'mesh'],
        http: [
          { match: [{ gateways: ['edge'], uri: { prefix: '/x' } }], ...everything(to('cart', 'v1')) },
          { match: [{ gateways: ['mesh'] }], ...everything(to('cart', 'v2')) },
          { match: [{ port: 80 }], ...everything(to('cart', 'v3')) },
        ],
      }),
    ],
    cases: [
      { says: 'a rule for the gateway is for its clients', from: OUTSIDE, send: { host: 'shop.example.com', path: '/x' }, gets: 'cart-v1' },
      { says: 'not for the mesh', send: { host: 'cart', path: '/x' }, gets: 'cart-v2' },
      { says: 'a rule for the mesh is not for the gateway, its port is', from: OUTSIDE, send: { host: 'shop.example.com' }, gets: 'cart-v3' },
      { says: 'a host of the gateway is known to sidecars too, as mesh is among its gateways', send: { host: 'shop.example.com' }, gets: 'cart-v2' },
    ],
  },
  {
    name: 'bare TCP at a gateway',
    manifests: [
      edge('shop/edge', [{ port: { number: 31400, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] }]),
      service('istio-system/gateway', { selector: { istio: 'ingressgateway' }, ports: [{ name: 'tcp', port: 31400 }] }),
      ...cart,
      virtualService('shop/cart', { hosts: ['*'], gateways: ['edge'], tcp: [{ match: [{ port: 31400 }], route: [to('cart', 'v2')] }] }),
    ],
    cases: [
      { says: 'whatever the client says, the port decides', from: OUTSIDE, send: { host: 'shop.example.com', port: 31400 }, gets: 'cart-v2' },
    ],
  },
  {
    name: 'what the client says of its scheme',
    manifests: [
      edge('shop/edge', [http('*')]), ...cart,
      virtualService('shop/cart', {
        hosts: ['cart.shop.svc.cluster.local', 'shop.example.com'],
        gateways: ['edge', 'mesh'],
        http: [{ match: [{ scheme: { exact: 'https' } }], ...everything(to('cart', 'v1')) }, { redirect: { uri: '/new' } }],
      }),
    ],
    cases: [
      { says: 'a sidecar believes its pod', send: { host: 'cart', headers: { 'x-forwarded-proto': 'https' } }, gets: 'cart-v1' },
      { says: 'not anything', send: { host: 'cart', headers: { 'x-forwarded-proto': 'ftp' } }, gets: '301', answer: { location: 'http://cart/new' } },
      { says: 'a gateway believes nobody', from: OUTSIDE, send: { host: 'shop.example.com', headers: { 'x-forwarded-proto': 'https' } }, gets: '301', answer: { location: 'http://shop.example.com/new' } },
    ],
  },
];
