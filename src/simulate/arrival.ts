import { AccessPolicies, Identity } from './access';
import { FoundDestination } from './destinations';
import { Backend, shared } from './endpoints';
import { Branch, Caveat, Ending, ObjectReference, SentRequest } from './outcome';
import { mayBeHttp } from './protocols';
import { RequestView } from './request-view';
import { MeshService, Resolution } from './services';
import { Workload } from './workloads';

/** Who sends, as the receiver's proxy may know it. */
export interface Caller {
  readonly identity: Identity;
  /** Whether a proxy of the mesh sends for it, which speaks mutual TLS where it can. */
  readonly hasProxy: boolean;
  /** Whether that proxy answers requests itself where they fail; else the connection is closed. */
  readonly speaksHttp: boolean;
}

/** Whether a proxy speaks mutual TLS to a destination: to whomever it finds there, or to those who can. */
export interface Mutual {
  readonly kind: 'always' | 'never' | 'where they can';
  /** For `always`: why, in words that follow "which". */
  readonly why?: string;
  readonly cause?: ObjectReference;
  /** Whose certificates are taken, as `namespace/account`; absent: whose pods they are, as these are asked for alone. */
  readonly accounts?: ReadonlySet<string>;
}

/** What becomes of requests that are sent to a destination with endpoints: one branch for each way that it ends. */
export class Arrivals {
  constructor(
    private readonly access: AccessPolicies,
    private readonly mutualTls: boolean,
  ) {}

  /**
   * @param base what the branches have in common; their probabilities add up to its
   * @param mutual `never` where the proxy passes the connection on as it is
   */
  public at(
    found: FoundDestination,
    caller: Caller,
    request: RequestView,
    base: Pick<Branch, 'probability' | 'answerHeaders' | 'sent'>,
    mutual = this.mutualTo(found),
  ): { branches: Branch[]; caveats: Caveat[] } {
    const ready = found.backends.filter(({ pods }) => pods > 0);
    const total = ready.reduce((sum, { pods }) => sum + pods, 0);
    const standby = shared(found.standby ?? []);
    const groups = new Map<string, { end: End; backends: Backend[] }>();
    for (const backend of ready) {
      const end = this.endAt(
        backend,
        found,
        caller,
        base.sent ?? { authority: request.authority, path: request.path, headers: request.headers },
        request,
        mutual,
      );
      const key = JSON.stringify([end.ending, end.reason, end.mutualTls]);
      const group = groups.get(key) ?? { end, backends: [] };
      group.backends.push(backend);
      groups.set(key, group);
    }
    const branches = [...groups.values()].map(({ end: { caveats: _, mutualTls, ...end }, backends }): Branch => ({
      ...base,
      ...end,
      probability: (base.probability * backends.reduce((sum, { pods }) => sum + pods, 0)) / total,
      destination: mutualTls === undefined ? found.destination : { ...found.destination, mutualTls },
      workloads: shared(backends),
      ...(standby.length > 0 ? { standby } : {}),
    }));
    return { branches, caveats: [...groups.values()].flatMap(({ end }) => end.caveats) };
  }

  /**
   * What the proxies of clients make of a destination's own pods.
   *
   * Source: istiod's `BestEffortInferServiceMTLSMode`, and its clusters: those that go where the client connected know no endpoints.
   */
  public mutualTo({ destination, service, backends, endpointTls }: FoundDestination): Mutual {
    const [rule] = destination.destinationRules;
    const asked = modeOf(destination.policy);
    if (asked === 'ISTIO_MUTUAL') return { kind: 'always', why: `${ruleOf(destination)} asks for`, cause: rule };
    if (asked === 'DISABLE' || !this.mutualTls) return { kind: 'never' };
    if (!service) return { kind: 'where they can' };
    if (service.isExternal || this.access.namespaceMode(service.namespace) === 'DISABLE') return { kind: 'never' };
    if (service.resolution !== Resolution.ORIGINAL) {
      if (endpointTls === undefined) return { kind: 'where they can' };
      return endpointTls === 'ISTIO_MUTUAL' ? { kind: 'always', why: `${ruleOf(destination)} asks for`, cause: rule } : { kind: 'never' };
    }
    const all = backends.length > 0 && backends.every(({ workload }) => workload?.hasSidecar);
    return all ? { kind: 'always', why: `proxies speak to ${service.hostname}, as all its pods can`, cause: service.object } : { kind: 'never' };
  }

  /** What becomes of a request to somebody outside the mesh, at whatever address. */
  public outside(name: string, mutual: Mutual, reason = `${name} answers`): End {
    return mutual.kind === 'always' ? withoutSidecar(name, mutual) : { ending: Ending.OUTSIDE, reason, caveats: [] };
  }

