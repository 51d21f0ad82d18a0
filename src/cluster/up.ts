import { createHash } from 'crypto';
import { applyGuarded } from './apply';
import { writeBaselineRoutes } from './baseline-routes';
import { olderThan, problemsOfUp, Standing } from './check-up';
import { Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest, POD, SERVICE_ENTRY, VIRTUAL_SERVICE } from './cluster';
import { converge, ConvergeReport } from './converge';
import { CommandFailed, ExitCode, isClusterError } from './failures';
import { deploymentsOf, Folder } from './folder';
import { routedHosts, serviceOfHost } from './live-lanes';
import { markRoutable, unmark } from './marking';
import { isNewer, isRoutable, KINDS_ANNOTATION, laneOf, marked, nameOf, runOf, serviceOf, sourceOf } from './marks';
import { stopsPods, templateChanges } from './redeploy';
import { Session } from './session';
import { isRoutedTo, lacksSubset, widened } from './subsets';
import { findObjects, removeUnchanged, selectorOf, serviceKey, servicesText, takeDown } from './take-down';
import { isFallbackObject } from '../lanes/fallback';
import { namespaceOf, objectName } from '../lanes/hosts';
import { SERVICE_LABEL } from '../lanes/ownership';

/** Options of `up`. */
export interface UpOptions {
  /** How long a change of subsets or routes takes to reach every proxy. */
  readonly waitSeconds: number;
  /** How long a rollout may take. */
  readonly timeoutSeconds: number;
  readonly allowOlder: boolean;
  readonly rootNamespace: string;
}

/**
 * Brings up what the folder holds, so that at no moment a request is routed to what is not there: the workload becomes ready, then
 * its subsets are defined, then requests are routed to it. Running it again changes nothing.
 */
export async function up(cluster: Cluster, session: Session, folder: Folder, options: UpOptions): Promise<ConvergeReport> {
  const standing = await readStanding(cluster);
  const problems = problemsOfUp(folder, standing, options);
  if (problems.length > 0) throw new CommandFailed(ExitCode.REFUSED, `nothing was changed, since this is in the way:\n${problems.map((each) => `  - ${each}`).join('\n')}`);
  const run = new UpRun(cluster, session, folder, options, standing);
  return folder.lane === undefined ? run.baseline() : run.lane();
}

/** What the cluster holds that matters to `up`. */
export async function readStanding(cluster: Cluster): Promise<Standing> {
  const [virtualServices, destinationRules, deployments] = await Promise.all([
    cluster.list(VIRTUAL_SERVICE), cluster.list(DESTINATION_RULE), cluster.list(DEPLOYMENT, SERVICE_LABEL),
  ]);
  return { virtualServices, destinationRules, deployments };
}

/** Who owns the fields that this folder's objects say: another one for each lane and source. */
export function fieldManager({ lane, source, branch }: Folder): string {
  const hash = createHash('sha256').update(`${source}\n${branch ?? ''}`).digest('hex').slice(0, 8);
  return `cdk8s-lanes-${lane ?? 'baseline'}-${lane === undefined ? createHash('sha256').update(source).digest('hex').slice(0, 8) : hash}`;
}

class UpRun {
  private readonly deployments: Manifest[];
  private readonly manager: string;

  constructor(
    private readonly cluster: Cluster,
    private readonly session: Session,
    private readonly folder: Folder,
    private readonly options: UpOptions,
    private readonly standing: Standing,
  ) {
    this.deployments = deploymentsOf(folder);
    this.manager = fieldManager(folder);
  }

  public async lane(): Promise<ConvergeReport> {
    const { session, folder } = this;
    const lane = folder.lane!;
    session.say(`lane ${lane} of ${folder.source}: ${servicesText(this.deployments)}`);
    await this.stopRequestsToPodsThatGo();
    await this.applyFallbacks();
    for (let tries = 0; ; tries++) {
      await this.applyWorkload();
      await this.waitForRollouts();
      session.say('subsets');
      await this.apply(folder.subsets, this.standing.destinationRules);
      await this.waitForSubsets();
      if (await this.markAll(tries < 3)) break;
    }
    session.say('routes');
    const report = await converge(this.cluster, session, { services: this.services(), lanes: new Set([lane]), force: true });
    await this.apply(folder.routes, []);
    await this.removeReverted(lane);
    await this.removeFallbacks(lane);
    return report;
  }

