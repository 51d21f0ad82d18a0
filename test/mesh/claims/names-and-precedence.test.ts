import { app, claimsApart, createdIn, expectShares, exported, MeshOfClaims, subsets, to, virtualService } from './support';

const mesh = new MeshOfClaims(claimsApart);

const everything = (host: string, version?: string) => [{ route: [to(host, version)] }];
const exact = (path: string) => [{ uri: { exact: path } }];
const two = [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'http-alt', port: 8080, targetPort: 8080 }];

describe('hosts of a VirtualService', () => {
  mesh.has(
    ...app('hosts/short', ['v1', 'v2']), subsets('hosts/short', 'v1', 'v2'),
    ...app('hosts/dotted', ['v1', 'v2'], two), subsets('hosts/dotted', 'v1', 'v2'),
    virtualService('hosts/short', { hosts: ['short'], http: everything('short', 'v2') }),
    virtualService('hosts/dotted', { hosts: ['dotted.hosts'], http: everything('dotted', 'v2') }),
  );

  test('§0.2 a host without dots belongs to the namespace of the VirtualService, under the domain of the cluster', async () => {
    for (const host of ['short', 'short.hosts', 'short.hosts.svc.cluster.local']) {
      expect((await mesh.send({ from: { namespace: 'hosts' }, host, repeat: 10 })).distribution).toEqual({ 'short-v2': 10 });
    }
  });

  const dotted = (host: string, port: number) => mesh.send({ from: { namespace: 'hosts' }, host, port, repeat: 100 });

  test('§0.2 (sharper) a VirtualService for a host that is no service does not fail: it disappears, and the service keeps its default route', async () => {
    expectShares(await dotted('dotted.hosts', 8080), { 'dotted-v1': 1 / 2, 'dotted-v2': 1 / 2 });
  });

  test('§0.2 §3.2-1 (sharper) on port 80 such a VirtualService takes the requests with that very Host, and no others for the service', async () => {
    expect((await dotted('dotted.hosts', 80)).distribution).toEqual({ 'dotted-v2': 100 });
    for (const host of ['dotted', 'dotted.hosts.svc.cluster.local']) {
      expectShares(await dotted(host, 80), { 'dotted-v1': 1 / 2, 'dotted-v2': 1 / 2 });
    }
  });
});

describe('hosts of destinations', () => {
  mesh.has(
    ...app('destinations/front'), ...app('destinations/back'),
    virtualService('destinations/front', {
      hosts: ['front'],
      http: ['back', 'back.destinations', 'back.destinations.svc', 'back.destinations.svc.cluster.local']
        .map((host) => ({ match: exact(`/${host}`), route: [to(host)] })),
    }),
  );

  test.each([
    ['back', { back: 1 }],
    ['back.destinations', { '503 NC': 1 }],
    ['back.destinations.svc', { '503 NC': 1 }],
    ['back.destinations.svc.cluster.local', { back: 1 }],
  ])('§0.3 only hosts without a dot are expanded, so that dotted short hosts are 503 NC: %s', async (host, distribution) => {
    expect((await mesh.send({ from: { namespace: 'destinations' }, host: 'front', path: `/${host}` })).distribution).toEqual(distribution);
  });
});

