import { spawnSync } from 'child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { dirname, join } from 'path';
import { Duration } from 'cdk8s';
import { Branch, BranchFacts, BranchRules, CurrentBranchOptions, laneName } from '../src';
import { expectRefusal, thrownBy } from './support/refusals';

const RULES: BranchRules = { baseline: 'release', lanes: ['release-*'] };
const FACTS: BranchFacts = { source: 'shop/testaaa' };

/** In the environment of a CI system alone. */
function inEnvironment<T>(variables: Record<string, string>, action: () => T): T {
  const around = process.env;
  process.env = { PATH: around.PATH, ...variables };
  try {
    return action();
  } finally {
    process.env = around;
  }
}
const GITLAB = { GITLAB_CI: 'true', CI_PROJECT_PATH: 'shop/testaaa', CI_COMMIT_BRANCH: 'release-v1', CI_COMMIT_SHA: '4b7c', CI_PIPELINE_ID: '8', CI_JOB_ID: '9' };
const MERGE_REQUEST = {
  ...GITLAB, CI_COMMIT_BRANCH: '', CI_MERGE_REQUEST_IID: '1', CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: 'shop/testaaa', CI_MERGE_REQUEST_PROJECT_PATH: 'shop/testaaa',
};

describe('a branch is', () => {
  test('the baseline', () => {
    expect(Branch.of('release', RULES, FACTS)).toMatchObject({ name: 'release', isBaseline: true, lane: undefined, baselineVersion: 'release' });
  });

  test.each([['release-v1', 'release-v1'], ['release-V1', laneName('release-V1')], ['release-feature/x', laneName('release-feature/x')]])('a lane: %s', (name, lane) => {
    expect(Branch.of(name, RULES, FACTS)).toMatchObject({ name, isBaseline: false, lane, baselineVersion: 'release' });
  });

  test('a lane, whatever it is called, where no pattern is said', () => {
    expect(Branch.of('x', { baseline: 'main' }, FACTS).lane).toBe('x');
    expect(Branch.of('main', { baseline: 'main' }, FACTS).lane).toBeUndefined();
  });

  test('the baseline even where a pattern of lanes is for it too', () => {
    expect(Branch.of('release', { baseline: 'release', lanes: ['rel*'] }, FACTS).isBaseline).toBe(true);
  });

  test.each(['main', 'my-release-v1', 'releasev1', 'gh-readonly-queue/release/pr-1-abc'])('neither: %s is refused', (name) => {
    expectRefusal(() => Branch.of(name, RULES, FACTS), { code: 'BranchNeither', property: 'branch', got: name, says: /the baseline \(release\) or a lane \(release-\*\).*widen 'lanes'/ });
  });
});

test.each<[string, Partial<BranchRules>, Partial<BranchFacts>, any]>([
  ['an empty baseline', { baseline: '' }, {}, { code: 'BranchEmpty', property: 'baseline', got: '', says: /must not be empty/ }],
  ['a pattern that is no regular expression', { lanes: ['/(/'] }, {}, { code: 'BranchPattern', property: 'lanes', got: '/(/', says: /release-\*/ }],
  ['a time to live under a minute', { ttl: Duration.seconds(59) }, { time: '2026-03-01T12:00:00Z' }, { code: 'LaneTtl', property: 'ttl', says: /1 minute or more, got "59 seconds"/ }],
  ['a time to live that counts from nowhere', { ttl: Duration.days(1) }, {}, { code: 'Time', property: 'time', says: /must be set where lanes have a time to live/ }],
  ['a time that is none', {}, { time: 'noon' }, { code: 'Time', property: 'time', got: 'noon', says: /RFC 3339/ }],
  ['a revision that does not count', {}, { revision: -1 }, { code: 'Revision', property: 'revision', got: -1, says: /0 or more/ }],
  ['no repository', {}, { source: undefined }, { code: 'SourceUnknown', property: 'source', says: /as 'group\/project'/ }],
])('%s is refused', (_, rules, facts, refusal) => {
  expectRefusal(() => Branch.of('release', { ...RULES, ...rules }, { ...FACTS, ...facts }), refusal);
});

test('repositories that look alike have labels of their own', () => {
  const labels = ['shop/testaaa', 'shop-testaaa', 'Shop/testaaa', 'shop.testaaa', 'x/'.repeat(60)].map((source) => Branch.of('release', RULES, { source }).source);
  expect(new Set(labels).size).toBe(labels.length);
  for (const label of labels) expect(label).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
});