  public async baseline(): Promise<ConvergeReport> {
    const { cluster, session, folder, standing, options } = this;
    session.say(`baseline of ${folder.source}: ${servicesText([...this.deployments, ...folder.woven])}`);
    await this.applyWorkload();
    await this.waitForRollouts();
    session.say('subsets');
    const rules = await cluster.list(DESTINATION_RULE);
    // Subsets that are routed to until the routes have changed stay until then.
    const wide = widened(folder.subsets, rules);
    await this.apply(wide, rules);
    if (wide.some((each) => lacksSubset(each, standing.destinationRules))) await this.wait('every proxy knows the subsets');
    session.say('routes');
    await this.apply(folder.routes, []);
    for (const manifest of folder.woven) await writeBaselineRoutes(cluster, session, manifest, options.allowOlder);
    const report = await converge(cluster, session, {
      services: new Set(folder.woven.flatMap((each) => [...routedHosts(each)].map(serviceOfHost))), force: true, written: folder.woven.map(nameOf),
    });
    if (wide.some((each, index) => each !== folder.subsets[index])) {
      await this.wait('no proxy uses the old subsets');
      const [last, virtualServices] = await Promise.all([DESTINATION_RULE, VIRTUAL_SERVICE].map((kind) => cluster.list(kind)));
      const left = widened(folder.subsets, last, (rule, subset) => isRoutedTo(rule, subset, virtualServices));
      for (const each of left.filter((rule, index) => rule !== folder.subsets[index])) {
        session.warn(`${nameOf(each)} keeps subsets that are not in its manifest, as other VirtualServices still route to them`);
      }
      await this.apply(left, last);
    }
    return report;
  }

  /** Pods that go before new ones come must not be routed to meanwhile. Where new ones come first nothing has to be done. */
  private async stopRequestsToPodsThatGo(): Promise<void> {
    const { cluster, session, standing } = this;
    const candidates = this.deployments.flatMap((manifest) => {
      const live = standing.deployments.find((each) => objectName(each) === objectName(manifest));
      return live && isRoutable(live) && stopsPods(manifest) ? [{ manifest, live }] : [];
    });
    const going = (await Promise.all(candidates.map(async ({ manifest, live }) => {
      const stops = manifest.spec.replicas === 0 || await templateChanges(cluster, manifest, live, this.manager);
      return stops ? [live] : [];
    }))).flat();
    if (going.length === 0) return;
    session.say(`the pods of ${servicesText(going)} go before new ones come, so the baseline serves meanwhile`);
    for (const live of going) await unmark(cluster, live);
    await converge(cluster, session, { services: this.services(), lanes: new Set([this.folder.lane!]), force: true });
    await this.wait('no proxy routes to them');
  }

  /** A lane that is routed to, and gets a host of its own only now, must not be routed there before proxies know that host. */
  private async applyFallbacks(): Promise<void> {
    const { folder, standing } = this;
    const objects = folder.workload.filter(isFallbackObject);
    const known = (rule: Manifest) => standing.destinationRules.some((each) => objectName(each) === objectName(rule));
    if (objects.every((each) => each.kind !== 'DestinationRule' || known(each))) return;
    await this.apply(objects, standing.destinationRules);
    if (standing.deployments.some((each) => laneOf(each) === folder.lane && isRoutable(each))) await this.wait('every proxy knows the hosts of the lane\'s own');
  }

  private async applyWorkload(): Promise<void> {
    this.session.say('workload');
    const kinds = [...new Set([...this.folder.workload, ...this.folder.routes].map(({ apiVersion, kind }) => `${apiVersion}/${kind}`))].sort().join(',');
    const workload = this.folder.lane === undefined ? this.folder.workload
      : this.folder.workload.map((each) => (each.kind === 'Deployment' ? marked(each, { annotations: { [KINDS_ANNOTATION]: kinds } }) : each));
    await this.apply(workload, [...this.standing.deployments, ...this.standing.destinationRules.filter(isFallbackObject)]);
  }

  private async apply(manifests: Manifest[], known: Manifest[]): Promise<void> {
    this.session.check();
    await applyGuarded(this.cluster, this.session, manifests, { manager: this.manager, allowOlder: this.options.allowOlder, known });
    for (const each of manifests) this.session.say(`  applied ${nameOf(each)}`);
  }

  private async waitForRollouts(): Promise<void> {
    await Promise.all(this.folder.workload.filter(({ kind }) => kind === 'Deployment').map((each) => this.waitForRollout(each)));
  }

  private async waitForRollout(deployment: Manifest): Promise<void> {
    const { cluster, session, options } = this;
    try {
      await cluster.rollout(deployment, options.timeoutSeconds, (line) => session.say(`  ${line}`));
    } catch (error) {
      if (isClusterError(error, 'not found')) throw new CommandFailed(ExitCode.OVERTAKEN, `${nameOf(deployment)} was taken down by another run meanwhile`);
      if (!isClusterError(error, 'timeout')) throw error;
      const live = await cluster.read(DEPLOYMENT, namespaceOf(deployment), deployment.metadata.name);
      const still = live && isRoutable(live) ? 'requests of the lane still go to its pods of before' : 'no requests are routed to it';
      const reasons = await this.reasonsOf(deployment);
      throw new CommandFailed(ExitCode.NOT_READY, [`${nameOf(deployment)} did not become ready within ${options.timeoutSeconds} s; ${this.folder.lane ? still : 'the routes are as they were'}`, ...reasons].join('\n  '));
    }
  }

