import { Testing } from 'cdk8s';
import { tlsGateway } from './main';
import { Mesh, MeshRequest } from '../../test/mesh/mesh';

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(Testing.synth(tlsGateway(Testing.app())), { mtls: true }); }, 900_000);
afterAll(() => mesh?.stop());

const from = { gateway: { istio: 'ingressgateway' } };
const call = async (host: string, more: Partial<MeshRequest> = {}) => (await mesh.send({ from, host, ...more })).responses[0];
const overTls = (host: string, more: Partial<MeshRequest> = {}) => call(host, { port: 443, tls: true, ...more });

test('the shop answers with TLS, under its certificate', async () => {
  expect(await overTls('shop.example.com')).toMatchObject({ status: 200, workload: 'shop-v1', certificate: 'shop-cert' });
});

test('lanes work with TLS as without', async () => {
  const headers = { 'project-version': 'release-v1' };
  expect(await overTls('shop.example.com', { headers })).toMatchObject({ status: 200, workload: 'shop-release-v1', headers: { 'x-served-lane': 'release-v1' } });
  expect(await overTls('shop.example.com', { headers: { 'project-version': 'release-v9' } })).toMatchObject({ workload: 'shop-v1' });
});

test('plain text is told to come again with TLS', async () => {
  expect(await call('shop.example.com', { path: '/cart?id=1' })).toMatchObject({ status: 301, workload: '', headers: { location: 'https://shop.example.com/cart?id=1' } });
  expect(await call('a.preview.example.com')).toMatchObject({ status: 301, headers: { location: 'https://a.preview.example.com/' } });
});

test('hosts below the wildcard are served by one server, each by its own rules; one without rules is 404', async () => {
  for (const host of ['a', 'b']) expect(await overTls(`${host}.preview.example.com`)).toMatchObject({ status: 200, workload: 'shop-v1', certificate: 'shop-cert' });
  expect(await overTls('c.preview.example.com')).toMatchObject({ status: 404, flags: 'NR' });
});

test('partners must show a certificate of their authority', async () => {
  expect(await overTls('partners.example.com', { clientCertificate: 'partners-cert' })).toMatchObject({ status: 200, workload: 'partners-v1', certificate: 'partners-cert' });
  expect(await overTls('partners.example.com')).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  expect(await overTls('partners.example.com', { clientCertificate: 'shop-cert' })).toMatchObject({ status: 0, hops: [{ hits: [] }] });
});

test('a connection for one host does not reach another host\'s service', async () => {
  expect(await overTls('shop.example.com', { headers: { host: 'partners.example.com' } })).toMatchObject({ status: 404, workload: '' });
});

test('the vault ends TLS itself', async () => {
  const answer = await overTls('vault.example.com');
  expect(answer).toMatchObject({ status: 200, workload: 'vault-v1', certificate: 'vault.example.com' });
  expect(answer.hops[0].hits[0].tls).toEqual({ serverName: 'vault.example.com', certificate: '' });
});

test('an unknown server name gets no connection', async () => {
  expect(await overTls('other.example.com')).toMatchObject({ status: 0, hops: [{ hits: [] }] });
});

test('a further server in plain text, at a port of its own', async () => {
  expect(await call('legacy.example.com', { port: 8000 })).toMatchObject({ status: 200, workload: 'shop-v1' });
  expect(await call('shop.example.com', { port: 8000 })).toMatchObject({ status: 404 });
});

test('HTTP/1.0 is answered, in plain text and with TLS', async () => {
  const raw = 'GET / HTTP/1.0\r\nHost: legacy.example.com\r\n\r\n';
  const plain = await call('legacy.example.com', { port: 8000, raw });
  expect(plain.raw?.[0]).toMatchObject({ status: 200 });
  const encrypted = await overTls('shop.example.com', { raw: raw.replace('legacy', 'shop') });
  expect(encrypted.raw?.[0]).toMatchObject({ status: 200 });
});

test('and 426 by a gateway that does not say so', async () => {
  const manifests: any[] = Testing.synth(tlsGateway(Testing.app()));
  const strict = await Mesh.start(manifests.filter(({ kind }) => kind !== 'EnvoyFilter'));
  try {
    const { responses: [answer] } = await strict.send({ from, host: 'legacy.example.com', port: 8000, raw: 'GET / HTTP/1.0\r\nHost: legacy.example.com\r\n\r\n' });
    expect(answer.raw?.[0]).toMatchObject({ status: 426 });
  } finally {
    await strict.stop();
  }
});
