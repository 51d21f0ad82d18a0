import { api, create, ISTIO, makeNamespace } from './support/api';
import { bundleCli } from './support/bundle';
import { cli } from './support/cli';
import { gatedKubectl } from './support/shim';
import { baseline, lane } from '../support/branch-manifests';

/*
 * What `converge` rests on is broken on purpose, and the routes must come out wrong: otherwise tests of races prove nothing. Each
 * interleaving is forced, by holding one process at one call until another has finished.
 */

const LIST_BEFORE_GET = {
  file: 'cluster/converge.ts',
  from: `const virtualServices = await cluster.list(VIRTUAL_SERVICE);
    const deployments = await cluster.list(DEPLOYMENT, SERVICE_LABEL);`,
  to: `const deployments = await cluster.list(DEPLOYMENT, SERVICE_LABEL);
    const virtualServices = await cluster.list(VIRTUAL_SERVICE);`,
};
const SKIP_EQUAL = { file: 'cluster/converge.ts', from: 'plan.changed || (scope.force &&', to: 'plan.changed || (false &&' };

let listBeforeGet: string;
let skipEqual: string;
beforeAll(async () => {
  listBeforeGet = await bundleCli(process.env.CLUSTER_FOLDER!, 'list-before-get', [LIST_BEFORE_GET]);
  skipEqual = await bundleCli(process.env.CLUSTER_FOLDER!, 'skip-equal', [SKIP_EQUAL]);
});

const list = (items: any[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const path = (namespace: string) => `${ISTIO}/namespaces/${namespace}/virtualservices/cart`;
const lanes = async (namespace: string) => (await api('GET', path(namespace))).spec.http.flatMap(({ name }: any) => name ?? []);
const deployment = (namespace: string, name: string) => `/apis/apps/v1/namespaces/${namespace}/deployments/cart-${name}`;
const mark = (namespace: string, name: string, routable: string | null) =>
  api('PATCH', deployment(namespace, name), { metadata: { labels: { 'cdk8s-lanes/routable': routable } } }, 'application/merge-patch+json');

let count = 0;
/** A service with lanes a and b, of which those named are routed to. */
async function service(...routed: string[]) {
  const namespace = await makeNamespace(`control-${process.pid}-${++count}`);
  const items = [...baseline({ service: 'cart', namespace, branch: 'main' }), ...['a', 'b'].flatMap((branch) => lane({ service: 'cart', namespace, branch }))];
  await Promise.all(items.map(create));
  for (const branch of routed) await mark(namespace, branch, 'true');
  await cli(['converge', '-n', namespace]);
  return namespace;
}

const up = (namespace: string, branch: string, program?: string) =>
  cli(['up', '-', '--wait', '0', '-n', namespace], { input: list(lane({ service: 'cart', namespace, branch })), program });

describe('a lane comes up while another process is between its two reads', () => {
  async function race(program?: string) {
    const namespace = await service();
    const gate = gatedKubectl(program === listBeforeGet ? '*virtualservices*' : '*"get --raw"*deployments*');
    await mark(namespace, 'a', 'true');
    const other = cli(['converge', '-n', namespace], { kubectl: gate.kubectl, program });
    await gate.reached();
    await up(namespace, 'b');
    gate.open();
    await other;
    return lanes(namespace);
  }

  test('it stays, as the VirtualService is read first', async () => {
    expect(await race()).toEqual(['lane/a', 'lane/b']);
  });

  test('negative control: it is lost if the Deployments are listed first', async () => {
    expect(await race(listBeforeGet)).toEqual(['lane/a']);
  });
});

describe('a lane comes up whose route is there already, while another process is about to write that it is not', () => {
  async function race(program?: string) {
    const namespace = await service('a', 'b');
    await mark(namespace, 'b', null); // taken down by a run that ended before it wrote
    const gate = gatedKubectl('*replace*');
    const other = cli(['converge', '-n', namespace], { kubectl: gate.kubectl });
    await gate.reached();
    await up(namespace, 'b', program);
    gate.open();
    await other;
    return lanes(namespace);
  }

  test('it stays, as a run that changed a mark really writes', async () => {
    expect(await race()).toEqual(['lane/a', 'lane/b']);
  });

  test('negative control: it is lost if the run skips a write that changes nothing', async () => {
    expect(await race(skipEqual)).toEqual(['lane/a']);
  });
});

describe('a lane goes that is not routed to yet, while another process is about to write that it is', () => {
  async function race(program?: string) {
    const namespace = await service('a');
    await mark(namespace, 'b', 'true'); // brought up by a run that ended before it wrote
    const gate = gatedKubectl('*replace*');
    const other = cli(['converge', '-n', namespace], { kubectl: gate.kubectl });
    await gate.reached();
    await cli(['down', 'b', '--source', 'shop', '--wait', '0', '-n', namespace], { program });
    gate.open();
    await other;
    return lanes(namespace);
  }

  test('no route to it comes back, as a run that changed a mark really writes', async () => {
    expect(await race()).toEqual(['lane/a']);
  });

  test('negative control: a route to nothing comes back if the run skips a write that changes nothing', async () => {
    expect(await race(skipEqual)).toEqual(['lane/a', 'lane/b']);
  });
});
