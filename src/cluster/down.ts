import { Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest } from './cluster';
import { converge } from './converge';
import { CommandFailed, ExitCode } from './failures';
import { branchOf, laneOf, nameOf, sourceOf } from './marks';
import { Session } from './session';
import { findObjects, takeDown } from './take-down';
import { laneName } from '../lanes/lane-name';
import { LANE_LABEL, SERVICE_LABEL } from '../lanes/ownership';

/** Options of `down`. */
export interface DownOptions {
  /** Whose part of the lane goes; `undefined` for everybody's. */
  readonly source?: string;
  readonly waitSeconds: number;
}

/** A lane of one source. */
export interface OwnedLane {
  readonly lane: string;
  readonly source: string;
}

/**
 * Takes the lane of a branch down. It needs nothing but the cluster: a deleted branch has no manifests any more.
 *
 * @param branchOrLane the branch as its repository calls it, or the lane's name
 */
export async function down(cluster: Cluster, session: Session, branchOrLane: string, { source, waitSeconds }: DownOptions): Promise<void> {
  const deployments = await cluster.list(DEPLOYMENT, SERVICE_LABEL);
  const rules = await cluster.list(DESTINATION_RULE, LANE_LABEL);
  const targets = lanesToTakeDown(branchOrLane, source, deployments, rules);
  if (targets.length === 0) {
    session.say(unknownText(branchOrLane, source, deployments));
    await converge(cluster, session, { lanes: new Set([laneName(branchOrLane)]), force: false });
    return;
  }
  for (const target of targets) await takeDownLane(cluster, session, target, waitSeconds);
}

/** Takes everything down that a source has in a lane. */
export async function takeDownLane(cluster: Cluster, session: Session, { lane, source }: OwnedLane, waitSeconds: number): Promise<void> {
  const objects = await findObjects(cluster, session, lane, source);
  const stay = await takeDown(cluster, session, { lane, source, objects, whole: true }, waitSeconds);
  if (stay.length > 0) {
    throw new CommandFailed(ExitCode.OVERTAKEN, `lane ${lane}: another run brought ${stay.join(', ')} up again meanwhile, and that counts; run it again if the lane is to go all the same`);
  }
  session.say(`lane ${lane} of ${source} is down`);
}

/**
 * Which lanes are meant. Pure.
 *
 * @throws CommandFailed for a baseline, and for a lane that belongs to another branch
 */
export function lanesToTakeDown(branchOrLane: string, source: string | undefined, deployments: Manifest[], rules: Manifest[]): OwnedLane[] {
  const asked = branchOrLane.normalize('NFC');
  const lane = laneName(asked);
  const mine = (each: Manifest) => source === undefined || sourceOf(each) === source;
  const baseline = deployments.find((each) => laneOf(each) === undefined && mine(each)
    && (branchOf(each)?.normalize('NFC') === asked || (branchOf(each) === undefined && each.spec?.template?.metadata?.labels?.version === asked)));
  if (baseline) throw new CommandFailed(ExitCode.REFUSED, `${JSON.stringify(branchOrLane)} is the branch of the baseline (${nameOf(baseline)}), which serves everybody and is never taken down`);
  const candidates = [...deployments, ...rules].filter((each) => laneOf(each) !== undefined && sourceOf(each) !== undefined && mine(each));
  const found = candidates.filter((each) => isMeant(each, asked, lane));
  const other = candidates.find((each) => laneOf(each) === lane && !isMeant(each, asked, lane));
  if (found.length === 0 && other) {
    throw new CommandFailed(ExitCode.REFUSED, `lane ${lane} (${nameOf(other)}) is of branch ${JSON.stringify(branchOf(other))}, not of ${JSON.stringify(branchOrLane)}; name that branch to take it down`);
  }
  const keys = new Map(found.map((each) => [`${laneOf(each)} ${sourceOf(each)}`, { lane: laneOf(each)!, source: sourceOf(each)! }]));
  return [...keys.values()];
}

/** By its branch; or by its lane, if that is the lane of its branch. */
function isMeant(object: Manifest, asked: string, lane: string): boolean {
  const branch = branchOf(object)?.normalize('NFC');
  if (branch === undefined) return laneOf(object) === lane;
  return branch === asked || (laneOf(object) === asked && laneName(branch) === asked);
}

function unknownText(asked: string, source: string | undefined, deployments: Manifest[]): string {
  const mine = deployments.filter((each) => source === undefined || sourceOf(each) === source);
  const lanes = [...new Set(mine.flatMap((each) => laneOf(each) ?? []))].sort();
  return `no lane of ${JSON.stringify(asked)}${source === undefined ? '' : ` that ${source} owns`}: nothing to take down (lanes: ${lanes.join(', ') || 'none'})`;
}
