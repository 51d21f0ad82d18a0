import { ClientTls, ClientTlsOptions, MutualTlsOptions } from '../../src';
import { trafficPolicyProblems } from '../support/mesh-objects';
import { expectRefusal } from '../support/refusals';

const FILES = { caCertificates: '/ca.pem', clientCertificate: '/cert.pem', privateKey: '/key.pem' };

test.each([
  ['plain text', ClientTls.disabled(), { mode: 'DISABLE' }],
  ['the mesh\'s own certificates', ClientTls.istioMutual(), { mode: 'ISTIO_MUTUAL' }],
  ['the backend\'s certificate, checked by the system\'s authorities', ClientTls.simple(), { mode: 'SIMPLE' }],
  ['both certificates from a secret', ClientTls.mutual({ credentialName: 'client' }), { mode: 'MUTUAL', credentialName: 'client' }],
])('%s', (_what, tls, manifest) => {
  expect(tls._toManifest()).toEqual(manifest);
  expect(trafficPolicyProblems({ tls: manifest })).toEqual([]);
});

test('all that can be said with a secret is written', () => {
  const said: Required<Omit<ClientTlsOptions, 'caCertificates'>> = { sni: 'a.example.com', credentialName: 'authority', subjectAltNames: ['a.example.com', 'b.example.com'] };
  const tls = ClientTls.simple(said)._toManifest();

  expect(tls).toEqual({ mode: 'SIMPLE', ...said });
  expect(trafficPolicyProblems({ tls })).toEqual([]);
});

test('all that can be said with files is written', () => {
  const said: Required<Omit<MutualTlsOptions, 'credentialName'>> = { sni: 'a.example.com', subjectAltNames: ['a.example.com'], ...FILES };
  const tls = ClientTls.mutual(said)._toManifest();

  expect(tls).toEqual({ mode: 'MUTUAL', ...said });
  expect(trafficPolicyProblems({ tls })).toEqual([]);
});

test('what is undefined was not said', () => {
  expect(ClientTls.simple({ sni: undefined, credentialName: undefined })._toManifest()).toEqual({ mode: 'SIMPLE' });
});

describe('refused is', () => {
  test('mutual TLS without certificate', () => {
    expectRefusal(() => ClientTls.mutual({}), { code: 'ClientTlsCertificate', property: 'credentialName', says: /or 'clientCertificate' and 'privateKey' both, got none/ });
  });

  test.each([
    ['clientCertificate', 'privateKey'],
    ['privateKey', 'clientCertificate'],
  ])('%s without its other half, and the message does not say that there was none', (one, missing) => {
    const action = () => ClientTls.mutual({ [one]: '/some.pem' });

    expectRefusal(action, { code: 'ClientTlsCertificate', property: missing, says: /must be set/ });
    expect(action).toThrow(/^(?!.*got none)/);
  });

  // Run on istiod 1.31's webhook: `client certificate required for mutual tls`.
  test('certificates without name, as an unset variable gives them', () => {
    expect(() => ClientTls.mutual({ clientCertificate: '', privateKey: '' })).toThrow(/'clientCertificate'/);
  });

  test.each(Object.keys(FILES))('a secret beside the file %s, in mutual TLS', (file) => {
    expectRefusal(() => ClientTls.mutual({ credentialName: 'client', [file]: '/some.pem' }), {
      code: 'ClientTlsCertificate', property: 'credentialName', says: new RegExp(`must stand alone, got ${file} beside it; the secret holds all`),
    });
  });

  test('a secret beside a file, in simple TLS', () => {
    expectRefusal(() => ClientTls.simple({ credentialName: 'authority', caCertificates: '/ca.pem' }), {
      code: 'ClientTlsCertificate', property: 'credentialName', says: /got caCertificates beside it/,
    });
  });

  test('a client certificate where none is shown, by the compiler', () => {
    // @ts-expect-error a client certificate is for mutual TLS
    ClientTls.simple({ clientCertificate: '/cert.pem' });
  });
});
