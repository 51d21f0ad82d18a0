import { Manifest } from './cluster';
import { OwnedLane } from './down';
import { CommandFailed, ExitCode } from './failures';
import { branchOf, expiryOf, isRoutable, laneOf, serviceOf, sourceOf } from './marks';
import { compareText, namespaceOf } from '../lanes/hosts';

/** What is swept, and when it is due. */
export interface SweepOptions {
  readonly now: Date;
  /** Whose lanes. @default - everybody's; with `branches` it must be said */
  readonly source?: string;
  /** The branches that the source's repository has. @default - lanes are not compared with branches */
  readonly branches?: string[];
  /** The branch of the baseline, which must be among them. @default - the one that the baseline's Deployments name */
  readonly baseline?: string;
  /** After how long a lane that no requests are routed to is a leftover of a run that ended midway, in hours. */
  readonly leftoverHours: number;
}

/** A lane to sweep, and why. */
export interface SweptLane extends OwnedLane {
  readonly services: string[];
  readonly branch?: string;
  readonly reason: string;
}

/** The cluster's lanes: Deployments with the label `service`, and DestinationRules with the label `lane`. */
export interface SweepGround {
  readonly deployments: Manifest[];
  readonly destinationRules: Manifest[];
}

/** The lanes that are due. Pure. */
export function planSweep(ground: SweepGround, options: SweepOptions): SweptLane[] {
  const alive = options.branches && branchesAlive(ground, { ...options, branches: options.branches });
  const groups = new Map<string, Manifest[]>();
  for (const object of [...ground.deployments, ...ground.destinationRules]) {
    const [lane, source] = [laneOf(object), sourceOf(object)];
    if (lane === undefined || source === undefined || (options.source !== undefined && source !== options.source)) continue;
    const key = `${lane} ${source}`;
    groups.set(key, [...groups.get(key) ?? [], object]);
  }
  return [...groups].sort(([one], [other]) => compareText(one, other)).flatMap(([key, objects]) => {
    const [lane, source] = key.split(' ');
    const reason = whyGone(objects, options, alive);
    if (!reason) return [];
    const services = [...new Set(objects.filter(serviceOf).map((each) => `${namespaceOf(each)}/${serviceOf(each)}`))].sort();
    return [{ lane, source, services, branch: objects.map(branchOf).find((branch) => branch !== undefined), reason }];
  });
}

function whyGone(objects: Manifest[], { now, leftoverHours }: SweepOptions, alive: Set<string> | undefined): string | undefined {
  const deployments = objects.filter(({ kind }) => kind === 'Deployment');
  const branch = objects.map(branchOf).find((each) => each !== undefined);
  if (alive && branch !== undefined && !alive.has(branch.normalize('NFC'))) return `branch ${branch} is gone`;
  const expiries = objects.map((each) => Date.parse(expiryOf(each) ?? '')).filter((time) => !Number.isNaN(time));
  // Each deployment writes the time anew; one that was renewed keeps the lane.
  if (expiries.length > 0 && Math.max(...expiries) < now.getTime()) return `expired ${new Date(Math.max(...expiries)).toISOString()}`;
  const idleSince = Math.max(...objects.map(lastWritten));
  const hours = (now.getTime() - idleSince) / 3_600_000;
  if (hours < leftoverHours) return undefined;
  if (deployments.length === 0) return 'subsets without a Deployment, left by a run that ended midway';
  if (!deployments.some(isRoutable)) return `no requests are routed to it, ${Math.floor(hours)} h after its last run: left by a run that ended midway, or failed`;
  return undefined;
}

/** When a run wrote the object; what controllers write of its status does not count. */
function lastWritten(object: Manifest): number {
  const { creationTimestamp, managedFields = [] } = object.metadata;
  const times = managedFields.filter(({ subresource, manager }: any) => subresource === undefined && manager !== 'kube-controller-manager').map(({ time }: any) => time);
  return Math.max(...[creationTimestamp, ...times].map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time)), 0);
}

/** The list decides what is deleted, so one that cannot be whole is refused. */
function branchesAlive(ground: SweepGround, { source, branches, baseline }: SweepOptions & { branches: string[] }): Set<string> {
  const input = (message: string) => new CommandFailed(ExitCode.INPUT, message);
  if (source === undefined) throw input("'--branches' is the list of one repository: say which by '--source'");
  if (branches.length === 0) throw input("'--branches' is empty: a repository has at least the branch of its baseline, so the list cannot be right and nothing is swept");
  const own = ground.deployments.filter((each) => laneOf(each) === undefined && sourceOf(each) === source);
  const expected = baseline ?? own.map(branchOf).find((branch) => branch !== undefined);
  if (expected === undefined) throw input(`'--baseline' must name the branch of the baseline: no Deployment of ${source} tells it`);
  const alive = new Set(branches.map((branch) => branch.normalize('NFC')));
  if (!alive.has(expected.normalize('NFC'))) {
    throw input(`'--branches' lacks ${JSON.stringify(expected)}, the branch of the baseline: the list cannot be whole, or is another repository's, and nothing is swept`);
  }
  return alive;
}

/** The branches of what `git ls-remote --heads` prints, or of bare names, one a line. */
export function parseBranches(text: string): string[] {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '').flatMap((line) => {
    const name = /^[0-9a-f]{40,64}\s+(.+)$/.exec(line)?.[1] ?? line;
    if (name === 'HEAD' || name.startsWith('refs/tags/')) return [];
    return [name.replace(/^refs\/heads\//, '')];
  });
}
