import { ApiObject, App, Chart } from 'cdk8s';
import { Deployment, EnvValue, ImagePullPolicy, LabelSelector, Probe } from 'cdk8s-plus-27';
import { LANES, SERVICES } from './workload';

const NAMESPACE = 'bench';

/** The objects of `lanesByLibrary`, written as one would without the library. */
export function lanesByHand(app: App): void {
  const chart = new Chart(app, 'bench', { namespace: NAMESPACE });
  new ApiObject(chart, 'gateway', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'gateway' },
    spec: { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] },
  });
  for (const service of SERVICES) {
    const host = `${service}.${NAMESPACE}.svc.cluster.local`;
    new ApiObject(chart, `${service}-service`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: service },
      spec: { selector: { app: service }, ports: [{ port: 8080, targetPort: 8080, appProtocol: 'http' }] },
    });
    for (const version of ['release', ...LANES]) deployment(chart, service, version);
    new ApiObject(chart, `${service}-destination-rule`, {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: service },
      spec: { host, subsets: ['release', ...LANES].map((version) => ({ name: version, labels: { version } })) },
    });
    const rules = [...LANES.map((lane) => laneRule(host, lane)), { route: [destination(host, 'release')] }];
    virtualService(chart, service, { hosts: [host], http: rules });
    if (service === SERVICES[0]) virtualService(chart, 'gateway-any-host', { hosts: ['*'], gateways: ['gateway'], http: rules });
  }
}

function deployment(chart: Chart, service: string, version: string): void {
  const labels = { app: service, version };
  const workload = new Deployment(chart, `${service}-${version}`, {
    metadata: { name: `${service}-${version}` },
    podMetadata: { labels, annotations: { 'sidecar.istio.io/inject': 'true' } },
    select: false,
    replicas: 1,
    containers: [{
      name: service,
      image: `registry.example.com/${service}:${version}`,
      portNumber: 8080,
      imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
      envVariables: { NODE_ENV: EnvValue.fromValue('development'), PROJECT_VERSION: EnvValue.fromValue(version) },
      liveness: Probe.fromTcpSocket(),
      readiness: Probe.fromTcpSocket(),
      resources: {},
    }],
  });
  workload.select(LabelSelector.of({ labels }));
}

function virtualService(chart: Chart, name: string, spec: any): void {
  new ApiObject(chart, `${name}-virtual-service`, { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name }, spec });
}

function laneRule(host: string, lane: string): any {
  return {
    name: `lane/${lane}`,
    match: [{ headers: { 'project-version': { exact: lane } } }],
    route: [{ ...destination(host, lane), headers: { response: { set: { 'x-served-lane': lane } } } }],
  };
}

function destination(host: string, subset: string): any {
  return { destination: { host, subset, port: { number: 8080 } } };
}
