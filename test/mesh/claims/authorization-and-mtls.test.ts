import type { ClientSender } from '../mesh';
import { app, authorizationPolicy, exported, gateway, MeshOfClaims, namespace, peerAuthentication, to, virtualService } from './support';

const mesh = new MeshOfClaims({ mtls: true });

const denied = { status: 403, body: 'RBAC: access denied', workload: '' };
const allowed = { status: 200 };

describe('policies of a workload', () => {
  const onPaths = (...paths: string[]) => [{ operation: { paths } }];
  mesh.has(
    ...app('rules/b'), ...app('rules/nobody'), ...app('rules/everybody'),
    authorizationPolicy('rules/allow', {
      selector: { matchLabels: { app: 'b' } },
      action: 'ALLOW',
      rules: [{ to: onPaths('/open', '/both') }, { to: onPaths('/admin'), when: [{ key: 'request.headers[x-role]', values: ['admin'] }] }],
    }),
    authorizationPolicy('rules/deny', { selector: { matchLabels: { app: 'b' } }, action: 'DENY', rules: [{ to: onPaths('/both') }] }),
    authorizationPolicy('rules/nothing', { selector: { matchLabels: { app: 'nobody' } } }),
    authorizationPolicy('rules/anything', { selector: { matchLabels: { app: 'everybody' } }, rules: [{}] }),
    ...app('rules-client/front'),
    authorizationPolicy('rules-client/nothing', {}),
  );
  const send = async (host: string, asked = '/', headers = {}, from = 'rules') =>
    (await mesh.send({ from: { namespace: from }, host: `${host}.rules`, path: asked, headers })).responses[0];

  test('§3.8 what no ALLOW policy takes is denied by the sidecar of the destination, before its application', async () => {
    expect(await send('b', '/open')).toMatchObject(allowed);
    const answer = await send('b', '/other');
    expect(answer).toMatchObject({ ...denied, hops: [{ hits: [], inbound: [{ pod: 'b-0', status: 403 }] }] });
  });

  test('§3.8 from, to and when hold together', async () => {
    expect(await send('b', '/admin', { 'x-role': 'admin' })).toMatchObject(allowed);
    expect(await send('b', '/admin')).toMatchObject(denied);
  });

  test('§3.8 paths are compared without the query', async () => {
    expect(await send('b', '/open?q=1')).toMatchObject(allowed);
    expect(await send('b', '/other?q=/open')).toMatchObject(denied);
  });

  test('§3.8 DENY comes before ALLOW', async () => {
    expect(await send('b', '/both')).toMatchObject(denied);
  });

  test('§3.8 an ALLOW policy without rules denies everything, one with an empty rule nothing', async () => {
    expect(await send('nobody')).toMatchObject(denied);
    expect(await send('everybody')).toMatchObject(allowed);
  });

  test('§3.8 policies are never enforced on the way out', async () => {
    expect(await send('everybody', '/', {}, 'rules-client')).toMatchObject(allowed);
    const inwards = await mesh.send({ from: { namespace: 'rules' }, host: 'front.rules-client' });
    expect(inwards.responses[0]).toMatchObject(denied);
  });
});

