import { Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest, ResourceKind, SERVICE_ENTRY, VIRTUAL_SERVICE } from './cluster';
import { converge } from './converge';
import { isClusterError } from './failures';
import { markLeaving } from './marking';
import { annotation, KINDS_ANNOTATION, label, nameOf, runOf, serviceOf } from './marks';
import { Session } from './session';
import { isFallbackObject } from '../lanes/fallback';
import { namespaceOf } from '../lanes/hosts';
import { LANE_LABEL, PREVIEW_LABEL, SOURCE_LABEL } from '../lanes/ownership';

/** Services of one lane that one source owns. */
export interface Leaving {
  readonly lane: string;
  readonly source: string;
  /** All that have the labels, Deployments and DestinationRules among them, as they were when they were looked for. */
  readonly objects: Manifest[];
  /** Whether these are all services that the source has in this lane. */
  readonly whole: boolean;
}

/**
 * Takes services out of a lane, in the order that leaves no request without an answer: the mark, the routes, some time, the
 * subsets, the workload. Each object goes only as it was looked at; where an `up` came in between, everything of that service stays.
 *
 * @returns the services that stay because another run brought them up again
 */
export async function takeDown(cluster: Cluster, session: Session, leaving: Leaving, waitSeconds: number): Promise<string[]> {
  const stay = new Set<string>();
  const isGoing = (object: Manifest) => !stay.has(serviceKey(object));
  const objects = await Promise.all(leaving.objects.map(async (object) => {
    if (object.kind !== 'Deployment') return object;
    const marking = await markLeaving(cluster, object);
    if (marking.done) return marking.deployment;
    if (marking.theirs) stay.add(serviceKey(object));
    return object;
  }));
  const going = objects.filter(isGoing);
  session.say(`lane ${leaving.lane}: no more requests for ${servicesText(going)}`);
  const scope = {
    services: new Set(objects.filter((each) => serviceOf(each) !== undefined).map((each) => `${serviceOf(each)}.${namespaceOf(each)}`)),
    lanes: new Set([leaving.lane]),
  };
  await converge(cluster, session, { ...scope, force: true });
  if (waitSeconds > 0) session.say(`waiting ${waitSeconds} s until every proxy knows`);
  await session.sleep(waitSeconds);
  // A run that read before the mark was changed may have made a preview host meanwhile.
  await converge(cluster, session, { ...scope, force: false });
  // An up writes the Deployment before the subset, so a Deployment that was not looked at tells of one that is under way.
  for (const each of await cluster.list(DEPLOYMENT, selectorOf(leaving.lane, leaving.source))) {
    if (!going.some((object) => nameOf(object) === nameOf(each) && runOf(object) === runOf(each))) stay.add(serviceKey(each));
  }
  for (const object of inOrder({ ...leaving, objects: going })) {
    session.check();
    if (!isGoing(object)) continue;
    if (await removeUnchanged(cluster, object)) session.say(`  deleted ${nameOf(object)}`);
    else stay.add(serviceKey(object));
  }
  return [...stay];
}

/** The labels by which everything that a source has in a lane is found. */
export function selectorOf(lane: string, source: string): string {
  return `${LANE_LABEL}=${lane},${SOURCE_LABEL}=${source}`;
}

/** Everything of a source's lane that is in the cluster, of the kinds that its `up` wrote down. Preview hosts are converge's. */
export async function findObjects(cluster: Cluster, session: Session, lane: string, source: string): Promise<Manifest[]> {
  const selector = selectorOf(lane, source);
  const kinds = [DEPLOYMENT, DESTINATION_RULE, VIRTUAL_SERVICE];
  const [deployments, rules, virtualServices] = await Promise.all(kinds.map((kind) => cluster.list(kind, selector)));
  // A run that ended midway may have left them without the Deployment that tells of their kind.
  const entries = rules.some(isFallbackObject) ? [SERVICE_ENTRY] : [];
  const told = kindsOf(deployments).filter(({ kind }) => !entries.some((each) => each.kind === kind));
  const others = await Promise.all([...entries, ...told].map(async (kind) => {
    try {
      return await cluster.list(kind, selector);
    } catch (error) {
      if (!isClusterError(error, 'forbidden', 'not found', 'invalid')) throw error;
      session.warn(`cannot look for objects of kind ${kind.kind} of lane ${lane}, which stay: ${error.message}`);
      return [];
    }
  }));
  return [...deployments, ...rules, ...virtualServices.filter((each) => label(each, PREVIEW_LABEL) === undefined), ...others.flat()];
}

function kindsOf(deployments: Manifest[]): ResourceKind[] {
  const texts = new Set(deployments.flatMap((each) => (annotation(each, KINDS_ANNOTATION) ?? '').split(',')).filter((text) => text !== ''));
  return [...texts].map((text) => ({ apiVersion: text.slice(0, text.lastIndexOf('/')), kind: text.slice(text.lastIndexOf('/') + 1) }))
    .filter(({ kind }) => ![DEPLOYMENT, DESTINATION_RULE, VIRTUAL_SERVICE].some((each) => each.kind === kind));
}

/**
 * Subsets, then Deployments, then what they needed; what belongs to no single service only with the last of them. The rule of a host
 * of the lane's own goes last, as its ServiceEntries without it would mix lane and baseline.
 */
function inOrder({ objects, whole }: Leaving): Manifest[] {
  const rank = (object: Manifest) => (isFallbackObject(object) && object.kind === 'DestinationRule' ? 10
    : ['VirtualService', 'DestinationRule', 'Deployment'].indexOf(object.kind) + 1 || 9);
  return objects.filter((each) => whole || serviceOf(each) !== undefined).sort((one, other) => rank(one) - rank(other));
}

/** Deletes an object if the run that was looked at still is the one that wrote it. Others may have written its status. */
export async function removeUnchanged(cluster: Cluster, object: Manifest): Promise<boolean> {
  for (let current = object; ;) {
    try {
      await cluster.remove(current);
      return true;
    } catch (error) {
      if (isClusterError(error, 'not found')) return true;
      if (!isClusterError(error, 'conflict')) throw error;
    }
    const read = await cluster.read(object as ResourceKind, namespaceOf(object), object.metadata.name);
    if (!read || read.metadata.deletionTimestamp) return true;
    if (read.metadata.uid !== object.metadata.uid || runOf(read) !== runOf(object)) return false;
    current = read;
  }
}

export function serviceKey(object: Manifest): string {
  return `${namespaceOf(object)}/${serviceOf(object) ?? ''}`;
}

/** The services of objects, for messages. */
export function servicesText(objects: Manifest[]): string {
  return [...new Set(objects.filter((each) => serviceOf(each) !== undefined).map(serviceKey))].sort().join(', ') || 'nothing';
}
