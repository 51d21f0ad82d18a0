import { execFileSync, spawnSync } from 'child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'fs';
import { dirname, join } from 'path';
import { buildSync } from 'esbuild';
import { parseAllDocuments } from 'yaml';

/*
 * CI systems, as far as they can be had without a server: GitLab by gitlab-ci-local, which has its schema and evaluates its
 * rules; GitHub by its own parser of workflows. And a shell that runs scripts with commands that only write down how they
 * were called.
 */

const root = join(__dirname, '..', '..');
const GITLAB_CI_LOCAL = join(root, 'node_modules', 'gitlab-ci-local', 'dist', 'index.js');

/** The documents of a YAML text, as Ruby reads it. */
export function documents(text: string): any[] {
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

/** A git repository with a remote, whose default branch is the first one. */
export class Repository {
  public static create(folder: string, branch: string, files: Record<string, string>): Repository {
    const remote = join(folder, 'origin.git');
    execFileSync('git', ['init', '-q', '--bare', '-b', branch, remote]);
    const repository = new Repository(join(folder, 'checkout'), remote);
    execFileSync('git', ['init', '-q', '-b', branch, repository.folder]);
    // Nothing is fetched from there: the repository only has to be called something.
    repository.git('remote', 'add', 'origin', 'git@gitlab.example.com:shop/testaaa.git');
    writeFileSync(join(repository.folder, '.git', 'info', 'exclude'), '.gitlab-ci-local\n');
    repository.commit(files);
    repository.push();
    repository.git('remote', 'set-head', 'origin', branch);
    return repository;
  }

  private constructor(public readonly folder: string, public readonly remote: string) {}

  public git(...args: string[]): string {
    const identity = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.com'];
    return execFileSync('git', [...identity, ...args], { cwd: this.folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  }

  public branch(name: string, from = 'HEAD'): void {
    this.git('checkout', '-q', '-b', name, from);
  }

  public commit(files: Record<string, string>): string {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true });
      writeFileSync(join(this.folder, file), text);
    }
    this.git('add', '--all');
    this.git('commit', '-q', '--allow-empty', '-m', 'a change');
    return this.git('rev-parse', 'HEAD');
  }

  public push(): void {
    this.git('push', '-q', this.remote, 'HEAD');
    this.git('fetch', '-q', this.remote, '+refs/heads/*:refs/remotes/origin/*');
  }
}

/** The jobs that GitLab would run for what is checked out, by name, with their `when`. Throws with the reason where the file is refused. */
export function gitLabRun(folder: string, variables: Record<string, string> = {}): Record<string, string> {
  // Node 20 has no union of sets, which the program asks for.
  const union = encodeURIComponent('Set.prototype.union ??= function (other) { return new Set([...this, ...other]); };');
  const node = ['--import', `data:text/javascript,${union}`];
  const said = Object.entries(variables).flatMap(([name, value]) => ['--variable', `${name}=${value}`]);
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, GITLAB_CI_LOCAL, '--list-json', ...said], {
    cwd: folder, encoding: 'utf8', env: { ...process.env, GCL_IGNORE_PREDEFINED_VARS: Object.keys(variables).join(',') },
  });
  if (status !== 0) throw new Error(`gitlab-ci-local: ${`${stdout}${stderr}`.slice(-2000)}`);
  expect(stderr).toContain('json schema validated');
  return Object.fromEntries(JSON.parse(stdout).flatMap(({ name, when }: any) => (when === 'never' ? [] : [[name, when]])));
}

/** One of GitHub's own packages: modules that import JSON, which neither jest nor Node 20 loads as they stand. */
function ofGitHub(name: string): any {
  const { outputFiles: [{ text }] } = buildSync({ stdin: { contents: `export * from '${name}'`, resolveDir: root }, bundle: true, platform: 'node', format: 'cjs', write: false });
  const module = { exports: {} };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  new Function('module', 'exports', 'require', text)(module, module.exports, require);
  return module.exports;
}

let parser: any;
let evaluator: any;

/** What GitHub's parser has to say against a workflow. */
export async function gitHubProblems(workflow: string): Promise<string[]> {
  parser ??= ofGitHub('@actions/workflow-parser');
  const { context, value } = parser.parseWorkflow({ name: 'lanes.yml', content: workflow }, new parser.NoOperationTraceWriter());
  const template = value && await parser.convertWorkflowTemplate(context, value);
  return [...context.errors.getErrors().map(({ message }: Error) => message), ...(template?.errors ?? []).map(({ Message }: any) => Message)];
}

/** What GitHub's own evaluator makes of an expression. */
export function gitHubAnswer(expression: string, contexts: Record<string, unknown>): any {
  evaluator ??= ofGitHub('@actions/expressions');
  const { data, Evaluator, Lexer, Parser } = evaluator;
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), []).parse();
  const answer = new Evaluator(tree, JSON.parse(JSON.stringify(contexts), data.reviver)).evaluate();
  return JSON.parse(JSON.stringify(answer, data.replacer));
}

/** A command as it was called. */
export type Call = string[];

/** A folder of commands that write down how they are called, and read what they are given; `answers` say what one prints. */
export class StubbedShell {
  private readonly log: string;

  constructor(public readonly folder: string, private readonly commands: string[], answers: Record<string, string> = {}) {
    this.log = join(folder, 'calls');
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    for (const command of commands) {
      const answer = Object.entries(answers).map(([called, text]) => `case "$(basename "$0") $*" in ${called}) printf '%s\\n' '${text}';; esac\n`).join('');
      writeFileSync(join(bin, command), `#!/bin/sh\nfor word in "$(basename "$0")" "$@"; do printf '%s\\037' "$word" >> '${this.log}'; done\nprintf '\\036' >> '${this.log}'\ncat > /dev/null\n${answer}`);
      chmodSync(join(bin, command), 0o755);
    }
  }

  /** Runs lines as GitLab (`sh`) or GitHub (`bash`) does: the first that fails ends it. */
  public run(shell: 'sh' | 'bash', lines: string[], variables: Record<string, string>): { status: number | null; calls: Call[]; stdout: string; stderr: string } {
    writeFileSync(this.log, '');
    const options = shell === 'sh' ? ['-e'] : ['--noprofile', '--norc', '-eo', 'pipefail'];
    const { status, stdout, stderr } = spawnSync(shell, [...options, '-c', lines.join('\n')], {
      cwd: this.folder, encoding: 'utf8', env: { PATH: `${join(this.folder, 'bin')}:${process.env.PATH}`, HOME: this.folder, ...variables },
    });
    const calls = readFileSync(this.log, 'utf8').split('\u001e').slice(0, -1).map((call) => call.split('\u001f').slice(0, -1));
    return { status, calls, stdout, stderr };
  }

  public read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  /** Files that hostile names would have made. */
  public get intruders(): string[] {
    return ['pwned'].filter((file) => existsSync(join(this.folder, file)));
  }

  public get names(): string[] {
    return this.commands;
  }
}

/** Branches by which a shell would be told to do something else. git takes some of them, none may do harm. */
export const HOSTILE_BRANCHES = [
  'release-$(touch${IFS}pwned)', 'release-`touch${IFS}pwned`', 'release-;touch${IFS}pwned', 'release-"$(touch${IFS}pwned)"', "release-'$(touch${IFS}pwned)'", 'release-&touch${IFS}pwned',
  'release-|touch${IFS}pwned', 'release-$HOME', 'release-${CI_REGISTRY_PASSWORD}', 'release-a b', "release-'", 'release-"', 'release-\\', 'release-*', 'release-#', 'release-%s', '-rf', '--all',
];
