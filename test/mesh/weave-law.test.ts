import * as fc from 'fast-check';
import { Mesh, Outcome, Sender } from './mesh';
import { weave } from '../../src/lanes/weave';
import { LANE_HEADER, LANES, Scene, scene } from '../support/lane-arbitraries';
import { evaluate, MeshRequest } from '../support/route-evaluator';

/*
 * The law of weaving, on istiod's code and Envoy: a request with lane L is distributed as the same request without the header
 * would be, except that a host with a version for L answers with it. 100 random VirtualServices, each in a namespace of its own
 * and once for sidecars, once at a gateway. The same ones each time, so that a failure is about the change at hand; others by
 * MESH_SEED=… npm run test:mesh -- weave-law
 */
const SEED = Number(process.env.MESH_SEED ?? 404746);
process.stdout.write(`weave-law: seed ${SEED}\n`);
const MESHES = 100;
/** Every sender's proxy knows every service, so few meshes at a time are much faster than many. */
const PER_ENVOY = 5;
/** How often a request is sent for rules that split, and for those that do not. */
const MANY = 60;
const FEW = 3;

const PORTS = [80, 8080, 9000];

test.each(Array.from({ length: MESHES / PER_ENVOY }, (_, index) => index))(`holds for random rules and lanes, seed ${SEED}, part %i`, async (part) => {
  const scenes = fc.sample(scene, { numRuns: MESHES, seed: SEED }).slice(part * PER_ENVOY, (part + 1) * PER_ENVOY)
    .map((each, index) => inNamespace(each, `shop${index}`));
  const mesh = await Mesh.start(scenes.flatMap(({ namespace, virtualService, table }) => {
    const woven = weave(virtualService, table).virtualService;
    return [...objectsOf(namespace), woven, atGateway(woven, namespace)];
  }));
  try {
    const trials = scenes.flatMap(trialsOf);
    // All at once: what the mesh needs for one sender after another would make Envoy start again and again.
    const outcomes = await mesh.sendAll(trials.flatMap(({ requests }) => requests));
    let laned = 0;
    for (const trial of trials) {
      if (judged(trial, outcomes.splice(0, trial.requests.length))) laned++;
    }
    expect(laned).toBeGreaterThan(0);
  } finally {
    await mesh.stop();
  }
}, 900_000);

interface NamespacedScene extends Scene {
  readonly namespace: string;
}

/** One request, sent without lane, with each lane and with a lane that does not exist. */
interface Trial {
  readonly scene: NamespacedScene;
  readonly requests: ReturnType<typeof toMesh>[];
  readonly splits: boolean;
}

function trialsOf(each: NamespacedScene): Trial[] {
  return each.requests.flatMap((request) => (['mesh', 'gateway'] as const).flatMap((place) => {
    const router = place === 'mesh'
      ? { gateway: 'mesh' }
      : { gateway: `${each.namespace}/entry`, port: 80, sourceLabels: { istio: 'ingressgateway' }, sourceNamespace: 'istio-system' };
    const expected = evaluate(each.virtualService, { ...request, ...router, authority: authorityOf(each.namespace, place) });
    // No rule is for this client, so it meets any pod: neither baseline nor lanes have a say.
    if (expected.kind === 'not-applied') return [];
    const splits = expected.kind === 'route' && expected.shares.length > 1;
    const requests = [undefined, 'no-such-lane', ...LANES].map((lane) => toMesh(each.namespace, place, request, lane, splits ? MANY : FEW));
    return [{ scene: each, requests, splits }];
  }));
}

