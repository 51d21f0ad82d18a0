/** What the commands that speak to a cluster end with. */
export enum ExitCode {
  DONE = 0,
  /** Done, and what is there is not as it should be: the output says what. */
  NOT_AS_IT_SHOULD = 1,
  /** The input is at fault. */
  INPUT = 2,
  /** Something in the cluster stands in the way; nothing was changed unless the message says so. */
  REFUSED = 3,
  /** The workload did not become ready; requests are routed as before. */
  NOT_READY = 4,
  /** The cluster (or git's remote) cannot be asked: not reached, not allowed, no kubectl. */
  CLUSTER = 5,
  /** Another run of the same lane or service came in between, and counts. */
  OVERTAKEN = 6,
  /** Everything is in place, and the entry URL does not answer from the lane. */
  PROBE = 7,
}

/** A command that cannot go on, for a reason that one message tells. */
export class CommandFailed extends Error {
  constructor(public readonly exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CommandFailed';
  }
}

/** The user or the CI system ended the command; every command can be run again. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}

/** Why the API server did not do what it was asked. */
export type ClusterErrorKind = 'conflict' | 'exists' | 'not found' | 'forbidden' | 'owned' | 'invalid' | 'busy' | 'unreachable' | 'timeout';

/** An answer of the API server, or of kubectl, other than success. */
export class ClusterError extends Error {
  constructor(public readonly kind: ClusterErrorKind, message: string) {
    super(message);
    this.name = 'ClusterError';
  }
}

/** Whether an error is an answer of that kind. */
export function isClusterError(error: unknown, ...kinds: ClusterErrorKind[]): error is ClusterError {
  return error instanceof ClusterError && kinds.includes(error.kind);
}

/** What a command that ended with this answer ends with. */
export function exitCodeOf(error: ClusterError): ExitCode {
  switch (error.kind) {
    case 'invalid': return ExitCode.INPUT;
    case 'owned': return ExitCode.REFUSED;
    case 'conflict':
    case 'exists':
    case 'not found': return ExitCode.OVERTAKEN;
    default: return ExitCode.CLUSTER;
  }
}
