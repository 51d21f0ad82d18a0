import { at, everything, Scene } from './scene';
import { app, createdIn, destinationRule, subset, to, virtualService } from '../../mesh/claims/support';

const FQDN = 'cart.shop.svc.cluster.local';
const versions = app('shop/cart', ['v1', 'v2']);
const byPath = virtualService('shop/cart', { hosts: ['cart'], http: [at('/a', to('cart', 'a')), at('/b', to('cart', 'b')), at('/c', to('cart', 'c')), everything(to('cart'))] });
const named = (name: string, version: string) => ({ name, labels: { version } });
const lb = (simple: string) => ({ loadBalancer: { simple } });
const pool = (maxConnections: number) => ({ connectionPool: { tcp: { maxConnections } } });

/** Which DestinationRules hold, and what they say together. */
export const destinationRules: Scene[] = [
  {
    name: 'where a DestinationRule is looked for',
    manifests: [
      ...versions, byPath,
      destinationRule('shop/cart', { host: 'cart', subsets: [named('a', 'v1')] }),
      destinationRule('client/wild', { host: '*.local', subsets: [named('b', 'v2')] }),
      destinationRule('precise/wild', { host: '*.local', subsets: [named('b', 'v1')] }),
      destinationRule('precise/cart', { host: FQDN, subsets: [named('b', 'v2')] }),
      destinationRule('istio-system/cart', { host: FQDN, subsets: [named('c', 'v2')] }),
    ],
    cases: [
      { says: 'beside the service', from: { namespace: 'stranger' }, send: { host: FQDN, path: '/a' }, gets: 'cart-v1' },
      { says: 'that of the root namespace comes after, and is not merged', from: { namespace: 'stranger' }, send: { host: FQDN, path: '/c' }, gets: '503 NC', because: /DestinationRule shop\/cart defines no subset c/ },
      { says: 'the client\'s namespace comes first, even with a wildcard', from: { namespace: 'client' }, send: { host: FQDN, path: '/b' }, gets: 'cart-v2' },
      { says: 'which hides the precise one beside the service', from: { namespace: 'client' }, send: { host: FQDN, path: '/a' }, gets: '503 NC', because: /DestinationRule client\/wild defines no subset a .*; DestinationRule shop\/cart defines it, and is not the one that applies here/ },
      { says: 'within a namespace the full name comes before a wildcard', from: { namespace: 'precise' }, send: { host: FQDN, path: '/b' }, gets: 'cart-v2' },
    ],
  },
  {
    name: 'DestinationRules of the root namespace',
    manifests: [...versions, byPath, destinationRule('istio-system/cart', { host: FQDN, subsets: [named('c', 'v2')] })],
    cases: [
      { says: 'hold where nobody else says anything', send: { host: 'cart', path: '/c' }, gets: 'cart-v2' },
    ],
  },
  {
    name: 'several DestinationRules for one host',
    manifests: [
      ...versions, byPath,
      destinationRule('shop/z-old', { host: 'cart', subsets: [named('a', 'v1')], trafficPolicy: lb('RANDOM') }, createdIn(2023)),
      destinationRule('shop/a-young', { host: FQDN, subsets: [named('a', 'v2'), named('b', 'v2')], trafficPolicy: pool(7) }, createdIn(2024)),
    ],
    cases: [
      { says: 'their subsets are put together', send: { host: 'cart', path: '/b' }, gets: 'cart-v2', tells: { branches: [{ destination: { destinationRules: [{ name: 'z-old' }, { name: 'a-young' }] } }] } },
      { says: 'of two with one name the first stays', send: { host: 'cart', path: '/a' }, gets: 'cart-v1' },
      { says: 'the policy is the first one\'s, as a whole', send: { host: 'cart', path: '/a' }, gets: 'cart-v1', policy: lb('RANDOM') },
    ],
  },
  {
    name: 'exportTo and workloadSelector of DestinationRules',
    manifests: [
      ...versions, byPath,
      destinationRule('shop/cart', { host: 'cart', exportTo: ['.'], subsets: [named('a', 'v1')] }),
      destinationRule('client/cart', { host: FQDN, workloadSelector: { matchLabels: { app: 'special' } }, subsets: [named('a', 'v2')] }),
      destinationRule('client/usual', { host: FQDN, subsets: [named('a', 'v1')] }),
    ],
    cases: [
      { says: 'a private one holds in its namespace', send: { host: 'cart', path: '/a' }, gets: 'cart-v1' },
      { says: 'not in others', from: { namespace: 'stranger' }, send: { host: FQDN, path: '/a' }, gets: '503 NC', because: /no DestinationRule that namespace stranger sees/ },
      { says: 'one for some workloads holds for them', from: { namespace: 'client', labels: { app: 'special' } }, send: { host: FQDN, path: '/a' }, gets: 'cart-v2' },
      { says: 'the others follow the usual one', from: { namespace: 'client' }, send: { host: FQDN, path: '/a' }, gets: 'cart-v1' },
    ],
  },
  {
    name: 'subsets',
    manifests: [
      ...app('shop/cart', ['v1', 'v2']), byPath,
      destinationRule('shop/cart', { host: 'cart', subsets: [{ name: 'a' }, { name: 'b', labels: { version: 'v2', app: 'cart' } }, { name: 'c', labels: { version: 'v2', app: 'other' } }] }),
    ],
    cases: [
      { says: 'without labels have all pods', send: { host: 'cart', path: '/a' }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 } },
      { says: 'have pods with all of their labels', send: { host: 'cart', path: '/b' }, gets: 'cart-v2' },
      { says: 'none has all of them: 503 UH', send: { host: 'cart', path: '/c' }, gets: '503 UH' },
    ],
  },
  {
    name: 'traffic policies',
    manifests: [
      ...app('shop/cart', ['v1', 'v2'], [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'http-alt', port: 8081, targetPort: 8080 }]), byPath,
      destinationRule('shop/cart', {
        host: 'cart',
        trafficPolicy: { ...lb('RANDOM'), ...pool(1), portLevelSettings: [{ port: { number: 8081 }, ...pool(2) }] },
        subsets: [subset('v1'), { ...named('a', 'v1'), trafficPolicy: pool(3) }, { ...named('b', 'v1'), trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, ...pool(4) }] } }],
      }),
    ],
    cases: [
      { says: 'the general one', send: { host: 'cart' }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 }, policy: { ...lb('RANDOM'), ...pool(1) } },
      { says: 'settings of a port replace it as a whole', send: { host: 'cart', port: 8081 }, gets: { 'cart-v1': 0.5, 'cart-v2': 0.5 }, policy: pool(2) },
      { says: 'a subset\'s replaces it field by field', send: { host: 'cart', path: '/a' }, gets: 'cart-v1', policy: { ...lb('RANDOM'), ...pool(3) } },
      { says: 'settings of a subset\'s port replace what they leave out, too', send: { host: 'cart', path: '/b' }, gets: 'cart-v1', policy: pool(4) },
    ],
  },
];
