import { App, Chart } from 'cdk8s';
import { DeploymentStrategy, ImagePullPolicy, Probe } from 'cdk8s-plus-27';
import { CanaryService, MeshGateway, MeshNamespace, StainedRoute, Staining, WorkloadOptions } from 'cdk8s-lanes';

const REGISTRY = 'registry.example.com/release';

/** Two services, their baseline `release`, and three branches that changed one or both of them. */
export function branchEnvironments(app: App): Chart {
  const chart = new Chart(app, 'branch-environments', { namespace: 'test-istio' });
  new MeshNamespace(chart, 'namespace');

  const template: WorkloadOptions = {
    replicas: 1,
    strategy: DeploymentStrategy.recreate(),
    env: { NODE_ENV: 'development' },
    imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
    liveness: Probe.fromTcpSocket(),
    readiness: Probe.fromTcpSocket(),
  };
  const testaaa = new CanaryService(chart, 'testaaa', {
    port: 31000, template, baseline: { version: 'release', image: `${REGISTRY}/testaaa:v118` },
  });
  const testbbb = new CanaryService(chart, 'testbbb', {
    port: 32000, template, baseline: { version: 'release', image: `${REGISTRY}/testbbb:v97` },
  });
  testaaa.calls(testbbb);
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa);

  const lanes = new StainedRoute(chart, 'lanes', { header: 'project-version' });
  const v1 = lanes.addLane('release-v1');
  v1.serve(testaaa, { image: `${REGISTRY}/testaaa:v121` });
  v1.serve(testbbb, { image: `${REGISTRY}/testbbb:v104` });
  lanes.addLane('release-v2').serve(testaaa, { image: `${REGISTRY}/testaaa:v125` });
  lanes.addLane('release-v3').serve(testbbb, { image: `${REGISTRY}/testbbb:v109` });
  return chart;
}

if (require.main === module) {
  const app = new App();
  branchEnvironments(app);
  app.synth();
}
