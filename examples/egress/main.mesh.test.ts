import { Testing } from 'cdk8s';
import { egress } from './main';
import { Mesh, MeshRequest } from '../../test/mesh/mesh';

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(Testing.synth(egress(Testing.app())), { mtls: true }); }, 900_000);
afterAll(() => mesh?.stop());

const from = { namespace: 'egress', workload: 'shop-v1' };
const call = (host: string, more: Partial<MeshRequest> = {}) => mesh.send({ from, host, ...more });

test('httpbin.org is reached in plain text, under REGISTRY_ONLY', async () => {
  const { responses: [answer] } = await call('httpbin.org');
  expect(answer).toMatchObject({ status: 200, workload: 'httpbin.org' });
  expect(answer.hops[0].hits[0].tls).toBeUndefined();
});

test('its requests are copied', async () => {
  expect((await call('httpbin.org', { repeat: 10 })).mirrors).toEqual({ sniffer: 10 });
});

test('an https host is reached with the TLS of the service, which sees the host\'s own certificate', async () => {
  const { responses: [answer] } = await call('api.bank.example', { port: 443, tls: true });
  expect(answer).toMatchObject({ status: 200, workload: 'api.bank.example', certificate: 'api.bank.example' });
  expect(answer.hops[0].hits[0].tls).toEqual({ serverName: 'api.bank.example', certificate: '' });
});

test('hosts that nobody declared are not: 502, and no connection with TLS', async () => {
  expect((await call('elsewhere.example')).responses[0]).toMatchObject({ status: 502, workload: '' });
  expect((await call('elsewhere.example', { port: 443, tls: true })).responses[0]).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  expect((await call('bank.example', { port: 443, tls: true })).responses[0]).toMatchObject({ status: 0, hops: [{ hits: [] }] });
});

test('every host below a wildcard is reached', async () => {
  expect((await call('eu.storage.example', { port: 443, tls: true })).responses[0]).toMatchObject({ status: 200, workload: 'eu.storage.example', certificate: 'eu.storage.example' });
});

describe('a host whose TLS the proxy begins', () => {
  test('gets what the service sends in plain text with TLS', async () => {
    const { responses: [answer] } = await call('api.partner.example');
    expect(answer).toMatchObject({ status: 200, workload: 'api.partner.example' });
    expect(answer.hops[0].hits[0]).toMatchObject({ port: 443, tls: { serverName: 'api.partner.example', certificate: '' } });
  });

  test('is called again when it fails, and not waited for longer than 2 seconds', async () => {
    const behave = (behaviour: object) => mesh.setBackends({ 'api.partner.example': behaviour });
    await behave({ failFirstRun: 2 });
    expect((await call('api.partner.example')).responses[0]).toMatchObject({ status: 200, attempts: 3 });
    await behave({ delayMs: 5000 });
    expect((await call('api.partner.example')).responses[0]).toMatchObject({ status: 504, flags: 'UT' });
    await behave({});
  });

  test('has an outage for requests that ask for one', async () => {
    expect((await call('api.partner.example', { headers: { 'x-outage': 'partner' } })).distribution).toEqual({ '503 FI': 1 });
    expect((await call('api.partner.example')).distribution).toEqual({ 'api.partner.example': 1 });
  });
});
