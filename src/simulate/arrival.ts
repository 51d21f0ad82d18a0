import { AccessPolicies, Identity } from './access';
import { FoundDestination } from './destinations';
import { Backend, shared } from './endpoints';
import { Branch, Caveat, Ending, ObjectReference, SentRequest } from './outcome';
import { mayBeHttp } from './protocols';
import { RequestView } from './request-view';
import { MeshService, Resolution } from './services';

/** Who sends, as the receiver's proxy may know it. */
export interface Caller {
  readonly identity: Identity;
  /** Whether a proxy of the mesh sends for it, which speaks mutual TLS where it can. */
  readonly hasProxy: boolean;
  /** Whether that proxy answers requests itself where they fail; else the connection is closed. */
  readonly speaksHttp: boolean;
}

/** What becomes of requests that are sent to a destination with endpoints: one branch for each way that it ends. */
export class Arrivals {
  constructor(
    private readonly access: AccessPolicies,
    private readonly mutualTls: boolean,
  ) {}

  /**
   * @param base what the branches have in common; their probabilities add up to its
   * @param plain the proxy passes the connection on as it is
   */
  public at(
    found: FoundDestination,
    caller: Caller,
    request: RequestView,
    base: Pick<Branch, 'probability' | 'answerHeaders' | 'sent'>,
    plain = false,
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
        plain,
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

  private withoutSidecar(name: string, destination: FoundDestination['destination']): End {
    return failed(503, 'UF', `${name} has no sidecar to speak mutual TLS with, which ${ruleOf(destination)} asks for`, destination.destinationRules[0]);
  }

  /** Whether istiod lets proxies speak mutual TLS to a service without being told. */
  private mayBeMutual({ service, backends }: FoundDestination): boolean {
    if (!service) return true;
    const isWhole = service.resolution !== Resolution.ORIGINAL || backends.every(({ workload }) => workload?.hasSidecar);
    return !service.isExternal && isWhole && this.access.namespaceMode(service.namespace) !== 'DISABLE';
  }

  private endAt(
    backend: Backend,
    found: FoundDestination,
    caller: Caller,
    sent: SentRequest,
    request: RequestView,
    plain: boolean,
  ): End {
    const { destination, service } = found;
    const { workload } = backend;
    const asked = modeOf(destination.policy);
    if (!workload) {
      const isOutside = service?.isExternal !== false;
      if (isOutside && asked === 'ISTIO_MUTUAL') return this.withoutSidecar(backend.name, destination);
      return { ending: isOutside ? Ending.OUTSIDE : Ending.SERVED, reason: `${backend.name} answers`, caveats: [] };
    }
    const served = { ending: Ending.SERVED, reason: `${workload.namespace}/${workload.name} answers` };
    if (!workload.hasSidecar) {
      if (asked === 'ISTIO_MUTUAL') return this.withoutSidecar(`${workload.namespace}/${workload.name}`, destination);
      return { ...served, caveats: [], mutualTls: caller.hasProxy ? false : undefined };
    }
    const port = podPort(service, destination.port, backend);
    const protocol = service?.ports.find(({ number }) => number === destination.port)?.protocol;
    const isHttp = protocol === undefined || mayBeHttp(protocol);
    const receiver = { namespace: workload.namespace, labels: workload.labels, port, isHttp };
    const { mode, cause } = this.access.mutualTlsMode(receiver);
    const speaksTls = this.mutualTls && caller.hasProxy && !plain && asked !== 'DISABLE'
      && (asked === 'ISTIO_MUTUAL' || (mode !== 'DISABLE' && this.mayBeMutual(found)));
    if (this.mutualTls && !speaksTls && mode === 'STRICT') {
      return closed(caller, `${workload.namespace}/${workload.name} takes mutual TLS only, and gets plain text`, cause);
    }
    if (this.mutualTls && mode === 'DISABLE' && asked === 'ISTIO_MUTUAL') {
      return failed(
        503,
        'UF',
        `${workload.namespace}/${workload.name} speaks plain text only, and ${ruleOf(destination)} asks for mutual TLS`,
        cause,
      );
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
