import { Event, makeNamespace, record } from './support/api';
import { cli } from './support/cli';
import { Mesh } from '../mesh/mesh';
import { baseline, entry, lane } from '../support/branch-manifests';

/*
 * The states that the cluster goes through while a lane comes up, is redeployed and goes, as the API server tells them, are given to
 * istiod and Envoy one after the other: in none of them does a request meet a route to nothing.
 */

const NAMESPACE = 'replay';
const WAIT = 2;
const list = (items: any[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const cart = { service: 'cart', namespace: NAMESPACE };
const BASELINE = [...baseline({ ...cart, branch: 'main' }), ...entry({ ...cart, branch: 'main' })];

/** Names of objects by kind, with what they were at that moment. */
type State = Map<string, any>;

let events: Event[];
let first: State;
const key = (object: any) => `${object.kind} ${object.metadata.name}`;

beforeAll(async () => {
  await makeNamespace(NAMESPACE);
  const up = async (items: any[], wait = WAIT) => expect(await cli(['up', '-', '--wait', String(wait), '-n', NAMESPACE], { input: list(items) })).toMatchObject({ status: 0 });
  const recording = await record(NAMESPACE);
  await up(BASELINE, 0);
  const began = recording.events().length;
  await up(lane({ ...cart, branch: 'a', image: 'cart:1' }));
  await up(lane({ ...cart, branch: 'b', image: 'cart:1' }));
  await up(lane({ ...cart, branch: 'a', image: 'cart:2' }));
  await up(lane({ ...cart, branch: 'a', image: 'cart:3', deployment: { strategy: { type: 'Recreate' } } }));
  await up([...baseline({ ...cart, branch: 'trunk' }), ...entry({ ...cart, branch: 'trunk' })]);
  expect(await cli(['down', 'a', '--source', 'shop', '--wait', String(WAIT), '-n', NAMESPACE])).toMatchObject({ status: 0 });
  const all = recording.stop();
  first = new Map();
  all.slice(0, began).forEach((event) => apply(first, event));
  events = all.slice(began);
}, 300_000);

function apply(state: State, { type, object }: Event): void {
  if (type === 'DELETED') state.delete(key(object));
  else state.set(key(object), object);
}

/** What proxies see of a state: routes, subsets, and which workloads have ready pods. */
function seen(state: State): string {
  return JSON.stringify([...state].map(([name, { spec, status, kind }]) => (kind === 'Deployment' ? [name, status?.readyReplicas > 0] : [name, spec])).sort());
}

/** The states that differ for proxies, in order. */
function states(): State[] {
  const distinct: State[] = [];
  const state: State = new Map(first);
  let last = '';
  for (const event of events) {
    apply(state, event);
    if (seen(state) === last) continue;
    last = seen(state);
    distinct.push(new Map(state));
  }
  return distinct;
}

async function requestsIn(state: State): Promise<string[]> {
  const objects = [...state.values()];
  const deployments = objects.filter(({ kind }) => kind === 'Deployment');
  const [service] = BASELINE;
  const gateway = BASELINE.find(({ kind }) => kind === 'Gateway')!;
  const mesh = await Mesh.start([service, gateway, ...objects.map(({ apiVersion, kind, metadata, spec }) => ({
    apiVersion,
    kind,
    spec,
    metadata: { name: metadata.name, namespace: metadata.namespace, creationTimestamp: metadata.creationTimestamp },
  }))], { backends: Object.fromEntries(deployments.map(({ metadata, status }) => [metadata.name, { unhealthy: !(status?.readyReplicas > 0) }])) });
  try {
    const places = [
      { from: { namespace: NAMESPACE }, host: 'cart', port: 8080 },
      { from: { gateway: { istio: 'ingressgateway' } }, host: 'shop.example.com' },
      ...objects.filter(({ metadata }) => metadata.labels?.['cdk8s-lanes/preview']).map(({ spec }) => ({ from: { gateway: { istio: 'ingressgateway' } }, host: spec.hosts[0] })),
    ];
    const requests = places.flatMap((place) => [undefined, 'a', 'b'].map((of) => ({ ...place, headers: (of ? { 'project-version': of } : {}) as Record<string, string> })));
    const outcomes = await mesh.sendAll(requests);
    return outcomes.map(({ distribution }, index) => `${requests[index].host} ${requests[index].headers['project-version'] ?? '-'}: ${Object.keys(distribution).join()}`);
  } finally {
    await mesh.stop();
  }
}

test('in no state does a request meet a missing subset or an unready lane, and each is served by its lane or the baseline', async () => {
  const outcomes = [];
  for (const state of states()) outcomes.push(await requestsIn(state));
  process.stdout.write(`${events.length} events, ${outcomes.length} states that differ for proxies, ${outcomes.flat().length} requests\n`);
  expect(outcomes.length).toBeGreaterThan(12);
  const lines = outcomes.flat();
  expect(lines.filter((line) => !/^\S+ (-|a|b): cart-(main|trunk|a|b)$/.test(line))).toEqual([]);
  // Only its own lane or the baseline ever answers.
  expect(lines.filter((line) => /^(cart|shop\.example\.com) (-: cart-[ab]|a: cart-b|b: cart-a)$/.test(line))).toEqual([]);
  // And the lanes really were served.
  expect(lines.filter((line) => line === 'cart a: cart-a').length).toBeGreaterThan(2);
  expect(lines.filter((line) => line === 'a.preview.example.com -: cart-a').length).toBeGreaterThan(2);
  expect(outcomes[outcomes.length - 1].slice(0, 3)).toEqual(['cart -: cart-trunk', 'cart a: cart-trunk', 'cart b: cart-b']);
}, 600_000);

test('control: a state without the subset of a lane that is routed to does make a request fail', async () => {
  const state = new Map(states().find((each) => JSON.stringify(each.get('VirtualService cart').spec).includes('"subset":"a"'))!);
  state.delete('DestinationRule cart-a');
  expect(await requestsIn(state)).toContain('cart a: 503 NC');
});

test('a subset is there for as long as proxies may need to learn of it before a route names it, and after', () => {
  const at = (wanted: (event: Event) => boolean) => events.filter(wanted).map(({ at: time }) => time);
  const routesTo = (event: Event, subset: string) => event.object.kind === 'VirtualService' && event.type !== 'DELETED' && JSON.stringify(event.object.spec).includes(`"subset":"${subset}"`);
  const rule = (event: Event, type: string) => event.object.kind === 'DestinationRule' && event.object.metadata.name === 'cart-a' && event.type === type;
  const [added] = at((event) => rule(event, 'ADDED'));
  const [firstRoute] = at((event) => routesTo(event, 'a'));
  const lastRoute = at((event) => routesTo(event, 'a')).pop()!;
  const [deleted] = at((event) => rule(event, 'DELETED'));
  expect(firstRoute - added).toBeGreaterThanOrEqual(WAIT * 1000);
  expect(deleted - lastRoute).toBeGreaterThanOrEqual(WAIT * 1000);
});
