import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { GitLabOptions, gitLabComponent, gitLabPipeline } from '../../src/pipeline/gitlab-pipeline';
import { parseService, PipelinePlan } from '../../src/pipeline/pipeline-plan';
import { documents, gitLabRun, HOSTILE_BRANCHES, Repository, StubbedShell } from '../support/ci-systems';
import { expectRefusal } from '../support/refusals';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-gitlab-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PLAN: PipelinePlan = {
  services: ['testaaa=testaaa,main.ts', 'testbbb=testbbb,main.ts,shared/'].map(parseService), baseline: 'release', lanes: ['release-*'], context: 'group/agents:test', preview: '*.preview.example.com',
};
const OPTIONS: GitLabOptions = { deployer: '$CI_REGISTRY_IMAGE/deployer:1', builder: 'buildkit', autoStopIn: '2 weeks' };
const one = { ...PLAN, services: [parseService('testaaa')] };

const jobsOf = ({ stages, workflow, ...jobs }: any): Record<string, any> => jobs;
const pipeline = (plan = PLAN, options: Partial<GitLabOptions> = {}) => documents(gitLabPipeline(plan, { ...OPTIONS, ...options }))[0];

/** What GitLab finds out only when the file is used, or never. */
function lifecycleProblems(jobs: Record<string, any>): string[] {
  const problems: string[] = [];
  const rulesOf = (job: any) => JSON.stringify(job.rules.map(({ when, allow_failure: allowed, ...rule }: any) => rule));
  for (const [name, job] of Object.entries(jobs)) {
    for (const { job: needed } of job.needs ?? []) if (!jobs[needed]) problems.push(`${name} needs ${needed}, which is no job`);
    if (!job.environment?.on_stop) continue;
    const stop = jobs[job.environment.on_stop];
    if (!stop) {
      problems.push(`${name} is stopped by ${job.environment.on_stop}, which is no job`);
      continue;
    }
    if (stop.environment?.action !== 'stop') problems.push(`${job.environment.on_stop} does not stop`);
    if (stop.environment?.name !== job.environment.name) problems.push('another environment is stopped');
    if (stop.environment?.url) problems.push('a stop job must not have a url');
    if (stop.resource_group !== job.resource_group) problems.push('deploy and stop may overlap');
    if (rulesOf(stop) !== rulesOf(job)) problems.push('the stop job is not there whenever the deploy job is');
    if (!stop.rules.every(({ when, allow_failure: allowed }: any) => when === 'manual' && allowed)) problems.push('the stop job runs by itself, or holds the pipeline up');
    if (stop.needs?.length !== 0) problems.push('the stop job waits for others');
    if (stop.variables?.GIT_STRATEGY !== 'none') problems.push('the stop job checks out a branch that is gone');
  }
  return problems;
}