describe('several VirtualServices for a host', () => {
  mesh.has(
    ...app('several/age', ['v1', 'v2']), subsets('several/age', 'v1', 'v2'),
    virtualService('several/z-older', { hosts: ['age'], http: everything('age', 'v1') }, createdIn(2024)),
    virtualService('several/a-younger', {
      hosts: ['age'], http: [{ match: exact('/younger'), route: [to('age', 'v2')] }, ...everything('age', 'v2')],
    }, createdIn(2025)),
    ...app('several/name', ['v1', 'v2']), subsets('several/name', 'v1', 'v2'),
    virtualService('several/b-name', { hosts: ['name'], http: everything('name', 'v2') }),
    virtualService('several/a-name', { hosts: ['name'], http: everything('name', 'v1') }),
    ...app('several/partly', ['v1', 'v2']), subsets('several/partly', 'v1', 'v2'),
    ...app('several/rest', ['v1', 'v2']), subsets('several/rest', 'v1', 'v2'),
    virtualService('several/partly-older', { hosts: ['partly'], http: everything('partly', 'v1') }, createdIn(2024)),
    virtualService('several/partly-younger', { hosts: ['partly', 'rest'], http: everything('rest', 'v2') }, createdIn(2025)),
  );
  const send = (host: string, path?: string) => mesh.send({ from: { namespace: 'several' }, host, path, repeat: 10 });

  test('§0.6 in the mesh the older VirtualService has the host for itself; nothing of the younger one is merged', async () => {
    expect((await send('age')).distribution).toEqual({ 'age-v1': 10 });
    expect((await send('age', '/younger')).distribution).toEqual({ 'age-v1': 10 });
  });

  test('§0.6 among VirtualServices of the same age the name decides', async () => {
    expect((await send('name')).distribution).toEqual({ 'name-v1': 10 });
  });

  test('§0.6 a VirtualService that loses a host keeps its other hosts', async () => {
    expect((await send('partly')).distribution).toEqual({ 'partly-v1': 10 });
    expect((await send('rest')).distribution).toEqual({ 'rest-v2': 10 });
  });
});

describe('private VirtualServices', () => {
  const host = 'b.private-server.svc.cluster.local';
  mesh.has(
    ...exported(
      ...app('private-server/b', ['v1', 'v2', 'v3']), subsets('private-server/b', 'v1', 'v2', 'v3'),
      virtualService('private-server/b', { hosts: ['b'], http: everything('b', 'v1') }, createdIn(2024)),
    ),
    virtualService('private-client/b', { hosts: [host], http: everything(host, 'v2'), exportTo: ['.'] }, createdIn(2025)),
  );
  const from = (namespace: string) => mesh.send({ from: { namespace }, host, repeat: 10 });

  test('§3.1-2 a VirtualService that is private to the client comes before an older public one', async () => {
    expect((await from('private-client')).distribution).toEqual({ 'b-v2': 10 });
  });

  test('§3.1-3 `exportTo: ["."]` hides a VirtualService from other namespaces', async () => {
    expect((await from('private-other')).distribution).toEqual({ 'b-v1': 10 });
  });
});

describe('delegates', () => {
  const http = (name: string, path: string, version: string) => ({ name, match: [{ uri: { prefix: path } }], route: [to('b', version)] });
  mesh.has(
    ...app('delegates/b', ['v1', 'v2', 'v3']), subsets('delegates/b', 'v1', 'v2', 'v3'),
    virtualService('delegates/b', {
      hosts: ['b'],
      http: [
        {
          name: 'api',
          match: [{ uri: { prefix: '/api' } }],
          delegate: { name: 'part', namespace: 'delegates' },
          headers: { request: { set: { 'x-root': 'yes' } } },
        },
        { name: 'gone', match: [{ uri: { prefix: '/gone' } }], delegate: { name: 'nobody', namespace: 'delegates' } },
        { name: 'rest', route: [to('b', 'v3')] },
      ],
    }),
    virtualService('delegates/part', {
      http: [http('other', '/other', 'v1'), http('two', '/api/two', 'v2'), { name: 'all', route: [to('b', 'v1')] }],
    }),
  );
  const send = async (path: string) => (await mesh.send({ from: { namespace: 'delegates' }, host: 'b', path })).responses[0];

  test('§3.1-4 the routes of a delegate take the place of the route that names it, and their names are joined', async () => {
    expect(await send('/api/two')).toMatchObject({ workload: 'b-v2', hops: [{ route: 'api-two' }] });
    expect(await send('/api/x')).toMatchObject({ workload: 'b-v1', hops: [{ route: 'api-all' }] });
    expect(await send('/x')).toMatchObject({ workload: 'b-v3', hops: [{ route: 'rest' }] });
  });

  test('§3.1-4 a route of a delegate whose match does not fit that of its root is dropped', async () => {
    expect(await send('/other')).toMatchObject({ workload: 'b-v3', hops: [{ route: 'rest' }] });
  });

  test('§3.1-4 a delegate that does not exist drops only the route that names it', async () => {
    expect(await send('/gone')).toMatchObject({ workload: 'b-v3', hops: [{ route: 'rest' }] });
  });

  test('§3.1-4 what the root says beside the delegate holds for its routes', async () => {
    expect((await send('/api/x')).hops[0].headers).toMatchObject({ 'x-root': 'yes' });
    expect((await send('/x')).hops[0].headers).not.toHaveProperty('x-root');
  });
});

