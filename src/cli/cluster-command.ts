import { Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from './read-manifests';
import { ClusterError, CommandFailed, exitCodeOf, ExitCode, Interrupted } from '../cluster/failures';
import { Kubectl } from '../cluster/kubectl';
import { KubectlCluster } from '../cluster/kubectl-cluster';
import { processSession, Session } from '../cluster/session';
import { InvalidInput } from '../errors';
import { sourceLabel } from '../lanes/ownership';
import { ManifestSyntaxError } from '../manifests';
import { currentRun } from '../pipeline/current-run';
import { RemoteUnknown } from '../pipeline/remote-branch';

export const CLUSTER_EXIT_CODES = `
Exit codes:
  0    done
  1    done, and something is not as it should be: the output says what
  2    the input is at fault: the message says where
  3    refused: something is in the way, the message says what to do
  4    the workload did not become ready in time; requests are routed as before
  5    the cluster (or git's remote) cannot be asked: not reached, not allowed, no kubectl
  6    another run came in between, and counts
  7    all is in place, but the probed URL does not answer from the lane
  130  interrupted (143: terminated); the same command can be run again`;

/** How long `down` waits for every proxy, unless it is told. */
export const DOWN_WAIT_SECONDS = 10;

/** Options that all commands with a cluster have. */
export interface ClusterOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly as?: string;
  readonly kubectl?: string;
  readonly namespace: string[];
}

/** What a command works with. */
export interface Tools {
  readonly cluster: KubectlCluster;
  readonly kubectl: Kubectl;
  readonly session: Session;
}

/** Adds the options that all commands with a cluster have. */
export function withClusterOptions(command: Command): Command {
  return command
    .addOption(namespaces())
    .option('--context <name>', "the kubeconfig's context")
    .option('--kubeconfig <file>', 'the kubeconfig')
    .option('--as <user>', 'the user to act as')
    .option('--kubectl <program>', 'the kubectl to run')
    .addHelpText('after', CLUSTER_EXIT_CODES);
}

function namespaces(): Option {
  return new Option('-n, --namespace <name>', 'look only here (may be repeated); also the namespace of manifests that name none')
    .default([], 'all').argParser<string[]>((name, all) => [...all, ...name.split(',')]);
}

/** An option of seconds, 0 or more. */
export function secondsOption(flags: string, description: string, byDefault: number): Option {
  return new Option(flags, description).default(byDefault).argParser(numberOf);
}

/** A number of 0 or more. */
export function numberOf(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number < 0) throw new InvalidArgumentError('It must be a number of 0 or more.');
  return number;
}

/** Whose lanes are meant: what is said, else the repository that this run is for. */
export function sourceOption({ source, all }: { source?: string; all?: boolean }): string | undefined {
  if (all) return undefined;
  const repository = source ?? currentRun().repository;
  if (repository === undefined || repository === '') {
    throw new UsageError("whose lanes is not known: neither GitLab nor GitHub nor git tells the repository; say '--source <repository>', or '--all' for everybody's");
  }
  return sourceLabel(repository);
}

/** Runs the work of a command, and says in one message what ended it. */
export async function runWithCluster(options: ClusterOptions, work: (tools: Tools) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  const interrupt = (signal: NodeJS.Signals) => {
    interruptedBy ??= signal;
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const kubectl = new Kubectl({ ...options, program: options.kubectl }, controller.signal);
    await work({ kubectl, cluster: new KubectlCluster(kubectl, options.namespace), session: processSession(controller.signal) });
  } catch (error) {
    process.exitCode = reportFailure(error, interruptedBy);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function reportFailure(error: unknown, interruptedBy: NodeJS.Signals | undefined): number {
  const tell = (message: string) => process.stderr.write(`cdk8s-lanes: ${message}\n`);
  if (error instanceof Interrupted) {
    tell('interrupted: what was begun is finished, the rest is not; run the same command again to go on');
    return interruptedBy === 'SIGTERM' ? 143 : 130;
  }
  if (error instanceof CommandFailed) {
    tell(error.message);
    return error.exitCode;
  }
  if (error instanceof ClusterError) {
    tell(error.kind === 'forbidden' ? `not allowed: ${error.message}` : error.message);
    return exitCodeOf(error);
  }
  if (error instanceof RemoteUnknown) {
    tell(error.message);
    return ExitCode.CLUSTER;
  }
  if (![UsageError, ManifestSyntaxError, InvalidInput].some((kind) => error instanceof kind)) throw error;
  tell((error as Error).message);
  return ExitCode.INPUT;
}
