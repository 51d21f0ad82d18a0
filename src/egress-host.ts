import { Construct } from 'constructs';
import { demand, demandLabels } from './errors';
import { demandKinds, listOf, maybe, oneOf, OPTIONS } from './kinds';
import { ManifestObject } from './manifest-object';
import { MeshHost, objectName, RoutedProtocol } from './mesh-host';
import { ClientTls } from './traffic/client-tls';
import { IRoutable } from './traffic/destination';
import { externalHostProblem, portProblem } from './traffic/predicates';

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
  /** The service asks DNS itself, and the proxies send to the address it got. */
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
   * The port of the host that this leads to, 1 to 65535.
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
   * routes and retries requests.
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

  /**
   * Refused: names without a dot, a wildcard whose addresses DNS is to find, addresses that do not fit the resolution, `tls` for
   * what is encrypted already, secrets (`credentialName`), which sidecars do not read; a host that the app owns already.
   */
  constructor(scope: Construct, id: string, props: EgressHostProps) {
    super(scope, id);
    demandKinds(props, {
      tls: maybe(ClientTls._KIND), protocol: PROTOCOL, additionalPorts: maybe(listOf(OPTIONS)), resolution: maybe(oneOf(EgressResolution, 'EgressResolution')), endpoints: maybe(listOf(OPTIONS)),
    }, { scope: this });
    const { hostName, protocol = EgressProtocol.HTTP, tls, endpoints, additionalPorts = [] } = props;
    demand('hostName', hostName, externalHostProblem(hostName), { code: 'HostName', scope: this });
    const port = props.port === undefined ? DEFAULT_PORTS[protocol] : props.port;
    for (const each of additionalPorts) demandKinds(each, { protocol: PROTOCOL_SAID }, { scope: this, of: 'additionalPorts' });
    demand('port', port, port === undefined ? 'must be set for TCP' : portProblem(port), { code: 'Port', scope: this });
    if (props.targetPort !== undefined) demand('targetPort', props.targetPort, portProblem(props.targetPort), { code: 'Port', scope: this });
    this.demandTls(protocol, tls);
    const resolution = this.resolution(props);
    const targetPort = props.targetPort ?? (tls && port !== 443 ? 443 : undefined);
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
        resolution,
        ports: [{ port: port!, protocol, targetPort }, ...additionalPorts].map((each) => portManifest(each)),
        ...(endpoints ? { endpoints } : {}),
      }),
    });
    // Beside other ports it must not encrypt what is encrypted there already.
    if (tls) this.host._policies(this, false).setTraffic('tls', tls._toManifest(), this, additionalPorts.length > 0 ? { port } : {});
  }

  private demandTls(protocol: EgressProtocol, tls: ClientTls | undefined): void {
    if (!tls) return;
    const blind = ROUTED_AS[protocol] === RoutedProtocol.TLS;
    demand('tls', protocol, blind ? 'must not be set where services speak TLS themselves: it would be encrypted twice' : undefined, {
      code: 'EgressTls', scope: this, remedy: 'use EgressProtocol.HTTP and let services call http://',
    });
    const { mode, credentialName } = tls._toManifest();
    const idle = mode !== 'SIMPLE' && mode !== 'MUTUAL';
    demand('tls', mode, idle ? 'must be ClientTls.simple or mutual: the host is in no mesh' : undefined, { code: 'EgressTls', scope: this });
    demand('credentialName', credentialName, credentialName === undefined ? undefined : 'must not be set: sidecars read no secrets, and would send plain text, silently', {
      code: 'EgressCredential', scope: this, remedy: 'mount the certificates into the proxies (pod annotation sidecar.istio.io/userVolume) and name the files: caCertificates',
    });
  }

  private resolution({ hostName, resolution, endpoints }: EgressHostProps): EgressResolution {
    const wildcard = hostName.startsWith('*');
    const chosen = resolution ?? (endpoints ? EgressResolution.STATIC : wildcard ? EgressResolution.NONE : EgressResolution.DNS);
    const none = endpoints === undefined || endpoints.length === 0;
    demand('resolution', chosen, wildcard && chosen === EgressResolution.DNS && none ? `must not be DNS for a wildcard, as DNS knows no ${hostName}` : undefined, {
      code: 'EgressWildcard', scope: this, remedy: 'EgressResolution.NONE leaves the asking to services; or name the hosts one by one, or endpoints',
    });
    demand('endpoints', 'none', chosen === EgressResolution.STATIC && none ? 'must be set for STATIC' : undefined, { code: 'EgressEndpoints', scope: this });
    demand('endpoints', `${endpoints?.length}`, chosen === EgressResolution.NONE && !none ? 'must not be set for NONE' : undefined, { code: 'EgressEndpoints', scope: this });
    for (const { address, labels } of endpoints ?? []) {
      const named = chosen === EgressResolution.STATIC && !/^[0-9a-fA-F.:]+$/.test(address);
      demand('endpoints.address', address, named ? 'must be an IP address where resolution is STATIC' : undefined, { code: 'EgressEndpoints', scope: this, remedy: 'resolution DNS takes names' });
      if (labels !== undefined) demandLabels('endpoints.labels', labels, this);
    }
    return chosen;
  }
}

const PROTOCOL_SAID = oneOf(EgressProtocol, 'EgressProtocol');
const PROTOCOL = maybe(PROTOCOL_SAID);

const DEFAULT_PORTS: Partial<Record<EgressProtocol, number>> = {
  [EgressProtocol.HTTP]: 80, [EgressProtocol.HTTP2]: 80, [EgressProtocol.GRPC]: 80, [EgressProtocol.TLS]: 443,
};

const ROUTED_AS: Partial<Record<EgressProtocol, RoutedProtocol>> = {
  [EgressProtocol.TLS]: RoutedProtocol.TLS, [EgressProtocol.TCP]: RoutedProtocol.TCP,
};

function portManifest({ port, protocol, targetPort }: EgressPort & { readonly targetPort?: number }): any {
  return {
    number: port, name: `${protocol.toLowerCase()}-${port}`, protocol, ...(targetPort === undefined || targetPort === port ? {} : { targetPort }),
  };
}
