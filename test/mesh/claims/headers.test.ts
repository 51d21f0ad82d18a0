import { app, claimsApart, MeshOfClaims, subsets, to, virtualService } from './support';

const mesh = new MeshOfClaims(claimsApart);

describe('headers of the route and of its destinations', () => {
  const both = (side: 'request' | 'response', value: string) => ({ headers: { [side]: { set: { 'x-who': value } } } });
  const destination = (side: 'request' | 'response', version: string) => ({ ...to('b', version, 1), ...both(side, 'destination') });
  const route = (path: string, side: 'request' | 'response', versions: string[]) => ({
    match: [{ uri: { exact: path } }], ...both(side, 'route'), route: versions.map((version) => destination(side, version)),
  });
  mesh.has(
    ...app('levels/b', ['v1', 'v2']), subsets('levels/b', 'v1', 'v2'),
    virtualService('levels/b', {
      hosts: ['b'],
      http: [
        route('/request/one', 'request', ['v1']),
        route('/request/two', 'request', ['v1', 'v2']),
        route('/response/one', 'response', ['v1']),
        route('/response/two', 'response', ['v1', 'v2']),
        {
          match: [{ uri: { exact: '/host/two' } }],
          rewrite: { authority: 'route' },
          route: ['v1', 'v2'].map((version) => ({ ...to('b', version, 1), headers: { request: { set: { host: 'destination' } } } })),
        },
      ],
    }),
  );
  const send = (path: string) => mesh.send({ from: { namespace: 'levels' }, host: 'b', path, repeat: 20 });
  const seen = async (path: string) => (await send(path)).responses.map(({ hops }) => hops[0].hits[0].headers['x-who']);
  const answered = async (path: string) => (await send(path)).responses.map(({ headers }) => headers['x-who']);

  test('§0.9 with one destination its own request headers win over those of the route', async () => {
    expect(await seen('/request/one')).toEqual(Array(20).fill('destination'));
  });

  test('§0.9 with two destinations the request headers of the route win over theirs', async () => {
    expect(await seen('/request/two')).toEqual(Array(20).fill('route'));
  });

  test('§0.9 with one destination its own response headers win over those of the route', async () => {
    expect(await answered('/response/one')).toEqual(Array(20).fill('destination'));
  });

  test('§0.9 with two destinations the response headers of the route win over theirs', async () => {
    expect(await answered('/response/two')).toEqual(Array(20).fill('route'));
  });

  test('§3.6-1 the Host that a route rewrites wins over that of two destinations too', async () => {
    expect((await send('/host/two')).responses.map(({ hops }) => hops[0].hits[0].host)).toEqual(Array(20).fill('route'));
  });
});

describe('the order of header operations', () => {
  const rule = (path: string, operations: object) => ({
    match: [{ uri: { exact: path } }], headers: { request: operations, response: operations }, route: [to('b')],
  });
  mesh.has(
    ...app('order/b'),
    virtualService('order/b', {
      hosts: ['b'],
      http: [
        rule('/remove', { remove: ['x-a'] }),
        rule('/set', { set: { 'x-a': 'set' } }),
        rule('/add', { add: { 'x-a': 'added' } }),
        rule('/remove-add', { remove: ['x-a'], add: { 'x-a': 'added' } }),
        rule('/remove-set', { remove: ['x-a'], set: { 'x-a': 'set' } }),
        rule('/set-add', { set: { 'x-a': 'set' }, add: { 'x-a': 'added' } }),
        rule('/all', { remove: ['x-a'], set: { 'x-a': 'set' }, add: { 'x-a': 'added' } }),
      ],
    }),
  );

  test.each([
    ['remove', undefined],
    ['set', ['set']],
    ['add', ['old', 'added']],
    ['remove-add', ['added']],
    ['remove-set', ['set']],
    ['set-add', ['set', 'added']],
    ['all', ['set', 'added']],
  ])('§3.6-1 headers are first removed, then set, then added: %s', async (path, expected) => {
    const outcome = await mesh.send({
      from: { namespace: 'order' }, host: 'b', path: `/${path}`, headers: { 'x-a': 'old' }, backends: { b: { headers: { 'x-a': 'old' } } },
    });
    const [answer] = outcome.responses;
    for (const { headers, repeatedHeaders } of [answer.hops[0].hits[0], answer]) {
      expect(repeatedHeaders?.['x-a'] ?? (headers['x-a'] === undefined ? undefined : [headers['x-a']])).toEqual(expected);
    }
  });
});
