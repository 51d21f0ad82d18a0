import { deployments, destinationRules, makeNamespace, virtualServices } from './support/api';
import { cli, Ended } from './support/cli';
import { slowKubectl } from './support/shim';
import { liveLanes } from '../../src/cluster/live-lanes';
import { laneName } from '../../src/lanes/lane-name';
import { laneOfRule, weave } from '../../src/lanes/weave';
import { baseline, entry, lane } from '../support/branch-manifests';

const PIPELINES = 200;
const AT_A_TIME = 12;
const SERVICES = ['cart', 'pay', 'mail'];
const BRANCHES = ['a', 'b', 'c', 'd', 'e', 'feature/f', 'Feature_F', 'release-w1'];
const BASELINES = [60, 140];
const SEED = Number(process.env.RACE_SEED ?? 1);

/** Numbers that look random and are the same for a seed: a linear congruential generator. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16807 + 11) % 2147483647;
    return state / 2147483647;
  };
}

interface Pipeline {
  readonly number: number;
  readonly kind: 'up' | 'down' | 'baseline';
  readonly branch: string;
  readonly services: string[];
  /** After how long it is killed, in ms. */
  readonly killedAfter?: number;
}

interface Run extends Pipeline, Ended { readonly began: number; readonly ended: number }

const list = (items: any[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const rulesOf = (host: string, revision: number) => [
  { name: 'api', match: [{ uri: { prefix: '/api' } }], timeout: `${revision}s`, route: [{ destination: { host, subset: 'main', port: { number: 8080 } } }] },
  { route: [{ destination: { host, subset: 'main', port: { number: 8080 } } }] },
];

function plan(): Pipeline[] {
  const next = random(SEED);
  const any = <T>(all: T[]) => all[Math.floor(next() * all.length)];
  return Array.from({ length: PIPELINES }, (_, index) => {
    const number = index + 1;
    const killedAfter = next() < 0.12 ? 300 + next() * 4000 : undefined;
    if (BASELINES.includes(number)) return { number, kind: 'baseline', branch: 'main', services: ['cart'] };
    const services = SERVICES.filter(() => next() < 0.4);
    const kind = next() < 0.7 ? 'up' : 'down';
    return { number, kind, branch: any(BRANCHES), services: services.length === 0 ? [any(SERVICES)] : services, killedAfter };
  });
}

let namespace: string;
let kubectl: string;

async function run(pipeline: Pipeline): Promise<Run> {
  const { number, kind, branch, services, killedAfter } = pipeline;
  const began = Date.now();
  const options = {
    kubectl,
    input: kind === 'down' ? '' : list(services.flatMap((service) => manifests(kind, { service, namespace, branch, revision: 1000 + number, image: `${service}:${number}` }))),
    during: (child: any) => killedAfter !== undefined && setTimeout(() => child.kill('SIGKILL'), killedAfter),
  };
  const args = kind === 'down' ? ['down', branch, '--source', 'shop'] : ['up', '-'];
  const ended = await cli([...args, '--wait', '0', '-n', namespace], options);
  return { ...pipeline, ...ended, began, ended: Date.now() };
}

function manifests(kind: Pipeline['kind'], options: { service: string; namespace: string; branch: string; revision: number; image?: string }) {
  if (kind === 'up') return lane(options);
  const own = { ...options, image: undefined };
  return [...baseline({ ...own, http: rulesOf(`${options.service}.${namespace}.svc.cluster.local`, options.revision) }), ...(options.service === 'cart' ? entry(own) : [])];
}

let runs: Run[];
beforeAll(async () => {
  namespace = await makeNamespace(`race-${process.pid}`);
  kubectl = slowKubectl(300);
  const first = list(SERVICES.flatMap((service) => manifests('baseline', { service, namespace, branch: 'main', revision: 1 })));
  expect(await cli(['up', '-', '--wait', '0', '-n', namespace], { input: first })).toMatchObject({ status: 0 });
  const waiting = plan();
  runs = [];
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) runs.push(await run(next));
  }));
  const count = (text: RegExp) => runs.reduce((sum, { stdout }) => sum + (stdout.match(text) ?? []).length, 0);
  const statuses = runs.reduce<Record<string, number>>((all, { status }) => ({ ...all, [String(status)]: (all[String(status)] ?? 0) + 1 }), {});
  process.stdout.write(`seed ${SEED}: ${runs.length} pipelines, exit codes ${JSON.stringify(statuses)} (null: killed), `
    + `${count(/ {2}(wrote|made) VirtualService/g)} writes of routes, ${count(/was written by another run meanwhile/g)} conflicts\n`);
}, 1_800_000);

