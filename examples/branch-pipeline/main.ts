import { App, Chart, Duration } from 'cdk8s';
import { Branch, BranchDeployment, BranchRules, MeshGateway, MeshNamespace, Staining, WorkloadOptions } from 'cdk8s-lanes';
import { ImagePullPolicy, Probe } from 'cdk8s-plus-27';

/** The branches of the repository that are deployed. */
export const rules: BranchRules = { baseline: 'release', lanes: ['release-*'], ttl: Duration.days(14) };

/** What a branch of the repository owns. `images` says what its pipeline built: a lane's, the services that it changed. */
export function shop(app: App, branch: Branch, images: { [variable: string]: string | undefined }): Chart {
  const chart = new Chart(app, 'shop', { namespace: 'test-istio' });
  new MeshNamespace(chart, 'namespace');

  const template: WorkloadOptions = {
    env: { NODE_ENV: 'development' },
    imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
    liveness: Probe.fromTcpSocket(),
    readiness: Probe.fromTcpSocket(),
  };
  const testaaa = new BranchDeployment(chart, 'testaaa', { branch, port: 31000, image: images.IMAGE_TESTAAA, template });
  new BranchDeployment(chart, 'testbbb', { branch, port: 32000, image: images.IMAGE_TESTBBB, template });

  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(testaaa).previewLanesAt('*.preview.example.com');
  return chart;
}

if (require.main === module) {
  const app = new App();
  shop(app, Branch.current(rules), process.env);
  app.synth();
}