/** Whether a lane served; fails where the law does not hold. A run where none ever did would prove nothing. */
function judged({ scene: { namespace, virtualService, table }, requests, splits }: Trial, [baseline, unknown, ...laned]: Outcome[]): boolean {
  const scenery = { seed: SEED, request: requests[0], virtualService, table, baseline: baseline.distribution };
  const about = (got: Outcome) => ({ ...scenery, got: got.distribution });
  const same = (workload: string) => workload;
  const comparable = !splits && weave(virtualService, table).warnings.every(({ code }) => code !== 'LaneHeadersDiffer');
  expectClose(sharesOf(unknown.distribution, same), sharesOf(baseline.distribution, same), about(unknown));
  return LANES.map((lane, index) => {
    const serves = servedBy(table.lanes[lane] ?? {}, lane);
    const mapped = sharesOf(baseline.distribution, (workload) => serves.get(serviceOf(workload)) ?? workload);
    expectClose(sharesOf(laned[index].distribution, same), mapped, { lane, ...about(laned[index]) });
    expectHeaders(baseline, laned[index], lane, [...serves.values()], comparable, { lane, namespace, ...about(laned[index]) });
    return [...serves.values()].some((workload) => workload in laned[index].distribution);
  }).includes(true);
}

function expectClose(got: Map<string, number>, expected: Map<string, number>, about: unknown): void {
  for (const workload of new Set([...got.keys(), ...expected.keys()])) {
    const share = expected.get(workload) ?? 0;
    const pooled = ((got.get(workload) ?? 0) + share) / 2;
    // 5 sigma of the difference of two shares of so many requests; where nothing splits both are the same.
    const band = 5 * Math.sqrt(pooled * (1 - pooled) * 2 / MANY);
    if (Math.abs((got.get(workload) ?? 0) - share) > band) throw new Error(`${workload} answers ${got.get(workload) ?? 0} of the requests instead of ${share}: ${JSON.stringify(about, null, 1)}`);
  }
}

/** What the rule makes of headers stays, and only the lane's version says that a lane served. */
function expectHeaders(baseline: Outcome, outcome: Outcome, lane: string, lanes: string[], compare: boolean, about: unknown): void {
  for (const response of outcome.responses) {
    const says = response.headers['x-served-lane'];
    const expected = lanes.includes(response.workload) ? lane : undefined;
    if (says !== expected) throw new Error(`x-served-lane is ${says} instead of ${expected}: ${JSON.stringify(about, null, 1)}`);
  }
  if (!compare) return;
  const changed = ({ responses: [first] }: Outcome) => JSON.stringify(['x-a', 'x-b'].map((name) => [
    first.hops[0].hits[0]?.headers[name], first.headers[name], first.repeatedHeaders?.[name],
  ]));
  if (changed(outcome) !== changed(baseline)) throw new Error(`headers are ${changed(outcome)} instead of ${changed(baseline)}: ${JSON.stringify(about, null, 1)}`);
}

/** Service → the workload by which the lane serves it. */
function servedBy(destinations: Record<string, any>, lane: string): Map<string, string> {
  return new Map(Object.entries(destinations).map(([host, target]) => {
    const [name] = host.split('.');
    return [name, target.subset === undefined ? `own-${name}-${lane}` : `${name}-${lane}`];
  }));
}

/** The Service that a workload of the baseline belongs to; failures and other namespaces' workloads belong to none. */
function serviceOf(workload: string): string {
  return /^(cart|stock)-(release|v2)$/.exec(workload)?.[1] ?? '';
}

function sharesOf(distribution: Record<string, number>, name: (workload: string) => string): Map<string, number> {
  const total = Object.values(distribution).reduce((sum, count) => sum + count, 0);
  const shares = new Map<string, number>();
  for (const [workload, count] of Object.entries(distribution)) shares.set(name(workload), (shares.get(name(workload)) ?? 0) + count / total);
  return shares;
}

function authorityOf(namespace: string, place: 'mesh' | 'gateway'): string {
  return place === 'mesh' ? `cart.${namespace}` : `${namespace}.example.com`;
}

