import { type Observation, observationsOf } from './observation';
import { randomMesh } from './random-mesh';
import type { Manifest } from '../mesh/claims/support';
import type { Decision, MeshRequest } from '../mesh/contract';
import { Mesh, MeshError } from '../mesh/mesh';

/** A random mesh, requests to it, and what really becomes of them. */
export interface Trial {
  readonly seed: number;
  readonly manifests: readonly Manifest[];
  readonly requests: readonly MeshRequest[];
  /** What istiod's configuration says. */
  readonly decisions: readonly Decision[];
  /** What Envoy did, where it was asked. */
  readonly observed?: readonly (readonly Observation[])[];
}

const PATIENCE_MS = 90_000;
/** How often requests are sent whose destination is left to chance. */
const OFTEN = 40;

/** Asks istiod, and Envoy too if wanted, about the mesh of a seed. */
export async function tried(seed: number, sending = false): Promise<Trial> {
  const { manifests, requests } = randomMesh(seed);
  const mesh = await Mesh.start(manifests, { mtls: true, decideOnly: !sending });
  try {
    // Names of listeners have addresses in them, which differ from run to run.
    const decisions = (await mesh.decide(requests)).map(({ listener, ...decision }): Decision => decision);
    if (!sending) { return { seed, manifests, requests, decisions }; }
    const sent = mesh.sendAll(requests.map((request, index) => (
      { ...request, timeoutMs: 5000, repeat: isSplit(decisions[index]) ? OFTEN : 1 })));
    const outcomes = await Promise.race([sent, tooLong()]);
    return { seed, manifests, requests, decisions, observed: outcomes.map((outcome, index) => observationsOf(requests[index], outcome)) };
  } finally {
    await mesh.stop();
  }
}

/** Envoy may wait for ever for an update that will not come: the mesh of another seed is worth as much. */
function tooLong(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new MeshError('internal', `Envoy did not get ready in ${PATIENCE_MS} ms`)), PATIENCE_MS).unref();
  });
}

function isSplit({ destinations = [], fault }: Decision): boolean {
  return destinations.length > 1 && (fault?.abortPercent ?? 0) === 0;
}
