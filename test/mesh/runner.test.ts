import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Mesh, MeshError, MeshRequest } from './mesh';

/** What the runner itself promises: that trouble shows as what it is. */
const from = { namespace: 'shop' };
const pods = (version: string, replicas = 1) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: `rec-${version}`, namespace: 'shop' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'rec', version } },
    template: { metadata: { labels: { app: 'rec', version } }, spec: { containers: [{ name: 'rec', image: 'rec' }] } },
  },
});
const route = (subset: string) => [{ destination: { host: 'rec', subset } }];
const on = (prefix: string) => [{ uri: { prefix } }];
const virtualService = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'rec', namespace: 'shop' },
  spec: {
    hosts: ['rec'],
    http: [
      { name: 'patience', match: on('/timeout'), timeout: '0.5s', route: route('v1') },
      { match: on('/retry'), retries: { attempts: 3, perTryTimeout: '1s', retryOn: '5xx' }, route: route('v1') },
      { match: on('/mirror'), mirror: { host: 'rec', subset: 'v2' }, route: route('v1') },
      { match: on('/abort'), fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: route('v1') },
      { match: on('/delay'), fault: { delay: { fixedDelay: '0.3s', percentage: { value: 100 } } }, route: route('v1') },
      { match: on('/breaker'), route: route('v2') },
      { match: on('/nowhere'), route: route('v9') },
      { route: route('v1') },
    ],
  },
};
const manifests = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'rec', namespace: 'shop' },
    spec: { selector: { app: 'rec' }, ports: [{ name: 'http', port: 8080 }] },
  },
  pods('v1'),
  pods('v2', 2),
  virtualService,
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'rec', namespace: 'shop' },
    spec: {
      host: 'rec',
      subsets: [{ name: 'v1', labels: { version: 'v1' } }, {
        name: 'v2',
        labels: { version: 'v2' },
        trafficPolicy: {
          connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } },
          outlierDetection: { consecutive5xxErrors: 1, interval: '1s', baseEjectionTime: '15s', maxEjectionPercent: 100 },
        },
      }],
    },
  },
  {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'rec', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'rec' } },
      action: 'DENY',
      rules: [{ to: [{ operation: { paths: ['/forbidden'] } }] }, { from: [{ source: { namespaces: ['foes'] } }] }],
    },
  },
];