describe('what runs when, as GitLab evaluates it', () => {
  const repository = Repository.create(mkdtempSync(join(folder, 'rules-')), 'release', {
    '.gitlab-ci.yml': gitLabPipeline(PLAN, OPTIONS), 'testaaa/server.js': '1', 'testbbb/server.js': '1', 'shared/lib.js': '1', 'main.ts': '1', 'README.md': '1',
  });

  const BUILD_ALL = { 'build-testaaa': 'on_success', 'build-testbbb': 'on_success' };
  const LANE = { 'deploy-lane': 'on_success', 'stop-lane': 'manual' };
  test.each<[string, string, string | undefined, Record<string, string>]>([
    ['the baseline builds and deploys all', 'release', undefined, { ...BUILD_ALL, 'deploy-baseline': 'on_success' }],
    ['a lane that changed one service', 'release-v1', 'testaaa/server.js', { 'build-testaaa': 'on_success', ...LANE }],
    ['a lane that changed what a service is made of', 'release-v2', 'shared/lib.js', { 'build-testbbb': 'on_success', ...LANE }],
    ['a lane that changed what all are made of', 'release-v3', 'main.ts', { ...BUILD_ALL, ...LANE }],
    ['a lane that changed nothing of them has nothing up', 'release-v4', 'README.md', { 'drop-lane': 'on_success' }],
    ['a lane with a slash and capitals', 'release-Feature/X_1.0', 'testaaa/server.js', { 'build-testaaa': 'on_success', ...LANE }],
    ['a branch that GitLab has no environment for is told so', 'release-$(id)', 'testaaa/server.js', { 'refuse-branch': 'on_success' }],
    ['a branch that would be a variable in the environment\'s name is told so', 'release-${TOKEN}', 'testaaa/server.js', { 'refuse-branch': 'on_success' }],
    ['another branch', 'feature', 'testaaa/server.js', {}],
    ['a branch that only ends like a lane', 'my-release-v1', 'testaaa/server.js', {}],
  ])('%s: %s', (_, branch, changed, expected) => {
    if (branch !== 'release') repository.branch(branch, 'origin/release');
    if (changed) repository.commit({ [changed]: '2' });
    expect(gitLabRun(repository.folder)).toEqual(expected);
  });

  test('a schedule sweeps, on the baseline alone', () => {
    repository.git('checkout', '-q', 'release');
    expect(gitLabRun(repository.folder, { CI_PIPELINE_SOURCE: 'schedule' })).toEqual({ sweep: 'on_success' });
    repository.git('checkout', '-q', 'release-v1');
    expect(gitLabRun(repository.folder, { CI_PIPELINE_SOURCE: 'schedule' })).toEqual({});
  });

  test('a repository with one service deploys each of its lanes', () => {
    repository.git('checkout', '-q', '-b', 'release-one', 'origin/release');
    writeFileSync(join(repository.folder, '.gitlab-ci.yml'), gitLabPipeline(one, OPTIONS));
    expect(gitLabRun(repository.folder)).toEqual({ 'build-testaaa': 'on_success', ...LANE });
  });

  test.each<[string, Partial<PipelinePlan>, Partial<GitLabOptions>]>([
    ['docker in docker', {}, { builder: 'docker' }],
    ['several patterns, one with slashes', { lanes: ['release-*', 'hot/fix-*', '/^v\\d+\\/x$/'] }, {}],
    ['no preview, no context, no time, runner tags', { preview: undefined, context: undefined }, { autoStopIn: undefined, tags: ['k8s', 'on'] }],
  ])('the schema is met with %s', (_, plan, options) => {
    repository.git('checkout', '-q', '--force', 'release');
    writeFileSync(join(repository.folder, '.gitlab-ci.yml'), gitLabPipeline({ ...PLAN, ...plan }, { ...OPTIONS, ...options }));
    expect(Object.keys(gitLabRun(repository.folder))).toEqual(['build-testaaa', 'build-testbbb', 'deploy-baseline']);
  });

  test('the schema is looked at: a file that does not meet it is refused', () => {
    writeFileSync(join(repository.folder, '.gitlab-ci.yml'), gitLabPipeline(PLAN, OPTIONS).replace('auto_stop_in: 2 weeks', 'auto_stop_in: [2]'));
    expect(() => gitLabRun(repository.folder)).toThrow(/auto_stop_in|environment/);
    repository.git('checkout', '-q', '--force', 'release');
  });

  test('the component meets it too, with its inputs, and runs the same jobs', () => {
    const inputs = {
      'service': 'testaaa', 'context': 'group/agents:test', 'deployer': 'deployer:1', 'preview-domain': 'preview.example.com', 'baseline': 'release', 'lanes': '^release-.*$', 'job-prefix': 'shop-', 'tags': ['k8s'],
    };
    repository.branch('release-component');
    repository.commit({
      'lane.yml': gitLabComponent({ builder: 'buildkit' }),
      '.gitlab-ci.yml': JSON.stringify({ stages: ['build', 'deploy'], include: [{ local: '/lane.yml', inputs }] }),
    });
    expect(gitLabRun(repository.folder)).toEqual({ 'shop-build-testaaa': 'on_success', 'shop-deploy-lane': 'on_success', 'shop-stop-lane': 'manual' });
  });
});

describe('the life of a lane', () => {
  test.each<[string, Record<string, any>]>([
    ['of two services', jobsOf(pipeline())],
    ['of one', jobsOf(pipeline(one))],
    ['as a component', documents(gitLabComponent({ builder: 'docker' }))[1]],
  ])('%s is whole', (_, jobs) => {
    expect(lifecycleProblems(jobs)).toEqual([]);
  });

  test.each<[string, (jobs: any) => void]>([
    ['a stop job that is not there', (jobs) => delete jobs['stop-lane']],
    ['another environment', (jobs) => { jobs['stop-lane'].environment.name = 'lane/$CI_COMMIT_REF_SLUG'; }],
    ['other rules', (jobs) => { jobs['stop-lane'].rules[0].if = 'true'; }],
    ['a checkout', (jobs) => { delete jobs['stop-lane'].variables; }],
    ['waiting', (jobs) => { delete jobs['stop-lane'].needs; }],
    ['another group', (jobs) => { jobs['stop-lane'].resource_group = 'x'; }],
    ['no hand', (jobs) => { delete jobs['stop-lane'].rules[0].when; }],
    ['a job that is needed and not there', (jobs) => delete jobs['build-testaaa']],
  ])('%s would be noticed', (_, spoil) => {
    const jobs = structuredClone(jobsOf(pipeline()));
    spoil(jobs);
    expect(lifecycleProblems(jobs)).not.toEqual([]);
  });

  test('two branches that GitLab\'s slug confuses have two environments', () => {
    expect(jobsOf(pipeline())['deploy-lane']).toMatchObject({ environment: { name: 'lane/$CI_COMMIT_REF_NAME' }, resource_group: 'lane/$CI_COMMIT_REF_NAME' });
    expect(JSON.stringify(pipeline())).not.toContain('SLUG');
  });

  test('the baseline has no end', () => {
    const { environment } = jobsOf(pipeline())['deploy-baseline'];
    expect(environment).not.toHaveProperty('on_stop');
    expect(environment).not.toHaveProperty('auto_stop_in');
  });
});

