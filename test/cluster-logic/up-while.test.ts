import { CommandFailed, ExitCode } from '../../src/cluster/failures';
import { readFolder } from '../../src/cluster/folder';
import { up } from '../../src/cluster/up';
import { upWhile } from '../../src/cluster/up-while';
import { baseline, entry, lane } from '../support/branch-manifests';
import { FakeCluster, FakeServer, quietSession } from '../support/fake-cluster';

/*
 * A branch that is deleted while its pipeline is under way.
 */

const CART = { service: 'cart', namespace: 'shop' };
const OPTIONS = { waitSeconds: 0, timeoutSeconds: 1, allowOlder: false, rootNamespace: 'istio-system', downWaitSeconds: 0 };
const folder = (manifests: any[]) => readFolder(manifests.map((manifest) => ({ manifest, file: 'folder', line: 1 })), 'run', 'shop');
const OF_BASELINE = [...baseline({ ...CART, branch: 'main' }), ...entry({ ...CART, branch: 'main' })];

let server: FakeServer;
beforeEach(async () => {
  server = new FakeServer();
  await up(new FakeCluster(server), quietSession(), folder(OF_BASELINE), OPTIONS);
});

/** `answers`: whether the branch is there, as it is asked again and again. */
async function run(manifests: any[], ...answers: boolean[]) {
  const asked: string[] = [];
  const isThere = (branch: string) => {
    asked.push(branch);
    return answers.shift()!;
  };
  const end = await upWhile(isThere, new FakeCluster(server), quietSession(), folder(manifests), OPTIONS).then(() => ExitCode.DONE, (error) => error);
  return { asked, end };
}
const lanes = () => server.all('Deployment').flatMap(({ metadata }) => metadata.labels['cdk8s-lanes/lane'] ?? []);
const routed = () => server.get('VirtualService', 'shop', 'cart')!.spec.http.flatMap((rule: any) => (rule.name?.startsWith('lane/') ? [rule.name] : []));

test('a branch that stays has its lane', async () => {
  expect(await run(lane({ ...CART, branch: 'new' }), true, true)).toEqual({ asked: ['new', 'new'], end: ExitCode.DONE });
  expect([lanes(), routed()]).toEqual([['new'], ['lane/new']]);
});

test('a branch that is gone when its turn comes gets no lane, and nothing is changed', async () => {
  const { asked, end } = await run(lane({ ...CART, branch: 'new' }), false);
  expect(asked).toEqual(['new']);
  expect(end).toBeInstanceOf(CommandFailed);
  expect(end).toMatchObject({ exitCode: ExitCode.REFUSED, message: expect.stringMatching(/nothing was changed: the branch "new" is gone/) });
  expect([lanes(), routed()]).toEqual([[], []]);
});

test('a branch that is deleted while its lane comes up loses it again, and other lanes stay', async () => {
  await up(new FakeCluster(server), quietSession(), folder(lane({ ...CART, branch: 'other' })), OPTIONS);
  const { end } = await run(lane({ ...CART, branch: 'new' }), true, false);
  expect(end).toMatchObject({ exitCode: ExitCode.OVERTAKEN, message: expect.stringMatching(/the branch "new" was deleted .* taken down again/) });
  expect([lanes(), routed()]).toEqual([['other'], ['lane/other']]);
});

test('the baseline is never taken down', async () => {
  expect(await run(OF_BASELINE, true, false)).toEqual({ asked: ['main'], end: ExitCode.DONE });
});

test('manifests that do not tell their branch cannot be asked for', async () => {
  const without = lane({ ...CART, branch: 'new' }).map((each: any) => ({ ...each, metadata: { ...each.metadata, annotations: undefined } }));
  expect((await run(without)).end).toMatchObject({ exitCode: ExitCode.INPUT, message: expect.stringMatching(/'--while-branch-at' needs/) });
});