describe('the Host of a request', () => {
  mesh.has(...exported(
    ...app('forms/b', ['v1', 'v2']), subsets('forms/b', 'v1', 'v2'),
    virtualService('forms/b', { hosts: ['b'], http: everything('b', 'v2') }),
  ));
  const send = async (namespace: string, host: string) => {
    const outcome = await mesh.send({ from: { namespace }, host: 'b.forms.svc.cluster.local', headers: { host }, repeat: 5 });
    return [outcome.responses[0].hops[0].cluster, outcome.distribution];
  };
  const taken = ['outbound|80|v2|b.forms.svc.cluster.local', { 'b-v2': 5 }];

  test.each([
    'b', 'b.forms', 'b.forms.svc', 'b.forms.svc.cluster.local', 'b.forms.svc.cluster.local.', 'B.Forms.SVC.cluster.local', 'b:80', 'b.forms:1234',
  ])('§3.2-4 a service is known by its names, in any case and with any port: %s', async (host) => {
    expect(await send('forms', host)).toEqual(taken);
  });

  test('§3.2-4 a service is known by its bare name only in its own namespace', async () => {
    expect(await send('forms-other', 'b.forms')).toEqual(taken);
    expect((await send('forms-other', 'b'))[0]).toBe('PassthroughCluster');
  });
});

describe('protocols of ports', () => {
  const ports = {
    capitals: { name: 'web', appProtocol: 'HTTP' },
    named: { name: 'http-web' },
    sniffed: { name: 'web' },
    other: { name: 'web' },
    tcp: { name: 'tcp-web' },
  };
  for (const [host, port] of Object.entries(ports)) {
    mesh.has(
      ...app(`protocols/${host}`, [], [{ ...port, port: 80, targetPort: 8080 }]),
      virtualService(`protocols/${host}`, { hosts: [host], http: [{ route: [to(host)], headers: { request: { set: { 'x-rule': host } } } }] }),
    );
  }
  const send = async (host: string, hostHeader = host) => {
    const [{ workload, hops }] = (await mesh.send({ from: { namespace: 'protocols' }, host, headers: { host: hostHeader } })).responses;
    return { workload, rule: hops[0].headers['x-rule'] };
  };

  test('§3.2-7 `appProtocol: HTTP` in capitals is HTTP', async () => {
    expect(await send('capitals')).toEqual({ workload: 'capitals', rule: 'capitals' });
    expect(await send('tcp')).toEqual({ workload: 'tcp', rule: undefined });
  });

  test('§3.2-8 a port whose protocol is sniffed follows the address and ignores the Host', async () => {
    expect(await send('sniffed')).toEqual({ workload: 'sniffed', rule: 'sniffed' });
    expect(await send('sniffed', 'other')).toEqual({ workload: 'sniffed', rule: 'sniffed' });
    expect(await send('sniffed', 'capitals')).toEqual({ workload: 'sniffed', rule: 'sniffed' });
  });

  test('§3.2-8 a port that is declared as HTTP follows the Host and ignores the address', async () => {
    expect(await send('named', 'capitals')).toEqual({ workload: 'capitals', rule: 'capitals' });
    expect(await send('capitals', 'named')).toEqual({ workload: 'named', rule: 'named' });
  });
});
