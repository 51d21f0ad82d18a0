import { Answer, Hop } from './chain';
import { Branch, Outcome, WorkloadShare } from './outcome';

/** One request and what follows from it, for programs. */
export interface Trace extends Omit<Outcome, 'branches'> {
  /** How likely the request is made at all: below 1 where only some of its caller's pods make it. */
  readonly probability: number;
  readonly branches: readonly TraceBranch[];
}

/** One way that the request may go. */
export interface TraceBranch extends Omit<Branch, 'workloads'> {
  readonly workloads: readonly TraceWorkload[];
}

/** A workload that may answer, and the requests that it makes for that. */
export interface TraceWorkload extends WorkloadShare {
  readonly calls: readonly Trace[];
  /** Why its calls are not followed, if they are not. */
  readonly stopped?: string;
}

/** A tree of hops in which everything stands once. */
export function traceOf({ probability, outcome, answers }: Hop): Trace {
  const branchOf = (branch: Branch): TraceBranch => ({
    ...branch,
    workloads: branch.workloads.map((share) => traceWorkload(share, branch, answers)),
  });
  return { probability, ...outcome, branches: outcome.branches.map(branchOf) };
}

function traceWorkload(share: WorkloadShare, branch: Branch, answers: readonly Answer[]): TraceWorkload {
  const answer = answers.find((each) => each.branch === branch && each.workload === share);
  return { ...share, calls: (answer?.calls ?? []).map(traceOf), ...(answer?.stopped ? { stopped: answer.stopped } : {}) };
}
