import { everything, Scene } from './scene';
import { app, subsets, to, virtualService } from '../../mesh/claims/support';

const on = (prefix: string, rule: object, name?: string) => ({ ...(name ? { name } : {}), match: [{ uri: { prefix } }], ...rule });
const root = (prefix: string, delegate: object, more = {}) => on(prefix, { delegate, ...more }, prefix.slice(1));

/** VirtualServices that delegate to others. */
export const delegates: Scene[] = [
  {
    name: 'delegates',
    manifests: [
      ...app('shop/cart', ['v1', 'v2', 'v3']), subsets('shop/cart', 'v1', 'v2', 'v3'),
      virtualService('shop/cart', {
        hosts: ['cart'],
        http: [
          root('/api', { name: 'part' }, { timeout: '7s', headers: { request: { set: { 'x-root': 'yes' } } }, retries: { attempts: 1 } }),
          root('/gone', { name: 'nobody' }),
          root('/team', { name: 'part', namespace: 'team' }),
          root('/hidden', { name: 'hidden', namespace: 'team' }),
          { name: 'rest', ...everything(to('cart', 'v3')) },
        ],
      }),
      virtualService('shop/part', {
        http: [
          on('/other', everything(to('cart', 'v1')), 'other'),
          on('/api/two', { ...everything(to('cart', 'v2')), timeout: '1s' }, 'two'),
          { name: 'headers', match: [{ headers: { 'x-a': { exact: '1' } } }], ...everything(to('cart', 'v2')) },
          { name: 'all', ...everything(to('cart', 'v1')) },
        ],
      }),
      virtualService('team/part', { http: [everything(to('cart.shop.svc.cluster.local', 'v2'))] }),
      virtualService('team/hidden', { exportTo: ['.'], http: [everything(to('cart.shop.svc.cluster.local', 'v2'))] }),
    ],
    cases: [
      { says: 'their rules stand in for the rule that delegates', send: { host: 'cart', path: '/api/x' }, gets: 'cart-v1', tells: { decision: { virtualService: { name: 'part' }, delegatedBy: { name: 'cart' }, rule: { index: 3, name: 'api-all' } } } },
      { says: 'conditions add up', send: { host: 'cart', path: '/api/x', headers: { 'x-a': '1' } }, gets: 'cart-v2' },
      { says: 'a condition of theirs alone is not enough', send: { host: 'cart', path: '/', headers: { 'x-a': '1' } }, gets: 'cart-v3' },
      { says: 'a rule that contradicts the root\'s is left out', send: { host: 'cart', path: '/other' }, gets: 'cart-v3' },
      { says: 'a longer prefix is within a shorter one', send: { host: 'cart', path: '/api/two' }, gets: 'cart-v2', tells: { timeoutMs: 1000 } },
      { says: 'what the root says fills what they leave out', send: { host: 'cart', path: '/api/x' }, gets: 'cart-v1', arrives: { headers: { 'x-root': 'yes' } }, tells: { timeoutMs: 7000, retries: { attempts: 1 } } },
      { says: 'one that is not there takes its rule with it, and the next ones hold', send: { host: 'cart', path: '/gone' }, gets: 'cart-v3' },
      { says: 'one of another namespace', send: { host: 'cart', path: '/team' }, gets: 'cart-v2' },
      { says: 'one that is not exported is as if it were not there', send: { host: 'cart', path: '/hidden' }, gets: 'cart-v3' },
    ],
  },
];
