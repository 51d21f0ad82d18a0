import { EgressEndpoint, EgressHost, GatewayServer, GatewayServerOptions, HttpsServerOptions, MeshGateway, PreviewOptions, ServerTls } from '../src';
import { chartOf, objectOf } from './support/objects';

test('all the props of a server', () => {
  const said: Required<GatewayServerOptions> = { hosts: ['a.example.com'], port: 8081, portName: 'http-a', name: 'plain', bind: '127.0.0.1' };
  const secure: Required<HttpsServerOptions> = { ...said, port: 8443, portName: 'https-a', name: 'secure', hosts: ['b.example.com'], tls: ServerTls.simple({ credentialName: 'cert' }) };
  const chart = chartOf();
  new MeshGateway(chart, 'gateway', { servers: [GatewayServer.http(said), GatewayServer.https(secure)] });
  expect(objectOf(chart, 'Gateway', 'gateway').spec.servers).toEqual([
    { name: 'plain', bind: '127.0.0.1', hosts: ['a.example.com'], port: { number: 8081, name: 'http-a', protocol: 'HTTP' } },
    expect.objectContaining({ name: 'secure', bind: '127.0.0.1', hosts: ['b.example.com'], port: { number: 8443, name: 'https-a', protocol: 'HTTPS' } }),
  ]);
});

test('all that an endpoint of a host outside may say', () => {
  const endpoint: Required<EgressEndpoint> = { address: '203.0.113.7', labels: { zone: 'a' } };
  const chart = chartOf();
  new EgressHost(chart, 'partner', { hostName: 'api.partner.example', endpoints: [endpoint] });
  const [entry] = chart.toJson().filter(({ kind }: any) => kind === 'ServiceEntry');
  expect(entry.spec.endpoints).toEqual([endpoint]);
});

test('all the options of previews', () => {
  const said: Required<PreviewOptions> = { host: 'b.example.com' };
  const chart = chartOf();
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['a.example.com', 'b.example.com'] });
  expect(() => gateway.previewLanesAt('*.preview.example.com', said)).not.toThrow();
  expect(() => gateway.previewLanesAt('*.preview.example.com', { host: 'c.example.com' })).toThrow(/c\.example\.com|previewLanesAt|already/);
});
