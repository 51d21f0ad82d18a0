import { App, Chart, Duration } from 'cdk8s';
import { Branch, BranchDeployment, StainedRoute } from '../../src';
import { VIRTUAL_SERVICE } from '../../src/cluster/cluster';
import { down } from '../../src/cluster/down';
import { ClusterError } from '../../src/cluster/failures';
import { readFolder } from '../../src/cluster/folder';
import { liveLanes, laneTable } from '../../src/cluster/live-lanes';
import { readStatus } from '../../src/cluster/status';
import { up } from '../../src/cluster/up';
import { sourceLabel } from '../../src/lanes/ownership';
import { Call, FakeCluster, FakeServer, quietSession } from '../support/fake-cluster';

/* The life of a lane with fallback, from what BranchDeployment writes: in which order its objects come and go, and where it is routed. */

const OPTIONS = { waitSeconds: 0, timeoutSeconds: 1, allowOlder: false, rootNamespace: 'istio-system' };
const HOST = 'release-v1.cart.shop.lanes';
let server: FakeServer;
let log: string[];

function manifestsOf(branch: string, fallback: boolean, run = 'r1'): any[] {
  const app = new App();
  const chart = new Chart(app, 'cart', { namespace: 'shop' });
  const facts = { source: 'shop/cart', run, revision: 1, time: '2026-02-01T00:00:00Z' };
  new BranchDeployment(chart, 'cart', { branch: Branch.of(branch, { baseline: 'main', lanes: ['release-*'], ttl: Duration.days(1) }, facts), port: 80, image: 'cart:1' });
  new StainedRoute(chart, 'lanes', { fallback });
  return chart.toJson();
}

const cluster = () => new FakeCluster(server, ({ verb, kind, name }: Call) => {
  if (['apply', 'create', 'replace', 'remove'].includes(verb)) log.push(`${verb} ${kind} ${name}`);
});
const deploy = (branch: string, fallback = true, run = 'r1') => up(cluster(), quietSession(), readFolder(
  manifestsOf(branch, fallback, run).map((manifest) => ({ manifest, file: 'folder', line: 1 })), run, 'shop',
), OPTIONS);
const laneRule = () => server.get('VirtualService', 'shop', 'cart')!.spec.http.find(({ name }: any) => name === 'lane/release-v1');
const names = (kind: string) => server.all(kind).map(({ metadata }) => metadata.name);

beforeEach(async () => {
  server = new FakeServer();
  log = [];
  await deploy('main');
  log = [];
});

test('the baseline\'s branch writes nothing of it', () => {
  expect(manifestsOf('main', true)).toEqual(manifestsOf('main', false));
});

test('a lane\'s branch owns the three objects, in the phase of its workload, and says at its Deployment where requests go', () => {
  const all = manifestsOf('release-v1', true);
  const marks = Object.fromEntries(all.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, `${metadata.labels['cdk8s-lanes/phase']} ${metadata.labels['cdk8s-lanes/lane']} ${metadata.labels['cdk8s-lanes/service']}`]));

  expect(marks).toEqual({
    'Deployment cart-release-v1': 'workload release-v1 cart',
    'DestinationRule cart-release-v1': 'subsets release-v1 cart',
    'DestinationRule cart-release-v1-fallback': 'workload release-v1 cart',
    'ServiceEntry cart-release-v1-fallback-baseline': 'workload release-v1 cart',
    'ServiceEntry cart-release-v1-fallback-lane': 'workload release-v1 cart',
  });
  const destination = JSON.parse(all.find(({ kind }) => kind === 'Deployment').metadata.annotations['cdk8s-lanes/destination']);
  expect(destination).toEqual({ host: HOST, servedLane: '%UPSTREAM_METADATA(istio:workload)%', rule: { retries: expect.objectContaining({ retryRemoteLocalities: true }) }, tryTimeout: '2s' });
  expect(manifestsOf('release-v1', false).some(({ metadata }) => JSON.stringify(metadata).includes('fallback') || metadata.annotations['cdk8s-lanes/destination'])).toBe(false);
});

test('it comes up rule first, its entries, its pods, its route', async () => {
  await deploy('release-v1');

  const order = [
    'apply DestinationRule cart-release-v1-fallback', 'apply ServiceEntry cart-release-v1-fallback-baseline', 'apply ServiceEntry cart-release-v1-fallback-lane',
    'apply Deployment cart-release-v1', 'replace VirtualService cart',
  ];
  expect(order.map((each) => log.indexOf(each))).toEqual([...order.map((each) => log.indexOf(each))].sort((one, other) => one - other));
  expect(order.every((each) => log.includes(each))).toBe(true);
  expect(laneRule().route[0]).toEqual({ destination: { host: HOST, port: { number: 80 } }, headers: { response: { set: { 'x-served-lane': '%UPSTREAM_METADATA(istio:workload)%' } } } });
  expect(laneRule().retries.retryOn).toContain('503');
});

test('it goes in the reverse order, and nothing of it stays', async () => {
  await deploy('release-v1');
  log = [];
  await down(cluster(), quietSession(), 'release-v1', { source: sourceLabel('shop/cart'), waitSeconds: 0 });

  expect(laneRule()).toBeUndefined();
  expect(log.filter((each) => each.startsWith('remove'))).toEqual([
    'remove DestinationRule cart-release-v1', 'remove Deployment cart-release-v1',
    'remove ServiceEntry cart-release-v1-fallback-baseline', 'remove ServiceEntry cart-release-v1-fallback-lane',
    'remove DestinationRule cart-release-v1-fallback',
  ]);
  expect([names('ServiceEntry'), names('DestinationRule'), names('Deployment')]).toEqual([[], ['cart'], ['cart-main']]);
});

