import { Construct } from 'constructs';
import { demand, demandLabels, InvalidInput } from './errors';
import { demandKinds, listOf, maybe, oneOf, OPTIONS } from './kinds';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { MeshHost, objectName, RoutedProtocol } from './mesh-host';
import { ClientTls } from './traffic/client-tls';
import { IRoutable } from './traffic/destination';
import { endpointAddressProblem, externalHostProblem, portProblem } from './traffic/predicates';

/** What is spoken with a host outside. */
export enum EgressProtocol {
  /** HTTP in plain text, as services send it: routed by content, and encrypted on the way out where `tls` says so. */
  HTTP = 'HTTP',
  /** HTTP/2 in plain text, as services send it. */
  HTTP2 = 'HTTP2',
  /** gRPC in plain text, as services send it. */
  GRPC = 'GRPC',
  /** TLS that the services speak themselves: the mesh sees the server name, and no request. */
  TLS = 'TLS',
  /** Anything. */
  TCP = 'TCP',
}

/** How the addresses of a host are found. */
export enum EgressResolution {
  /** The proxies ask DNS. */
  DNS = 'DNS',
  /** `endpoints` has the addresses. */
  STATIC = 'STATIC',
  /**
   * The service asks DNS itself, and the proxies send to the address and port it called. Nothing else can lead there: no rule of
   * another host, no mirror, no gateway.
   */
  NONE = 'NONE',
}

/** One address of a host. */
export interface EgressEndpoint {
  /** An IP address, or, where DNS is asked, a name. */
  readonly address: string;

  /**
   * Labels that versions of the host select by.
   * @default - none
   */
  readonly labels?: Record<string, string>;
}

/** One more port of a host outside. */
export interface EgressPort {
  /** The port that services call, 1 to 65535. */
  readonly port: number;

  /** What is spoken there. */
  readonly protocol: EgressProtocol;
}

/** Properties of `EgressHost`. */
export interface EgressHostProps {
  /** The host's name: `api.example.com`, or `*.example.com`. */
  readonly hostName: string;

  /**
   * What services speak with it.
   * @default EgressProtocol.HTTP
   */
  readonly protocol?: EgressProtocol;

  /**
   * The port that services call, 1 to 65535.
   * @default - 443 for TLS, else 80; TCP must say it
   */
  readonly port?: number;

  /**
   * The port of the host that this leads to, 1 to 65535. Where services ask DNS themselves (NONE) it is the port that they call.
   * @default - 443 with `tls`, else the same
   */
  readonly targetPort?: number;

  /**
   * Further ports.
   * @default - none
   */
  readonly additionalPorts?: EgressPort[];

  /**
   * TLS that the proxies begin for services that send plain text (TLS origination): services call `http://host`, and the mesh sees,
   * routes and retries requests. Of a wildcard, which leads to the port that is called, services must call 443 for it
   * (`port: 443`, `http://host:443`).
   * @default - what services send is sent on as it is
   */
  readonly tls?: ClientTls;

  /**
   * How addresses are found.
   * @default - STATIC with endpoints, NONE for wildcards, else DNS
   */
  readonly resolution?: EgressResolution;

  /**
   * Addresses.
   * @default - the host's own name
   */
  readonly endpoints?: EgressEndpoint[];

  /**
   * The namespaces that know the host: `.` for that of the entry, names, or `*` for all.
   * @default - not written: all; or what a Scope derives
   */
  readonly exportTo?: string[];

  /**
   * The name of the ServiceEntry, and of the VirtualService and the DestinationRule if it gets them.
   * @default - the construct's id
   */
  readonly name?: string;

  /**
   * The namespace of these objects.
   * @default - the chart's namespace
   */
  readonly namespace?: string;
}

/**
 * A host outside the mesh that services call: they reach it also where only known hosts may be called (REGISTRY_ONLY), and what is
 * said of hosts holds for it: ResilientBackend, FaultInjection and MirrorTarget take it.
 *
 * Emits a `ServiceEntry`; with `tls` a `DestinationRule` that encrypts.
 *
 * @see https://istio.io/latest/docs/tasks/traffic-management/egress/
 */
export class EgressHost extends Construct implements IRoutable {
  public readonly hostName: string;
  public readonly port?: number;

  /** The owner of the routing: rules are added there. */
  public readonly host: MeshHost;

  private readonly resolution: EgressResolution;
  private readonly ports: TargetedPort[];