describe('a running mesh', () => {
  let mesh: Mesh;
  const ask = (path: string, more: Partial<MeshRequest> = {}) => mesh.sendOne({ from, host: 'rec', port: 8080, path, ...more });

  beforeAll(async () => { mesh = await Mesh.start(manifests); }, 900_000);
  afterAll(() => mesh?.stop());

  test('a timeout is 504 UT, after the time', async () => {
    const response = await ask('/timeout', { backends: { 'rec-v1': { delayMs: 3000 } } });
    expect(response).toMatchObject({ status: 504, flags: 'UT', path: '!504 UT', details: 'response_timeout' });
    expect(response.elapsedMs).toBeGreaterThan(450);
    expect(response.elapsedMs).toBeLessThan(1500);
    expect(response.hops[0]).toMatchObject({ route: 'patience', cluster: 'outbound|8080|v1|rec.shop.svc.cluster.local' });
    expect(response.hops[0].hits).toHaveLength(1);
  });

  test('retries show as attempts', async () => {
    expect(await ask('/retry', { backends: { 'rec-v1': { status: 500 } } })).toMatchObject({ status: 500, flags: 'URX', attempts: 4 });
    expect(await ask('/retry', { backends: { rec: { failFirstN: 1, failStatus: 500 } } })).toMatchObject({ status: 200, attempts: 2 });
    expect(await ask('/retry', { backends: { rec: { failFirstN: 2, reset: true } } })).toMatchObject({ status: 200, attempts: 3 });
  });

  test('shadow copies are counted apart', async () => {
    const outcome = await mesh.send({ from, host: 'rec', port: 8080, path: '/mirror', repeat: 30 });
    expect(outcome.distribution).toEqual({ 'rec-v1': 30 });
    expect(outcome.mirrors).toEqual({ 'rec-v2': 30 });
    expect(outcome.responses[0]).toMatchObject({ attempts: 1, mirrors: ['rec-v2'] });
  });

  test('injected faults carry their flags', async () => {
    expect(await ask('/abort')).toMatchObject({ status: 418, flags: 'FI', attempts: 0 });
    const delayed = await ask('/delay');
    expect(delayed).toMatchObject({ status: 200, flags: 'DI' });
    expect(delayed.elapsedMs).toBeGreaterThan(290);
  });

  test('a subset that does not exist is 503 NC', async () => {
    expect(await ask('/nowhere')).toMatchObject({ status: 503, flags: 'NC', workload: '', path: '!503 NC' });
  });

  test('overflow is 503 UO, and the proxy counts it', async () => {
    const outcome = await mesh.send({
      from, host: 'rec', port: 8080, path: '/breaker', repeat: 20, concurrency: 20, backends: { 'rec-v2': { delayMs: 300 } },
    });
    expect(outcome.flags.UO).toBeGreaterThan(10);
    expect(await mesh.total('upstream_rq_pending_overflow', { cluster: '|v2|' })).toBe(outcome.flags.UO);
  });

  test('a misbehaving pod is ejected', async () => {
    const outcome = await mesh.send({
      from: { namespace: 'shop', labels: { app: 'other' } },
      host: 'rec',
      port: 8080,
      path: '/breaker',
      repeat: 20,
      intervalMs: 20,
      backends: { 'rec-v2-1': { status: 503 } },
    });
    // Ejecting is up to Envoy's main thread: one more request may get there first.
    expect(outcome.pods['rec-v2-1']).toBeLessThanOrEqual(2);
    expect(outcome.pods['rec-v2-0']).toBeGreaterThanOrEqual(18);
    expect(await mesh.total('outlier_detection.ejections_active', { cluster: '|v2|' })).toBe(1);
  });

  test('the inbound policy answers 403, and says so', async () => {
    const response = await ask('/forbidden');
    expect(response).toMatchObject({ status: 403, body: 'RBAC: access denied', workload: '' });
    expect(response.hops[0].inbound).toMatchObject([{ pod: 'rec-v1-0', status: 403, details: expect.stringContaining('rbac_access_denied') }]);
  });

  test('exact bytes go over the wire', async () => {
    const odd = await ask('/', { raw: 'GET /odd HTTP/1.1\r\nhOsT: rec:8080\r\nX-One: 1\r\nx-one: 2\r\n\r\n' });
    expect(odd.hops[0].hits[0]).toMatchObject({ path: '/odd', host: 'rec:8080', repeatedHeaders: { 'x-one': ['1', '2'] } });
    const absolute = await ask('/', {
      raw: 'POST http://rec:8080/absolute HTTP/1.1\r\nHost: ignored\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    });
    expect(absolute.hops[0].hits[0]).toMatchObject({ method: 'POST', path: '/absolute', host: 'rec:8080', body: 'abc' });
    const old = await ask('/', { raw: 'GET / HTTP/1.0\r\nHost: rec:8080\r\n\r\n' });
    expect(old.raw).toMatchObject([{ status: 426, closed: true }]);
    const two = 'GET /one HTTP/1.1\r\nHost: rec:8080\r\n\r\nGET /two HTTP/1.1\r\nHost: rec:8080\r\n\r\n';
    const pipelined = await ask('/', { raw: Buffer.from(two), rawResponses: 2 });
    expect(pipelined.raw?.map(({ status }) => status)).toEqual([200, 200]);
    expect(pipelined.hops[0].hits.map(({ path }) => path)).toEqual(['/one', '/two']);
  });

  test('hosts that do not exist have the outcome that Envoy gives', async () => {
    const unknown = await ask('/', { host: 'nosuch' });
    expect(unknown).toMatchObject({ status: 503, flags: 'UF', hops: [{ cluster: 'PassthroughCluster' }] });
    expect(await ask('/', { host: 'api.example.com' })).toMatchObject({ status: 200, workload: 'api.example.com' });
    expect(await ask('/', { port: 81 })).toMatchObject({ status: 0, error: expect.stringMatching(/^connection/) });
  });

  test('a pod that is not ready gets nothing, and comes back', async () => {
    await mesh.setBackends({ 'rec-v1': { unhealthy: true } });
    expect(await ask('/')).toMatchObject({ status: 503, flags: 'UH' });
    await mesh.setBackends({});
    expect(await ask('/')).toMatchObject({ status: 200 });
  });

  test('an update that Envoy refuses changes nothing', async () => {
    const broken = structuredClone(virtualService);
    broken.spec.http[3].fault!.abort!.httpStatus = 600;
    const update = mesh.update([...manifests.filter(object => object !== virtualService), broken]);
    await expect(update).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('http_status: 600') });
    expect(await ask('/abort')).toMatchObject({ status: 418 });
    expect(await mesh.sendOne({ from: { namespace: 'new' }, host: 'rec.shop', port: 8080, path: '/abort' })).toMatchObject({ status: 418 });
  });

  test('impossible requests are errors, not crashes', async () => {
    const sending = (request: object) => mesh.sendOne(request as MeshRequest);
    await expect(sending({ from, host: 'rec', hots: 'rec' })).rejects.toThrow('unknown field "hots"');
    await expect(sending({ from })).rejects.toThrow("'host' is missing");
    await expect(sending({ from: { gateway: { istio: 'nosuch' } }, host: 'rec' })).rejects.toThrow('no gateway pod has the labels istio=nosuch');
    await expect(sending({ from: { ...from, workload: 'nosuch' }, host: 'rec' })).rejects.toThrow("no pod of a workload 'nosuch'");
    await expect(ask('/', { backends: { rec: { unhealthy: true } } })).rejects.toBeInstanceOf(MeshError);
  });
});

