import { isDeepStrictEqual } from 'node:util';
import { App, Testing } from 'cdk8s';
import * as cases from './cases';
import { CASES } from './main';
import { Tutorial } from './tutorial';
import { schemaProblems } from '../../test/support/schema';
import { SimulatedMesh, TestRequest } from 'cdk8s-lanes/testing';

const HOST = 'recommendation.tutorial.svc.cluster.local';

type Case = (app: App) => Tutorial;
const manifestsOf = (build: Case): any[] => Testing.synth(build(Testing.app()));
const objectOf = (build: Case, kind: string, name = 'recommendation') =>
  manifestsOf(build).find((each) => each.kind === kind && each.metadata.name === name);
const rulesOf = (build: Case) => objectOf(build, 'VirtualService').spec.http;

/** What becomes of a request to recommendation. */
const send = (build: Case, headers: TestRequest['headers'] = {}) => SimulatedMesh.of(build(Testing.app())).send({ host: 'recommendation', headers });

test('the first case is that of the snapshot', () => {
  expect(manifestsOf(cases.noRule)).toMatchSnapshot();
});

describe.each(CASES.map((build): [string, Case] => [build(Testing.app()).node.id, build]))('the case %s', (_, build) => {
  test('differs from the first one as the snapshot says', () => {
    const first = manifestsOf(cases.noRule);
    expect(manifestsOf(build).filter((each) => !first.some((other) => isDeepStrictEqual(each, other)))).toMatchSnapshot();
  });

  test('is valid', () => {
    expect(schemaProblems(manifestsOf(build))).toEqual([]);
  });

  test('has each object of the first one, so that one replaces the other', () => {
    const names = (manifests: any[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names(manifestsOf(build))).toEqual(expect.arrayContaining(names(manifestsOf(cases.noRule))));
  });
});

test('every case has a name of its own, which is its file\'s', () => {
  const names = CASES.map((build) => build(Testing.app()).node.id);
  expect(new Set(names).size).toBe(17);
});

test('probes wait 20 seconds, and only the rebuilt v2 is always pulled', () => {
  for (const { metadata, spec } of manifestsOf(cases.noRule).filter(({ kind }) => kind === 'Deployment')) {
    const [container] = spec.template.spec.containers;
    expect([container.livenessProbe, container.readinessProbe].map(({ initialDelaySeconds }) => initialDelaySeconds)).toEqual([20, 20]);
    expect(container.imagePullPolicy).toBe(metadata.name === 'recommendation-v2' ? 'Always' : undefined);
  }
});

test.each([
  ['no-rule', cases.noRule, 1, 1],
  ['no-rule-two-pods-of-v2', cases.noRuleTwoPodsOfV2, 1, 2],
  ['load-balancing', cases.random, 2, 1],
  ['pool-ejection', (app: App) => cases.poolEjection(app), 1, 2],
])('the case %s has its pods', (_, build, v1, v2) => {
  const replicas = ['v1', 'v2'].map((version) => objectOf(build, 'Deployment', `recommendation-${version}`).spec.replicas);
  expect(replicas).toEqual([v1, v2]);
});

test('without a rule requests meet any pod', () => {
  expect(send(cases.noRule)).toSplit({ v1: 1, v2: 1 });
  expect(send(cases.noRuleTwoPodsOfV2)).toSplit({ v1: 1, v2: 2 });
  expect(rulesOf(cases.noRule)).toEqual([{ route: [{ destination: { host: HOST, port: { number: 8080 } } }] }]);
});

test('all meet v2', () => {
  expect(send(cases.allToV2)).toServe({ version: 'v2' });
});

test.each([[90, 10], [75, 25], [50, 50]])('%i and %i per cent', (v1, v2) => {
  const build = (app: App) => cases.split(app, v1, v2);
  expect(send(build)).toSplit({ v1, v2 });
  expect(rulesOf(build)[0].route.map(({ weight }: any) => weight)).toEqual([v1, v2]);
});

test('half of the requests are aborted with 503', () => {
  expect(send(cases.abort)).toSplit({ '503 FI': 50, 'v1': 50 });
  expect(rulesOf(cases.abort).map(({ fault }: any) => fault)).toEqual([{ abort: { httpStatus: 503, percentage: { value: 50 } } }]);
});

test('half of the requests are delayed by 7 seconds', () => {
  expect(send(cases.delay).outcome.fault).toEqual({ delay: { ms: 7000, percent: 50 } });
  expect(rulesOf(cases.delay).map(({ fault }: any) => fault)).toEqual([{ delay: { fixedDelay: '7s', percentage: { value: 50 } } }]);
});

test('failures are tried again 10 times, at any pod', () => {
  expect(send(cases.retries)).toSplit({ v1: 1, v2: 1 });
  expect(rulesOf(cases.retries)[0].retries).toEqual({ attempts: 10, perTryTimeout: '2s', retryOn: '5xx' });
  expect(rulesOf(cases.retries)[0]).not.toHaveProperty('timeout');
});

test('patience ends after one second', () => {
  expect(send(cases.timeout)).toSplit({ v1: 50, v2: 50 });
  expect(rulesOf(cases.timeout)[0].timeout).toBe('1s');
});

test.each([
  ['Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15', 'v2'],
  ['Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0', 'v2'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', 'v1'],
  ['curl/8.5.0', 'v1'],
])('the user agent %s meets %s', (userAgent, version) => {
  expect(send(cases.userAgent, { 'user-agent': userAgent })).toServe({ version });
});

test('without a user agent v1 answers', () => {
  expect(send(cases.userAgent)).toServe({ version: 'v1' });
});

test('v1 answers, and v2 sees every request', () => {
  expect(send(cases.mirror)).toServe({ version: 'v1' });
  expect(send(cases.mirror)).toMirrorTo({ service: HOST, version: 'v2' });
});

test('pods are chosen at random', () => {
  expect(objectOf(cases.random, 'DestinationRule').spec.trafficPolicy).toEqual({ loadBalancer: { simple: 'RANDOM' } });
  expect(send(cases.random)).toSplit({ v1: 2, v2: 1 });
});

/** What the DestinationRule says of v1 and of v2. */
const policies = (build: Case) => objectOf(build, 'DestinationRule').spec.subsets.map(({ trafficPolicy }: any) => trafficPolicy);

test('the circuit breaker is v2\'s alone', () => {
  expect(send(cases.circuitBreaker)).toSplit({ v1: 50, v2: 50 });
  expect(policies(cases.circuitBreaker)).toEqual([undefined, {
    connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } },
  }]);
});

test.each([
  ['alone', (app: App) => cases.poolEjection(app), undefined],
  ['with retries', cases.poolEjectionAndRetries, { attempts: 10, perTryTimeout: '2s', retryOn: '5xx' }],
])('pool ejection %s', (_, build, retries) => {
  expect(send(build)).toSplit({ v1: 50, v2: 50 });
  expect(rulesOf(build)[0].retries).toEqual(retries);
  expect(policies(build)).toEqual([undefined, {
    outlierDetection: { consecutive5xxErrors: 1, interval: '5s', baseEjectionTime: '15s', maxEjectionPercent: 100 },
  }]);
});

test('customer is reached through the gateway', () => {
  expect(objectOf(cases.ingress, 'Gateway', 'gateway').spec).toEqual({
    selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['customer.example.com'] }],
  });
  expect(SimulatedMesh.of(cases.ingress(Testing.app())).send({ host: 'customer.example.com' })).toServe({ service: 'customer', version: 'v1' });
});