  /**
   * Refused: names without a dot, a wildcard whose addresses DNS is to find, addresses that do not fit the resolution, `tls` for
   * what is encrypted already, secrets (`credentialName`), which sidecars do not read, a `targetPort` (also 443 for `tls`) where
   * services ask DNS themselves; a host that the app owns already. At synth, whoever says it: TLS as above, TLS that leads to
   * port 80, a load balancer where services ask DNS themselves, and rules, mirrors and gateways that lead there.
   */
  constructor(scope: Construct, id: string, props: EgressHostProps) {
    super(scope, id);
    demandKinds(props, {
      tls: maybe(ClientTls._KIND), protocol: PROTOCOL, additionalPorts: maybe(listOf(OPTIONS)), resolution: maybe(oneOf(EgressResolution, 'EgressResolution')), endpoints: maybe(listOf(OPTIONS)),
    }, { scope: this });
    const { hostName, protocol = EgressProtocol.HTTP, tls, endpoints, additionalPorts = [] } = props;
    demand('hostName', hostName, externalHostProblem(hostName), { code: 'HostName', scope: this, remedy: 'an address is said by endpoints, of a host by any name' });
    const port = props.port === undefined ? DEFAULT_PORTS[protocol] : props.port;
    for (const each of additionalPorts) demandKinds(each, { protocol: PROTOCOL_SAID }, { scope: this, of: 'additionalPorts' });
    demand('port', port, port === undefined ? 'must be set for TCP' : portProblem(port), { code: 'Port', scope: this });
    if (props.targetPort !== undefined) demand('targetPort', props.targetPort, portProblem(props.targetPort), { code: 'Port', scope: this });
    if (tls) this.demandTls(protocol, tls);
    this.resolution = this.resolutionOf(props);
    const targetPort = props.targetPort ?? (tls && port !== 443 ? 443 : undefined);
    const moved = this.resolution === EgressResolution.NONE && targetPort !== undefined && targetPort !== port;
    demand(props.targetPort === undefined ? 'tls' : 'targetPort', targetPort, moved ? 'must not lead to another port than services call where they ask DNS themselves (NONE): the proxies keep it' : undefined, {
      code: 'EgressWildcard', scope: this, remedy: 'let services call that port (port: 443 and http://host:443 for TLS), or let DNS be asked for names, one by one',
    });
    this.ports = [{ port: port!, protocol, targetPort }, ...additionalPorts];
    const name = objectName(this, 'name', props.name === undefined ? id : props.name);
    this.host = new MeshHost(this, 'host', {
      name,
      hostName,
      namespace: props.namespace,
      port,
      protocol: ROUTED_AS[protocol],
      additionalPorts: additionalPorts.map((each) => ({ port: each.port, protocol: ROUTED_AS[each.protocol] })),
      exportTo: props.exportTo,
    });
    this.hostName = hostName;
    this.port = port;
    new ManifestObject(this, 'Resource', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name, namespace: this.host.namespace },
      spec: () => ({
        hosts: [hostName],
        ...this.host._exports,
        location: 'MESH_EXTERNAL',
        resolution: this.resolution,
        ports: this.ports.map((each) => portManifest(each)),
        ...(endpoints ? { endpoints } : {}),
      }),
    });
    // Beside other ports it must not encrypt what is encrypted there already.
    if (tls) this.host._policies(this, false).setTraffic('tls', tls._toManifest(), this, additionalPorts.length > 0 ? { port } : {});
    this.node.addValidation({ validate: () => [...this.tlsProblems(), ...this.balancingProblems(), ...this.routeProblems()] });
  }

  private demandTls(protocol: EgressProtocol, tls: ClientTls): void {
    const { mode } = tls._toManifest();
    demand('tls', mode, mode === 'DISABLE' ? 'must be ClientTls.simple or mutual' : undefined, { code: 'EgressTls', scope: this, remedy: 'leave it out for plain text' });
    const [problem] = problemsOfTls(tls._toManifest(), [{ protocol }]);
    if (problem) throw new InvalidInput(problem.code, `'${problem.property}' must not be set: ${problem.why}`, this);
  }

  /** TLS by whomever it is said: a ResilientBackend may. */
  private tlsProblems(): string[] {
    return this.host._said.saidOf('tls').flatMap(({ value, by, port }) => {
      const ports = this.ports.filter((each) => port === undefined || each.port === port);
      return problemsOfTls(value, ports).map(({ property, why }) => `'${property}' must not be said by ${by} of ${this.hostName}: ${why}`);
    });
  }

  /** istiod drops what does not fit. */
  private balancingProblems(): string[] {
    if (this.resolution !== EgressResolution.NONE) return [];
    return this.host._said.saidOf('loadBalancer').filter(({ value }) => value.simple !== 'PASSTHROUGH').map(({ by }) => `'loadBalancer' must not be said by ${by} of ${this.hostName}, `
      + 'whose addresses services find themselves (NONE): Istio drops it; leave it out, or let DNS be asked for names, one by one');
  }

  /** Where the proxies go to the address that was called, only calls of the host itself get there. */
  private routeProblems(): string[] {
    if (this.resolution !== EgressResolution.NONE) return [];
    const mesh = Mesh.of(this);
    const calling = mesh.declaredCalls.filter(({ hostName }) => hostName === this.hostName).map(({ from }) => from);
    const hosts = mesh.ownedHosts.filter((each) => each !== this.host && each._leadsTo.has(this.hostName));
    const gateways = mesh.gateways.filter((gateway) => calling.includes(gateway));
    return [...hosts, ...gateways].map(({ node: { path } }) => `'resolution' must not be NONE where others lead to the host, got ${path}, whose rules or mirrors do: the proxies keep the address that was called, `
      + `and that is another host's; let DNS be asked, or give ${this.hostName} endpoints`);
  }

  private resolutionOf({ hostName, resolution, endpoints }: EgressHostProps): EgressResolution {
    const wildcard = hostName.startsWith('*');
    const chosen = resolution ?? (endpoints ? EgressResolution.STATIC : wildcard ? EgressResolution.NONE : EgressResolution.DNS);
    const none = endpoints === undefined || endpoints.length === 0;
    demand('resolution', chosen, wildcard && chosen === EgressResolution.DNS && none ? `must not be DNS for a wildcard, as DNS knows no ${hostName}` : undefined, {
      code: 'EgressWildcard', scope: this, remedy: 'EgressResolution.NONE leaves the asking to services; or name the hosts one by one, or endpoints',
    });
    demand('endpoints', 'none', chosen === EgressResolution.STATIC && none ? 'must be set for STATIC' : undefined, { code: 'EgressEndpoints', scope: this });
    demand('endpoints', `${endpoints?.length}`, chosen === EgressResolution.NONE && !none ? 'must not be set for NONE' : undefined, { code: 'EgressEndpoints', scope: this });
    for (const { address, labels } of endpoints ?? []) {
      const dns = chosen !== EgressResolution.STATIC;
      demand('endpoints.address', address, endpointAddressProblem(address, dns), { code: 'EgressEndpoints', scope: this, remedy: dns ? undefined : 'resolution DNS takes names' });
      if (labels !== undefined) demandLabels('endpoints.labels', labels, this);
    }
    return chosen;
  }
}

