import { authorityProblem, httpStatusProblem, locationProblem, portProblem, regexProblem } from './predicates';
import { demand, InvalidInput } from '../errors';
import { demandKind, demandKinds, maybe, TEXT } from '../kinds';

/** What a rule makes of the request line before it goes on. */
export interface Rewrite {
  /**
   * What stands in place of the part of the path that the rule's match matched: the prefix, or the whole path.
   * @default - the path stays
   */
  readonly uri?: string;

  /**
   * A part of the path to be replaced, by a regular expression; with `uriRegexRewrite`, in place of `uri`.
   * @default - the path stays
   */
  readonly uriRegexMatch?: string;

  /**
   * What it is replaced by; `\1` is the first group.
   * @default - with `uriRegexMatch` it must be set
   */
  readonly uriRegexRewrite?: string;

  /**
   * The Host header.
   * @default - it stays
   */
  readonly authority?: string;
}

/** Where a client is sent instead. */
export interface Redirect {
  /**
   * The whole path.
   * @default - the request's
   */
  readonly uri?: string;

  /**
   * The host.
   * @default - the request's
   */
  readonly authority?: string;

  /**
   * The port, 1 to 65535.
   * @default - the scheme's own
   */
  readonly port?: number;

  /**
   * `http` or `https`.
   * @default - the request's
   */
  readonly scheme?: string;

  /**
   * 301, 302, 303, 307 or 308.
   * @default 301
   */
  readonly redirectCode?: number;
}

/** Envoy knows no others, and refuses all rules of the port together with one it does not know. */
export const REDIRECT_CODES = [301, 302, 303, 307, 308];

/** @throws InvalidInput for nothing to rewrite, a path both ways, half a regular expression, what is not RE2 */
export function rewriteManifest(rewrite: Rewrite): any {
  const { uri, uriRegexMatch, uriRegexRewrite, authority } = rewrite;
  demandKinds(rewrite, { uri: maybe(TEXT), uriRegexMatch: maybe(TEXT), uriRegexRewrite: maybe(TEXT), authority: maybe(TEXT) }, { of: 'rewrite' });
  const regex = uriRegexMatch !== undefined || uriRegexRewrite !== undefined;
  if (!uri && !regex && !authority) throw new InvalidInput('RewriteEmpty', "'rewrite' must say 'uri', 'uriRegexMatch' or 'authority', got none");
  for (const [field, text] of Object.entries({ uri, authority })) {
    demand(field, text, text === '' ? 'must not be empty' : undefined, { code: 'RewriteEmpty' });
  }
  demandTarget('rewrite', rewrite);
  if (uri !== undefined && regex) throw new InvalidInput('RewriteTwice', '\'uri\' must not stand beside \'uriRegexMatch\', got both: they rewrite the same path');
  if (regex && (uriRegexMatch === undefined || uriRegexRewrite === undefined)) {
    throw new InvalidInput('RewriteRegex', "'uriRegexMatch' and 'uriRegexRewrite' must be set both, got one of them");
  }
  demand('uriRegexRewrite', uriRegexRewrite, uriRegexRewrite === '' ? 'must not be empty, which istiod refuses' : undefined, { code: 'RewriteRegex' });
  if (uriRegexMatch !== undefined) demand('uriRegexMatch', uriRegexMatch, regexProblem(uriRegexMatch), { code: 'StringMatchRegex' });
  return {
    ...(uri === undefined ? {} : { uri }),
    ...(regex ? { uriRegexRewrite: { match: uriRegexMatch, rewrite: uriRegexRewrite } } : {}),
    ...(authority === undefined ? {} : { authority }),
  };
}

/** @throws InvalidInput for nothing to change, unknown codes and schemes, ports outside 1 to 65535 */
export function redirectManifest(redirect: Redirect): any {
  const said = Object.fromEntries(Object.entries(redirect).filter(([, value]) => value !== undefined));
  if (Object.keys(said).filter((field) => field !== 'redirectCode').length === 0) {
    throw new InvalidInput('RedirectEmpty', "'redirect' must say 'uri', 'authority', 'port' or 'scheme', got none: it would lead back to itself");
  }
  demandKinds(redirect, { uri: maybe(TEXT), authority: maybe(TEXT) }, { of: 'redirect' });
  const { redirectCode: code, scheme, port } = redirect;
  for (const field of ['uri', 'authority'] as const) {
    demand(field, redirect[field], redirect[field] === '' ? 'must not be empty' : undefined, { code: 'RedirectEmpty' });
  }
  demandTarget('redirect', redirect);
  if (code !== undefined) demand('redirectCode', code, REDIRECT_CODES.includes(code) ? undefined : `must be one of ${REDIRECT_CODES.join(', ')}`, { code: 'RedirectCode' });
  if (scheme !== undefined) demand('scheme', scheme, ['http', 'https'].includes(scheme) ? undefined : "must be 'http' or 'https'", { code: 'RedirectScheme' });
  if (port !== undefined) demand('port', port, portProblem(port), { code: 'Port' });
  return said;
}

/** Where a request or a client goes: Envoy writes it as it stands. */
function demandTarget(action: 'rewrite' | 'redirect', { uri, authority }: Redirect & Rewrite): void {
  if (uri !== undefined) demand(`${action}.uri`, uri, locationProblem(uri), { code: 'Location' });
  if (authority !== undefined) demand(`${action}.authority`, authority, authorityProblem(authority), { code: 'Authority' });
}

/** @throws InvalidInput for statuses outside 200 to 599, bodies over 1 MiB */
export function directResponseManifest(status: number, body: string | undefined): any {
  demand('status', status, httpStatusProblem(status), { code: 'HttpStatus' });
  demandKind('body', body, maybe(TEXT));
  const bytes = Buffer.byteLength(body ?? '');
  demand('body', `${bytes} bytes`, bytes <= 1024 * 1024 ? undefined : 'must have at most 1 MiB', { code: 'DirectResponseBody' });
  return { status, ...(body === undefined ? {} : { body: { string: body } }) };
}
