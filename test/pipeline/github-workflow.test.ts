import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { GitHubOptions, gitHubWorkflow } from '../../src/pipeline/github-workflow';
import { parseService, PipelinePlan } from '../../src/pipeline/pipeline-plan';
import { documents, gitHubAnswer, gitHubProblems, HOSTILE_BRANCHES, Repository, StubbedShell } from '../support/ci-systems';
import { expectRefusal } from '../support/refusals';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-github-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PLAN: PipelinePlan = {
  services: ['testaaa=testaaa,main.ts', 'testbbb=testbbb,main.ts,shared/'].map(parseService), baseline: 'release', lanes: ['release-*'], context: 'test', preview: '*.preview.example.com',
};
const OPTIONS: GitHubOptions = { sweep: '17 * * * *', runsOn: ['ubuntu-latest'] };
const one = { ...PLAN, services: [parseService('testaaa')] };
const workflow = (plan = PLAN, options = OPTIONS) => documents(gitHubWorkflow(plan, options))[0];
const stepsOf = (jobs: Record<string, any>) => Object.entries(jobs).flatMap(([job, { steps }]) => steps.map((step: any) => ({ job, ...step })));

describe('GitHub reads it', () => {
  test.each<[string, PipelinePlan, GitHubOptions]>([
    ['two services', PLAN, OPTIONS],
    ['one service', one, OPTIONS],
    ['no preview, no context, a registry and runners of one\'s own', { ...PLAN, preview: undefined, context: undefined, registry: 'registry.example.com/release' }, { ...OPTIONS, runsOn: ['self-hosted', 'on'] }],
  ])('without complaint: %s', async (_, plan, options) => {
    expect(await gitHubProblems(gitHubWorkflow(plan, options))).toEqual([]);
  });

  test.each([
    ['a queue that is none', 'queue: max', 'queue: mux'],
    ['a job that is not there', '- build-testbbb\n', '- build-testccc\n'],
    ['a name that expressions do not have', 'github.event.ref_type ==', 'gitub.event.ref_type =='],
    ['an event that is none', 'workflow_dispatch:', 'workflow_dispach:'],
  ])('and would complain of %s', async (_, found, spoiled) => {
    const text = gitHubWorkflow(PLAN, OPTIONS);
    expect(text).toContain(found);
    expect(await gitHubProblems(text.replace(found, spoiled))).not.toEqual([]);
  });
});

