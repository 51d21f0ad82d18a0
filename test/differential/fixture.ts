import { stringify } from 'yaml';
import { differences } from './facts';
import { type Judgement } from './judgement';
import { type Case, shrunk } from './shrink';
import { simulated } from './simulated-decision';
import type { Trial } from './trial';
import { MeshModel } from '../../src/simulate';
import type { Decision } from '../mesh/contract';
import { Mesh } from '../mesh/mesh';

/** istiod in the runner's process does not give everything back when it is replaced. */
const UPDATES_PER_RUNNER = 25;

/** A disagreement about as small a mesh as it can be had with, as YAML with the request and both verdicts in comments. */
export async function fixtureOf({ seed, manifests, requests }: Trial, { index, words }: Judgement): Promise<string> {
  const judge = new Judge();
  try {
    const start = { manifests, request: requests[index] };
    const kinds = fieldsOf(await judge.differences(start) ?? []);
    // Only Envoy disagrees: nothing that could be asked some hundred times.
    const small = kinds === '' ? start : await shrunk(start, async (candidate) => fieldsOf(await judge.differences(candidate) ?? []) === kinds);
    const found = await judge.differences(small) ?? [];
    return [
      `# seed ${seed}, request ${index}`,
      ...(found.length > 0 ? found : words).map((line) => `# ${line}`),
      `# request: ${JSON.stringify(small.request)}`,
      `# real: ${JSON.stringify(judge.decided)}`,
      ...small.manifests.map((manifest) => `---\n${stringify(manifest)}`),
    ].join('\n');
  } finally {
    await judge.stop();
  }
}

/** Which fields differ: shrinking must not slip into another disagreement. */
function fieldsOf(words: readonly string[]): string {
  return words.map((line) => line.slice(0, line.indexOf(':'))).sort().join();
}

class Judge {
  decided?: Decision;
  private mesh?: Mesh;
  private uses = 0;

  /** Where the simulator differs from istiod; undefined for what Istio rejects. */
  async differences({ manifests, request }: Case): Promise<string[] | undefined> {
    try {
      await this.look(manifests);
      [this.decided] = await this.mesh!.decide([request]);
    } catch {
      return undefined;
    }
    try {
      return differences(simulated(MeshModel.of(manifests), request), this.decided);
    } catch (error) {
      return [`the simulator fails: ${error}`];
    }
  }

  async stop(): Promise<void> {
    await this.mesh?.stop();
  }

  private async look(manifests: Case['manifests']) {
    if (this.mesh && ++this.uses % UPDATES_PER_RUNNER !== 0) {
      await this.mesh.update(manifests);
      return;
    }
    const next = await Mesh.start(manifests, { decideOnly: true, mtls: true });
    await this.mesh?.stop();
    this.mesh = next;
  }
}
