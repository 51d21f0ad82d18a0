import { mkdtempSync, readFileSync, writeFileSync } from 'fs';
import { createServer } from 'http';
import { AddressInfo } from 'net';
import { join } from 'path';
import { parse, stringify } from 'yaml';
import { api, APPS, create, deployments, destinationRules, ISTIO, makeNamespace, virtualServices } from './support/api';
import { cli, kubectl } from './support/cli';
import { gatedKubectl } from './support/shim';
import { baseline, BranchOptions, entry, lane } from '../support/branch-manifests';

const list = (items: any[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const up = (namespace: string, items: any[], ...args: string[]) => cli(['up', '-', '--wait', '0', '-n', namespace, ...args], { input: list(items) });
const down = (namespace: string, branch: string, ...args: string[]) => cli(['down', '--wait', '0', '-n', namespace, ...args, '--', branch]);
const rules = async (namespace: string) => (await virtualServices(namespace)).find(({ metadata }) => metadata.name === 'cart').spec.http.map(({ name }: any) => name ?? '');

/** A namespace with a baseline of cart. */
async function shop(name: string, options: Partial<BranchOptions> = {}) {
  const namespace = await makeNamespace(`trouble-${name}`);
  const cart = { service: 'cart', namespace };
  expect(await up(namespace, baseline({ ...cart, branch: 'main', ...options }))).toMatchObject({ status: 0 });
  return { namespace, cart };
}

/** A context of the kubeconfig, changed. */
function kubeconfig(change: (config: any) => void): string {
  const config = parse(readFileSync(process.env.CLUSTER_KUBECONFIG!, 'utf8'));
  change(config);
  const file = join(mkdtempSync(join(process.env.CLUSTER_FOLDER!, 'config-')), 'kubeconfig');
  writeFileSync(file, stringify(config));
  return file;
}

/** Every trouble is told in one message, without a stack. */
function told({ status, stderr }: { status: number | null; stderr: string }) {
  expect(stderr).not.toMatch(/\n\s+at /);
  return { status, stderr };
}

describe('the cluster cannot be asked: exit code 5', () => {
  test.each([
    ['no kubectl', { kubectl: '/nowhere/kubectl' }, [], /cannot run \/nowhere\/kubectl: not found; install kubectl/],
    ['no cluster', {}, ['unreachable'], /kubectl cannot ask the cluster: .*(refused|connect)/s],
    ['a context that is not there', {}, ['context'], /context.*"elsewhere" does not exist|"elsewhere"/],
    ['a user that RBAC gives nothing', {}, ['developer'], /not allowed: .*User "developer" cannot list/],
    ['a token that is not known', {}, ['token'], /kubectl cannot ask the cluster: .*(Unauthorized|logged in)/],
  ])('%s', async (_, options, [what], message) => {
    const configs: Record<string, (config: any) => void> = {
      unreachable: (config) => { config.clusters[0].cluster.server = 'https://127.0.0.1:1'; },
      token: (config) => { config.users.forEach((each: any) => { each.user.token = 'wrong'; }); },
    };
    const context = { context: 'elsewhere', developer: 'developer' }[what ?? ''];
    const config = what && configs[what] ? { kubeconfig: kubeconfig(configs[what]) } : {};
    const ended = told(await cli(['converge', ...(context ? ['--context', context] : [])], { ...options, ...config }));
    expect(ended.stderr).toMatch(message);
    expect(ended.status).toBe(5);
  });
});

describe('the input is at fault: exit code 2', () => {
  const at = { service: 'cart', namespace: 'n', branch: 'a' };
  const relabelled = ({ metadata, ...object }: any, labels: object) =>
    ({ ...object, metadata: { ...metadata, labels: { ...metadata.labels, ...labels } } });
  test.each([
    ['manifests that say nothing of whose they are', [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: {} }], /-:1: Service x and no other object says whose it is \(label 'cdk8s-lanes\/source'\)/],
    ['a baseline and a lane', [...baseline({ ...at, branch: 'main' }), ...lane(at)], /a folder holds the baseline or one lane, never both/],
    ['two lanes', [...lane(at), ...lane({ ...at, branch: 'b' })], /is of lane "b", and Deployment n\/cart-a of "a"/],
    ['two repositories', [...lane(at), ...lane({ ...at, service: 'pay', source: 'pay' })], /is of source "pay", and Deployment n\/cart-a of "shop"/],
    ['a lane without a subset', lane(at).slice(0, 1), /no DestinationRule of the folder/],
    ['a lane that brings routes', [...lane(at), relabelled(baseline(at)[3], { 'cdk8s-lanes/lane': 'a' })], /the VirtualServices are the baseline's/],
    ['a VirtualService of which nothing says how it takes lanes', [...baseline(at).slice(0, 3), { ...baseline(at)[3], metadata: { name: 'x', namespace: 'n', labels: { 'cdk8s-lanes/source': 'shop' } } }], /has neither the label 'cdk8s-lanes\/woven: "true"'/],
    ['a baseline with rules of lanes', [...baseline({ ...at, http: [{ name: 'lane/x', route: [{ destination: { host: 'cart', subset: 'x' } }] }] })], /has rules of lanes/],
  ])('%s', async (_, manifests, message) => {
    const ended = told(await up('n', manifests));
    expect(ended.stderr).toMatch(message);
    expect(ended.status).toBe(2);
  });

  test.each([
    ['an empty branch', ['down', '--all', ''], /'branch' must not be empty/],
    ['a wait that is no number', ['converge', '--wat'], /unknown option/],
    ['a negative wait', ['down', 'x', '--wait', '-1'], /must be a number of 0 or more/],
    ['manifests that are not there', ['up', 'nowhere'], /cannot read nowhere: no such file or folder/],
    ['branches without the baseline', ['sweep', '--source', 'shop', '--baseline', 'main', '--branches', '-'], /'--branches' is empty/],
    ['a sweep of everybody by one list of branches', ['sweep', '--all', '--branches', '-'], /'--branches' is the list of one repository/],
    ['a sweep manifest without image', ['sweep', '--manifest'], /'--image' must name an image/],
  ])('%s', async (_, args, message) => {
    const ended = told(await cli(args));
    expect(ended.stderr).toMatch(message);
    expect(ended.status).toBe(2);
  });

  test('an object that the API server refuses', async () => {
    const { namespace, cart } = await shop('invalid');
    const ended = told(await up(namespace, lane({ ...cart, branch: 'a', deployment: { replicas: -3 } })));
    expect(ended.stderr).toMatch(/spec\.replicas: Invalid value: -3/);
    expect(ended.status).toBe(2);
    expect(await deployments(namespace)).toHaveLength(1);
  });

  test('whose lanes are meant must be known', async () => {
    const ended = told(await cli(['down', 'a', '--kubectl', process.env.CLUSTER_KUBECTL!], { env: { GITLAB_CI: 'true', CI_PROJECT_PATH: '' } }));
    expect(ended.stderr).toMatch(/say '--source <repository>', or '--all'/);
    expect(ended.status).toBe(2);
  });
});

describe('something is in the way: exit code 3, and nothing is changed', () => {
  async function refused(namespace: string, items: any[], message: RegExp, args: string[] = []) {
    const before = (await deployments(namespace)).map(({ metadata }) => `${metadata.name} ${metadata.generation}`);
    const ended = told(await up(namespace, items, ...args));
    expect(ended.stderr).toMatch(message);
    expect(ended.status).toBe(3);
    expect((await deployments(namespace)).map(({ metadata }) => `${metadata.name} ${metadata.generation}`)).toEqual(before);
  }

  test('a lane before its baseline', async () => {
    const namespace = await makeNamespace('trouble-early');
    await refused(namespace, lane({ service: 'cart', namespace, branch: 'a' }), /no VirtualService routes requests to cart\.trouble-early\.svc\.cluster\.local.*bring the baseline up first/);
  });

  test("somebody else's VirtualService has the host", async () => {
    const namespace = await makeNamespace('trouble-foreign');
    const [, , , virtualService] = baseline({ service: 'cart', namespace, branch: 'main' });
    await create({ ...virtualService, metadata: { name: 'theirs', namespace } });
    await refused(namespace, lane({ service: 'cart', namespace, branch: 'a' }), /VirtualService trouble-foreign\/theirs has the say for cart\.trouble-foreign.*kubectl label virtualservice theirs/);
    await refused(namespace, baseline({ service: 'cart', namespace, branch: 'main' }), /VirtualService trouble-foreign\/theirs has the say for/);
  });

  test('a baseline that is not pinned', async () => {
    const { namespace, cart } = await shop('unpinned');
    const spec = { http: [{ route: [{ destination: { host: `cart.${namespace}.svc.cluster.local` } }] }] };
    await api('PATCH', `${ISTIO}/namespaces/${namespace}/virtualservices/cart`, { spec }, 'application/merge-patch+json');
    await refused(namespace, lane({ ...cart, branch: 'a' }), /routes to cart\.trouble-unpinned\.svc\.cluster\.local without a subset/);
  });

  test('two VirtualServices for one host of one gateway', async () => {
    const { namespace, cart } = await shop('gateway');
    expect(await up(namespace, [...baseline({ ...cart, branch: 'main' }), ...entry({ ...cart, branch: 'main' })])).toMatchObject({ status: 0 });
    await create({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'theirs', namespace },
      spec: { hosts: ['shop.example.com'], gateways: ['gateway'], http: [{ match: [{ uri: { prefix: '/api' } }], route: [{ destination: { host: 'api' } }] }] },
    });
    const message = /trouble-gateway\/gateway-shop and trouble-gateway\/theirs both have shop\.example\.com at gateway trouble-gateway\/gateway/;
    await refused(namespace, lane({ ...cart, branch: 'a' }), message);
    await refused(namespace, [...baseline({ ...cart, branch: 'main' }), ...entry({ ...cart, branch: 'main' })], message);
  });

  test('a DestinationRule with another exportTo, or of a client namespace', async () => {
    const { namespace, cart } = await shop('rules');
    const other = await makeNamespace('trouble-rules-client');
    const both = ['-n', other];
    const [deployment, rule] = lane({ ...cart, branch: 'a' });
    await refused(namespace, [deployment, { ...rule, spec: { ...rule.spec, exportTo: ['.'] } }], /has exportTo \., and DestinationRule trouble-rules\/cart has \*/);
    await create({ ...rule, metadata: { name: 'theirs', namespace: other }, spec: { host: `*.${namespace}.svc.cluster.local`, trafficPolicy: {} } });
    await refused(namespace, lane({ ...cart, branch: 'a' }), /DestinationRule trouble-rules-client\/theirs .*clients in namespace trouble-rules-client follow it instead/, both);
  });

  test('the lane of another branch under the same name, of another repository, of a newer pipeline, of a version', async () => {
    const { namespace, cart } = await shop('names');
    expect(await up(namespace, lane({ ...cart, branch: 'a', revision: 5 }))).toMatchObject({ status: 0 });
    const renamed = (branch: string) => lane({ ...cart, branch: 'a', annotations: { 'cdk8s-lanes/branch': branch } });
    await refused(namespace, renamed('feature/a'), /is of branch "a", and the folder of branch "feature\/a": two branches under one lane name/);
    await refused(namespace, lane({ ...cart, branch: 'a', source: 'other' }), /is owned by shop, and the folder by other/);
    await refused(namespace, lane({ ...cart, branch: 'a', revision: 4 }), /deployed by a newer pipeline \(revision 5, this one is 4\)/);
    expect(await up(namespace, lane({ ...cart, branch: 'a', revision: 4 }), '--allow-older')).toMatchObject({ status: 0 });
    await refused(namespace, lane({ ...cart, branch: 'main' }), /is of no lane, and the folder's is of lane main/);
  });

  test('fields that somebody else wrote are not taken from them', async () => {
    const { namespace, cart } = await shop('owned');
    await up(namespace, lane({ ...cart, branch: 'a' }));
    await kubectl(['set', 'image', 'deployment/cart-a', 'cart=by-hand:1', '-n', namespace]);
    const ended = told(await up(namespace, lane({ ...cart, branch: 'a', image: 'cart:2' })));
    expect(ended.stderr).toMatch(/Apply failed with 1 conflict: conflict with "kubectl-set".*image[^]*hand them over once/);
    expect(ended.status).toBe(3);
  });

  test('down of the baseline, and of a lane that belongs to another branch', async () => {
    const { namespace, cart } = await shop('down');
    await up(namespace, lane({ ...cart, branch: 'a', annotations: { 'cdk8s-lanes/branch': 'feature/a' } }));
    expect(told(await down(namespace, 'main', '--source', 'shop'))).toEqual({ status: 3, stderr: expect.stringContaining('"main" is the branch of the baseline') });
    expect(told(await down(namespace, 'a', '--source', 'shop'))).toEqual({ status: 3, stderr: expect.stringContaining('is of branch "feature/a", not of "a"') });
    expect(await rules(namespace)).toEqual(['lane/a', '']);
    expect(await down(namespace, 'feature/a', '--source', 'shop')).toMatchObject({ status: 0, stderr: '' });
    expect(await rules(namespace)).toEqual(['']);
  });
});

test('an image that never becomes ready: exit code 4, the reason, and the routes as they were', async () => {
  const { namespace, cart } = await shop('unready');
  const fresh = told(await up(namespace, lane({ ...cart, branch: 'a', image: 'cart:missing' }), '--timeout', '2'));
  expect(fresh).toEqual({ status: 4, stderr: expect.stringMatching(/cart-a did not become ready within 2 s; no requests are routed to it[^]*ImagePullBackOff/) });
  expect(await rules(namespace)).toEqual(['']);
  await up(namespace, lane({ ...cart, branch: 'a', image: 'cart:1' }));
  const again = told(await up(namespace, lane({ ...cart, branch: 'a', image: 'cart:missing' }), '--timeout', '2'));
  expect(again).toEqual({ status: 4, stderr: expect.stringContaining('requests of the lane still go to its pods of before') });
  expect(await rules(namespace)).toEqual(['lane/a', '']);
  expect((await api('GET', `${APPS}/namespaces/${namespace}/deployments/cart-a`)).status.readyReplicas).toBe(1);
});

test('down of a lane that is not there says so, and is no error: a stop job may come after the sweep', async () => {
  const { namespace, cart } = await shop('unknown');
  await up(namespace, lane({ ...cart, branch: 'a' }));
  expect(await down(namespace, 'b', '--source', 'shop')).toEqual({ status: 0, stderr: '', stdout: 'no lane of "b" that shop owns: nothing to take down (lanes: a)\n' });
  expect((await down(namespace, 'a', '--source', 'other')).stdout).toMatch(/no lane of "a" that other owns/);
  expect(await rules(namespace)).toEqual(['lane/a', '']);
});

test('interrupted midway it finishes what it writes, says so with exit code 130, and the same command goes on', async () => {
  const { namespace, cart } = await shop('interrupted');
  const gate = gatedKubectl('*apply*');
  const input = list(lane({ ...cart, branch: 'a' }));
  const ended = await cli(['up', '-', '--wait', '0', '-n', namespace], {
    input,
    kubectl: gate.kubectl,
    during: (child) => void gate.reached().then(() => {
      child.kill('SIGINT');
      setTimeout(gate.open, 200);
    }),
  });
  expect(told(ended)).toEqual({ status: 130, stderr: expect.stringContaining('interrupted: what was begun is finished') });
  expect((await deployments(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart-a', 'cart-main']);
  expect(await rules(namespace)).toEqual(['']);
  expect(await up(namespace, lane({ ...cart, branch: 'a' }))).toMatchObject({ status: 0 });
  expect(await rules(namespace)).toEqual(['lane/a', '']);
});

test('a wait is ended by SIGTERM at once: exit code 143', async () => {
  const { namespace, cart } = await shop('terminated');
  const began = Date.now();
  const ended = await cli(['up', '-', '--wait', '600', '-n', namespace], {
    input: list(lane({ ...cart, branch: 'a' })),
    during: (child, said) => { const timer = setInterval(() => { if (said().includes('waiting 600 s')) { clearInterval(timer); child.kill('SIGTERM'); } }, 50); },
  });
  expect(ended.status).toBe(143);
  expect(Date.now() - began).toBeLessThan(60_000);
});

test('a plain kubectl apply that wiped the routes: status shows it, converge heals it, and the user can go on applying', async () => {
  const { namespace, cart } = await shop('wiped');
  const manifest = JSON.stringify(baseline({ ...cart, branch: 'main' })[3]);
  expect(await kubectl(['apply', '-f', '-'], manifest)).toMatchObject({ status: 0 });
  await up(namespace, lane({ ...cart, branch: 'a' }));
  expect(await rules(namespace)).toEqual(['lane/a', '']);
  expect(await kubectl(['apply', '-f', '-'], manifest)).toMatchObject({ status: 0 });
  expect(await rules(namespace)).toEqual(['']);

  const status = await cli(['status', '-n', namespace]);
  expect(status.status).toBe(1);
  expect(status.stdout).toMatch(/VirtualService trouble-wiped\/cart does not route to lane a of cart\.trouble-wiped\.svc\.cluster\.local: run 'cdk8s-lanes converge'/);
  const json = JSON.parse((await cli(['status', '--json', '-n', namespace])).stdout);
  expect(json.lanes.map((each: any) => [each.lane, each.source, each.branch, each.services[0].ready, each.services[0].routable])).toEqual([[null, 'shop', 'main', 1, true], ['a', 'shop', 'a', 1, true]]);
  expect(json.drift).toHaveLength(1);

  expect(await cli(['converge', '-n', namespace])).toMatchObject({ status: 0, stderr: '' });
  expect(await rules(namespace)).toEqual(['lane/a', '']);
  expect((await cli(['status', '-n', namespace])).status).toBe(0);
  expect(await kubectl(['apply', '-f', '-'], manifest)).toMatchObject({ status: 0, stderr: '' });
});

test('status compares the cluster with manifests', async () => {
  const { namespace, cart } = await shop('drift');
  const folder = (image?: string) => list([...baseline({ ...cart, branch: 'main', image })]);
  await up(namespace, lane({ ...cart, branch: 'a' }));
  expect(await cli(['status', '-', '-n', namespace], { input: folder() })).toMatchObject({ status: 0, stderr: '' });
  const other = await cli(['status', '-', '-n', namespace], { input: folder('cart:other') });
  expect(other.stdout).toMatch(/Deployment trouble-drift\/cart-main differs from its manifest at spec\.template\.spec\.containers\[0\]\.image/);
  expect(other.status).toBe(1);
  await api('PATCH', `${ISTIO}/namespaces/${namespace}/virtualservices/cart`, { spec: { http: [{ timeout: '9s', route: [{ destination: { host: `cart.${namespace}.svc.cluster.local`, subset: 'main', port: { number: 8080 } } }] }] } }, 'application/merge-patch+json');
  expect((await cli(['status', '-', '-n', namespace], { input: folder() })).stdout).toMatch(/VirtualService trouble-drift\/cart differs from its manifest at spec\.http\[0\]\.timeout/);
});

test('the probe: exit code 0 when the lane answers, 7 when it does not', async () => {
  const { namespace, cart } = await shop('probe');
  const asked: (string | string[] | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers['project-version']);
    response.setHeader('x-served-lane', 'a').end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await up(namespace, lane({ ...cart, branch: 'a' }), '--probe', url)).toMatchObject({ status: 0, stderr: '' });
  expect(asked).toEqual(['a']);
  const other = told(await up(namespace, lane({ ...cart, branch: 'b' }), '--probe', url, '--probe-timeout', '0'));
  expect(other).toEqual({ status: 7, stderr: expect.stringContaining('x-served-lane: a') });
  expect(await rules(namespace)).toEqual(['lane/a', 'lane/b', '']);
  server.close();
});

test('--dry-run shows what would change and changes nothing', async () => {
  const { namespace, cart } = await shop('dry');
  const ended = await up(namespace, lane({ ...cart, branch: 'a' }), '--dry-run');
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^\+ {2}name: cart-a$/m);
  expect(ended.stdout).toMatch(/^\+ .*name: lane\/a$/m);
  expect(await deployments(namespace)).toHaveLength(1);
  expect(await destinationRules(namespace)).toHaveLength(1);
  expect(await rules(namespace)).toEqual(['']);
});