describe('what runs when', () => {
  test('pushes of the baseline and of lanes, whatever slashes are in their names; deletions; a schedule', () => {
    expect(workflow().on).toEqual({ push: { branches: ['release', 'release-**'] }, delete: null, schedule: [{ cron: '17 * * * *' }], workflow_dispatch: null });
  });

  const BUILT = ['build-testaaa', 'build-testbbb'];
  const images = (testaaa: string, testbbb: string) => ({ 'build-testaaa': { outputs: { image: testaaa } }, 'build-testbbb': { outputs: { image: testbbb } } });
  test.each<[string, any, any, string[]]>([
    ['a push of the baseline', { event_name: 'push', ref_name: 'release', event: { deleted: false } }, images('a:1', 'b:1'), [...BUILT, 'deploy']],
    ['a push of a lane that changed one service', { event_name: 'push', ref_name: 'release-v1', event: { deleted: false } }, images('', 'b:1'), [...BUILT, 'deploy']],
    ['a push of a lane that changed none', { event_name: 'push', ref_name: 'release-v1', event: { deleted: false } }, images('', ''), [...BUILT, 'drop']],
    ['a push that deletes', { event_name: 'push', ref_name: 'release-v1', event: { deleted: true } }, images('', ''), []],
    ['a deleted branch', { event_name: 'delete', ref_name: 'release', event: { ref: 'release-v1', ref_type: 'branch' } }, images('', ''), ['down']],
    ['a deleted tag', { event_name: 'delete', ref_name: 'release', event: { ref: 'v1', ref_type: 'tag' } }, images('', ''), []],
    ['a schedule', { event_name: 'schedule', ref_name: 'release', event: {} }, images('', ''), ['sweep']],
    ['a run by hand', { event_name: 'workflow_dispatch', ref_name: 'release', event: {} }, images('', ''), ['sweep']],
  ])('%s, by GitHub\'s own evaluator', (_, github, needs, expected) => {
    expect(Object.entries<any>(workflow().jobs).filter(([, job]) => gitHubAnswer(job.if, { github, needs })).map(([name]) => name)).toEqual(expected);
  });

  test('a lane comes up, goes down and is dropped one after the other, and no run is dropped', () => {
    const { jobs } = workflow();
    const pushed = { group: 'lane-${{ github.ref_name }}', queue: 'max' };
    expect([jobs.deploy.concurrency, jobs.drop.concurrency]).toEqual([pushed, pushed]);
    expect(jobs.down.concurrency).toEqual({ group: 'lane-${{ github.event.ref }}', queue: 'max' });
    expect(JSON.stringify(jobs)).not.toContain('cancel-in-progress');
  });

  test('a deletion takes down the branch that is gone, not the default branch on which it runs, and without a checkout', () => {
    const { down } = workflow().jobs;
    expect(JSON.stringify(down)).not.toMatch(/checkout|github\.ref[^_]|ref_name|GITHUB_REF/);
  });

  test('with one service there is nothing to drop: each push deploys it', () => {
    expect(Object.keys(workflow(one).jobs)).toEqual(['build-testaaa', 'deploy', 'down', 'sweep']);
  });

  test('what is not said is not allowed: packages are written where images are pushed', () => {
    const { permissions, jobs } = workflow();
    expect(permissions).toEqual({ contents: 'read' });
    for (const [name, job] of Object.entries<any>(jobs)) expect(job.permissions).toEqual(name.startsWith('build-') ? { contents: 'read', packages: 'write' } : undefined);
  });
});

test('no script has an expression in it: what people name stands in variables', () => {
  for (const { run } of stepsOf(workflow().jobs)) expect(run ?? '').not.toContain('${{');
});

