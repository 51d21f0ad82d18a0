import { disagreements } from './envoy-agreement';
import { differences } from './facts';
import { simulated } from './simulated-decision';
import type { Trial } from './trial';
import { MeshModel } from '../../src/simulate';
import type { Decision } from '../mesh/contract';

/** Where the simulator, istiod's configuration and Envoy do not agree about a request of a trial, in words. */
export interface Judgement {
  readonly index: number;
  readonly words: readonly string[];
}

export function judged(trial: Pick<Trial, 'manifests' | 'requests' | 'decisions' | 'observed'>): Judgement[] {
  const model = MeshModel.of(trial.manifests);
  return trial.requests.map((_, index) => ({ index, words: found(trial, model, index) })).filter(({ words }) => words.length > 0);
}

function found({ requests, decisions, observed }: Pick<Trial, 'requests' | 'decisions' | 'observed'>, model: MeshModel, index: number): string[] {
  const decision = decisions[index];
  const seen = observed?.[index];
  const decided = seen ? disagreements(decision, seen).map((words) => `decided, but in Envoy ${words}`) : [];
  let ours: Decision;
  try {
    ours = simulated(model, requests[index]);
  } catch (error) {
    return [...decided, `the simulator fails: ${error}`];
  }
  return [
    ...differences(ours, decision),
    ...decided,
    ...seen ? disagreements(ours, seen).map((words) => `simulated, but in Envoy ${words}`) : [],
  ];
}
