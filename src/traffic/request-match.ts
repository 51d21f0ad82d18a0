import { intersection, MatchClash, MatchEntry } from './intersection';
import { headerNameProblem, dnsLabelProblem, pathProblem, portProblem, textProblem, tokenProblem } from './predicates';
import { StringMatch } from './string-match';
import { demand, demandLabels, InvalidInput } from '../errors';
import { cloneJson } from '../json';
import { demandKind, instance, Kind } from '../kinds';

/**
 * Which requests a rule is for. Immutable; conditions are joined by `and`, alternatives are several matches in one rule.
 *
 * ```ts
 * RequestMatch.pathPrefix('/api').and(RequestMatch.userAgent(StringMatch.regex('.*Safari.*')))
 * ```
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class RequestMatch {
  /** @internal */
  public static readonly _KIND: Kind = instance(RequestMatch, "RequestMatch.pathPrefix('/…')");

  /**
   * The value of a header. The value is compared with its case, the name is not.
   *
   * Refused: names that are no RFC 7230 tokens or not in lower case.
   */
  public static header(name: string, match: StringMatch): RequestMatch {
    demand('header', name, headerNameProblem(name), { code: 'HeaderName' });
    demandKind('match', match, StringMatch._KIND);
    return new RequestMatch({ headers: { [name]: match._toManifest() } });
  }

  /**
   * The header does **not** have this value. A request without the header counts as having the empty value, except for
   * `StringMatch.present()`: then the header must be absent.
   */
  public static withoutHeader(name: string, match: StringMatch): RequestMatch {
    demand('header', name, headerNameProblem(name), { code: 'HeaderName' });
    demandKind('match', match, StringMatch._KIND);
    return new RequestMatch({ withoutHeaders: { [name]: match._toManifest() } });
  }

  /** One cookie of the `cookie` header. */
  public static cookie(name: string, match: StringMatch): RequestMatch {
    demand('cookie', name, tokenProblem(name), { code: 'CookieName' });
    demandKind('match', match, StringMatch._KIND);
    const pattern = `^(.*?;)?\\s*(${StringMatch.exact(name)._toRegex()}=${match._toRegex()})(;.*)?$`;
    return RequestMatch.header('cookie', StringMatch.regex(pattern));
  }

  /** The `user-agent` header, the usual way to tell browsers apart. */
  public static userAgent(match: StringMatch): RequestMatch {
    return RequestMatch.header('user-agent', match);
  }

  /**
   * The path, without its query string.
   *
   * Refused: a path or prefix that does not begin with `/`, since no path would match it.
   */
  public static path(match: StringMatch): RequestMatch {
    demandKind('match', match, StringMatch._KIND);
    const uri = match._toManifest();
    for (const kind of ['exact', 'prefix']) {
      if (uri[kind] !== undefined && uri[kind] !== '*') demand(kind, uri[kind], pathProblem(uri[kind]), { code: 'PathPrefix', remedy: `write '/${uri[kind]}'` });
    }
    return new RequestMatch({ uri });
  }

  /**
   * The path begins with `prefix`, letter by letter: `/foo` also matches `/foobar`.
   *
   * Refused: a prefix that does not begin with `/`, since no path would match it.
   */
  public static pathPrefix(prefix: string): RequestMatch {
    demand('prefix', prefix, pathProblem(prefix), { code: 'PathPrefix', remedy: typeof prefix === 'string' ? `write '/${prefix}'` : undefined });
    return RequestMatch.path(StringMatch.prefix(prefix));
  }

  /** The HTTP method. Refused: small letters, since methods are compared with their case. */
  public static method(match: StringMatch): RequestMatch {
    demandKind('match', match, StringMatch._KIND);
    const method = match._toManifest();
    for (const text of [method.exact, method.prefix]) {
      demand('method', text, text === text?.toUpperCase() ? undefined : 'must be in capitals', { code: 'Method', remedy: `write '${text?.toUpperCase()}'` });
    }
    return new RequestMatch({ method });
  }

  /** The Host header, **with** its port where the client sends one. */
  public static authority(match: StringMatch): RequestMatch {
    demandKind('match', match, StringMatch._KIND);
    return new RequestMatch({ authority: match._toManifest() });
  }

  /** `http` or `https`. Refused: any other text to be equal to. */
  public static scheme(match: StringMatch): RequestMatch {
    demandKind('match', match, StringMatch._KIND);
    const { exact, ...other } = match._toManifest();
    demand('scheme', exact, exact === undefined || ['http', 'https'].includes(exact) ? undefined : "must be 'http' or 'https'", { code: 'Scheme' });
    return new RequestMatch({ scheme: exact === undefined ? other : { exact } });
  }

  /** One query parameter. */
  public static queryParam(name: string, match: StringMatch): RequestMatch {
    demand('queryParam', name, textProblem(name), { code: 'QueryParamName' });
    demandKind('match', match, StringMatch._KIND);
    return new RequestMatch({ queryParams: { [name]: match._toManifest() } });
  }

  /** The port that the request is for, as the Service or the gateway's server has it. */
  public static port(port: number): RequestMatch {
    demand('port', port, portProblem(port), { code: 'Port' });
    return new RequestMatch({ port });
  }

  /** Requests from pods with these labels. At a gateway: from gateway pods with them. Refused: no labels, which all pods have. */
  public static sourceLabels(labels: Record<string, string>): RequestMatch {
    demandLabels('sourceLabels', labels);
    demand('sourceLabels', labels, Object.keys(labels).length === 0 ? 'must name a label: without one every request matches' : undefined, { code: 'SourceLabels' });
    return new RequestMatch({ sourceLabels: { ...labels } });
  }

  /** Requests from pods of this namespace. */
  public static sourceNamespace(namespace: string): RequestMatch {
    demand('sourceNamespace', namespace, dnsLabelProblem(namespace), { code: 'Namespace' });
    return new RequestMatch({ sourceNamespace: namespace });
  }

  private constructor(private readonly entry: MatchEntry) {}

  /**
   * Both conditions hold.
   *
   * Refused: two conditions on one thing that nothing meets (two different exact paths), or that no single condition can stand
   * for (a prefix and a regular expression).
   */
  public and(other: RequestMatch): RequestMatch {
    demandKind('other', other, RequestMatch._KIND);
    try {
      return new RequestMatch(intersection(this.entry, other.entry));
    } catch (error) {
      throw error instanceof MatchClash ? refusal(error) : error;
    }
  }

  /**
   * Both conditions hold; `undefined` when nothing meets both.
   *
   * @internal
   */
  public _and(other: RequestMatch): RequestMatch | undefined {
    try {
      return new RequestMatch(intersection(this.entry, other.entry));
    } catch (error) {
      if (!(error instanceof MatchClash)) throw error;
      if (error.nothingMeetsBoth) return undefined;
      throw refusal(error);
    }
  }

  /**
   * The match for requests that come in at a gateway; `undefined` when it is for callers in the mesh or another port.
   *
   * @internal
   */
  public _atGateway(ownPort: number | undefined): RequestMatch | undefined {
    const { port, sourceLabels, sourceNamespace, ...entry } = this.entry;
    if (sourceLabels || sourceNamespace || (port !== undefined && port !== ownPort)) return undefined;
    return new RequestMatch(entry);
  }

  /**
   * The port that the request must be for, if that is asked.
   *
   * @internal
   */
  public get _port(): number | undefined {
    return this.entry.port;
  }

  /** @internal */
  public _toManifest(): MatchEntry {
    return cloneJson(this.entry);
  }
}


function refusal({ field, one, other, nothingMeetsBoth }: MatchClash): InvalidInput {
  const why = nothingMeetsBoth ? 'and nothing meets both' : 'and no single condition says both; one regular expression may';
  return new InvalidInput('MatchClash', `'${field}' is asked for twice within one match: ${JSON.stringify(one)} and ${JSON.stringify(other)}, `
    + `${why}; alternatives are several matches in the rule's list`);
}
