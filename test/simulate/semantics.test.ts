import { Case, promised, Scene, scenes, sharesOf, SHOP } from './scenes';
import { MeshModel, Outcome, SimulatedRequest } from '../../src/simulate';

/*
 * What a mesh does with requests, case by case. `test/mesh/simulate.test.ts` lets istiod and Envoy answer the same ones.
 */
describe.each(Object.entries(scenes))('%s', (_, list) => {
  describe.each(list.map((scene): [string, Scene] => [scene.name, scene]))('%s', (__, scene) => {
    const model = MeshModel.of(scene.manifests, { registryOnly: scene.registryOnly, mutualTls: scene.mutualTls });

    test.each(scene.cases.map((each): [string, Case] => [each.says, each]))('%s', (___, each) => {
      const request: SimulatedRequest = { from: each.from ?? SHOP, ...each.send };
      const outcome = model.send(request);
      const shares = sharesOf(outcome);
      expect(shares).toEqual(Object.fromEntries(Object.entries(promised(each)).map(([name, share]) => [name, expect.closeTo(share, 6)])));
      if (each.because) expect(outcome.branches.map(({ reason }) => reason).join('\n')).toMatch(each.because);
      if (each.mirrors) expect(copiesOf(outcome)).toEqual(each.mirrors);
      if (each.tells) expect(outcome).toMatchObject(each.tells);
      for (const field of each.lacks ?? []) expect(outcome[field]).toBeUndefined();
      if (each.policy) for (const { destination } of outcome.branches) expect(destination?.policy).toEqual(each.policy);
      expectArrival(outcome, each);
      expectAnswer(outcome, each);
    });
  });
});

/** Copies are sent while somebody is called: not for requests that fail before. */
function copiesOf({ mirrors, branches }: Outcome): string[] {
  const isCalled = branches.some(({ flag, probability }) => probability > 0 && flag !== 'NC' && !flag?.includes('FI'));
  return isCalled ? mirrors.flatMap(({ workloads }) => workloads.map(({ workload }) => workload)) : [];
}

function expectArrival({ branches }: Outcome, { arrives }: Case): void {
  for (const { sent } of arrives ? branches : []) {
    if (arrives!.path) expect(sent?.path).toBe(arrives!.path);
    if (arrives!.host) expect(sent?.authority).toBe(arrives!.host);
    for (const [name, value] of Object.entries(arrives!.headers ?? {})) expect({ [name]: sent?.headers[name]?.join(', ') ?? null }).toEqual({ [name]: value });
  }
}

function expectAnswer({ branches }: Outcome, { answer = {} }: Case): void {
  for (const { location, answerHeaders } of branches) {
    for (const [name, value] of Object.entries(answer)) {
      const said = name === 'location' ? location : answerHeaders.filter((change) => change.name === name).at(-1)?.value;
      expect({ [name]: said ?? null }).toEqual({ [name]: value });
    }
  }
}