describe('the scripts', () => {
  let shell: StubbedShell;
  beforeEach(() => {
    shell = new StubbedShell(mkdtempSync(join(folder, 'shell-')), ['kubectl', 'npm', 'npx', 'docker', 'git'], { 'npx*lane-name*': 'release-v1' });
  });

  /** Runs the scripts of a job, step after step, as GitHub does with these answers to its expressions. */
  function run(job: string, branch: string, plan = PLAN) {
    const expressions: Record<string, string> = {
      'github.event.ref': branch, 'github.actor': 'ann', 'secrets.GITHUB_TOKEN': 'to"ken', 'secrets.KUBECONFIG': 'kind: Config\n', 'secrets.REGISTRY_PASSWORD': 'pass', 'vars.REGISTRY_USER': 'ci',
    };
    const answer = (text: string) => text.replace(/\$\{\{ (.*?) \}\}/g, (_, name) => expressions[name] ?? `no answer for ${name}`);
    const variables: Record<string, string> = {
      GITHUB_REF_NAME: branch,
      GITHUB_SHA: '4b7c',
      GITHUB_REPOSITORY: 'Shop/Testaaa',
      RUNNER_TEMP: shell.folder,
      GITHUB_OUTPUT: join(shell.folder, 'output'),
      GITHUB_ENV: join(shell.folder, 'env'),
      GITHUB_STEP_SUMMARY: join(shell.folder, 'summary'),
      REGISTRY: 'registry.example.com',
    };
    const results = workflow(plan).jobs[job].steps.filter((step: any) => step.run).map((step: any) => {
      const env = Object.fromEntries(Object.entries<string>(step.env ?? {}).map(([name, text]) => [name, answer(text)]));
      return shell.run('bash', [step.run], { ...variables, ...env });
    });
    return { statuses: results.map(({ status }: any) => status), calls: results.flatMap(({ calls }: any) => calls) };
  }

  test('build and push an image of the commit, whose name is in lower case', () => {
    const { statuses, calls } = run('build-testaaa', 'release-v1', one);
    expect(statuses).toEqual([0]);
    expect(calls).toEqual([
      ['docker', 'login', '--username', 'ann', '--password-stdin', 'ghcr.io'], ['docker', 'build', '--tag', 'ghcr.io/shop/testaaa/testaaa:4b7c', '.'],
      ['docker', 'push', 'ghcr.io/shop/testaaa/testaaa:4b7c'],
    ]);
    expect(shell.read('output')).toBe('image=ghcr.io/shop/testaaa/testaaa:4b7c\n');
  });

  test('log in to a registry of one\'s own by its host; its user is no secret, or GitHub would drop the image\'s name', () => {
    const plan = { ...one, registry: 'registry.example.com/release' };
    expect(run('build-testaaa', 'release-v1', plan).calls[0]).toEqual(['docker', 'login', '--username', 'ci', '--password-stdin', 'registry.example.com']);
    expect(shell.read('output')).toBe('image=registry.example.com/release/testaaa:4b7c\n');
  });

  test.each([
    ['a user of Docker Hub\'s', 'myorg', []],
    ['a user of Docker Hub\'s, and a path', 'myorg/team', []],
    ['Docker Hub by its host', 'docker.io/myorg', ['docker.io']],
    ['a host with a port', 'registry:5000', ['registry:5000']],
    ['this machine', 'localhost/shop', ['localhost']],
    ['a variable', '${REGISTRY}/shop', ['registry.example.com']],
  ])('log in where docker pushes to: %s', (_, registry, host) => {
    const { statuses, calls } = run('build-testaaa', 'release-v1', { ...one, registry });
    expect(statuses).toEqual([0]);
    expect(calls[0]).toEqual(['docker', 'login', '--username', 'ci', '--password-stdin', ...host]);
  });

  test('put up what the branch owns, with a kubeconfig that nobody else reads, and tell where the lane is', () => {
    const { statuses, calls } = run('deploy', 'release-v1');
    expect(statuses).toEqual([0, 0, 0]);
    expect(calls).toEqual([
      ['kubectl', '--kubeconfig', join(shell.folder, 'kubeconfig'), 'config', 'use-context', 'test'], ['npm', 'ci'], ['npx', 'cdk8s', 'synth'], ['npx', 'cdk8s-lanes', 'up', 'dist', '--while-branch-at', 'origin'],
      ['npx', 'cdk8s-lanes', 'lane-name', '--', 'release-v1'],
    ]);
    expect(shell.read('kubeconfig')).toBe('kind: Config\n');
    expect(shell.read('env')).toBe(`KUBECONFIG=${join(shell.folder, 'kubeconfig')}\n`);
    expect(shell.read('summary')).toBe('http://release-v1.preview.example.com\n');
  });

  test('sweep with the branches of the repository, and not at all where they cannot be had', () => {
    expect(run('sweep', 'release').calls.slice(1)).toEqual([
      ['git', 'ls-remote', '--heads', 'origin'], ['npx', '--yes', 'cdk8s-lanes', 'sweep', '--branches', '-', '--baseline', 'release', '--yes'],
    ]);
    writeFileSync(join(shell.folder, 'bin', 'git'), '#!/bin/sh\necho "4b7c refs/heads/release"\nexit 128\n');
    expect(run('sweep', 'release')).toMatchObject({ statuses: [0, 128], calls: [['kubectl', expect.anything(), expect.anything(), 'config', 'use-context', 'test']] });
  });

  test.each(HOSTILE_BRANCHES)('take the branch %s for a word and nothing else', (branch) => {
    for (const job of ['down', 'drop']) expect(run(job, branch).calls.slice(1)).toEqual([['npx', '--yes', 'cdk8s-lanes', 'down', '--', branch]]);
    expect(run('deploy', branch).calls.slice(4)).toEqual([['npx', 'cdk8s-lanes', 'lane-name', '--', branch]]);
    for (const job of ['build-testaaa', 'build-testbbb', 'sweep']) expect(new Set(run(job, branch).statuses)).toEqual(new Set([0]));
    expect(shell.intruders).toEqual([]);
  });
});

