import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { ClusterError, Interrupted } from '../../src/cluster/failures';
import { Kubectl } from '../../src/cluster/kubectl';
import { KubectlCluster } from '../../src/cluster/kubectl-cluster';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-kubectl-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** A program that answers as kubectl would. */
function program(script: string): string {
  const file = join(folder, `kubectl-${++count}`);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

const failing = (stderr: string) => new Kubectl({ program: program(`cat > /dev/null; cat >&2 <<'END'\n${stderr}\nEND\nexit 1`) }).run(['get', 'x'], { writes: true }).then(() => undefined, (error) => error as ClusterError);

test.each([
  ['conflict', 'Error from server (Conflict): Operation cannot be fulfilled on virtualservices.networking.istio.io "cart": the object has been modified; please apply your changes to the latest version and try again'],
  ['exists', 'Error from server (AlreadyExists): virtualservices.networking.istio.io "cart" already exists'],
  ['not found', 'Error from server (NotFound): deployments.apps "cart" not found'],
  ['forbidden', 'Error from server (Forbidden): deployments.apps is forbidden: User "x" cannot list resource'],
  ['owned', 'error: Apply failed with 1 conflict: conflict with "kubectl-set" using apps/v1: .spec.template'],
  ['timeout', 'error: timed out waiting for the condition'],
  ['timeout', 'error: deployment "cart" exceeded its progress deadline'],
  ['busy', 'Error from server (ServiceUnavailable): the server is currently unable to handle the request'],
  ['invalid', 'The Deployment "cart" is invalid: spec.replicas: Invalid value: -3'],
  ['unreachable', 'The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?'],
  ['unreachable', 'error: context "elsewhere" does not exist'],
  ['unreachable', 'error: You must be logged in to the server (Unauthorized)'],
])('kubectl\'s words mean %s: %s', async (kind, stderr) => {
  expect(await failing(stderr)).toMatchObject({ name: 'ClusterError', kind });
});

test('warnings and noise are left out of the message', async () => {
  const error = await failing('Warning: something old\nE1126 10:00:00.0 1 memcache.go:265] "Unhandled Error"\nError from server (NotFound): deployments.apps "cart" not found');
  expect(error!.message).toBe('deployments.apps "cart" not found');
});

test('a read is tried again while the server is busy, a write is not', async () => {
  const counter = join(folder, 'counter');
  const busy = new Kubectl({ program: program(`echo >> ${counter}; if [ $(wc -l < ${counter}) -lt 3 ]; then echo "Error from server (TooManyRequests): wait" >&2; exit 1; fi; echo done`) });
  expect(await busy.run(['get'])).toBe('done\n');
  writeFileSync(counter, '');
  await expect(busy.run(['replace'], { writes: true })).rejects.toMatchObject({ kind: 'busy' });
  expect(readFileSync(counter, 'utf8')).toBe('\n');
});

test('what does not end in time is ended', async () => {
  await expect(new Kubectl({ program: program('exec sleep 60') }).run(['get'], { timeoutSeconds: 0.2 })).rejects.toThrow(/kubectl get did not end within 0.2 s/);
});

test('an interruption ends reads at once, lets writes finish, and starts nothing more', async () => {
  const controller = new AbortController();
  const slow = new Kubectl({ program: program('if [ "$1" = get ]; then exec sleep 60; fi; sleep 0.3; echo written') }, controller.signal);
  const [read, write] = [slow.run(['get']), slow.run(['replace'], { writes: true })];
  setTimeout(() => controller.abort(), 100);
  await expect(read).rejects.toBeInstanceOf(Interrupted);
  expect(await write).toBe('written\n');
  await expect(slow.run(['replace'], { writes: true })).rejects.toBeInstanceOf(Interrupted);
});

test('the flags go to kubectl, and objects are asked for and written by their paths', async () => {
  const log = join(folder, 'log');
  const kubectl = new Kubectl({ program: program(`echo "$*" >> ${log}; cat > /dev/null; case "$*" in *autoscaling/v2\\ *) echo '{"resources":[{"kind":"HorizontalPodAutoscaler","name":"horizontalpodautoscalers"}]}';; *) echo '{"items":[]}';; esac`), context: 'test', kubeconfig: '/k', as: 'me' });
  const cluster = new KubectlCluster(kubectl, ['one', 'two']);
  const flags = '--kubeconfig=/k --context=test --as=me';
  await cluster.list({ apiVersion: 'apps/v1', kind: 'Deployment' }, 'a=b');
  await cluster.list({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' });
  await cluster.replace({ apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'cart', namespace: 'one', resourceVersion: '7' } });
  expect(readFileSync(log, 'utf8').trim().split('\n').sort()).toEqual([
    `get --raw /apis/apps/v1/namespaces/one/deployments?labelSelector=a%3Db ${flags}`,
    `get --raw /apis/apps/v1/namespaces/two/deployments?labelSelector=a%3Db ${flags}`,
    `get --raw /apis/autoscaling/v2 ${flags}`,
    `get --raw /apis/autoscaling/v2/namespaces/one/horizontalpodautoscalers ${flags}`,
    `get --raw /apis/autoscaling/v2/namespaces/two/horizontalpodautoscalers ${flags}`,
    `replace --raw /apis/networking.istio.io/v1/namespaces/one/virtualservices/cart?fieldManager=cdk8s-lanes -f - ${flags}`,
  ]);
});
