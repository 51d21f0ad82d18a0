import { execFileSync } from 'child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { parse } from 'yaml';
import { Mesh } from './mesh';
import { parseManifests } from '../../src/manifests';

/*
 * What istiod and istioctl say of every example, as `cdk8s synth` writes it. A message that is meant stands, with its reason, in
 * the example's accepted-messages.yaml: a list of { code, reason } and, where not all of a code are meant, { origin } (a regular
 * expression); a warning of istiod's webhook, which has no code, stands there as { warning, reason } (a regular expression too).
 */
const folder = join(__dirname, '..', '..', 'examples');
const examples = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

interface Accepted {
  readonly code?: string;
  readonly warning?: string;
  readonly reason: string;
  readonly origin?: string;
}

describe.each(examples)('%s', (name) => {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-example-'));
  let meshes: string[][];
  beforeAll(() => {
    execFileSync(process.execPath, ['--import', 'tsx', 'main.ts'], { cwd: join(folder, name), env: { ...process.env, ...environmentOf(name), CDK8S_OUTDIR: outdir } });
    meshes = meshesOf(readdirSync(outdir).map((file) => join(outdir, file)));
  }, 60_000);
  afterAll(() => rmSync(outdir, { recursive: true }));

  const acceptedFile = join(folder, name, 'accepted-messages.yaml');
  const accepted: Accepted[] = existsSync(acceptedFile) ? parse(readFileSync(acceptedFile, 'utf8')) : [];

  test('every object is valid, without warnings but what is accepted with a reason', async () => {
    expect(meshes.length).toBeGreaterThan(0);
    const warned = (each: Accepted, finding: string) => each.warning !== undefined && new RegExp(each.warning).test(finding);
    const all: string[] = [];
    for (const files of meshes) {
      const { objects, valid } = await Mesh.validate(files);
      const findings = objects.flatMap(({ kind, name: object, errors, warnings }) => [...errors, ...warnings].map(({ message }) => `${kind}/${object}: ${message}`));
      all.push(...findings);
      const unmeant = findings.filter((finding) => !accepted.some((each) => warned(each, finding)));
      expect({ files, valid, unmeant }).toEqual({ files, valid: true, unmeant: [] });
    }
    expect(accepted.filter((each) => each.warning !== undefined && !all.some((finding) => warned(each, finding)))).toEqual([]);
  });

  test('the analyzers have nothing to say but what is accepted with a reason', async () => {
    const said: { code: string; origin: string; message: string }[] = [];
    for (const files of meshes) said.push(...(await Mesh.analyze(files)).messages.map(({ code, origin, message }) => ({ code, origin, message })));
    const covers = (each: Accepted, message: { code: string; origin: string }) => each.code === message.code && new RegExp(each.origin ?? '').test(message.origin);
    expect(said.filter((message) => !accepted.some((each) => covers(each, message)))).toEqual([]);
    expect(accepted.filter((each) => each.warning === undefined && !said.some((message) => covers(each, message)))).toEqual([]);
    expect(accepted.every(({ reason }) => reason?.length > 20)).toBe(true);
  });
});

/** What an example that reads its environment is told there. */
function environmentOf(example: string): Record<string, string> {
  const file = join(folder, example, 'ci.env');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return Object.fromEntries(lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

/** Files that go together are one mesh; files that hold the same objects are alternatives, of which each is one. */
function meshesOf(files: string[]): string[][] {
  const names = files.flatMap((file) => parseManifests(readFileSync(file, 'utf8'), file))
    .map(({ manifest: { kind, metadata } }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  return new Set(names).size === names.length ? [files] : files.map((file) => [file]);
}
