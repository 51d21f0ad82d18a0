import { numberOf } from './objects';
import { RequestView } from './request-view';
import { Complaint, StringMatches } from './string-match';

/*
 * The part of a match entry that Envoy looks at: path, headers, query. What istiod decides by (port, gateways, source) is in
 * `routes.ts`.
 *
 * Source: `TranslateRouteMatch` and `IsCatchAllRoute` of istiod (pilot/pkg/networking/core/route/route.go).
 */

/** One `match` entry, ready to be asked. */
export interface CompiledMatch {
  /** Whether istiod takes it for one that every request meets: no rule behind it is sent to proxies. */
  readonly isCatchAll: boolean;
  /** What a path has in common with `uri`, for rewrites: a prefix, or the whole path. */
  readonly matchedPath: (path: string) => string;
  /** JWT claims are not modelled: an entry that asks for one takes no request. */
  readonly asksForClaims: boolean;
  readonly takes: (request: RequestView) => boolean;
}

type Condition = (request: RequestView) => boolean;

const EVERYTHING: CompiledMatch = { isCatchAll: true, matchedPath: () => '/', asksForClaims: false, takes: () => true };

/** Compiles one entry; `undefined` for the rule that has none. */
export function compileMatch(entry: any, strings: StringMatches, complain: Complaint): CompiledMatch {
  if (entry === undefined || entry === null) return EVERYTHING;
  if (typeof entry !== 'object') throw complain('match', 'must be a list of objects', entry);
  const path = pathCondition(entry, strings, complain);
  const claims = [...namesIn(entry.headers), ...namesIn(entry.withoutHeaders)].filter(isClaim);
  const others = [
    ...headerConditions(entry, strings, complain),
    ...['method', 'authority', 'scheme'].flatMap((field) => pseudoCondition(entry, field, strings, complain)),
    ...queryConditions(entry, strings, complain),
  ];
  // A condition on the method, authority or scheme is a header condition to Envoy.
  const isCatchAll = path.isCatchAll && others.length === 0 && claims.length === 0;
  const conditions = path.condition ? [path.condition, ...others] : others;
  const needsClaim = namesIn(entry.headers).some(isClaim);
  return {
    isCatchAll,
    matchedPath: path.matched,
    asksForClaims: claims.length > 0,
    takes: (request) => !needsClaim && conditions.every((condition) => condition(request)),
  };
}

interface PathCondition {
  readonly isCatchAll: boolean;
  readonly condition?: Condition;
  readonly matched: (path: string) => string;
}

function pathCondition(entry: any, strings: StringMatches, complain: Complaint): PathCondition {
  const { uri } = entry;
  const test = strings.test(uri, 'uri', complain);
  if (!test) return { isCatchAll: true, matched: () => '/' };
  const folded = entry.ignoreUriCase === true && uri.regex === undefined;
  const cased = folded ? strings.test(lowerCased(uri), 'uri', complain)! : test;
  const condition: Condition = ({ path }) => cased(folded ? path.toLowerCase() : path);
  const isCatchAll = uri.prefix === '/' || uri.regex === '.*';
  return { isCatchAll, condition, matched: (path) => (uri.prefix !== undefined ? path.slice(0, uri.prefix.length) : path) };
}

function lowerCased(uri: any): any {
  return uri.exact !== undefined ? { exact: String(uri.exact).toLowerCase() } : { prefix: String(uri.prefix).toLowerCase() };
}

function headerConditions(entry: any, strings: StringMatches, complain: Complaint): Condition[] {
  const wanted = named(entry.headers, 'headers', complain)
    .filter(([name]) => !isClaim(name))
    .map(([name, match]): Condition => {
      const test = valueTest(match, `headers.${name}`, strings, complain);
      const key = name.toLowerCase();
      return (request) => {
        const value = request.header(key);
        return value !== undefined && (!test || test(value));
      };
    });
  const unwanted = named(entry.withoutHeaders, 'withoutHeaders', complain)
    .filter(([name]) => !isClaim(name))
    .map(([name, match]): Condition => {
      const test = valueTest(match, `withoutHeaders.${name}`, strings, complain);
      const key = name.toLowerCase();
      // Envoy takes a missing header for an empty one where it compares values.
      return (request) => (test ? !test(request.header(key) ?? '') : request.header(key) === undefined);
    });
  return [...wanted, ...unwanted];
}

function pseudoCondition(entry: any, field: string, strings: StringMatches, complain: Complaint): Condition[] {
  const match = entry[field];
  if (match === undefined || match === null) return [];
  const test = valueTest(match, field, strings, complain);
  return test ? [(request) => test(request.header(`:${field}`)!)] : [() => true];
}

function queryConditions(entry: any, strings: StringMatches, complain: Complaint): Condition[] {
  return named(entry.queryParams, 'queryParams', complain).map(([name, match]): Condition => {
    const test = valueTest(match, `queryParams.${name}`, strings, complain);
    return (request) => {
      const value = request.queryParameter(name);
      return value !== undefined && (!test || test(value));
    };
  });
}

/** `*` is no regular expression: istiod takes it for mere presence. */
function valueTest(match: any, property: string, strings: StringMatches, complain: Complaint) {
  return match?.regex === '*' ? undefined : strings.test(match, property, complain);
}

function named(conditions: any, property: string, complain: Complaint): [string, any][] {
  if (conditions === undefined || conditions === null) return [];
  if (typeof conditions !== 'object' || Array.isArray(conditions)) {
    throw complain(property, 'must be an object with a condition for each name', conditions);
  }
  return Object.entries(conditions);
}

function namesIn(conditions: any): string[] {
  return conditions !== null && typeof conditions === 'object' ? Object.keys(conditions) : [];
}

function isClaim(name: string): boolean {
  return name.toLowerCase().startsWith('@request.auth.claims');
}

/** The port that an entry asks for; 0 and nothing are every port. */
export function portOf(entry: any): number | undefined {
  return numberOf(entry?.port) || undefined;
}
