import { Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest, ResourceKind, VIRTUAL_SERVICE } from './cluster';
import { converge, ConvergeScope } from './converge';
import { CommandFailed, ExitCode, isClusterError } from './failures';
import { hostOfRule } from './folder';
import { domainOf, hostOf, isWoven, laneRoutes, liveLanes } from './live-lanes';
import { markLeaving } from './marking';
import { annotation, KINDS_ANNOTATION, label, laneOf, nameOf, runOf, serviceOf, sourceOf } from './marks';
import { Session } from './session';
import { DEFAULT_CLUSTER_DOMAIN, namespaceOf, objectName } from '../lanes/hosts';
import { LANE_LABEL, PREVIEW_LABEL, SERVICE_LABEL, SOURCE_LABEL } from '../lanes/ownership';

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
  for (const deployment of leaving.objects.filter(({ kind }) => kind === 'Deployment')) {
    const { done } = await markLeaving(cluster, deployment);
    if (!done && await cluster.read(DEPLOYMENT, namespaceOf(deployment), deployment.metadata.name)) stay.add(serviceKey(deployment));
  }
  session.say(`lane ${leaving.lane}: no more requests for ${servicesText(leaving.objects.filter(isGoing))}`);
  const scope = await scopeOf(cluster, leaving);
  await leaveRoutes(cluster, session, scope, leaving.lane);
  if (waitSeconds > 0) session.say(`waiting ${waitSeconds} s until every proxy knows`);
  await session.sleep(waitSeconds);
  // A run that read before the mark was changed may have made a preview host meanwhile.
  await leaveRoutes(cluster, session, { ...scope, force: false }, leaving.lane);
  for (const object of inOrder(leaving)) {
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
  const [deployments, rules, virtualServices] = await Promise.all([DEPLOYMENT, DESTINATION_RULE, VIRTUAL_SERVICE].map((kind) => cluster.list(kind, selector)));
  const others = await Promise.all(kindsOf(deployments).map(async (kind) => {
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

/** The routes that are concerned: by the hosts that the services have in any cluster domain that a VirtualService names. */
async function scopeOf(cluster: Cluster, leaving: Leaving): Promise<ConvergeScope & { hosts: Set<string> }> {
  const virtualServices = await cluster.list(VIRTUAL_SERVICE);
  const domains = new Set([DEFAULT_CLUSTER_DOMAIN, ...virtualServices.filter(isWoven).map(domainOf)]);
  const hosts = new Set(leaving.objects.flatMap((object) => [...domains].flatMap((domain) => {
    const service = serviceOf(object);
    const own = service === undefined ? [] : [hostOf({ service, namespace: namespaceOf(object) }, domain)];
    return object.kind === 'DestinationRule' ? [...own, hostOfRule(object, domain)] : own;
  })));
  return { hosts, lanes: new Set([leaving.lane]), force: true };
}

/** Takes the routes away, and makes sure of it: what follows would leave them pointing to nothing. */
async function leaveRoutes(cluster: Cluster, session: Session, scope: ConvergeScope & { hosts: Set<string> }, lane: string): Promise<void> {
  const { problems } = await converge(cluster, session, scope);
  const virtualServices = await cluster.list(VIRTUAL_SERVICE);
  const live = liveLanes(await cluster.list(DEPLOYMENT, SERVICE_LABEL)).filter((each) => each.lane === lane);
  const left = virtualServices.flatMap((vs) => laneRoutes(vs)
    .filter(({ host, subset }) => subset === lane && scope.hosts.has(host) && !live.some((each) => hostOf(each, domainOf(vs)) === host))
    .map(({ host }) => `${objectName(vs)} still routes to ${host}`));
  if (left.length > 0) {
    throw new CommandFailed(ExitCode.REFUSED, `the routes of lane ${lane} cannot be taken away, so its subsets and pods stay:\n${[...left, ...problems].map((each) => `  ${each}`).join('\n')}`);
  }
}

/** Subsets, then Deployments, then what they needed; what belongs to no single service only with the last of them. */
function inOrder({ objects, whole }: Leaving): Manifest[] {
  const rank = ({ kind }: Manifest) => ['VirtualService', 'DestinationRule', 'Deployment'].indexOf(kind);
  return objects.filter((each) => whole || serviceOf(each) !== undefined)
    .sort((one, other) => (rank(one) + 1 || 9) - (rank(other) + 1 || 9));
}

/** Deletes an object if the run that was looked at still is the one that wrote it. Others may have written its status. */
async function removeUnchanged(cluster: Cluster, object: Manifest): Promise<boolean> {
  for (let current: Manifest | undefined = object; ;) {
    try {
      // What was marked since it was looked at is read first.
      current = await cluster.read(object as ResourceKind, namespaceOf(object), object.metadata.name);
      if (!current || current.metadata.deletionTimestamp) return true;
      if (current.metadata.uid !== object.metadata.uid || runOf(current) !== runOf(object)) return false;
      await cluster.remove(current);
      return true;
    } catch (error) {
      if (isClusterError(error, 'not found')) return true;
      if (!isClusterError(error, 'conflict')) throw error;
    }
  }
}

export function serviceKey(object: Manifest): string {
  return `${namespaceOf(object)}/${serviceOf(object) ?? ''}`;
}

/** The services of objects, for messages. */
export function servicesText(objects: Manifest[]): string {
  return [...new Set(objects.filter((each) => serviceOf(each) !== undefined).map(serviceKey))].sort().join(', ') || 'nothing';
}

/** Whether an object belongs to that lane of that source. */
export function isOf(object: Manifest, lane: string, source: string): boolean {
  return laneOf(object) === lane && sourceOf(object) === source;
}
