import type { LiveAnswer, LiveLoad, LiveMeshOptions, LiveStep } from './contract';
import { ManifestSource, toManifests } from './mesh';
import { RunnerProcess } from './runner-process';

/**
 * A mesh that changes while requests are under way: istiod feeds one proxy as in production (delta ADS, its usual delays), pods
 * become unready, crash and come back, objects of Istio's come and go. See the README.
 *
 * ```ts
 * const mesh = await LiveMesh.start(manifests, { from: { namespace: 'shop' }, port: 80 });
 * const answers = await mesh.load({ host: 'cart', count: 400, intervalMs: 5, steps: [{ after: 100, pods: { 'cart-v2': { running: false } } }] });
 * await mesh.stop();
 * ```
 */
export class LiveMesh {
  /** Starts a live mesh: all pods run and are ready. */
  static async start(manifests: ManifestSource, options: LiveMeshOptions): Promise<LiveMesh> {
    const runner = await RunnerProcess.spawn();
    try {
      await runner.ask('live', { live: { ...options, ...toManifests(manifests) } });
      return new LiveMesh(runner);
    } catch (error) {
      await runner.stop();
      throw error;
    }
  }

  private constructor(private readonly runner: RunnerProcess) {}

  /** Sends requests while the steps are taken. The answers stand in the order in which the requests were sent. */
  async load(load: LiveLoad): Promise<LiveAnswer[]> {
    return this.runner.ask<LiveAnswer[]>('load', { load });
  }

  /** Changes something while nobody looks. */
  async change(change: LiveStep): Promise<void> {
    await this.runner.ask('change', { change });
  }

  /** Ends the mesh. */
  async stop(): Promise<void> {
    await this.runner.stop();
  }
}
