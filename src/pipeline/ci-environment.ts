/*
 * What CI systems tell about the run in their environment variables. Pure: the variables are given, and so is GitHub's event.
 */

/** Environment variables by name. */
export type Variables = Record<string, string | undefined>;

/** Why no branch can be deployed from this run. `code` stays the same when the wording changes. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** The branch that a run is about. */
export interface BranchFound {
  readonly branch: string;
  /** What the run is for; a merge request's run may have built something else than the branch's head. */
  readonly by: 'push' | 'merge request' | 'deletion';
}

/** What a run tells of itself. All but `found` is left out where it is unknown. */
export interface RunFacts {
  readonly found: BranchFound | Refusal;
  /** The repository, as `group/project`. */
  readonly repository?: string;
  readonly owner?: string;
  readonly commit?: string;
  /** Another one for each run, retries included. */
  readonly run?: string;
  /**
   * Grows from pipeline to pipeline, and stays in retries: an older pipeline that is retried remains the older one. Seconds since
   * 1970, as commit times are, so that the same lane can be deployed by any CI system and by hand in turns.
   */
  readonly revision?: number;
  /** When the run began, RFC 3339. */
  readonly time?: string;
}

/** The variable that names the branch by hand, before everything else: for CI systems that are not known here. */
export const BRANCH_VARIABLE = 'CDK8S_LANES_BRANCH';

const BY_HAND = `name the branch: ${BRANCH_VARIABLE}=<branch>, or 'branch' in the code`;

/**
 * What GitLab or GitHub tells.
 *
 * @param event reads GitHub's event; it may throw
 * @returns `undefined` outside both
 */
export function ciFacts(variables: Variables, event: () => any): RunFacts | undefined {
  if (variables.GITLAB_CI === 'true') return gitLabFacts(variables);
  if (variables.GITHUB_ACTIONS === 'true') return gitHubFacts(variables, event);
  return undefined;
}

function gitLabFacts(variables: Variables): RunFacts {
  return {
    found: gitLabBranch(variables),
    repository: variables.CI_PROJECT_PATH,
    owner: variables.GITLAB_USER_LOGIN,
    commit: variables.CI_COMMIT_SHA,
    run: joined('gitlab', variables.CI_PIPELINE_ID, variables.CI_JOB_ID),
    // Before 13.10 GitLab does not tell when the pipeline was made.
    revision: seconds(variables.CI_PIPELINE_CREATED_AT) ?? seconds(variables.CI_COMMIT_TIMESTAMP),
    time: variables.CI_JOB_STARTED_AT,
  };
}

function gitLabBranch(variables: Variables): BranchFound | Refusal {
  const { CI_MERGE_REQUEST_IID: mergeRequest, CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: source, CI_COMMIT_TAG: tag } = variables;
  if (tag) return tagRefused(tag);
  if (mergeRequest || source) {
    const theirs = variables.CI_MERGE_REQUEST_SOURCE_PROJECT_PATH;
    const ours = variables.CI_MERGE_REQUEST_PROJECT_PATH ?? variables.CI_PROJECT_PATH;
    if (theirs !== ours) return forkRefused(theirs, source);
    return source ? { branch: source, by: 'merge request' } : unknown('a merge-request pipeline tells no CI_MERGE_REQUEST_SOURCE_BRANCH_NAME');
  }
  const external = variables.CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME;
  if (external) {
    const theirs = variables.CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY;
    if (theirs !== variables.CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY) return forkRefused(theirs, external);
    return { branch: external, by: 'merge request' };
  }
  if (variables.CI_COMMIT_BRANCH) return { branch: variables.CI_COMMIT_BRANCH, by: 'push' };
  return unknown('GitLab tells neither CI_COMMIT_BRANCH nor CI_MERGE_REQUEST_SOURCE_BRANCH_NAME');
}

function gitHubFacts(variables: Variables, event: () => any): RunFacts {
  const told = attempt(event);
  return {
    found: gitHubBranch(variables, told),
    repository: variables.GITHUB_REPOSITORY,
    owner: variables.GITHUB_ACTOR,
    commit: variables.GITHUB_SHA,
    run: joined('github', variables.GITHUB_RUN_ID, variables.GITHUB_RUN_ATTEMPT),
    // Nothing tells when the run was made. The event, which stays the same when the run is repeated, tells of the last push until then.
    revision: seconds(told.payload?.repository?.pushed_at),
  };
}

/** What GitHub's event tells, or why it cannot be read. */
type Told = { readonly payload?: any; readonly problem?: string };