/** What TLS that proxies begin cannot be at these ports. */
function problemsOfTls({ mode, credentialName }: any, ports: Partial<TargetedPort>[]): TlsProblem[] {
  if (mode === 'DISABLE') return [];
  const encrypted = ports.find(({ protocol }) => ROUTED_AS[protocol!] === RoutedProtocol.TLS);
  const plain = ports.find(({ port, targetPort = port }) => targetPort === PLAIN_PORT);
  const at = (port: number | undefined) => (port === undefined ? '' : ` at port ${port}`);
  return [
    ...(encrypted ? [{ property: 'tls', code: 'EgressTls', why: `services speak TLS themselves${at(encrypted.port)}, and it would be encrypted twice; use EgressProtocol.HTTP and let services call http://` }] : []),
    ...(mode === 'ISTIO_MUTUAL' ? [{ property: 'tls', code: 'EgressTls', why: 'the host is in no mesh; use ClientTls.simple or mutual' }] : []),
    ...(credentialName === undefined ? [] : [{
      property: 'credentialName',
      code: 'EgressCredential',
      why: 'sidecars read no secrets, and would send plain text, silently; '
        + 'mount the certificates into the proxies (pod annotation sidecar.istio.io/userVolume) and name the files: caCertificates',
    }]),
    ...(plain ? [{ property: 'tls', code: 'EgressTls', why: `it would be sent to port ${PLAIN_PORT}, where plain text is spoken; say it of the EgressHost (tls), or where the port leads (targetPort: 443)` }] : []),
  ];
}

/** Where HTTP is spoken in plain text. */
const PLAIN_PORT = 80;
const PROTOCOL_SAID = oneOf(EgressProtocol, 'EgressProtocol');
const PROTOCOL = maybe(PROTOCOL_SAID);

const DEFAULT_PORTS: Partial<Record<EgressProtocol, number>> = {
  [EgressProtocol.HTTP]: 80, [EgressProtocol.HTTP2]: 80, [EgressProtocol.GRPC]: 80, [EgressProtocol.TLS]: 443,
};

const ROUTED_AS: Partial<Record<EgressProtocol, RoutedProtocol>> = {
  [EgressProtocol.TLS]: RoutedProtocol.TLS, [EgressProtocol.TCP]: RoutedProtocol.TCP,
};

interface TlsProblem {
  readonly property: string;
  readonly code: string;
  readonly why: string;
}

interface TargetedPort extends EgressPort {
  readonly targetPort?: number;
}

function portManifest({ port, protocol, targetPort }: TargetedPort): any {
  return {
    number: port, name: `${protocol.toLowerCase()}-${port}`, protocol, ...(targetPort === undefined || targetPort === port ? {} : { targetPort }),
  };
}
