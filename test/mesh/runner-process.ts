import { ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Verdict } from './contract';

/** An error that the runner reports. */
export class MeshError extends Error {
  constructor(
    /**
     * - `input`: unreadable manifests, impossible requests
     * - `rejected`: Istio refuses objects, see {@link objects}
     * - `refused`: Envoy refuses what istiod made of them, or does not start
     * - `internal`: a fault of the runner
     */
    readonly kind: 'input' | 'rejected' | 'refused' | 'internal',
    message: string,
    /** The objects that Istio rejects. */
    readonly objects: readonly Verdict[] = [],
  ) {
    super(message);
    this.name = 'MeshError';
  }
}

interface Tools {
  readonly runner: string;
  readonly envoy: string;
  readonly crds: string;
}

interface Reply {
  readonly id: number;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: { kind: MeshError['kind']; message: string; objects?: Verdict[] };
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

let tools: Promise<Tools> | undefined;

/** The paths of what the mesh needs; what is missing is built, which takes minutes the first time. */
function findTools(): Promise<Tools> {
  tools ??= new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(__dirname, 'build.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let progress = '';
    child.stdout.on('data', data => { output += data; });
    child.stderr.on('data', data => {
      progress += data;
      process.stderr.write(data);
    });
    child.on('error', reject);
    child.on('close', code => {
      if (code !== 0) {
        reject(new MeshError('input', progress.trim()));
        return;
      }
      resolve(JSON.parse(output.trim().split('\n').pop()!) as Tools);
    });
  });
  return tools;
}

/** The runners of this process. When it ends in any orderly way they are killed; otherwise they notice by themselves. */
const running = new Set<ChildProcessWithoutNullStreams>();
process.once('exit', () => running.forEach(child => child.kill('SIGKILL')));

/** One runner: operations as JSON lines. */
export class RunnerProcess {
  /** Starts a runner. It needs nothing else to stay alive, and keeps nobody else alive while it has nothing to do. */
  static async spawn(): Promise<RunnerProcess> {
    const paths = await findTools();
    return new RunnerProcess(spawn(paths.runner, ['serve', '--envoy', paths.envoy, '--crds', paths.crds]));
  }

  private readonly waiting = new Map<number, Waiting>();
  private last = 0;
  private said = '';
  private ended?: MeshError;
  private readonly gone: Promise<void>;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    running.add(child);
    child.stderr.on('data', data => {
      this.said = (this.said + data).slice(-10_000);
      if (process.env.MESH_RUNNER_DEBUG) { process.stderr.write(data); }
    });
    child.stdin.on('error', () => { /* the end of the process says more */ });
    createInterface({ input: child.stdout }).on('line', line => this.receive(JSON.parse(line) as Reply));
    this.gone = new Promise(resolve => {
      const end = (message: string) => {
        running.delete(child);
        this.ended ??= new MeshError('internal', message);
        this.waiting.forEach(({ reject }) => reject(this.ended!));
        this.waiting.clear();
        resolve();
      };
      child.on('error', error => end(`the mesh runner did not start: ${error.message}`));
      child.on('close', (code, signal) => end(`the mesh runner has ended (${signal ?? `exit code ${code}`})\n${this.said}`.trim()));
    });
    this.hold(false);
  }

  /** Runs one operation. */
  ask<T>(op: string, parameters: object = {}): Promise<T> {
    if (this.ended) { return Promise.reject(this.ended); }
    const id = ++this.last;
    const result = new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
    });
    this.hold(true);
    this.child.stdin.write(`${JSON.stringify({ ...parameters, id, op })}\n`);
    return result;
  }

  /** Ends the runner and everything it started. */
  async stop(): Promise<void> {
    this.ended ??= new MeshError('input', 'the mesh was stopped');
    this.child.ref();
    this.child.stdin.end();
    await this.gone;
  }

  private receive(reply: Reply) {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (this.waiting.size === 0) { this.hold(false); }
    if (reply.ok) {
      waiting?.resolve(reply.result);
    } else {
      const { kind, message, objects } = reply.error!;
      waiting?.reject(new MeshError(kind, message, objects));
    }
  }

  /** Says whether this process must stay alive for the runner's sake. */
  private hold(keep: boolean) {
    const { stdin, stdout, stderr } = this.child;
    const handles = [this.child, ...[stdin, stdout, stderr].map(stream => stream as unknown as Socket)];
    handles.forEach(handle => keep ? handle.ref() : handle.unref());
  }
}
