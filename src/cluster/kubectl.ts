import { spawn } from 'child_process';
import { ClusterError, ClusterErrorKind, Interrupted } from './failures';

/** How kubectl is called. */
export interface KubectlOptions {
  /**
   * The program.
   * @default 'kubectl'
   */
  readonly program?: string;
  /** @default - kubectl's own: $KUBECONFIG, ~/.kube/config, the pod's service account */
  readonly kubeconfig?: string;
  /** @default - the current one */
  readonly context?: string;
  /** The user to act as. @default - the context's */
  readonly as?: string;
}

/** Options of one call. */
export interface CallOptions {
  readonly input?: string;
  /** Gets each line of the output as it comes. */
  readonly onLine?: (line: string) => void;
  /** The call changes something, so it is left to finish when the user interrupts. */
  readonly writes?: boolean;
  /** @default 60 */
  readonly timeoutSeconds?: number;
  /** Exit codes that are no errors. @default [0] */
  readonly fine?: number[];
}

const TRIES = 4;

/**
 * The one way to the cluster: kubectl, with its contexts, credentials and proxies. What it says when something is wrong
 * becomes a `ClusterError`.
 */
export class Kubectl {
  private readonly program: string;
  private readonly flags: string[];

  constructor(options: KubectlOptions, private readonly signal?: AbortSignal) {
    this.program = options.program ?? 'kubectl';
    const { kubeconfig, context, as } = options;
    this.flags = Object.entries({ kubeconfig, context, as }).filter(([, text]) => text !== undefined).map(([name, text]) => `--${name}=${text}`);
  }

  /** Runs kubectl and returns its output. Reads that fail because the server is busy are tried again. */
  public async run(args: string[], options: CallOptions = {}): Promise<string> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(args, options);
      } catch (error) {
        const again = error instanceof ClusterError && error.kind === 'busy' && !options.writes && tries < TRIES;
        if (!again) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** tries));
      }
    }
  }

  private once(args: string[], { input, onLine, writes = false, timeoutSeconds = 60, fine = [0] }: CallOptions): Promise<string> {
    if (this.signal?.aborted) return Promise.reject(new Interrupted());
    return new Promise((resolve, reject) => {
      // A group of its own, so that Ctrl+C reaches this program alone, which then decides what to end.
      const child = spawn(this.program, [...args, ...this.flags], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
      const output: Buffer[] = [];
      let errors = '';
      let rest = '';
      let late = false;
      const end = () => child.kill('SIGTERM');
      const timer = setTimeout(() => { late = true; end(); }, timeoutSeconds * 1000);
      if (!writes) this.signal?.addEventListener('abort', end);
      child.stdout.on('data', (data: Buffer) => {
        output.push(data);
        if (!onLine) return;
        const lines = (rest + data.toString()).split('\n');
        rest = lines.pop()!;
        lines.filter((line) => line !== '').forEach(onLine);
      });
      child.stderr.on('data', (data: Buffer) => { errors += data.toString(); });
      child.stdin.on('error', () => { /* it ended without reading; its exit code says why */ });
      child.stdin.end(input ?? '');
      const settle = (outcome: () => void) => {
        clearTimeout(timer);
        this.signal?.removeEventListener('abort', end);
        outcome();
      };
      child.on('error', (error: NodeJS.ErrnoException) => settle(() => reject(cannotStart(this.program, error))));
      child.on('close', (code) => settle(() => {
        if (code !== null && fine.includes(code)) resolve(Buffer.concat(output).toString());
        else if (this.signal?.aborted && !writes) reject(new Interrupted());
        else if (late) reject(new ClusterError('unreachable', `kubectl ${args[0]} did not end within ${timeoutSeconds} s`));
        else reject(errorOf(errors || Buffer.concat(output).toString(), args));
      }));
    });
  }
}

function cannotStart(program: string, error: NodeJS.ErrnoException): ClusterError {
  const reason = error.code === 'ENOENT' ? 'not found' : error.message;
  return new ClusterError('unreachable', `cannot run ${program}: ${reason}; install kubectl, or say where it is by --kubectl`);
}

/** What kubectl's words mean, the first that fits. */
const MEANINGS: [RegExp, ClusterErrorKind][] = [
  [/Apply failed with \d+ conflict/, 'owned'],
  [/\(Conflict\)|Operation cannot be fulfilled on|the object has been modified/, 'conflict'],
  [/\(AlreadyExists\)/, 'exists'],
  [/\(Forbidden\)| is forbidden: /, 'forbidden'],
  [/\(Unauthorized\)|You must be logged in/, 'unreachable'],
  [/timed out waiting for the condition|exceeded its progress deadline/, 'timeout'],
  [/\(NotFound\)|object has been deleted/, 'not found'],
  [/\((TooManyRequests|ServiceUnavailable|ServerTimeout|Timeout|InternalError)\)|connection reset by peer|http2: client connection lost|TLS handshake timeout/, 'busy'],
  [/\((Invalid|BadRequest|MethodNotAllowed|UnsupportedMediaType)\)| is invalid: |error (parsing|validating)|strict decoding error|no matches for kind/, 'invalid'],
];

function errorOf(said: string, args: string[]): ClusterError {
  const text = said.split('\n').map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/^(Warning:|I\d{4} |E\d{4} .*memcache)/.test(line)).join('\n')
    .replace(/^(error: |Error from server( \(\w+\))?: )/gm, '');
  const [, kind] = MEANINGS.find(([pattern]) => pattern.test(said)) ?? [undefined, 'unreachable' as const];
  return new ClusterError(kind, kind === 'unreachable' ? `kubectl cannot ask the cluster: ${text || `kubectl ${args[0]} failed`}` : text);
}
