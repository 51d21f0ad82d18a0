import { spawn } from 'child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { dirname, join } from 'path';
import { documents, gitHubAnswer, gitLabRun, Repository } from './ci-systems';

/*
 * The two CI systems, as far as a repository sees them: a push, a deleted branch, a schedule; which jobs run is asked of
 * gitlab-ci-local and of GitHub's own evaluator, and the jobs' lines are run as they stand in the files, in the environment that
 * the system gives them.
 *
 * Left out are: building and pushing images, logging in to a registry, choosing a context, installing packages (also by `npx
 * --yes`). Their commands are there, and do nothing.
 */

const root = join(__dirname, '..', '..');

/** The end of one job. */
export interface JobEnd {
  readonly job: string;
  readonly status: number | null;
  readonly output: string;
}

/** What the test cluster is reached by. */
export interface ClusterTools {
  /** The compiled command line. */
  readonly cli: string;
  readonly kubectl: string;
  readonly kubeconfig: string;
}

/** A repository with an app of ours in it, on a machine that has a runner's commands. */
export class Runner {
  public readonly repository: Repository;
  private readonly place: string;
  private readonly bin: string;

  constructor(example: string, baseline: string, public readonly tools: ClusterTools) {
    // Within this checkout, so that modules are found as they are from the tests, and where git does not look.
    mkdirSync(join(example, 'dist'), { recursive: true });
    this.place = mkdtempSync(join(example, 'dist', 'replay-'));
    const files = ['main.ts', 'cdk8s.yaml', 'package.json', '.gitlab-ci.yml', '.github/workflows/lanes.yml', 'testaaa/server.js', 'testbbb/server.js'];
    this.repository = Repository.create(this.place, baseline, Object.fromEntries(files.map((file) => [file, readFileSync(join(example, file), 'utf8')])));
    const { folder } = this.repository;
    writeFileSync(join(folder, '.git', 'info', 'exclude'), ['.gitlab-ci-local', 'tsconfig.json', 'node_modules', 'dist', '*.env'].join('\n'));
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'test', 'tsconfig.json') }));
    this.bin = join(this.place, 'bin');
    this.command(this.bin, 'npm', 'exit 0');
    this.command(this.bin, 'buildctl-daemonless.sh', 'exit 0');
    this.command(this.bin, 'docker', 'cat > /dev/null');
    this.command(this.bin, 'kubectl', `case "$*" in *"config use-context"*) exit 0;; esac\nexec '${tools.kubectl}' "$@"`);
    const cli = `exec '${process.execPath}' '${tools.cli}' "$@"`;
    this.command(this.bin, 'cdk8s-lanes', cli);
    // As if it had been fetched.
    this.command(this.bin, 'npx', `if [ "$1 $2" = "--yes cdk8s-lanes" ]; then shift 2; ${cli}; fi\nexec '${join(dirname(process.execPath), 'npx')}' "$@"`);
    const local = join(folder, 'node_modules', '.bin');
    this.command(local, 'cdk8s-lanes', cli);
    for (const name of ['cdk8s', 'tsx']) symlinkSync(join(root, 'node_modules', '.bin', name), join(local, name));
  }

  /** A copy of the checkout, as each job has one of its own; `undefined` for a job without. */
  public checkout(branch: string | undefined): string {
    const folder = mkdtempSync(join(this.place, 'job-'));
    if (branch === undefined) return folder;
    // Detached, as runners have it.
    this.repository.git('worktree', 'add', '-q', '--force', '--detach', folder, branch);
    for (const kept of ['node_modules', 'tsconfig.json']) cpSync(join(this.repository.folder, kept), join(folder, kept), { recursive: true, verbatimSymlinks: true });
    return folder;
  }

  /** Runs lines by a shell in a folder. */
  public run(shell: string[], lines: string[], folder: string, variables: Record<string, string>): Promise<Omit<JobEnd, 'job'>> {
    return new Promise((resolve, reject) => {
      const origin = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: `url.${this.repository.remote}.insteadOf`, GIT_CONFIG_VALUE_0: this.repository.git('remote', 'get-url', 'origin') };
      const env = { PATH: `${this.bin}:${process.env.PATH}`, HOME: this.place, KUBECONFIG: this.tools.kubeconfig, ...origin, ...variables };
      const child = spawn(shell[0], [...shell.slice(1), '-c', lines.join('\n')], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      child.stdout.on('data', (data) => { output += data; });
      child.stderr.on('data', (data) => { output += data; });
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, output }));
    });
  }

  public close(): void {
    rmSync(this.place, { recursive: true, force: true });
  }

  private command(folder: string, name: string, script: string): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

const seconds = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;

