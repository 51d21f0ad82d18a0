import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureOf } from '../differential/fixture';
import { judged } from '../differential/judgement';
import { tried } from '../differential/trial';

/*
 * The simulator, istiod's configuration and Envoy agree about meshes that nobody has looked at before: fresh seeds each day, printed;
 * the same again by DIFFERENTIAL_SEED=… npm run test:mesh -- differential, more of them by MESHES=…
 * What they do not agree about is made small and written to a file that a person can read, and put into test/simulate/scenes.
 */
const SEED = Number(process.env.DIFFERENTIAL_SEED ?? 10_000 + Math.floor(Date.now() / 86_400_000) % 10_000 * 100);
const MESHES = Number(process.env.MESHES ?? 16);
/** One mesh in so many has an Envoy. */
const SENDING = 8;
process.stdout.write(`differential: seeds ${SEED} to ${SEED + MESHES - 1}\n`);

test.each(Array.from({ length: MESHES / SENDING }, (_, index) => SEED + index * SENDING))('nobody disagrees, seed %i and following', async (first) => {
  for (let seed = first; seed < first + SENDING; seed++) {
    const trial = await tried(seed, seed === first);
    const [wrong] = judged(trial);
    if (wrong) {
      const file = join(tmpdir(), `differential-${seed}-${wrong.index}.yaml`);
      writeFileSync(file, await fixtureOf(trial, wrong));
      throw new Error(`seed ${seed}, request ${wrong.index}: ${wrong.words.join('; ')}\nA small mesh with it is in ${file}`);
    }
  }
}, 300_000);