describe('the current branch', () => {
  test('is what the CI system says', () => {
    expect(inEnvironment(GITLAB, () => Branch.current(RULES))).toMatchObject({ name: 'release-v1', lane: 'release-v1' });
    expect(inEnvironment({ ...MERGE_REQUEST, CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'release-v2' }, () => Branch.current(RULES)).name).toBe('release-v2');
  });

  test('is what is said by hand before that: an option before the variable', () => {
    expect(inEnvironment({ ...GITLAB, CDK8S_LANES_BRANCH: 'release-v3' }, () => Branch.current(RULES)).name).toBe('release-v3');
    expect(inEnvironment({ ...GITLAB, CDK8S_LANES_BRANCH: 'release-v3' }, () => Branch.current({ ...RULES, branch: 'release-v4' })).name).toBe('release-v4');
  });

  test('all that can be said by hand is taken before what is around', () => {
    const said: Required<CurrentBranchOptions> = {
      baseline: 'release', lanes: ['release-*'], ttl: Duration.hours(2), branch: 'release-v1', source: 'shop/mine', owner: 'Bob', commit: 'c0ffee', run: 'by hand 1', revision: 7, time: '2026-03-01T12:00:00Z',
    };
    const branch = inEnvironment(GITLAB, () => Branch.current(said));
    expect(branch.source).toBe(Branch.of('release', RULES, { source: 'shop/mine' }).source);
    expect(branch._annotations).toEqual({
      'cdk8s-lanes/branch': 'release-v1',
      'cdk8s-lanes/owner': 'Bob',
      'cdk8s-lanes/commit': 'c0ffee',
      'cdk8s-lanes/run': 'by hand 1',
      'cdk8s-lanes/revision': '7',
      'cdk8s-lanes/expires': '2026-03-01T14:00:00Z',
    });
  });

  test('is annotated with what is known and nothing else; the baseline never expires', () => {
    const annotations = inEnvironment({ ...GITLAB, CI_COMMIT_BRANCH: 'release', CI_PIPELINE_CREATED_AT: '2026-03-01T12:00:00Z', CI_JOB_STARTED_AT: '2026-03-01T12:00:00Z' }, () => Branch.current({ ...RULES, ttl: Duration.days(1) }))._annotations;
    expect(annotations).toEqual({ 'cdk8s-lanes/branch': 'release', 'cdk8s-lanes/commit': '4b7c', 'cdk8s-lanes/run': 'gitlab-8-9', 'cdk8s-lanes/revision': '1772366400' });
  });

  test('is refused where it is deleted', () => {
    const event = join(mkdtempSync(join(tmpdir(), 'cdk8s-lanes-branch-')), 'event.json');
    writeFileSync(event, JSON.stringify({ ref: 'release-v1', ref_type: 'branch' }));
    const variables = { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'delete', GITHUB_EVENT_PATH: event, GITHUB_REPOSITORY: 'shop/testaaa' };
    expectRefusal(() => inEnvironment(variables, () => Branch.current(RULES)), { code: 'BranchGone', property: 'branch', got: 'release-v1', says: /deleted.*cdk8s-lanes down/ });
    rmSync(dirname(event), { recursive: true });
  });

  test('is not the baseline in the pipeline of a merge request', () => {
    expectRefusal(() => inEnvironment({ ...MERGE_REQUEST, CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'release' }, () => Branch.current(RULES)), {
      code: 'MergeRequestOfBaseline', property: 'branch', got: 'release', says: /the branch's own pipeline deploys it/,
    });
  });

  test('is refused in a few lines, not by a stack of ours', () => {
    const error = thrownBy(() => inEnvironment({ ...GITLAB, CI_COMMIT_TAG: 'v1' }, () => Branch.current(RULES)));
    expect(error.message).toMatch(/^'branch' cannot be told: the run is for the tag "v1"/);
    expect(error.stack).not.toMatch(/\n\s+at /);
  });
});

test('a program that names no branch ends with the message', () => {
  const script = "require('./src').Branch.current({ baseline: 'release', lanes: ['release-*'], source: 'a/b' })";
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '-e', script], {
    cwd: join(__dirname, '..'), encoding: 'utf8', env: { PATH: process.env.PATH, CDK8S_LANES_BRANCH: 'main' },
  });
  expect(status).not.toBe(0);
  expect(stderr).toContain("'branch' must be the baseline (release) or a lane (release-*), got \"main\"");
  expect(stderr).not.toMatch(/\n\s+at .*src\/branch/);
});
