import { App, Chart, Duration } from 'cdk8s';
import { ImagePullPolicy, Probe } from 'cdk8s-plus-27';
import { CanaryService, Destination, MeshNamespace, WorkloadOptions } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/tutorial';

/** How many pods each version of recommendation has. */
export interface Pods {
  readonly v1?: number;
  readonly v2?: number;
}

/** customer → preference → recommendation, which has two versions: everybody meets v1 until a case says otherwise. */
export class Tutorial extends Chart {
  public readonly customer: CanaryService;
  public readonly preference: CanaryService;
  public readonly recommendation: CanaryService;

  constructor(app: App, name: string, { v1 = 1, v2 = 1 }: Pods = {}) {
    super(app, name, { namespace: 'tutorial' });
    new MeshNamespace(this, 'namespace');

    const probe = Probe.fromHttpGet('/', { initialDelaySeconds: Duration.seconds(20) });
    const template: WorkloadOptions = { liveness: probe, readiness: probe };
    const service = (id: string, replicas = 1) => new CanaryService(this, id, {
      port: 8080, template, baseline: { version: 'v1', image: `${REGISTRY}/${id}:v1`, replicas },
    });
    this.customer = service('customer');
    this.preference = service('preference');
    this.recommendation = service('recommendation', v1);
    // v2 is built again and again under one tag.
    this.recommendation.addVersion('v2', { image: `${REGISTRY}/recommendation:v2`, imagePullPolicy: ImagePullPolicy.ALWAYS, replicas: v2 });
    this.customer.calls(this.preference);
    this.preference.calls(this.recommendation);
  }

  /** Requests meet any pod of recommendation, whatever its version: what Kubernetes does where no rule says otherwise. */
  public meetAnyPod(): void {
    this.recommendation.host.routeDefault([Destination.of(this.recommendation)]);
  }
}
