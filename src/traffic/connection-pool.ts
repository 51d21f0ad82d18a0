import { Duration } from 'cdk8s';
import { limitProblem, countProblem } from './predicates';
import { wireDuration } from './wire-duration';
import { demand, InvalidInput } from '../errors';
import { demandKinds, FLAG, instance, Kind, maybe, oneOf, OPTIONS } from '../kinds';

/** Probes that keep a TCP connection alive, or tell that it is dead. */
export interface TcpKeepalive {
  /**
   * How many probes without answer before the connection is dead, 1 or more.
   * @default - not written: the system's (9 on Linux)
   */
  readonly probes?: number;

  /**
   * How long a connection is idle before the first probe.
   * @default - not written: the system's (2 hours on Linux)
   */
  readonly time?: Duration;

  /**
   * The pause between probes.
   * @default - not written: the system's (75 seconds on Linux)
   */
  readonly interval?: Duration;
}

/** When a proxy uses HTTP/2 towards a service whose port says HTTP. */
export enum H2UpgradePolicy {
  /** As the mesh says. */
  DEFAULT = 'DEFAULT',
  /** Never. */
  DO_NOT_UPGRADE = 'DO_NOT_UPGRADE',
  /** Always: the service must speak HTTP/2. */
  UPGRADE = 'UPGRADE',
}

/** Options of `ConnectionPool.of`. Limits are per calling proxy, and 0 is refused: Envoy takes it for "no limit". */
export interface ConnectionPoolOptions {
  /**
   * How many TCP connections, 1 or more.
   * @default - not written: no limit
   */
  readonly maxConnections?: number;

  /**
   * How long making a connection may take.
   * @default - not written: 10 s
   */
  readonly connectTimeout?: Duration;

  /**
   * Probes on idle connections.
   * @default - not written: none
   */
  readonly tcpKeepalive?: TcpKeepalive;

  /**
   * How long a connection may live.
   * @default - not written: for ever
   */
  readonly maxConnectionDuration?: Duration;

  /**
   * How many requests may wait for a connection, 1 or more; the next one is answered 503 with flag UO.
   * @default - not written: no limit
   */
  readonly http1MaxPendingRequests?: number;

  /**
   * How many requests may be under way, 1 or more.
   * @default - not written: no limit
   */
  readonly http2MaxRequests?: number;

  /**
   * How many requests one connection may carry, 1 or more. 1 switches keep-alive off: every request pays for a new connection.
   * @default - not written: no limit
   */
  readonly maxRequestsPerConnection?: number;

  /**
   * How many retries may be under way, 1 or more.
   * @default - not written: no limit
   */
  readonly maxRetries?: number;

  /**
   * How long a connection without requests is kept. Less than the server's own keep-alive time, or the proxy may send a request
   * into a connection that the server is closing (503 with flag UC).
   * @default - not written: 1 hour
   */
  readonly idleTimeout?: Duration;

  /**
   * When HTTP/2 is used towards a port that says HTTP.
   * @default - not written: as the mesh says
   */
  readonly h2UpgradePolicy?: H2UpgradePolicy;

  /**
   * Whether the caller's protocol is kept.
   * @default - not written: no
   */
  readonly useClientProtocol?: boolean;

  /**
   * How many requests one HTTP/2 connection may carry at once, 1 or more. Istio 1.21 or newer.
   * @default - not written: as the mesh says
   */
  readonly maxConcurrentStreams?: number;
}

const TCP_LIMITS = ['maxConnections'] as const;
const HTTP_LIMITS = ['http1MaxPendingRequests', 'http2MaxRequests', 'maxRequestsPerConnection', 'maxRetries', 'maxConcurrentStreams'] as const;

/**
 * How many connections and requests a proxy allows towards a host, and how long.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings
 */
export class ConnectionPool {
  /** @internal */
  public static readonly _KIND: Kind = instance(ConnectionPool, 'ConnectionPool.of({ maxConnections: 100 })');

  /** Refused: no field at all, limits of 0, durations under 1 ms, an HTTP/2 upgrade together with the client's protocol. */
  public static of(options: ConnectionPoolOptions): ConnectionPool {
    const kinds = { tcpKeepalive: maybe(OPTIONS), h2UpgradePolicy: maybe(oneOf(H2UpgradePolicy, 'H2UpgradePolicy')), useClientProtocol: maybe(FLAG) };
    demandKinds(options, kinds, { of: 'options' });
    for (const limit of [...TCP_LIMITS, ...HTTP_LIMITS]) {
      const value = options[limit];
      if (value !== undefined) demand(limit, value, limitProblem(value), { code: 'Limit' });
    }
    if (options.h2UpgradePolicy === H2UpgradePolicy.UPGRADE && options.useClientProtocol) {
      throw new InvalidInput('H2Upgrade', "'useClientProtocol' must not be set together with H2UpgradePolicy.UPGRADE, got true: one of them decides the protocol");
    }
    const tcp = said({
      maxConnections: options.maxConnections,
      connectTimeout: duration('connectTimeout', options.connectTimeout),
      maxConnectionDuration: duration('maxConnectionDuration', options.maxConnectionDuration),
      tcpKeepalive: options.tcpKeepalive && keepalive(options.tcpKeepalive),
    });
    const http = said({
      ...Object.fromEntries(HTTP_LIMITS.map((limit) => [limit, options[limit]])),
      idleTimeout: duration('idleTimeout', options.idleTimeout),
      h2UpgradePolicy: options.h2UpgradePolicy,
      useClientProtocol: options.useClientProtocol,
    });
    const manifest = said({ tcp, http });
    if (!manifest) throw new InvalidInput('ConnectionPoolEmpty', "'connectionPool' says nothing; leave it out");
    return new ConnectionPool(manifest);
  }

  private constructor(private readonly manifest: any) {}

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}


function keepalive({ probes, time, interval }: TcpKeepalive): any {
  if (probes !== undefined) demand('tcpKeepalive.probes', probes, probes === 0 ? 'must be 1 or more' : countProblem(probes), { code: 'Limit' });
  // An empty block is what switches probes on with the system's own settings.
  return said({ probes, time: duration('tcpKeepalive.time', time), interval: duration('tcpKeepalive.interval', interval) }) ?? {};
}

function duration(property: string, value: Duration | undefined): string | undefined {
  return value === undefined ? undefined : wireDuration(property, value);
}

/** Without fields that were not said; `undefined` when none was. */
function said(fields: Record<string, any>): Record<string, any> | undefined {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