  /** What keeps pods from becoming ready, as far as one may look. */
  private async reasonsOf(deployment: Manifest): Promise<string[]> {
    const labels = Object.entries(deployment.spec?.selector?.matchLabels ?? {}).map(([name, text]) => `${name}=${text}`).join(',');
    try {
      const pods = await this.cluster.list(POD, labels);
      return [...new Set(pods.filter((pod) => namespaceOf(pod) === namespaceOf(deployment)).flatMap((pod) => (pod.status?.containerStatuses ?? [])
        .map(({ state }: any) => state?.waiting).filter(Boolean).map(({ reason, message }: any) => `${reason}: ${message ?? ''}`)))];
    } catch {
      return [];
    }
  }

  /** A lane that requests are routed to already has its subset everywhere; any other has to wait for it. */
  private async waitForSubsets(): Promise<void> {
    const known = this.folder.subsets.every((each) => !lacksSubset(each, this.standing.destinationRules));
    const routed = new Set(this.standing.deployments.filter(isRoutable).map(objectName));
    if (known && this.deployments.every((each) => routed.has(objectName(each)))) {
      // Unless it was taken down since this run began.
      const live = await Promise.all(this.deployments.map((each) => this.cluster.read(DEPLOYMENT, namespaceOf(each), each.metadata.name)));
      if (live.every((each) => each && isRoutable(each))) return;
    }
    await this.wait('every proxy knows the subsets');
  }

  private async wait(until: string): Promise<void> {
    const { waitSeconds } = this.options;
    if (waitSeconds > 0) this.session.say(`waiting ${waitSeconds} s until ${until}`);
    await this.session.sleep(waitSeconds);
  }

  /**
   * From here on requests may be routed to the lane.
   *
   * @returns whether it is done; otherwise an older run wrote over this one, which has to start again
   */
  private async markAll(again: boolean): Promise<boolean> {
    for (const deployment of this.deployments.filter(({ spec }) => spec?.replicas !== 0)) {
      this.session.check();
      const marking = await markRoutable(this.cluster, deployment, runOf(deployment)!);
      if (marking.done) continue;
      if (!marking.theirs) throw new CommandFailed(ExitCode.OVERTAKEN, `${nameOf(deployment)} was taken down by another run meanwhile`);
      if (again && isNewer(deployment, marking.theirs)) return false;
      const why = isNewer(marking.theirs, deployment) ? olderThan(marking.theirs, deployment) : `${nameOf(deployment)} was deployed by another run (${runOf(marking.theirs)}) meanwhile, which counts`;
      throw new CommandFailed(ExitCode.OVERTAKEN, why);
    }
    return true;
  }

  private services(): Set<string> {
    return new Set(this.folder.services.map(({ service, namespace }) => `${service}.${namespace}`));
  }

  /** Hosts of the lane's own that it has no longer: their routes are gone by now, and the rule goes last. */
  private async removeFallbacks(lane: string): Promise<void> {
    const { cluster, session, folder, standing } = this;
    const kept = new Set(folder.workload.map(nameOf));
    const ours = (object: Manifest) => laneOf(object) === lane && sourceOf(object) === folder.source;
    const gone = (object: Manifest) => ours(object) && isFallbackObject(object) && !kept.has(nameOf(object));
    const rules = standing.destinationRules.filter(gone);
    if (rules.length === 0) return;
    await this.wait('no proxy uses the hosts that the lane has no longer');
    const entries = (await cluster.list(SERVICE_ENTRY, selectorOf(lane, folder.source))).filter(gone);
    for (const object of [...entries, ...rules]) {
      session.check();
      if (await removeUnchanged(cluster, object)) session.say(`  deleted ${nameOf(object)}`);
    }
  }

  /** Services that the branch changed once, and no longer does, leave the lane. */
  private async removeReverted(lane: string): Promise<void> {
    const { cluster, session, folder, standing } = this;
    const kept = new Set(this.deployments.map(serviceKey));
    if (standing.deployments.every((each) => laneOf(each) !== lane || sourceOf(each) !== folder.source || kept.has(serviceKey(each)))) return;
    const seen = new Map(standing.deployments.filter((each) => laneOf(each) === lane).map((each) => [objectName(each), runOf(each)]));
    const all = await findObjects(cluster, session, lane, folder.source);
    const objects = all.filter((each) => serviceOf(each) !== undefined && !kept.has(serviceKey(each)));
    // What came since this run began is somebody else's.
    const reverted = new Set(objects.filter((each) => each.kind === 'Deployment' && seen.has(objectName(each)) && seen.get(objectName(each)) === runOf(each)).map(serviceKey));
    if (reverted.size === 0) return;
    session.say(`the branch no longer changes ${[...reverted].sort().join(', ')}`);
    const leaving = { lane, source: folder.source, objects: objects.filter((each) => reverted.has(serviceKey(each))), whole: false };
    await takeDown(cluster, session, leaving, this.options.waitSeconds);
  }
}
