import { olderThan } from './check-up';
import { AUTOSCALER, Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest } from './cluster';
import { CommandFailed, ExitCode, isClusterError } from './failures';
import { isNewer, nameOf } from './marks';
import { Session } from './session';
import { namespaceOf, objectName } from '../lanes/hosts';

/** Kinds that a newer pipeline's are protected from an older one's. */
const GUARDED = [DEPLOYMENT, DESTINATION_RULE];
const ATTEMPTS = 20;

/** Options of `applyGuarded`. */
export interface GuardedApply {
  readonly manager: string;
  readonly allowOlder?: boolean;
  /** What was there when it was last read. */
  readonly known: Manifest[];
}

/**
 * Server-side apply that does not go back: a Deployment or DestinationRule is replaced only as it was when its revision was
 * looked at.
 */
export async function applyGuarded(cluster: Cluster, session: Session, manifests: Manifest[], options: GuardedApply): Promise<void> {
  const { manager, allowOlder, known } = options;
  if (manifests.length === 0) return;
  const scaled = await autoscaled(cluster, manifests, known);
  for (let attempt = 1, standing = known; ; attempt++) {
    const prepared = manifests.map((manifest) => {
      const live = standing.find((each) => each.kind === manifest.kind && objectName(each) === objectName(manifest));
      if (live && !allowOlder && isNewer(live, manifest)) throw new CommandFailed(ExitCode.OVERTAKEN, olderThan(live, manifest));
      return live ? asSuccessor(manifest, live, scaled) : manifest;
    });
    try {
      await cluster.apply(prepared, { manager });
      return;
    } catch (error) {
      if (isClusterError(error, 'owned')) throw new CommandFailed(ExitCode.REFUSED, `${error.message}\n${wayOut(manager)}`);
      if (!isClusterError(error, 'conflict', 'not found') || attempt === ATTEMPTS) throw error;
      await session.sleep(0.05 + Math.random() * 0.2);
      standing = await readGuarded(cluster, manifests);
    }
  }
}

function wayOut(manager: string): string {
  return 'Somebody else wrote these fields, and what they said is not taken from them: leave the fields out of the manifests, or, if they are to be this branch\'s, '
    + `hand them over once by kubectl apply --server-side --force-conflicts --field-manager=${manager}`;
}

async function readGuarded(cluster: Cluster, manifests: Manifest[]): Promise<Manifest[]> {
  const wanted = manifests.flatMap((manifest) => GUARDED.filter(({ kind }) => kind === manifest.kind).map((kind) => ({ kind, manifest })));
  const found = await Promise.all(wanted.map(({ kind, manifest }) => cluster.read(kind, namespaceOf(manifest), manifest.metadata.name)));
  return found.filter((each): each is Manifest => each !== undefined);
}

/** A Deployment whose replicas an autoscaler decides keeps those that it has. */
function asSuccessor(manifest: Manifest, live: Manifest, scaled: Set<string>): Manifest {
  const { resourceVersion } = live.metadata;
  const replicas = scaled.has(nameOf(manifest)) && manifest.spec?.replicas !== undefined ? { replicas: live.spec.replicas } : {};
  return { ...manifest, metadata: { ...manifest.metadata, resourceVersion }, ...(manifest.spec ? { spec: { ...manifest.spec, ...replicas } } : {}) };
}

/** The Deployments that are there and say replicas although an autoscaler, of the manifests or the cluster, owns them. */
async function autoscaled(cluster: Cluster, manifests: Manifest[], known: Manifest[]): Promise<Set<string>> {
  const candidates = manifests.filter((each) => each.kind === 'Deployment' && each.spec?.replicas !== undefined
    && known.some((live) => live.kind === each.kind && objectName(live) === objectName(each)));
  if (candidates.length === 0) return new Set();
  const scalers = [...manifests.filter(({ kind }) => kind === AUTOSCALER.kind), ...await listScalers(cluster)];
  const targets = new Set(scalers.filter(({ spec }) => spec?.scaleTargetRef?.kind === 'Deployment').map((each) => `${namespaceOf(each)}/${each.spec.scaleTargetRef.name}`));
  return new Set(candidates.filter((each) => targets.has(objectName(each))).map(nameOf));
}

async function listScalers(cluster: Cluster): Promise<Manifest[]> {
  try {
    return await cluster.list(AUTOSCALER);
  } catch (error) {
    // Who may not see autoscalers is not expected to have any.
    if (isClusterError(error, 'forbidden', 'invalid', 'not found')) return [];
    throw error;
  }
}
