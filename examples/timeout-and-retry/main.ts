import { App, Chart, Duration } from 'cdk8s';
import { CanaryService, Destination, MeshNamespace, ResilientBackend, RetryOn, RetryPolicy, ServiceType } from 'cdk8s-lanes';

/** One service without versions, and a rule for it that says nothing yet. */
class FlaskDemo extends Chart {
  public readonly flask: CanaryService;

  constructor(app: App, step: string) {
    super(app, step, { namespace: 'flask-demo' });
    new MeshNamespace(this, 'namespace');
    this.flask = new CanaryService(this, 'flask-demo', {
      port: 5000,
      serviceType: ServiceType.NODE_PORT,
      virtualServiceName: 'flask-demo-vs',
      baseline: { image: 'registry.example.com/flask-demo:1.0' },
    });
    this.flask.host.routeDefault([Destination.of(this.flask)]);
  }
}

/** Requests go to the service, as they would without the rule. */
export function bareRoute(app: App): Chart {
  return new FlaskDemo(app, 'bare-route');
}

/** Who waits for an answer waits a second at most. */
export function timeout(app: App): Chart {
  const chart = new FlaskDemo(app, 'timeout');
  new ResilientBackend(chart, 'patience', { host: chart.flask, timeout: Duration.seconds(1) });
  return chart;
}

/** What fails is tried again, three times at most. */
export function retries(app: App): Chart {
  const chart = new FlaskDemo(app, 'retries');
  new ResilientBackend(chart, 'persistence', {
    host: chart.flask,
    retries: RetryPolicy.of({ attempts: 3, perTryTimeout: Duration.seconds(1), retryOn: [RetryOn.SERVER_ERROR] }),
  });
  return chart;
}

if (require.main === module) {
  // The steps are states of one service, and an app holds one of them: so an app for each, and a file for each in dist/.
  for (const step of [bareRoute, timeout, retries]) {
    const app = new App();
    step(app);
    app.synth();
  }
}
