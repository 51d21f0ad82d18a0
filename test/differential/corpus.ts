import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Trial } from './trial';

/** Recorded trials: JSON lines, packed. `npm run corpus` prints what is in them. */
const FILE = join(__dirname, '..', 'simulate', 'corpus', 'trials.jsonl.gz');

export function readCorpus(): Trial[] {
  return gunzipSync(readFileSync(FILE)).toString('utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Trial);
}

export function writeCorpus(trials: readonly Trial[]): void {
  writeFileSync(FILE, gzipSync(trials.map((trial) => `${JSON.stringify(trial)}\n`).join(''), { level: 9 }));
}
