import { Mesh } from './mesh';

/** What `Mesh.update` promises: changes take effect while requests are under way, and what does not change keeps its state. */
const from = { namespace: 'shop' };
const deployment = (version: string, replicas = 2) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `rec-${version}`, namespace: 'shop' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'rec', version } },
    template: { metadata: { labels: { app: 'rec', version } }, spec: { containers: [{ name: 'rec', image: 'rec' }] } },
  },
});
const ejection = (baseEjectionTime = '60s') => ({
  outlierDetection: { consecutive5xxErrors: 1, interval: '1s', baseEjectionTime, maxEjectionPercent: 100 },
});
const pool = { connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } } };
const subset = (version: string, trafficPolicy?: object) => ({ name: version, labels: { version }, ...trafficPolicy && { trafficPolicy } });

interface State {
  readonly v1?: object;
  readonly v2?: object;
  readonly replicas?: number;
  readonly subsets?: object[];
}
const manifests = ({ v1, v2, replicas, subsets }: State = {}) => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'rec', namespace: 'shop' },
    spec: { selector: { app: 'rec' }, ports: [{ name: 'http', port: 8080 }] },
  },
  deployment('v1'),
  deployment('v2', replicas),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'rec', namespace: 'shop' },
    spec: {
      hosts: ['rec'],
      http: [
        { match: [{ uri: { prefix: '/v2' } }], retries: { attempts: 0 }, route: [{ destination: { host: 'rec', subset: 'v2' } }] },
        { retries: { attempts: 0 }, route: [{ destination: { host: 'rec', subset: 'v1' } }] },
      ],
    },
  },
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'rec', namespace: 'shop' },
    spec: { host: 'rec', subsets: subsets ?? [subset('v1', v1), subset('v2', v2)] },
  },
];

const lua = (code: string) => ({
  apiVersion: 'networking.istio.io/v1alpha3',
  kind: 'EnvoyFilter',
  metadata: { name: 'lua', namespace: 'shop' },
  spec: {
    configPatches: [{
      applyTo: 'HTTP_FILTER',
      match: { context: 'SIDECAR_OUTBOUND', listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } },
      patch: {
        operation: 'INSERT_BEFORE',
        value: {
          name: 'envoy.filters.http.lua',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
            'default_source_code': { inline_string: code },
          },
        },
      },
    }],
  },
});

