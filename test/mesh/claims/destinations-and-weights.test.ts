import type { Outcome } from '../mesh';
import {
  app, claimsApart, deployment, destinationRule, expectShares, http80, MeshOfClaims, service, subset, subsets, to, virtualService,
} from './support';

const mesh = new MeshOfClaims(claimsApart);

/** The only hit of the only request. */
const hit = (outcome: Outcome) => outcome.responses[0].hops[0].hits[0];

describe('weights', () => {
  const rule = (path: string, ...route: object[]) => ({ match: [{ uri: { exact: path } }], route });
  mesh.has(
    ...app('weights/b', ['v1', 'v2', 'v3']), subsets('weights/b', 'v1', 'v2', 'v3'),
    virtualService('weights/b', {
      hosts: ['b'],
      http: [
        rule('/one-and-two', to('b', 'v1', 1), to('b', 'v2', 2)),
        rule('/zero-beside-others', to('b', 'v1', 0), to('b', 'v2', 1), to('b', 'v3', 1)),
        rule('/zero-alone', to('b', 'v2', 0)),
        rule('/unset-beside-30', to('b', 'v1'), to('b', 'v3', 30)),
      ],
    }),
  );
  const b = { from: { namespace: 'weights' }, host: 'b' };

  test('§0.4 weights 1 and 2 mean a third and two thirds', async () => {
    expectShares(await mesh.send({ ...b, path: '/one-and-two', repeat: 900 }), { 'b-v1': 1 / 3, 'b-v2': 2 / 3 });
  });

  test('§0.4 a destination of weight 0 beside others gets nothing, and the others share by their weights', async () => {
    expectShares(await mesh.send({ ...b, path: '/zero-beside-others', repeat: 400 }), { 'b-v2': 1 / 2, 'b-v3': 1 / 2 });
  });

  test('§0.4 the weight of a single destination is ignored, even 0', async () => {
    expect((await mesh.send({ ...b, path: '/zero-alone', repeat: 20 })).distribution).toEqual({ 'b-v2': 20 });
  });

  test('§0.4 a destination without a weight beside one of 30 counts as 0', async () => {
    expect((await mesh.send({ ...b, path: '/unset-beside-30', repeat: 200 })).distribution).toEqual({ 'b-v3': 200 });
  });
});

describe('§1.7(m)', () => {
  const byUser = { loadBalancer: { consistentHash: { httpHeaderName: 'x-user' } } };
  const three = (id: string) => deployment(id, { app: 'b', version: id.split('-')[1] }, { replicas: 3 });
  mesh.has(
    service('hash/b', { selector: { app: 'b' }, ports: http80 }), three('hash/b-v1'), three('hash/b-v2'),
    destinationRule('hash/b', { host: 'b', trafficPolicy: byUser, subsets: [subset('v1'), subset('v2')] }),
    virtualService('hash/b', {
      hosts: ['b'],
      http: [
        { match: [{ uri: { exact: '/one' } }], route: [to('b', 'v1')] },
        { route: [to('b', 'v1', 1), to('b', 'v2', 1)] },
      ],
    }),
  );
  const user = { from: { namespace: 'hash' }, host: 'b', headers: { 'x-user': 'ann' }, repeat: 100 };

  test('§1.7(m) a hash policy sticks to one pod of a destination, but not to one of several weighted destinations', async () => {
    expect(Object.keys((await mesh.send({ ...user, path: '/one' })).pods)).toHaveLength(1);
    const weighted = await mesh.send({ ...user, path: '/' });
    expectShares(weighted, { 'b-v1': 1 / 2, 'b-v2': 1 / 2 });
    expect(Object.keys(weighted.pods)).toHaveLength(2);
  });
});

