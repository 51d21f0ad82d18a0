import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { App } from 'cdk8s';
import { lanesByHand } from './lanes-by-hand';
import { lanesByLibrary } from './lanes-by-library';

/*
 * One measurement, in a process of its own: `synthesize.ts by-hand|by-library`. Prints the CPU milliseconds from the first
 * construct to the written files. Loading the modules is not in it: it is the same for both, and would hide the difference.
 */
const outdir = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-bench-'));
try {
  const build = { 'by-hand': lanesByHand, 'by-library': lanesByLibrary }[process.argv[2]]!;
  const before = process.cpuUsage();
  const app = new App({ outdir });
  build(app);
  app.synth();
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${(user + system) / 1000}\n`);
} finally {
  rmSync(outdir, { recursive: true });
}
