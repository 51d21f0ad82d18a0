import {
  app, claimsApart, createdIn, deployment, destinationRule, exported, http80, MeshOfClaims, service, type Spec, subset, subsets, to, virtualService,
} from './support';

const mesh = new MeshOfClaims(claimsApart);

/** A Service with three pods of one Deployment. */
function three(id: string, ports: readonly Spec[] = http80) {
  const name = id.split('/')[1];
  return [service(id, { selector: { app: name }, ports }), deployment(id, { app: name }, { replicas: 3 })];
}

describe('which DestinationRule is used', () => {
  const host = 'b.server.svc.cluster.local';
  const roundRobin = { loadBalancer: { simple: 'ROUND_ROBIN' } };
  const bySubset = { hosts: ['b'], http: [{ match: [{ uri: { exact: '/subset' } }], route: [to('b', 'v1')] }, { route: [to('b')] }] };
  mesh.has(
    ...exported(...app('server/b', ['v1', 'v2']), subsets('server/b', 'v1', 'v2'), virtualService('server/b', bySubset)),
    destinationRule('exact/b', { host, trafficPolicy: roundRobin }),
    destinationRule('wildcard/all', { host: '*.local', trafficPolicy: roundRobin }),
  );
  const send = async (namespace: string) => (await mesh.send({ from: { namespace }, host, path: '/subset', repeat: 5 })).distribution;

  test('§3.7-1 without a DestinationRule of its own, a client uses that of the service\'s namespace', async () => {
    expect(await send('neither')).toEqual({ 'b-v1': 5 });
  });

  test('§3.7-1 a DestinationRule in the client\'s namespace hides that of the service: its subsets are gone', async () => {
    expect(await send('exact')).toEqual({ '503 NC': 5 });
  });

  test('§3.7-1 even one for a wildcard hides it', async () => {
    expect(await send('wildcard')).toEqual({ '503 NC': 5 });
  });
});

describe('several DestinationRules for a host', () => {
  mesh.has(
    ...app('merged/b', ['v1', 'v2']),
    destinationRule('merged/older', { host: 'b', subsets: [subset('v1'), { name: 'both', labels: { version: 'v1' } }] }, createdIn(2024)),
    destinationRule('merged/younger', { host: 'b', subsets: [subset('v2'), { name: 'both', labels: { version: 'v2' } }] }, createdIn(2025)),
    virtualService('merged/b', {
      hosts: ['b'], http: ['v1', 'v2', 'both'].map((name) => ({ match: [{ uri: { exact: `/${name}` } }], route: [to('b', name)] })),
    }),
  );
  const send = async (name: string) => (await mesh.send({ from: { namespace: 'merged' }, host: 'b', path: `/${name}`, repeat: 10 })).distribution;

  test('§3.7-2 the subsets of DestinationRules of one host in one namespace are merged', async () => {
    expect(await send('v1')).toEqual({ 'b-v1': 10 });
    expect(await send('v2')).toEqual({ 'b-v2': 10 });
  });

  test('§3.7-2 of subsets of one name the older one counts', async () => {
    expect(await send('both')).toEqual({ 'b-v1': 10 });
  });
});

describe('settings of a port', () => {
  mesh.has(
    ...three('port-level/b', [...http80, { name: 'http-two', port: 81, targetPort: 8081 }]),
    destinationRule('port-level/b', {
      host: 'b',
      trafficPolicy: {
        loadBalancer: { consistentHash: { httpHeaderName: 'x-user' } },
        portLevelSettings: [{ port: { number: 81 }, connectionPool: { tcp: { connectTimeout: '5s' } } }],
      },
    }),
  );
  const pods = async (port: number) => Object.keys((await mesh.send({
    from: { namespace: 'port-level' }, host: 'b', port, headers: { 'x-user': 'ann' }, repeat: 60,
  })).pods).length;

  test('§3.7-4 portLevelSettings replace the whole policy for their port, not only what they say', async () => {
    expect(await pods(80)).toBe(1);
    expect(await pods(81)).toBe(3);
  });
});

describe('outlier detection', () => {
  // Of three pods: the first failing one would be ejected after two errors, for longer than the test takes.
  const outlier = (id: string, more: object = {}) => [
    ...three(id),
    destinationRule(id, {
      host: id.split('/')[1],
      trafficPolicy: { outlierDetection: { consecutive5xxErrors: 2, interval: '1s', baseEjectionTime: '60s', ...more } },
    }),
  ];
  mesh.has(
    ...outlier('outlier/default'), ...outlier('outlier/all', { maxEjectionPercent: 100 }), ...outlier('outlier/every', { maxEjectionPercent: 100 }),
  );
  // Envoy collects changes of a cluster's health for a second before it applies them.
  const send = (host: string, failing: string[], more: object = {}) => mesh.send({
    from: { namespace: 'outlier' }, host, repeat: 60, backends: Object.fromEntries(failing.map((pod) => [pod, { status: 500 }])), ...more,
  });
  const ejections = (host: string, kind = 'enforced_total') =>
    mesh.running.total(`outlier_detection.ejections_${kind}`, { cluster: `${host}.outlier.svc.cluster.local` });

  test('§3.7-5 (sharper) with fewer than 10 pods the default of 10 % ejects nothing at all', async () => {
    await send('default', ['default-0']);
    const later = await send('default', ['default-0'], { sleepMs: 1300 });
    expect(Object.keys(later.pods).sort()).toEqual(['default-0', 'default-1', 'default-2']);
    expect(await ejections('default')).toBe(0);
    expect(await ejections('default', 'overflow')).toBeGreaterThan(0);
  });

  test('§3.7-5 (sharper) maxEjectionPercent makes it eject them', async () => {
    await send('all', ['all-0']);
    const later = await send('all', ['all-0'], { sleepMs: 1300 });
    expect(Object.keys(later.pods).sort()).toEqual(['all-1', 'all-2']);
    expect(await ejections('all')).toBe(1);
  });

  test('§3.7-5 (sharper) with 100 % and every pod ejected the answer is 503 UH', async () => {
    const everyone = ['every-0', 'every-1', 'every-2'];
    await send('every', everyone);
    expect((await send('every', everyone, { sleepMs: 1300 })).distribution).toEqual({ '503 UH': 60 });
    expect(await ejections('every')).toBe(3);
  });
});
