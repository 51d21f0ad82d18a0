import { Duration } from 'cdk8s';
import { textProblem, tokenProblem } from './predicates';
import { millisecondsOf, wireDuration } from './wire-duration';
import { demand } from '../errors';
import { demandKind, instance, Kind, maybe } from '../kinds';

/** What a consistent hash is computed from. */
export class HashKey {
  /** A request header; requests without it spread over all pods. */
  public static header(name: string): HashKey {
    demand('name', name, tokenProblem(name), { code: 'HeaderName' });
    return new HashKey({ httpHeaderName: name });
  }

  /**
   * A cookie. With `ttl` the proxy sets it where a client has none.
   *
   * @param ttl how long the cookie lives; zero: as long as the browser's session
   */
  public static cookie(name: string, ttl?: Duration): HashKey {
    demand('name', name, name === '' ? 'must not be empty' : tokenProblem(name), { code: 'CookieName' });
    const session = ttl !== undefined && millisecondsOf('ttl', ttl) === 0;
    const lives = ttl === undefined ? undefined : session ? '0s' : wireDuration('ttl', ttl);
    return new HashKey({ httpCookie: { name, ...(lives === undefined ? {} : { ttl: lives }) } });
  }

  /** The address that the request comes from. */
  public static sourceIp(): HashKey {
    return new HashKey({ useSourceIp: true });
  }

  /** A query parameter. */
  public static queryParam(name: string): HashKey {
    demand('name', name, textProblem(name), { code: 'QueryParamName' });
    return new HashKey({ httpQueryParameterName: name });
  }

  private constructor(private readonly manifest: any) {}

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}

/** How a consistent hash finds the pod. */
export class HashAlgorithm {
  /**
   * A ring: few users move when pods come or go.
   *
   * @param minimumRingSize 1 or more; a larger ring spreads more evenly. Not given: 1024
   */
  public static ringHash(minimumRingSize?: number): HashAlgorithm {
    const valid = minimumRingSize === undefined || (Number.isInteger(minimumRingSize) && minimumRingSize >= 1);
    demand('minimumRingSize', minimumRingSize, valid ? undefined : 'must be a whole number, 1 or more', { code: 'RingSize' });
    return new HashAlgorithm({ ringHash: minimumRingSize === undefined ? {} : { minimumRingSize } });
  }

  /**
   * A table: faster and more even than a ring, but more users move when pods come or go.
   *
   * @param tableSize a prime below 5000011. Not given: 65537
   */
  public static maglev(tableSize?: number): HashAlgorithm {
    const valid = tableSize === undefined || (isPrime(tableSize) && tableSize < 5000011);
    demand('tableSize', tableSize, valid ? undefined : 'must be a prime number below 5000011', { code: 'MaglevTableSize' });
    // istiod refuses a table without size, so Envoy's own is written out.
    return new HashAlgorithm({ maglev: { tableSize: tableSize ?? 65537 } });
  }

  private constructor(private readonly manifest: any) {}

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}

const HASH_KEY = instance(HashKey, "HashKey.header('x-user')");
const HASH_ALGORITHM = instance(HashAlgorithm, 'HashAlgorithm.maglev()');

/**
 * Which of a host's pods gets the next request.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings
 */
export class LoadBalancer {
  /** @internal */
  public static readonly _KIND: Kind = instance(LoadBalancer, 'LoadBalancer.leastRequest()');

  /** One after the other. */
  public static roundRobin(): LoadBalancer {
    return new LoadBalancer({ simple: 'ROUND_ROBIN' });
  }

  /** Of two at random, the one with fewer requests under way. Istio's own default. */
  public static leastRequest(): LoadBalancer {
    return new LoadBalancer({ simple: 'LEAST_REQUEST' });
  }

  /** Any, at random. */
  public static random(): LoadBalancer {
    return new LoadBalancer({ simple: 'RANDOM' });
  }

  /** The address that the caller asked for, without balancing. */
  public static passthrough(): LoadBalancer {
    return new LoadBalancer({ simple: 'PASSTHROUGH' });
  }

  /**
   * The same pod for the same key, as long as the pods stay the same.
   *
   * A key does not stick across versions: weights between them are drawn anew for each request.
   *
   * Refused: no key.
   *
   * @param algorithm how the pod is found. Not given: a ring
   */
  public static consistentHash(key: HashKey, algorithm?: HashAlgorithm): LoadBalancer {
    demand('key', key, HASH_KEY(key) && 'must say what is hashed', { code: 'HashKey', remedy: "HashKey.header('x-user'), cookie, queryParam or sourceIp" });
    demandKind('algorithm', algorithm, maybe(HASH_ALGORITHM));
    return new LoadBalancer({ consistentHash: { ...key._toManifest(), ...algorithm?._toManifest() } });
  }

  private constructor(private readonly manifest: any) {}

  /** @internal */
  public _toManifest(): any {
    return { ...this.manifest };
  }
}


function isPrime(candidate: number): boolean {
  if (!Number.isInteger(candidate) || candidate < 2) return false;
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return true;
}
