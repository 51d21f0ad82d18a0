import { App, Chart, Duration } from 'cdk8s';
import {
  CanaryService, ConnectionPool, MeshGateway, MeshNamespace, MirrorTarget, OutlierDetection, RequestMatch, ResilientBackend, StringMatch,
  VersionOptions,
} from 'cdk8s-lanes';

const RELEASE = '1.20.3';

/** productpage → details and reviews, of which v2 and v3 call ratings. Everybody meets reviews v1 until a step says otherwise. */
export class Bookinfo extends Chart {
  public readonly reviews: CanaryService;
  public readonly ratings: CanaryService;

  constructor(app: App, step: string) {
    super(app, step, { namespace: 'bookinfo' });
    new MeshNamespace(this, 'namespace');

    const version = (service: string, name: string): VersionOptions => ({ image: `docker.io/istio/examples-bookinfo-${service}-${name}:${RELEASE}` });
    const service = (id: string) => new CanaryService(this, id, { port: 9080, baseline: { version: 'v1', ...version(id, 'v1') } });
    const productpage = service('productpage');
    const details = service('details');
    this.ratings = service('ratings');
    this.reviews = service('reviews');
    // Who calls ratings shows what its own sidecar counts of these calls.
    const podAnnotations = { 'sidecar.istio.io/statsInclusionPrefixes': 'cluster.outbound' };
    const v2 = this.reviews.addVersion('v2', { ...version('reviews', 'v2'), podAnnotations });
    const v3 = this.reviews.addVersion('v3', version('reviews', 'v3'));

    productpage.calls(details).calls(this.reviews);
    for (const withStars of [v2, v3]) withStars.calls(this.ratings);

    new MeshGateway(this, 'gateway', { hosts: ['bookinfo.example.com'] }).route(productpage);
  }
}

/** Half of the requests meet v2. */
export function canary(app: App): Bookinfo {
  const bookinfo = new Bookinfo(app, 'canary');
  bookinfo.reviews.split({ v1: 50, v2: 50 });
  return bookinfo;
}

/** One user meets v2. */
export function byContent(app: App): Bookinfo {
  const bookinfo = new Bookinfo(app, 'by-content');
  bookinfo.reviews.sendTo('v2', [RequestMatch.header('end-user', StringMatch.exact('jason'))]);
  return bookinfo;
}

/** Blue: v1 is active, v2 is ready. Applied again after green, it is the way back. */
export function blue(app: App): Bookinfo {
  const bookinfo = new Bookinfo(app, 'blue');
  bookinfo.reviews.activate('v1');
  return bookinfo;
}

/** Green: v2 is active, v1 is ready. */
export function green(app: App): Bookinfo {
  const bookinfo = new Bookinfo(app, 'green');
  bookinfo.reviews.activate('v2');
  return bookinfo;
}

/** v1 answers everybody, and v2 sees the same requests. */
export function mirror(app: App): Bookinfo {
  const bookinfo = new Bookinfo(app, 'mirror');
  new MirrorTarget(bookinfo, 'mirror', { from: bookinfo.reviews, fromVersion: 'v1', to: bookinfo.reviews, toVersion: 'v2' });
  return bookinfo;
}

/** The canary was good: v2 takes over. */
export function takeOver(app: App, step = 'take-over'): Bookinfo {
  const bookinfo = new Bookinfo(app, step);
  bookinfo.reviews.activate('v2');
  return bookinfo;
}

/** v1 goes: its Deployment, its subset and all routes to it. */
export function retireV1(app: App): Bookinfo {
  const bookinfo = takeOver(app, 'retire-v1');
  bookinfo.reviews.retire('v1');
  return bookinfo;
}

/** ratings gets one request at a time from each caller, and a pod that keeps failing is left alone for three minutes. */
export function circuitBreaker(app: App): Bookinfo {
  const bookinfo = new Bookinfo(app, 'circuit-breaker');
  bookinfo.reviews.activate('v2');
  new ResilientBackend(bookinfo, 'limits', {
    host: bookinfo.ratings,
    connectionPool: ConnectionPool.of({ maxConnections: 1, http1MaxPendingRequests: 1 }),
    outlierDetection: OutlierDetection.of({
      consecutive5xxErrors: 5, interval: Duration.seconds(1), baseEjectionTime: Duration.minutes(3), maxEjectionPercent: 100,
    }),
  });
  return bookinfo;
}

/** Each step is a state of the same services, and an app holds one of them: so an app for each, and a file for each in dist/. */
export const STEPS: ((app: App) => Bookinfo)[] = [canary, byContent, blue, green, mirror, (app) => takeOver(app), retireV1, circuitBreaker];

if (require.main === module) {
  for (const build of STEPS) {
    const app = new App();
    build(app);
    app.synth();
  }
}