describe('§1.7(g)', () => {
  mesh.has(
    ...app('all/b', ['v1', 'v2']),
    destinationRule('all/b', { host: 'b', subsets: [{ name: 'all', labels: {} }, subset('v2')] }),
    virtualService('all/b', {
      hosts: ['b'],
      http: [{ match: [{ uri: { exact: '/all' } }], route: [to('b', 'all')] }, { route: [to('b', 'v2')] }],
    }),
  );

  test('§1.7(g) a subset with empty labels selects all pods', async () => {
    const b = { from: { namespace: 'all' }, host: 'b', repeat: 60 };
    expect(Object.keys((await mesh.send({ ...b, path: '/all' })).distribution).sort()).toEqual(['b-v1', 'b-v2']);
    expect((await mesh.send(b)).distribution).toEqual({ 'b-v2': 60 });
  });
});

describe('the port of a destination', () => {
  mesh.has(
    ...app('ports/two', [], [...http80, { name: 'http-admin', port: 81, targetPort: 8181 }]),
    ...app('ports/front', [], [...http80, { name: 'http-admin', port: 81, targetPort: 8081 }]),
    ...app('ports/single'),
    ...app('ports/only9080', [], [{ name: 'http', port: 9080, targetPort: 9080 }]),
    virtualService('ports/front', { hosts: ['front'], http: [{ route: [to('two')] }] }),
    virtualService('ports/single', {
      hosts: ['single'],
      http: [
        { match: [{ uri: { exact: '/with-port' } }], route: [{ destination: { host: 'only9080', port: { number: 9080 } } }] },
        { route: [to('only9080')] },
      ],
    }),
  );
  const from = { namespace: 'ports' };

  test('§0.5 §3.5-1 in the mesh a destination without port means the port of the request', async () => {
    expect(hit(await mesh.send({ from, host: 'front' }))).toMatchObject({ workload: 'two', port: 8080 });
    expect(hit(await mesh.send({ from, host: 'front', port: 81 }))).toMatchObject({ workload: 'two', port: 8181 });
  });

  test('§0.5 §3.5-1 in the mesh that port is taken even if it is absent there and the service has only one: 503 NC', async () => {
    expect((await mesh.send({ from, host: 'single' })).distribution).toEqual({ '503 NC': 1 });
    expect((await mesh.send({ from, host: 'single', path: '/with-port' })).distribution).toEqual({ only9080: 1 });
  });
});

describe('destinations that do not exist', () => {
  mesh.has(
    ...app('missing/b', ['v1']), ...app('missing/copy'),
    destinationRule('missing/b', { host: 'b', subsets: [subset('v1'), subset('empty')] }),
    virtualService('missing/b', {
      hosts: ['b'],
      http: [
        { match: [{ uri: { exact: '/host' } }], route: [to('nobody')] },
        { match: [{ uri: { exact: '/subset' } }], route: [to('b', 'undefined')] },
        { match: [{ uri: { exact: '/port' } }], route: [{ destination: { host: 'b', port: { number: 81 } } }] },
        { match: [{ uri: { exact: '/share' } }], route: [to('b', 'v1', 3), to('b', 'undefined', 1)] },
        { match: [{ uri: { exact: '/empty' } }], route: [to('b', 'empty')] },
        { match: [{ uri: { exact: '/mirror-to-nobody' } }], route: [to('b', 'v1')], mirrors: [to('nobody')] },
        { match: [{ uri: { exact: '/nobody-mirrored' } }], route: [to('nobody')], mirrors: [to('copy')] },
        { match: [{ uri: { exact: '/empty-mirrored' } }], route: [to('b', 'empty')], mirrors: [to('copy')] },
        { match: [{ uri: { exact: '/mirrored' } }], route: [to('b', 'v1')], mirrors: [to('copy')] },
      ],
    }),
  );
  const b = { from: { namespace: 'missing' }, host: 'b' };

  test.each(['host', 'subset', 'port'])('§3.5-3 a single destination whose %s does not exist is 503 NC', async (what) => {
    expect((await mesh.send({ ...b, path: `/${what}` })).distribution).toEqual({ '503 NC': 1 });
  });

  test('§3.5-3 one of several destinations that does not exist fails for its share', async () => {
    expectShares(await mesh.send({ ...b, path: '/share', repeat: 400 }), { 'b-v1': 3 / 4, '503 NC': 1 / 4 });
  });

  test('§3.5-3 a subset without pods is 503 UH', async () => {
    expect((await mesh.send({ ...b, path: '/empty' })).distribution).toEqual({ '503 UH': 1 });
  });

  const served = async (path: string) => {
    const { distribution, mirrors } = await mesh.send({ ...b, path, repeat: 5 });
    return { distribution, mirrors };
  };

  test('§3.5-3 a mirror to a destination that does not exist is lost in silence', async () => {
    expect(await served('/mirrored')).toEqual({ distribution: { 'b-v1': 5 }, mirrors: { copy: 5 } });
    expect(await served('/mirror-to-nobody')).toEqual({ distribution: { 'b-v1': 5 }, mirrors: {} });
  });

  test('§3.5-3 nothing is mirrored when the destination itself does not exist, nor when it has no pods', async () => {
    expect(await served('/nobody-mirrored')).toEqual({ distribution: { '503 NC': 5 }, mirrors: {} });
    expect(await served('/empty-mirrored')).toEqual({ distribution: { '503 UH': 5 }, mirrors: {} });
  });
});