describe('the scripts', () => {
  const COMMANDS = ['kubectl', 'npm', 'npx', 'cdk8s-lanes', 'buildctl-daemonless.sh', 'docker', 'git'];
  const VARIABLES = {
    CI_REGISTRY: 'registry.example.com',
    CI_REGISTRY_IMAGE: 'registry.example.com/release',
    CI_REGISTRY_USER: 'ci',
    CI_REGISTRY_PASSWORD: 'se"cr et$1',
    CI_COMMIT_SHA: '4b7c',
    CI_REPOSITORY_URL: 'https://gitlab-ci-token:token@gitlab.example.com/shop/testaaa.git',
  };
  let shell: StubbedShell;
  beforeEach(() => {
    shell = new StubbedShell(mkdtempSync(join(folder, 'shell-')), COMMANDS, { 'npx*lane-name*': 'release-v1' });
  });
  const run = (name: string, branch: string, plan = PLAN, options: Partial<GitLabOptions> = {}) => {
    const job = jobsOf(pipeline(plan, options))[name];
    return shell.run('sh', job.script, { ...VARIABLES, ...job.variables, CI_COMMIT_BRANCH: branch, CI_COMMIT_REF_NAME: branch });
  };

  test('BuildKit pushes an image of the commit, logs in by a file, and hands the image over', () => {
    const { status, calls } = run('build-testaaa', 'release-v1');
    expect(status).toBe(0);
    expect(calls).toEqual([[
      'buildctl-daemonless.sh', 'build', '--frontend', 'dockerfile.v0', '--local', 'context=testaaa', '--local', 'dockerfile=testaaa',
      '--output', 'type=image,name=registry.example.com/release/testaaa:4b7c,push=true',
    ]]);
    const { auth } = JSON.parse(shell.read('.docker/config.json')).auths['registry.example.com'];
    expect(Buffer.from(auth, 'base64').toString()).toBe('ci:se"cr et$1');
    expect(shell.read('testaaa.env')).toBe('IMAGE_TESTAAA=registry.example.com/release/testaaa:4b7c\n');
  });

  test('docker does it too; the password stands in no command line', () => {
    const { status, calls } = run('build-testbbb', 'release-v1', PLAN, { builder: 'docker' });
    expect(status).toBe(0);
    expect(calls).toEqual([
      ['docker', 'login', '--username', 'ci', '--password-stdin', 'registry.example.com'],
      ['docker', 'build', '--tag', 'registry.example.com/release/testbbb:4b7c', 'testbbb'],
      ['docker', 'push', 'registry.example.com/release/testbbb:4b7c'],
    ]);
    expect(shell.read('testbbb.env')).toBe('IMAGE_TESTBBB=registry.example.com/release/testbbb:4b7c\n');
  });

  test('a repository with one service builds its root and calls the variable IMAGE', () => {
    const { calls } = run('build-testaaa', 'release-v1', one, { builder: 'docker' });
    expect(calls[1]).toEqual(['docker', 'build', '--tag', 'registry.example.com/release/testaaa:4b7c', '.']);
    expect(shell.read('testaaa.env')).toMatch(/^IMAGE=/);
  });

  test('a lane is deployed, and its preview told', () => {
    const { calls } = run('deploy-lane', 'release-v1');
    expect(calls).toEqual([
      ['kubectl', 'config', 'use-context', 'group/agents:test'], ['npm', 'ci'], ['npx', 'cdk8s', 'synth'], ['npx', 'cdk8s-lanes', 'up', 'dist', '--while-branch-at', 'origin'],
      ['npx', 'cdk8s-lanes', 'lane-name', '--', 'release-v1'],
    ]);
    expect(shell.read('lane.env')).toBe('LANE=release-v1\n');
    expect(jobsOf(pipeline())['deploy-lane']).toMatchObject({ environment: { url: 'http://$LANE.preview.example.com' }, artifacts: { reports: { dotenv: 'lane.env' } } });
  });

  test('the sweep gets the branches of the repository, and nothing where they cannot be had', () => {
    expect(run('sweep', 'release').calls).toEqual([
      ['kubectl', 'config', 'use-context', 'group/agents:test'], ['git', 'ls-remote', '--heads', VARIABLES.CI_REPOSITORY_URL],
      ['cdk8s-lanes', 'sweep', '--branches', '-', '--baseline', 'release', '--yes'],
    ]);
    writeFileSync(join(shell.folder, 'bin', 'git'), '#!/bin/sh\necho "4b7c refs/heads/release"\nexit 128\n');
    const { status, calls } = run('sweep', 'release');
    expect({ status, swept: calls.filter(([command]) => command === 'cdk8s-lanes') }).toEqual({ status: 128, swept: [] });
  });

  test.each(HOSTILE_BRANCHES)('the branch %s is a word to them and nothing else', (branch) => {
    expect(run('stop-lane', branch).calls.slice(1)).toEqual([['cdk8s-lanes', 'down', '--', branch]]);
    expect(run('drop-lane', branch).calls.slice(1)).toEqual([['cdk8s-lanes', 'down', '--', branch]]);
    expect(run('deploy-lane', branch).calls.slice(4)).toEqual([['npx', 'cdk8s-lanes', 'lane-name', '--', branch]]);
    const refused = run('refuse-branch', branch);
    expect(refused).toMatchObject({ status: 1, calls: [] });
    expect(refused.stderr).toContain(`The branch ${branch} is not deployed`);
    for (const name of ['build-testaaa', 'deploy-baseline', 'sweep']) expect(run(name, branch).status).toBe(0);
    expect(shell.intruders).toEqual([]);
  });

  test.each([['testaaa=$(touch pwned)'], ['testaaa=a b'], ['testaaa=../x'], ['testaaa=-f'], ['test_aaa'], ['testaaa=a,b"c'], ['testaaa=']])('the service %s is refused', (service) => {
    expect(() => gitLabPipeline({ ...PLAN, services: [parseService(service)] }, OPTIONS)).toThrow(/'--service' must/);
  });
});

