import {
  AppProtocol, CanaryService, EgressEndpoint, EgressHost, GatewayPassthroughOptions, GatewayServer, GatewayServerOptions, HttpsServerOptions,
  MeshGateway, MutualServerTlsOptions, PreviewOptions, ServerTls, TlsVersion,
} from '../src';
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

describe('all the options of TLS at a server', () => {
  const settings = {
    minProtocolVersion: TlsVersion.V1_0, maxProtocolVersion: TlsVersion.V1_2, cipherSuites: ['ECDHE-RSA-AES128-SHA'], subjectAltNames: ['client.example.com'],
  };
  const tlsOf = (tls: ServerTls) => {
    const chart = chartOf();
    new MeshGateway(chart, 'gateway', { servers: [GatewayServer.https({ hosts: ['a.example.com'], tls })] });
    return objectOf(chart, 'Gateway', 'gateway').spec.servers[0].tls;
  };

  test('with a secret', () => {
    const said: Required<Omit<MutualServerTlsOptions, 'credentialNames' | 'serverCertificate' | 'privateKey' | 'caCertificates'>> = {
      ...settings, credentialName: 'cert', caCertCredentialName: 'clients',
    };
    expect(tlsOf(ServerTls.mutual(said))).toEqual({ mode: 'MUTUAL', ...said });
    expect(tlsOf(ServerTls.optionalMutual(said))).toEqual({ mode: 'OPTIONAL_MUTUAL', ...said });
  });

  test('with two secrets', () => {
    const said: Required<Omit<MutualServerTlsOptions, 'credentialName' | 'serverCertificate' | 'privateKey' | 'caCertificates'>> = {
      ...settings, credentialNames: ['rsa', 'ecdsa'], caCertCredentialName: 'clients',
    };
    expect(tlsOf(ServerTls.mutual(said))).toEqual({ mode: 'MUTUAL', ...said });
  });

  test('with files', () => {
    const said: Required<Omit<MutualServerTlsOptions, 'credentialName' | 'credentialNames' | 'caCertCredentialName'>> = {
      ...settings, serverCertificate: '/etc/tls/tls.crt', privateKey: '/etc/tls/tls.key', caCertificates: '/etc/tls/ca.crt',
    };
    expect(tlsOf(ServerTls.mutual(said))).toEqual({ mode: 'MUTUAL', ...said });
  });
});

test('all the options of TLS that a gateway passes on', () => {
  const chart = chartOf();
  const vault = new CanaryService(chart, 'vault', {
    port: 8200, portName: 'http', additionalPorts: [{ name: 'tls', port: 8443, appProtocol: AppProtocol.TLS }], baseline: { version: 'v1', image: 'vault:1' },
  });
  const said: Required<GatewayPassthroughOptions> = { hosts: ['a.example.com'], port: 8443 };
  new MeshGateway(chart, 'gateway', { servers: [GatewayServer.passthrough({ hosts: ['a.example.com', 'b.example.com'] })] }).passthrough(vault, said);
  const passedOn = chart.toJson().filter(({ kind, spec }: any) => kind === 'VirtualService' && spec.gateways).map(({ spec }: any) => [spec.hosts, spec.tls]);
  expect(passedOn).toEqual([[['a.example.com'], [
    { match: [{ sniHosts: ['a.example.com'] }], route: [{ destination: { host: vault.hostName, subset: 'v1', port: { number: 8443 } } }] },
  ]]]);
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
