/*
 * Records anew what the simulator is held to: random meshes of the seeds 1, 2, 3, …, what istiod's configuration says about the
 * requests to each, and for the first ones what Envoy does with them. Needs the real mesh.
 *
 *   npm run record:corpus
 */
import { type OpenRequest, writeCorpus, writeOpen } from './corpus';
import { judged } from './judgement';
import { type Trial, tried } from './trial';
import { MeshError } from '../mesh/mesh';

const DECIDED = Number(process.env.CORPUS_DECIDED ?? 10_500);
const SENT = Number(process.env.CORPUS_SENT ?? 1_200);

const count = (trials: readonly Trial[]) => trials.reduce((sum, { requests }) => sum + requests.length, 0);
const sentOf = (trials: readonly Trial[]) => count(trials.filter(({ observed }) => observed !== undefined));
const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const trials: Trial[] = [];
  const open: OpenRequest[] = [];
  for (let seed = Number(process.env.MESH_SEED ?? 1); count(trials) < DECIDED; seed++) {
    try {
      const trial = await tried(seed, sentOf(trials) < SENT);
      for (const { index, words } of judged(trial)) {
        open.push({ seed, request: index, words });
        say(`seed ${seed}, request ${index}: ${words.join('; ')}`);
      }
      trials.push(trial);
    } catch (error) {
      if (!(error instanceof MeshError)) { throw error; }
      say(`seed ${seed} is left out (${error.kind}): ${error.message}`);
    }
    if (trials.length % 20 === 0) { say(`${trials.length} meshes, ${count(trials)} requests`); }
  }
  writeCorpus(trials);
  writeOpen(open);
  say(`${count(trials)} requests to ${trials.length} meshes decided, ${sentOf(trials)} sent; ${open.length} disagreements`);
  process.exitCode = open.length > 0 ? 1 : 0;
}

void main();
