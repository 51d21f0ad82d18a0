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
