import { DEFAULT_LANE_HEADER, laneHeaderOf } from './lanes';
import { MeshModel } from './mesh-model';
import { Branch, Caveat, Ending, GATEWAY_PODS, Outcome, WorkloadShare } from './outcome';
import { SimulatedRequest } from './request';
import { unique } from './route-outcome';
import { Call, Topology, TopologyOptions } from './topology';
import { Workload } from './workloads';

/** How far chains are followed. */
const MAX_DEPTH = 16;
const MAX_HOPS = 5000;

/** One hop, and what follows from it. */
export interface Hop {
  /** How likely the request gets here at all, 0 to 1. */
  readonly probability: number;
  readonly outcome: Outcome;
  /** Each workload that may answer. */
  readonly answers: readonly Answer[];
}

/** A workload that answers, and whom it calls for that. */
export interface Answer {
  /** How likely it is this one, 0 to 1. */
  readonly probability: number;
  readonly branch: Branch;
  readonly workload: WorkloadShare;
  readonly calls: readonly Hop[];
  /** Why its calls are not followed, if they are not. */
  readonly stopped?: string;
}

/** Options of `follow`. */
export interface ChainOptions extends TopologyOptions {
  /**
   * The header that applications pass on.
   * @default - the header that woven rules match, `project-version` where there are none
   */
  readonly laneHeader?: string;
}

/** Follows a request and the requests that it causes. Made once for a mesh, it may follow any number. */
export class Chains {
  public readonly laneHeader: string;
  private readonly topology: Topology;
  private hops = 0;

  /** @throws InvalidInput for calls that nobody can make */
  constructor(
    private readonly model: MeshModel,
    options: ChainOptions = {},
  ) {
    this.laneHeader = (options.laneHeader ?? laneHeaderOf(model.virtualServices) ?? DEFAULT_LANE_HEADER).toLowerCase();
    this.topology = new Topology(model, options, this.laneHeader);
  }

  /** The tree of hops that a request becomes. */
  public follow(request: SimulatedRequest): Hop {
    this.hops = 0;
    return this.hop(request, 1, []);
  }

  private hop(request: SimulatedRequest, probability: number, path: readonly string[]): Hop {
    this.hops++;
    const outcome = this.model.send(request);
    const served = outcome.branches.filter(({ ending }) => ending === Ending.SERVED);
    return { probability, outcome, answers: served.flatMap((branch) => this.answers(branch, probability, path)) };
  }

  private answers(branch: Branch, probability: number, path: readonly string[]): Answer[] {
    return branch.workloads.map((share): Answer => {
      const likely = probability * branch.probability * share.share;
      const workload = this.model.workloadNamed(share.namespace, share.workload);
      const calls = workload ? this.topology.callsOf(workload) : [];
      const stopped = calls.length > 0 || this.model.isGateway(share.labels) ? this.whyStop(path, share) : undefined;
      const requests = workload && !stopped ? [...this.onward(workload, branch), ...calls.map((call) => this.requestOf(workload, call, branch))] : [];
      const next = requests.map((request) => this.hop(request, likely, [...path, keyOf(share)]));
      return { probability: likely, branch, workload: share, calls: next, ...(stopped ? { stopped } : {}) };
    });
  }

  private whyStop(path: readonly string[], share: WorkloadShare): string | undefined {
    if (path.includes(keyOf(share))) return `${keyOf(share)} is called again: the circle goes on`;
    if (path.length >= MAX_DEPTH) return `followed for ${MAX_DEPTH} hops only`;
    return this.hops >= MAX_HOPS ? `followed for ${MAX_HOPS} calls only` : undefined;
  }

  /** What gateway pods make of a request that a proxy of the mesh sent to them. */
  private onward(workload: Workload, { sent, destination }: Branch): SimulatedRequest[] {
    if (!sent || !destination || !this.model.isGateway(workload.labels)) return [];
    const { mode } = (destination.policy as any)?.tls ?? {};
    const headers = { ...sent.headers, host: sent.authority };
    const host = sent.authority.replace(/:\d+$/, '');
    return [{ from: { gateway: workload.labels }, host, port: destination.port, path: sent.path, headers, tls: mode !== undefined && mode !== 'DISABLE' }];
  }

  private requestOf(workload: Workload, call: Call, { sent }: Branch): SimulatedRequest {
    return { from: { namespace: workload.namespace, workload: workload.name }, ...call, headers: this.topology.passedOn(sent?.headers ?? {}) };
  }
}

/** All hops of a tree, each before what follows from it. */
export function allHops(hop: Hop): Hop[] {
  return [hop, ...hop.answers.flatMap(({ calls }) => calls.flatMap(allHops))];
}

/** What is not modelled and could matter to some hop. What gateway pods do next is followed. */
export function caveatsOf(hop: Hop): Caveat[] {
  return unique(allHops(hop).flatMap(({ outcome }) => outcome.caveats).filter(({ code }) => code !== GATEWAY_PODS));
}

function keyOf({ namespace, workload }: WorkloadShare): string {
  return `${namespace}/${workload}`;
}
