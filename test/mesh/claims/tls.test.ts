import type { MeshRequest } from '../mesh';
import { app, claimsApart, destinationRule, exported, gateway, MeshOfClaims, serviceEntry, to, virtualService } from './support';

const mesh = new MeshOfClaims(claimsApart);

const first = async (request: MeshRequest) => (await mesh.send(request)).responses[0];

describe('TLS at a gateway', () => {
  const server = (name: string, tls: object, host = `${name}.example.com`) => ({
    port: { number: 443, name: `https-${name}`, protocol: 'HTTPS' }, hosts: [host], tls,
  });
  const rule = (name: string) => virtualService(`tls/${name}`, {
    hosts: [`${name}.example.com`], gateways: ['gate'], http: [{ route: [to(`${name}.tls.svc.cluster.local`)] }],
  });
  mesh.has(
    gateway('tls/gate', {
      selector: { istio: 'tls' },
      servers: [
        server('simple', { mode: 'SIMPLE', credentialName: 'simple-cert' }),
        server('mutual', { mode: 'MUTUAL', credentialName: 'mutual-cert' }),
        server('any', { mode: 'SIMPLE', credentialName: 'any-cert' }, '*.any.example.com'),
        server('sealed', { mode: 'PASSTHROUGH' }),
      ],
    }),
    ...exported(...['simple', 'mutual', 'any'].flatMap((name) => [...app(`tls/${name}`), rule(name)])),
    ...exported(
      virtualService('tls/any-host', { hosts: ['a.any.example.com'], gateways: ['gate'], http: [{ route: [to('any.tls.svc.cluster.local')] }] }),
      ...app('tls/sealed', [], [{ name: 'tls', port: 443, targetPort: 8443 }]),
      virtualService('tls/sealed', {
        hosts: ['sealed.example.com'],
        gateways: ['gate'],
        tls: [{ match: [{ sniHosts: ['sealed.example.com'] }], route: [to('sealed.tls.svc.cluster.local')] }],
      }),
    ),
  );
  const call = (name: string, more: Partial<MeshRequest> = {}) => first({
    from: { gateway: { istio: 'tls' } }, host: `${name}.example.com`, port: 443, tls: true, ...more,
  });

  test('§3.4-2 SIMPLE shows the certificate of credentialName, by the server name that the client asks for', async () => {
    expect(await call('simple')).toMatchObject({ status: 200, workload: 'simple', certificate: 'simple-cert' });
    expect(await call('a.any')).toMatchObject({ status: 200, workload: 'any', certificate: 'any-cert' });
    expect(await call('simple')).toMatchObject({ hops: [{ headers: { 'x-forwarded-proto': 'https' } }] });
  });

  test('§3.4-2 MUTUAL takes clients with a certificate of the secret\'s authority, and nobody else', async () => {
    expect(await call('mutual', { clientCertificate: 'mutual-cert' })).toMatchObject({ status: 200, workload: 'mutual', certificate: 'mutual-cert' });
    expect(await call('mutual')).toMatchObject({ status: 0, hops: [{ hits: [] }] });
    expect(await call('mutual', { clientCertificate: 'simple-cert' })).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  });

  test('§3.4-2 PASSTHROUGH leaves TLS to the application', async () => {
    const answer = await call('sealed');
    expect(answer).toMatchObject({ status: 200, workload: 'sealed', certificate: 'sealed.example.com' });
    expect(answer.hops[0].hits[0].tls).toEqual({ serverName: 'sealed.example.com', certificate: '' });
  });

  test('§3.4-2 a server name that no server has is refused', async () => {
    expect(await call('other')).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  });

  test('requests without TLS are served in plain text, with a warning', async () => {
    expect(await call('simple', { tls: false })).toMatchObject({ status: 200, workload: 'simple' });
    expect(mesh.running.warnings.join()).toContain('left out for requests without TLS');
  });
});

describe('TLS to hosts outside', () => {
  const outside = (name: string, tls?: object) => [
    serviceEntry(`out/${name}`, {
      hosts: [`${name}.partner.example`],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
      exportTo: ['.'],
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 443 }],
    }),
    ...tls ? [destinationRule(`out/${name}`, { host: `${name}.partner.example`, trafficPolicy: { tls } })] : [],
  ];
  mesh.has(
    ...outside('plain'),
    ...outside('simple', { mode: 'SIMPLE', sni: 'simple.partner.example' }),
    ...outside('asking', { mode: 'SIMPLE' }),
    ...outside('named', { mode: 'SIMPLE', subjectAltNames: ['other.partner.example'] }),
    ...outside('mutual', { mode: 'MUTUAL', clientCertificate: '/c.pem', privateKey: '/k.pem', caCertificates: '/ca.pem' }),
    ...outside('secret', { mode: 'SIMPLE', credentialName: 'partner' }),
  );
  const call = async (name: string) => first({ from: { namespace: 'out' }, host: `${name}.partner.example` });
  const tlsOf = async (name: string) => (await call(name)).hops[0].hits[0].tls;

  test('§3.8 SIMPLE encrypts what the application sends in plain text', async () => {
    expect(await call('simple')).toMatchObject({ status: 200, workload: 'simple.partner.example' });
    expect(await tlsOf('simple')).toEqual({ serverName: 'simple.partner.example', certificate: '' });
    expect(await tlsOf('plain')).toBeUndefined();
  });

  test('without sni the Host is the server name', async () => {
    expect(await tlsOf('asking')).toEqual({ serverName: 'asking.partner.example', certificate: '' });
  });

  test('a certificate for another name is not taken: 503', async () => {
    expect(await call('named')).toMatchObject({ status: 503, hops: [{ hits: [] }] });
  });

  test('MUTUAL shows a certificate', async () => {
    expect((await tlsOf('mutual'))?.certificate).not.toBe('');
  });

  test('credentialName without workloadSelector does nothing in a sidecar: plain text', async () => {
    expect(await tlsOf('secret')).toBeUndefined();
  });
});
