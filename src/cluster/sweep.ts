import { Cluster, DEPLOYMENT, DESTINATION_RULE } from './cluster';
import { converge } from './converge';
import { takeDownLane } from './down';
import { CommandFailed, ExitCode } from './failures';
import { planSweep, SweepOptions, SweptLane } from './plan-sweep';
import { Session } from './session';
import { LANE_LABEL, SERVICE_LABEL } from '../lanes/ownership';

/** Options of `sweep`. */
export interface SweepRun extends Omit<SweepOptions, 'now'> {
  /** Do it, rather than tell. */
  readonly yes: boolean;
  readonly waitSeconds: number;
}

/** Takes down the lanes that nobody needs any more, then brings the routes in line with those that are left. */
export async function sweep(cluster: Cluster, session: Session, options: SweepRun): Promise<SweptLane[]> {
  const [deployments, destinationRules] = await Promise.all([cluster.list(DEPLOYMENT, SERVICE_LABEL), cluster.list(DESTINATION_RULE, LANE_LABEL)]);
  const due = planSweep({ deployments, destinationRules }, { ...options, now: session.now() });
  for (const { lane, source, services, reason } of due) session.say(`lane ${lane} of ${source} (${services.join(', ')}): ${reason}`);
  if (due.length === 0) session.say('no lane is due');
  if (!options.yes) {
    if (due.length > 0) session.say('nothing was changed; --yes takes them down');
    return due;
  }
  const failed: string[] = [];
  for (const each of due) {
    try {
      await takeDownLane(cluster, session, each, options.waitSeconds);
    } catch (error) {
      // One lane that cannot go must not keep the others.
      if (!(error instanceof CommandFailed)) throw error;
      failed.push(error.message);
    }
  }
  const { problems } = await converge(cluster, session, { force: false });
  if (failed.length + problems.length > 0) throw new CommandFailed(ExitCode.NOT_AS_IT_SHOULD, [...failed, ...problems].join('\n'));
  return due;
}