/** Lanes that have a route, by VirtualService, as `service/lane`. */
const routesIn = (virtualService: any) => virtualService.spec.http.flatMap((rule: any) => {
  const of = laneOfRule(rule);
  return of === undefined ? [] : [`${rule.route[0].destination.host.split('.')[0]}/${of}`];
});

async function wrongRoutes(): Promise<{ lost: string[]; dead: string[] }> {
  const [services, workloads, rules] = await Promise.all([virtualServices(namespace), deployments(namespace), destinationRules(namespace)]);
  const live = liveLanes(workloads).map(({ service, lane: of }) => `${service}/${of}`);
  const subsets = rules.flatMap(({ metadata, spec }) => spec.subsets.map(({ name }: any) => `${metadata.labels['cdk8s-lanes/service']}/${name}`));
  const woven = services.filter(({ metadata }) => metadata.labels['cdk8s-lanes/woven']);
  const lost = woven.flatMap((vs) => live.filter((each) => each.startsWith(`${vs.metadata.labels['cdk8s-lanes/service']}/`) && !routesIn(vs).includes(each)));
  const dead = woven.flatMap((vs) => routesIn(vs).filter((each: string) => !live.includes(each) || !subsets.includes(each)));
  return { lost, dead };
}

test('no pipeline fails for another reason than being killed or overtaken', () => {
  const odd = runs.filter(({ status }) => ![0, 6, null].includes(status))
    .map(({ number, kind, branch, status, stderr }) => ({ number, kind, branch, status, stderr }));
  expect(odd).toEqual([]);
  expect(runs).toHaveLength(PIPELINES);
});

test('after the dust has settled and one converge, every live lane is routed and no route points to nothing', async () => {
  expect(await cli(['converge', '-n', namespace])).toMatchObject({ status: 0, stderr: '' });
  expect(await wrongRoutes()).toEqual({ lost: [], dead: [] });
});

test('preview hosts are those of the live lanes', async () => {
  const live = new Set(liveLanes(await deployments(namespace)).map((each) => each.lane));
  const previews = (await virtualServices(namespace)).filter(({ metadata }) => metadata.labels['cdk8s-lanes/preview']).map(({ metadata }) => metadata.labels['cdk8s-lanes/lane']);
  expect(previews.sort()).toEqual([...live].sort());
});

test('what each lane has come to is the doing of a pipeline that no later one has undone', async () => {
  const workloads = await deployments(namespace);
  let [judged, told] = [0, 0];
  for (const branch of BRANCHES) {
    const all = runs.filter((each) => each.branch === branch && each.kind !== 'baseline');
    // One that ended before a successful one began has no say any more.
    const last = all.filter((each) => !all.some((later) => later.status === 0 && later.began > each.ended));
    if (last.length < all.length) told++;
    for (const service of SERVICES) {
      judged++;
      const image = workloads.find(({ metadata }) => metadata.name === `${service}-${laneName(branch)}`)?.spec.template.spec.containers[0].image;
      // An up without the service takes it down too, as the branch no longer changes it.
      const possible = last.map((each) => (each.kind === 'up' && each.services.includes(service) ? `${service}:${each.number}` : undefined));
      expect({ branch, service, possible }).toEqual({ branch, service, possible: expect.arrayContaining([image]) });
    }
  }
  process.stdout.write(`${judged} lanes of services judged; on ${told} of ${BRANCHES.length} branches earlier pipelines had no say any more\n`);
  expect(told).toBe(BRANCHES.length);
});

test("the baseline's rules are those that the newest baseline wrote", async () => {
  const newest = Math.max(...runs.filter(({ kind, status }) => kind === 'baseline' && status === 0).map(({ number }) => number));
  expect(BASELINES).toContain(newest);
  const cart = (await virtualServices(namespace)).find(({ metadata }) => metadata.name === 'cart');
  const host = `cart.${namespace}.svc.cluster.local`;
  expect(weave(cart, { header: 'project-version', lanes: {} }).virtualService.spec.http).toEqual(rulesOf(host, 1000 + newest));
});
