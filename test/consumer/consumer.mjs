// What a user gets: packs the library, installs the tarball with the newest peers in an empty folder, type-checks and
// synthesizes the README's smallest app there, and compares the manifests with expected.yaml.
//
//   npm run test:consumer            compares
//   npm run test:consumer -- update  writes expected.yaml anew
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const expectedFile = join(here, 'expected.yaml');
const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-consumer-'));
const run = (command, args, cwd) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const step = (text) => console.log(`consumer: ${text}`);

try {
  step('compiling and packing the library');
  run('npx', ['projen', 'compile'], root);
  const [{ filename, files }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], root));
  step(`packed ${filename}, ${files.length} files`);
  for (const needed of ['lib/src/index.js', 'lib/imports/networking.istio.io.js', 'lib/src/cli/cdk8s-lanes.js', '.jsii', 'node_modules/re2js/package.json']) {
    if (!files.some(({ path }) => path === needed)) throw new Error(`${needed} is not in the package`);
  }

  step('installing it with the newest peers in an empty folder');
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  run('npm', ['install', '--no-audit', '--no-fund', `./${filename}`, 'cdk8s', 'cdk8s-plus-27', 'constructs', 'cdk8s-cli', 'tsx', 'typescript@5.9', '@types/node@20'], folder);
  for (const peer of ['cdk8s', 'constructs', 'cdk8s-plus-27']) {
    const copies = run('npm', ['ls', '--all', '--parseable', peer], folder).trim().split('\n');
    if (copies.length !== 1) throw new Error(`${copies.length} copies of ${peer}, 1 expected:\n${copies.join('\n')}`);
  }

  const kinds = run('node', ['-p', "Object.values(require('cdk8s-lanes/imports/networking.istio.io')).filter((c) => c.GVK).length"], folder);
  if (Number(kinds) !== 6) throw new Error(`the package's imports have ${kinds.trim()} kinds of networking.istio.io, 6 expected`);

  step('type-checking and synthesizing the smallest app of the README');
  const [, app] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  if (!app) throw new Error('README.md has no TypeScript block');
  writeFileSync(join(folder, 'main.ts'), app);
  writeFileSync(join(folder, 'cdk8s.yaml'), 'language: typescript\napp: npx tsx main.ts\n');
  run('npx', ['tsc', '--noEmit', '--strict', '--module', 'node16', '--target', 'es2022', '--types', 'node', 'main.ts'], folder);
  const synthesized = run('npx', ['cdk8s', 'synth', '--stdout', '--no-check-upgrade'], folder);
  const matrix = run('npx', ['cdk8s-lanes', 'matrix', 'dist'], (run('npx', ['cdk8s', 'synth', '--no-check-upgrade'], folder), folder));
  step(`the installed command line says:\n\n${matrix}`);

  if (process.argv[2] === 'update') writeFileSync(expectedFile, synthesized);
  if (synthesized !== readFileSync(expectedFile, 'utf8')) {
    writeFileSync(join(folder, 'got.yaml'), synthesized);
    try {
      run('diff', ['-u', expectedFile, join(folder, 'got.yaml')], folder);
    } catch (error) {
      console.error(error.stdout);
    }
    throw new Error('the manifests differ from test/consumer/expected.yaml; if that is meant: npm run test:consumer -- update');
  }
  step('ok');
} catch (error) {
  console.error(`consumer: FAILED: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
