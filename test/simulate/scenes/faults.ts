import { everything, Scene } from './scene';
import { app, subsets, to, virtualService } from '../../mesh/claims/support';

const cart = [...app('shop/cart', ['v1', 'v2']), subsets('shop/cart', 'v1', 'v2')];
const on = (prefix: string, rule: object) => ({ match: [{ uri: { prefix } }], ...everything(to('cart', 'v1')), ...rule });
const abort = (value?: number) => ({ abort: { httpStatus: 418, ...(value === undefined ? {} : { percentage: { value } }) } });
const DEFAULT = { attempts: 2, on: ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'] };

/** Faults, timeouts and retries. */
export const faults: Scene[] = [
  {
    name: 'faults',
    manifests: [...cart, virtualService('shop/cart', {
      hosts: ['cart'],
      http: [
        on('/always', { fault: abort(100) }),
        on('/half', { fault: abort(50) }),
        on('/never', { fault: abort() }),
        on('/delay', { fault: { delay: { fixedDelay: '10ms', percentage: { value: 100 } } } }),
        on('/both', { fault: { delay: { fixedDelay: '10ms', percentage: { value: 100 } }, ...abort(100) }, mirror: { host: 'cart', subset: 'v2' } }),
        on('/grpc', { fault: { abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 100 } } } }),
        on('/broken', { fault: abort(50), route: [to('cart', 'gone')] }),
        everything(to('cart', 'v1')),
      ],
    })],
    cases: [
      { says: 'an abort answers before anybody is called', send: { host: 'cart', path: '/always' }, gets: '418 FI', because: /injects this fault into 100 % of requests/ },
      { says: 'a part of the requests', send: { host: 'cart', path: '/half' }, gets: { '418 FI': 0.5, 'cart-v1': 0.5 } },
      { says: 'without a percentage it never happens', send: { host: 'cart', path: '/never' }, gets: 'cart-v1', lacks: ['fault'] },
      { says: 'a delay changes no destination', send: { host: 'cart', path: '/delay' }, gets: 'cart-v1', tells: { fault: { delay: { ms: 10, percent: 100 } } } },
      { says: 'an abort behind a delay has both flags, and no mirror gets a copy', send: { host: 'cart', path: '/both' }, gets: '418 DI,FI', mirrors: [] },
      { says: 'what is not aborted goes on, to where it fails by itself', send: { host: 'cart', path: '/broken' }, gets: { '418 FI': 0.5, '503 NC': 0.5 } },
    ],
  },
  {
    name: 'timeouts and retries',
    manifests: [...cart, virtualService('shop/cart', {
      hosts: ['cart'],
      http: [
        on('/none', {}),
        on('/timeout', { timeout: '1m30.5s' }),
        on('/off', { retries: {} }),
        on('/zero', { retries: { attempts: 0 } }),
        on('/said', { timeout: '5s', retries: { attempts: 3, perTryTimeout: '1s', retryOn: '5xx,429' } }),
        on('/useless', { timeout: '1s', retries: { attempts: 3, perTryTimeout: '2s' } }),
        everything(to('cart', 'v1')),
      ],
    }), ...app('shop/plain')],
    cases: [
      { says: 'nothing said: no timeout, and Istio\'s two retries', send: { host: 'cart', path: '/none' }, gets: 'cart-v1', tells: { retries: DEFAULT }, lacks: ['timeoutMs'] },
      { says: 'a service without rules has them too', send: { host: 'plain' }, gets: 'plain', tells: { retries: DEFAULT }, lacks: ['timeoutMs'] },
      { says: 'durations as Go writes them', send: { host: 'cart', path: '/timeout' }, gets: 'cart-v1', tells: { timeoutMs: 90_500 } },
      { says: 'an empty block switches retries off', send: { host: 'cart', path: '/off' }, gets: 'cart-v1', lacks: ['retries'] },
      { says: 'so do 0 attempts', send: { host: 'cart', path: '/zero' }, gets: 'cart-v1', lacks: ['retries'] },
      { says: 'attempts are retries; statuses need their condition', send: { host: 'cart', path: '/said' }, gets: 'cart-v1', tells: { timeoutMs: 5000, retries: { attempts: 3, perTryTimeoutMs: 1000, on: ['5xx', 'retriable-status-codes', '429'] } } },
      { says: 'a limit for a try that is above the one for all is ignored', send: { host: 'cart', path: '/useless' }, gets: 'cart-v1', tells: { retries: { attempts: 3, on: DEFAULT.on } } },
    ],
  },
];
