import { mkdtempSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { Testing } from 'cdk8s';
import { stringify } from 'yaml';
import { cli } from './run';
import { branchEnvironments } from '../../examples/branch-environments/main';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-cli-'));
const manifests = join(folder, 'manifests.yaml');
writeFileSync(manifests, Testing.synth(branchEnvironments(Testing.app())).map((each) => stringify(each)).join('---\n'));
writeFileSync(join(folder, 'broken.txt'), 'kind: [\n');
afterAll(() => rmSync(folder, { recursive: true }));

const TABLE = `project-version   testaaa      testbbb
(none)            release      release
release-v1        release-v1   release-v1
release-v2        release-v2   release *
release-v3        release *    release-v3
(any other)       release *    release *

* served by the baseline
`;

test('lane-name prints the lane of a branch', () => {
  expect(cli(['lane-name', 'release-v1'])).toEqual({ status: 0, stdout: 'release-v1\n', stderr: '' });
});

test('a branch that looks like an option is named after --', () => {
  expect(cli(['lane-name', '--', '-v1'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^v1-[a-z0-9]{6}\n$/) });
});

test('matrix prints who serves whom, from a file, a folder and standard input', () => {
  expect(cli(['matrix', manifests])).toEqual({ status: 0, stdout: TABLE, stderr: '' });
  expect(cli(['matrix', folder]).stdout).toBe(TABLE);
  expect(cli(['matrix', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Testing.synth(branchEnvironments(Testing.app())) })).stdout).toBe(TABLE);
});

test('matrix --json is for programs', () => {
  const { stdout, status } = cli(['matrix', '--json', manifests]);
  expect(status).toBe(0);
  const { header, lanes } = JSON.parse(stdout);
  expect(header).toBe('project-version');
  expect(lanes.map(({ lane, other }: any) => [lane, other])).toEqual([[null, false], ['release-v1', false], ['release-v2', false], ['release-v3', false], [null, true]]);
  expect(lanes[2].services['testbbb.test-istio.svc.cluster.local']).toEqual({ serves: [{ version: 'release', share: 1 }], conditional: [], baseline: true, problems: [] });
});

test('a route to a subset that is not defined is shown, with exit code 1', () => {
  const vs = { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'a', namespace: 'n' }, spec: { hosts: ['a'], http: [{ route: [{ destination: { host: 'a', subset: 'gone' } }] }] } };
  const { status, stdout } = cli(['matrix', '-'], JSON.stringify(vs));
  expect(status).toBe(1);
  expect(stdout).toContain('503 NC !');
  expect(stdout.replace(/\s+/g, ' ')).toContain('503 NC: no DestinationRule that namespace n sees defines subset gone of a.n.svc.cluster.local (VirtualService n/a)');
});

test.each([
  ['an empty branch', ['lane-name', ''], /'branch' must not be empty/],
  ['no branch', ['lane-name'], /missing required argument 'branch'/],
  ['no path', ['matrix'], /missing required argument 'path'/],
  ['an unknown command', ['metrix'], /unknown command 'metrix'/],
  ['an unknown option', ['matrix', '--jsno', 'x'], /unknown option '--jsno'/],
  ['a file that is not there', ['matrix', 'nowhere.yaml'], /cannot read nowhere\.yaml: no such file or folder/],
  ['a folder without manifests', ['matrix', 'docs'], /no manifests in docs/],
  ['an object that is there twice', ['matrix', manifests, manifests], /Namespace test-istio is there already, at .*manifests\.yaml:1/],
  ['broken YAML', ['matrix', join(folder, 'broken.txt')], /broken\.txt:2: /],
])('%s is answered with one message and exit code 2', (_, args, message) => {
  const { status, stdout, stderr } = cli(args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
});

test.each([[[]], [['--help']], [['matrix', '--help']]])('help (%p) documents the exit codes', (args) => {
  const { stdout, stderr } = cli(args);
  expect(stdout + stderr).toContain('Exit codes:');
});
