import { laneName } from '../../src/lanes/lane-name';

/*
 * What a branch's `cdk8s synth` writes, as plain objects: the command line reads manifests, whoever wrote them.
 */

/** A branch's deployment of one service. */
export interface BranchOptions {
  readonly service: string;
  readonly namespace: string;
  readonly branch: string;
  /** @default 'shop' */
  readonly source?: string;
  readonly revision?: number;
  /** @default 'registry.example.com/<service>:<branch>' */
  readonly image?: string;
  /** Fields of the Deployment's spec. */
  readonly deployment?: object;
  readonly annotations?: Record<string, string>;
  readonly expires?: string;
}

const marks = (phase: string, { service, source = 'shop', branch, revision, annotations, expires }: BranchOptions, of?: string) => ({
  labels: {
    'cdk8s-lanes/service': service, 'cdk8s-lanes/source': source, 'cdk8s-lanes/phase': phase, ...(of ? { 'cdk8s-lanes/lane': of } : {}),
  },
  annotations: {
    'cdk8s-lanes/branch': branch, ...(revision === undefined ? {} : { 'cdk8s-lanes/revision': String(revision) }), ...(expires ? { 'cdk8s-lanes/expires': expires } : {}), ...annotations,
  },
});

function deployment(version: string, options: BranchOptions, of?: string) {
  const { service, namespace, image = `registry.example.com/${service}:${version}` } = options;
  const labels = { app: service, version };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${service}-${version}`, namespace, ...marks('workload', options, of) },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } },
      template: { metadata: { labels }, spec: { containers: [{ name: service, image, ports: [{ containerPort: 8080 }] }] } },
      ...options.deployment,
    },
  };
}

function rule(name: string, subset: string, options: BranchOptions, of?: string) {
  const { service, namespace } = options;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace, ...marks('subsets', options, of) },
    spec: { host: `${service}.${namespace}.svc.cluster.local`, subsets: [{ name: subset, labels: { version: subset } }] },
  };
}

const routeTo = (host: string, subset: string) => ({ destination: { host, subset, port: { number: 8080 } } });

/** A baseline: Service, Deployment, subset, VirtualService. */
export function baseline(options: BranchOptions & { http?: any[] }): any[] {
  const { service, namespace, branch } = options;
  const host = `${service}.${namespace}.svc.cluster.local`;
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: service, namespace, ...marks('workload', options) },
      spec: { selector: { app: service }, ports: [{ name: 'http', port: 8080 }] },
    },
    deployment(branch, options),
    rule(service, branch, options),
    woven(service, options, { hosts: [host], http: options.http ?? [{ route: [routeTo(host, branch)] }] }),
  ];
}

/** A VirtualService that lanes are woven into. */
export function woven(name: string, options: BranchOptions, spec: object, annotations: Record<string, string> = {}): any {
  const { labels, annotations: own } = marks('routes', options);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: options.namespace, labels: { ...labels, 'cdk8s-lanes/woven': 'true' }, annotations: { ...own, 'cdk8s-lanes/lane-header': 'project-version', ...annotations } },
    spec,
  };
}

/** The gateway's VirtualService of a service, whose preview hosts lanes get. */
export function entry(options: BranchOptions): any[] {
  const { service, namespace, branch } = options;
  return [
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'gateway', namespace, ...marks('routes', options) },
      spec: { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['shop.example.com', '*.preview.example.com'] }] },
    },
    woven('gateway-shop', options, {
      hosts: ['shop.example.com'],
      gateways: ['gateway'],
      http: [{ route: [routeTo(`${service}.${namespace}.svc.cluster.local`, branch)] }],
    }, { 'cdk8s-lanes/preview-hosts': '*.preview.example.com' }),
  ];
}

/** A lane: Deployment and subset. */
export function lane(options: BranchOptions): any[] {
  const name = laneName(options.branch);
  return [deployment(name, options, name), rule(`${options.service}-${name}`, name, options, name)];
}