test('a lane that is routed to, and gets a host of its own later, gets it before it is routed there', async () => {
  await deploy('release-v1', false, 'r1');
  expect(laneRule().route[0].destination).toEqual({ host: 'cart.shop.svc.cluster.local', subset: 'release-v1', port: { number: 80 } });
  log = [];
  await deploy('release-v1', true, 'r2');

  expect(log.indexOf('apply ServiceEntry cart-release-v1-fallback-lane')).toBeLessThan(log.indexOf('apply Deployment cart-release-v1'));
  expect(laneRule().route[0].destination.host).toBe(HOST);
});

test('a lane that gets its subset back is routed there before its host goes, entries first, rule last', async () => {
  await deploy('release-v1', true, 'r1');
  const live = server.get('Deployment', 'shop', 'cart-release-v1')!;
  const { 'cdk8s-lanes/destination': gone, ...annotations } = live.metadata.annotations;
  // The API server takes a field away that its owner says no longer; the fake keeps it.
  server.put({ ...live, metadata: { ...live.metadata, annotations } });
  log = [];
  await deploy('release-v1', false, 'r2');

  expect(gone).toContain(HOST);
  expect(laneRule().route[0].destination).toEqual({ host: 'cart.shop.svc.cluster.local', subset: 'release-v1', port: { number: 80 } });
  expect(log.slice(log.findIndex((each) => each.startsWith('replace VirtualService')) + 1)).toEqual([
    'remove ServiceEntry cart-release-v1-fallback-baseline', 'remove ServiceEntry cart-release-v1-fallback-lane', 'remove DestinationRule cart-release-v1-fallback',
  ]);
  expect(names('DestinationRule')).toEqual(['cart', 'cart-release-v1']);
});

test('status tells of it, and of a host whose rule is gone', async () => {
  await deploy('release-v1');
  const { lanes, drift } = await readStatus(cluster(), new Date('2026-02-01T00:00:00Z'));
  expect(lanes.map(({ services }) => services.map(({ deployment, fallback }) => [deployment, fallback]))).toEqual([[['cart-main', false]], [['cart-release-v1', true]]]);
  expect(drift).toEqual([]);

  server.delete('DestinationRule', 'shop', 'cart-release-v1-fallback');
  expect((await readStatus(cluster(), new Date())).drift).toEqual([expect.stringMatching(/has no DestinationRule for release-v1\.cart\.shop\.lanes, so its requests are spread.*bring the lane up again/)]);
  server.put({ ...server.get('Deployment', 'shop', 'cart-release-v1'), status: { readyReplicas: 0 } });
  expect((await readStatus(cluster(), new Date())).drift.join()).toMatch(/has no ready pods, and requests of lane release-v1 are served by the baseline meanwhile/);
});

test('a baseline that is renamed has lanes that still name the old one, which status tells until they are up again', async () => {
  await deploy('release-v1');
  const baseline = server.get('Deployment', 'shop', 'cart-main')!;
  server.delete('Deployment', 'shop', 'cart-main');
  const { metadata, spec: { template, ...spec } } = baseline;
  const labels = { ...template.metadata.labels, version: 'trunk' };
  server.put({ ...baseline, metadata: { ...metadata, name: 'cart-trunk' }, spec: { ...spec, template: { ...template, metadata: { ...template.metadata, labels } } } });
  const driftOf = async () => (await readStatus(cluster(), new Date('2026-02-01T00:00:00Z'))).drift.filter((each) => each.includes('fall back'));
  expect(await driftOf()).toEqual([expect.stringMatching(/^lane release-v1 of shop\/cart has no baseline to fall back to: no ServiceEntry of release-v1\.cart\.shop\.lanes selects its pods, as when its version is renamed; bring the lane up again/)]);

  const entry = server.get('ServiceEntry', 'shop', 'cart-release-v1-fallback-baseline')!;
  server.put({ ...entry, spec: { ...entry.spec, workloadSelector: { labels } } });
  expect(await driftOf()).toEqual([]);
});

test('who may not look at ServiceEntries is told the rest', async () => {
  await deploy('release-v1');
  server.delete('ServiceEntry', 'shop', 'cart-release-v1-fallback-baseline');
  const forbidding = new FakeCluster(server, ({ verb, kind }: Call) => {
    if (verb === 'list' && kind === 'ServiceEntry') throw new ClusterError('forbidden', 'no');
  });
  expect((await readStatus(forbidding, new Date('2026-02-01T00:00:00Z'))).drift).toEqual([]);
  expect((await readStatus(cluster(), new Date('2026-02-01T00:00:00Z'))).drift).toHaveLength(1);
});

test('a destination that cannot be read is as if it were not said', async () => {
  await deploy('release-v1');
  const [entry] = await cluster().list(VIRTUAL_SERVICE);
  const broken = ['{', '[]', '{"host": 1}', 'null'].map((text) => {
    const live = server.get('Deployment', 'shop', 'cart-release-v1')!;
    return { ...live, metadata: { ...live.metadata, annotations: { ...live.metadata.annotations, 'cdk8s-lanes/destination': text } } };
  });

  for (const deployment of broken) {
    expect(laneTable(entry, liveLanes([deployment])).lanes).toEqual({ 'release-v1': { 'cart.shop.svc.cluster.local': { host: 'cart.shop.svc.cluster.local', subset: 'release-v1' } } });
  }
});
