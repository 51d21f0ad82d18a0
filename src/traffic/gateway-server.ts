import { isIP } from 'net';
import { IConstruct } from 'constructs';
import { dnsLabelProblem, gatewayHostProblem, portNameProblem, portProblem } from './predicates';
import { ServerTls } from './server-tls';
import { demand, DemandContext } from '../errors';
import { demandKinds, instance, Kind, listOf, maybe, TEXT } from '../kinds';

/** What every server of a gateway has. */
export interface GatewayServerOptions {
  /**
   * The hosts that it is for: names with a dot, wildcards such as `*.example.com`, or `*` for every host. `<namespace>/<host>` is
   * for VirtualServices of that namespace alone, `./<host>` for those of the Gateway's own.
   */
  readonly hosts: string[];

  /**
   * The port of the gateway's Service, 1 to 65535.
   * @default - 80 for HTTP, 443 with TLS
   */
  readonly port?: number;

  /**
   * The port's name, which no other server of the gateway may have.
   * @default - 'http', 'https' or 'tls', from the second on with a number: `https-2`
   */
  readonly portName?: string;

  /**
   * The server's name, for statistics.
   * @default - none
   */
  readonly name?: string;

  /**
   * The IP address of the gateway pods that it listens at.
   * @default - all of them
   */
  readonly bind?: string;
}

/** Options of `GatewayServer.https`. */
export interface HttpsServerOptions extends GatewayServerOptions {
  /** The certificate that clients are shown, and which clients are taken. */
  readonly tls: ServerTls;
}

/** A host of a server: who may have routes for it, and its name. */
export interface ServerHost {
  /** The namespace of its VirtualServices; `.` for the Gateway's own, `undefined` for any. */
  readonly namespace?: string;
  readonly host: string;
}

/**
 * One server of a gateway: a port, the hosts it is for, and what it speaks.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/#Server
 */
export class GatewayServer {
  /** @internal */
  public static readonly _KIND: Kind = instance(GatewayServer, "GatewayServer.http({ hosts: ['…'] })");

  /** HTTP in plain text. Refused: no hosts, hosts that are none, ports outside 1 to 65535, what is no IP address to listen at, TLS settings. */
  public static http(options: GatewayServerOptions): GatewayServer {
    return GatewayServer._of('HTTP', options, {});
  }

  /** HTTP in plain text that answers 301: the same address under https. Refused: as `http`. */
  public static redirectToHttps(options: GatewayServerOptions): GatewayServer {
    return GatewayServer._of('HTTP', options, { redirects: true });
  }

  /** HTTP inside TLS that the gateway ends. Refused: as `http`; TLS that is passed on. */
  public static https(options: HttpsServerOptions): GatewayServer {
    demandKinds(options, {}, { of: 'options' });
    const { tls, ...server } = options;
    return GatewayServer._of('HTTPS', server, { tls });
  }

  /** TLS that the service ends: what it holds is not known here, so connections are told apart by server name. Refused: as `http`. */
  public static passthrough(options: GatewayServerOptions): GatewayServer {
    return GatewayServer._of('TLS', options, { tls: ServerTls.passthrough() });
  }

  /**
   * The same, with the place that errors are about.
   *
   * @internal
   */
  public static _of(protocol: ServerProtocol, options: GatewayServerOptions, security: ServerSecurity, scope?: IConstruct): GatewayServer {
    const { tls, redirects = false } = security;
    const context = (code: string, remedy?: string): DemandContext => ({ code, scope, remedy });
    demandKinds(options, { hosts: maybe(listOf(TEXT)), name: maybe(TEXT), bind: maybe(TEXT) }, { scope, of: 'options' });
    const hosts = options.hosts ?? [];
    const { port = protocol === 'HTTP' ? 80 : 443, portName } = options;
    demand('hosts', '[]', hosts.length === 0 ? "must name at least one host, or '*' for all" : undefined, context('GatewayHost'));
    for (const host of hosts) demand('hosts', host, serverHostProblem(host), context('GatewayHost'));
    demand('port', port, portProblem(port), context('Port'));
    if (portName !== undefined) demand('portName', portName, portNameProblem(portName), context('PortName'));
    if (options.bind !== undefined) demand('bind', options.bind, isIP(options.bind) === 0 ? 'must be an IP address' : undefined, context('ServerBind'));
    const given = (options as { tls?: unknown }).tls;
    demand('tls', 'TLS settings', given === undefined ? undefined : `must not be set for a server of protocol ${protocol}`, context('GatewayTls', 'GatewayServer.https ends TLS'));
    const missing = protocol === 'HTTPS' && ServerTls._KIND(tls) !== undefined;
    demand('tls', 'none', missing ? 'must say which certificate the server shows' : undefined, context('GatewayTls', "tls: ServerTls.simple({ credentialName: '…' })"));
    const blind = protocol === 'HTTPS' && !tls?._ends;
    demand('tls', 'passthrough', blind ? 'must end TLS where requests are routed' : undefined, context('GatewayTls', 'GatewayServer.passthrough routes connections'));
    return new GatewayServer(protocol, { ...options, hosts, port }, { tls, redirects });
  }

  private constructor(
    private readonly protocol: ServerProtocol,
    private readonly options: GatewayServerOptions & { readonly port: number },
    private readonly security: ServerSecurity,
  ) {}

  /**
   * The hosts, taken apart.
   *
   * @internal
   */
  public get _hosts(): ServerHost[] {
    return this.options.hosts.map(serverHost);
  }

  /** @internal */
  public get _port(): number {
    return this.options.port;
  }

  /** @internal */
  public get _protocol(): ServerProtocol {
    return this.protocol;
  }

  /** @internal */
  public get _redirects(): boolean {
    return this.security.redirects ?? false;
  }

  /** @internal */
  public get _knowsClients(): boolean {
    return this.security.tls?._knowsClients ?? false;
  }

  /** @internal */
  public get _portName(): string | undefined {
    return this.options.portName;
  }

  /** @internal */
  public _toManifest(portName: string, added: string[] = []): any {
    const { hosts, port, name, bind } = this.options;
    const { tls } = this.security;
    return {
      port: { number: port, name: portName, protocol: this.protocol },
      hosts: [...hosts, ...added],
      ...(name === undefined ? {} : { name }),
      ...(bind === undefined ? {} : { bind }),
      ...(this._redirects ? { tls: { httpsRedirect: true } } : tls ? { tls: tls._toManifest() } : {}),
    };
  }
}

/** As a Gateway spells it. */
export type ServerProtocol = 'HTTP' | 'HTTPS' | 'TLS';

/** What a server does about TLS. */
export interface ServerSecurity {
  readonly tls?: ServerTls;
  readonly redirects?: boolean;
}

/** `[namespace/]host`. */
export function serverHost(text: string): ServerHost {
  const slash = text.indexOf('/');
  const namespace = slash < 0 ? '*' : text.slice(0, slash);
  return { host: text.slice(slash + 1), ...(namespace === '*' ? {} : { namespace }) };
}

function serverHostProblem(text: string): string | undefined {
  const { namespace, host } = serverHost(text);
  const problem = gatewayHostProblem(host);
  if (problem) return problem;
  return namespace === undefined || namespace === '.' || dnsLabelProblem(namespace) === undefined ? undefined : "must have a namespace, '.' or '*' before the slash";
}

/** Whether one of two different hosts is a wildcard that covers the other. */
export function covers(wildcard: string, host: string): boolean {
  return wildcard !== host && (wildcard === '*' || (wildcard.startsWith('*.') && host.endsWith(wildcard.slice(1))));
}
