import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Trial } from './trial';

/** Recorded trials: JSON lines, packed. `npm run corpus` prints what is in them. */
const FILE = join(__dirname, '..', 'simulate', 'corpus', 'trials.jsonl.gz');
const OPEN = join(__dirname, '..', 'simulate', 'corpus', 'open.json');

/** A request about which the simulator is known not to agree yet. */
export interface OpenRequest {
  readonly seed: number;
  readonly request: number;
  readonly words: readonly string[];
}

export function readCorpus(): Trial[] {
  return gunzipSync(readFileSync(FILE)).toString('utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Trial);
}

export function writeCorpus(trials: readonly Trial[]): void {
  writeFileSync(FILE, gzipSync(trials.map((trial) => `${JSON.stringify(trial)}\n`).join(''), { level: 9 }));
}

export function readOpen(): OpenRequest[] {
  return JSON.parse(readFileSync(OPEN, 'utf8')) as OpenRequest[];
}

export function writeOpen(open: readonly OpenRequest[]): void {
  writeFileSync(OPEN, `${JSON.stringify(open, null, 1)}\n`);
}
