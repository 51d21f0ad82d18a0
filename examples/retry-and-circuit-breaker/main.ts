import { App, Chart, Duration } from 'cdk8s';
import {
  CanaryService, ConnectionPool, HashKey, LoadBalancer, MeshNamespace, MirrorTarget, OutlierDetection, ResilientBackend, RetryOn, RetryPolicy,
} from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com';
const SECOND = Duration.seconds(1);
const WHATEVER_FAILS = [RetryOn.GATEWAY_ERROR, RetryOn.RESET, RetryOn.SERVER_ERROR];

/** A chart with a namespace of its own, named like the case. */
function namespaceFor(app: App, name: string): Chart {
  const chart = new Chart(app, name, { namespace: name });
  new MeshNamespace(chart, 'namespace');
  return chart;
}

/** Three pods without versions behind one Service. */
function retryService(chart: Chart, virtualServiceName: string): CanaryService {
  return new CanaryService(chart, 'retry-service', {
    port: 80,
    app: 'retry',
    virtualServiceName,
    baseline: { deploymentName: 'retry-backend', image: `${REGISTRY}/retry-backend:1.0`, replicas: 3 },
  });
}

/** Callers try up to 15 times more before they give up. */
export function retry(app: App): Chart {
  const chart = namespaceFor(app, 'retry');
  new ResilientBackend(chart, 'persistence', {
    host: retryService(chart, 'retry-vs'),
    timeout: Duration.seconds(15),
    retries: RetryPolicy.of({ attempts: 15, perTryTimeout: SECOND, retryOn: WHATEVER_FAILS }),
  });
  return chart;
}

/** Callers send one request at a time and leave failing pods alone for a minute, all of them if need be. */
export function circuitBreaker(app: App): Chart {
  const chart = namespaceFor(app, 'circuit-breaker');
  new ResilientBackend(chart, 'breaker', {
    host: retryService(chart, 'circuit-breaker-vs'),
    timeout: Duration.seconds(30),
    retries: RetryPolicy.of({ attempts: 30, perTryTimeout: SECOND, retryOn: WHATEVER_FAILS }),
    connectionPool: ConnectionPool.of({ maxConnections: 1, http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 }),
    outlierDetection: OutlierDetection.of({
      consecutive5xxErrors: 2, interval: Duration.seconds(10), baseEjectionTime: Duration.minutes(1), maxEjectionPercent: 100,
    }),
  });
  return chart;
}

/** Two versions of three pods each. Everybody meets v1, at a pod that the load balancer chooses. */
function myweb(app: App, name: string, loadBalancer: LoadBalancer): Chart {
  const chart = namespaceFor(app, name);
  const service = new CanaryService(chart, 'myweb-service', {
    port: 80,
    app: 'myweb',
    virtualServiceName: 'istio-lb',
    destinationRuleName: 'istio-lb',
    template: { replicas: 3 },
    baseline: { version: 'v1', deploymentName: 'myweb-deployment-v1', image: `${REGISTRY}/myweb:v1` },
  });
  service.addVersion('v2', { deploymentName: 'myweb-deployment-v2', image: `${REGISTRY}/myweb:v2` });
  new ResilientBackend(chart, 'balance', { host: service, loadBalancer });
  return chart;
}

/** Any pod, at random. */
export function random(app: App): Chart {
  return myweb(app, 'random', LoadBalancer.random());
}

/** The same pod for the same user. */
export function consistentHash(app: App): Chart {
  return myweb(app, 'consistent-hash', LoadBalancer.consistentHash(HashKey.header('User')));
}

/** Another service sees what retry-service is asked. */
export function mirror(app: App): Chart {
  const chart = namespaceFor(app, 'mirror');
  const service = retryService(chart, 'retry-vs');
  const sniffer = new CanaryService(chart, 'sniffer', { port: 80, baseline: { image: `${REGISTRY}/sniffer:1.0` } });
  new MirrorTarget(chart, 'copies', { from: service, to: sniffer });
  return chart;
}

/** All cases side by side. */
export function retryAndCircuitBreaker(app: App): Chart[] {
  return [retry, circuitBreaker, random, consistentHash, mirror].map((build) => build(app));
}

if (require.main === module) {
  const app = new App();
  retryAndCircuitBreaker(app);
  app.synth();
}
