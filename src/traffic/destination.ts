import { HeaderOperations } from './header-operations';
import { HostAtPort, hostProblem } from './host-reference';
import { dnsLabelProblem, portProblem, weightProblem } from './predicates';
import { demand } from '../errors';
import { demandKinds, instance, Kind, maybe } from '../kinds';

/** A host of the mesh that requests can be routed to: a CanaryService or a MeshHost. */
export interface IRoutable {
  /** The fully qualified name, such as `testaaa.test-istio.svc.cluster.local`. */
  readonly hostName: string;

  /** The Service's port, where it is known. */
  readonly port?: number;
}

/** Options of `Destination.of`. */
export interface DestinationOptions {
  /**
   * The version to route to, which is the name of a subset of the host.
   * @default - no subset: the request may meet any pod of the Service, those of lanes among them
   */
  readonly version?: string;

  /**
   * A share of the requests, relative to the other destinations of the rule. 0 or more. A rule's only destination gets
   * everything and is written without weight.
   * @default 1
   */
  readonly weight?: number;

  /**
   * The port of the Service, 1 to 65535.
   * @default - the host's port where it is known, else none is written and Istio takes the port of the request
   */
  readonly port?: number;

  /**
   * Header changes for this destination's share alone.
   * @default - none
   */
  readonly headers?: HeaderOperations;
}

/**
 * Where a rule sends requests.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRouteDestination
 */
export class Destination {
  /** @internal */
  public static readonly _KIND: Kind = instance(Destination, 'Destination.of(host, { version })');

  /** Refused: no host, a version that is no DNS label, ports outside 1 to 65535, weights that are not whole numbers of 0 or more. */
  public static of(host: IRoutable, options: DestinationOptions = {}): Destination {
    demand('host', host, hostProblem(host), { code: 'HostMissing' });
    demandKinds(options, { headers: maybe(HeaderOperations._KIND) }, { of: 'options' });
    if (options.version !== undefined) demand('version', options.version, dnsLabelProblem(options.version), { code: 'VersionName' });
    if (options.weight !== undefined) demand('weight', options.weight, weightProblem(options.weight), { code: 'Weight' });
    if (options.port !== undefined) demand('port', options.port, portProblem(options.port), { code: 'Port' });
    return new Destination(host, options);
  }

  private constructor(private readonly host: IRoutable, private readonly options: DestinationOptions) {}

  /** The host that is routed to. */
  public get hostName(): string {
    return this.host.hostName;
  }

  /** The version that is routed to, `undefined` for any pod of the Service. */
  public get version(): string | undefined {
    return this.options.version;
  }

  /** The relative share of the rule's requests. */
  public get weight(): number {
    return this.options.weight ?? 1;
  }

  /**
   * The port that is written.
   *
   * @internal
   */
  public get _port(): number | undefined {
    return this.options.port ?? this.host.port;
  }

  /**
   * The port that is said of the destination itself.
   *
   * @internal
   */
  public get _saidPort(): number | undefined {
    return this.options.port;
  }

  /**
   * The same, at this port of a host where it says none itself.
   *
   * @internal
   */
  public _atPort({ hostName, port }: HostAtPort): Destination {
    const settled = this.hostName !== hostName || this.options.port !== undefined || port === undefined;
    return settled ? this : new Destination(this.host, { ...this.options, port });
  }

  /** @internal */
  public _toManifest(alone: boolean): any {
    const port = this._port;
    return {
      destination: {
        host: this.hostName,
        ...(this.version === undefined ? {} : { subset: this.version }),
        ...(port === undefined ? {} : { port: { number: port } }),
      },
      ...(alone ? {} : { weight: this.weight }),
      ...(this.options.headers ? { headers: this.options.headers._toManifest() } : {}),
    };
  }
}