function attempt(event: () => any): Told {
  try {
    return { payload: event() };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** Events that run on the branch that they are about. Others run on the default branch, whatever they are about. */
const EVENTS_OF_THE_BRANCH = ['push', 'workflow_dispatch', 'schedule', 'create'];

function gitHubBranch(variables: Variables, { payload, problem }: Told): BranchFound | Refusal {
  const name = variables.GITHUB_EVENT_NAME ?? '';
  if (name === 'delete' || name.startsWith('pull_request')) {
    if (problem !== undefined) return unknown(`the event ${name} cannot be read: ${problem}`);
    return name === 'delete' ? deletedBranch(payload) : pullRequestBranch(payload, variables);
  }
  const { GITHUB_REF: ref, GITHUB_REF_NAME: short, GITHUB_REF_TYPE: type } = variables;
  if (type === 'tag' || ref?.startsWith('refs/tags/')) return tagRefused(short ?? ref!);
  if (!EVENTS_OF_THE_BRANCH.includes(name)) {
    return { code: 'EventWithoutBranch', message: `the event ${name || '(none)'} runs on ${short ?? 'the default branch'}, whatever branch it is about; ${BY_HAND}` };
  }
  const branch = ref?.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
  return branch ? { branch, by: 'push' } : unknown(`GITHUB_REF must be a branch (refs/heads/…), got ${JSON.stringify(ref)}`);
}

function deletedBranch(payload: any): BranchFound | Refusal {
  if (payload?.ref_type === 'tag') return tagRefused(String(payload.ref));
  if (typeof payload?.ref !== 'string' || payload.ref === '') return unknown("the event delete tells no 'ref'");
  return { branch: payload.ref, by: 'deletion' };
}

function pullRequestBranch(payload: any, variables: Variables): BranchFound | Refusal {
  const head = payload?.pull_request?.head;
  const branch = head?.ref ?? variables.GITHUB_HEAD_REF;
  const theirs = head?.repo?.full_name;
  // Where the fork is deleted its `repo` is null.
  if (theirs === undefined || theirs !== payload?.pull_request?.base?.repo?.full_name) return forkRefused(theirs, branch);
  if (!branch) return unknown("the pull request tells no 'head.ref'");
  return payload.action === 'closed' ? closedRefused(branch) : { branch, by: 'merge request' };
}

function tagRefused(tag: string): Refusal {
  return { code: 'TagNotBranch', message: `the run is for the tag ${JSON.stringify(tag)}, and lanes belong to branches; leave tags out of the pipeline, or ${BY_HAND}` };
}

function closedRefused(branch: string): Refusal {
  return {
    code: 'PullRequestClosed',
    message: `the pull request of the branch ${JSON.stringify(branch)} is closed, so its lane is wanted no more; take it down with 'cdk8s-lanes down', or ${BY_HAND}`,
  };
}

function forkRefused(repository: string | undefined, branch: string | undefined): Refusal {
  return {
    code: 'ForkNotDeployed',
    message: `the branch ${JSON.stringify(branch ?? '')} is one of ${repository ? `the fork ${repository}` : 'a fork'}, whose owner may name it like a branch of this repository and so take its lane; `
      + 'push the branch to this repository to deploy it',
  };
}

function unknown(what: string): Refusal {
  return { code: 'BranchUnknown', message: `the branch is not known: ${what}; ${BY_HAND}` };
}

/** What a branch that nobody names is answered with outside CI systems. */
export function gitRefusal(inRepository: boolean): Refusal {
  if (!inRepository) return unknown('there is neither GitLab nor GitHub, and no git repository');
  return { code: 'DetachedHead', message: `the checkout is detached, as CI systems make it: it is at a commit, on no branch; ${BY_HAND}` };
}

/** `group/project` of a remote's address: `git@host:group/project.git`, `https://user@host/group/project`, `/srv/git/project.git`. */
export function repositoryOf(remote: string): string | undefined {
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/]*\/(.*)$/i.exec(remote)?.[1] ?? /^[^/]*?:(.*)$/.exec(remote)?.[1] ?? remote;
  return path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '') || undefined;
}

function joined(system: string, run: string | undefined, part: string | undefined): string | undefined {
  return run === undefined ? undefined : [system, run, part].filter((each) => each).join('-');
}

/** A point in time, as RFC 3339 or as seconds since 1970, in whole seconds since 1970. */
function seconds(time: unknown): number | undefined {
  const number = typeof time === 'number' ? time : Date.parse(String(time ?? '')) / 1000;
  return Number.isFinite(number) ? Math.floor(number) : undefined;
}
