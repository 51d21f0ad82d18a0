import { createHash } from 'crypto';
import { applyGuarded } from './apply';
import { writeBaselineRoutes } from './baseline-routes';
import { olderThan, problemsOfUp, Standing } from './check-up';
import { Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest, POD, VIRTUAL_SERVICE } from './cluster';
import { converge, ConvergeReport } from './converge';
import { CommandFailed, ExitCode, isClusterError } from './failures';
import { deploymentsOf, Folder, hostOfRule } from './folder';
import { domainOf, hostOf, isPreview, isWoven, routedHosts } from './live-lanes';
import { markRoutable, unmark } from './marking';
import { isNewer, isRoutable, KINDS_ANNOTATION, laneOf, marked, nameOf, runOf, serviceOf } from './marks';
import { stopsPods, templateChanges } from './redeploy';
import { Session } from './session';
import { narrowed, widened } from './subsets';
import { findObjects, serviceKey, servicesText, takeDown } from './take-down';
import { DEFAULT_CLUSTER_DOMAIN, namespaceOf, objectName } from '../lanes/hosts';
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

/** What is up. */
export interface UpResult {
  readonly report: ConvergeReport;
  /** Under which hosts a lane can be looked at without sending the header. */
  readonly previewHosts: string[];
}

/**
 * Brings up what the folder holds, so that at no moment a request is routed to what is not there: the workload becomes ready, then
 * its subsets are defined, then requests are routed to it. Running it again changes nothing.
 */
export async function up(cluster: Cluster, session: Session, folder: Folder, options: UpOptions): Promise<UpResult> {
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

  public async lane(): Promise<UpResult> {
    const { session, folder } = this;
    const lane = folder.lane!;
    session.say(`lane ${lane} of ${folder.source}: ${servicesText(this.deployments)}`);
    await this.stopRequestsToPodsThatGo();
    for (let tries = 0; ; tries++) {
      await this.applyWorkload();
      await this.waitForRollouts();
      session.say('subsets');
      await this.apply(folder.subsets, this.standing.destinationRules);
      await this.waitForSubsets();
      if (await this.markAll(tries < 3)) break;
    }
    session.say('routes');
    const report = await converge(this.cluster, session, { hosts: this.hosts(), lanes: new Set([lane]), force: true });
    await this.apply(folder.routes, []);
    await this.removeReverted(lane);
    return { report, previewHosts: await this.previewHosts(lane) };
  }

  public async baseline(): Promise<UpResult> {
    const { cluster, session, folder, standing, options } = this;
    session.say(`baseline of ${folder.source}: ${servicesText([...this.deployments, ...folder.woven])}`);
    await this.applyWorkload();
    await this.waitForRollouts();
    session.say('subsets');
    const rules = await cluster.list(DESTINATION_RULE);
    // Subsets that are routed to until the routes have changed stay until then.
    const wide = widened(folder.subsets, rules);
    await this.apply(wide, rules);
    if (wide.some((each) => narrowed(each, standing.destinationRules))) await this.wait('every proxy knows the subsets');
    session.say('routes');
    await this.apply(folder.routes, []);
    for (const manifest of folder.woven) await writeBaselineRoutes(cluster, session, manifest, options.allowOlder);
    const report = await converge(cluster, session, {
      hosts: new Set(folder.woven.flatMap((each) => [...routedHosts(each)])), force: true, written: folder.woven.map(nameOf),
    });
    if (wide.some((each, index) => each !== folder.subsets[index])) {
      await this.wait('no proxy uses the old subsets');
      await this.apply(folder.subsets, await cluster.list(DESTINATION_RULE));
    }
    return { report, previewHosts: [] };
  }

  /** Pods that go before new ones come must not be routed to meanwhile. Where new ones come first nothing has to be done. */
  private async stopRequestsToPodsThatGo(): Promise<void> {
    const { cluster, session, standing } = this;
    const marked_ = this.deployments.flatMap((manifest) => {
      const live = standing.deployments.find((each) => objectName(each) === objectName(manifest));
      return live && isRoutable(live) && stopsPods(manifest) ? [{ manifest, live }] : [];
    });
    const going = (await Promise.all(marked_.map(async ({ manifest, live }) => {
      const stops = manifest.spec.replicas === 0 || await templateChanges(cluster, manifest, live, this.manager);
      return stops ? [live] : [];
    }))).flat();
    if (going.length === 0) return;
    session.say(`the pods of ${servicesText(going)} go before new ones come, so the baseline serves meanwhile`);
    for (const live of going) await unmark(cluster, live);
    await converge(cluster, session, { hosts: this.hosts(), lanes: new Set([this.folder.lane!]), force: true });
    await this.wait('no proxy routes to them');
  }

  private async applyWorkload(): Promise<void> {
    this.session.say('workload');
    const kinds = [...new Set([...this.folder.workload, ...this.folder.routes].map(({ apiVersion, kind }) => `${apiVersion}/${kind}`))].sort().join(',');
    const workload = this.folder.lane === undefined ? this.folder.workload
      : this.folder.workload.map((each) => (each.kind === 'Deployment' ? marked(each, { annotations: { [KINDS_ANNOTATION]: kinds } }) : each));
    await this.apply(workload, this.standing.deployments);
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
    const live = await Promise.all(this.deployments.map((each) => this.cluster.read(DEPLOYMENT, namespaceOf(each), each.metadata.name)));
    const known = this.folder.subsets.every((each) => !narrowed(each, this.standing.destinationRules));
    if (known && live.every((each) => each && isRoutable(each))) return;
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

  private hosts(): Set<string> {
    const domains = new Set([DEFAULT_CLUSTER_DOMAIN, ...this.standing.virtualServices.filter(isWoven).map(domainOf)]);
    return new Set([...domains].flatMap((domain) => [
      ...this.folder.services.map((service) => hostOf(service, domain)), ...this.folder.subsets.map((each) => hostOfRule(each, domain)),
    ]));
  }

  /** Services that the branch changed once, and no longer does, leave the lane. */
  private async removeReverted(lane: string): Promise<void> {
    const { cluster, session, folder, standing } = this;
    const kept = new Set(this.deployments.map(serviceKey));
    const seen = new Map(standing.deployments.filter((each) => laneOf(each) === lane).map((each) => [objectName(each), runOf(each)]));
    const objects = (await findObjects(cluster, session, lane, folder.source)).filter((each) => serviceOf(each) !== undefined && !kept.has(serviceKey(each)));
    // What came since this run began is somebody else's.
    const reverted = new Set(objects.filter((each) => each.kind === 'Deployment' && seen.has(objectName(each)) && seen.get(objectName(each)) === runOf(each)).map(serviceKey));
    if (reverted.size === 0) return;
    session.say(`the branch no longer changes ${[...reverted].sort().join(', ')}`);
    await takeDown(cluster, session, { lane, source: folder.source, objects: objects.filter((each) => reverted.has(serviceKey(each))), whole: false }, this.options.waitSeconds);
  }

  private async previewHosts(lane: string): Promise<string[]> {
    if (!this.standing.virtualServices.some((each) => isWoven(each))) return [];
    const previews = (await this.cluster.list(VIRTUAL_SERVICE)).filter((each) => isPreview(each) && laneOf(each) === lane);
    return previews.flatMap((each) => each.spec.hosts as string[]).sort();
  }
}
