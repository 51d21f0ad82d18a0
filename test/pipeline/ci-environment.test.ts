import { ciFacts, gitRefusal, repositoryOf, Variables } from '../../src/pipeline/ci-environment';

const GITLAB = {
  GITLAB_CI: 'true',
  CI_PROJECT_PATH: 'shop/testaaa',
  GITLAB_USER_LOGIN: 'ann',
  CI_COMMIT_SHA: '4b7c',
  CI_PIPELINE_ID: '812',
  CI_JOB_ID: '9001',
  CI_PIPELINE_CREATED_AT: '2026-03-01T12:00:00Z',
  CI_JOB_STARTED_AT: '2026-03-01T12:03:00Z',
};
const GITHUB = {
  GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'shop/testaaa', GITHUB_ACTOR: 'ann', GITHUB_SHA: '4b7c', GITHUB_RUN_ID: '21003004005', GITHUB_RUN_ATTEMPT: '2',
};
const pushed = (branch: string) => ({ GITHUB_REF: `refs/heads/${branch}`, GITHUB_REF_NAME: branch, GITHUB_REF_TYPE: 'branch' });
const pullRequest = (head: string | null, ref = 'release-v1') => ({
  pull_request: { head: { ref, repo: head === null ? null : { full_name: head } }, base: { ref: 'release', repo: { full_name: 'shop/testaaa' } } },
});
const noEvent = () => { throw new Error('ENOENT: no such file'); };
const found = (variables: Variables, event: any = noEvent) => ciFacts(variables, typeof event === 'function' ? event : () => event)?.found;

test('nothing is known outside GitLab and GitHub', () => {
  expect(ciFacts({ CI: 'true', BRANCH_NAME: 'x' }, noEvent)).toBeUndefined();
});

describe('GitLab', () => {
  test.each<[string, Variables, unknown]>([
    ['a branch pipeline', { CI_COMMIT_BRANCH: 'release-v1' }, { branch: 'release-v1', by: 'push' }],
    ['a branch with anything in its name', { CI_COMMIT_BRANCH: '$(rm -rf /)' }, { branch: '$(rm -rf /)', by: 'push' }],
    ['a schedule', { CI_COMMIT_BRANCH: 'release', CI_PIPELINE_SOURCE: 'schedule' }, { branch: 'release', by: 'push' }],
    ['a merge-request pipeline, which has no CI_COMMIT_BRANCH', {
      CI_MERGE_REQUEST_IID: '3', CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'release-v1', CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: 'shop/testaaa', CI_MERGE_REQUEST_PROJECT_PATH: 'shop/testaaa',
    }, { branch: 'release-v1', by: 'merge request' }],
    ['an external pull request', {
      CI_COMMIT_BRANCH: 'release-v1',
      CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME: 'release-v1',
      CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY: 'shop/testaaa',
      CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY: 'shop/testaaa',
    }, { branch: 'release-v1', by: 'merge request' }],
  ])('%s', (_, variables, expected) => {
    expect(found({ ...GITLAB, ...variables })).toEqual(expected);
  });

  test.each<[string, Variables, string, RegExp]>([
    ['a tag, though a branch may have its name', { CI_COMMIT_TAG: 'release-v1', CI_COMMIT_REF_NAME: 'release-v1' }, 'TagNotBranch', /the tag "release-v1".*CDK8S_LANES_BRANCH=/],
    ['a merge request from a fork', {
      CI_MERGE_REQUEST_IID: '3', CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'release-v1', CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: 'mallory/testaaa', CI_MERGE_REQUEST_PROJECT_PATH: 'shop/testaaa',
    }, 'ForkNotDeployed', /the fork mallory\/testaaa.*push the branch to this repository/],
    ['a merge request that does not tell its project', { CI_MERGE_REQUEST_IID: '3', CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'release-v1' }, 'ForkNotDeployed', /a fork/],
    ['an external pull request from a fork', {
      CI_COMMIT_BRANCH: 'x', CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME: 'x', CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY: 'm/x', CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY: 'shop/testaaa',
    }, 'ForkNotDeployed', /the fork m\/x/],
    ['no branch at all', {}, 'BranchUnknown', /neither CI_COMMIT_BRANCH nor/],
  ])('%s is refused', (_, variables, code, message) => {
    expect(found({ ...GITLAB, ...variables })).toEqual({ code, message: expect.stringMatching(message) });
  });

  test('the run tells who, what and when; a retried job is another run of the same revision', () => {
    const facts = { repository: 'shop/testaaa', owner: 'ann', commit: '4b7c', revision: Date.parse('2026-03-01T12:00:00Z') / 1000, time: '2026-03-01T12:03:00Z' };
    expect(ciFacts({ ...GITLAB, CI_COMMIT_BRANCH: 'x' }, noEvent)).toMatchObject({ ...facts, run: 'gitlab-812-9001' });
    expect(ciFacts({ ...GITLAB, CI_COMMIT_BRANCH: 'x', CI_JOB_ID: '9002' }, noEvent)).toMatchObject({ ...facts, run: 'gitlab-812-9002' });
  });

  test('an old GitLab, which does not tell when the pipeline was made, tells when the commit was', () => {
    const old = { ...GITLAB, CI_PIPELINE_CREATED_AT: undefined };
    expect(ciFacts({ ...old, CI_COMMIT_TIMESTAMP: '2026-03-01T12:59:00+01:00' }, noEvent)).toMatchObject({ revision: Date.parse('2026-03-01T11:59:00Z') / 1000 });
    expect(ciFacts(old, noEvent)).toMatchObject({ revision: undefined });
  });
});

