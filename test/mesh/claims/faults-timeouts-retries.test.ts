import type { MeshResponse, Outcome } from '../mesh';
import { app, claimsApart, deployment, http80, MeshOfClaims, namespace, service, to, virtualService } from './support';

const mesh = new MeshOfClaims(claimsApart);

const exact = (path: string) => [{ uri: { exact: path } }];

/** The hits of the only request. */
const hits = (outcome: Outcome) => outcome.responses[0].hops[0].hits;

/** Expects an answer after so many milliseconds; Envoy's timers may count from a little before the request. */
const expectAfter = ({ elapsedMs }: MeshResponse, ms: number) => expect(elapsedMs).toBeGreaterThanOrEqual(ms - 25);

// Envoy's own default is 15 seconds. This request is under way during all other tests; the last one awaits its answer.
let slow: Promise<Outcome>;
mesh.has(...app('patience/b'), virtualService('patience/b', { hosts: ['b'], http: [{ name: 'patient', route: [to('b')] }] }));
beforeAll(() => {
  slow = mesh.send({ from: { namespace: 'patience' }, host: 'b', backends: { b: { delayMs: 15_500 } } });
  // If it fails, the test that awaits it says so.
  slow.catch(() => undefined);
});

describe('faults', () => {
  const always = { percentage: { value: 100 } };
  mesh.has(
    ...app('faults/b'), ...app('faults/copy'),
    virtualService('faults/b', {
      hosts: ['b'],
      http: [
        { match: exact('/abort-unset'), fault: { abort: { httpStatus: 418 } }, route: [to('b')] },
        { match: exact('/delay-unset'), fault: { delay: { fixedDelay: '5s' } }, route: [to('b')] },
        { match: exact('/abort'), fault: { abort: { httpStatus: 418, ...always } }, route: [to('b')], mirrors: [to('copy')] },
        {
          match: exact('/abort-retried'),
          fault: { abort: { httpStatus: 503, ...always } },
          retries: { attempts: 3, retryOn: '5xx', backoff: '1ms' },
          route: [to('b')],
        },
        { match: exact('/delay'), fault: { delay: { fixedDelay: '500ms', ...always } }, timeout: '250ms', route: [to('b')] },
        {
          match: exact('/delay-abort'),
          fault: { delay: { fixedDelay: '300ms', ...always }, abort: { httpStatus: 418, ...always } },
          route: [to('b')],
        },
        { match: exact('/timeout'), timeout: '250ms', route: [to('b')] },
        { route: [to('b')], mirrors: [to('copy')], retries: { attempts: 3, retryOn: '5xx', backoff: '1ms' } },
      ],
    }),
  );
  const b = { from: { namespace: 'faults' }, host: 'b' };

  test('§0.8 a fault without a percentage never fires', async () => {
    expect((await mesh.send({ ...b, path: '/abort-unset', repeat: 100 })).statuses).toEqual({ 200: 100 });
    expect((await mesh.send({ ...b, path: '/delay-unset', repeat: 5 })).flags).toEqual({ '': 5 });
    expect((await mesh.send({ ...b, path: '/abort', repeat: 5 })).distribution).toEqual({ '418 FI': 5 });
  });

  test('§3.6-2 an aborted request is not retried', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/abort-retried' })).responses;
    expect(answer).toMatchObject({ status: 503, flags: 'FI', hops: [{ hits: [], attempts: 0 }] });
    expect(hits(await mesh.send({ ...b, backends: { b: { status: 503 } } }))).toHaveLength(4);
  });

  test('§3.6-2 an injected delay does not count towards the timeout', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/delay' })).responses;
    expect(answer).toMatchObject({ status: 200, flags: 'DI', workload: 'b' });
    expectAfter(answer, 500);
    expect((await mesh.send({ ...b, path: '/timeout', backends: { b: { delayMs: 500 } } })).distribution).toEqual({ '504 UT': 1 });
  });

  test('§3.6-2 with both faults a request is first delayed, then aborted', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/delay-abort' })).responses;
    expect(answer.status).toBe(418);
    expect(answer.flags.split(',').sort()).toEqual(['DI', 'FI']);
    expectAfter(answer, 300);
  });

  test('§3.6-2 an aborted request is not mirrored', async () => {
    expect((await mesh.send({ ...b, path: '/abort', repeat: 10 })).mirrors).toEqual({});
    expect((await mesh.send({ ...b, repeat: 10 })).mirrors).toEqual({ copy: 10 });
  });
});

