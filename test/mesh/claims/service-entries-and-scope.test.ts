import { app, claimsApart, exported, MeshOfClaims, serviceEntry, sidecar, subset, destinationRule, to, virtualService } from './support';

const mesh = new MeshOfClaims(claimsApart);

const registryOnly = { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } };

describe('the scope of a Sidecar', () => {
  const other = 'b.scope-other.svc.cluster.local';
  mesh.has(
    ...exported(...app('scope-other/b'), ...app('scope-other/listed')),
    ...app('scope/front'),
    sidecar('scope/default', { egress: [{ hosts: ['./*', 'scope-other/listed.scope-other.svc.cluster.local'] }], ...registryOnly }),
    virtualService('scope/front', { hosts: ['front'], http: [{ route: [to(other)] }] }),
    ...app('scope-without-rule/front'),
    sidecar('scope-without-rule/default', { egress: [{ hosts: ['./*'] }], ...registryOnly }),
  );
  const send = async (namespace: string, host: string) => (await mesh.send({ from: { namespace }, host })).distribution;

  test('§3.1-5 a Sidecar limits what its pods can call to the hosts that it lists', async () => {
    expect(await send('scope', 'listed.scope-other')).toEqual({ listed: 1 });
    expect(await send('scope-without-rule', 'front')).toEqual({ front: 1 });
    expect(await send('scope-without-rule', 'listed.scope-other')).toEqual({ 502: 1 });
  });

  test('§3.1-5 the destination of a VirtualService is imported even if the Sidecar does not list it', async () => {
    expect(await send('scope', 'front')).toEqual({ b: 1 });
  });

  test('§3.1-5 (sharper) it is imported as a destination only: called by its own name it stays unknown', async () => {
    expect(await send('scope', other)).toEqual({ 502: 1 });
  });
});

describe('unknown hosts', () => {
  mesh.has(
    ...app('open/b'), ...app('closed/b'),
    sidecar('closed/default', { egress: [{ hosts: ['./*'] }], ...registryOnly }),
  );
  const send = async (namespace: string) => (await mesh.send({ from: { namespace }, host: 'unknown.example.com' })).responses[0];

  test('§3.2-5 ALLOW_ANY, the default, passes requests to unknown hosts through', async () => {
    expect(await send('open')).toMatchObject({ status: 200, workload: 'unknown.example.com', hops: [{ cluster: 'PassthroughCluster' }] });
  });

  test('§3.2-5 REGISTRY_ONLY answers 502', async () => {
    expect(await send('closed')).toMatchObject({ status: 502, flags: '', workload: '', hops: [{ hits: [] }] });
  });
});

describe('hosts of a VirtualService that are no services', () => {
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }, { name: 'http-alt', port: 8080, targetPort: 8080 }];
  mesh.has(
    ...app('foreign/b', [], ports), ...app('foreign/sibling', [], ports),
    virtualService('foreign/alone', { hosts: ['alone.example.com'], http: [{ route: [to('b')] }] }),
    virtualService('foreign/sibling', { hosts: ['together.example.com', 'sibling'], http: [{ route: [to('b')] }] }),
  );
  const send = async (host: string, port: number) => (await mesh.send({ from: { namespace: 'foreign' }, host, port })).distribution;

  test('§3.2-1 a host that is no service is routed on port 80 only', async () => {
    expect(await send('alone.example.com', 80)).toEqual({ b: 1 });
    expect(await send('alone.example.com', 8080)).toEqual({ 'alone.example.com': 1 });
  });

  test('§3.2-1 a host that is no service is routed on every port where another host of its VirtualService is one', async () => {
    expect(await send('together.example.com', 80)).toEqual({ b: 1 });
    expect(await send('together.example.com', 8080)).toEqual({ b: 1 });
  });
});

describe('ServiceEntry', () => {
  const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }];
  mesh.has(
    sidecar('entries/default', { egress: [{ hosts: ['./*'] }], ...registryOnly }),
    serviceEntry('entries/partner', { hosts: ['api.partner.example'], location: 'MESH_EXTERNAL', resolution: 'DNS', ports, exportTo: ['.'] }),
    virtualService('entries/partner', {
      hosts: ['api.partner.example'],
      http: [
        { match: [{ uri: { exact: '/abort' } }], fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: [to('api.partner.example')] },
        { route: [to('api.partner.example')], headers: { request: { set: { 'x-rule': 'yes' } } } },
      ],
    }),
    serviceEntry('entries/versions', {
      hosts: ['versions.example'],
      location: 'MESH_EXTERNAL',
      resolution: 'STATIC',
      ports,
      exportTo: ['.'],
      endpoints: [{ address: '198.51.100.1', labels: { version: 'v1' } }, { address: '198.51.100.2', labels: { version: 'v2' } }],
    }),
    destinationRule('entries/versions', { host: 'versions.example', subsets: [subset('v2')] }),
    virtualService('entries/versions', {
      hosts: ['versions.example'],
      http: [{ match: [{ uri: { exact: '/v2' } }], route: [to('versions.example', 'v2')] }, { route: [to('versions.example')] }],
    }),
    serviceEntry('entries/wildcard', { hosts: ['*.wild.example'], location: 'MESH_EXTERNAL', resolution: 'NONE', ports, exportTo: ['.'] }),
  );
  const send = (host: string, path?: string, repeat = 1) => mesh.send({ from: { namespace: 'entries' }, host, path, repeat });

  test('§3.8 the host of a ServiceEntry is a service: REGISTRY_ONLY lets it through, and a VirtualService routes it', async () => {
    expect((await send('other.partner.example')).distribution).toEqual({ 502: 1 });
    const [answer] = (await send('api.partner.example')).responses;
    expect(answer).toMatchObject({ workload: 'api.partner.example', hops: [{ headers: { 'x-rule': 'yes' } }] });
    expect((await send('api.partner.example', '/abort')).distribution).toEqual({ '418 FI': 1 });
  });

  test('§3.8 the endpoints of a ServiceEntry have labels, which subsets of a DestinationRule select', async () => {
    expect((await send('versions.example', '/v2', 20)).distribution).toEqual({ '198.51.100.2': 20 });
    expect(Object.keys((await send('versions.example', '/', 60)).distribution).sort()).toEqual(['198.51.100.1', '198.51.100.2']);
  });

  test('§3.8 a wildcard ServiceEntry takes every host below it', async () => {
    expect((await send('any.wild.example')).distribution).toEqual({ 'any.wild.example': 1 });
    expect((await send('wild.example')).distribution).toEqual({ 502: 1 });
  });
});