describe('GitHub', () => {
  test.each<[string, Variables, unknown, unknown]>([
    ['a push', { GITHUB_EVENT_NAME: 'push', ...pushed('release-v1') }, noEvent, { branch: 'release-v1', by: 'push' }],
    ['a branch with slashes', { GITHUB_EVENT_NAME: 'push', ...pushed('feature/a/b') }, noEvent, { branch: 'feature/a/b', by: 'push' }],
    ['a schedule', { GITHUB_EVENT_NAME: 'schedule', ...pushed('release') }, noEvent, { branch: 'release', by: 'push' }],
    ['a run started by hand', { GITHUB_EVENT_NAME: 'workflow_dispatch', ...pushed('release-v1') }, noEvent, { branch: 'release-v1', by: 'push' }],
    ['a pull request', { GITHUB_EVENT_NAME: 'pull_request', GITHUB_REF: 'refs/pull/7/merge', GITHUB_REF_TYPE: 'branch' }, pullRequest('shop/testaaa'), { branch: 'release-v1', by: 'merge request' }],
    ['a pull_request_target', { GITHUB_EVENT_NAME: 'pull_request_target', ...pushed('release') }, pullRequest('shop/testaaa'), { branch: 'release-v1', by: 'merge request' }],
    ['a deletion, which runs on the default branch', { GITHUB_EVENT_NAME: 'delete', ...pushed('release') }, { ref: 'release-v1', ref_type: 'branch' }, { branch: 'release-v1', by: 'deletion' }],
  ])('%s', (_, variables, event, expected) => {
    expect(found({ ...GITHUB, ...variables }, event)).toEqual(expected);
  });

  test.each<[string, Variables, unknown, string, RegExp]>([
    ['a tag', { GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/tags/release-v1', GITHUB_REF_NAME: 'release-v1', GITHUB_REF_TYPE: 'tag' }, noEvent, 'TagNotBranch', /the tag "release-v1"/],
    ['a deleted tag', { GITHUB_EVENT_NAME: 'delete', ...pushed('release') }, { ref: 'v1', ref_type: 'tag' }, 'TagNotBranch', /the tag "v1"/],
    ['a pull request from a fork', { GITHUB_EVENT_NAME: 'pull_request' }, pullRequest('mallory/testaaa'), 'ForkNotDeployed', /the fork mallory\/testaaa/],
    ['a pull_request_target from a fork, which has the secrets', { GITHUB_EVENT_NAME: 'pull_request_target', ...pushed('release') }, pullRequest('mallory/testaaa', 'release'), 'ForkNotDeployed', /"release"/],
    ['a pull request from a fork that is gone', { GITHUB_EVENT_NAME: 'pull_request' }, pullRequest(null), 'ForkNotDeployed', /a fork/],
    ['an event that cannot be read', { GITHUB_EVENT_NAME: 'pull_request', GITHUB_HEAD_REF: 'release-v1' }, noEvent, 'BranchUnknown', /pull_request cannot be read: ENOENT/],
    ['a pull request that is closed, whose lane an up would bring back', { GITHUB_EVENT_NAME: 'pull_request' }, { action: 'closed', ...pullRequest('shop/testaaa') }, 'PullRequestClosed', /"release-v1" is closed.*cdk8s-lanes down/],
    ['a deletion without a branch', { GITHUB_EVENT_NAME: 'delete' }, {}, 'BranchUnknown', /tells no 'ref'/],
    ['a merge queue, whose branches are nobody\'s', { GITHUB_EVENT_NAME: 'merge_group', ...pushed('gh-readonly-queue/release/pr-7-abc') }, noEvent, 'EventWithoutBranch', /merge_group/],
    ['an event that runs on the default branch whatever it is about', { GITHUB_EVENT_NAME: 'workflow_run', ...pushed('release') }, noEvent, 'EventWithoutBranch', /workflow_run runs on release/],
    ['a ref that is no branch', { GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/notes/x' }, noEvent, 'BranchUnknown', /"refs\/notes\/x"/],
  ])('%s is refused', (_, variables, event, code, message) => {
    expect(found({ ...GITHUB, ...variables }, event)).toEqual({ code, message: expect.stringMatching(message) });
  });

  const push = (time: unknown) => () => ({ ref: 'refs/heads/x', repository: { pushed_at: time } });
  const PUSHED = Date.parse('2026-03-01T12:00:00Z') / 1000;

  test('the run tells who and what; a run that is repeated is another run of the same revision', () => {
    const facts = { found: { branch: 'x', by: 'push' }, repository: 'shop/testaaa', owner: 'ann', commit: '4b7c', run: 'github-21003004005-2', revision: PUSHED };
    const variables = { ...GITHUB, GITHUB_EVENT_NAME: 'push', ...pushed('x') };
    expect(ciFacts(variables, push(PUSHED))).toEqual(facts);
    expect(ciFacts({ ...variables, GITHUB_RUN_ATTEMPT: '3' }, push(PUSHED))).toEqual({ ...facts, run: 'github-21003004005-3' });
  });

  test.each<[string, string, unknown, number | undefined]>([
    ['a push, which tells the time in seconds', 'push', PUSHED, PUSHED],
    ['a run started by hand, of what was pushed last', 'workflow_dispatch', '2026-03-01T12:00:00Z', PUSHED],
    ['a schedule', 'schedule', '2026-03-01T13:00:00+01:00', PUSHED],
    ['an event that does not tell it', 'schedule', undefined, undefined],
    ['an event whose time cannot be read', 'push', 'yesterday', undefined],
  ])('revisions are times of the last push: %s', (_, name, time, revision) => {
    expect(ciFacts({ ...GITHUB, GITHUB_EVENT_NAME: name, ...pushed('x') }, push(time))).toMatchObject({ found: { branch: 'x' }, revision });
  });
});

test('git answers for a detached checkout and for none with a way out', () => {
  expect(gitRefusal(true)).toMatchObject({ code: 'DetachedHead', message: expect.stringMatching(/detached.*CDK8S_LANES_BRANCH=/) });
  expect(gitRefusal(false)).toMatchObject({ code: 'BranchUnknown', message: expect.stringMatching(/no git repository.*CDK8S_LANES_BRANCH=/) });
});

test.each([
  ['git@gitlab.example.com:shop/testaaa.git', 'shop/testaaa'],
  ['ssh://git@gitlab.example.com:2222/shop/sub/testaaa.git', 'shop/sub/testaaa'],
  ['https://gitlab-ci-token:secret@gitlab.example.com/shop/testaaa.git', 'shop/testaaa'],
  ['https://github.com/shop/testaaa', 'shop/testaaa'],
  ['https://github.com/shop/testaaa/', 'shop/testaaa'],
  ['/srv/git/testaaa.git', 'srv/git/testaaa'],
  ['https://github.com/', undefined],
])('the repository of the remote %s is %p, as CI systems call it', (remote, repository) => {
  expect(repositoryOf(remote)).toBe(repository);
});
