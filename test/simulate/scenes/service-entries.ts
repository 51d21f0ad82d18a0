import { at, everything, OUTSIDE, Scene } from './scene';
import { app, createdIn, deployment, destinationRule, gateway, service, serviceEntry, sidecar, subset, to, virtualService } from '../../mesh/claims/support';

const http = [{ number: 80, name: 'http', protocol: 'HTTP' }];

/** Hosts that ServiceEntries make known. */
export const serviceEntries: Scene[] = [
  {
    name: 'ServiceEntries',
    registryOnly: true,
    manifests: [
      ...app('shop/cart'),
      serviceEntry('shop/partner', { hosts: ['api.partner.example', 'www.partner.example'], location: 'MESH_EXTERNAL', resolution: 'DNS', ports: http }),
      virtualService('shop/partner', { hosts: ['api.partner.example'], http: [at('/cart', to('cart')), { ...everything(to('api.partner.example')), headers: { request: { set: { 'x-rule': 'yes' } } } }] }),
      serviceEntry('shop/static', { hosts: ['static.example'], location: 'MESH_EXTERNAL', resolution: 'STATIC', ports: http, endpoints: [{ address: '198.51.100.1', labels: { version: 'v1' } }, { address: '198.51.100.2', labels: { version: 'v2' } }] }),
      destinationRule('shop/static', { host: 'static.example', subsets: [subset('v2')] }),
      virtualService('shop/static', { hosts: ['static.example'], http: [at('/v2', to('static.example', 'v2')), everything(to('static.example'))] }),
      serviceEntry('shop/wild', { hosts: ['*.wild.example'], location: 'MESH_EXTERNAL', resolution: 'NONE', ports: http }),
      serviceEntry('shop/private', { hosts: ['private.example'], exportTo: ['.'], location: 'MESH_EXTERNAL', resolution: 'DNS', ports: http }),
      serviceEntry('shop/inner', { hosts: ['inner.example'], location: 'MESH_INTERNAL', resolution: 'STATIC', ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }], workloadSelector: { labels: { app: 'cart' } } }),
    ],
    cases: [
      { says: 'make a host known', send: { host: 'www.partner.example' }, gets: 'www.partner.example' },
      { says: 'a VirtualService may route it', send: { host: 'api.partner.example' }, gets: 'api.partner.example', arrives: { headers: { 'x-rule': 'yes' } } },
      { says: 'to a service of the mesh too', send: { host: 'api.partner.example', path: '/cart' }, gets: 'cart' },
      { says: 'other hosts stay unknown', send: { host: 'partner.example' }, gets: '502' },
      { says: 'endpoints share', send: { host: 'static.example' }, gets: { '198.51.100.1': 0.5, '198.51.100.2': 0.5 } },
      { says: 'endpoints have labels, by which subsets choose', send: { host: 'static.example', path: '/v2' }, gets: '198.51.100.2' },
      { says: 'a wildcard takes every host below it', send: { host: 'any.wild.example' }, gets: 'any.wild.example' },
      { says: 'not the bare domain', send: { host: 'wild.example' }, gets: '502' },
      { says: 'a private one is known to its namespace', send: { host: 'private.example' }, gets: 'private.example' },
      { says: 'and unknown to others', from: { namespace: 'stranger' }, send: { host: 'private.example' }, gets: '502' },
      { says: 'pods that a workloadSelector chooses serve', send: { host: 'inner.example' }, gets: 'cart' },
    ],
  },
  {
    name: 'a ServiceEntry with the host of a Service',
    manifests: [
      ...app('shop/cart'), ...app('shop/other'),
      serviceEntry('shop/a', { hosts: ['cart.shop.svc.cluster.local'], location: 'MESH_INTERNAL', resolution: 'STATIC', ports: http, workloadSelector: { labels: { app: 'other' } } }, { creationTimestamp: '2020-01-01T00:00:00Z' }),
    ],
    simulatedOnly: 'only who comes first is promised here; that their endpoints are put together is told by the corpus',
    cases: [
      { says: 'the Service keeps its name', send: { host: 'cart' }, gets: { cart: 0.5, other: 0.5 } },
    ],
  },
  {
    name: 'several entries of one host',
    manifests: [
      ...app('shop/one'), ...app('shop/two'),
      serviceEntry('shop/first', { hosts: ['same.example.org'], ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }], resolution: 'STATIC', location: 'MESH_INTERNAL', workloadSelector: { labels: { app: 'one' } } }, createdIn(2023)),
      serviceEntry('shop/second', { hosts: ['same.example.org'], ports: [{ number: 81, name: 'http-more', protocol: 'HTTP' }], resolution: 'STATIC', location: 'MESH_INTERNAL', workloadSelector: { labels: { app: 'two' } } }, createdIn(2024)),
      virtualService('shop/other', { hosts: ['other.example.org'], http: [at('/more', { destination: { host: 'same.example.org', port: { number: 81 } } }), everything({ destination: { host: 'same.example.org', port: { number: 80 } } })] }),
    ],
    cases: [
      { says: 'the ports of entries with another selector are not added', send: { host: 'other.example.org', path: '/more' }, gets: '503 NC' },
      { says: 'the first one stays', send: { host: 'other.example.org' }, gets: 'one' },
    ],
  },
  {
    name: 'resolution NONE at a gateway',
    manifests: [
      gateway('shop/edge', { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
      serviceEntry('shop/outside', { hosts: ['www.example.org'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] }),
      virtualService('shop/outside', { hosts: ['*'], gateways: ['edge'], http: [everything(to('www.example.org'))] }),
    ],
    cases: [
      { says: 'has no endpoints: gateways do not know where clients meant to go', from: OUTSIDE, send: { host: 'www.example.org' }, gets: '503 UH' },
    ],
  },
  {
    name: 'headless Services',
    mutualTls: true,
    manifests: [
      ...app('shop/cart'), ...app('pay/till'),
      service('shop/db', { selector: { app: 'db' }, clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 80 }] }), deployment('shop/db', { app: 'db' }),
      virtualService('shop/cart', { hosts: ['cart'], http: [at('/db', to('db')), everything(to('cart'))] }),
      virtualService('shop/till', { hosts: ['till.pay.svc.cluster.local'], http: [{ ...everything(to('db')), retries: { attempts: 0 } }] }),
      virtualService('shop/outside', { hosts: ['www.example.org'], http: [{ ...everything(to('db')), retries: { attempts: 0 } }] }),
    ],
    cases: [
      { says: 'a rule that leads there leads where the client connects to', send: { host: 'cart', path: '/db' }, gets: 'cart' },
      { says: 'with the certificates of the pods there, which those of another account do not have', send: { host: 'till.pay' }, gets: '503 UF', because: /pay\/till shows a certificate of others/ },
      { says: 'with the mutual TLS of the pods there, which others do not speak', send: { host: 'www.example.org' }, gets: '503 UF', because: /www\.example\.org has no sidecar to speak mutual TLS with, which proxies speak to db\.shop/ },
    ],
  },
  {
    name: 'an ExternalName',
    manifests: [
      service('shop/partner', { type: 'ExternalName', externalName: 'api.example.com', ports: [{ name: 'http', port: 80 }] }),
      ...app('shop/cart'),
    ],
    cases: [
      { says: 'stands for a name outside the mesh', send: { host: 'partner' }, gets: 'api.example.com' },
    ],
  },
  {
    name: 'pods of a StatefulSet',
    manifests: [
      service('shop/db', { selector: { app: 'db' }, clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 80 }] }),
      { ...deployment('shop/db', { app: 'db' }, { replicas: 2 }), kind: 'StatefulSet' },
    ],
    cases: [
      { says: 'have names of their own', send: { host: 'db-0.db.shop.svc.cluster.local' }, gets: 'db' },
      { says: 'short ones too', send: { host: 'db-1.db' }, gets: 'db' },
    ],
  },
];

