import { spawnSync } from 'child_process';

/** git, or the repository that it was to ask, does not answer. */
export class RemoteUnknown extends Error {}

/**
 * Whether a remote repository has a branch, asked of git.
 *
 * @param remote what git calls it, such as `origin`, or its address
 * @throws RemoteUnknown where git cannot tell: no answer must not be taken for a branch that is gone
 */
export function isBranchAt(remote: string, branch: string, folder: string = process.cwd()): boolean {
  const { status, stdout, stderr, error } = spawnSync('git', ['ls-remote', '--heads', '--', remote, `refs/heads/${branch}`], {
    cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
  });
  if (status !== 0) throw new RemoteUnknown(`git cannot tell the branches of ${remote}: ${error?.message ?? stderr.trim()}`);
  // git takes the name for the end of a ref, so that it may find others too.
  return stdout.split('\n').some((line) => line.split('\t')[1] === `refs/heads/${branch}`);
}
