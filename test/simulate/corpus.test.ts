import { readCorpus, readOpen } from '../differential/corpus';
import { judged } from '../differential/judgement';

/*
 * What istiod's configuration and Envoy say about thousands of requests to random meshes, recorded (npm run record:corpus): the
 * simulator says the same, but for those that open.json names.
 */
const trials = readCorpus();
const requestsOf = (of: typeof trials) => of.reduce((sum, { requests }) => sum + requests.length, 0);
const sent = trials.filter(({ observed }) => observed !== undefined);
const decided = trials.filter(({ observed }) => observed === undefined);

test('the corpus has ten thousand requests, of which a thousand were sent', () => {
  expect(requestsOf(trials)).toBeGreaterThanOrEqual(10_000);
  expect(requestsOf(sent)).toBeGreaterThanOrEqual(1_000);
});

test('the corpus has every kind of end', () => {
  const actions = new Set(trials.flatMap(({ decisions }) => decisions.map(({ action }) => action)));
  expect([...actions].sort()).toEqual(['answer', 'deny', 'none', 'plain', 'redirect', 'refuse', 'route', 'tcp']);
});

test.each([['that were sent', sent], ['that were only decided', decided]])('the simulator agrees about all requests %s, but for the open ones', (_, all) => {
  const seeds = all.map(({ seed }) => seed);
  const wrong = all.flatMap((trial) => judged(trial).map(({ index, words }) => ({ seed: trial.seed, request: index, words: words.join('; ') })));
  const known = readOpen().filter(({ seed }) => seeds.includes(seed));
  // What has been mended must leave the list, too.
  expect(wrong.map(({ seed, request }) => ({ seed, request }))).toEqual(known.map(({ seed, request }) => ({ seed, request })));
});
