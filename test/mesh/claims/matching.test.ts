import type { MeshRequest, Outcome } from '../mesh';
import { app, claimsApart, createdIn, exported, gateway, http80, MeshOfClaims, to, virtualService } from './support';

const mesh = new MeshOfClaims(claimsApart);

/** Envoy logs the name of the rule that it chose; `none` is the rule without conditions at the end. */
function chosen(outcome: Outcome): string {
  expect(outcome.distribution).toEqual({ b: 1 });
  return outcome.responses[0].hops[0].route;
}

/** A service `b` in a namespace of its own, with these rules (and `none` for the rest), and a function that sends to it. */
function rules(name: string, matches: Record<string, object>) {
  mesh.has(
    ...app(`${name}/b`),
    virtualService(`${name}/b`, {
      hosts: ['b'],
      http: [
        ...Object.entries(matches).map(([rule, match]) => ({ name: rule, match: [match], route: [to('b')] })),
        { name: 'none', route: [to('b')] },
      ],
    }),
  );
  return async (request: Partial<MeshRequest> = {}) => chosen(await mesh.send({ from: { namespace: name }, host: 'b', ...request }));
}

describe('rules in order', () => {
  mesh.has(
    ...app('order/b'),
    virtualService('order/b', {
      hosts: ['b'],
      http: [
        { name: 'either', match: [{ uri: { prefix: '/x' } }, { headers: { 'x-a': { exact: '1' } } }], route: [to('b')] },
        { name: 'both', match: [{ uri: { prefix: '/y' }, headers: { 'x-b': { exact: '1' } } }], route: [to('b')] },
        { name: 'first', route: [to('b')] },
        { name: 'later', match: [{ uri: { prefix: '/z' } }], route: [to('b')] },
      ],
    }),
  );
  const send = async (request: Partial<MeshRequest>) => chosen(await mesh.send({ from: { namespace: 'order' }, host: 'b', ...request }));

  test('§3.3-1 the conditions of a match hold together, its alternatives one by one', async () => {
    expect(await send({ path: '/x' })).toBe('either');
    expect(await send({ path: '/', headers: { 'x-a': '1' } })).toBe('either');
    expect(await send({ path: '/y', headers: { 'x-b': '1' } })).toBe('both');
    expect(await send({ path: '/y' })).toBe('first');
  });

  test('§3.3-1 nothing is reached after a rule that matches everything', async () => {
    expect(await send({ path: '/z' })).toBe('first');
  });
});

