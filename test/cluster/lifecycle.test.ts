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
  const second = await up(lane({ ...cart, branch: 'release-v2', revision: 3 }), '-n', namespace);
  expect(second).toMatchObject({ status: 0, stderr: '' });
  expect(second.stdout).toContain('http://release-v2.preview.example.com');
  const [v1] = (await deployments(namespace)).map(({ metadata }) => metadata.labels['cdk8s-lanes/lane']).filter((each) => each?.startsWith('release-v1'));
  expect(await ruleNames(namespace, 'cart')).toEqual([`lane/${v1}`, 'lane/release-v2', '']);
  expect(await ruleNames(namespace, 'gateway-shop')).toEqual([`lane/${v1}`, 'lane/release-v2', '']);

  const again = await up(lane({ ...cart, branch: 'release-v2', revision: 4, image: 'registry.example.com/cart:other' }), '-n', namespace);
  expect(again).toMatchObject({ status: 0, stderr: '' });
  expect((await api('GET', `${APPS}/namespaces/${namespace}/deployments/cart-release-v2`)).spec.template.spec.containers[0].image).toBe('registry.example.com/cart:other');

  const down = await cli(['down', '--source', 'shop', ...NOW, '-n', namespace, '--', 'release/v1']);
  expect(down).toMatchObject({ status: 0, stderr: '' });
  expect(await ruleNames(namespace, 'cart')).toEqual(['lane/release-v2', '']);
  expect((await deployments(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart-main', 'cart-release-v2']);
  expect((await destinationRules(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart', 'cart-release-v2']);
  expect((await virtualServices(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart', 'gateway-shop', 'gateway-shop-release-v2']);

  const status = await cli(['status', '-n', namespace]);
  expect(status).toMatchObject({ status: 0, stderr: '' });
  process.stdout.write(first.stdout + second.stdout + down.stdout + status.stdout);
});
