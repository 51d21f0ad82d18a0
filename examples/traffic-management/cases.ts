import { App, Duration } from 'cdk8s';
import { Tutorial } from './tutorial';
import {
  ConnectionPool, Fault, FaultInjection, LoadBalancer, MeshGateway, MirrorTarget, OutlierDetection, RequestMatch, ResilientBackend,
  RetryOn, RetryPolicy, StringMatch,
} from 'cdk8s-lanes';

/** No rule: the shares follow the number of pods. */
export function noRule(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'no-rule');
  tutorial.meetAnyPod();
  return tutorial;
}

/** No rule, and a second pod of v2. */
export function noRuleTwoPodsOfV2(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'no-rule-two-pods-of-v2', { v2: 2 });
  tutorial.meetAnyPod();
  return tutorial;
}

/** Everybody meets v2. `noRule` takes it back. */
export function allToV2(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'all-to-v2');
  tutorial.recommendation.activate('v2');
  return tutorial;
}

/** A canary: v2 gets a share of the requests. */
export function split(app: App, v1: number, v2: number): Tutorial {
  const tutorial = new Tutorial(app, `split-${v1}-${v2}`);
  tutorial.recommendation.split({ v1, v2 });
  return tutorial;
}

/** Half the requests are answered 503, without having met recommendation. */
export function abort(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'fault-abort');
  new FaultInjection(tutorial, 'fault', { host: tutorial.recommendation, fault: Fault.abort({ httpStatus: 503, percentage: 50 }) });
  return tutorial;
}

/** Half the requests wait 7 seconds before they go on. */
export function delay(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'fault-delay');
  new FaultInjection(tutorial, 'fault', { host: tutorial.recommendation, fault: Fault.delay({ duration: Duration.seconds(7), percentage: 50 }) });
  return tutorial;
}

/** What fails is tried again, at another pod if there is one. */
const PERSISTENCE = RetryPolicy.of({ attempts: 10, perTryTimeout: Duration.seconds(2), retryOn: [RetryOn.SERVER_ERROR] });

/** A version that fails now and then is not noticed. */
export function retries(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'retries');
  tutorial.meetAnyPod();
  new ResilientBackend(tutorial, 'persistence', { host: tutorial.recommendation, retries: PERSISTENCE });
  return tutorial;
}

/** Whoever meets a slow version waits a second and no more. */
export function timeout(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'timeout');
  tutorial.recommendation.split({ v1: 50, v2: 50 });
  new ResilientBackend(tutorial, 'patience', { host: tutorial.recommendation, timeout: Duration.seconds(1) });
  return tutorial;
}

/** Safari and phones meet v2, everybody else v1. */
export function userAgent(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'user-agent');
  tutorial.recommendation.sendTo('v2', [
    RequestMatch.userAgent(StringMatch.regex('.*Safari.*')),
    RequestMatch.userAgent(StringMatch.regex('.*Mobile.*')),
  ]);
  return tutorial;
}

/** v1 answers everybody, and v2 sees the same requests. */
export function mirror(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'mirror');
  new MirrorTarget(tutorial, 'mirror', {
    from: tutorial.recommendation,
    fromVersion: 'v1',
    to: tutorial.recommendation,
    toVersion: 'v2',
    percentage: 100,
  });
  return tutorial;
}

/** Each request meets any of three pods, at random. */
export function random(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'load-balancing', { v1: 2 });
  tutorial.meetAnyPod();
  new ResilientBackend(tutorial, 'balance', { host: tutorial.recommendation, loadBalancer: LoadBalancer.random() });
  return tutorial;
}

/** v2 gets one request at a time, one more may wait, and all others are answered 503 at once. */
export function circuitBreaker(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'circuit-breaker');
  tutorial.recommendation.split({ v1: 50, v2: 50 });
  new ResilientBackend(tutorial, 'limits', {
    host: tutorial.recommendation,
    version: 'v2',
    connectionPool: ConnectionPool.of({ maxConnections: 1, http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 }),
  });
  return tutorial;
}

/** A pod of v2 that fails once is left alone for 15 seconds. */
export function poolEjection(app: App, name = 'pool-ejection'): Tutorial {
  const tutorial = new Tutorial(app, name, { v2: 2 });
  tutorial.recommendation.split({ v1: 50, v2: 50 });
  new ResilientBackend(tutorial, 'ejection', {
    host: tutorial.recommendation,
    version: 'v2',
    outlierDetection: OutlierDetection.of({
      consecutive5xxErrors: 1, interval: Duration.seconds(5), baseEjectionTime: Duration.seconds(15), maxEjectionPercent: 100,
    }),
  });
  return tutorial;
}

/** The same, and the request that found the pod failing is tried again at another one. */
export function poolEjectionAndRetries(app: App): Tutorial {
  const tutorial = poolEjection(app, 'pool-ejection-and-retries');
  new ResilientBackend(tutorial, 'persistence', { host: tutorial.recommendation, retries: PERSISTENCE });
  return tutorial;
}

/** Requests from outside reach customer. */
export function ingress(app: App): Tutorial {
  const tutorial = new Tutorial(app, 'ingress');
  new MeshGateway(tutorial, 'gateway', { hosts: ['customer.example.com'] }).route(tutorial.customer);
  return tutorial;
}