function toMesh(namespace: string, place: 'mesh' | 'gateway', request: MeshRequest, lane: string | undefined, repeat: number) {
  const from: Sender = place === 'gateway'
    ? { gateway: { istio: 'ingressgateway' } }
    : { namespace: request.sourceNamespace === 'shop' ? namespace : 'elsewhere', labels: request.sourceLabels };
  return {
    from,
    host: authorityOf(namespace, place),
    port: place === 'mesh' ? request.port : 80,
    method: request.method,
    path: request.query === undefined ? request.path : `${request.path}?${request.query}`,
    headers: { ...(request.headers as Record<string, string>), ...(lane === undefined ? {} : { [LANE_HEADER]: lane }) },
    repeat,
  };
}

/**
 * The scene in a namespace of its own, with what a mesh can run: fields that no schema knows and delegates to nobody are taken
 * out, delays are short and not left to chance, and namespaces and gateways are called as they are there.
 */
function inNamespace({ virtualService, table, requests }: Scene, namespace: string): NamespacedScene {
  const named = (value: any) => JSON.parse(JSON.stringify(value)
    .replace(/\.shop\./gi, `.${namespace}.`).replace(/"cart\.shop"/g, `"cart.${namespace}"`).replace(/shop\/entry/g, `${namespace}/entry`)
    .replace(/"(sourceN|n)amespace":"shop"/g, `"$1amespace":"${namespace}"`).replace('"sourceNamespace":"other"', '"sourceNamespace":"elsewhere"'));
  const { spec, ...rest } = named(virtualService);
  const http = spec.http.filter((rule: any) => !rule.delegate).map((rule: any) => {
    const { unknownRuleField, fault, ...kept } = rule;
    return {
      ...kept,
      ...(fault ? { fault: { delay: { fixedDelay: '1ms', percentage: { value: 100 } } } } : {}),
      ...(kept.match ? { match: kept.match.map(({ unknownMatchField, ...entry }: any) => entry) } : {}),
      ...(kept.route ? { route: kept.route.map(({ unknownDestinationField, ...entry }: any) => entry) } : {}),
    };
  });
  return {
    namespace,
    virtualService: { ...rest, spec: { hosts: [`cart.${namespace}.svc.cluster.local`], http: http.length > 0 ? http : [{ route: [{ destination: { host: 'cart', subset: 'release' } }] }] } },
    table: named(table),
    requests,
  };
}

function atGateway(virtualService: any, namespace: string): any {
  return {
    ...virtualService,
    metadata: { name: 'at-entry', namespace },
    spec: { ...virtualService.spec, hosts: [`${namespace}.example.com`], gateways: ['entry'] },
  };
}

/** Two services with two versions and three lanes, a service that is never laned, and services of lanes' own. */
function objectsOf(namespace: string): any[] {
  const versions = ['release', 'v2', ...LANES];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { 'istio-injection': 'enabled' } } },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'entry', namespace },
      spec: { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: [`${namespace}.example.com`] }] },
    },
    ...['cart', 'stock'].flatMap((name) => [
      service(namespace, name),
      destinationRule(namespace, name, versions),
      ...versions.map((version) => deployment(namespace, `${name}-${version}`, { app: name, version })),
      ...LANES.flatMap((lane) => [service(namespace, `${name}-${lane}`), deployment(namespace, `own-${name}-${lane}`, { app: `${name}-${lane}` })]),
    ]),
    service(namespace, 'mail'),
    destinationRule(namespace, 'mail', ['v1', 'v2']),
    ...['v1', 'v2'].map((version) => deployment(namespace, `mail-${version}`, { app: 'mail', version })),
  ];
}

const service = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: PORTS.map((port) => ({ name: `http-${port}`, port })) },
});

const destinationRule = (namespace: string, host: string, versions: string[]) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name: host, namespace },
  spec: { host, subsets: versions.map((version) => ({ name: version, labels: { version } })) },
});

const deployment = (namespace: string, name: string, labels: Record<string, string>) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app' }] } } },
});