describe('redirect, direct response and rewrite', () => {
  const prefix = (path: string) => [{ uri: { prefix: path } }];
  mesh.has(
    ...app('rewrites/b'),
    virtualService('rewrites/b', {
      hosts: ['b'],
      http: [
        { match: prefix('/moved'), redirect: { uri: '/here', authority: 'new.example.com' } },
        { match: prefix('/found'), redirect: { authority: 'new.example.com', scheme: 'https', port: 443, redirectCode: 302 } },
        { match: prefix('/teapot'), directResponse: { status: 418, body: { string: 'short and stout' } } },
        { match: prefix('/old/'), rewrite: { uri: '/new/' }, route: [to('b')] },
        { match: [{ uri: { exact: '/exact' } }], rewrite: { uri: '/whole' }, route: [to('b')] },
        { match: prefix('/regex'), rewrite: { uriRegexRewrite: { match: '/regex/(\\d+)', rewrite: '/n-\\1' } }, route: [to('b')] },
        {
          match: prefix('/authority'),
          rewrite: { authority: 'rule.example.com' },
          route: [{ ...to('b'), headers: { request: { set: { host: 'destination.example.com' } } } }],
        },
        { match: prefix('/destination'), route: [{ ...to('b'), headers: { request: { set: { host: 'destination.example.com' } } } }] },
        { route: [to('b')] },
      ],
    }),
  );
  const b = { from: { namespace: 'rewrites' }, host: 'b' };

  test('§3.5-4 a redirect is 301 unless it says otherwise, keeps the query and replaces what it names', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/moved/x?q=1' })).responses;
    expect(answer).toMatchObject({ status: 301, headers: { location: 'http://new.example.com/here?q=1' } });
  });

  test('§3.5-4 a redirect leaves out the default port of its scheme', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/found' })).responses;
    expect(answer).toMatchObject({ status: 302, headers: { location: 'https://new.example.com/found' } });
  });

  test('§3.5-4 a direct response has its status and body and calls nobody', async () => {
    const [answer] = (await mesh.send({ ...b, path: '/teapot' })).responses;
    expect(answer).toMatchObject({ status: 418, body: 'short and stout', hops: [{ hits: [] }] });
  });

  test.each([
    ['a rewrite replaces the matched prefix and keeps the rest', '/old/x/y?q=1', '/new/x/y?q=1'],
    ['a rewrite of an exact match replaces the whole path and keeps the query', '/exact?q=1', '/whole?q=1'],
    ['a regex rewrite replaces what it matches', '/regex/42/rest', '/n-42/rest'],
    ['without a rewrite the path stays', '/other?q=1', '/other?q=1'],
  ])('§3.5-4 %s', async (_, asked, seen) => {
    expect(hit(await mesh.send({ ...b, path: asked })).path).toBe(seen);
  });

  test('§3.5-4 §3.6-1 rewrite.authority sets the Host, and beats a Host that the destination sets', async () => {
    expect(hit(await mesh.send({ ...b, path: '/authority' })).host).toBe('rule.example.com');
    expect(hit(await mesh.send({ ...b, path: '/destination' })).host).toBe('destination.example.com');
    expect(hit(await mesh.send(b)).host).toBe('b');
  });
});

