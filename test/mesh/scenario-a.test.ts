import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Mesh, Outcome, Sender } from './mesh';

/** Scenario A, written by hand: the runner must see its whole observation table. */
describe('scenario A on the real mesh', () => {
  const manifests = join(__dirname, 'scenario-a.yaml');
  const gateway: Sender = { gateway: { istio: 'ingressgateway' } };
  const inside: Sender = { namespace: 'test-istio' };
  const elsewhere: Sender = { namespace: 'elsewhere' };
  const withoutSidecar: Sender = { namespace: 'elsewhere', sidecar: false };
  let mesh: Mesh;

  beforeAll(async () => {
    mesh = await Mesh.start(manifests, {
      calls: { testaaa: [{ host: 'testbbb', port: 32000 }] },
      propagate: { 'project-version': '-' },
    });
  }, 900_000);
  afterAll(() => mesh?.stop());

  const viaGateway = (lane?: string): Promise<Outcome> => mesh.send({
    from: gateway, host: 'testaaa.example.com', repeat: 20, headers: lane === undefined ? {} : { 'project-version': lane },
  });

  test('it starts without warnings', () => {
    expect(mesh.warnings).toEqual([]);
  });

  test.each([undefined, 'release', '-', 'release-v9'])('header %p: both baselines', async lane => {
    expect((await viaGateway(lane)).paths).toEqual({ 'testaaa-release -> testbbb-release': 20 });
  });

  test('release-v1: both services have it', async () => {
    expect((await viaGateway('release-v1')).paths).toEqual({ 'testaaa-release-v1 -> testbbb-release-v1': 20 });
  });

  test('release-v2: only testaaa has it', async () => {
    expect((await viaGateway('release-v2')).paths).toEqual({ 'testaaa-release-v2 -> testbbb-release': 20 });
  });

  test('release-v3: only testbbb has it', async () => {
    expect((await viaGateway('release-v3')).paths).toEqual({ 'testaaa-release -> testbbb-release-v3': 20 });
  });

  test.each([['the same namespace', inside], ['another namespace', elsewhere]])('a client with a sidecar in %s is served by the lane', async (_, from) => {
    const request = { from, repeat: 20, headers: { 'project-version': 'release-v1' } };
    expect((await mesh.send({ ...request, host: 'testaaa.test-istio', port: 31000 })).paths)
      .toEqual({ 'testaaa-release-v1 -> testbbb-release-v1': 20 });
    expect((await mesh.send({ ...request, host: 'testbbb.test-istio.svc.cluster.local', port: 32000 })).distribution)
      .toEqual({ 'testbbb-release-v1': 20 });
  });

  test('a client without a sidecar meets baseline and lanes mixed', async () => {
    const outcome = await mesh.send({
      from: withoutSidecar, host: 'testbbb.test-istio', port: 32000, repeat: 30, headers: { 'project-version': 'release-v1' },
    });
    expect(outcome.distribution).toEqual({ 'testbbb-release': 10, 'testbbb-release-v1': 10, 'testbbb-release-v3': 10 });
  });

  test('the application forwards the header, and sends "-" when it got none', async () => {
    const lane = (await viaGateway('release-v1')).responses[0];
    expect(lane.hops.map(hop => hop.headers['project-version'])).toEqual(['release-v1', 'release-v1']);
    const none = (await viaGateway()).responses[0];
    expect(none.hops.map(hop => hop.headers['project-version'])).toEqual([undefined, '-']);
  });

  test('five more lanes come and go while requests are under way, and nothing else changes', async () => {
    const baseline = readFileSync(manifests, 'utf8');
    const extra = ['f1', 'f2', 'f3', 'f4', 'f5'];
    const [deployment] = baseline.split('\n---\n').filter(text => text.includes('name: testbbb-release-v1,'));
    const withMore = extra.reduce((yaml, lane) => yaml
      .replace(/(hosts: \[testbbb\.[^]*?http:\n)/, `$1    - match: [{headers: {project-version: {exact: ${lane}}}}]\n`
        + `      route: [{destination: {host: testbbb.test-istio.svc.cluster.local, subset: ${lane}, port: {number: 32000}}}]\n`)
      .replace(/(host: testbbb\.test-istio\.svc\.cluster\.local\n {2}subsets:\n)/, `$1    - {name: ${lane}, labels: {version: ${lane}}}\n`)
      .concat('\n---\n', deployment.replaceAll('release-v1', lane)), baseline);
    const during = mesh.send({ from: gateway, host: 'x', headers: { 'project-version': 'release-v1' }, repeat: 500 });
    await mesh.update(withMore);
    for (const lane of extra) {
      expect((await viaGateway(lane)).paths).toEqual({ [`testaaa-release -> testbbb-${lane}`]: 20 });
    }
    await mesh.update(manifests);
    expect((await viaGateway('f1')).paths).toEqual({ 'testaaa-release -> testbbb-release': 20 });
    expect((await during).paths).toEqual({ 'testaaa-release-v1 -> testbbb-release-v1': 500 });
  });
});
