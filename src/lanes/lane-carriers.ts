import { headerNameProblem } from '../traffic/predicates';

/*
 * How requests say their lane: in the lane header, or in an entry of W3C baggage.
 */

/** The header of W3C baggage. */
export const BAGGAGE_HEADER = 'baggage';

/**
 * A lane header that says something, as `withoutHeaders` negates it: services that got none may send an empty one, or `-`. (In a
 * negation Envoy takes a missing header for an empty one.)
 */
export const SAYS_A_LANE = { regex: '[^-].*|-.+' };

/** Headers that HTTP or Envoy need for themselves. */
const NEEDED_HEADERS = ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'upgrade', 'cookie', BAGGAGE_HEADER];

/** Headers that applications are sent for other ends. */
const HEADERS_OF_HTTP = /^((proxy-)?authorization|origin|referer|user-agent|date|range|expect|trailer|forwarded|keep-alive|(accept|content|if|sec|access-control)(-.*)?)$/;

/** A header that lanes may be told by: nobody else has a use for it. */
export function laneHeaderProblem(name: string): string | undefined {
  const problem = headerNameProblem(name);
  if (problem !== undefined) return problem;
  return NEEDED_HEADERS.includes(name) || /^x-(envoy|forwarded)-/.test(name) ? 'must not be a header that HTTP or Envoy needs for itself' : undefined;
}

/** A header that is taken from every request: nobody may miss it. */
export function removedHeaderProblem(name: string): string | undefined {
  return laneHeaderProblem(name) ?? (HEADERS_OF_HTTP.test(name) ? 'must not be a header that HTTP needs: it is taken away from every request' : undefined);
}

/** RFC 7230 tokens are what baggage has for keys; one name per app is enough, and letters and digits are. */
export function baggageKeyProblem(key: string): string | undefined {
  return typeof key === 'string' && /^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$/.test(key) && key.length <= 64
    ? undefined
    : 'must be a key of baggage (letters, digits and inner - _ and ., 1 to 64 characters)';
}

/**
 * The baggage has an entry that names the lane, with blanks and properties where the standard allows them. Several `baggage`
 * headers are one list to Envoy.
 *
 * @see https://www.w3.org/TR/baggage/
 */
export function baggageMatch(key: string, lane: string): { readonly regex: string } {
  return { regex: `(.*,)?[ \\t]*${key.replace(/\./g, '\\.')}[ \\t]*=[ \\t]*${lane}[ \\t]*([,;].*)?` };
}
