import { randomBytes } from 'crypto';
import { Cluster, DEPLOYMENT, Manifest, VIRTUAL_SERVICE } from './cluster';
import { CommandFailed, ExitCode, isClusterError } from './failures';
import { liveLanes, overlappingGatewayHosts, serviceOfHost, sharedGatewayHosts } from './live-lanes';
import { CONVERGED_ANNOTATION, marked } from './marks';
import { PlannedRoutes, planRoutes } from './plan-routes';
import { Session } from './session';
import { asList } from '../json';
import { lostHosts, objectName } from '../lanes/hosts';
import { SERVICE_LABEL } from '../lanes/ownership';

/** What a VirtualService may grow to before people are warned: above, every change costs each proxy noticeably. */
export const ROUTE_BUDGET = { rules: 500, bytes: 200_000 };

const ATTEMPTS = 40;

/** Which routes a run is about. */
export interface ConvergeScope {
  /** The VirtualServices that route to these services, each as `service.namespace`. @default - all */
  readonly services?: ReadonlySet<string>;
  /** Of preview hosts, those of these lanes; of all lanes if it is left out. */
  readonly lanes?: ReadonlySet<string>;
  /**
   * A mark was changed, so each of them must really be written once, equal or not: another run may have listed the
   * Deployments before the change, and would otherwise write what it saw then with a `resourceVersion` that is still good.
   */
  readonly force: boolean;
  /** What this run has really written since its change. @default - nothing */
  readonly written?: readonly string[];
}

/** What became of it. */
export interface ConvergeReport {
  readonly writes: number;
  readonly conflicts: number;
  /** Each VirtualService in scope, how large it is now. */
  readonly sizes: { name: string; rules: number; bytes: number }[];
  /** VirtualServices that cannot take lanes, and why. */
  readonly problems: string[];
  /** Under which hosts the lanes in scope can be looked at without sending the header. */
  readonly previewHosts: string[];
}

/**
 * Brings the routes in line with the live lanes: reads the VirtualServices, *then* lists the Deployments, weaves, writes what
 * differs if nobody wrote meanwhile, and starts over where somebody did.
 *
 * Nothing is ever lost, whoever else does the same: a write that is accepted saw a registry that is younger than the
 * VirtualService it replaces. So whoever changed the registry before that VirtualService was written is in it, and whoever
 * changed it later writes after.
 */
export async function converge(cluster: Cluster, session: Session, scope: ConvergeScope): Promise<ConvergeReport> {
  const forced = new Set(scope.written);
  let writes = 0;
  let conflicts = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const virtualServices = await cluster.list(VIRTUAL_SERVICE);
    const deployments = await cluster.list(DEPLOYMENT, SERVICE_LABEL);
    const plans = planRoutes(virtualServices, liveLanes(deployments)).filter((plan) => isInScope(plan, scope));
    const due = plans.filter((plan) => plan.changed || (scope.force && plan.current && !forced.has(plan.name)));
    const outcomes = await Promise.all(due.map((plan) => write(cluster, plan, session)));
    due.forEach(({ name }, index) => {
      if (outcomes[index] === 'written') forced.add(name);
    });
    writes += outcomes.filter((outcome) => outcome === 'written').length;
    const lost = outcomes.filter((outcome) => outcome === 'conflict').length;
    conflicts += lost;
    // What was made new was not there to be compared with, so the registry may have changed: look once more.
    if (lost === 0 && !due.some(({ current }) => current === undefined)) {
      return reportOf(session, virtualServices, plans, { writes, conflicts });
    }
    if (lost > 0) await session.sleep(backoff(attempt));
  }
  throw new CommandFailed(ExitCode.OVERTAKEN, `others wrote the same VirtualServices ${ATTEMPTS} times in a row; run it again`);
}

