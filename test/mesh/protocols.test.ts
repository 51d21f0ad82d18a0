import { App, Chart } from 'cdk8s';
import { Mesh } from './mesh';
import { AppProtocol, CanaryService, MeshNamespace } from '../../src';

/* Services whose requests the mesh cannot read are pinned to their baseline by routes of their own kind. */

function shop(): Chart {
  const chart = new Chart(new App(), 'shop', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');
  for (const [name, appProtocol] of [['plain', AppProtocol.TCP], ['sealed', AppProtocol.TLS], ['web', AppProtocol.HTTPS]] as const) {
    new CanaryService(chart, name, { port: 9000, appProtocol, baseline: { version: 'main', image: name } }).addVersion('next', { image: name });
    const split = new CanaryService(chart, `${name}-split`, { port: 9000, appProtocol, baseline: { version: 'main', image: name } });
    split.addVersion('next', { image: name });
    split.split({ main: 1, next: 1 });
  }
  return chart;
}

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start(shop().toJson());
}, 900_000);
afterAll(() => mesh?.stop());

const from = { namespace: 'shop' };
/** Connections are routed here, so each request brings its own. */
const headers = { connection: 'close' };

test('TCP: everybody meets the baseline, a split both versions', async () => {
  const send = (host: string) => mesh.send({ from, host: `${host}.shop.svc.cluster.local`, port: 9000, headers, repeat: 20, concurrency: 20 });
  expect((await send('plain')).distribution).toEqual({ 'plain-main': 20 });
  expect(Object.keys((await send('plain-split')).distribution).sort()).toEqual(['plain-split-main', 'plain-split-next']);
});

/** What tells is which version the sender's proxy connected to. */
test.each(['sealed', 'web'])('TLS: everybody is connected to the baseline, a split to both versions (%s)', async (name) => {
  const connections = async (host: string) => {
    for (const called of [host, `${host}.shop`, `${host}.shop.svc`, `${host}.shop.svc.cluster.local`]) {
      await mesh.send({ from, host: called, port: 9000, tls: true, headers, repeat: 20 });
    }
    const to = (version: string) => mesh.total('upstream_cx_total', { cluster: `|9000|${version}|${host}.` });
    return { main: await to('main'), next: await to('next'), unpinned: await to('') };
  };
  const pinned = await connections(name);
  expect(pinned).toEqual({ main: expect.any(Number), next: 0, unpinned: 0 });
  expect(pinned.main).toBeGreaterThanOrEqual(80);
  const split = await connections(`${name}-split`);
  expect(Math.min(split.main, split.next)).toBeGreaterThan(5);
});
