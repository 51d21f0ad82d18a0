import { spawnSync } from 'child_process';
import { readFileSync } from 'fs';
import { BRANCH_VARIABLE, BranchFound, ciFacts, gitRefusal, repositoryOf, Refusal, RunFacts, Variables } from './ci-environment';

/** What is known of the run that this process is part of: from the CI system's variables, else from git and the clock. */
export function currentRun(variables: Variables = process.env, folder: string = process.cwd()): RunFacts {
  const facts = ciFacts(variables, () => JSON.parse(readFileSync(variables.GITHUB_EVENT_PATH ?? '', 'utf8'))) ?? gitFacts(folder);
  const byHand = variables[BRANCH_VARIABLE];
  return {
    ...facts,
    ...(byHand ? { found: { branch: byHand, by: 'push' } } : {}),
    revision: facts.revision ?? commitOf(folder).seconds,
    time: facts.time ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

function gitFacts(folder: string): RunFacts {
  const { commit, seconds } = commitOf(folder);
  const remote = git(folder, 'remote', 'get-url', 'origin');
  return {
    found: gitBranch(folder),
    repository: remote && repositoryOf(remote),
    owner: git(folder, 'config', 'user.name'),
    commit,
    revision: seconds,
  };
}

/** What is checked out, and when it was committed. */
function commitOf(folder: string): { commit?: string; seconds?: number } {
  const [commit, seconds] = git(folder, 'log', '-1', '--format=%H %ct')?.split(' ') ?? [];
  return { commit, seconds: seconds === undefined ? undefined : Number(seconds) };
}

function gitBranch(folder: string): BranchFound | Refusal {
  // The whole ref: git's short form of it is another one where a tag has the branch's name.
  const branch = git(folder, 'symbolic-ref', '-q', 'HEAD')?.replace(/^refs\/heads\//, '');
  return branch ? { branch, by: 'push' } : gitRefusal(git(folder, 'rev-parse', '--git-dir') !== undefined);
}

/** What git answers; nothing where it fails or is not there. */
function git(folder: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}
