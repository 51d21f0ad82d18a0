import { isDeepStrictEqual } from 'node:util';
import { App, Testing } from 'cdk8s';
import { blue, Bookinfo, byContent, canary, circuitBreaker, green, mirror, retireV1, STEPS, takeOver } from './main';
import { schemaProblems } from '../../test/support/schema';
import { SimulatedMesh, TestRequest } from 'cdk8s-lanes/testing';

type Step = (app: App) => Bookinfo;
const manifestsOf = (build: Step): any[] => Testing.synth(build(Testing.app()));
const objectOf = (build: Step, kind: string, name = 'reviews') =>
  manifestsOf(build).find((each) => each.kind === kind && each.metadata.name === name);
const names = (manifests: any[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

/** What becomes of a request to reviews. */
const send = (build: Step, headers: TestRequest['headers'] = {}) =>
  SimulatedMesh.of(build(Testing.app())).send({ host: 'reviews', path: '/reviews/0', headers });

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
    expect(SimulatedMesh.of(build(Testing.app())).send({ host: 'bookinfo.example.com', path: '/productpage' })).toServe({ service: 'productpage', version: 'v1' });
  });

  test('answers every request to reviews', () => {
    expect(send(build)).toServe({ service: 'reviews' });
    expect(send(build, { 'end-user': 'jason' })).toServe({ service: 'reviews' });
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
  expect(send(canary)).toSplit({ v1: 50, v2: 50 });
});

test('jason meets v2, everybody else v1', () => {
  expect(send(byContent, { 'end-user': 'jason' })).toServe({ version: 'v2' });
  expect(send(byContent, { 'end-user': 'Jason' })).toServe({ version: 'v1' });
  expect(send(byContent)).toServe({ version: 'v1' });
});

test('blue and green differ in nothing but the route, so the other version stays ready', () => {
  expect(send(blue)).toServe({ version: 'v1' });
  expect(send(green)).toServe({ version: 'v2' });
  const changed = manifestsOf(green).filter((each) => !manifestsOf(blue).some((other) => isDeepStrictEqual(each, other)));
  expect(names(changed)).toEqual(['VirtualService reviews']);
});

test('v1 answers while v2 sees every request', () => {
  expect(send(mirror)).toServe({ version: 'v1' });
  expect(send(mirror)).toMirrorTo({ service: 'reviews', version: 'v2' });
  expect(send(mirror).outcome.mirrors.map(({ percent }) => percent)).toEqual([100]);
});

test('v2 takes over, and v1 is there still', () => {
  expect(send((app) => takeOver(app))).toServe({ version: 'v2' });
  expect(names(manifestsOf((app) => takeOver(app)))).toContain('Deployment reviews-v1');
});

test('v1 of reviews retires with its Deployment, its subset and its routes', () => {
  expect(send(retireV1)).toServe({ version: 'v2' });
  expect(objectOf(retireV1, 'DestinationRule').spec.subsets.map(({ name }: any) => name)).toEqual(['v2', 'v3']);
  const before = names(manifestsOf((app) => takeOver(app)));
  expect(before.filter((name) => !names(manifestsOf(retireV1)).includes(name))).toEqual(['Deployment reviews-v1']);
});

test('the circuit breaker of ratings has the values of the scenario', () => {
  expect(objectOf(circuitBreaker, 'DestinationRule', 'ratings').spec.trafficPolicy).toEqual({
    connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } },
    outlierDetection: { consecutive5xxErrors: 5, interval: '1s', baseEjectionTime: '180s', maxEjectionPercent: 100 },
  });
  expect(send(circuitBreaker)).toServe({ version: 'v2' });
});