describe('where a VirtualService is cut off', () => {
  const http = (name: string, match?: object) => ({ name, ...match === undefined ? {} : { match: [match] }, route: [to('b')] });
  // On a gateway several VirtualServices of a host follow each other, the oldest first, so that what the older one still
  // has after its first rule would come before the younger one.
  const pair = (host: string, first: object | undefined) => [
    virtualService(`cut/${host}-older`, {
      hosts: [`${host}.example.com`], gateways: ['cut'], http: [http('first', first), http('cut off', { uri: { exact: '/x' } })],
    }, createdIn(2024)),
    virtualService(`cut/${host}-younger`, {
      hosts: [`${host}.example.com`], gateways: ['cut'], http: [http('younger', { uri: { exact: '/x' } })],
    }, createdIn(2025)),
  ];
  mesh.has(...exported(
    ...app('cut/b'),
    gateway('cut/cut', { selector: { istio: 'cut' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
    ...pair('nothing', undefined),
    ...pair('empty-match', {}),
    ...pair('slash', { uri: { prefix: '/' } }),
    ...pair('regex', { uri: { regex: '.*' } }),
    ...pair('empty-prefix', { uri: { prefix: '' } }),
    ...pair('slash-and-header', { uri: { prefix: '/' }, headers: { 'x-a': { exact: '1' } } }),
  ));
  const send = async (host: string) => chosen(await mesh.send({ from: { gateway: { istio: 'cut' } }, host: `${host}.example.com`, path: '/x' }));

  test.each(['nothing', 'empty-match', 'slash', 'regex'])('§3.3-1 rules after the first that matches everything are not even emitted: %s', async (host) => {
    expect(await send(host)).toBe('younger');
  });

  test('§3.3-1 `prefix: ""` matches everything, but is not recognised as such', async () => {
    expect(await send('empty-prefix')).toBe('first');
  });

  test('§3.3-1 a rule with any further condition cuts nothing off', async () => {
    expect(await send('slash-and-header')).toBe('cut off');
  });
});

describe('conditions on the sender', () => {
  const rule = (name: string, condition: object) => ({ name, match: [condition], route: [to('b')] });
  mesh.has(...exported(
    ...app('senders/b', [], [...http80, { name: 'http-two', port: 81, targetPort: 8081 }]),
    gateway('senders/gate', { selector: { istio: 'senders' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
    virtualService('senders/b', {
      hosts: ['b', 'b.example.com'],
      gateways: ['mesh', 'gate'],
      http: [
        rule('port', { uri: { prefix: '/port' }, port: 81 }),
        rule('labels', { uri: { prefix: '/labels' }, sourceLabels: { team: 'red' } }),
        rule('namespace', { uri: { prefix: '/namespace' }, sourceNamespace: 'senders' }),
        rule('gateway', { uri: { prefix: '/gateway' }, gateways: ['gate'] }),
        rule('mesh', { uri: { prefix: '/gateway' }, gateways: ['mesh'] }),
        rule('gateways alone', { uri: { prefix: '/both' }, gateways: ['mesh'], sourceLabels: { team: 'nobody' }, sourceNamespace: 'nowhere' }),
        { name: 'none', route: [to('b')] },
      ],
    }),
  ));
  const inside = (request: Partial<MeshRequest>) => mesh.send({ from: { namespace: 'senders' }, host: 'b', ...request }).then(chosen);

  test('§3.3-2 port is the port of the service that was called', async () => {
    expect(await inside({ path: '/port', port: 81 })).toBe('port');
    expect(await inside({ path: '/port' })).toBe('none');
  });

  test('§3.3-2 sourceLabels must be among the labels of the sending pod', async () => {
    expect(await inside({ path: '/labels', from: { namespace: 'senders', labels: { team: 'red', tier: 'web' } } })).toBe('labels');
    expect(await inside({ path: '/labels', from: { namespace: 'senders', labels: { team: 'blue' } } })).toBe('none');
    expect(await inside({ path: '/labels' })).toBe('none');
  });

  test('§3.3-2 sourceNamespace is the namespace of the sending pod', async () => {
    expect(await inside({ path: '/namespace' })).toBe('namespace');
    expect(await inside({ path: '/namespace', from: { gateway: { istio: 'senders' } }, host: 'b.example.com' })).toBe('none');
  });

  test('§3.3-2 gateways keeps a rule to these gateways, or to the mesh', async () => {
    expect(await inside({ path: '/gateway' })).toBe('mesh');
    expect(await inside({ path: '/gateway', from: { gateway: { istio: 'senders' } }, host: 'b.example.com' })).toBe('gateway');
  });

  test('§3.3-2 beside gateways, sourceLabels and sourceNamespace are ignored', async () => {
    expect(await inside({ path: '/both' })).toBe('gateways alone');
  });
});

describe('uri', () => {
  const send = rules('uri', {
    exact: { uri: { exact: '/exact' } },
    prefix: { uri: { prefix: '/foo' } },
    regex: { uri: { regex: '/re/[0-9]+' } },
    caseless: { uri: { prefix: '/Case' }, ignoreUriCase: true },
    normal: { uri: { exact: '/a/c' } },
  });

  test.each([
    ['exact compares the whole path', '/exact', 'exact'],
    ['exact leaves the query out', '/exact?q=1', 'exact'],
    ['exact takes nothing longer', '/exact/', 'none'],
    ['exact is case-sensitive', '/Exact', 'none'],
    ['prefix compares the beginning', '/foo/x', 'prefix'],
    ['prefix does not stop at a slash', '/foobar', 'prefix'],
    ['regex compares the whole path', '/re/42', 'regex'],
    ['regex leaves the query out', '/re/42?q=x', 'regex'],
    ['regex takes nothing that only contains a match', '/re/42/x', 'none'],
    ['ignoreUriCase ignores the case', '/cASE/x', 'caseless'],
    ['paths are normalised first', '/a/b/../c', 'normal'],
  ])('§3.3-3 uri %s: %s', async (_, path, rule) => {
    expect(await send({ path })).toBe(rule);
  });
});

describe('headers', () => {
  const header = (match: object) => ({ headers: { 'X-Case': match } });
  const send = rules('headers', {
    exact: header({ exact: 'One' }),
    prefix: header({ prefix: 'pre-' }),
    regex: header({ regex: 'v[0-9]+' }),
    cookie: { headers: { cookie: { regex: '^(.*?;)?\\s*(branch=x)(;.*)?$' } } },
    present: { headers: { 'x-present': {} } },
  });

  test.each<[string, Record<string, string | string[]>, string]>([
    ['their names are case-insensitive', { 'x-cAsE': 'One' }, 'exact'],
    ['their values are case-sensitive', { 'x-case': 'one' }, 'none'],
    ['exact takes nothing longer', { 'x-case': 'One ' + 'more' }, 'none'],
    ['prefix compares the beginning', { 'x-case': 'pre-x' }, 'prefix'],
    ['regex compares the whole value', { 'x-case': 'v42' }, 'regex'],
    ['regex takes nothing that only contains a match', { 'x-case': 'xv42' }, 'none'],
    ['an empty match takes any value', { 'x-present': 'whatever' }, 'present'],
    ['an empty match takes the empty value', { 'x-present': '' }, 'present'],
    ['an empty match wants the header', {}, 'none'],
  ])('§3.3-4 headers: %s', async (_, headers, rule) => {
    expect(await send({ headers })).toBe(rule);
  });

  test.each([
    ['branch=x', 'cookie'],
    ['a=1; branch=x', 'cookie'],
    ['branch=x; b=2', 'cookie'],
    ['a=1; branch=x; b=2', 'cookie'],
    ['branch=xy', 'none'],
    ['otherbranch=x', 'none'],
    ['a=branch=x', 'none'],
  ])('§3.3-4 a cookie is matched by a regex over the whole header: %s', async (cookie, rule) => {
    expect(await send({ headers: { cookie } })).toBe(rule);
  });
});

describe('withoutHeaders', () => {
  const without = (path: string, match: object) => ({ uri: { exact: path }, withoutHeaders: { 'x-a': match } });
  const send = rules('without', {
    exact: without('/exact', { exact: '1' }),
    any: without('/any', { regex: '.*' }),
    some: without('/some', { regex: '.+' }),
    absent: without('/absent', {}),
    star: without('/star', { regex: '*' }),
  });
  const one = { 'x-a': '1' };
  const two = { 'x-a': '2' };

  test.each<[string, string, Record<string, string>, string]>([
    ['a header with another value is taken', '/exact', two, 'exact'],
    ['a header with that value is not', '/exact', one, 'none'],
    ['a missing header counts as empty', '/exact', {}, 'exact'],
    ['a missing header counts as empty, which .+ does not take', '/some', {}, 'some'],
    ['a missing header counts as empty, which .* takes: nobody passes', '/any', {}, 'none'],
    ['.* takes every value: nobody passes', '/any', two, 'none'],
    ['an empty match wants the header to be absent', '/absent', {}, 'absent'],
    ['an empty match refuses any value', '/absent', one, 'none'],
    ['the regex * wants the header to be absent', '/star', {}, 'star'],
    ['the regex * refuses any value', '/star', one, 'none'],
  ])('§3.3-5 withoutHeaders: %s (%s)', async (_, path, headers, rule) => {
    expect(await send({ path, headers })).toBe(rule);
  });
});

describe('authority, method, query', () => {
  const send = rules('rest', {
    bare: { uri: { exact: '/authority' }, authority: { exact: 'b' } },
    ported: { uri: { exact: '/authority' }, authority: { exact: 'b:80' } },
    post: { uri: { exact: '/method' }, method: { exact: 'POST' } },
    two: { uri: { exact: '/two' }, queryParams: { a: { exact: '1' }, b: { regex: '[0-9]+' } } },
    present: { uri: { exact: '/present' }, queryParams: { a: {} } },
    empty: { uri: { exact: '/empty' }, queryParams: { a: { exact: '' } } },
  });

  test('§3.3-6 authority is the Host as it was sent, with its port', async () => {
    expect(await send({ path: '/authority' })).toBe('bare');
    expect(await send({ path: '/authority', headers: { host: 'b:80' } })).toBe('ported');
    expect(await send({ path: '/authority', headers: { host: 'b:8080' } })).toBe('none');
  });

  test('§3.3-6 method is the method', async () => {
    expect(await send({ path: '/method', method: 'POST' })).toBe('post');
    expect(await send({ path: '/method' })).toBe('none');
  });

  test.each([
    ['all parameters must match', '/two?a=1&b=42', 'two'],
    ['one that is missing does not match', '/two?a=1', 'none'],
    ['a regex matches the whole value', '/two?a=1&b=4x', 'none'],
    ['an empty match takes any value', '/present?a=7', 'present'],
    ['an empty match wants the parameter', '/present?b=7', 'none'],
    ['`exact: ""` takes the empty value', '/empty?a=', 'empty'],
    ['`exact: ""` takes no other value', '/empty?a=1', 'none'],
    ['`exact: ""` wants the parameter', '/empty', 'none'],
  ])('§3.3-6 query parameters: %s: %s', async (_, path, rule) => {
    expect(await send({ path })).toBe(rule);
  });
});

describe('no rule', () => {
  const only = (id: string, match: object) => virtualService(id, { hosts: ['b'], http: [{ name: 'rule', match: [match], route: [to('b')] }] });
  mesh.has(
    ...app('unmatched/b'), only('unmatched/b', { uri: { prefix: '/x' } }),
    ...app('filtered/b'), only('filtered/b', { uri: { prefix: '/x' }, sourceLabels: { team: 'red' } }),
  );

  test('§3.2-3 a request that no rule takes is 404 NR: it does not fall through to the service', async () => {
    const b = { from: { namespace: 'unmatched' }, host: 'b' };
    expect((await mesh.send({ ...b, path: '/x' })).distribution).toEqual({ b: 1 });
    expect((await mesh.send({ ...b, path: '/y' })).distribution).toEqual({ '404 NR': 1 });
  });

  test('§3.2-3 if all rules are for other senders, the service keeps its default route', async () => {
    const outcome = await mesh.send({ from: { namespace: 'filtered' }, host: 'b', path: '/y' });
    expect(outcome.distribution).toEqual({ b: 1 });
    expect(chosen(outcome)).toBe('default');
    const red = { from: { namespace: 'filtered', labels: { team: 'red' } }, host: 'b' };
    expect((await mesh.send({ ...red, path: '/y' })).distribution).toEqual({ '404 NR': 1 });
  });
});
