import { parseAllDocuments } from 'yaml';
import { api, create, deployments, destinationRules, ISTIO, makeNamespace, virtualServices } from './support/api';
import { cli, kubectl } from './support/cli';
import { baseline, lane } from '../support/branch-manifests';

const list = (items: any[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const up = async (namespace: string, items: any[]) => expect(await cli(['up', '-', '--wait', '0', '-n', namespace], { input: list(items) })).toMatchObject({ status: 0 });
const names = (objects: any[]) => objects.map(({ metadata }) => metadata.name);
const sweep = (namespace: string, ...args: string[]) => cli(['sweep', '--wait', '0', '-n', namespace, ...args]);

async function shop(name: string) {
  const namespace = await makeNamespace(`sweep-${name}`);
  const cart = { service: 'cart', namespace };
  await up(namespace, baseline({ ...cart, branch: 'main' }));
  return { namespace, cart };
}

test('lanes past their time go, others stay; without --yes it only tells', async () => {
  const { namespace, cart } = await shop('expired');
  await up(namespace, lane({ ...cart, branch: 'old', expires: '2020-01-01T00:00:00Z' }));
  await up(namespace, lane({ ...cart, branch: 'new', expires: '2099-01-01T00:00:00Z' }));
  await up(namespace, lane({ ...cart, branch: 'forever' }));
  const dry = await sweep(namespace, '--source', 'shop');
  expect(dry).toMatchObject({ status: 0, stderr: '' });
  expect(dry.stdout).toBe(`lane old of shop (${namespace}/cart): expired 2020-01-01T00:00:00.000Z\nnothing was changed; --yes takes them down\n`);
  expect(names(await deployments(namespace))).toHaveLength(4);
  expect(await sweep(namespace, '--source', 'shop', '--yes')).toMatchObject({ status: 0, stderr: '' });
  expect(names(await deployments(namespace))).toEqual(['cart-forever', 'cart-main', 'cart-new']);
  expect(names(await destinationRules(namespace))).toEqual(['cart', 'cart-forever', 'cart-new']);
});

test("lanes whose branch is gone go, by what 'git ls-remote' prints; those of other repositories are not asked", async () => {
  const { namespace, cart } = await shop('branches');
  for (const branch of ['feature/here', 'gone']) await up(namespace, lane({ ...cart, branch }));
  const pay = { service: 'pay', namespace, source: 'pay' };
  await up(namespace, baseline({ ...pay, branch: 'main' }));
  await up(namespace, lane({ ...pay, branch: 'gone' }));
  const sha = '0123456789012345678901234567890123456789';
  const run = (input: string, ...args: string[]) => cli(['sweep', '--wait', '0', '-n', namespace, '--source', 'shop', '--branches', '-', ...args], { input });
  expect((await run(`${sha}\trefs/heads/feature/here\n`)).stderr).toMatch(/'--branches' lacks "main", the branch of the baseline/);
  const ended = await run(`${sha}\trefs/heads/main\n${sha}\trefs/heads/feature/here\n`, '--baseline', 'main', '--yes');
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toMatch(/branch gone is gone/);
  expect(names(await deployments(namespace)).filter((name) => name.includes('gone'))).toEqual(['pay-gone']);
});

test('leftovers of runs that ended midway go: lanes that were never routed to, subsets without Deployment, routes to nothing', async () => {
  const { namespace, cart } = await shop('leftovers');
  const [unrouted] = lane({ ...cart, branch: 'unrouted' });
  const [, orphan] = lane({ ...cart, branch: 'orphan' });
  await create(unrouted);
  await create(orphan);
  const host = `cart.${namespace}.svc.cluster.local`;
  const http = [{ name: 'lane/dead', match: [{ headers: { 'project-version': { exact: 'dead' } } }], route: [{ destination: { host, subset: 'dead' } }] }, { route: [{ destination: { host, subset: 'main' } }] }];
  await api('PATCH', `${ISTIO}/namespaces/${namespace}/virtualservices/cart`, { spec: { http } }, 'application/merge-patch+json');
  expect((await sweep(namespace, '--all')).stdout).toBe('no lane is due\n');
  const ended = await sweep(namespace, '--all', '--yes', '--leftover-hours', '0');
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toMatch(/lane orphan of shop .*: subsets without a Deployment/);
  expect(ended.stdout).toMatch(/lane unrouted of shop .*: no requests are routed to it/);
  expect(names(await deployments(namespace))).toEqual(['cart-main']);
  expect(names(await destinationRules(namespace))).toEqual(['cart']);
  expect((await virtualServices(namespace))[0].spec.http).toHaveLength(1);
});

test('the CronJob: its account may do all that sweeping does, and no more', async () => {
  const { namespace, cart } = await shop('cronjob');
  await up(namespace, lane({ ...cart, branch: 'old', expires: '2020-01-01T00:00:00Z' }));
  await up(namespace, lane({ ...cart, branch: 'new' }));
  const printed = await cli(['sweep', '--manifest', '--image', 'registry.example.com/lanes:1', '-n', namespace, '--source', 'shop']);
  expect(printed).toMatchObject({ status: 0, stderr: '' });
  expect(await kubectl(['apply', '-f', '-'], printed.stdout)).toMatchObject({ status: 0, stderr: '' });
  const cronJob = parseAllDocuments(printed.stdout).map((each) => each.toJS()).find(({ kind }) => kind === 'CronJob');
  const { args, command } = cronJob.spec.jobTemplate.spec.template.spec.containers[0];
  expect([command, args]).toEqual([['cdk8s-lanes'], ['sweep', '--yes', '--source', 'shop', '--namespace', namespace]]);
  const as = `system:serviceaccount:${namespace}:cdk8s-lanes-sweep`;
  expect(await cli([...args, '--wait', '0', '--as', as])).toMatchObject({ status: 0, stderr: '' });
  expect(names(await deployments(namespace))).toEqual(['cart-main', 'cart-new']);
  for (const [verb, resource] of [['create', 'deployments'], ['get', 'secrets'], ['update', 'destinationrules'], ['list', 'pods']]) {
    expect((await kubectl(['auth', 'can-i', verb, resource, '-n', namespace, '--as', as])).stdout.trim()).toBe('no');
  }
  expect((await kubectl(['auth', 'can-i', 'list', 'deployments', '-n', 'default', '--as', as])).stdout.trim()).toBe('no');
});
