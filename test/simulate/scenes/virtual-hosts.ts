import { at, everything, Scene, SHOP } from './scene';
import { app, namespace, service, serviceEntry, sidecar, subsets, to, virtualService } from '../../mesh/claims/support';

const two = [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'http-alt', port: 8080, targetPort: 8080 }];
const stamped = (host: string) => virtualService(`shop/${host}`, { hosts: [host], http: [{ ...everything(to(host)), headers: { request: { set: { 'x-rule': host } } } }] });

/** What a sidecar finds its rules by. */
export const virtualHosts: Scene[] = [
  {
    name: 'the Host of a request',
    manifests: [...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'), virtualService('shop/cart', { hosts: ['cart'], http: [everything(to('cart', 'v2'))] })],
    cases: [
      ...['cart', 'cart.shop', 'cart.shop.svc', 'cart.shop.svc.cluster.local', 'cart.shop.svc.cluster.local.', 'CART.Shop', 'cart:8080', 'cart.shop.svc.cluster.local:80'].map((host) => (
        { says: `${host} means the service to its own namespace`, send: { host: 'cart.shop.svc.cluster.local', headers: { host } }, gets: 'cart-v2' })),
      ...['cart.shop', 'cart.shop.svc', 'cart.shop.svc.cluster.local'].map((host) => (
        { says: `${host} means it to other namespaces`, from: { namespace: 'stranger' }, send: { host: 'cart.shop.svc.cluster.local', headers: { host } }, gets: 'cart-v2' })),
      { says: 'its short name means nothing to other namespaces, so that no rule applies', from: { namespace: 'stranger' }, send: { host: 'cart.shop.svc.cluster.local', headers: { host: 'cart' } }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 }, perConnection: true },
      { says: 'an unknown Host passes by all rules, to where the connection goes', send: { host: 'cart', headers: { host: 'www.example.com' } }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 }, perConnection: true },
    ],
  },
  {
    name: 'port 80, and all others',
    manifests: [
      ...app('shop/cart', [], two), ...app('shop/sibling', [], two),
      virtualService('shop/alone', { hosts: ['alone.example.com'], http: [everything(to('cart'))] }),
      virtualService('shop/with-sibling', { hosts: ['together.example.com', 'sibling'], http: [everything(to('cart'))] }),
    ],
    cases: [
      { says: 'a host that is no service is routed on port 80', send: { host: 'alone.example.com' }, gets: 'cart' },
      { says: 'not on other ports', send: { host: 'alone.example.com', port: 8080 }, gets: 'alone.example.com' },
      { says: 'unless another host of its VirtualService is a service with that port', send: { host: 'together.example.com', port: 8080 }, gets: 'cart' },
      { says: 'nor on a port that no service has', send: { host: 'together.example.com', port: 9999 }, gets: 'together.example.com' },
    ],
  },
  {
    name: 'rules that are not for the client',
    manifests: [
      ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'), ...app('shop/some', ['v1', 'v2']), subsets('shop/some', 'v1', 'v2'), ...app('shop/edge', ['v1']), subsets('shop/edge', 'v1'),
      virtualService('shop/cart', { hosts: ['cart'], http: [{ match: [{ sourceLabels: { app: 'admin' } }], route: [to('cart', 'v2')] }] }),
      virtualService('shop/some', { hosts: ['some'], http: [at('/v2', to('some', 'v2')), { match: [{ sourceNamespace: 'admin' }], route: [to('some', 'v1')] }] }),
      virtualService('shop/edge', { hosts: ['edge'], gateways: ['front'], http: [everything(to('edge', 'nothing'))] }),
    ],
    cases: [
      { says: 'a VirtualService all of whose rules are for others leaves the service as it is', send: { host: 'cart' }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 } },
      { says: 'those whom it is for follow it', from: { namespace: 'shop', labels: { app: 'admin' } }, send: { host: 'cart' }, gets: 'cart-v2' },
      { says: 'one rule that is for the client is enough that nothing falls through to the service', send: { host: 'some', path: '/other' }, gets: '404 NR', because: /no rule of VirtualService shop\/some takes this request/ },
      { says: 'that rule works', send: { host: 'some', path: '/v2' }, gets: 'some-v2' },
      { says: 'a VirtualService of a gateway says nothing to sidecars', send: { host: 'edge' }, gets: 'edge-v1' },
    ],
  },
  {
    name: 'unknown hosts',
    manifests: [...app('shop/cart'), ...app('closed/cart'), sidecar('closed/default', { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } })],
    cases: [
      { says: 'are let out', send: { host: 'www.example.com' }, gets: 'www.example.com' },
      { says: 'are refused where a Sidecar says so', from: { namespace: 'closed' }, send: { host: 'www.example.com' }, gets: '502', because: /REGISTRY_ONLY/ },
      { says: 'known ones are not', from: { namespace: 'closed' }, send: { host: 'cart.shop' }, gets: 'cart' },
    ],
  },
  {
    name: 'unknown hosts in a mesh that refuses them',
    registryOnly: true,
    manifests: [
      ...app('shop/cart'),
      serviceEntry('shop/partner', { hosts: ['api.partner.example'], location: 'MESH_EXTERNAL', resolution: 'DNS', ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] }),
      sidecar('open/default', { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: { mode: 'ALLOW_ANY' } }),
    ],
    cases: [
      { says: '502', send: { host: 'www.example.com' }, gets: '502' },
      { says: 'a ServiceEntry makes a host known', send: { host: 'api.partner.example' }, gets: 'api.partner.example' },
      { says: 'a Sidecar may allow them again', from: { namespace: 'open' }, send: { host: 'www.example.com' }, gets: 'www.example.com' },
    ],
  },
  {
    name: 'protocols of ports',
    manifests: [
      ...Object.entries({ capitals: { name: 'web', appProtocol: 'HTTP' }, named: { name: 'http-web' }, grpc: { name: 'grpc' }, http2: { name: 'http2-x' }, sniffed: { name: 'web' }, tcp: { name: 'tcp-web' }, unnamed: {} })
        .flatMap(([host, port]) => [...app(`shop/${host}`, [], [{ ...port, port: 80, targetPort: 8080 }]), stamped(host)]),
    ],
    cases: [
      ...['capitals', 'named', 'sniffed', 'unnamed'].map((host) => ({ says: `rules apply to a port that is ${host}`, send: { host }, gets: host, arrives: { headers: { 'x-rule': host } } })),
      { says: 'rules for requests do not apply to TCP', send: { host: 'tcp' }, gets: 'tcp', arrives: { headers: { 'x-rule': null } }, tells: { caveats: [{ code: 'Tcp' }] } },
      { says: 'a declared port goes by the Host, wherever the connection goes', send: { host: 'capitals', headers: { host: 'named' } }, gets: 'named' },
      { says: 'a sniffed port goes by the connection, whatever the Host', send: { host: 'sniffed', headers: { host: 'named' } }, gets: 'sniffed', arrives: { headers: { 'x-rule': 'sniffed' } } },
    ],
  },
  {
    name: 'clients without a sidecar',
    manifests: [namespace('bare', false), ...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2'), virtualService('shop/cart', { hosts: ['cart'], http: [everything(to('cart', 'v2'))] }), ...app('bare/job')],
    cases: [
      { says: 'meet any pod of the Service: no rule applies', from: { namespace: 'shop', sidecar: false }, send: { host: 'cart' }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 } },
      { says: 'so do workloads of a namespace without injection', from: { namespace: 'bare', workload: 'job' }, send: { host: 'cart.shop' }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 } },
      { says: 'workloads with one follow the rules', from: { namespace: 'shop', workload: 'cart-v1' }, send: { host: 'cart' }, gets: 'cart-v2' },
    ],
  },
  {
    name: 'Services that are other than usual',
    manifests: [
      ...app('shop/cart', [], [{ name: 'http', port: 80, targetPort: 'web' }]).map((each) => (each.kind === 'Deployment' ? withNamedPort(each) : each)),
      service('shop/idle', { selector: { app: 'nobody' }, ports: [{ name: 'http', port: 80 }] }),
      service('shop/alias', { type: 'ExternalName', externalName: 'cart.shop.svc.cluster.local', ports: [{ name: 'http', port: 80 }] }),
    ],
    cases: [
      { says: 'targetPort may be the name of a container\'s port', from: SHOP, send: { host: 'cart' }, gets: 'cart' },
      { says: 'a Service without pods is 503 UH', send: { host: 'idle' }, gets: '503 UH', because: /no pods have the labels app=nobody/ },
      { says: 'a port that a Service does not have is no HTTP: nobody listens', send: { host: 'cart', port: 81 }, gets: 'no answer', because: /has no port 81/ },
    ],
  },
];

function withNamedPort(deployment: any): any {
  const { spec } = deployment;
  const [container] = spec.template.spec.containers;
  return { ...deployment, spec: { ...spec, template: { ...spec.template, spec: { containers: [{ ...container, ports: [{ name: 'web', containerPort: 8080 }] }] } } } };
}
