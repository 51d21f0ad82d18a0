import { App, Chart, Testing } from 'cdk8s';
import { bareRoute, retries, timeout } from './main';
import { Behaviour, Mesh } from '../../test/mesh/mesh';

const manifests = (step: (app: App) => Chart) => Testing.synth(step(Testing.app()));

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(manifests(bareRoute)); }, 900_000);
afterAll(() => mesh?.stop());

/** One request to a service that behaves so. */
const ask = (behaviour: Behaviour) => mesh.sendOne({
  from: { namespace: 'flask-demo' }, host: 'flask-demo', port: 5000, backends: { 'flask-demo': behaviour },
});

describe('with the bare route', () => {
  test('an answer takes as long as it takes', async () => {
    const response = await ask({ delayMs: 1500 });
    expect(response).toMatchObject({ status: 200, workload: 'flask-demo', attempts: 1 });
    expect(response.elapsedMs).toBeGreaterThanOrEqual(1500);
  });

  test('an answer 500 is the caller\'s to see', async () => {
    expect(await ask({ status: 500 })).toMatchObject({ status: 500, attempts: 1 });
  });
});

describe('with the timeout', () => {
  beforeAll(() => mesh.update(manifests(timeout)));

  test('an answer that takes 5 seconds becomes 504 after one', async () => {
    const response = await ask({ delayMs: 5000 });
    expect(response).toMatchObject({ status: 504, flags: 'UT' });
    expect(response.elapsedMs).toBeGreaterThanOrEqual(950);
    expect(response.elapsedMs).toBeLessThan(3000);
  });

  test('a quick answer is let through', async () => {
    expect(await ask({ delayMs: 300 })).toMatchObject({ status: 200, workload: 'flask-demo' });
  });
});

describe('with the retries', () => {
  beforeAll(() => mesh.update(manifests(retries)));

  test('a service that always answers 500 is called 4 times', async () => {
    expect(await ask({ status: 500 })).toMatchObject({ status: 500, flags: 'URX', attempts: 4 });
  });

  test.each([[1, 2], [2, 3]])('a service that fails %i of its first calls is called %i times, and answers', async (failFirstN, attempts) => {
    expect(await ask({ failFirstN, failStatus: 500 })).toMatchObject({ status: 200, attempts });
  });

  test('a try that takes longer than a second is given up for the next', async () => {
    const response = await ask({ failFirstN: 1, failStatus: 200, failDelayMs: 10_000 });
    expect(response).toMatchObject({ status: 200, attempts: 2 });
    expect(response.elapsedMs).toBeLessThan(5000);
  });

  test('a client without a sidecar, as one that calls the port of a node, has no retries', async () => {
    const response = await mesh.sendOne({
      from: { namespace: 'elsewhere', sidecar: false },
      host: 'flask-demo.flask-demo',
      port: 5000,
      backends: { 'flask-demo': { failFirstN: 1, failStatus: 500 } },
    });
    expect(response).toMatchObject({ status: 500, attempts: 1 });
  });
});
