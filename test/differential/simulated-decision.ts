import { type Branch, type Destination, Ending, type MeshModel, type Outcome } from '../../src/simulate';
import type { DecidedDestination, DecidedShare, Decision, MeshRequest } from '../mesh/contract';

/** What the simulator says of a request. The runner's clients have a sidecar unless they say otherwise, whatever their namespace says. */
export function simulated(model: MeshModel, request: MeshRequest): Decision {
  const { from } = request;
  return decisionOf(model.send('gateway' in from || 'workload' in from ? request : { ...request, from: { sidecar: true, ...from } }));
}

/** A simulated outcome in the form in which the runner decides. */
export function decisionOf(outcome: Outcome): Decision {
  // What is no HTTP to the proxy has no rule that decides, and no headers that it could change.
  const decision = outcome.caveats.some(({ code }) => code === 'Tcp') ? undefined : outcome.decision;
  const abort = outcome.branches.filter(({ flag }) => flag?.includes('FI')).reduce((sum, { probability }) => sum + probability, 0);
  const others = outcome.branches.filter(({ flag }) => !flag?.includes('FI'));
  // A VirtualService none of whose rules match is named, which istiod's configuration does not.
  const owner = others.some(({ flag }) => flag === 'NR') ? undefined : decision?.delegatedBy ?? decision?.virtualService;
  const { fault } = outcome;
  return {
    ...answerOf(others) ?? {
      action: decision ? 'route' : 'tcp',
      destinations: others.map((branch) => destinationOf(branch, decision !== undefined, 1 - abort)),
    },
    ...decision ? { routes: decision.routes, virtualHost: decision.virtualHost, route: decision.route } : {},
    ...owner ? { virtualService: `${owner.namespace}/${owner.name}` } : {},
    ...outcome.timeoutMs ? { timeoutMs: outcome.timeoutMs } : {},
    ...outcome.retries ? { retries: outcome.retries } : {},
    mirrors: outcome.mirrors.map(({ destination: { cluster }, percent, workloads }) => (
      { cluster, percent, known: true, workloads: workloads.map(shareOf) })),
    ...fault ? {
      fault: {
        delayMs: fault.delay?.ms,
        delayPercent: fault.delay?.percent,
        abortStatus: fault.abort?.status,
        abortGrpc: grpcNumber(fault.abort?.grpcStatus),
        abortPercent: fault.abort?.percent,
      },
    } : {},
  };
}

/** What the proxy itself answers, if nothing else can happen. */
function answerOf([branch, ...more]: readonly Branch[]): Decision | undefined {
  if (branch === undefined || more.length > 0) { return undefined; }
  const { ending, status, location, body, flag, answerHeaders } = branch;
  switch (ending) {
    case Ending.REDIRECTED: return { action: 'redirect', status, location, answerHeaders };
    case Ending.ANSWERED: return { action: 'answer', status, body, answerHeaders };
    case Ending.FAILED: break;
    default: return undefined;
  }
  if (branch.destination?.cluster || wantsMutualTls(branch)) { return undefined; }
  if (flag === 'NR') { return { action: 'none', status: 404 }; }
  if (status === 0 || status === 503) { return { action: 'refuse' }; }
  return branch.destination ? undefined : { action: status === 403 ? 'deny' : 'answer', status };
}

function destinationOf(branch: Branch, http: boolean, rest: number): DecidedDestination {
  const { destination, workloads, sent, answerHeaders } = branch;
  const served = branch.ending === Ending.SERVED || branch.ending === Ending.OUTSIDE;
  return {
    cluster: destination?.cluster || undefined,
    known: branch.flag !== 'NC',
    probability: branch.probability / rest,
    workloads: branch.status === 403 || wantsMutualTls(branch) ? [{ workload: 'whoever is there', pods: 1, denied: true }]
      : !served ? []
        : workloads.length > 0 ? workloads.map(shareOf) : [{ workload: destination?.host ?? 'whoever is there', pods: 1 }],
    ...destination ? { policy: policyOf(destination) } : {},
    ...served && http && sent ? { sent, answerHeaders } : {},
  };
}

/** Whoever is there closes the connection. */
function wantsMutualTls({ cause, ending }: Branch): boolean {
  return ending === Ending.FAILED && cause?.kind === 'PeerAuthentication';
}

function shareOf({ namespace, workload, share }: { readonly namespace: string; readonly workload: string; readonly share: number }): DecidedShare {
  return { namespace, workload, pods: share };
}

function policyOf({ policy = {} }: Destination): DecidedDestination['policy'] {
  const { loadBalancer, connectionPool, outlierDetection } = policy as any;
  return {
    loadBalancer: loadBalancer?.simple ?? 'LEAST_REQUEST',
    maxConnections: connectionPool?.tcp?.maxConnections,
    maxPendingRequests: connectionPool?.http?.http1MaxPendingRequests,
    consecutive5xx: outlierDetection && (outlierDetection.consecutive5xxErrors ?? 5),
  };
}

const GRPC = ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'];

function grpcNumber(name: string | undefined): number | undefined {
  return name === undefined ? undefined : GRPC.indexOf(name);
}
