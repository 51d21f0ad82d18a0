import { Cluster } from './cluster';
import { ConvergeReport } from './converge';
import { down } from './down';
import { CommandFailed, ExitCode } from './failures';
import { Folder } from './folder';
import { Session } from './session';
import { up, UpOptions } from './up';

/**
 * `up` of a branch that may be deleted while its pipeline is under way. A pipeline that waits, for a build or for its turn, may
 * begin when the deletion has taken the lane down already, and nobody would take it down again: so it is asked in the beginning
 * whether the branch is there. It is asked in the end too, as a CI system may know of nothing to take down until then.
 *
 * @param isThere asks whether the branch is there; it throws where that is not known
 */
export async function upWhile(
  isThere: (branch: string) => boolean, cluster: Cluster, session: Session, folder: Folder, options: UpOptions & { readonly downWaitSeconds: number },
): Promise<ConvergeReport> {
  const { branch, lane, source } = folder;
  if (branch === undefined) throw new CommandFailed(ExitCode.INPUT, "'--while-branch-at' needs manifests that tell their branch (annotation cdk8s-lanes/branch), and these do not");
  const name = JSON.stringify(branch);
  if (!isThere(branch)) throw new CommandFailed(ExitCode.REFUSED, `nothing was changed: the branch ${name} is gone, and nobody would take down what comes up for it`);
  const report = await up(cluster, session, folder, options);
  if (lane === undefined || isThere(branch)) return report;
  session.say(`the branch ${name} was deleted meanwhile`);
  await down(cluster, session, branch, { source, waitSeconds: options.downWaitSeconds });
  throw new CommandFailed(ExitCode.OVERTAKEN, `the branch ${name} was deleted while its lane came up, so the lane ${lane} was taken down again`);
}
