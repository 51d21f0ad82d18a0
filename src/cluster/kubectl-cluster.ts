import { ApplyOptions, Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest, ResourceKind, VIRTUAL_SERVICE } from './cluster';
import { ClusterError, isClusterError } from './failures';
import { Kubectl } from './kubectl';

/** What the marks and routes are written as. */
export const FIELD_MANAGER = 'cdk8s-lanes';

/** Under which names the API server knows kinds; it is asked for others. */
const PLURALS = new Map([DEPLOYMENT, DESTINATION_RULE, VIRTUAL_SERVICE].map((kind) => [key(kind), `${kind.kind.toLowerCase()}s`]));

/**
 * A cluster as kubectl reaches it.
 *
 * Objects are read and written by `--raw`: `kubectl replace -f` would copy the object, resourceVersion included, into the annotation
 * that the user's own `kubectl apply` compares with, and break every later one.
 */
export class KubectlCluster implements Cluster {
  private readonly plurals = new Map(PLURALS);

  /** @param namespaces the ones that lists look at; all of them if there is none */
  constructor(private readonly kubectl: Kubectl, private readonly namespaces: readonly string[] = []) {}

  public async list(kind: ResourceKind, selector?: string): Promise<Manifest[]> {
    const plural = await this.plural(kind);
    const query = selector ? `?labelSelector=${encodeURIComponent(selector)}` : '';
    const paths = this.namespaces.length === 0 ? [`${base(kind)}/${plural}`] : this.namespaces.map((each) => `${base(kind)}/namespaces/${each}/${plural}`);
    const lists = await Promise.all(paths.map((path) => this.get(`${path}${query}`)));
    // The items of a list do not say what they are.
    return lists.flatMap(({ items }) => items.map((item: Manifest) => ({ ...kind, ...item })));
  }

  public async read(kind: ResourceKind, namespace: string, name: string): Promise<Manifest | undefined> {
    try {
      return await this.get(await this.path(kind, namespace, name));
    } catch (error) {
      if (isClusterError(error, 'not found')) return undefined;
      throw error;
    }
  }

  public async create(manifest: Manifest): Promise<Manifest> {
    const { apiVersion, kind, metadata } = manifest;
    const path = `${base(manifest as ResourceKind)}/namespaces/${metadata.namespace}/${await this.plural({ apiVersion, kind })}`;
    return this.write(['create', '--raw', `${path}?fieldManager=${FIELD_MANAGER}`, '-f', '-'], manifest);
  }

  public async replace(manifest: Manifest): Promise<Manifest> {
    const path = await this.path(manifest as ResourceKind, manifest.metadata.namespace, manifest.metadata.name);
    return this.write(['replace', '--raw', `${path}?fieldManager=${FIELD_MANAGER}`, '-f', '-'], manifest);
  }

  public async remove(manifest: Manifest): Promise<void> {
    const { namespace, name, uid, resourceVersion } = manifest.metadata;
    const path = await this.path(manifest as ResourceKind, namespace, name);
    await this.write(['delete', '--raw', path, '-f', '-'], {
      apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid, resourceVersion },
    });
  }

  public async apply(manifests: Manifest[], { manager, dryRun }: ApplyOptions): Promise<Manifest[]> {
    const args = ['apply', '--server-side', `--field-manager=${manager}`, ...(dryRun ? ['--dry-run=server'] : []), '-o', 'json', '-f', '-'];
    const applied = JSON.parse(await this.kubectl.run(args, { input: listOf(manifests), writes: !dryRun, timeoutSeconds: 180 }));
    return applied.kind === 'List' ? applied.items : [applied];
  }

  public async diff(manifests: Manifest[], { manager, force }: { manager: string; force: boolean }): Promise<string> {
    const args = ['diff', '--server-side', `--field-manager=${manager}`, ...(force ? ['--force-conflicts'] : []), '-f', '-'];
    return this.kubectl.run(args, { input: listOf(manifests), fine: [0, 1] });
  }

  public async rollout(deployment: Manifest, timeoutSeconds: number, progress: (line: string) => void): Promise<void> {
    const { namespace, name } = deployment.metadata;
    const args = ['rollout', 'status', `deployment/${name}`, '-n', namespace, `--timeout=${timeoutSeconds}s`];
    await this.kubectl.run(args, { onLine: progress, timeoutSeconds: timeoutSeconds + 30 });
  }

  private async get(path: string): Promise<any> {
    return JSON.parse(await this.kubectl.run(['get', '--raw', path]));
  }

  private async write(args: string[], manifest: Manifest): Promise<any> {
    const { managedFields, ...metadata } = manifest.metadata ?? {};
    const body = manifest.metadata ? { ...manifest, metadata } : manifest;
    return JSON.parse(await this.kubectl.run(args, { input: JSON.stringify(body), writes: true }));
  }

  private async path(kind: ResourceKind, namespace: string, name: string): Promise<string> {
    return `${base(kind)}/namespaces/${namespace}/${await this.plural(kind)}/${name}`;
  }

  private async plural({ apiVersion, kind }: ResourceKind): Promise<string> {
    const known = this.plurals.get(key({ apiVersion, kind }));
    if (known) return known;
    const { resources } = await this.get(base({ apiVersion, kind }));
    const found = resources.find((each: any) => each.kind === kind && !each.name.includes('/'));
    if (!found) throw new ClusterError('invalid', `the cluster has no kind ${kind} in ${apiVersion}`);
    this.plurals.set(key({ apiVersion, kind }), found.name);
    return found.name;
  }
}

function key({ apiVersion, kind }: ResourceKind): string {
  return `${apiVersion}/${kind}`;
}

function base({ apiVersion }: ResourceKind): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function listOf(manifests: Manifest[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
}
