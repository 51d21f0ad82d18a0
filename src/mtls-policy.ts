import { isDeepStrictEqual } from 'util';
import { Construct } from 'constructs';
import { demand } from './errors';
import { demandKinds, mapOf, maybe, oneOf } from './kinds';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { objectName } from './mesh-host';
import { portProblem } from './traffic/predicates';
import { demandContainerPorts, demandNoGateway, sidecarProblems } from './workload-facts';
import { isWithin, IWorkload, podSelector, workloadProblem } from './workloads';

/** What pods take from their callers. */
export enum MtlsMode {
  /** Mutual TLS alone: whoever has no sidecar is refused, and everybody else has a name. */
  STRICT = 'STRICT',
  /** Mutual TLS and plain text. */
  PERMISSIVE = 'PERMISSIVE',
  /** Plain text alone. */
  DISABLE = 'DISABLE',
}

/** Properties of `MtlsPolicy`. */
export interface MtlsPolicyProps {
  /** The pods: a CanaryService, a version of one, or `Workloads`. */
  readonly on: IWorkload;

  /**
   * What they take.
   * @default MtlsMode.STRICT
   */
  readonly mode?: MtlsMode;

  /**
   * What single ports take, by the **container's** port, not the Service's: `{ '9090': MtlsMode.DISABLE }`.
   * @default - as all others
   */
  readonly ports?: Record<string, MtlsMode>;

  /**
   * The PeerAuthentication's name.
   * @default - the construct's id
   */
  readonly name?: string;
}

/**
 * Whether pods take plain text: by mutual TLS they know who calls, which policies by service or namespace need.
 *
 * Emits a `PeerAuthentication`.
 *
 * @see https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export class MtlsPolicy extends Construct {
  private readonly on: IWorkload;
  private readonly mtls: { readonly mode: MtlsMode; readonly ports: Record<string, MtlsMode> };

  /**
   * Refused: ports of a whole namespace, ports outside 1 to 65535, a Service's port where the container's is another, a gateway, whose
   * servers say what they take (`ServerTls`); at synth pods that have no sidecar, and another policy that says otherwise of the same
   * pods, as Istio uses one alone.
   */
  constructor(scope: Construct, id: string, props: MtlsPolicyProps) {
    super(scope, id);
    demandKinds(props, { mode: maybe(oneOf(MtlsMode, 'MtlsMode')), ports: maybe(mapOf(oneOf(MtlsMode, 'MtlsMode'))) }, { scope: this });
    const { on, mode = MtlsMode.STRICT, ports, name = id } = props;
    demand('on', on, workloadProblem(on), { code: 'WorkloadMissing', scope: this });
    Mesh.of(this).goesWith(on, this);
    for (const port of Object.keys(ports ?? {})) demand('ports', port, portProblem(Number(port)), { code: 'Port', scope: this });
    demandContainerPorts(this, on, Object.keys(ports ?? {}).map(Number));
    demandNoGateway(this, 'on', on);
    this.on = on;
    this.mtls = { mode, ports: { ...ports } };
    const vague = ports && Object.keys(on.workloadLabels).length === 0;
    demand('ports', on.workloadNamespace, vague ? 'must not be said of a whole namespace' : undefined, { code: 'MtlsPorts', scope: this, remedy: 'say it of a service' });
    new ManifestObject(this, 'Resource', {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: objectName(this, 'name', name), namespace: on.workloadNamespace },
      spec: () => ({
        ...podSelector(on, 'selector', 'matchLabels'),
        mtls: { mode },
        ...(ports ? { portLevelMtls: Object.fromEntries(Object.entries(ports).map(([port, each]) => [port, { mode: each }])) } : {}),
      }),
    });
    Mesh.of(this).mtlsPolicies.push(this);
    this.node.addValidation({ validate: () => [...sidecarProblems(on), ...this.conflicts()] });
  }

  /** @internal */
  public get _on(): IWorkload {
    return this.on;
  }

  /**
   * Whether it is for all pods of a namespace.
   *
   * @internal
   */
  public get _isWhole(): boolean {
    return Object.keys(this.on.workloadLabels).length === 0;
  }

  /**
   * What a port takes.
   *
   * @internal
   */
  public _modeAt(port: number | undefined): MtlsMode {
    return this.mtls.ports[String(port)] ?? this.mtls.mode;
  }

  /** Istio uses the oldest of several policies of some pods, and the oldest of several of a namespace. */
  private conflicts(): string[] {
    const all = Mesh.of(this).mtlsPolicies;
    const before = all.slice(0, all.indexOf(this)).filter((other) => other._isWhole === this._isWhole && !isDeepStrictEqual(other.mtls, this.mtls));
    const others = before.filter((other) => isWithin(this.on, other.on) || isWithin(other.on, this.on));
    return others.map((other) => `'on' must not be pods of which ${other.node.path} says otherwise, got ${this.mtls.mode} beside ${other.mtls.mode}: Istio uses one PeerAuthentication for a pod, the oldest; `
      + 'say it once (requireMtls: false leaves out what an AccessPolicy adds)');
  }
}
