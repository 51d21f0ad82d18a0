import { demand, InvalidInput } from '../errors';
import { demandKinds, instance, Kind, listOf, maybe, oneOf } from '../kinds';
import { textProblem } from './predicates';

/** The versions of TLS. */
export enum TlsVersion {
  /** TLS 1.0: broken; needs `cipherSuites`. */
  V1_0 = 'TLSV1_0',
  /** TLS 1.1: broken; needs `cipherSuites`. */
  V1_1 = 'TLSV1_1',
  /** TLS 1.2. */
  V1_2 = 'TLSV1_2',
  /** TLS 1.3. */
  V1_3 = 'TLSV1_3',
}

/** The certificate that a gateway shows. */
export interface ServerTlsOptions {
  /**
   * The secret with certificate and key (and, for mutual TLS, the authority of clients), in the namespace of the **gateway pods**,
   * or `configmap://…`, `sds://…`.
   * @default - the files
   */
  readonly credentialName?: string;

  /**
   * Two secrets in place of one, with an RSA and an ECDSA certificate.
   * @default - `credentialName` alone
   */
  readonly credentialNames?: string[];

  /**
   * The file with the certificate, in the gateway pods.
   * @default - the secret's
   */
  readonly serverCertificate?: string;

  /**
   * The file with its private key, in the gateway pods.
   * @default - the secret's
   */
  readonly privateKey?: string;

  /**
   * The oldest version of TLS that is spoken.
   * @default - not written: TLS 1.2
   */
  readonly minProtocolVersion?: TlsVersion;

  /**
   * The newest version of TLS that is spoken.
   * @default - not written: TLS 1.3
   */
  readonly maxProtocolVersion?: TlsVersion;

  /**
   * The cipher suites of versions before 1.3, by OpenSSL's names.
   * @default - not written: Envoy's
   */
  readonly cipherSuites?: string[];
}

/** Whom a gateway takes for a client. */
export interface MutualServerTlsOptions extends ServerTlsOptions {
  /**
   * The file with the authority of clients, in the gateway pods.
   * @default - the secret's: its key `ca.crt`, or the secret `<credentialName>-cacert`
   */
  readonly caCertificates?: string;

  /**
   * The secret with the authority of clients, if it is another one.
   * @default - the secret's own, as above
   */
  readonly caCertCredentialName?: string;

  /**
   * Names that a client's certificate may have.
   * @default - not written: any that the authority has signed
   */
  readonly subjectAltNames?: string[];
}

/**
 * What a gateway does with the TLS of its clients.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings
 */
export class ServerTls {
  /** @internal */
  public static readonly _KIND: Kind = instance(ServerTls, "ServerTls.simple({ credentialName: '…' })");

  /** The gateway ends TLS and shows a certificate. Refused: none or more than one of a secret, secrets, and both files; versions of TLS that leave none. */
  public static simple(options: ServerTlsOptions): ServerTls {
    return new ServerTls(manifest('SIMPLE', options));
  }

  /** The same, and clients must show a certificate too. Refused: as `simple`; files without that of the authority. */
  public static mutual(options: MutualServerTlsOptions): ServerTls {
    return new ServerTls(mutualManifest('MUTUAL', options));
  }

  /** The same, and clients may show a certificate: one that the authority has not signed is refused. Refused: as `mutual`. */
  public static optionalMutual(options: MutualServerTlsOptions): ServerTls {
    return new ServerTls(mutualManifest('OPTIONAL_MUTUAL', options));
  }

  /** Clients are in the mesh: both show the certificates that Istio gives every proxy. */
  public static istioMutual(): ServerTls {
    return new ServerTls({ mode: 'ISTIO_MUTUAL' });
  }

  /** TLS is passed on to the service, which ends it: the gateway knows the server name, and no request. */
  public static passthrough(): ServerTls {
    return new ServerTls({ mode: 'PASSTHROUGH' });
  }

  private constructor(private readonly wire: any) {}

  /**
   * Whether the gateway sees requests.
   *
   * @internal
   */
  public get _ends(): boolean {
    return this.wire.mode !== 'PASSTHROUGH';
  }

  /**
   * Whether clients may show certificates.
   *
   * @internal
   */
  public get _knowsClients(): boolean {
    return this.wire.mode.endsWith('MUTUAL');
  }

  /** @internal */
  public _toManifest(): any {
    return { ...this.wire };
  }
}

function mutualManifest(mode: string, options: MutualServerTlsOptions): any {
  const found = manifest(mode, options);
  const trusts = options.caCertificates ?? options.caCertCredentialName ?? options.credentialName ?? options.credentialNames;
  demand('caCertificates', trusts, trusts === undefined ? 'must be set beside files: clients show certificates that some authority has signed' : undefined, {
    code: 'ServerTlsAuthority', remedy: 'a secret (credentialName) may hold the authority too',
  });
  return found;
}


const SAID: Kind = maybe(textProblem);
const TEXTS: Kind = maybe(listOf(textProblem));
const VERSION: Kind = maybe(oneOf(TlsVersion, 'TlsVersion'));
const KINDS = {
  credentialName: SAID,
  credentialNames: TEXTS,
  serverCertificate: SAID,
  privateKey: SAID,
  minProtocolVersion: VERSION,
  maxProtocolVersion: VERSION,
  cipherSuites: TEXTS,
  caCertificates: SAID,
  caCertCredentialName: SAID,
  subjectAltNames: TEXTS,
};

function manifest(mode: string, options: MutualServerTlsOptions): any {
  demandKinds(options, KINDS, { of: 'options' });
  const { credentialName, credentialNames, serverCertificate, privateKey, minProtocolVersion, maxProtocolVersion, cipherSuites } = options;
  const sources = [
    ...(credentialName ? ['credentialName'] : []), ...(credentialNames ? ['credentialNames'] : []),
    ...(serverCertificate || privateKey ? ['serverCertificate and privateKey'] : []),
  ];
  if (sources.length !== 1 || Boolean(serverCertificate) !== Boolean(privateKey)) {
    const got = Object.entries({ credentialName, credentialNames, serverCertificate, privateKey }).filter(([, value]) => value).map(([name]) => name);
    throw new InvalidInput('ServerTlsCertificate', '\'credentialName\' must name the secret with the gateway\'s certificate (or credentialNames two of them, or serverCertificate and '
      + `privateKey the files), got ${got.join(' and ') || 'none of them'}; a server whose TLS the service ends itself is ServerTls.passthrough()`);
  }
  if (credentialNames) {
    demand('credentialNames', JSON.stringify(credentialNames), credentialNames.length === 2 ? undefined : 'must name two secrets', { code: 'ServerTlsCertificate', remedy: 'one is credentialName' });
  }
  const old = minProtocolVersion === TlsVersion.V1_0 || minProtocolVersion === TlsVersion.V1_1;
  demand('minProtocolVersion', minProtocolVersion, old && !cipherSuites?.length ? 'must be TLS 1.2 or newer without cipherSuites, as Envoy\'s own are too new for it' : undefined, {
    code: 'TlsVersion', remedy: 'say cipherSuites too, or leave it out',
  });
  const versions = Object.values(TlsVersion);
  const [oldest, newest] = [minProtocolVersion ?? TlsVersion.V1_2, maxProtocolVersion ?? TlsVersion.V1_3];
  demand('maxProtocolVersion', newest, versions.indexOf(newest) < versions.indexOf(oldest) ? `must not be older than minProtocolVersion (${oldest}${minProtocolVersion ? '' : ', where it is not said'})` : undefined, {
    code: 'TlsVersion', remedy: 'no client could connect',
  });
  return { mode, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) };
}
