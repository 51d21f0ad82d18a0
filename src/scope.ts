import { Construct } from 'constructs';
import { CanaryService } from './canary-service';
import { demand, InvalidInput } from './errors';
import { demandKinds, FLAG, listOf, maybe, TEXT } from './kinds';
import { compareText } from './lanes/hosts';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { MeshHost, objectName } from './mesh-host';
import { ServiceVersion } from './service-version';
import { sidecarHostProblem, dnsLabelProblem } from './traffic/predicates';
import { isWithin, IWorkload, podSelector, workloadProblem } from './workloads';

/** Properties of `Scope`. */
export interface ScopeProps {
  /** The pods: services, versions of them, or all of a namespace. Each gets a Sidecar. */
  readonly on: IWorkload[];

  /**
   * Hosts that they call beside those of `calls`: `<namespace>/<host>`, `./<host>`, `<namespace>/*`.
   * @default - none
   */
  readonly alsoCalls?: string[];

  /**
   * Whether hosts that the mesh does not know are out of reach: they answer 502.
   * @default - not written: the mesh's setting, by default they are reached
   */
  readonly registryOnly?: boolean;

  /**
   * Whether the services' rules and subsets are seen by those who call them alone (`exportTo`): by the namespaces of `calls`, of
   * the gateways that route to them, and of `callersFrom`. For anybody else the service is a plain Service, without rules.
   * @default false
   */
  readonly exportTo?: boolean;

  /**
   * Namespaces of callers that the app does not know of.
   * @default - none
   */
  readonly callersFrom?: string[];
}

/**
 * What proxies know: instead of the whole mesh the hosts that their pods are said to call (`calls`), which saves memory and time in
 * big meshes, and keeps undeclared calls away from the rules.
 *
 * Emits a `Sidecar` for each of `on`, named like the service (`default` for a whole namespace, which also knows all of itself).
 * What is not declared is not known: **say every call first**.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/sidecar/
 */
export class Scope extends Construct {
  /** Refused: nobody, the same pods twice, hosts that are none, namespaces that are none. */
  constructor(scope: Construct, id: string, props: ScopeProps) {
    super(scope, id);
    const texts = maybe(listOf(TEXT));
    demandKinds(props, { alsoCalls: texts, registryOnly: maybe(FLAG), exportTo: maybe(FLAG), callersFrom: texts }, { scope: this });
    const { on, alsoCalls = [], callersFrom = [], registryOnly } = props;
    demand('on', '[]', on?.length ? undefined : 'must name whose scope it is', { code: 'ScopeEmpty', scope: this });
    for (const host of alsoCalls) demand('alsoCalls', host, sidecarHostProblem(host), { code: 'ScopeHost', scope: this });
    for (const namespace of callersFrom) demand('callersFrom', namespace, dnsLabelProblem(namespace), { code: 'Namespace', scope: this });
    demandKinds(props, { on: listOf(() => undefined) }, { scope: this });
    on.forEach((workload, index) => {
      demand('on', workload, workloadProblem(workload), { code: 'WorkloadMissing', scope: this });
      const name = objectName(this, 'on', sidecarName(workload, this));
      const sidecar = new ManifestObject(this, `Sidecar-${index}`, {
        apiVersion: 'networking.istio.io/v1',
        kind: 'Sidecar',
        metadata: { name, namespace: workload.workloadNamespace },
        spec: () => ({
          ...podSelector(workload, 'workloadSelector', 'labels'),
          egress: [{ hosts: [...new Set([...hostsOf(workload, Mesh.of(this)), ...alsoCalls])] }],
          ...(registryOnly === undefined ? {} : { outboundTrafficPolicy: { mode: registryOnly ? 'REGISTRY_ONLY' : 'ALLOW_ANY' } }),
        }),
      });
      Mesh.of(this).goesWith(workload, sidecar);
    });
    if (props.exportTo) this.narrow(on, callersFrom);
  }

  private narrow(on: IWorkload[], callersFrom: string[]): void {
    const inside = (host: MeshHost) => on.some((each) => (
      each instanceof CanaryService ? each.hostName === host.hostName : isWhole(each) && each.workloadNamespace === host.namespace
    ));
    // Hosts may still be declared: whom it is for is asked when they are rendered.
    Mesh.of(this).narrowExports((host) => (inside(host) ? exportsOf(host, Mesh.of(this), callersFrom) : undefined));
  }
}

function sidecarName(workload: IWorkload, scope: Construct): string {
  if (workload instanceof CanaryService) return workload.name;
  if (workload instanceof ServiceVersion) return workload.deployment.name;
  const labels = Object.entries(workload.workloadLabels);
  if (labels.length === 0) return 'default';
  const [name] = labels.map(([, value]) => value.toLowerCase()).filter((value) => dnsLabelProblem(value) === undefined);
  if (name) return name;
  throw new InvalidInput('ScopeName', `'on' must have a label whose value can name a Sidecar, got ${JSON.stringify(workload.workloadLabels)}`, scope);
}

/** `namespace/host` of all that the pods are said to call. */
function hostsOf(workload: IWorkload, mesh: Mesh): string[] {
  const called = calledBy(mesh, (from) => isWithin(from, workload));
  // A version that says nothing calls what its service does.
  const service = workload instanceof ServiceVersion ? workload.node.scopes.find((each) => each instanceof CanaryService) : undefined;
  const hosts = called.length === 0 && service ? calledBy(mesh, (from) => (from as unknown) === service) : called;
  const written = [...new Set(hosts)].map((hostName) => `${namespaceOfHost(hostName, mesh)}/${hostName}`);
  return [...(isWhole(workload) ? ['./*'] : []), 'istio-system/*', ...written.sort(compareText)];
}

/** Whether it is all of a namespace. */
function isWhole({ workloadLabels }: IWorkload): boolean {
  return Object.keys(workloadLabels).length === 0;
}

function calledBy(mesh: Mesh, who: (from: IWorkload) => boolean): string[] {
  return mesh.declaredCalls.filter(({ from }) => who(from)).map(({ hostName }) => hostName);
}

function namespaceOfHost(hostName: string, mesh: Mesh): string {
  const suffix = `.svc.${mesh.clusterDomain}`;
  return mesh.hostNamed(hostName)?.namespace ?? (hostName.endsWith(suffix) ? hostName.slice(0, -suffix.length).split('.')[1] : '*');
}

/** Its own namespace, and those that it is called from. */
function exportsOf(host: MeshHost, mesh: Mesh, callersFrom: string[]): string[] {
  const callers = mesh.callersOf(host).map(({ namespace }) => namespace);
  const others = [...new Set([...callers, ...callersFrom])].filter((namespace) => namespace !== host.namespace).sort(compareText);
  return ['.', ...others];
}
