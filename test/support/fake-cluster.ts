import { Cluster, Manifest, ResourceKind } from '../../src/cluster/cluster';
import { ClusterError } from '../../src/cluster/failures';
import { Session } from '../../src/cluster/session';
import { cloneJson } from '../../src/json';

/** A call that a test may hold up. */
export interface Call {
  readonly verb: 'list' | 'read' | 'create' | 'replace' | 'remove' | 'apply' | 'rollout';
  readonly kind: string;
  readonly name?: string;
}

/** What the API server does with objects: versions, conflicts, preconditions. Shared by the clusters of several processes. */
export class FakeServer {
  private readonly objects = new Map<string, Manifest>();
  private version = 0;

  /** Looks at every state that the server goes through. */
  constructor(private readonly onChange: (server: FakeServer) => void = () => {}) {}

  public all(kind: string): Manifest[] {
    return [...this.objects.values()].filter((each) => each.kind === kind).map(cloneJson)
      .sort((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
  }

  public get(kind: string, namespace: string, name: string): Manifest | undefined {
    return cloneJson(this.objects.get(`${kind}/${namespace}/${name}`));
  }

  /** Writes an object, as somebody else would, whatever was there. */
  public put(manifest: Manifest): Manifest {
    const { kind, metadata: { namespace, name } } = manifest;
    const key = `${kind}/${namespace}/${name}`;
    const before = this.objects.get(key);
    // A write that changes nothing keeps the version.
    const bare = (each: Manifest) => JSON.stringify({ ...each, metadata: { ...each.metadata, resourceVersion: undefined } });
    const uid = before?.metadata.uid ?? `uid-${++this.version}`;
    const next = cloneJson({ ...manifest, metadata: { creationTimestamp: '2026-01-01T00:00:00Z', ...manifest.metadata, uid } });
    if (before && bare(before) === bare(next)) return cloneJson(before);
    next.metadata.resourceVersion = String(++this.version);
    this.objects.set(key, next);
    this.onChange(this);
    return cloneJson(next);
  }

  public delete(kind: string, namespace: string, name: string): void {
    this.objects.delete(`${kind}/${namespace}/${name}`);
    this.onChange(this);
  }
}

/** One process's view of the server. `before` runs before each of its calls: there a test lets others have their turn. */
export class FakeCluster implements Cluster {
  constructor(public readonly server: FakeServer, private readonly before: (call: Call) => Promise<void> | void = () => {}) {}

  public async list(kind: ResourceKind, selector?: string): Promise<Manifest[]> {
    await this.before({ verb: 'list', kind: kind.kind });
    return this.server.all(kind.kind).filter(({ metadata }) => (selector ?? '').split(',').filter((term) => term !== '').every((term) => {
      const [key, value] = term.split('=');
      return value === undefined ? metadata.labels?.[key] !== undefined : metadata.labels?.[key] === value;
    }));
  }

  public async read(kind: ResourceKind, namespace: string, name: string): Promise<Manifest | undefined> {
    await this.before({ verb: 'read', kind: kind.kind, name });
    return this.server.get(kind.kind, namespace, name);
  }

  public async create(manifest: Manifest): Promise<Manifest> {
    await this.before({ verb: 'create', kind: manifest.kind, name: manifest.metadata.name });
    if (this.server.get(manifest.kind, manifest.metadata.namespace, manifest.metadata.name)) throw new ClusterError('exists', `${manifest.metadata.name} exists`);
    return this.server.put(manifest);
  }

  public async replace(manifest: Manifest): Promise<Manifest> {
    await this.before({ verb: 'replace', kind: manifest.kind, name: manifest.metadata.name });
    this.demandVersion(manifest);
    return this.server.put(manifest);
  }

  public async remove(manifest: Manifest): Promise<void> {
    await this.before({ verb: 'remove', kind: manifest.kind, name: manifest.metadata.name });
    this.demandVersion(manifest);
    this.server.delete(manifest.kind, manifest.metadata.namespace, manifest.metadata.name);
  }

  /** Marks that others put on an object stay, as they are not this manager's. */
  public async apply(manifests: Manifest[], { dryRun = false }: { dryRun?: boolean }): Promise<Manifest[]> {
    const applied: Manifest[] = [];
    for (const manifest of manifests) {
      await this.before({ verb: 'apply', kind: manifest.kind, name: manifest.metadata.name });
      if (manifest.metadata.resourceVersion !== undefined) this.demandVersion(manifest);
      const live = this.server.get(manifest.kind, manifest.metadata.namespace, manifest.metadata.name);
      const metadata = {
        ...live?.metadata,
        ...manifest.metadata,
        labels: { ...live?.metadata.labels, ...manifest.metadata.labels },
        annotations: { ...live?.metadata.annotations, ...manifest.metadata.annotations },
      };
      applied.push(dryRun ? { ...live, ...manifest, metadata } : this.server.put({ ...live, ...manifest, metadata }));
    }
    return applied;
  }

  public async diff(): Promise<string> {
    return '';
  }

  public async rollout(deployment: Manifest): Promise<void> {
    await this.before({ verb: 'rollout', kind: 'Deployment', name: deployment.metadata.name });
    const live = this.server.get('Deployment', deployment.metadata.namespace, deployment.metadata.name);
    if (!live) throw new ClusterError('not found', `${deployment.metadata.name} not found`);
    if (JSON.stringify(live.spec.template).includes(':missing')) throw new ClusterError('timeout', 'timed out waiting for the condition');
    this.server.put({ ...live, status: { readyReplicas: live.spec.replicas ?? 1 } });
  }

  private demandVersion({ kind, metadata: { namespace, name, resourceVersion, uid } }: Manifest): void {
    const live = this.server.get(kind, namespace, name);
    if (!live) throw new ClusterError('not found', `${name} not found`);
    if (live.metadata.resourceVersion !== resourceVersion || (uid !== undefined && live.metadata.uid !== uid)) throw new ClusterError('conflict', `${name} has been modified`);
  }
}

/** A session that waits for nothing and keeps what it is told. */
export function quietSession(now = new Date('2026-02-01T00:00:00Z')): Session & { said: string[]; warnings: string[] } {
  const said: string[] = [];
  const warnings: string[] = [];
  const [say, warn] = [said, warnings].map((list) => (text: string) => void list.push(text));
  return { said, warnings, say, warn, now: () => now, sleep: async () => {}, check: () => {} };
}
