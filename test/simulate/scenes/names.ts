import { at, everything, OUTSIDE, Scene } from './scene';
import { app, createdIn, destinationRule, gateway, subset, subsets, to, virtualService } from '../../mesh/claims/support';

const FQDN = 'cart.shop.svc.cluster.local';

/** Names, who sees an object, and which of several objects decides. */
export const names: Scene[] = [
  {
    name: 'hosts of VirtualServices and destinations',
    manifests: [
      ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'), ...app('shop/dotted', ['v1', 'v2']), subsets('shop/dotted', 'v1', 'v2'),
      virtualService('shop/cart', {
        hosts: ['cart'],
        http: [at('/dotted', to('dotted.shop', 'v1')), at('/svc', to('dotted.shop.svc', 'v1')), at('/full', to('dotted.shop.svc.cluster.local', 'v1')), at('/short', to('dotted', 'v1')), everything(to('cart', 'v2'))],
      }),
      virtualService('shop/dotted', { hosts: ['dotted.shop'], http: [everything(to('dotted', 'v2'))] }),
    ],
    cases: [
      { says: 'a host without dots belongs to the namespace of its VirtualService', send: { host: FQDN }, gets: 'cart-v2' },
      { says: 'a destination without dots does too', send: { host: 'cart', path: '/short' }, gets: 'dotted-v1' },
      { says: 'a destination with its full name is found', send: { host: 'cart', path: '/full' }, gets: 'dotted-v1' },
      { says: 'a destination with a dot is taken as it stands, and is unknown as name.namespace', send: { host: 'cart', path: '/dotted' }, gets: '503 NC', because: /no Service or ServiceEntry has the host dotted\.shop; dotted\.shop\.svc\.cluster\.local is the full name/ },
      { says: 'a destination as name.namespace.svc is unknown too', send: { host: 'cart', path: '/svc' }, gets: '503 NC' },
      { says: 'a VirtualService for name.namespace takes requests with that very Host on port 80', send: { host: 'dotted.shop' }, gets: 'dotted-v2' },
      { says: 'and no others for the service', send: { host: 'dotted' }, gets: { 'dotted-v1': 0.5, 'dotted-v2': 0.5 } },
    ],
  },
  {
    name: 'several VirtualServices for one host of the mesh',
    manifests: [
      ...app('shop/age', ['v1', 'v2']), subsets('shop/age', 'v1', 'v2'), ...app('shop/other', ['v1', 'v2']), subsets('shop/other', 'v1', 'v2'),
      virtualService('shop/z-old', { hosts: ['age'], http: [everything(to('age', 'v1'))] }, createdIn(2024)),
      virtualService('shop/a-young', { hosts: ['age', 'other'], http: [at('/young', to('age', 'v2')), everything(to('other', 'v2'))] }, createdIn(2025)),
      ...app('shop/name', ['v1', 'v2']), subsets('shop/name', 'v1', 'v2'),
      virtualService('shop/b', { hosts: ['name'], http: [everything(to('name', 'v2'))] }),
      virtualService('shop/a', { hosts: ['name'], http: [everything(to('name', 'v1'))] }),
    ],
    cases: [
      { says: 'the older one decides', send: { host: 'age' }, gets: 'age-v1', tells: { decision: { virtualService: { name: 'z-old' }, overruled: [{ object: { name: 'a-young' } }] } } },
      { says: 'nothing of the younger one is merged in', send: { host: 'age', path: '/young' }, gets: 'age-v1' },
      { says: 'the younger one keeps its other hosts', send: { host: 'other' }, gets: 'other-v2' },
      { says: 'of two that are equally old the first by name decides', send: { host: 'name' }, gets: 'name-v1' },
    ],
  },
  {
    name: 'exportTo of VirtualServices',
    manifests: [
      ...app('shop/cart', ['v1', 'v2', 'v3']), subsets('shop/cart', 'v1', 'v2', 'v3'),
      virtualService('shop/cart', { hosts: ['cart'], http: [everything(to('cart', 'v1'))] }, createdIn(2023)),
      virtualService('private/cart', { hosts: [FQDN], exportTo: ['.'], http: [everything(to(FQDN, 'v2'))] }, createdIn(2025)),
      virtualService('elsewhere/cart', { hosts: [FQDN], exportTo: ['named'], http: [everything(to(FQDN, 'v3'))] }, createdIn(2025)),
      virtualService('hidden/cart', { hosts: [FQDN], exportTo: ['.'], http: [everything(to(FQDN, 'v3'))] }, createdIn(2020)),
    ],
    cases: [
      { says: 'one that is private to the client comes before an older public one', from: { namespace: 'private' }, send: { host: FQDN }, gets: 'cart-v2', tells: { decision: { overruled: [{ reason: expect.stringContaining('is exported to this namespace alone') }] } } },
      { says: 'one that is exported to the client by name does so too', from: { namespace: 'named' }, send: { host: FQDN }, gets: 'cart-v3' },
      { says: 'others do not see private ones, however old', from: { namespace: 'stranger' }, send: { host: FQDN }, gets: 'cart-v1' },
    ],
  },
  {
    name: 'wildcard hosts of VirtualServices',
    manifests: [
      ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'), ...app('shop/prices', ['v1', 'v2']), subsets('shop/prices', 'v1', 'v2'),
      ...app('stock/bins', ['v1', 'v2']), subsets('stock/bins', 'v1', 'v2'),
      virtualService('shop/a-all', { hosts: ['*.svc.cluster.local'], http: [everything(to('prices', 'v1'))] }, createdIn(2020)),
      virtualService('shop/b-shop', { hosts: ['*.shop.svc.cluster.local'], http: [everything(to('prices', 'v2'))] }, createdIn(2022)),
      virtualService('shop/c-cart', { hosts: ['cart'], http: [everything(to('cart', 'v2'))] }, createdIn(2024)),
    ],
    cases: [
      { says: 'the longer wildcard wins over an older, shorter one', send: { host: 'prices' }, gets: 'prices-v2' },
      { says: 'the shorter one has what is left', send: { host: 'bins.stock' }, gets: 'prices-v1' },
      { says: 'the full name wins over older wildcards', send: { host: 'cart' }, gets: 'cart-v2', tells: { decision: { virtualService: { name: 'c-cart' }, overruled: [{ reason: expect.stringContaining('names the host more exactly') }, {}] } } },
    ],
  },
  {
    name: 'a wildcard and a full name of which both concern a service',
    manifests: [
      ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'),
      virtualService('shop/z-wild', { hosts: ['*.shop.svc.cluster.local'], http: [everything(to('cart', 'v1'))] }, createdIn(2024)),
      virtualService('shop/a-exact', { hosts: ['cart'], http: [{ match: [{ gateways: ['edge'] }], route: [to('cart', 'v2')] }] }, createdIn(2023)),
    ],
    cases: [
      { says: 'a full name without rules for this client leaves the service to nobody, not to the wildcard', send: { host: 'cart' }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 } },
    ],
  },
  {
    name: 'Services that are not exported',
    manifests: [
      ...app('shop/cart'), ...app('shop/secret').map((each) => (each.kind === 'Service' ? { ...each, metadata: { ...each.metadata, annotations: { 'networking.istio.io/exportTo': '.' } } } : each)),
      virtualService('shop/cart', { hosts: ['cart'], http: [everything(to('secret'))] }),
    ],
    cases: [
      { says: 'their own namespace reaches them', send: { host: 'cart' }, gets: 'secret' },
      { says: 'a rule cannot send other namespaces there', from: { namespace: 'stranger' }, send: { host: FQDN }, gets: '503 NC', because: /Service shop\/secret is not exported to namespace stranger/ },
    ],
  },
  {
    name: 'exportTo at a gateway',
    manifests: [
      gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
      ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'),
      virtualService('shop/private', { hosts: ['private.example.com'], gateways: ['edge'], exportTo: ['.'], http: [everything(to('cart', 'v1'))] }),
      virtualService('shop/public', { hosts: ['public.example.com'], gateways: ['edge'], http: [everything(to('cart', 'v1'))] }),
      virtualService('shop/subset', { hosts: ['subset.example.com'], gateways: ['edge'], http: [everything(to('other', 'v1'))] }),
      ...app('shop/other', ['v1']), destinationRule('shop/other', { host: 'other', exportTo: ['.'], subsets: [subset('v1')] }),
    ],
    cases: [
      { says: 'the namespace that counts is that of the gateway pods', from: OUTSIDE, send: { host: 'private.example.com' }, gets: '404 NR' },
      { says: 'what is public is seen there', from: OUTSIDE, send: { host: 'public.example.com' }, gets: 'cart-v1' },
      { says: 'a subset of a private DestinationRule is not', from: OUTSIDE, send: { host: 'subset.example.com' }, gets: '503 NC', because: /no DestinationRule that namespace istio-system sees defines subset v1/ },
    ],
  },
];
