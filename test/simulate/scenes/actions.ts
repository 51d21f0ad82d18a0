import { at, everything, OUTSIDE, Scene } from './scene';
import { app, gateway, service, subsets, to, virtualService } from '../../mesh/claims/support';

const cart = [...app('shop/cart', ['v1', 'v2', 'v3']), subsets('shop/cart', 'v1', 'v2', 'v3')];
const rules = (...http: object[]) => virtualService('shop/cart', { hosts: ['cart'], http });
const on = (prefix: string, rule: object) => ({ match: [{ uri: { prefix } }], ...rule });

/** What a rule does with a request: where to, how it is changed, what is answered. */
export const actions: Scene[] = [
  {
    name: 'weights',
    manifests: [...cart, rules(
      at('/relative', to('cart', 'v1', 1), to('cart', 'v2', 2)),
      at('/zero', to('cart', 'v1', 0), to('cart', 'v2', 30), to('cart', 'v3', 0)),
      at('/unset', to('cart', 'v1'), to('cart', 'v2', 30)),
      at('/single', to('cart', 'v1', 0)),
      at('/broken', to('cart', 'v1', 75), to('cart', 'gone', 25)),
      everything(to('cart')),
    )],
    cases: [
      { says: 'need not sum to 100', send: { host: 'cart', path: '/relative' }, gets: { 'cart-v1': 1 / 3, 'cart-v2': 2 / 3 } },
      { says: '0 among several gets nothing', send: { host: 'cart', path: '/zero' }, gets: 'cart-v2' },
      { says: 'none among several is 0', send: { host: 'cart', path: '/unset' }, gets: 'cart-v2' },
      { says: 'that of a single destination means nothing', send: { host: 'cart', path: '/single' }, gets: 'cart-v1' },
      { says: 'a destination that does not exist fails for its share', send: { host: 'cart', path: '/broken' }, gets: { 'cart-v1': 0.75, '503 NC': 0.25 }, because: /defines no subset gone of cart\.shop\.svc\.cluster\.local \(it has v1, v2, v3\)/ },
      { says: 'without subset all pods share', send: { host: 'cart' }, gets: { 'cart-v1': 1 / 3, 'cart-v2': 1 / 3, 'cart-v3': 1 / 3 } },
    ],
  },
  {
    name: 'destinations that cannot serve',
    manifests: [
      ...app('shop/cart', ['v1']), subsets('shop/cart', 'v1', 'v2'), service('shop/idle', { selector: { app: 'idle' }, ports: [{ name: 'http', port: 80 }] }),
      rules(at('/subset', to('cart', 'v2')), at('/host', to('nowhere')), at('/port', { destination: { host: 'cart', port: { number: 81 } } }), at('/idle', to('idle')), everything(to('cart', 'v1'))),
    ],
    cases: [
      { says: 'a subset without pods is 503 UH', send: { host: 'cart', path: '/subset' }, gets: '503 UH', because: /subset v2 of cart\.shop\.svc\.cluster\.local has no ready pods: no pods have the labels app=cart,version=v2/ },
      { says: 'an unknown host is 503 NC', send: { host: 'cart', path: '/host' }, gets: '503 NC', because: /no Service or ServiceEntry has the host nowhere\.shop\.svc\.cluster\.local/ },
      { says: 'an unknown port is 503 NC', send: { host: 'cart', path: '/port' }, gets: '503 NC', because: /has no port 81 \(it has 80\)/ },
      { says: 'a Service without pods is 503 UH', send: { host: 'cart', path: '/idle' }, gets: '503 UH' },
    ],
  },
  {
    name: 'rewrites',
    manifests: [...cart, rules(
      on('/prefix', { rewrite: { uri: '/new' }, ...everything(to('cart', 'v1')) }),
      on('/slash/', { rewrite: { uri: '/' }, ...everything(to('cart', 'v1')) }),
      { match: [{ uri: { exact: '/exact' } }], rewrite: { uri: '/all' }, ...everything(to('cart', 'v1')) },
      { match: [{ uri: { regex: '/regex/.*' } }], rewrite: { uriRegexRewrite: { match: '^/regex/([a-z]+)/(.*)$', rewrite: '/\\2/\\1' } }, ...everything(to('cart', 'v1')) },
      on('/host', { rewrite: { authority: 'other.example.com' }, ...everything({ ...to('cart', 'v1'), headers: { request: { set: { host: 'lost.example.com' } } } }) }),
      on('/own', everything({ ...to('cart', 'v1'), headers: { request: { set: { ':authority': 'own.example.com' } } } })),
      everything(to('cart')),
    )],
    cases: [
      { says: 'a prefix is replaced where it matched', send: { host: 'cart', path: '/prefix/x?q=1' }, gets: 'cart-v1', arrives: { path: '/new/x?q=1' } },
      { says: 'slashes are not minded', send: { host: 'cart', path: '/slash/x' }, gets: 'cart-v1', arrives: { path: '/x' } },
      { says: 'an exact path is replaced as a whole', send: { host: 'cart', path: '/exact?q=1' }, gets: 'cart-v1', arrives: { path: '/all?q=1' } },
      { says: 'groups of a regex', send: { host: 'cart', path: '/regex/a/b?q=1' }, gets: 'cart-v1', arrives: { path: '/b/a?q=1' } },
      { says: 'the authority of a rule comes before a destination\'s', send: { host: 'cart', path: '/host' }, gets: 'cart-v1', arrives: { host: 'other.example.com', path: '/host' } },
      { says: 'a destination may set it', send: { host: 'cart', path: '/own' }, gets: 'cart-v1', arrives: { host: 'own.example.com' } },
    ],
  },
  {
    name: 'redirects and direct responses',
    manifests: [
      ...cart,
      rules(
        on('/uri', { redirect: { uri: '/new' } }),
        on('/authority', { redirect: { authority: 'other.example.com', redirectCode: 302 } }),
        on('/https', { redirect: { scheme: 'https' } }),
        on('/port', { redirect: { port: 8443 } }),
        on('/default', { redirect: { port: 443, scheme: 'https' } }),
        on('/fixed', { directResponse: { status: 418, body: { string: 'teapot' } }, headers: { response: { set: { 'x-by': 'rule' } } } }),
        on('/prefix', { redirect: { prefixRewrite: '/other' } }),
        everything(to('cart', 'v1')),
      ),
      gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 8080, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
      virtualService('shop/edge', { hosts: ['*'], gateways: ['edge'], http: [{ redirect: { uri: '/new', derivePort: 'FROM_REQUEST_PORT' } }] }),
    ],
    cases: [
      { says: '301 and the rest of the address', send: { host: 'cart', path: '/uri/x?q=1' }, gets: '301', answer: { location: 'http://cart/new?q=1' } },
      { says: 'another host', send: { host: 'cart', path: '/authority?q=1' }, gets: '302', answer: { location: 'http://other.example.com/authority?q=1' } },
      { says: 'another scheme', send: { host: 'cart', path: '/https' }, gets: '301', answer: { location: 'https://cart/https' } },
      { says: 'another port', send: { host: 'cart', path: '/port' }, gets: '301', answer: { location: 'http://cart:8443/port' } },
      { says: 'the usual port of a scheme is left out', send: { host: 'cart', path: '/default' }, gets: '301', answer: { location: 'https://cart/default' } },
      { says: 'a part of the path', send: { host: 'cart', path: '/prefix/x' }, gets: '301', answer: { location: 'http://cart/other/x' } },
      { says: 'the port of the Gateway\'s server', from: OUTSIDE, send: { host: 'www.example.com', port: 8080, headers: { host: 'www.example.com' } }, gets: '301', answer: { location: 'http://www.example.com:8080/new' } },
      { says: 'a rule may answer by itself', send: { host: 'cart', path: '/fixed' }, gets: '418', answer: { 'x-by': 'rule' }, tells: { branches: [{ body: 'teapot' }] } },
    ],
  },
  {
    name: 'mirrors',
    manifests: [...cart, ...app('shop/sniffer'), rules(
      on('/one', { mirror: { host: 'cart', subset: 'v2' }, ...everything(to('cart', 'v1')) }),
      on('/several', { mirrors: [{ destination: { host: 'cart', subset: 'v2' } }, { destination: { host: 'sniffer' } }], ...everything(to('cart', 'v1')) }),
      on('/never', { mirror: { host: 'cart', subset: 'v2' }, mirrorPercentage: { value: 0 }, ...everything(to('cart', 'v1')) }),
      on('/lost', { mirror: { host: 'cart', subset: 'gone' }, ...everything(to('cart', 'v1')) }),
      on('/idle', { mirror: { host: 'cart', subset: 'v2' }, ...everything(to('cart', 'gone')) }),
      everything(to('cart', 'v1')),
    )],
    cases: [
      { says: 'a copy of each request', send: { host: 'cart', path: '/one' }, gets: 'cart-v1', mirrors: ['cart-v2'], tells: { mirrors: [{ percent: 100 }] } },
      { says: 'several mirrors', send: { host: 'cart', path: '/several' }, gets: 'cart-v1', mirrors: ['cart-v2', 'sniffer'] },
      { says: '0 % is none', send: { host: 'cart', path: '/never' }, gets: 'cart-v1', mirrors: [] },
      { says: 'a copy for nobody is lost, and the answer is what it is', send: { host: 'cart', path: '/lost' }, gets: 'cart-v1', mirrors: [], tells: { mirrors: [{ lost: expect.stringMatching(/defines no subset gone/) }] } },
      { says: 'a request for nobody is not copied', send: { host: 'cart', path: '/idle' }, gets: '503 NC', mirrors: [] },
    ],
  },
];
