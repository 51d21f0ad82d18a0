import { App, Chart, Testing } from 'cdk8s';
import { circuitBreaker, consistentHash, mirror, random, retry, retryAndCircuitBreaker } from './main';
import { schemaProblems } from '../../test/support/schema';
import { SimulatedMesh } from 'cdk8s-lanes/testing';

type Case = (app: App) => Chart;
const manifestsOf = (build: Case): any[] => Testing.synth(build(Testing.app()));
const send = (build: Case, host: string) => SimulatedMesh.of(build(Testing.app())).send({ host });
const objectOf = (build: Case, kind: string, name: string) => manifestsOf(build).find((each) => each.kind === kind && each.metadata.name === name);
const namesOf = (build: Case) => manifestsOf(build).map(({ kind, metadata }) => `${kind} ${metadata.name}`);

const cases: Case[] = [retry, circuitBreaker, random, consistentHash, mirror];

describe.each(cases.map((build): [string, Case] => [build.name, build]))('the case %s', (_, build) => {
  test('is that of the snapshot', () => {
    expect(manifestsOf(build)).toMatchSnapshot();
  });

  test('is valid', () => {
    expect(schemaProblems(manifestsOf(build))).toEqual([]);
  });
});

test('all cases stand side by side, each in a namespace of its own', () => {
  const manifests = retryAndCircuitBreaker(Testing.app()).map((chart) => Testing.synth(chart));
  expect(manifests.map(([namespace]) => namespace.metadata.name)).toEqual(['retry', 'circuit-breaker', 'random', 'consistent-hash', 'mirror']);
  expect(schemaProblems(manifests.flat())).toEqual([]);
});

describe.each([['retry', retry, 'retry-vs'], ['circuit-breaker', circuitBreaker, 'circuit-breaker-vs'], ['mirror', mirror, 'retry-vs']])(
  'retry-service of the case %s', (namespace, build, virtualService) => {
    test('has three pods without versions behind port 80', () => {
      const labels = { app: 'retry' };
      expect(objectOf(build, 'Service', 'retry-service').spec).toEqual({
        selector: labels, ports: [{ port: 80, targetPort: 80, appProtocol: 'http' }],
      });
      const { replicas, selector, template } = objectOf(build, 'Deployment', 'retry-backend').spec;
      expect({ replicas, selector: selector.matchLabels, pods: template.metadata.labels }).toEqual({ replicas: 3, selector: labels, pods: labels });
    });

    test('is routed to as a whole', () => {
      expect(send(build, 'retry-service')).toServe({ service: 'retry-service', workload: 'retry-backend', namespace });
      expect(objectOf(build, 'VirtualService', virtualService).spec.http[0].route[0].destination).not.toHaveProperty('subset');
    });
  },
);

test('15 tries more of a second each, within 15 seconds', () => {
  const [rule] = objectOf(retry, 'VirtualService', 'retry-vs').spec.http;
  expect(rule).toMatchObject({ timeout: '15s', retries: { attempts: 15, perTryTimeout: '1s', retryOn: 'gateway-error,reset,5xx' } });
  expect(namesOf(retry).filter((name) => name.startsWith('DestinationRule'))).toEqual([]);
});

test('the circuit breaker: 30 tries within 30 seconds, one request at a time, everybody ejected after two errors', () => {
  const [rule] = objectOf(circuitBreaker, 'VirtualService', 'circuit-breaker-vs').spec.http;
  expect(rule).toMatchObject({ timeout: '30s', retries: { attempts: 30, perTryTimeout: '1s' } });
  expect(objectOf(circuitBreaker, 'DestinationRule', 'retry-service').spec).toEqual({
    host: 'retry-service.circuit-breaker.svc.cluster.local',
    trafficPolicy: {
      connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } },
      outlierDetection: { consecutive5xxErrors: 2, interval: '10s', baseEjectionTime: '60s', maxEjectionPercent: 100 },
    },
  });
});

test.each([
  ['random', random, { simple: 'RANDOM' }],
  ['consistent-hash', consistentHash, { consistentHash: { httpHeaderName: 'User' } }],
])('myweb of the case %s: v1 answers, at a pod that istio-lb chooses', (_, build, loadBalancer) => {
  expect(namesOf(build).slice(1)).toEqual([
    'Service myweb-service', 'Deployment myweb-deployment-v1', 'Deployment myweb-deployment-v2',
    'DestinationRule istio-lb', 'VirtualService istio-lb',
  ]);
  for (const version of ['v1', 'v2']) {
    const { replicas, template } = objectOf(build, 'Deployment', `myweb-deployment-${version}`).spec;
    expect({ replicas, labels: template.metadata.labels }).toEqual({ replicas: 3, labels: { app: 'myweb', version } });
  }
  expect(send(build, 'myweb-service')).toServe({ service: 'myweb-service', version: 'v1' });
  expect(objectOf(build, 'DestinationRule', 'istio-lb').spec.trafficPolicy).toEqual({ loadBalancer });
});

test('sniffer gets a copy of every request', () => {
  const sent = send(mirror, 'retry-service');
  expect(sent).toMirrorTo({ service: 'sniffer', workload: 'sniffer' });
  expect(sent.outcome.mirrors.map(({ percent }) => percent)).toEqual([100]);
  expect(namesOf(mirror).filter((name) => name.endsWith('sniffer'))).toEqual(['Service sniffer', 'Deployment sniffer']);
});