describe('mirrors', () => {
  const exact = (path: string) => [{ uri: { exact: path } }];
  mesh.has(
    ...app('mirrors/b', ['v1', 'v2']), ...app('mirrors/copy'), ...app('mirrors/other'), subsets('mirrors/b', 'v1', 'v2'),
    virtualService('mirrors/b', {
      hosts: ['b'],
      http: [
        { match: exact('/default'), route: [to('b', 'v1')], mirror: { host: 'copy' } },
        {
          match: exact('/several'),
          route: [to('b', 'v1')],
          mirrors: [{ ...to('copy'), percentage: { value: 25 } }, { ...to('other'), percentage: { value: 100 } }],
        },
        { match: exact('/none'), route: [to('b', 'v1')], mirrors: [{ ...to('copy'), percentage: { value: 0 } }, to('other')] },
        { match: exact('/retried'), route: [to('b', 'v1')], mirrors: [to('copy')], retries: { attempts: 2, retryOn: '5xx', backoff: '1ms' } },
        { route: [to('b', 'v1', 1), to('b', 'v2', 1)], retries: { attempts: 4, retryOn: '5xx', backoff: '1ms' } },
      ],
    }),
  );
  const b = { from: { namespace: 'mirrors' }, host: 'b' };

  test('§0.8 a mirror without a percentage gets everything', async () => {
    expect((await mesh.send({ ...b, path: '/default', repeat: 50 })).mirrors).toEqual({ copy: 50 });
  });

  test('§3.5-5 each of several mirrors has its own percentage', async () => {
    const { mirrors } = await mesh.send({ ...b, path: '/several', repeat: 400 });
    expect(mirrors.other).toBe(400);
    expectShares({ distribution: { copy: mirrors.copy, nothing: 400 - mirrors.copy } }, { copy: 1 / 4, nothing: 3 / 4 });
  });

  test('§3.5-5 a mirror of 0 percent is left out', async () => {
    expect((await mesh.send({ ...b, path: '/none', repeat: 50 })).mirrors).toEqual({ other: 50 });
  });

  test('§3.5-5 a shadow copy has the Host of the request, not one that ends with "-shadow"', async () => {
    const [hop] = (await mesh.send({ ...b, path: '/default' })).responses[0].hops;
    expect(hop.mirrors).toMatchObject([{ workload: 'copy', host: 'b', path: '/default' }]);
  });

  test('§3.5-5 (sharper) a request is mirrored once, not once per retry', async () => {
    const [hop] = (await mesh.send({ ...b, path: '/retried', backends: { 'b-v1': { status: 500 } } })).responses[0].hops;
    expect(hop.hits).toHaveLength(3);
    expect(hop.mirrors).toHaveLength(1);
  });

  test('§3.6-4 (sharper) retries stay with the weighted destination that was chosen first', async () => {
    const outcome = await mesh.send({ ...b, repeat: 100, backends: { 'b-v1': { status: 500 } } });
    expectShares(outcome, { 'b-v1': 1 / 2, 'b-v2': 1 / 2 });
    for (const { status, hops } of outcome.responses) {
      expect(hops[0].hits.map(({ workload }) => workload)).toEqual(status === 200 ? ['b-v2'] : Array(5).fill('b-v1'));
    }
  });
});
