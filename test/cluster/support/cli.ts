import { ChildProcess, spawn } from 'child_process';

/** What a command ended with. */
export interface Ended {
  /** `null` if it was killed. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of `cli`. */
export interface CliOptions {
  readonly input?: string;
  readonly env?: Record<string, string>;
  /** The compiled command line. @default - the right one */
  readonly program?: string;
  /** @default - the real one */
  readonly kubectl?: string;
  /** @default - that of the test cluster */
  readonly kubeconfig?: string;
  /** Gets the process, to end it, and its output so far. */
  readonly during?: (child: ChildProcess, said: () => string) => void;
}

/** Runs the command line as its own process against the test cluster, as pipelines do. */
export function cli(args: string[], options: CliOptions = {}): Promise<Ended> {
  const { CLUSTER_CLI, CLUSTER_KUBECONFIG, CLUSTER_KUBECTL } = process.env;
  const flags = [`--kubectl=${options.kubectl ?? CLUSTER_KUBECTL}`, `--kubeconfig=${options.kubeconfig ?? CLUSTER_KUBECONFIG}`];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [options.program ?? CLUSTER_CLI!, args[0], ...flags, ...args.slice(1)], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => { stdout += data; });
    child.stderr.on('data', (data) => { stderr += data; });
    child.stdin.on('error', () => { /* it did not read */ });
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    options.during?.(child, () => stdout + stderr);
  });
}

/** Runs kubectl as a person would. */
export function kubectl(args: string[], input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.env.CLUSTER_KUBECTL!, [...args, `--kubeconfig=${process.env.CLUSTER_KUBECONFIG}`], { stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => { stdout += data; });
    child.stderr.on('data', (data) => { stderr += data; });
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
