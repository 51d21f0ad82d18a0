import { Mesh, type MeshOptions, type MeshRequest, type Outcome } from '../mesh';

/** Fields of a manifest. */
export type Spec = Readonly<Record<string, unknown>>;

/** A manifest as a plain object. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly spec?: Spec;
}

/** Makes a builder for one kind: `virtualService('shop/reviews', spec)`. */
function builder(apiVersion: string, kind: string) {
  return (id: string, spec: Spec, metadata: Spec = {}): Manifest => {
    const [home, name] = id.split('/');
    return { apiVersion, kind, metadata: { namespace: home, name, ...metadata }, spec };
  };
}

export const virtualService = builder('networking.istio.io/v1', 'VirtualService');
export const destinationRule = builder('networking.istio.io/v1', 'DestinationRule');
export const gateway = builder('networking.istio.io/v1', 'Gateway');
export const serviceEntry = builder('networking.istio.io/v1', 'ServiceEntry');
export const sidecar = builder('networking.istio.io/v1', 'Sidecar');
export const envoyFilter = builder('networking.istio.io/v1alpha3', 'EnvoyFilter');
export const authorizationPolicy = builder('security.istio.io/v1', 'AuthorizationPolicy');
export const peerAuthentication = builder('security.istio.io/v1', 'PeerAuthentication');
export const telemetry = builder('telemetry.istio.io/v1', 'Telemetry');
export const service = builder('v1', 'Service');

const workload = builder('apps/v1', 'Deployment');

/** A namespace whose pods get sidecars, unless told otherwise. */
export function namespace(name: string, sidecars = true): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: sidecars ? { 'istio-injection': 'enabled' } : {} } };
}

export interface DeploymentOptions {
  readonly replicas?: number;
  /** Where the application listens; by default wherever its Services send requests. */
  readonly port?: number;
}

export function deployment(id: string, labels: Record<string, string>, options: DeploymentOptions = {}): Manifest {
  const ports = options.port === undefined ? undefined : [{ containerPort: options.port }];
  return workload(id, {
    replicas: options.replicas ?? 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:1', ports }] } },
  });
}

/** The ports of a Service that most claims need: plain HTTP on port 80. */
export const http80 = [{ name: 'http', port: 80, targetPort: 8080 }];

/** A Service and a Deployment for each version, `reviews-v1` and so on; without versions one Deployment, `reviews`. */
export function app(id: string, versions: readonly string[] = [], ports: readonly Spec[] = http80): Manifest[] {
  const name = id.split('/')[1];
  const deployments = versions.map((version) => deployment(`${id}-${version}`, { app: name, version }));
  return [
    service(id, { selector: { app: name }, ports }),
    ...deployments.length > 0 ? deployments : [deployment(id, { app: name })],
  ];
}

/** A DestinationRule with a subset for each version. */
export function subsets(id: string, ...versions: string[]): Manifest {
  return destinationRule(id, { host: id.split('/')[1], subsets: versions.map(subset) });
}

export function subset(version: string): Spec {
  return { name: version, labels: { version } };
}

/** A destination for `route`. */
export function to(host: string, version?: string, weight?: number): Spec {
  return { destination: version === undefined ? { host } : { host, subset: version }, ...weight === undefined ? {} : { weight } };
}

/** `metadata` of an object that was created in that year; those without are of the year 2026. */
export function createdIn(year: number): Spec {
  return { creationTimestamp: `${year}-01-01T00:00:00Z` };
}

/**
 * One mesh for the claims of a file, started before its tests and stopped after them. Each claim adds its manifests where
 * it is described, in a namespace of its own.
 */
export class MeshOfClaims {
  private readonly manifests: Manifest[] = [];
  private mesh?: Mesh;

  constructor(options: MeshOptions = {}) {
    beforeAll(async () => {
      this.mesh = await Mesh.start([...this.namespaces(), ...this.manifests], options);
    });
    afterAll(() => this.mesh?.stop());
  }

  /** The mesh, once it runs. */
  get running(): Mesh {
    if (this.mesh === undefined) { throw new Error('the mesh runs only during tests'); }
    return this.mesh;
  }

  has(...manifests: Manifest[]): void {
    this.manifests.push(...manifests);
  }

  send(request: MeshRequest): Promise<Outcome> {
    return this.running.send(request);
  }

  /** Namespaces that no claim describes. */
  private namespaces(): Manifest[] {
    const described = this.manifests.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
    const used = this.manifests.flatMap(({ metadata }) => metadata.namespace === undefined ? [] : [metadata.namespace]);
    return [...new Set(used)].filter((name) => !described.includes(name)).map((name) => namespace(name));
  }
}

/**
 * Mesh options that keep a claim's objects to its namespace, as if every claim had a mesh of its own: the clients of one
 * claim then do not see the services of all others.
 */
export const claimsApart: MeshOptions = {
  meshConfig: { defaultServiceExportTo: ['.'], defaultVirtualServiceExportTo: ['.'], defaultDestinationRuleExportTo: ['.'] },
};

/** The same manifests, seen by the whole mesh: what a gateway routes to, or another namespace calls, is not of one claim alone. */
export function exported(...manifests: Manifest[]): Manifest[] {
  return manifests.map((manifest) => {
    switch (manifest.kind) {
      case 'Service': return { ...manifest, metadata: { ...manifest.metadata, annotations: { 'networking.istio.io/exportTo': '*' } } };
      case 'VirtualService':
      case 'DestinationRule': return { ...manifest, spec: { ...manifest.spec, exportTo: ['*'] } };
      default: return manifest;
    }
  });
}

/** Expects the workloads (or failures such as `503 NC`) that answered, within 4.5 standard deviations of these shares. */
export function expectShares(outcome: Pick<Outcome, 'distribution'>, shares: Record<string, number>): void {
  const answers = new Map(Object.entries(outcome.distribution));
  const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
  const strays = [...new Set([...answers.keys(), ...Object.keys(shares)])].filter((name) => {
    const share = shares[name] ?? 0;
    return Math.abs((answers.get(name) ?? 0) - total * share) > 4.5 * Math.sqrt(total * share * (1 - share));
  });
  expect(strays.map((name) => `${name}: ${answers.get(name) ?? 0} of ${total}, not a share of ${shares[name] ?? 0}`)).toEqual([]);
}
