import { RequestMatch } from './request-match';
import { demand } from '../errors';

/**
 * A match of requests as Envoy's own header matchers, for places where Istio has none. A path is a header there, with its query.
 *
 * Refused: what is not a header there (query parameters, ports, callers).
 */
export function headerMatchers(match: RequestMatch): any[] {
  const { headers = {}, withoutHeaders = {}, uri, method, authority, scheme, ...other } = match._toManifest() as any;
  const [unknown] = Object.keys(other);
  demand('match', unknown, unknown === undefined ? undefined : 'must be of path, method, host, scheme or headers', { code: 'RateLimitMatch' });
  return [
    ...(uri ? [{ name: ':path', ...pathMatcher(uri) }] : []),
    ...Object.entries({ ':method': method, ':authority': authority, ':scheme': scheme }).filter(([, text]) => text).map(([name, text]) => ({ name, ...textMatcher(text) })),
    ...Object.entries(headers).map(([name, text]) => ({ name, ...textMatcher(text) })),
    ...Object.entries(withoutHeaders).map(([name, text]) => {
      const matcher = textMatcher(text);
      return { name, ...matcher, invert_match: true, ...(matcher.present_match ? {} : { treat_missing_header_as_empty: true }) };
    }),
  ];
}

function textMatcher(text: any): any {
  if (text.exact !== undefined) return { string_match: { exact: text.exact } };
  if (text.prefix !== undefined) return { string_match: { prefix: text.prefix } };
  return text.regex === undefined ? { present_match: true } : { string_match: { safe_regex: { regex: text.regex } } };
}

function pathMatcher(text: any): any {
  if (text.prefix !== undefined) return textMatcher(text);
  const path = text.exact === undefined ? `(?:${text.regex ?? '.*'})` : text.exact.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return textMatcher({ regex: `${path}(\\?.*)?` });
}
