import { Cluster, DEPLOYMENT, Manifest } from './cluster';
import { isClusterError } from './failures';
import { annotation, LEAVING_ANNOTATION, marked, runOf } from './marks';
import { namespaceOf } from '../lanes/hosts';
import { ROUTABLE_LABEL } from '../lanes/ownership';

/** What became of an attempt to change a mark. `theirs` is the Deployment of the run that counts now. */
export type Marking = { readonly done: true; readonly deployment: Manifest } | { readonly done: false; readonly theirs?: Manifest };

/**
 * Changes the mark of a lane's Deployment, as long as it is the one that `run` brought. The controllers write its status all the
 * time, so it is read again until nobody was faster.
 */
async function mark(
  cluster: Cluster, deployment: Manifest, run: string | undefined, change: (live: Manifest) => Manifest | undefined,
): Promise<Marking> {
  for (;;) {
    const live = await cluster.read(DEPLOYMENT, namespaceOf(deployment), deployment.metadata.name);
    if (!live || live.metadata.uid === undefined || runOf(live) !== run) return { done: false, theirs: live };
    const changed = change(live);
    if (!changed) return { done: true, deployment: live };
    try {
      return { done: true, deployment: await cluster.replace(changed) };
    } catch (error) {
      if (!isClusterError(error, 'conflict', 'not found')) throw error;
    }
  }
}

/** Requests may be routed to it, unless it is being taken down. */
export async function markRoutable(cluster: Cluster, deployment: Manifest, run: string): Promise<Marking> {
  let leaving = false;
  const marking = await mark(cluster, deployment, run, (live) => {
    leaving = annotation(live, LEAVING_ANNOTATION) === run;
    return leaving || live.metadata.labels?.[ROUTABLE_LABEL] === 'true' ? undefined : marked(live, { labels: { [ROUTABLE_LABEL]: 'true' } });
  });
  return leaving ? { done: false } : marking;
}

/** No requests may be routed to it for a while: its pods go before new ones come. */
export async function unmark(cluster: Cluster, deployment: Manifest): Promise<Marking> {
  const without = (live: Manifest) => marked(live, { labels: { [ROUTABLE_LABEL]: undefined } });
  return mark(cluster, deployment, runOf(deployment), (live) => (live.metadata.labels?.[ROUTABLE_LABEL] === undefined ? undefined : without(live)));
}

/**
 * The deployment of this run goes for good. The run is written down, so that an `up` of the same run that is still under way does
 * not mark it again, and one of a later run is not disturbed.
 */
export async function markLeaving(cluster: Cluster, deployment: Manifest): Promise<Marking> {
  const run = runOf(deployment);
  const marks = { labels: { [ROUTABLE_LABEL]: undefined }, annotations: { [LEAVING_ANNOTATION]: run ?? '' } };
  return mark(cluster, deployment, run, (live) => marked(live, marks));
}
