import { InvalidInput } from '../errors';
import { demandKinds, instance, Kind, listOf, maybe } from '../kinds';
import { textProblem } from './predicates';

/** Whom a proxy takes for the backend, and how it shows itself. */
export interface ClientTlsOptions {
  /**
   * The server name that is asked for.
   * @default - not written: the request's host
   */
  readonly sni?: string;

  /**
   * The secret with the authority's certificate (and, for mutual TLS, the client's own), in the namespace of the calling pods;
   * the callers need access to it. Gateways alone read it: a sidecar would send plain text, silently, so a ResilientBackend warns of
   * it (`SecretForSidecars`) and an EgressHost refuses it.
   * @default - not written: files or the system's authorities
   */
  readonly credentialName?: string;

  /**
   * The file with the authority's certificate, in the calling proxy.
   * @default - not written: `credentialName`, or the system's authorities
   */
  readonly caCertificates?: string;

  /**
   * Names that the backend's certificate may have.
   * @default - not written: the server name
   */
  readonly subjectAltNames?: string[];
}

/** How a proxy shows itself to a backend that asks for a certificate. */
export interface MutualTlsOptions extends ClientTlsOptions {
  /**
   * The file with the client's certificate, in the calling proxy.
   * @default - not written: `credentialName`
   */
  readonly clientCertificate?: string;

  /**
   * The file with the client's private key, in the calling proxy.
   * @default - not written: `credentialName`
   */
  readonly privateKey?: string;
}

/**
 * How proxies encrypt what they send to a host.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings
 */
export class ClientTls {
  /** @internal */
  public static readonly _KIND: Kind = instance(ClientTls, 'ClientTls.simple()');

  /** Plain text, even where both sides have a sidecar. */
  public static disabled(): ClientTls {
    return new ClientTls({ mode: 'DISABLE' });
  }

  /** With the certificates that the mesh gives to every sidecar. Istio does that by itself where both sides have one. */
  public static istioMutual(): ClientTls {
    return new ClientTls({ mode: 'ISTIO_MUTUAL' });
  }

  /** The backend shows its certificate. Refused: a secret together with a file. */
  public static simple(options: ClientTlsOptions = {}): ClientTls {
    return new ClientTls(manifest('SIMPLE', options));
  }

  /** Both show their certificates. Refused: neither a secret nor both files, or a secret together with files. */
  public static mutual(options: MutualTlsOptions): ClientTls {
    demandKinds(options, KINDS, { of: 'options' });
    const { credentialName, clientCertificate, privateKey } = options;
    if (!credentialName && !(clientCertificate && privateKey)) {
      const got = Object.entries({ clientCertificate, privateKey }).filter(([, file]) => file).map(([name]) => name).join() || 'none of them';
      throw new InvalidInput('ClientTlsCertificate', `'credentialName' must be set, or 'clientCertificate' and 'privateKey' both, got ${got}`);
    }
    return new ClientTls(manifest('MUTUAL', options));
  }

  private constructor(private readonly wire: any) {}

  /** @internal */
  public _toManifest(): any {
    return { ...this.wire };
  }
}


const SAID: Kind = maybe(textProblem);
const KINDS = {
  sni: SAID, credentialName: SAID, caCertificates: SAID, subjectAltNames: maybe(listOf(textProblem)), clientCertificate: SAID, privateKey: SAID,
};

function manifest(mode: string, options: MutualTlsOptions): any {
  demandKinds(options, KINDS, { of: 'options' });
  const files = ['caCertificates', 'clientCertificate', 'privateKey'].filter((file) => (options as any)[file] !== undefined);
  if (options.credentialName !== undefined && files.length > 0) {
    throw new InvalidInput('ClientTlsCertificate', `'credentialName' must stand alone, got ${files.join(' and ')} beside it; the secret holds all certificates`);
  }
  return { mode, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) };
}
