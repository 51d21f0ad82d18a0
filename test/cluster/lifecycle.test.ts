import { api, APPS, deployments, destinationRules, makeNamespace, virtualServices } from './support/api';
import { cli } from './support/cli';
import { baseline, entry, lane } from '../support/branch-manifests';

const NOW = ['--wait', '0'];
const list = (items: any[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const up = (items: any[], ...args: string[]) => cli(['up', '-', ...NOW, ...args], { input: list(items) });
const ruleNames = async (namespace: string, name: string) => (await virtualServices(namespace)).find(({ metadata }) => metadata.name === name).spec.http.map((rule: any) => rule.name ?? '');

test('a baseline goes up, two lanes beside it, one is redeployed, one goes, and nothing is left of it', async () => {
  const namespace = await makeNamespace('life');
  const cart = { service: 'cart', namespace };
  const first = await up([...baseline({ ...cart, branch: 'main', revision: 1 }), ...entry({ ...cart, branch: 'main' })], '-n', namespace);
  expect(first).toMatchObject({ status: 0, stderr: '' });
  expect(await ruleNames(namespace, 'cart')).toEqual(['']);

  expect(await up(lane({ ...cart, branch: 'release/v1', revision: 2 }), '-n', namespace)).toMatchObject({ status: 0, stderr: '' });
  const second = await up(lane({ ...cart, branch: 'release-w2', revision: 3 }), '-n', namespace);
  expect(second).toMatchObject({ status: 0, stderr: '' });
  expect(second.stdout).toContain('http://release-w2.preview.example.com');
  const [v1] = (await deployments(namespace)).map(({ metadata }) => metadata.labels['cdk8s-lanes/lane']).filter((each) => each?.startsWith('release-v1'));
  expect(await ruleNames(namespace, 'cart')).toEqual([`lane/${v1}`, 'lane/release-w2', '']);
  expect(await ruleNames(namespace, 'gateway-shop')).toEqual([`lane/${v1}`, 'lane/release-w2', '']);

  const again = await up(lane({ ...cart, branch: 'release-w2', revision: 4, image: 'registry.example.com/cart:other' }), '-n', namespace);
  expect(again).toMatchObject({ status: 0, stderr: '' });
  expect((await api('GET', `${APPS}/namespaces/${namespace}/deployments/cart-release-w2`)).spec.template.spec.containers[0].image).toBe('registry.example.com/cart:other');

  const down = await cli(['down', '--source', 'shop', ...NOW, '-n', namespace, '--', 'release/v1']);
  expect(down).toMatchObject({ status: 0, stderr: '' });
  expect(await ruleNames(namespace, 'cart')).toEqual(['lane/release-w2', '']);
  expect((await deployments(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart-main', 'cart-release-w2']);
  expect((await destinationRules(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart', 'cart-release-w2']);
  expect((await virtualServices(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart', 'gateway-shop', 'gateway-shop-release-w2']);

  const status = await cli(['status', '-n', namespace]);
  expect(status).toMatchObject({ status: 0, stderr: '' });
  process.stdout.write(first.stdout + second.stdout + down.stdout + status.stdout);
});

test('a redeploy under Recreate is served by the baseline until the new pods are ready; one that restarts nothing is left alone', async () => {
  const namespace = await makeNamespace('recreate');
  const cart = { service: 'cart', namespace, branch: 'a', deployment: { strategy: { type: 'Recreate' } } };
  await up(baseline({ ...cart, branch: 'main' }), '-n', namespace);
  await up(lane({ ...cart, image: 'cart:1' }), '-n', namespace);
  const second = await up(lane({ ...cart, image: 'cart:2' }), '-n', namespace);
  expect(second).toMatchObject({ status: 0, stderr: '' });
  expect(second.stdout).toMatch(/the pods of recreate\/cart go before new ones come, so the baseline serves meanwhile/);
  expect(await ruleNames(namespace, 'cart')).toEqual(['lane/a', '']);
  const third = await up(lane({ ...cart, image: 'cart:2' }), '-n', namespace);
  expect(third.stdout).not.toMatch(/the baseline serves meanwhile/);
  const broken = await up(lane({ ...cart, image: 'cart:missing' }), '-n', namespace, '--timeout', '2');
  expect(broken.status).toBe(4);
  expect(await ruleNames(namespace, 'cart')).toEqual(['']);
});

test('a lane without replicas is asleep: its requests go to the baseline', async () => {
  const namespace = await makeNamespace('asleep');
  const cart = { service: 'cart', namespace, branch: 'a' };
  await up(baseline({ ...cart, branch: 'main' }), '-n', namespace);
  await up(lane(cart), '-n', namespace);
  expect(await up(lane({ ...cart, deployment: { replicas: 0 } }), '-n', namespace)).toMatchObject({ status: 0, stderr: '' });
  expect(await ruleNames(namespace, 'cart')).toEqual(['']);
  await up(lane(cart), '-n', namespace);
  expect(await ruleNames(namespace, 'cart')).toEqual(['lane/a', '']);
  await api('PATCH', `${APPS}/namespaces/${namespace}/deployments/cart-a`, { spec: { replicas: 0 } }, 'application/merge-patch+json');
  await cli(['converge', '-n', namespace]);
  expect(await ruleNames(namespace, 'cart')).toEqual(['']);
});

test('replicas that an autoscaler owns are left alone', async () => {
  const namespace = await makeNamespace('scaled');
  const cart = { service: 'cart', namespace, branch: 'a' };
  const scaler = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'cart-a', namespace, labels: { 'cdk8s-lanes/service': 'cart', 'cdk8s-lanes/source': 'shop', 'cdk8s-lanes/lane': 'a', 'cdk8s-lanes/phase': 'workload' } },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'cart-a' }, minReplicas: 1, maxReplicas: 9 },
  };
  await up(baseline({ ...cart, branch: 'main' }), '-n', namespace);
  expect(await up([scaler, ...lane(cart)], '-n', namespace)).toMatchObject({ status: 0, stderr: '' });
  const path = `${APPS}/namespaces/${namespace}/deployments/cart-a`;
  await api('PUT', `${path}/scale`, { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'cart-a', namespace }, spec: { replicas: 4 } });
  expect(await up([scaler, ...lane({ ...cart, image: 'cart:2' })], '-n', namespace)).toMatchObject({ status: 0, stderr: '' });
  expect((await api('GET', path)).spec).toMatchObject({ replicas: 4, template: { spec: { containers: [{ image: 'cart:2' }] } } });

  expect(await cli(['down', 'a', '--source', 'shop', ...NOW, '-n', namespace])).toMatchObject({ status: 0, stderr: '' });
  expect((await api('GET', `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`)).items).toEqual([]);
});

test('a lane across services and namespaces; a service that the branch no longer changes leaves it; each repository takes down its own', async () => {
  const [one, two] = [await makeNamespace('across-one'), await makeNamespace('across-two')];
  const [cart, pay, mail] = [{ service: 'cart', namespace: one }, { service: 'pay', namespace: two }, { service: 'mail', namespace: two, source: 'post' }];
  const both = ['-n', one, '-n', two];
  await up([...baseline({ ...cart, branch: 'main' }), ...baseline({ ...pay, branch: 'main' }), ...entry({ ...cart, branch: 'main' })], ...both);
  await up(baseline({ ...mail, branch: 'main' }), ...both);
  expect(await up([...lane({ ...cart, branch: 'a' }), ...lane({ ...pay, branch: 'a' })], ...both)).toMatchObject({ status: 0, stderr: '' });
  expect(await up(lane({ ...mail, branch: 'a' }), ...both)).toMatchObject({ status: 0, stderr: '' });
  expect([await ruleNames(one, 'cart'), await ruleNames(two, 'pay'), await ruleNames(two, 'mail')]).toEqual([['lane/a', ''], ['lane/a', ''], ['lane/a', '']]);
  const preview = async () => (await virtualServices(one)).find(({ metadata }) => metadata.name === 'gateway-shop-a')?.spec.http[0];
  expect(await preview()).toMatchObject({ headers: { request: { set: { 'project-version': 'a' } } }, route: [{ destination: { subset: 'a' } }] });

  const without = await up(lane({ ...pay, branch: 'a' }), ...both);
  expect(without).toMatchObject({ status: 0, stderr: '' });
  expect(without.stdout).toMatch(/the branch no longer changes across-one\/cart/);
  expect(await ruleNames(one, 'cart')).toEqual(['']);
  expect((await deployments(one)).map(({ metadata }) => metadata.name)).toEqual(['cart-main']);
  // The entry is the baseline's now; later hops still learn of the lane.
  expect(await preview()).toMatchObject({ headers: { request: { set: { 'project-version': 'a' } } }, route: [{ destination: { subset: 'main' } }] });

  await cli(['down', 'a', '--source', 'shop', ...NOW, ...both]);
  expect([await ruleNames(two, 'pay'), await ruleNames(two, 'mail')]).toEqual([[''], ['lane/a', '']]);
  await cli(['down', 'a', '--all', ...NOW, ...both]);
  expect(await ruleNames(two, 'mail')).toEqual(['']);
  expect(await preview()).toBeUndefined();
});