/** How long to let others go first, in seconds: a round of reads and writes takes about a quarter of one. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(4, 0.25 * 2 ** attempt);
}

function isInScope({ hosts, lane }: PlannedRoutes, scope: ConvergeScope): boolean {
  if (lane !== undefined && scope.lanes) return scope.lanes.has(lane);
  return scope.services === undefined || [...hosts].some((host) => scope.services!.has(serviceOfHost(host)));
}

async function write(cluster: Cluster, { name, current, desired }: PlannedRoutes, session: Session): Promise<'written' | 'conflict'> {
  try {
    if (!desired) {
      await cluster.remove(current!);
    } else {
      const touched = marked(desired, { annotations: { [CONVERGED_ANNOTATION]: `${session.now().toISOString()} ${randomBytes(4).toString('hex')}` } });
      await (current ? cluster.replace(touched) : cluster.create(touched));
    }
    session.say(`  ${desired ? (current ? 'wrote' : 'made') : 'deleted'} ${name}`);
    return 'written';
  } catch (error) {
    // Gone, made or written by another run since it was read.
    if (!isClusterError(error, 'conflict', 'exists', 'not found')) throw error;
    session.say(`  ${name} was written by another run meanwhile; reading it again`);
    return 'conflict';
  }
}

function reportOf(session: Session, all: Manifest[], plans: PlannedRoutes[], counts: { writes: number; conflicts: number }): ConvergeReport {
  const sizes = plans.flatMap(({ name, desired }) => (desired ? [{
    name, rules: asList(desired.spec?.http).length, bytes: JSON.stringify(desired.spec).length,
  }] : []));
  for (const { name, rules, bytes } of sizes) {
    if (rules <= ROUTE_BUDGET.rules && bytes <= ROUTE_BUDGET.bytes) continue;
    session.warn(`${name} has ${rules} rules and ${bytes} bytes, over the budget of ${ROUTE_BUDGET.rules} rules and ${ROUTE_BUDGET.bytes} bytes: `
      + 'every change of it costs each proxy time; sweep lanes that nobody uses, or split the host');
  }
  const problems = plans.flatMap((plan) => plan.problems.map(({ path, message }) => `${plan.name} cannot take lanes: ${path} ${message}`));
  for (const { name, warnings } of plans) {
    for (const { code, path, message } of warnings) session.warn(`${code}: ${name} ${path} ${message}`);
  }
  warnOfOthers(session, all, new Set(plans.flatMap(({ current }) => (current ? [objectName(current)] : []))));
  const previewHosts = plans.flatMap(({ lane, desired }) => (lane && desired ? asList(desired.spec.hosts).map(String) : [])).sort();
  return { ...counts, sizes, problems, previewHosts };
}

/** Other objects that keep what is written from having the effect it should. */
function warnOfOthers(session: Session, all: Manifest[], ours: Set<string>): void {
  for (const { host, loser, winner, reason } of lostHosts(all)) {
    if (ours.has(loser)) session.warn(`VirtualService ${loser} has no effect on ${host} in the mesh: sidecars follow ${winner}, which is ${reason}`);
  }
  for (const { host, gateway, woven, other } of sharedGatewayHosts(all)) {
    if (!ours.has(objectName(woven))) continue;
    session.warn(`VirtualServices ${objectName(woven)} and ${objectName(other)} both have ${host} at gateway ${gateway}: Istio merges their rules, `
      + 'and a lane\'s rule of one may take requests that are meant for the other; keep the rules of a host in one VirtualService');
  }
  for (const { host, gateway, woven, other } of overlappingGatewayHosts(all)) {
    if (!ours.has(objectName(woven))) continue;
    session.warn(`VirtualService ${objectName(other)} has ${host} at gateway ${gateway}, which overlaps with the hosts of ${objectName(woven)}: where a server `
      + 'of the Gateway names the narrower one, Istio merges their rules, and a lane\'s rule may take requests that are meant for the other; tell them apart by authority in one VirtualService');
  }
}
