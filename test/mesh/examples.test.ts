import { execFileSync } from 'child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { parse } from 'yaml';
import { Mesh } from './mesh';

/*
 * What istiod and istioctl say of every example, as `cdk8s synth` writes it. A message that is meant stands, with its reason, in
 * the example's accepted-messages.yaml: a list of { code, origin, reason }.
 */
const folder = join(__dirname, '..', '..', 'examples');
const examples = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

describe.each(examples)('%s', (name) => {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-example-'));
  afterAll(() => rmSync(outdir, { recursive: true }));
  beforeAll(() => {
    execFileSync(process.execPath, ['--import', 'tsx', 'main.ts'], { cwd: join(folder, name), env: { ...process.env, CDK8S_OUTDIR: outdir } });
  }, 60_000);

  const acceptedFile = join(folder, name, 'accepted-messages.yaml');
  const accepted: { code: string; origin: string; reason: string }[] = existsSync(acceptedFile) ? parse(readFileSync(acceptedFile, 'utf8')) : [];

  test('every object is valid, without warnings', async () => {
    const { objects, valid } = await Mesh.validate(outdir);
    const findings = objects.flatMap(({ kind, name: object, errors, warnings }) => [...errors, ...warnings].map(({ message }) => `${kind}/${object}: ${message}`));
    expect({ valid, findings }).toEqual({ valid: true, findings: [] });
    expect(objects.length).toBeGreaterThan(0);
  });

  test('the analyzers have nothing to say but what is accepted with a reason', async () => {
    const { messages } = await Mesh.analyze(outdir);
    const said = messages.map(({ code, origin, message }) => ({ code, origin, message }));
    const open = said.filter(({ code, origin }) => !accepted.some((each) => each.code === code && each.origin === origin));
    const stale = accepted.filter(({ code, origin }) => !said.some((each) => each.code === code && each.origin === origin));
    expect({ open, stale }).toEqual({ open: [], stale: [] });
    expect(accepted.every(({ reason }) => reason?.length > 20)).toBe(true);
  });
});
