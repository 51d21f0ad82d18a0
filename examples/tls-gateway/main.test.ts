import { Testing } from 'cdk8s';
import { tlsGateway } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests: any[] = Testing.synth(tlsGateway(Testing.app()));
const specOf = (kind: string, name: string) => manifests.find((each) => each.kind === kind && each.metadata.name === name).spec;

test('the manifests are those of the snapshot', () => expect(manifests).toMatchSnapshot());

test('all are valid', () => expect(schemaProblems(manifests)).toEqual([]));

test('one Gateway has all servers, each with a port name of its own', () => {
  expect(specOf('Gateway', 'gateway').servers.map(({ port, hosts, tls }: any) => [port.number, port.name, port.protocol, hosts[0], tls?.mode ?? tls?.httpsRedirect])).toEqual([
    [443, 'https', 'HTTPS', 'shop.example.com', 'SIMPLE'],
    [80, 'http', 'HTTP', 'shop.example.com', true],
    [443, 'https-2', 'HTTPS', 'partners.example.com', 'MUTUAL'],
    [443, 'tls', 'TLS', 'vault.example.com', 'PASSTHROUGH'],
    [8000, 'http-2', 'HTTP', 'legacy.example.com', undefined],
  ]);
});

test('hosts below the wildcard have VirtualServices of their own', () => {
  for (const host of ['a', 'b']) expect(specOf('VirtualService', `gateway-${host}-preview-example-com`)).toMatchObject({ hosts: [`${host}.preview.example.com`], gateways: ['gateway'] });
});

test('TLS that is passed on is routed by server name', () => {
  expect(specOf('VirtualService', 'gateway-vault-example-com')).toEqual({
    hosts: ['vault.example.com'],
    gateways: ['gateway'],
    tls: [{ match: [{ sniHosts: ['vault.example.com'] }], route: [{ destination: { host: 'vault.tls-gateway.svc.cluster.local', subset: 'v1', port: { number: 443 } } }] }],
  });
});
