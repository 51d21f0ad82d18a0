import { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { demand, InvalidInput } from './errors';
import { demandKinds, FLAG, maybe, TEXT } from './kinds';
import { ownedHost } from './mesh-host';
import { ClientTls } from './traffic/client-tls';
import { ConnectionPool } from './traffic/connection-pool';
import { IRoutable } from './traffic/destination';
import { LoadBalancer } from './traffic/load-balancer';
import { OutlierDetection } from './traffic/outlier-detection';
import { portProblem } from './traffic/predicates';
import { RetryOn, RetryPolicy } from './traffic/retry-policy';
import { tryProblems } from './traffic/rule-problems';
import { millisecondsOf, wireDuration } from './traffic/wire-duration';
import { Warnings } from './warnings';

/** Properties of `ResilientBackend`. */
export interface ResilientBackendProps {
  /** The host: a CanaryService or a MeshHost of the app. */
  readonly host: IRoutable;

  /**
   * The version that `connectionPool`, `outlierDetection`, `loadBalancer` and `tls` are for. What is said of a version goes
   * before what is said of the host.
   * @default - all versions
   */
  readonly version?: string;

  /**
   * The port that they are for, 1 to 65535. What is said of a port goes before what is said of the host; what is said of the
   * host alone holds for the port too (Istio's own rule, that a port's settings replace all others, is made up for).
   * @default - all ports
   */
  readonly port?: number;

  /**
   * How long a request may take, retries included; then 504 with flag UT. Whole milliseconds, 1 ms or more.
   * @default - not written: Istio sets no limit
   */
  readonly timeout?: Duration;

  /**
   * How often, and after what, a request is tried again.
   * @default - not written: Istio tries twice more, but not after an answer 503
   */
  readonly retries?: RetryPolicy;

  /**
   * How many connections and requests each caller allows.
   * @default - not written: no limits
   */
  readonly connectionPool?: ConnectionPool;

  /**
   * When a failing pod is taken out of the rotation.
   * @default - not written: never
   */
  readonly outlierDetection?: OutlierDetection;

  /**
   * Which pod gets the next request.
   * @default - not written: of two at random, the one with fewer requests under way
   */
  readonly loadBalancer?: LoadBalancer;

  /**
   * How callers encrypt.
   * @default - not written: mutual TLS of the mesh where both sides have a sidecar
   */
  readonly tls?: ClientTls;
}

/** What a hash cannot be computed from where the mesh reads no requests. */
const HASHED_OF_REQUESTS = ['httpHeaderName', 'httpCookie', 'httpQueryParameterName'];

/** Properties of `ResilientBackend.forClosingServer`. */
export interface ClosingServerProps {
  /** The host: a CanaryService or a MeshHost of the app. */
  readonly host: IRoutable;

  /** How long the server keeps a connection without requests open: 2 seconds or more. (Node's own default is 5 seconds.) */
  readonly serverKeepAlive: Duration;

  /** How long a request may take, retries included. */
  readonly timeout: Duration;

  /**
   * Whether every request gets a connection of its own: the surest cure, paid with the time to connect for every request.
   * @default false
   */
  readonly connectionPerRequest?: boolean;
}

/**
 * How callers deal with a slow or failing host: timeouts, retries, limits, ejection, load balancing.
 *
 * Holds for every rule of the app that routes to the host, in the mesh and at gateways, lanes included. Each part may be said
 * once of a host (and once of each version and port); several ResilientBackends may share the work.
 *
 * Emits no object of its own: `timeout` and `retries` stand in the rules of VirtualServices, all else in the DestinationRule.
 *
 * @see https://istio.io/latest/docs/concepts/traffic-management/#network-resilience-and-testing
 */
export class ResilientBackend extends Construct {
  /**
   * Against 503 with flag UC: the server closes a connection just when the proxy sends a request into it. Three cures at once,
   * of which each helps alone:
   *
   * - the proxy drops idle connections a second before the server would (`idleTimeout`): costs a few more connections;
   * - requests that met a closed connection are tried again, within the timeout (`retries` after resets, and after 503, which the
   *   server's own sidecar makes of one): costs nothing while all is well, but also repeats requests that the server may have
   *   begun or answered 503 itself, so leave this preset to idempotent services;
   * - with `connectionPerRequest` connections are never reused (`maxRequestsPerConnection: 1`): costs speed.
   *
   * The fourth cure is in the server: keep idle connections longer than any caller does (in Node `server.keepAliveTimeout`).
   */
  public static forClosingServer(scope: Construct, id: string, props: ClosingServerProps): ResilientBackend {
    demandKinds(props, { connectionPerRequest: maybe(FLAG) }, { scope });
    const seconds = millisecondsOf('serverKeepAlive', props.serverKeepAlive, scope) / 1000;
    demand('serverKeepAlive', `${seconds} s`, seconds >= 2 ? undefined : 'must be 2 seconds or more', {
      code: 'ServerKeepAlive', scope, remedy: 'a server that closes sooner needs connectionPerRequest in a ResilientBackend of your own, or a longer keep-alive',
    });
    wireDuration('timeout', props.timeout, scope);
    return new ResilientBackend(scope, id, {
      host: props.host,
      timeout: props.timeout,
      retries: RetryPolicy.of({ attempts: 2, retryOn: [RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.RESET, '503'] }),
      connectionPool: ConnectionPool.of({
        idleTimeout: Duration.millis(Math.floor(seconds * 1000) - 1000),
        maxRequestsPerConnection: props.connectionPerRequest ? 1 : undefined,
      }),
    });
  }

  /**
   * Refused: a host that the app does not own, a part that is said of the host already, nothing at all, `timeout` or `retries`
   * of a version or port (they are the rule's), a version together with a port, a port outside 1 to 65535, a `perTryTimeout` that
   * is not below the timeout (at synth where two say them); at synth a rule whose hosts disagree.
   */
  constructor(scope: Construct, id: string, props: ResilientBackendProps) {
    super(scope, id);
    demandKinds(props, {
      version: maybe(TEXT),
      retries: maybe(RetryPolicy._KIND),
      connectionPool: maybe(ConnectionPool._KIND),
      outlierDetection: maybe(OutlierDetection._KIND),
      loadBalancer: maybe(LoadBalancer._KIND),
      tls: maybe(ClientTls._KIND),
    }, { scope: this });
    const host = ownedHost(this, 'host', props.host);
    const { version, port } = props;
    if (version !== undefined && port !== undefined) {
      throw new InvalidInput('VersionAndPort', `'version' and 'port' must not be set both, got ${JSON.stringify(version)} and ${port}; use a ResilientBackend for each`, this);
    }
    if (port !== undefined) demand('port', port, portProblem(port), { code: 'Port', scope: this });
    if (port !== undefined && host._ports.length > 0 && !host._ports.includes(port)) {
      Warnings.of(this).add(this, 'PortUnknown', `'port' ${port} is not a port of ${host.hostName} that this app knows (${host._ports.join(', ')}): if the Service has no such port, this does nothing`);
    }
    this.node.addValidation({ validate: () => (host._isRetired(version) ? [] : host._unknownVersion('version', host, version)) });
    const routes = { timeout: props.timeout, retries: props.retries };
    const traffic = {
      connectionPool: props.connectionPool?._toManifest(),
      outlierDetection: props.outlierDetection?._toManifest(),
      loadBalancer: props.loadBalancer?._toManifest(),
      tls: props.tls?._toManifest(),
    };
    const said = Object.entries({ ...routes, ...traffic }).filter(([, value]) => value !== undefined).map(([property]) => property);
    if (said.length === 0) throw new InvalidInput('ResilientBackendEmpty', '\'timeout\', \'retries\' or another part must be set, got nothing but the host', this);
    for (const property of ['timeout', 'retries'].filter((each) => said.includes(each) && (version !== undefined || port !== undefined))) {
      throw new InvalidInput('PolicyOfRule', `'${property}' holds for whole rules, so it cannot be said of a version or port; say it of the host`, this);
    }
    if (props.timeout !== undefined) {
      const timeout = wireDuration('timeout', props.timeout, this);
      const [found] = tryProblems({ timeout, retries: props.retries?._toManifest() });
      if (found) throw new InvalidInput('PerTryTimeout', `'${found.field}' ${found.problem}`, this);
      host._policies(this, true).setTimeout(props.timeout, this);
    }
    if (props.retries) host._policies(this, true).setRetries(props.retries, this);
    if (traffic.tls?.credentialName !== undefined) {
      Warnings.of(this).add(this, 'SecretForSidecars', `'credentialName' ${traffic.tls.credentialName} is read by gateways alone: sidecars send plain text to ${host.hostName}, `
        + 'silently; name files (caCertificates, clientCertificate, privateKey) if pods of the mesh call it');
    }
    const hashed = Object.keys(traffic.loadBalancer?.consistentHash ?? {});
    if (hashed.some((key) => HASHED_OF_REQUESTS.includes(key))) host._demandHttp('loadBalancer', 'be hashed by what requests say', this, port);
    if (traffic.connectionPool?.http) host._demandHttp('connectionPool', 'have limits of requests', this);
    for (const [part, manifest] of Object.entries(traffic)) {
      if (manifest) host._policies(this, false).setTraffic(part as keyof typeof traffic, manifest, this, { version, port });
    }
  }
}
