import { ChildProcess, spawn, spawnSync } from 'child_process';
import { mkdtempSync, readFileSync, rmSync } from 'fs';
import { createServer } from 'net';
import { tmpdir } from 'os';
import { join } from 'path';
import { Testing, Yaml } from 'cdk8s';
import { Branch } from 'cdk8s-lanes';
import { rules, shop } from './main';
import { schemaProblems } from '../../test/support/schema';

const root = join(__dirname, '..', '..');
const FACTS = { source: 'shop/branch-pipeline', owner: 'ann', commit: '4b7c1d0e5a', run: 'gitlab-812-9001', revision: 812, time: '2026-03-01T12:03:00Z' };
const BOTH = { IMAGE_TESTAAA: 'registry.example.com/release/testaaa:4b7c1d0e5a', IMAGE_TESTBBB: 'registry.example.com/release/testbbb:4b7c1d0e5a' };
const manifestsOf = (branch: string, images: Record<string, string>) => Testing.synth(shop(Testing.app(), Branch.of(branch, rules, FACTS), images));
const inventory = (manifests: any[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

describe.each<[string, Record<string, string>]>([
  ['release', BOTH],
  ['release-v1', BOTH],
  ['release-v2', { IMAGE_TESTAAA: BOTH.IMAGE_TESTAAA }],
])('the branch %s', (branch, images) => {
  const manifests = manifestsOf(branch, images);

  test('owns what the snapshot shows', () => {
    expect(manifests).toMatchSnapshot();
  });

  test('is valid', () => {
    expect(schemaProblems(manifests)).toEqual([]);
  });
});

test('a lane owns a Deployment and a subset for each service that it changed', () => {
  expect(inventory(manifestsOf('release-v1', BOTH))).toEqual([
    'Deployment testaaa-release-v1', 'DestinationRule testaaa-release-v1', 'Deployment testbbb-release-v1', 'DestinationRule testbbb-release-v1',
  ]);
  expect(inventory(manifestsOf('release-v2', { IMAGE_TESTAAA: BOTH.IMAGE_TESTAAA, IMAGE_TESTBBB: '' }))).toEqual(['Deployment testaaa-release-v2', 'DestinationRule testaaa-release-v2']);
});

describe('as a pipeline runs it', () => {
  const settings = Object.fromEntries(readFileSync(join(__dirname, 'ci.env'), 'utf8').split('\n').flatMap((line) => (/^\w+=/.test(line) ? [line.split(/=(.*)/s).slice(0, 2)] : [])));
  const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-branch-pipeline-'));
  afterAll(() => rmSync(outdir, { recursive: true }));
  const synth = (variables: Record<string, string>) => spawnSync(process.execPath, ['--import', 'tsx', 'main.ts'], {
    cwd: __dirname, encoding: 'utf8', env: { PATH: process.env.PATH, CDK8S_OUTDIR: outdir, ...settings, ...variables },
  });

  test.each([['release', 'Namespace test-istio'], ['release-v1', 'Deployment testaaa-release-v1']])('the branch %s is known by the variables', (branch, first) => {
    expect(synth({ CI_COMMIT_BRANCH: branch })).toMatchObject({ status: 0, stderr: '' });
    const manifests = Yaml.load(join(outdir, 'shop.k8s.yaml'));
    expect(inventory(manifests)[0]).toBe(first);
    expect(manifests[0].metadata.annotations).toMatchObject({ 'cdk8s-lanes/branch': branch, 'cdk8s-lanes/owner': 'ann', 'cdk8s-lanes/run': 'gitlab-812-9001' });
  });

  test.each([
    ['another branch', { CI_COMMIT_BRANCH: 'main' }, /the baseline \(release\) or a lane \(release-\*\), got "main"/],
    ['a tag', { CI_COMMIT_BRANCH: '', CI_COMMIT_TAG: 'v1' }, /the run is for the tag "v1"/],
    ['a lane that changed nothing', { CI_COMMIT_BRANCH: 'release-v1', IMAGE_TESTAAA: '', IMAGE_TESTBBB: '' }, /the lane release-v1 deploys none of testaaa, testbbb/],
  ])('%s is told so', (_, variables, message) => {
    const { status, stderr } = synth(variables);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
  });
});

describe('the files of the CI systems', () => {
  const services = ['--service', 'testaaa=testaaa,main.ts', '--service', 'testbbb=testbbb,main.ts', '--baseline', rules.baseline, ...rules.lanes!.flatMap((each) => ['--lanes', each]), '--preview', '*.preview.example.com'];
  test.each<[string, string[]]>([
    ['.gitlab-ci.yml', ['gitlab', ...services, '--context', 'group/agents:test', '--deployer', '$CI_REGISTRY_IMAGE/deployer:1', '--auto-stop-in', '2 weeks']],
    ['.github/workflows/lanes.yml', ['github', ...services]],
    ['templates/lane.yml', ['gitlab-component']],
  ])('%s is what the command prints', (file, args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'src/cli/cdk8s-lanes.ts', 'ci', ...args], { cwd: root, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(readFileSync(join(__dirname, file), 'utf8'));
  });

  test('build the folders that have a Dockerfile, and hand their images over as main.ts reads them', () => {
    const [jobs] = Yaml.load(join(__dirname, '.gitlab-ci.yml'));
    for (const service of ['testaaa', 'testbbb']) {
      expect(readFileSync(join(__dirname, service, 'Dockerfile'), 'utf8')).toContain('COPY server.js .');
      expect(jobs[`build-${service}`].script.join('\n')).toContain(`IMAGE_${service.toUpperCase()}=`);
    }
  });
});

describe('the applications', () => {
  const processes: ChildProcess[] = [];
  afterAll(() => Promise.all(processes.map((each) => new Promise((resolve) => each.once('exit', resolve).kill('SIGKILL')))));
  let address: string;
  beforeAll(async () => {
    const [first, second] = [await freePort(), await freePort()];
    const start = (service: string, env: Record<string, string>) => processes.push(spawn(process.execPath, ['server.js'], { cwd: join(__dirname, service), env, stdio: 'inherit' }));
    start('testaaa', { PORT: String(first), PROJECT_VERSION: 'release-v2', TESTBBB_URL: `http://127.0.0.1:${second}` });
    address = `http://127.0.0.1:${first}`;
    // The way on is not there yet: it says so instead of ending.
    expect(await answered()).toMatch(/^testaaa release-v2 -> ECONNREFUSED/);
    start('testbbb', { PORT: String(second), PROJECT_VERSION: 'release' });
    while ((await answered()).includes('ECONNREFUSED')) await pause();
  }, 30_000);

  test('testaaa passes the lane header on', async () => {
    expect(await answered({ 'project-version': 'release-v2' })).toBe('testaaa release-v2 -> testbbb release (project-version: release-v2)\n');
  });

  test('testaaa sends - when it got none', async () => {
    expect(await answered()).toBe('testaaa release-v2 -> testbbb release (project-version: -)\n');
  });

  async function answered(headers: Record<string, string> = {}): Promise<string> {
    for (;;) {
      try {
        return await (await fetch(address, { headers })).text();
      } catch {
        await pause();
      }
    }
  }
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
