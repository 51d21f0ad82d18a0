import { namespace } from './claims/support';
import { Mesh, MeshRequest, Outcome } from './mesh';
import { Case, promised, Scene, scenes, SHOP } from '../simulate/scenes';

/*
 * What `test/simulate/semantics.test.ts` promises of the simulator, asked of istiod and a running Envoy: the same meshes, the same
 * requests, the same answers.
 */
const REPEATS = 300;

describe.each(Object.entries(scenes))('%s', (_, list) => {
  const judged = list.filter(({ simulatedOnly }) => !simulatedOnly);

  test.each(judged.map((scene): [string, Scene] => [scene.name, scene]))('%s', async (__, scene) => {
    const mesh = await Mesh.start([...namespacesOf(scene), ...scene.manifests], {
      ...(scene.registryOnly ? { meshConfig: { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } } : {}),
      mtls: scene.mutualTls,
    });
    try {
      const outcomes = await mesh.sendAll(scene.cases.map(requestOf));
      const strays = scene.cases.flatMap((each, index) => differences(each, outcomes[index]).map((text) => `${each.says}: ${text}`));
      expect(strays).toEqual([]);
    } finally {
      await mesh.stop();
    }
  });
});

/** Namespaces of the manifests and of those who send, with sidecars, unless they are described. */
function namespacesOf({ manifests, cases }: Scene): object[] {
  const described = manifests.filter((each: any) => each.kind === 'Namespace').map((each: any) => each.metadata.name);
  const used = [...manifests.map((each: any) => each.metadata.namespace), ...cases.map(({ from = SHOP }) => ('namespace' in from ? from.namespace : 'shop'))];
  return [...new Set(used)].filter((name) => name !== undefined && name !== 'istio-system' && !described.includes(name)).map((name) => namespace(name));
}

function requestOf(each: Case): MeshRequest {
  return { from: each.from ?? SHOP, ...each.send, repeat: Object.keys(promised(each)).length > 1 ? REPEATS : 2 };
}

/** How the real mesh differs from what is promised. */
function differences(each: Case, outcome: Outcome): string[] {
  const [first] = outcome.responses;
  const hit = first.hops[0]?.hits[0];
  const { arrives, answer = {}, mirrors } = each;
  return [
    ...(each.perConnection ? strangers(promised(each), answersOf(outcome)) : shareDifferences(promised(each), answersOf(outcome))),
    ...(mirrors ? compared('mirrors', [...first.mirrors].sort(), [...mirrors].sort()) : []),
    ...(arrives?.path ? compared('path', hit?.path, arrives.path) : []),
    ...(arrives?.host ? compared('Host', hit?.host, arrives.host) : []),
    ...Object.entries(arrives?.headers ?? {}).flatMap(([name, value]) => compared(name, hit?.repeatedHeaders?.[name]?.join(', ') ?? hit?.headers[name] ?? null, value)),
    ...Object.entries(answer).flatMap(([name, value]) => compared(`answer's ${name}`, first.headers[name] ?? null, value)),
  ];
}

/** By workload or failure; without an answer it does not matter how the client was told. */
function answersOf({ responses, distribution }: Outcome): Record<string, number> {
  if (responses.every(({ status }) => status === 0)) return { 'no answer': responses.length };
  return distribution;
}

function shareDifferences(shares: Readonly<Record<string, number>>, answers: Readonly<Record<string, number>>): string[] {
  const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
  return [...new Set([...Object.keys(shares), ...Object.keys(answers)])].flatMap((name) => {
    const share = shares[name] ?? 0;
    const got = answers[name] ?? 0;
    return Math.abs(got - total * share) > 4.5 * Math.sqrt(total * share * (1 - share)) ? [`${name} answers ${got} of ${total}, promised is a share of ${share}`] : [];
  });
}

/** Whoever answers though nothing is promised to him. */
function strangers(shares: Readonly<Record<string, number>>, answers: Readonly<Record<string, number>>): string[] {
  return Object.keys(answers).filter((name) => !(name in shares)).map((name) => `${name} answers, promised are ${Object.keys(shares).join(', ')}`);
}

function compared(what: string, got: unknown, wanted: unknown): string[] {
  return JSON.stringify(got) === JSON.stringify(wanted) ? [] : [`${what} is ${JSON.stringify(got)}, promised is ${JSON.stringify(wanted)}`];
}
