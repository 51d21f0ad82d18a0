import { at, everything, Scene } from './scene';
import { app, subsets, to, virtualService } from '../../mesh/claims/support';

const cart = [...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2')];
const both = (value: string) => ({ request: { set: { 'x-a': value } }, response: { set: { 'x-b': value } } });

/** Header operations on both levels. */
export const headers: Scene[] = [
  {
    name: 'header operations',
    manifests: [...cart, virtualService('shop/cart', {
      hosts: ['cart'],
      http: [
        { ...at('/alone', { ...to('cart', 'v1'), headers: both('destination') }), headers: both('rule') },
        { ...at('/several', { ...to('cart', 'v1', 50), headers: both('destination') }, { ...to('cart', 'v1', 50), headers: both('destination') }), headers: both('rule') },
        { ...at('/order', to('cart', 'v1')), headers: { request: { remove: ['x-a', 'x-c'], set: { 'x-a': 'set' }, add: { 'x-a': 'added', 'x-b': 'more' } } } },
        { ...at('/levels', { ...to('cart', 'v1'), headers: { request: { remove: ['x-a'], add: { 'x-b': 'destination' } } } }), headers: { request: { set: { 'x-a': 'rule' }, add: { 'x-b': 'rule' } } } },
        { ...at('/percent', to('cart', 'v1')), headers: { request: { set: { 'x-a': '100%%' } } } },
        { ...at('/empty', to('cart', 'v1')), headers: { request: { set: { 'x-a': '' } } } },
        { ...at('/case', to('cart', 'v1')), headers: { request: { set: { 'X-A': 'upper' }, remove: ['X-C'] } } },
        everything(to('cart', 'v1')),
      ],
    })],
    cases: [
      { says: 'with one destination, the destination has the last word', send: { host: 'cart', path: '/alone' }, gets: 'cart-v1', arrives: { headers: { 'x-a': 'destination' } }, answer: { 'x-b': 'destination' } },
      { says: 'with several, the rule has', send: { host: 'cart', path: '/several' }, gets: 'cart-v1', arrives: { headers: { 'x-a': 'rule' } }, answer: { 'x-b': 'rule' } },
      { says: 'removals come first, then what is set, then what is added', send: { host: 'cart', path: '/order', headers: { 'x-a': 'client', 'x-b': 'client', 'x-c': 'client' } }, gets: 'cart-v1', arrives: { headers: { 'x-a': 'set, added', 'x-b': 'client, more', 'x-c': null } } },
      { says: 'on both levels together', send: { host: 'cart', path: '/levels', headers: { 'x-a': 'client' } }, gets: 'cart-v1', arrives: { headers: { 'x-a': 'rule', 'x-b': 'rule, destination' } } },
      { says: 'a doubled percent sign is one', send: { host: 'cart', path: '/percent' }, gets: 'cart-v1', arrives: { headers: { 'x-a': '100%' } } },
      { says: 'an empty value changes nothing', send: { host: 'cart', path: '/empty', headers: { 'x-a': 'client' } }, gets: 'cart-v1', arrives: { headers: { 'x-a': 'client' } } },
      { says: 'names without regard to case', send: { host: 'cart', path: '/case', headers: { 'x-a': 'client', 'x-c': 'client' } }, gets: 'cart-v1', arrives: { headers: { 'x-a': 'upper', 'x-c': null } } },
    ],
  },
];