test.each<[string, Partial<PipelinePlan>, Partial<GitLabOptions>, any]>([
  ['no service', { services: [] }, {}, { code: 'PipelineService', property: '--service', says: /got none/ }],
  ['a service twice', { services: ['a=a', 'a=b'].map(parseService) }, {}, { code: 'PipelineService', property: '--service', says: /got a twice/ }],
  ['several services of which one has no folder', { services: ['a', 'b=b'].map(parseService) }, {}, { code: 'PipelinePath', property: '--service', says: /say a=folder/ }],
  ['a baseline that would end its quotes', { baseline: 'rel"ease' }, {}, { code: 'PipelineBaseline', property: '--baseline', got: 'rel"ease', says: /letters, digits/ }],
  ['a pattern that would end its quotes', { lanes: ['rel"*'] }, {}, { code: 'BranchPattern', property: '--lanes', says: /quotes/ }],
  ['a pattern that is no regular expression', { lanes: ['/(/'] }, {}, { code: 'BranchPattern', property: '--lanes', says: /RE2/ }],
  ['no pattern', { lanes: [] }, {}, { code: 'BranchPattern', property: '--lanes', says: /got none/ }],
  ['a preview without a star', { preview: 'preview.example.com' }, {}, { code: 'PreviewHost', property: '--preview', got: 'preview.example.com', says: /\*\.preview/ }],
  ['a context that is more than a word', { context: 'a"; id' }, {}, { code: 'PipelineWord', property: '--context', says: /letters, digits/ }],
  ['a registry that is more than a word', { registry: '$(id)' }, {}, { code: 'PipelineWord', property: '--registry', got: '$(id)', says: /letters, digits/ }],
  ['a deployer that is more than a word', {}, { deployer: 'a b' }, { code: 'PipelineWord', property: '--deployer', got: 'a b', says: /letters, digits/ }],
  ['a time that GitLab could not read', {}, { autoStopIn: '$(x)' }, { code: 'PipelineAutoStop', property: '--auto-stop-in', got: '$(x)', says: /'2 weeks'/ }],
  ['another builder', {}, { builder: 'kaniko' as any }, { code: 'PipelineBuilder', property: '--builder', got: 'kaniko', says: /buildkit, docker/ }],
  ['an empty tag', {}, { tags: [''] }, { code: 'PipelineTag', property: '--tag', got: '', says: /not be empty/ }],
])('%s is refused', (_, plan, options, refusal) => {
  expectRefusal(() => gitLabPipeline({ ...PLAN, ...plan }, { ...OPTIONS, ...options }), refusal);
});

test('same input, same bytes', () => {
  expect(gitLabPipeline(PLAN, OPTIONS)).toBe(gitLabPipeline(PLAN, OPTIONS));
  expect(gitLabPipeline(PLAN, OPTIONS)).toMatchSnapshot();
  expect(gitLabComponent({ builder: 'buildkit' })).toMatchSnapshot();
});
