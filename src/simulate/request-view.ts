import { InvalidInput, shown } from '../errors';
import { HeaderValues } from './outcome';
import { SimulatedRequest } from './request';
import { demandHost } from './request-demands';
import { headerNameProblem, portProblem } from '../traffic/predicates';

/** A request as the proxy that routes it sees it. */
export class RequestView {
  /** The Host header as it was sent. */
  public readonly authority: string;
  /** Without query, normalized. */
  public readonly path: string;
  /** With its question mark; empty where there is none. */
  public readonly query: string;
  public readonly port: number;
  public readonly method: string;
  public readonly headers: HeaderValues;
  private parameters?: ReadonlyMap<string, string>;

  /** What the proxy takes the request's scheme to be: a sidecar believes its pod's `x-forwarded-proto`, a gateway believes nobody. */
  public readonly scheme: 'http' | 'https';

  /**
   * @param connection how the client connects: in plain text or with TLS
   * @param believes whether the proxy believes what the client says of the scheme
   * @throws InvalidInput for what is no request: no host, a port or a header name that cannot be, a path without slash
   */
  constructor(
    public readonly request: SimulatedRequest,
    public readonly connection: 'http' | 'https' = 'http',
    believes = false,
  ) {
    demandHost(request.host);
    this.port = request.port ?? 80;
    const badPort = portProblem(this.port);
    if (badPort) throw new InvalidInput('Port', `'port' ${badPort}, got ${shown(this.port)}`);
    const path = request.path ?? '/';
    if (typeof path !== 'string' || !path.startsWith('/') || /\s/.test(path)) {
      throw new InvalidInput('RequestPath', `'path' must begin with a slash and have no blanks, got ${shown(path)}`);
    }
    const at = path.indexOf('?');
    this.path = normalizedPath(at < 0 ? path : path.slice(0, at));
    this.query = at < 0 ? '' : path.slice(at);
    this.method = request.method ?? 'GET';
    const { host, ...headers } = headersOf(request);
    this.headers = headers;
    const said = believes && headers['x-forwarded-proto']?.length === 1 ? headers['x-forwarded-proto'][0] : undefined;
    this.scheme = said === 'http' || said === 'https' ? said : connection;
    const usual = this.port === 80 || this.port === 443 ? request.host : `${request.host}:${this.port}`;
    this.authority = host?.[0] ?? usual;
  }

  /** A header's value, several joined as Envoy joins them; names in lower case, pseudo headers too. */
  public header(name: string): string | undefined {
    switch (name) {
      case ':authority':
      case 'host':
        return this.authority;
      case ':method':
        return this.method;
      case ':scheme':
        return this.scheme;
      case ':path':
        return this.path + this.query;
      default:
        return this.headers[name]?.join(',');
    }
  }

  /** A query parameter as it was sent, undecoded; the first of several of one name. */
  public queryParameter(name: string): string | undefined {
    this.parameters ??= parametersOf(this.query);
    return this.parameters.get(name);
  }

  /** The name that a client asks for when it starts TLS: that of the connection, whatever the Host header says. */
  public get serverName(): string {
    return withoutPort(this.request.host).toLowerCase();
  }

  /** The Host header without its port, in lower case: what virtual hosts are found by. */
  public get hostName(): string {
    return withoutPort(this.authority).toLowerCase();
  }
}

/** A host name without what follows its last colon, which Envoy takes for a port without looking at it. */
export function withoutPort(authority: string): string {
  const at = authority.lastIndexOf(':');
  return at > authority.lastIndexOf(']') ? authority.slice(0, at) : authority;
}

function headersOf({ headers = {} }: SimulatedRequest): Record<string, readonly string[]> {
  const values: Record<string, readonly string[]> = Object.create(null);
  for (const [written, value] of Object.entries(headers)) {
    const name = written.toLowerCase();
    const problem = headerNameProblem(name);
    if (problem) throw new InvalidInput('HeaderName', `'headers' ${problem}, got ${shown(written)}`);
    const added = (Array.isArray(value) ? value : [value]).map((each) => String(each).trim());
    values[name] = [...(values[name] ?? []), ...added];
  }
  return values;
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query
    .slice(1)
    .split('&')
    .filter((each) => each !== '')) {
    const at = part.indexOf('=');
    const [name, value] = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

/**
 * A path as Envoy makes it before it routes: RFC 3986 without `.` and `..`, letters and digits that need no escape unescaped,
 * back slashes as slashes.
 */
export function normalizedPath(path: string): string {
  if (!/[%\\]|\/\.{1,2}(\/|$)/.test(path)) return path;
  const unescaped = path.replace(/\\/g, '/').replace(/%([0-9a-fA-F]{2})/g, (escape, hex) => {
    const character = String.fromCharCode(parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape;
  });
  const kept: string[] = [];
  const parts = unescaped.split('/').slice(1);
  for (const [index, part] of parts.entries()) {
    if (part === '..') kept.pop();
    if (part !== '.' && part !== '..') kept.push(part);
    // `/a/.` and `/a/b/..` keep the slash at their end.
    else if (index === parts.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
