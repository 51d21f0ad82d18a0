/*
 * Prints what is recorded, for people.
 *
 *   npm run corpus                     one line a mesh
 *   npm run corpus -- SEED             the manifests of a mesh as YAML, and its requests
 *   npm run corpus -- SEED REQUEST     a request, and what became of it
 */
import { stringify } from 'yaml';
import { readCorpus } from './corpus';

function lines([seed, index]: readonly string[]): string[] {
  const trials = readCorpus();
  if (seed === undefined) {
    return trials.map((trial) => `seed ${trial.seed}: ${trial.manifests.length} objects, ${trial.requests.length} requests${trial.observed ? ', sent' : ''}`);
  }
  const trial = trials.find((each) => String(each.seed) === seed);
  if (trial === undefined) { return [`there is no seed ${seed} in the corpus`]; }
  if (index === undefined) {
    return [...trial.manifests.map((manifest) => `${stringify(manifest)}---`), ...trial.requests.map((request, at) => `# ${at}: ${JSON.stringify(request)}`)];
  }
  const at = Number(index);
  return [stringify({ request: trial.requests[at], decision: trial.decisions[at], ...trial.observed ? { observed: trial.observed[at] } : {} })];
}

process.stdout.write(`${lines(process.argv.slice(2)).join('\n')}\n`);
