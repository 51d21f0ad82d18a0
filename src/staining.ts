import { demand } from './errors';
import { demandKinds, instance, Kind, maybe, TEXT } from './kinds';
import { EdgePolicy } from './lanes/edge';
import { removedHeaderProblem } from './lanes/lane-carriers';
import { previewHostProblem } from './traffic/predicates';

/** Options of `Staining.previewHostsOnly`. */
export interface PreviewHostOptions {
  /**
   * The host of the gateway whose routes the previews follow.
   * @default - the gateway's only host; one of several must be named
   */
  readonly host?: string;
}

/** Options of `Staining.bySecret`. */
export interface SecretOptions {
  /** The request header that carries the secret, in lower case. It is taken away before the request goes on. */
  readonly header: string;

  /**
   * The secret: 24 characters or more that can stand in a header. **It stands in the gateway's VirtualService in plain**, so
   * whoever may read VirtualServices knows it, and it does not belong into a repository: `process.env.LANE_SECRET ?? ''`.
   */
  readonly secretInManifest: string;
}

/** Shorter ones can be guessed. */
const SHORTEST_SECRET = 24;
const FEWEST_DIFFERENT_CHARACTERS = 8;

/**
 * Who may say the lane of a request at a gateway: a lane is unreviewed code, and a header can be sent by anybody.
 *
 * @see docs/edge.md
 */
export class Staining {
  /** @internal */
  public static readonly _KIND: Kind = instance(Staining, 'Staining.open()');

  /** Whoever can reach the gateway: for gateways that only people of the house reach. */
  public static open(): Staining {
    return new Staining({ kind: 'open' });
  }

  /**
   * Nobody: the rules of lanes do not stand at the gateway, and the lane header (where baggage tells lanes: `baggage` too) is
   * taken away, so that no later hop follows it either.
   */
  public static closed(): Staining {
    return new Staining({ kind: 'closed' });
  }

  /**
   * Nobody by a header, but each lane has a host of its own, at which its requests enter: `release-v1.preview.example.com` for
   * `*.preview.example.com`. The gateway takes the wildcard too; its DNS entry must lead there, and who may call it is to be decided
   * there (a login, an address list).
   *
   * Emits a VirtualService `<gateway>-<host>-<lane>` for each lane, whose rules are those of the host that it follows as they are for
   * the lane.
   *
   * Refused: what is no wildcard such as `*.preview.example.com`.
   */
  public static previewHostsOnly(wildcard: string, options: PreviewHostOptions = {}): Staining {
    demandKinds(options, { host: maybe(TEXT) }, { of: 'options' });
    demand('wildcard', wildcard, previewHostProblem(wildcard), { code: 'PreviewHost' });
    return new Staining({ kind: 'closed' }, { wildcard, host: options.host });
  }

  /**
   * Who sends a secret beside the lane header. Without the secret the gateway is closed; with it the lane header counts, and is all
   * that goes on.
   *
   * Refused: header names that are no RFC 7230 tokens or not in lower case, headers that HTTP or Envoy needs (`host`, `cookie`,
   * `authorization`), secrets under 24 characters, of fewer than 8 different
   * ones, or with characters other than visible ASCII.
   */
  public static bySecret(options: SecretOptions): Staining {
    demandKinds(options, {}, { of: 'options' });
    const { header, secretInManifest: secret } = options;
    demand('header', header, removedHeaderProblem(header), { code: 'HeaderName', remedy: 'choose one of your own: x-lane-key' });
    // Never shown: messages end in logs.
    const got = typeof secret === 'string' || secret === undefined ? `${secret?.length ?? 0} characters, ${new Set(secret ?? '').size} of them different` : 'something else';
    demand('secretInManifest', new Hidden(got), secretProblem(secret), { code: 'SecretTooWeak', remedy: "'openssl rand -base64 32' makes a good one" });
    return new Staining({ kind: 'by-secret', header, secret });
  }

  private constructor(
    /** @internal */
    public readonly _policy: EdgePolicy,
    /** @internal */
    public readonly _previews?: { readonly wildcard: string; readonly host?: string },
  ) {}
}

function secretProblem(secret: string | undefined): string | undefined {
  if (secret === undefined || secret === '') return 'must be set';
  if (typeof secret !== 'string') return 'must be a text';
  if (!/^[\x21-\x7e]+$/.test(secret)) return 'must be of visible ASCII characters, as headers are';
  if (secret.length < SHORTEST_SECRET) return `must have at least ${SHORTEST_SECRET} characters`;
  return new Set(secret).size < FEWEST_DIFFERENT_CHARACTERS ? `must have at least ${FEWEST_DIFFERENT_CHARACTERS} different characters` : undefined;
}

/** A text that stands in a message without quotes. */
class Hidden {
  constructor(private readonly text: string) {}

  public toString(): string {
    return this.text;
  }
}
