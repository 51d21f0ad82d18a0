import { App, Chart } from 'cdk8s';
import { MeshGateway, MeshHost, Staining } from 'cdk8s-lanes';

/** The gateway in front of a gateway application that another app deploys. */
export function gatewayInFront(app: App): Chart {
  const chart = new Chart(app, 'gateway-in-front', { namespace: 'sopei-biz' });
  const front = new MeshHost(chart, 'orange-gateway-a', { name: 'orange-gateway-a', port: 80, baseline: 'release-k3s' });

  // This app has no lanes of its own, and a private network in front of it: the lane header goes through to those who have.
  new MeshGateway(chart, 'gateway', { hosts: ['*'], portName: 'http-orange', staining: Staining.open() }).route(front);
  return chart;
}

if (require.main === module) {
  const app = new App();
  gatewayInFront(app);
  app.synth();
}