describe('addresses', () => {
  const from = (...ipBlocks: string[]) => ({ action: 'ALLOW', rules: [{ from: [{ source: { ipBlocks } }] }] });
  mesh.has(
    ...app('near/b'), authorizationPolicy('near/allow', from('127.0.0.0/8')),
    ...app('far/b'), authorizationPolicy('far/allow', from('10.0.0.0/8')),
    ...exported(...app('edge/b'), virtualService('edge/b', { hosts: ['*'], gateways: ['gate'], http: [{ route: [to('b')] }] })),
    gateway('edge/gate', { selector: { istio: 'edge' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
    authorizationPolicy('istio-system/edge', { selector: { matchLabels: { istio: 'edge' } }, ...from('127.9.1.0/24') }),
  );

  test('§3.8 ipBlocks is the address of the caller', async () => {
    expect((await mesh.send({ from: { namespace: 'near' }, host: 'b' })).responses[0]).toMatchObject(allowed);
    expect((await mesh.send({ from: { namespace: 'far' }, host: 'b' })).responses[0]).toMatchObject(denied);
  });

  test('§3.8 policies are enforced on gateways too', async () => {
    const send = async (clientIp: string) =>
      (await mesh.send({ from: { gateway: { istio: 'edge' }, clientIp }, host: 'shop.example.com' })).responses[0];
    expect(await send('127.9.1.5')).toMatchObject(allowed);
    const refused = await send('127.9.2.5');
    expect(refused).toMatchObject({ ...denied, hops: [{ hits: [] }] });
    expect(refused.hops[0].inbound).toBeUndefined();
  });
});

describe('identities', () => {
  const from = (source: object) => ({ action: 'ALLOW', rules: [{ from: [{ source }] }] });
  mesh.has(
    ...app('by-principal/b'),
    authorizationPolicy('by-principal/allow', from({ principals: ['cluster.local/ns/friends/sa/web'] })),
    ...app('by-namespace/b'),
    authorizationPolicy('by-namespace/allow', from({ namespaces: ['friends'] })),
    namespace('friends'), namespace('strangers'),
  );
  const send = async (home: string, caller: ClientSender) => (await mesh.send({ from: caller, host: `b.${home}` })).responses[0];

  test('§3.8 with mTLS principals are the service accounts of callers', async () => {
    expect(await send('by-principal', { namespace: 'friends', serviceAccount: 'web' })).toMatchObject(allowed);
    expect(await send('by-principal', { namespace: 'friends', serviceAccount: 'other' })).toMatchObject(denied);
    expect(await send('by-principal', { namespace: 'strangers', serviceAccount: 'web' })).toMatchObject(denied);
  });

  test('§3.8 with mTLS namespaces are those of callers', async () => {
    expect(await send('by-namespace', { namespace: 'friends' })).toMatchObject(allowed);
    expect(await send('by-namespace', { namespace: 'strangers' })).toMatchObject(denied);
  });

  test('§3.8 a caller without a sidecar has neither', async () => {
    expect(await send('by-principal', { namespace: 'friends', sidecar: false })).toMatchObject({ status: 403 });
    expect(await send('by-namespace', { namespace: 'friends', sidecar: false })).toMatchObject({ status: 403 });
  });
});

describe('mutual TLS', () => {
  mesh.has(
    ...app('strict/b'), peerAuthentication('strict/default', { mtls: { mode: 'STRICT' } }),
    ...app('permissive/b'), peerAuthentication('permissive/default', { mtls: { mode: 'PERMISSIVE' } }),
  );
  const send = async (home: string, sidecar: boolean) =>
    (await mesh.send({ from: { namespace: home, serviceAccount: 'web', sidecar }, host: 'b' })).responses[0];

  test('§3.8 STRICT takes callers with a sidecar and refuses plain text', async () => {
    expect(await send('strict', true)).toMatchObject({ status: 200, workload: 'b' });
    expect(await send('strict', false)).toMatchObject({ status: 0, error: expect.stringMatching(/^connection (reset|closed)$/), hops: [{ hits: [] }] });
  });

  test('§3.8 PERMISSIVE takes both', async () => {
    expect(await send('permissive', true)).toMatchObject({ status: 200, workload: 'b' });
    expect(await send('permissive', false)).toMatchObject({ status: 200, workload: 'b' });
  });

  test('§3.8 the application learns the identity of a caller with mTLS by X-Forwarded-Client-Cert', async () => {
    const certificate = async (sidecar: boolean) => (await send('permissive', sidecar)).hops[0].hits[0].headers['x-forwarded-client-cert'];
    expect(await certificate(true)).toContain('URI=spiffe://cluster.local/ns/permissive/sa/web');
    expect(await certificate(false)).toBeUndefined();
  });
});