/** A project on GitLab. */
export class GitLabReplay {
  private pipelines = 800;
  private jobs = 9000;
  private readonly environments = new Map<string, () => Promise<JobEnd[]>>();

  constructor(private readonly runner: Runner, private readonly project: string) {}

  /** The environments that can be stopped. */
  public get running(): string[] {
    return [...this.environments.keys()].sort();
  }

  /** A push of what is committed on the branch: its pipeline, to the end. Which jobs it has is found out at once, then it runs. */
  public push(branch: string, more: Record<string, string> = {}): () => Promise<JobEnd[]> {
    const { repository } = this.runner;
    repository.git('checkout', '-q', branch);
    if (Object.keys(more).length === 0) repository.push();
    const commit = repository.git('rev-parse', 'HEAD');
    const whens = gitLabRun(repository.folder, more);
    const [file] = documents(readFileSync(join(repository.folder, '.gitlab-ci.yml'), 'utf8'));
    const id = ++this.pipelines;
    const variables = {
      GITLAB_CI: 'true',
      CI: 'true',
      CI_PROJECT_PATH: this.project,
      CI_COMMIT_BRANCH: branch,
      CI_COMMIT_REF_NAME: branch,
      CI_COMMIT_SHA: commit,
      CI_PIPELINE_ID: String(id),
      GITLAB_USER_LOGIN: 'ann',
      CI_PIPELINE_CREATED_AT: seconds(Date.now() + id * 1000),
      CI_REGISTRY: 'registry.example.com',
      CI_REGISTRY_IMAGE: 'registry.example.com/shop',
      CI_REGISTRY_USER: 'ci',
      CI_REGISTRY_PASSWORD: 'secret',
      CI_REPOSITORY_URL: repository.remote,
      ...more,
    };
    return async () => {
      const ends: JobEnd[] = [];
      const dotenv: Record<string, Record<string, string>> = {};
      for (const stage of file.stages) {
        for (const [name, when] of Object.entries(whens)) {
          const job = file[name];
          if (job.stage !== stage || when === 'manual') continue;
          const handed = Object.assign({}, ...(job.needs ?? []).map(({ job: needed }: any) => dotenv[needed] ?? {}));
          const end = await this.runJob(name, job, { ...variables, ...handed });
          ends.push(end);
          if (end.status !== 0) return ends;
          dotenv[name] = end.dotenv;
          if (job.environment?.on_stop) {
            const stop = job.environment.on_stop;
            this.environments.set(`lane/${branch}`, async () => [await this.runJob(stop, file[stop], variables)]);
          }
        }
      }
      return ends;
    };
  }

  /** The branch is deleted: GitLab stops its environment. `forgets`: as it does where the job cannot run. */
  public async deleteBranch(branch: string, forgets = false): Promise<JobEnd[]> {
    const { repository } = this.runner;
    repository.git('checkout', '-q', '--detach');
    repository.git('push', '-q', repository.remote, `:refs/heads/${branch}`);
    repository.git('branch', '-q', '-D', branch);
    const stop = this.environments.get(`lane/${branch}`);
    this.environments.delete(`lane/${branch}`);
    return stop && !forgets ? stop() : [];
  }

  private async runJob(name: string, job: any, variables: Record<string, string>): Promise<JobEnd & { dotenv: Record<string, string> }> {
    const all = { ...variables, ...job.variables, CI_JOB_ID: String(++this.jobs), CI_JOB_STARTED_AT: seconds(Date.now()), CI_JOB_NAME: name };
    const folder = this.runner.checkout(job.variables?.GIT_STRATEGY === 'none' ? undefined : variables.CI_COMMIT_SHA);
    const { status, output } = await this.runner.run(['sh', '-e'], job.script, folder, all);
    const file = status === 0 ? job.artifacts?.reports?.dotenv : undefined;
    return { job: name, status, output, dotenv: file ? variablesIn(join(folder, file)) : {} };
  }
}

/** A repository on GitHub. */
export class GitHubReplay {
  private runs = 21_000_000_000;

  constructor(private readonly runner: Runner, private readonly repositoryName: string, private readonly defaultBranch: string) {}

  public push(branch: string): Promise<JobEnd[]> {
    this.runner.repository.git('checkout', '-q', branch);
    this.runner.repository.push();
    return this.event('push', branch, { ref: `refs/heads/${branch}`, deleted: false });
  }

  public async deleteBranch(branch: string): Promise<JobEnd[]> {
    const { repository } = this.runner;
    repository.git('checkout', '-q', '--detach');
    repository.git('push', '-q', repository.remote, `:refs/heads/${branch}`);
    repository.git('branch', '-q', '-D', branch);
    return this.event('delete', this.defaultBranch, { ref: branch, ref_type: 'branch' });
  }