const FRONT = 'front.shop.svc.cluster.local';

/** What a Sidecar lets its pods know. */
export const sidecars: Scene[] = [
  {
    name: 'the scope of a Sidecar',
    manifests: [
      ...app('shop/front'), ...app('shop/listed'), ...app('shop/unlisted'), ...app('own/local'),
      virtualService('own/front', { hosts: ['local'], http: [at('/unlisted', to('unlisted.shop.svc.cluster.local')), everything(to('local'))] }),
      sidecar('own/default', { egress: [{ hosts: ['./*', 'shop/listed.shop.svc.cluster.local'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }),
      sidecar('own/special', { workloadSelector: { labels: { app: 'special' } }, egress: [{ hosts: [`*/${FRONT}`] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }),
    ],
    cases: [
      { says: 'what it lists is known', from: { namespace: 'own' }, send: { host: 'listed.shop' }, gets: 'listed' },
      { says: 'what it does not list is unknown', from: { namespace: 'own' }, send: { host: 'unlisted.shop' }, gets: '502', because: /the sidecar of the client knows no unlisted\.shop/ },
      { says: 'a destination of a rule is known to the rule', from: { namespace: 'own' }, send: { host: 'local', path: '/unlisted' }, gets: 'unlisted' },
      { says: 'one for some workloads comes before the one for all', from: { namespace: 'own', labels: { app: 'special' } }, send: { host: FRONT }, gets: 'front' },
      { says: 'and is the only one for them', from: { namespace: 'own', labels: { app: 'special' } }, send: { host: 'listed.shop' }, gets: '502' },
      { says: 'other namespaces know everything', from: { namespace: 'stranger' }, send: { host: 'unlisted.shop' }, gets: 'unlisted' },
    ],
  },
  {
    name: 'a Sidecar of the root namespace',
    manifests: [
      ...app('shop/cart'), ...app('own/local'),
      sidecar('istio-system/default', { egress: [{ hosts: ['./*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } }),
      sidecar('open/default', { egress: [{ hosts: ['*/*'] }] }),
    ],
    cases: [
      { says: 'holds for namespaces without one: their own services', from: { namespace: 'own' }, send: { host: 'local' }, gets: 'local' },
      { says: 'no others', from: { namespace: 'own' }, send: { host: 'cart.shop' }, gets: '502' },
      { says: 'a namespace\'s own takes its place', from: { namespace: 'open' }, send: { host: 'cart.shop' }, gets: 'cart' },
    ],
  },
];
