/** An object as it stands in a manifest or comes from a cluster. */
export type Manifest = Record<string, any>;

/** A kind of object. */
export interface ResourceKind {
  readonly apiVersion: string;
  readonly kind: string;
}

export const DEPLOYMENT: ResourceKind = { apiVersion: 'apps/v1', kind: 'Deployment' };
export const DESTINATION_RULE: ResourceKind = { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule' };
export const VIRTUAL_SERVICE: ResourceKind = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' };
export const SERVICE_ENTRY: ResourceKind = { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry' };
export const AUTOSCALER: ResourceKind = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
export const POD: ResourceKind = { apiVersion: 'v1', kind: 'Pod' };

/** Options of `Cluster.apply`. */
export interface ApplyOptions {
  /** Who owns the fields: another one for each lane, so that one cannot change what another said. */
  readonly manager: string;
  /**
   * Ask what would become of the objects, and change nothing.
   * @default false
   */
  readonly dryRun?: boolean;
}

/**
 * What the commands need of a cluster. Every answer other than success is a `ClusterError`. Reads see the newest state, which the
 * guarantees of `converge` rest on: no caches.
 */
export interface Cluster {
  /** The objects of a kind, in the namespaces that are looked at. */
  list(kind: ResourceKind, selector?: string): Promise<Manifest[]>;
  /** One object, or `undefined` where there is none. */
  read(kind: ResourceKind, namespace: string, name: string): Promise<Manifest | undefined>;
  /** Makes an object; 'exists' where there is one. */
  create(manifest: Manifest): Promise<Manifest>;
  /** Writes an object as a whole if it still has the `resourceVersion` given; 'conflict' otherwise. */
  replace(manifest: Manifest): Promise<Manifest>;
  /** Deletes an object if it still is the one given, by `uid` and `resourceVersion`; 'conflict' otherwise. */
  remove(manifest: Manifest): Promise<void>;
  /** Server-side apply, without forcing; 'owned' where another manager says otherwise. Returns the objects as they are then. */
  apply(manifests: Manifest[], options: ApplyOptions): Promise<Manifest[]>;
  /** What `apply` would change, as text; empty for nothing. */
  diff(manifests: Manifest[], options: { manager: string; force: boolean }): Promise<string>;
  /** Waits until a Deployment has rolled out; 'timeout' if it does not within that time. */
  rollout(deployment: Manifest, timeoutSeconds: number, progress: (line: string) => void): Promise<void>;
}