  public schedule(): Promise<JobEnd[]> {
    return this.event('schedule', this.defaultBranch, { schedule: '17 * * * *' });
  }

  /** The jobs of an event, one after the other. */
  private async event(name: string, branch: string, event: object): Promise<JobEnd[]> {
    const { repository } = this.runner;
    const [workflow] = documents(repository.git('show', `origin/${branch}:.github/workflows/lanes.yml`));
    const id = ++this.runs;
    const temp = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-github-'));
    const payload = join(temp, 'event.json');
    const pushedAt = Math.floor(Date.now() / 1000) + 10_000 + id % 1000;
    writeFileSync(payload, JSON.stringify({ ...event, repository: { pushed_at: name === 'push' ? pushedAt : new Date(pushedAt * 1000).toISOString() } }));
    const sha = repository.git('rev-parse', `origin/${branch}`);
    const variables = {
      GITHUB_ACTIONS: 'true',
      CI: 'true',
      GITHUB_EVENT_NAME: name,
      GITHUB_EVENT_PATH: payload,
      GITHUB_REF: `refs/heads/${branch}`,
      GITHUB_REF_NAME: branch,
      GITHUB_REF_TYPE: 'branch',
      GITHUB_SHA: sha,
      GITHUB_REPOSITORY: this.repositoryName,
      GITHUB_ACTOR: 'ann',
      GITHUB_RUN_ID: String(id),
      GITHUB_RUN_ATTEMPT: '1',
      RUNNER_TEMP: temp,
    };
    const github = { event_name: name, event, ref_name: branch, ref: `refs/heads/${branch}`, actor: 'ann' };
    const secrets = { GITHUB_TOKEN: 'token', KUBECONFIG: readFileSync(this.runner.tools.kubeconfig, 'utf8') };
    const outputs: Record<string, any> = {};
    const ends: JobEnd[] = [];
    for (const [jobName, job] of Object.entries<any>(workflow.jobs)) {
      const needs = Object.fromEntries((job.needs ?? []).map((needed: string) => [needed, { outputs: outputs[needed] ?? {} }]));
      const contexts = { github, secrets, needs, vars: {} };
      // A job is left out where one that it needs was.
      if ((job.needs ?? []).some((needed: string) => outputs[needed] === undefined) || !gitHubAnswer(job.if, contexts)) continue;
      const end = await this.runJob(jobName, job, contexts, variables);
      ends.push(end);
      outputs[jobName] = end.outputs;
      if (end.status !== 0) break;
    }
    rmSync(temp, { recursive: true, force: true });
    return ends;
  }

  private async runJob(name: string, job: any, contexts: any, variables: Record<string, string>): Promise<JobEnd & { outputs: any }> {
    const checksOut = job.steps.some(({ uses }: any) => uses?.startsWith('actions/checkout@'));
    const folder = this.runner.checkout(checksOut ? variables.GITHUB_SHA : undefined);
    const filled = (settings: Record<string, string> = {}) => Object.fromEntries(Object.entries(settings).map(([key, text]) => {
      const expression = /^\$\{\{ (.*) \}\}$/.exec(text)?.[1];
      return [key, expression === undefined ? String(text) : String(gitHubAnswer(expression, { ...contexts, steps }) ?? '')];
    }));
    const steps: Record<string, { outputs: Record<string, string> }> = {};
    const files = { GITHUB_OUTPUT: join(folder, '.output'), GITHUB_ENV: join(folder, '.env'), GITHUB_STEP_SUMMARY: join(folder, '.summary') };
    let output = '';
    const jobEnv = filled(job.env);
    for (const step of job.steps) {
      if (!step.run || (step.if && !gitHubAnswer(step.if, { ...contexts, steps }))) continue;
      writeFileSync(files.GITHUB_OUTPUT, '');
      const env = { ...variables, ...files, ...jobEnv, ...variablesIn(files.GITHUB_ENV), ...filled(step.env) };
      const end = await this.runner.run(['bash', '--noprofile', '--norc', '-eo', 'pipefail'], [step.run], folder, env);
      output += end.output;
      if (end.status !== 0) return { job: name, status: end.status, output, outputs: {} };
      if (step.id) steps[step.id] = { outputs: variablesIn(files.GITHUB_OUTPUT) };
    }
    return { job: name, status: 0, output, outputs: filled(job.outputs) };
  }
}

/** `NAME=value` lines. */
function variablesIn(file: string): Record<string, string> {
  try {
    return Object.fromEntries(readFileSync(file, 'utf8').split('\n').filter((line) => line.includes('=')).map((line) => line.split(/=(.*)/s).slice(0, 2)));
  } catch {
    return {};
  }
}
