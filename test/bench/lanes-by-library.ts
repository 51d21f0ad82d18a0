import { App, Chart } from 'cdk8s';
import { ImagePullPolicy, Probe } from 'cdk8s-plus-27';
import { LANES, SERVICES } from './workload';
import { CanaryService, MeshGateway, StainedRoute, Staining } from '../../src';

/** Every service with a baseline and a version for every lane, the first behind a gateway. */
export function lanesByLibrary(app: App): void {
  const chart = new Chart(app, 'bench', { namespace: 'bench' });
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() });
  const stain = new StainedRoute(chart, 'lanes');
  const lanes = LANES.map((lane) => stain.addLane(lane));
  for (const name of SERVICES) {
    const service = new CanaryService(chart, name, {
      port: 8080,
      baseline: { version: 'release', image: `registry.example.com/${name}:release` },
      template: {
        replicas: 1,
        env: { NODE_ENV: 'development' },
        imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
        liveness: Probe.fromTcpSocket(),
        readiness: Probe.fromTcpSocket(),
      },
    });
    if (name === SERVICES[0]) gateway.route(service);
    for (const lane of lanes) lane.serve(service, { image: `registry.example.com/${name}:${lane.name}` });
  }
}
