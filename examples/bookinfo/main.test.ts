import { isDeepStrictEqual } from 'node:util';
import { App, Testing } from 'cdk8s';
import { blue, Bookinfo, byContent, canary, circuitBreaker, green, mirror, retireV1, STEPS, takeOver } from './main';
import { evaluate, MeshRequest } from '../../test/support/route-evaluator';
import { schemaProblems } from '../../test/support/schema';

type Step = (app: App) => Bookinfo;
const manifestsOf = (build: Step): any[] => Testing.synth(build(Testing.app()));
const objectOf = (build: Step, kind: string, name = 'reviews') =>
  manifestsOf(build).find((each) => each.kind === kind && each.metadata.name === name);
const names = (manifests: any[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

/** The shares of the versions of reviews among requests that are all like this one. */
function served(build: Step, headers: MeshRequest['headers'] = {}) {
  const outcome = evaluate(objectOf(build, 'VirtualService'), { path: '/reviews/0', port: 9080, headers });
  const shares = outcome.kind === 'route' ? outcome.shares : [];
  return Object.fromEntries(shares.map(({ subset, probability }) => [subset, probability]));
}

test('the step blue is that of the snapshot', () => {
  expect(manifestsOf(blue)).toMatchSnapshot();
});

describe.each(STEPS.map((build): [string, Step] => [build(Testing.app()).node.id, build]))('the step %s', (_, build) => {
  test('differs from blue as the snapshot says', () => {
    const first = manifestsOf(blue);
    expect(manifestsOf(build).filter((each) => !first.some((other) => isDeepStrictEqual(each, other)))).toMatchSnapshot();
  });

  test('is valid', () => {
    expect(schemaProblems(manifestsOf(build))).toEqual([]);
  });

  test('is reached through the gateway', () => {
    expect(objectOf(build, 'Gateway', 'gateway').spec.servers[0].hosts).toEqual(['bookinfo.example.com']);
    expect(evaluate(objectOf(build, 'VirtualService', 'gateway-bookinfo-example-com'), { path: '/productpage', gateway: 'gateway' })).toMatchObject({
      kind: 'route', shares: [{ host: 'productpage.bookinfo.svc.cluster.local', port: 9080, subset: 'v1', probability: 1 }],
    });
  });

  test('routes to versions alone that have pods', () => {
    const labels = manifestsOf(build).filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template.metadata.labels);
    for (const version of Object.keys(served(build))) expect(labels).toContainEqual({ app: 'reviews', version });
  });
});

test('the services and versions of the scenario are there', () => {
  expect(names(manifestsOf(blue)).filter((name) => name.startsWith('Deployment'))).toEqual([
    'Deployment productpage-v1', 'Deployment details-v1', 'Deployment ratings-v1',
    'Deployment reviews-v1', 'Deployment reviews-v2', 'Deployment reviews-v3',
  ]);
});

test('reviews v2, the client of ratings, shows what its sidecar counts', () => {
  const annotated = manifestsOf(blue).filter(({ kind, spec }) =>
    kind === 'Deployment' && spec.template.metadata.annotations['sidecar.istio.io/statsInclusionPrefixes'] === 'cluster.outbound');
  expect(names(annotated)).toEqual(['Deployment reviews-v2']);
});

test('the canary gets half', () => {
  expect(served(canary)).toEqual({ v1: 0.5, v2: 0.5 });
});

test('jason meets v2, everybody else v1', () => {
  expect(served(byContent, { 'end-user': 'jason' })).toEqual({ v2: 1 });
  expect(served(byContent, { 'end-user': 'Jason' })).toEqual({ v1: 1 });
  expect(served(byContent)).toEqual({ v1: 1 });
});

test('blue and green differ in nothing but the route, so the other version stays ready', () => {
  expect(served(blue)).toEqual({ v1: 1 });
  expect(served(green)).toEqual({ v2: 1 });
  const changed = manifestsOf(green).filter((each) => !manifestsOf(blue).some((other) => isDeepStrictEqual(each, other)));
  expect(names(changed)).toEqual(['VirtualService reviews']);
});

test('v1 answers while v2 sees every request', () => {
  expect(evaluate(objectOf(mirror, 'VirtualService'), { path: '/reviews/0', port: 9080 })).toMatchObject({
    kind: 'route', shares: [{ subset: 'v1', probability: 1 }], mirrors: [{ subset: 'v2', port: 9080, percent: 100 }],
  });
});

test('v2 takes over, and v1 is there still', () => {
  expect(served((app) => takeOver(app))).toEqual({ v2: 1 });
  expect(names(manifestsOf((app) => takeOver(app)))).toContain('Deployment reviews-v1');
});

test('v1 of reviews retires with its Deployment, its subset and its routes', () => {
  expect(served(retireV1)).toEqual({ v2: 1 });
  expect(objectOf(retireV1, 'DestinationRule').spec.subsets.map(({ name }: any) => name)).toEqual(['v2', 'v3']);
  const before = names(manifestsOf((app) => takeOver(app)));
  expect(before.filter((name) => !names(manifestsOf(retireV1)).includes(name))).toEqual(['Deployment reviews-v1']);
});

test('the circuit breaker of ratings has the values of the scenario', () => {
  expect(objectOf(circuitBreaker, 'DestinationRule', 'ratings').spec.trafficPolicy).toEqual({
    connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } },
    outlierDetection: { consecutive5xxErrors: 5, interval: '1s', baseEjectionTime: '180s', maxEjectionPercent: 100 },
  });
  expect(served(circuitBreaker)).toEqual({ v2: 1 });
});