test('jobs without a checkout run the version that is said', () => {
  const runs = stepsOf(workflow(PLAN, { ...OPTIONS, version: '1.2.3' }).jobs).filter(({ run }) => run?.includes('npx --yes')).map(({ job, run }) => [job, /npx --yes (\S+)/.exec(run)![1]]);
  expect(runs).toEqual([['drop', 'cdk8s-lanes@1.2.3'], ['down', 'cdk8s-lanes@1.2.3'], ['sweep', 'cdk8s-lanes@1.2.3']]);
});

describe('whether a branch changed a service, by git itself', () => {
  const repository = Repository.create(mkdtempSync(join(folder, 'changed-')), 'release', { 'testaaa/server.js': '1', 'testbbb/server.js': '1', 'shared/lib.js': '1', 'main.ts': '1', 'README.md': '1' });
  const changed = (branch: string) => ['build-testaaa', 'build-testbbb'].map((job) => {
    const { run, env } = workflow().jobs[job].steps.find(({ id }: any) => id === 'changed');
    const shell = new StubbedShell(mkdtempSync(join(folder, 'git-')), []);
    const { status } = shell.run('bash', [`cd '${repository.folder}'`, run], { ...env, GITHUB_REF_NAME: branch, GITHUB_OUTPUT: join(shell.folder, 'output') });
    return status === 0 ? shell.read('output').trim() : status;
  });

  test.each<[string, string | undefined, string[]]>([
    ['release-v1', 'testaaa/server.js', ['true', 'false']],
    ['release-v2', 'shared/lib.js', ['false', 'true']],
    ['release-v3', 'main.ts', ['true', 'true']],
    ['release-v4', 'README.md', ['false', 'false']],
    ['release-v5', undefined, ['false', 'false']],
  ])('%s changed %p', (branch, file, expected) => {
    repository.branch(branch, 'origin/release');
    if (file) repository.commit({ [file]: '2' });
    expect(changed(branch)).toEqual(expected.map((each) => `changed=${each}`));
  });

  test('what the baseline changed since counts for no lane, and the baseline builds all', () => {
    repository.git('checkout', '-q', 'release');
    repository.commit({ 'testbbb/server.js': '3' });
    repository.push();
    expect(changed('release')).toEqual(['changed=true', 'changed=true']);
    repository.git('checkout', '-q', 'release-v1');
    expect(changed('release-v1')).toEqual(['changed=true', 'changed=false']);
  });

  test('a baseline that is not there fails the job, instead of building nothing', () => {
    repository.git('update-ref', '-d', 'refs/remotes/origin/release');
    expect(changed('release-v1')).toEqual([1, 1]);
  });
});

test.each<[string, Partial<PipelinePlan>, Partial<GitHubOptions>, any]>([
  ['a pattern that GitHub has no filter for', { lanes: ['/^release-v\\d+$/'] }, {}, { code: 'BranchPattern', property: '--lanes', says: /no regular expressions/ }],
  ['a schedule that is none', {}, { sweep: 'hourly' }, { code: 'PipelineCron', property: '--sweep', got: 'hourly', says: /five fields/ }],
  ['a time that is none', {}, { sweep: '99 99 * * *' }, { code: 'PipelineCron', property: '--sweep', got: '99 99 * * *', says: /minute of 0 to 59/ }],
  ['a version that is more than a word', {}, { version: '1; id' }, { code: 'PipelineVersion', property: '--use-version', got: '1; id', says: /such as '1\.2\.3'/ }],
  ['no runner', {}, { runsOn: [] }, { code: 'PipelineRunner', property: '--runs-on', says: /got none/ }],
  ['a branch that would end its quotes', { baseline: "rel'ease" }, {}, { code: 'PipelineBaseline', property: '--baseline', got: "rel'ease", says: /letters, digits/ }],
])('%s is refused', (_, plan, options, refusal) => {
  expectRefusal(() => gitHubWorkflow({ ...PLAN, ...plan }, { ...OPTIONS, ...options }), refusal);
});

test('same input, same bytes', () => {
  expect(gitHubWorkflow(PLAN, OPTIONS)).toBe(gitHubWorkflow(PLAN, OPTIONS));
  expect(gitHubWorkflow(PLAN, OPTIONS)).toMatchSnapshot();
});
