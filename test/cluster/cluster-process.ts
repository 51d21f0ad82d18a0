import { ChildProcess, spawn } from 'child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { createInterface } from 'readline';

/** A running API server. */
export interface TestCluster {
  /** With the contexts `admin` (the current one) and `developer`, whom RBAC gives nothing. */
  readonly kubeconfig: string;
  /** The kubectl that goes with it. */
  readonly kubectl: string;
  stop(): Promise<void>;
}

/** The servers of this process. They also end by themselves when this process does. */
const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * Starts a real kube-apiserver with Istio's CRDs, the controllers of Deployments, and a kubelet that only says that pods run.
 * What is missing is built first, which takes minutes the first time.
 */
export async function startCluster(): Promise<TestCluster> {
  const tools = JSON.parse(await output(process.execPath, [join(__dirname, 'build.mjs')])) as { server: string; kubectl: string; crds: string };
  const state = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-cluster-'));
  const child = spawn(tools.server, ['--state', state], { stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  const log = join(state, 'log');
  child.stderr.pipe(createWriteStream(log));
  const gone = new Promise<void>((resolve) => child.on('close', () => {
    running.delete(child);
    resolve();
  }));
  const kubeconfig = await Promise.race([
    new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line).kubeconfig))),
    gone.then(() => { throw new Error(`the API server did not start:\n${readFileSync(log, 'utf8').slice(-4000)}`); }),
  ]);
  const kubectl = (...args: string[]) => output(tools.kubectl, [...args, `--kubeconfig=${kubeconfig}`]);
  // By create, as a client-side apply would not fit the definitions into its annotation.
  await kubectl('create', '-f', tools.crds);
  await established(kubectl);
  return {
    kubeconfig,
    kubectl: tools.kubectl,
    stop: async () => {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 5000);
      await gone;
      clearTimeout(late);
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** `kubectl wait` fails for a definition so new that it has no conditions yet. */
async function established(kubectl: (...args: string[]) => Promise<string>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** The standard output of a program that must succeed. */
export function output(program: string, args: string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const [out, errors]: Buffer[][] = [[], []];
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => errors.push(data));
    child.stdin.on('error', () => { /* its exit code says more */ });
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out).toString());
      else reject(new Error(`${program} ${args.slice(0, 4).join(' ')} ended with ${code}: ${Buffer.concat(errors).toString() || Buffer.concat(out).toString()}`));
    });
  });
}
