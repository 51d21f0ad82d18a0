import { execFileSync } from 'child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { currentRun } from '../../src/pipeline/current-run';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const git = (...args: string[]) => execFileSync('git', args, {
  cwd: repository, encoding: 'utf8', env: { ...process.env, GIT_COMMITTER_DATE: '2026-03-01T12:00:00Z', GIT_AUTHOR_DATE: '2026-03-01T12:00:00Z' },
}).trim();
const repository = mkdtempSync(join(folder, 'repository-'));
beforeAll(() => {
  git('init', '-q', '-b', 'release-v1');
  git('config', 'user.name', 'Ann');
  git('config', 'user.email', 'ann@example.com');
  git('remote', 'add', 'origin', 'git@gitlab.example.com:shop/testaaa.git');
  git('commit', '-q', '--allow-empty', '-m', 'one');
});

test('outside CI systems git tells the branch, the commit, its time, the repository and who it is', () => {
  expect(currentRun({}, repository)).toEqual({
    found: { branch: 'release-v1', by: 'push' },
    repository: 'shop/testaaa',
    owner: 'Ann',
    commit: git('rev-parse', 'HEAD'),
    revision: Date.parse('2026-03-01T12:00:00Z') / 1000,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  });
});

test('a branch is called by its own name where a tag has that name too', () => {
  git('tag', 'release-v1');
  expect(currentRun({}, repository).found).toEqual({ branch: 'release-v1', by: 'push' });
  git('tag', '-d', 'release-v1');
});

test('a repository without a commit, on its branch, has a branch', () => {
  const empty = mkdtempSync(join(folder, 'empty-'));
  execFileSync('git', ['init', '-q', '-b', 'main'], { cwd: empty });
  expect(currentRun({}, empty).found).toEqual({ branch: 'main', by: 'push' });
  expect(currentRun({}, empty)).toMatchObject({ commit: undefined, revision: undefined, repository: undefined });
});

test('a detached checkout has no branch, and the variable names it', () => {
  git('checkout', '-q', '--detach');
  expect(currentRun({}, repository).found).toMatchObject({ code: 'DetachedHead' });
  expect(currentRun({ CDK8S_LANES_BRANCH: 'release-v2' }, repository).found).toEqual({ branch: 'release-v2', by: 'push' });
  git('checkout', '-q', 'release-v1');
});

test('a folder that is no repository has none', () => {
  expect(currentRun({ GIT_CEILING_DIRECTORIES: folder }, mkdtempSync(join(folder, 'plain-'))).found).toMatchObject({ code: 'BranchUnknown' });
});

test('a CI system is believed before git, and the variable before both', () => {
  const gitLab = { GITLAB_CI: 'true', CI_COMMIT_BRANCH: 'release-v3', CI_PROJECT_PATH: 'shop/other' };
  expect(currentRun(gitLab, repository)).toMatchObject({ found: { branch: 'release-v3' }, repository: 'shop/other' });
  expect(currentRun({ ...gitLab, CDK8S_LANES_BRANCH: 'release-v4' }, repository)).toMatchObject({ found: { branch: 'release-v4' }, repository: 'shop/other' });
});

test('revisions are seconds whoever tells them, so that a lane can be deployed by hand, by GitLab and by GitHub in turns', () => {
  const commit = Date.parse('2026-03-01T12:00:00Z') / 1000;
  const gitLab = { GITLAB_CI: 'true', CI_COMMIT_BRANCH: 'release-v1', CI_PIPELINE_ID: '812' };
  const event = join(folder, 'push.json');
  writeFileSync(event, JSON.stringify({ repository: { pushed_at: commit + 60 } }));
  const gitHub = { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'push', GITHUB_REF: 'refs/heads/release-v1', GITHUB_RUN_ID: '21003004005' };
  expect(currentRun({}, repository).revision).toBe(commit);
  expect(currentRun({ ...gitLab, CI_PIPELINE_CREATED_AT: '2026-03-01T12:02:00Z' }, repository).revision).toBe(commit + 120);
  expect(currentRun({ ...gitHub, GITHUB_EVENT_PATH: event }, repository).revision).toBe(commit + 60);
  // Where the CI system does not tell a time, the commit that it checked out has one.
  expect(currentRun(gitLab, repository).revision).toBe(commit);
  expect(currentRun(gitHub, repository).revision).toBe(commit);
});

test("GitHub's event is read where GitHub says it is", () => {
  const event = join(folder, 'event.json');
  writeFileSync(event, JSON.stringify({ ref: 'release-v1', ref_type: 'branch' }));
  const variables = { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'delete' };
  expect(currentRun({ ...variables, GITHUB_EVENT_PATH: event }, repository).found).toEqual({ branch: 'release-v1', by: 'deletion' });
  expect(currentRun({ ...variables, GITHUB_EVENT_PATH: join(folder, 'gone.json') }, repository).found).toMatchObject({ code: 'BranchUnknown' });
  expect(currentRun(variables, repository).found).toMatchObject({ code: 'BranchUnknown' });
});