  private endAt(
    backend: Backend,
    found: FoundDestination,
    caller: Caller,
    sent: SentRequest,
    request: RequestView,
    mutual: Mutual,
  ): End {
    const { destination, service } = found;
    const { workload } = backend;
    const asked = modeOf(destination.policy);
    if (!workload) {
      const reason = `${backend.name} answers`;
      return service?.isExternal === false ? { ending: Ending.SERVED, reason, caveats: [] } : this.outside(backend.name, mutual);
    }
    const served = { ending: Ending.SERVED, reason: `${workload.namespace}/${workload.name} answers` };
    if (!workload.hasSidecar) {
      if (mutual.kind === 'always') return withoutSidecar(`${workload.namespace}/${workload.name}`, mutual);
      return { ...served, caveats: [], mutualTls: caller.hasProxy ? false : undefined };
    }
    const port = podPort(service, destination.port, backend);
    const protocol = service?.ports.find(({ number }) => number === destination.port)?.protocol;
    const isHttp = protocol === undefined || mayBeHttp(protocol);
    const receiver = { namespace: workload.namespace, labels: workload.labels, port, isHttp };
    const { mode, cause } = this.access.mutualTlsMode(receiver);
    if (mutual.kind === 'always' && mutual.accounts && !mutual.accounts.has(accountOf(workload))) {
      return failed(503, 'UF', `${workload.namespace}/${workload.name} shows a certificate of others than those whose mutual TLS ${mutual.why}`, mutual.cause);
    }
    const speaksTls = this.mutualTls && caller.hasProxy && (mutual.kind === 'always' || (mutual.kind !== 'never' && mode !== 'DISABLE'));
    if (this.mutualTls && !speaksTls && mode === 'STRICT') {
      return closed(caller, `${workload.namespace}/${workload.name} takes mutual TLS only, and gets plain text`, cause);
    }
    if (this.mutualTls && mode === 'DISABLE' && mutual.kind === 'always') {
      return failed(503, 'UF', `${workload.namespace}/${workload.name} speaks plain text only, not mutual TLS, which ${mutual.why}`, cause);
    }
    const caveats: Caveat[] =
      asked === 'SIMPLE' || asked === 'MUTUAL'
        ? [
          {
            code: 'UpstreamTls',
            message: `${ruleOf(destination)} starts TLS (${asked}) to a pod with a sidecar, which is not modelled`,
            object: destination.destinationRules[0],
          },
        ]
        : [];
    const view = new RequestView({ ...request.request, path: sent.path, headers: { ...sent.headers, host: [sent.authority] } }, request.scheme);
    const verdict = this.access.admit(receiver, speaksTls ? caller.identity : undefined, view);
    const all = [...caveats, ...verdict.caveats];
    if (verdict.allowed) return { ...served, caveats: all, mutualTls: speaksTls };
    const end = isHttp ? failed(403, undefined, verdict.reason!, verdict.cause) : closed(caller, verdict.reason!, verdict.cause);
    return { ...end, caveats: all, mutualTls: speaksTls };
  }
}

interface End extends Pick<Branch, 'ending' | 'status' | 'flag' | 'reason' | 'cause'> {
  readonly caveats: readonly Caveat[];
  readonly mutualTls?: boolean;
}

function failed(status: number, flag: string | undefined, reason: string, cause: ObjectReference | undefined): End {
  return { ending: Ending.FAILED, status, flag, reason, cause, caveats: [] };
}

/** The receiver closes the connection; whose proxy speaks HTTP is told so by it. */
function closed({ speaksHttp }: Caller, reason: string, cause: ObjectReference | undefined): End {
  return speaksHttp ? failed(503, 'UC', reason, cause) : failed(0, undefined, reason, cause);
}

/** The account that a pod's certificate is for. */
export function accountOf({ namespace, serviceAccount }: Workload): string {
  return `${namespace}/${serviceAccount}`;
}

function withoutSidecar(name: string, { why, cause }: Mutual): End {
  return failed(503, 'UF', `${name} has no sidecar to speak mutual TLS with, which ${why}`, cause);
}

function modeOf(policy: any): string | undefined {
  return policy?.tls?.mode;
}

function ruleOf({ destinationRules: [rule] }: FoundDestination['destination']): string {
  return rule ? `DestinationRule ${rule.namespace}/${rule.name}` : 'its DestinationRule';
}

/** The port of the pods behind a service's port. */
function podPort(service: MeshService | undefined, port: number, { workload }: Backend): number {
  const target = service?.ports.find(({ number }) => number === port)?.targetPort ?? port;
  return typeof target === 'number' ? target : (workload?.namedPorts.get(target) ?? port);
}