describe('mutual TLS', () => {
  test('policies by namespace, and strictness, need it', async () => {
    const strict = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'default', namespace: 'istio-system' },
      spec: { mtls: { mode: 'STRICT' } },
    };
    const mesh = await Mesh.start([...manifests, strict], { mtls: true });
    const status = async (sender: object) => (await mesh.sendOne({ from: sender, host: 'rec.shop', port: 8080 })).status;
    expect(await status({ namespace: 'friends' })).toBe(200);
    expect(await status({ namespace: 'foes' })).toBe(403);
    expect(await status({ namespace: 'friends', sidecar: false })).toBe(0);
    await mesh.stop();
  });
});

describe('judging manifests', () => {
  const wrong = structuredClone(virtualService) as { spec: { http: { timeout?: string; patience?: string }[] } };
  wrong.spec.http[0].timeout = '0s';

  test('good ones are valid', async () => {
    expect((await Mesh.validate(manifests)).objects.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test('the webhook rejects, with its reason', async () => {
    expect(await Mesh.validate(wrong)).toMatchObject({
      valid: false,
      objects: [{
        kind: 'VirtualService',
        name: 'rec',
        file: '(objects)',
        document: 1,
        errors: [{ source: 'schema' }, { source: 'webhook', message: 'configuration is invalid: duration must be greater than 1ms' }],
      }],
    });
    await expect(Mesh.start(wrong)).rejects.toMatchObject({ kind: 'rejected', objects: [{ name: 'rec' }] });
  });

  test('the schema finds unknown fields', async () => {
    const unknown = structuredClone(wrong);
    unknown.spec.http[0] = { ...unknown.spec.http[0], timeout: '1s', patience: '1s' };
    expect((await Mesh.validate(unknown)).objects[0].errors).toMatchObject([{ source: 'schema', message: expect.stringContaining('patience') }]);
  });

  test('the analyzers see the whole', async () => {
    const { messages, skippedAnalyzers } = await Mesh.analyze(manifests);
    expect(skippedAnalyzers).toEqual([]);
    expect(messages.map(({ code, origin }) => `${code} ${origin}`)).toContain('IST0101 VirtualService shop/rec');
  });

  test('unreadable YAML names its place', async () => {
    await expect(Mesh.validate('kind: A\n---\n{')).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining('document') });
  });
});

describe('life and death', () => {
  test('meshes do not disturb each other', async () => {
    const meshes = await Promise.all([1, 2, 3].map(() => Mesh.start(manifests)));
    const outcomes = await Promise.all(meshes.map(mesh => mesh.send({ from, host: 'rec', port: 8080, repeat: 50 })));
    outcomes.forEach(({ distribution }) => expect(distribution).toEqual({ 'rec-v1': 50 }));
    await Promise.all(meshes.map(mesh => mesh.stop()));
  });

  test.each(['user', 'runner'])('when the %s is killed, nothing stays behind', async victim => {
    const { runner, envoy } = JSON.parse(execFileSync(process.execPath, [join(__dirname, 'build.mjs')], { encoding: 'utf8' }));
    // The user of the runner is a process of its own here, so that it can be killed.
    const script = `
      const child = require('child_process').spawn(process.argv[1], ['serve', '--envoy', process.argv[2]]);
      child.stdin.write('{"op":"start","mesh":{}}\\n');
      child.stdout.once('data', () => console.log(child.pid));
      setInterval(() => {}, 1000);`;
    const user = spawn(process.execPath, ['-e', script, runner, envoy]);
    const runnerPid = Number(await new Promise(resolve => user.stdout.once('data', resolve)));
    const [envoyPid] = childrenOf(runnerPid);
    expect([runnerPid, envoyPid].map(alive)).toEqual([true, true]);
    process.kill(victim === 'user' ? user.pid! : runnerPid, 'SIGKILL');
    for (let i = 0; i < 50 && (alive(runnerPid) || alive(envoyPid)); i++) { await new Promise(resolve => setTimeout(resolve, 100)); }
    expect([runnerPid, envoyPid].map(alive)).toEqual([false, false]);
    user.kill('SIGKILL');
  });
});

/** Whether a process runs; one that only waits to be collected does not. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap(task => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
}
