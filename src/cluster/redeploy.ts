import { isDeepStrictEqual } from 'util';
import { Cluster, Manifest } from './cluster';

/** Whether a redeploy may take all pods away before new ones are ready. */
export function stopsPods({ spec }: Manifest): boolean {
  if (spec?.replicas === 0 || spec?.strategy?.type === 'Recreate') return true;
  const replicas = spec?.replicas ?? 1;
  const { maxUnavailable = '25%' } = spec?.strategy?.rollingUpdate ?? {};
  return unavailable(maxUnavailable, replicas) >= replicas;
}

/** Percentages are rounded down, and if that leaves nothing to move, Kubernetes takes one away only where `maxSurge` is 0 too. */
function unavailable(said: string | number, replicas: number): number {
  return typeof said === 'number' ? said : Math.floor((Number.parseFloat(said) / 100) * replicas);
}

/** Whether applying the manifest would replace the pods, as the API server sees it. */
export async function templateChanges(cluster: Cluster, manifest: Manifest, live: Manifest, manager: string): Promise<boolean> {
  const [future] = await cluster.apply([manifest], { manager, dryRun: true });
  return !isDeepStrictEqual(future.spec?.template, live.spec?.template);
}
