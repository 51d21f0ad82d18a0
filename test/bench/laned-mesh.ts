/** A mesh of services that all have all lanes, with a gateway in front: for each service its Service, routes, subsets and Deployments. */
export function lanedMesh(services: number, lanes: number): object[] {
  const versions = ['main', ...Array.from({ length: lanes }, (_, lane) => `lane-${lane}`)];
  const gateway = object('networking.istio.io/v1', 'Gateway', 'edge', {
    selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*.example.com'] }],
  });
  return [gateway, ...Array.from({ length: services }, (_, index) => service(`service-${index}`, versions)).flat()];
}

function service(name: string, versions: readonly string[]): object[] {
  const to = (subset: string) => [{ destination: { host: `${name}.shop.svc.cluster.local`, subset, port: { number: 80 } } }];
  const [baseline, ...lanes] = versions;
  const http = [
    ...lanes.map((lane) => ({ name: `lane/${lane}`, match: [{ headers: { 'project-version': { exact: lane } } }], route: to(lane) })),
    { route: to(baseline) },
  ];
  return [
    object('v1', 'Service', name, { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }),
    object('networking.istio.io/v1', 'VirtualService', name, { hosts: [`${name}.shop.svc.cluster.local`, `${name}.example.com`], gateways: ['mesh', 'edge'], http }),
    object('networking.istio.io/v1', 'DestinationRule', name, { host: name, subsets: versions.map((version) => ({ name: version, labels: { version } })) }),
    ...versions.map((version) => deployment(name, version)),
  ];
}

function deployment(app: string, version: string): object {
  const labels = { app, version };
  const probe = { tcpSocket: { port: 8080 } };
  const containers = [{ name: app, image: `registry.example.com/${app}:${version}`, ports: [{ containerPort: 8080 }], livenessProbe: probe, readinessProbe: probe }];
  return object('apps/v1', 'Deployment', `${app}-${version}`, { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } });
}

function object(apiVersion: string, kind: string, name: string, spec: object): object {
  return { apiVersion, kind, metadata: { name, namespace: 'shop' }, spec };
}
