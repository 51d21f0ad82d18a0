import { Testing } from 'cdk8s';
import { allowList, denyList, fineGrained, oneVersion, scoped } from './main';
import { Mesh, MeshRequest, MeshResponse, Sender } from '../../test/mesh/mesh';

const manifests = [allowList, denyList, fineGrained, oneVersion, scoped].flatMap((build) => Testing.synth(build(Testing.app())));

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(manifests, { mtls: true, calls: {} }); }, 900_000);
afterAll(() => mesh?.stop());

const LANE = { 'project-version': 'release-v1' };
const call = async (namespace: string, from: Sender, more: Partial<MeshRequest> = {}): Promise<MeshResponse> =>
  (await mesh.send({ from, host: `preference.${namespace}.svc.cluster.local`, port: 8080, ...more })).responses[0];
const pod = (namespace: string, name: string) => ({ namespace, workload: `${name}-v1` });

const answered = { status: 200, workload: 'preference-v1' };
const denied = { status: 403, body: 'RBAC: access denied', workload: '' };

describe('allow-list', () => {
  test('admin is let in', async () => expect(await call('allow-list', pod('allow-list', 'admin'))).toMatchObject(answered));

  test('customer is kept out, and so is everybody else', async () => {
    expect(await call('allow-list', pod('allow-list', 'customer'))).toMatchObject(denied);
    expect(await call('allow-list', { namespace: 'other', serviceAccount: 'admin' })).toMatchObject(denied);
  });

  test('a caller without a sidecar gets no answer at all', async () => {
    expect(await call('allow-list', { namespace: 'allow-list', sidecar: false })).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  });

  test('the lane\'s pods keep to it too', async () => {
    expect(await call('allow-list', pod('allow-list', 'admin'), { headers: LANE })).toMatchObject({ status: 200, workload: 'preference-release-v1' });
    expect(await call('allow-list', pod('allow-list', 'customer'), { headers: LANE })).toMatchObject(denied);
  });
});

describe('deny-list', () => {
  test('customer is kept out', async () => expect(await call('deny-list', pod('deny-list', 'customer'))).toMatchObject(denied));

  test('another caller is let in', async () => {
    expect(await call('deny-list', pod('deny-list', 'admin'))).toMatchObject(answered);
    expect(await call('deny-list', { namespace: 'other' })).toMatchObject(answered);
  });

  test('customer may call whom the list is not for', async () => {
    const host = 'recommendation.deny-list.svc.cluster.local';
    expect(await call('deny-list', pod('deny-list', 'customer'), { host })).toMatchObject({ status: 200, workload: 'recommendation-v1' });
  });

  test('nobody gets around it without a sidecar', async () => {
    expect(await call('deny-list', { namespace: 'deny-list', sidecar: false })).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  });
});

describe('fine-grained', () => {
  const [customer, admin] = ['customer', 'admin'].map((name) => pod('fine-grained', name));
  const ask = (from: Sender, more: Partial<MeshRequest> = {}) => call('fine-grained', from, more);

  test('everybody reads', async () => expect(await ask(customer)).toMatchObject(answered));

  test('admin alone writes', async () => {
    expect(await ask(admin, { method: 'POST' })).toMatchObject(answered);
    expect(await ask(customer, { method: 'POST' })).toMatchObject(denied);
    expect(await ask(admin, { method: 'DELETE' })).toMatchObject(denied);
  });

  test('monitoring alone sees /metrics', async () => {
    for (const path of ['/metrics', '/metrics/all']) {
      expect(await ask({ namespace: 'monitoring' }, { path })).toMatchObject(answered);
      expect(await ask(admin, { path })).toMatchObject(denied);
    }
    expect(await ask(admin, { path: '/metricsx' })).toMatchObject(answered);
  });

  test('the lane\'s requests read, and do not write', async () => {
    expect(await ask(admin, { headers: LANE })).toMatchObject({ status: 200, workload: 'preference-release-v1' });
    expect(await ask(admin, { headers: LANE, method: 'POST' })).toMatchObject(denied);
  });
});

describe('one version', () => {
  test('the lane\'s pods answer customer alone', async () => {
    expect(await call('one-version', pod('one-version', 'customer'), { headers: LANE })).toMatchObject({ status: 200, workload: 'preference-release-v1' });
    expect(await call('one-version', pod('one-version', 'admin'), { headers: LANE })).toMatchObject(denied);
  });

  test('the baseline\'s answer all', async () => expect(await call('one-version', pod('one-version', 'admin'))).toMatchObject(answered));
});

describe('scoped', () => {
  const from = pod('scoped', 'preference');
  const ask = (host: string) => call('scoped', from, { host: `${host}.svc.cluster.local` });

  test('preference reaches recommendation, which it is said to call', async () => {
    expect(await ask('recommendation.scoped')).toMatchObject({ status: 200, workload: 'recommendation-v1' });
  });

  test('and nobody else: 502', async () => {
    expect(await ask('admin.scoped')).toMatchObject({ status: 502, workload: '' });
    expect(await ask('preference.deny-list')).toMatchObject({ status: 502, workload: '' });
  });

  test('customer, which no scope is for, reaches both', async () => {
    expect(await call('scoped', pod('scoped', 'customer'), { host: 'admin.scoped.svc.cluster.local' })).toMatchObject({ status: 200 });
    expect(await call('scoped', pod('scoped', 'customer'), { headers: LANE })).toMatchObject({ status: 200, workload: 'preference-release-v1' });
  });
});
