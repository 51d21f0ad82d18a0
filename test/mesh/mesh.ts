import type {
  Analysis, Backends, Decision, Dump, MeshOptions, MeshRequest, MeshResponse, Outcome, Sender, Started, Stat, Validation,
} from './contract';
import { RunnerProcess } from './runner-process';

export * from './contract';
export { MeshError } from './runner-process';

/**
 * Manifests: YAML text, paths of files or folders, plain objects, or a list of these. A string with a line break is
 * YAML, any other string is a path.
 */
export type ManifestSource = string | object | readonly (string | object)[];

/** Which statistics to add up; see {@link Mesh.total}. */
export interface StatFilter {
  /** `namespace/pod` of the proxy, or a part of it. @default - all */
  readonly proxy?: string;
  /** Istiod's name of the cluster, or a part of it. @default - all */
  readonly cluster?: string;
}

/**
 * A mesh made of manifests: istiod's own code configures a real Envoy, small applications stand for the pods, and every
 * request tells where it really went.
 *
 * ```ts
 * const mesh = await Mesh.start(Testing.synth(chart), { calls: { testaaa: [{ host: 'testbbb', port: 32000 }] } });
 * const outcome = await mesh.send({ from: { namespace: 'shop' }, host: 'testaaa', port: 31000, repeat: 20 });
 * expect(outcome.paths).toEqual({ 'testaaa-release -> testbbb-release': 20 });
 * await mesh.stop();
 * ```
 * One mesh serves a whole test file: Envoy keeps running and learns what further requests need, so its state
 * (connections, ejected hosts, counters) lasts from one request to the next.
 */
export class Mesh {
  /**
   * Starts a mesh.
   * @throws MeshError of kind `rejected` when Istio refuses objects, `refused` when Envoy does, `input` for unreadable manifests.
   */
  static async start(manifests: ManifestSource, options: MeshOptions = {}): Promise<Mesh> {
    const runner = await RunnerProcess.spawn();
    try {
      const started = await runner.ask<Started>('start', { mesh: { ...toWire(options), ...toManifests(manifests) } });
      return new Mesh(runner, started);
    } catch (error) {
      await runner.stop();
      throw error;
    }
  }

  /** What Istio's schemas and its admission webhook say about each object. */
  static async validate(manifests: ManifestSource): Promise<Validation> {
    return (await judge()).ask<Validation>('validate', { manifests: toManifests(manifests) });
  }

  /**
   * What istioctl's analyzers say. They also see what a cluster makes of the manifests (pods, the gateway's Service), so
   * that none of them is skipped; with `filesOnly` they see the manifests alone, as istioctl does without a cluster.
   */
  static async analyze(manifests: ManifestSource, { filesOnly = false } = {}): Promise<Analysis> {
    return (await judge()).ask<Analysis>('analyze', { manifests: toManifests(manifests), filesOnly });
  }

  private readonly collected: string[];

  private constructor(private readonly runner: RunnerProcess, readonly started: Started) {
    this.collected = [...started.warnings];
  }

  /** Where this mesh differs from a real one, as far as the requests so far have shown. */
  get warnings(): readonly string[] { return this.collected; }

  /** Sends a request, as often as it says, and tells what became of it. */
  async send(request: MeshRequest): Promise<Outcome> {
    return (await this.sendAll([request]))[0];
  }

  /** Sends a request once. */
  async sendOne(request: MeshRequest): Promise<MeshResponse> {
    return (await this.send({ ...request, repeat: 1 })).responses[0];
  }

  /** Sends requests one after the other. (What is sent without waiting for the answer to something else runs beside it.) */
  async sendAll(requests: readonly MeshRequest[]): Promise<Outcome[]> {
    const sent = await this.runner.ask<{ outcomes: Outcome[]; warnings: string[] }>('send', { requests: requests.map(toRequest) });
    this.collected.push(...sent.warnings);
    return sent.outcomes;
  }

  /**
   * What the senders' proxies would do with requests, read from what istiod configures them with; nothing is sent, so
   * thousands take no longer than a few that are. Only the first hop is decided.
   */
  async decide(requests: readonly MeshRequest[]): Promise<Decision[]> {
    return (await this.runner.ask<{ decisions: Decision[] }>('decide', { requests: requests.map(toRequest) })).decisions;
  }

  /** Envoy's counters and gauges whose name or cluster matches; those never used are not there. */
  async stats(filter: string | RegExp = ''): Promise<Stat[]> {
    return this.runner.ask<Stat[]>('stats', { filter: typeof filter === 'string' ? filter : filter.source });
  }

  /** The sum of a statistic, such as `upstream_rq_pending_overflow`, over proxies and clusters. */
  async total(name: string, { proxy = '', cluster = '' }: StatFilter = {}): Promise<number> {
    return (await this.stats())
      .filter(stat => stat.name === name && stat.proxy.includes(proxy) && stat.cluster.includes(cluster))
      .reduce((sum, stat) => sum + stat.value, 0);
  }

  /** Replaces the behaviours of applications. Pods that become (un)healthy do so for all proxies before this returns. */
  async setBackends(backends: Backends): Promise<void> {
    await this.runner.ask('backends', { backends });
  }

  /**
   * Replaces the manifests while the mesh runs; requests may be under way. Envoy takes what changed, and keeps the rest.
   * If it refuses, this fails and the mesh stays as it was.
   */
  async update(manifests: ManifestSource): Promise<void> {
    const updated = await this.runner.ask<Started>('update', { manifests: toManifests(manifests) });
    this.collected.push(...updated.warnings);
  }

  /** What istiod sends to the proxy of a sender: listeners, routes, clusters, endpoints. */
  async dump(from: Sender): Promise<Dump> {
    return this.runner.ask<Dump>('dump', { from });
  }

  /** Ends the mesh. */
  async stop(): Promise<void> {
    await this.runner.stop();
  }
}

let shared: Promise<RunnerProcess> | undefined;

/** The one runner of this process that only judges. */
function judge(): Promise<RunnerProcess> {
  shared ??= RunnerProcess.spawn();
  return shared;
}

/** A source in the words of the runner. */
export function toManifests(source: ManifestSource) {
  const parts: readonly (string | object)[] = Array.isArray(source) ? source : [source];
  const texts = parts.filter(part => typeof part === 'string');
  return {
    files: texts.filter(text => !text.includes('\n')),
    yaml: texts.filter(text => text.includes('\n')).join('\n---\n'),
    objects: parts.filter(part => typeof part === 'object'),
  };
}

function toWire({ propagate, ...options }: MeshOptions) {
  const list = Array.isArray(propagate) ? Object.fromEntries(propagate.map(name => [name, null])) : propagate;
  return { ...options, propagate: list };
}

function toRequest({ raw, ...request }: MeshRequest) {
  if (typeof raw === 'object') { return { ...request, rawBase64: Buffer.from(raw).toString('base64') }; }
  return { ...request, raw };
}