describe('updates of a subset in use', () => {
  let mesh: Mesh;
  const send = (path: string, more = {}) => mesh.send({ from, host: 'rec', port: 8080, path, ...more });
  /** How many of 40 requests the second pod gets, which fails: about half of them, or, if it gets ejected, two at most. */
  const failing = async (version: string) => (await send(`/${version}`, {
    repeat: 40, intervalMs: 10, backends: { [`rec-${version}-1`]: { status: 503 } },
  })).statuses['503'] ?? 0;
  /** Which pods get requests; each is missed once in a million. */
  const pods = async (path: string) => Object.keys((await send(path, { repeat: 60 })).pods).sort();
  const overflowing = async () => (await send('/v2', { repeat: 10, concurrency: 10, backends: { 'rec-v2': { delayMs: 200 } } })).flags.UO ?? 0;
  const ejected = (version: string) => mesh.total('outlier_detection.ejections_active', { cluster: `|${version}|` });

  beforeEach(async () => {
    mesh = await Mesh.start(manifests());
    expect((await send('/v1', { repeat: 4 })).distribution).toEqual({ 'rec-v1': 4 });
    expect((await send('/v2', { repeat: 4 })).distribution).toEqual({ 'rec-v2': 4 });
  }, 900_000);
  afterEach(() => mesh?.stop());

  test('adding outlierDetection to a subset in use takes effect while requests are under way', async () => {
    expect(await failing('v2')).toBeGreaterThan(2);
    const underWay = send('/v2', { repeat: 100, intervalMs: 20 });
    const slow = send('/v2', { backends: { 'rec-v2': { delayMs: 1500 } } });
    await new Promise(resolve => setTimeout(resolve, 200));
    await mesh.update(manifests({ v2: ejection() }));
    expect(await failing('v2')).toBeLessThanOrEqual(2);
    expect(await ejected('v2')).toBe(1);
    expect((await underWay).distribution).toEqual({ 'rec-v2': 100 });
    expect((await slow).distribution).toEqual({ 'rec-v2': 1 });
  });

  test('changing connectionPool to outlierDetection replaces the one by the other', async () => {
    await mesh.update(manifests({ v2: pool }));
    expect(await overflowing()).toBeGreaterThan(3);
    expect(await failing('v2')).toBeGreaterThan(2);
    await mesh.update(manifests({ v2: ejection() }));
    expect(await overflowing()).toBe(0);
    expect(await failing('v2')).toBeLessThanOrEqual(2);
  });

  test('a policy of a subset comes and goes, again and again', async () => {
    for (let i = 0; i < 3; i++) {
      await mesh.update(manifests({ v2: pool }));
      expect(await overflowing()).toBeGreaterThan(3);
      await mesh.update(manifests());
      expect(await overflowing()).toBe(0);
    }
  });

  test('a subset comes and goes while the others change', async () => {
    await mesh.update(manifests({ subsets: [subset('v1', ejection())] }));
    expect((await send('/v2')).flags).toEqual({ NC: 1 });
    expect(await failing('v1')).toBeLessThanOrEqual(2);
    await mesh.update(manifests());
    expect((await send('/v2', { repeat: 4 })).distribution).toEqual({ 'rec-v2': 4 });
    expect(await failing('v1')).toBeGreaterThan(2);
  });

  test('endpoints change in the same update', async () => {
    await mesh.update(manifests({ v2: ejection(), replicas: 4 }));
    expect(await pods('/v2')).toEqual(['rec-v2-0', 'rec-v2-1', 'rec-v2-2', 'rec-v2-3']);
    await mesh.update(manifests({ v2: pool, replicas: 1 }));
    expect(await pods('/v2')).toEqual(['rec-v2-0']);
    await mesh.update(manifests({ v2: ejection(), replicas: 0 }));
    expect((await send('/v2')).flags).toEqual({ UH: 1 });
    await mesh.update(manifests({ v2: pool, replicas: 2 }));
    expect(await pods('/v2')).toEqual(['rec-v2-0', 'rec-v2-1']);
  });

  test('a service comes and goes', async () => {
    const others = manifests().filter(({ kind }) => kind === 'Namespace');
    await mesh.update(others);
    expect(await pods('/v1')).toEqual([]);
    await mesh.update(manifests({ v2: ejection() }));
    expect(await failing('v2')).toBeLessThanOrEqual(2);
    await mesh.update(others);
    await mesh.update(manifests());
    expect(await pods('/v2')).toEqual(['rec-v2-0', 'rec-v2-1']);
  });

  test('a listener changes while its routes stay, with a subset or alone', async () => {
    const marking = lua("function envoy_on_response(handle) handle:headers():add('x-lua', 'yes') end");
    // Connections that clients keep open stay with the listener as it was until Envoy has drained them, for a second.
    const marked = async () => (await send('/v2', { sleepMs: 1300 })).responses[0].headers['x-lua'];
    await mesh.update([...manifests({ v2: pool }), marking]);
    expect(await marked()).toBe('yes');
    await mesh.update(manifests({ v2: pool }));
    expect(await marked()).toBeUndefined();
    expect(await overflowing()).toBeGreaterThan(3);
  });

  test('subsets that do not change keep their ejected pods', async () => {
    await mesh.update(manifests({ v1: ejection() }));
    expect(await failing('v1')).toBeLessThanOrEqual(2);
    expect(await ejected('v1')).toBe(1);
    await mesh.update(manifests({ v1: ejection(), v2: pool }));
    await mesh.update(manifests({ v1: ejection(), v2: ejection(), replicas: 3 }));
    expect(await ejected('v1')).toBe(1);
    expect((await send('/v1', { repeat: 10 })).pods).toEqual({ 'rec-v1-0': 10 });
    expect(await failing('v2')).toBeLessThanOrEqual(2);
  });

  test('a refused update leaves changed subsets as they were', async () => {
    await mesh.update(manifests({ v2: ejection() }));
    const broken = mesh.update([...manifests({ v2: pool }), lua('this is no lua')]);
    await expect(broken).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('this is no lua') });
    expect(await overflowing()).toBe(0);
    expect(await failing('v2')).toBeLessThanOrEqual(2);
    await mesh.update(manifests({ v2: pool }));
    expect(await overflowing()).toBeGreaterThan(3);
  });
});