describe('timeouts', () => {
  mesh.has(
    ...app('timeouts/b'),
    virtualService('timeouts/b', {
      hosts: ['b'],
      http: [
        { match: exact('/300ms'), timeout: '300ms', route: [to('b')] },
        { match: exact('/longer-try'), timeout: '400ms', retries: { attempts: 2, perTryTimeout: '600ms', backoff: '1ms' }, route: [to('b')] },
        {
          match: exact('/shorter-try'),
          timeout: '600ms',
          retries: { attempts: 2, perTryTimeout: '100ms', retryOn: 'gateway-error', backoff: '1ms' },
          route: [to('b')],
        },
        { route: [to('b')] },
      ],
    }),
  );
  const b = { from: { namespace: 'timeouts' }, host: 'b' };
  const answersAfter = (delayMs: number) => ({ backends: { b: { delayMs } } });

  test('§3.6-3 an answer that takes longer than the timeout becomes 504 UT', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/300ms', ...answersAfter(3000) })).responses;
    expect(answer).toMatchObject({ status: 504, flags: 'UT' });
    expectAfter(answer, 300);
    expect(answer.elapsedMs).toBeLessThan(2000);
  });

  test.each([
    ['', {}],
    [', also with an X-Forwarded-For of a private address', { 'x-forwarded-for': '10.1.2.3' }],
  ])('§3.6-3 (refuted) a caller cannot override the timeout with x-envoy-upstream-rq-timeout-ms%s: its sidecar strips it', async (_, forwarded) => {
    const longer = { 'x-envoy-upstream-rq-timeout-ms': '2000', ...forwarded };
    expect((await mesh.send({ ...b, path: '/300ms', headers: longer, ...answersAfter(800) })).distribution).toEqual({ '504 UT': 1 });
    const shorter = { 'x-envoy-upstream-rq-timeout-ms': '50', ...forwarded };
    const outcome = await mesh.send({ ...b, headers: shorter, ...answersAfter(400) });
    expect(outcome.distribution).toEqual({ b: 1 });
    expect(Object.keys(hits(outcome)[0].headers)).not.toContain('x-envoy-upstream-rq-timeout-ms');
  });

  test('§1.7(d) a perTryTimeout above the timeout is ignored', async () => {
    const longer = (await mesh.send({ ...b, path: '/longer-try', ...answersAfter(3000) })).responses[0];
    expect(longer).toMatchObject({ status: 504, flags: 'UT', attempts: 1 });
    expectAfter(longer, 400);
    const shorter = (await mesh.send({ ...b, path: '/shorter-try', ...answersAfter(3000) })).responses[0];
    expect(shorter).toMatchObject({ status: 504, attempts: 3 });
  });
});

describe('retries', () => {
  const retries = (path: string, policy?: object) => ({ match: exact(path), route: [to('b')], ...policy === undefined ? {} : { retries: policy } });
  const http = [
    retries('/default'),
    retries('/none', {}),
    retries('/2', { attempts: 2, retryOn: '5xx', backoff: '1ms' }),
    retries('/418', { attempts: 1, retryOn: '418', backoff: '1ms' }),
    retries('/5xx', { attempts: 1, retryOn: '5xx', backoff: '1ms' }),
    retries('/reset', { attempts: 1, retryOn: 'reset', backoff: '1ms' }),
  ];
  const rules = (id: string) => virtualService(id, { hosts: ['b'], http });
  mesh.has(
    ...app('retries/b'), rules('retries/b'),
    namespace('bare', false), ...app('bare/b'), rules('bare/b'),
    // Nothing listens where the Service sends requests: connections are refused.
    namespace('deaf', false), service('deaf/b', { selector: { app: 'b' }, ports: http80 }),
    deployment('deaf/b', { app: 'b' }, { port: 9999 }), rules('deaf/b'),
  );
  const b = (namespaceName: string, path: string, behaviour: object = {}) => mesh.send({
    from: { namespace: namespaceName }, host: 'b', path, backends: { b: behaviour },
  });

  test('§0.7 §3.6-4 without retries a connection that fails is tried three times, with `retries: {}` once', async () => {
    expect((await b('deaf', '/default')).responses[0]).toMatchObject({ status: 503, attempts: 3 });
    expect((await b('deaf', '/none')).responses[0]).toMatchObject({ status: 503, attempts: 1 });
  });

  test('§3.6-4 attempts counts retries, not tries', async () => {
    expect((await b('retries', '/2', { status: 500 })).responses[0]).toMatchObject({ status: 500, attempts: 3 });
    expect((await b('retries', '/2', { failFirstN: 2 })).responses[0]).toMatchObject({ status: 200, attempts: 3 });
    expect((await b('retries', '/2', { failFirstN: 3 })).responses[0]).toMatchObject({ status: 503, attempts: 3 });
  });

  test('§3.6-4 a number in retryOn is a status to retry', async () => {
    expect((await b('retries', '/418', { failFirstN: 1, failStatus: 418 })).responses[0]).toMatchObject({ status: 200, attempts: 2 });
    expect((await b('retries', '/5xx', { failFirstN: 1, failStatus: 418 })).responses[0]).toMatchObject({ status: 418, attempts: 1 });
  });

  test('§3.6-4 (sharper) the default retries do not retry an answer of 503', async () => {
    expect((await b('retries', '/default', { failFirstN: 1 })).responses[0]).toMatchObject({ status: 503, attempts: 1 });
    expect((await b('retries', '/5xx', { failFirstN: 1 })).responses[0]).toMatchObject({ status: 200, attempts: 2 });
  });

  test('§3.6-4 (sharper) an application that resets connections behind a sidecar is a 503, which neither default retries nor "reset" retry', async () => {
    const resets = { failFirstN: 1, reset: true };
    expect((await b('retries', '/default', resets)).responses[0]).toMatchObject({ status: 503, attempts: 1 });
    expect((await b('retries', '/reset', resets)).responses[0]).toMatchObject({ status: 503, attempts: 1 });
    expect((await b('retries', '/5xx', resets)).responses[0]).toMatchObject({ status: 200, attempts: 2 });
    expect((await b('bare', '/reset', resets)).responses[0]).toMatchObject({ status: 200, attempts: 2 });
  });
});

describe('after everything else', () => {
  test('§3.6-3 without a timeout nothing ends a request, not even Envoy\'s own default of 15 seconds', async () => {
    expect((await slow).responses[0]).toMatchObject({ status: 200, workload: 'b', hops: [{ route: 'patient' }] });
  }, 30_000);
});
