import { asList } from '../json';

/*
 * What istiod makes of a rule that delegates and of the rules it delegates to.
 *
 * Source: `mergeHTTPRoute`, `hasConflict` of istiod (pilot/pkg/model/virtualservice.go).
 */

/** Fields that the delegate's rule takes from the delegating one where it has none of its own. */
const INHERITED = [
  'rewrite',
  'directResponse',
  'timeout',
  'retries',
  'fault',
  'mirror',
  'mirrorPercent',
  'mirrorPercentage',
  'corsPolicy',
  'mirrors',
  'headers',
];

/** The delegate's rule with what the delegating one adds; `undefined` where their matches contradict each other. */
export function mergedWithDelegate(root: any, inner: any): any {
  const match = mergedMatches(asList(root.match), asList(inner?.match));
  if (!match) return undefined;
  const merged: any = { ...inner };
  if (match.length > 0) merged.match = match;
  const name = joined(root.name, inner.name);
  if (name) merged.name = name;
  for (const field of INHERITED) if (isAbsent(merged[field]) && !isAbsent(root[field])) merged[field] = root[field];
  return merged;
}

function mergedMatches(roots: any[], inners: any[]): any[] | undefined {
  if (roots.length === 0) return inners;
  if (inners.length === 0) return roots;
  const merged: any[] = [];
  for (const inner of inners) {
    const fitting = roots.filter((root) => !conflict(root ?? {}, inner ?? {}));
    // One entry that fits none spoils the whole rule.
    if (fitting.length === 0) return undefined;
    merged.push(...fitting.map((root) => mergedMatch(root ?? {}, inner ?? {})));
  }
  return merged;
}

function mergedMatch(root: any, inner: any): any {
  const merged: any = { ...inner };
  const name = joined(root.name, inner.name);
  if (name) merged.name = name;
  for (const field of ['uri', 'scheme', 'method', 'authority', 'sourceNamespace']) if (!merged[field] && root[field]) merged[field] = root[field];
  if (!merged.port && root.port) merged.port = root.port;
  for (const field of ['headers', 'withoutHeaders', 'queryParams', 'sourceLabels']) {
    if (root[field] || inner[field]) merged[field] = { ...root[field], ...inner[field] };
  }
  if (asList(inner.gateways).length === 0 && asList(root.gateways).length > 0) merged.gateways = root.gateways;
  return merged;
}

function conflict(root: any, inner: any): boolean {
  if (['uri', 'scheme', 'method', 'authority'].some((field) => stringsConflict(root[field], inner[field]))) return true;
  for (const field of ['headers', 'withoutHeaders', 'queryParams']) {
    if (Object.entries(inner[field] ?? {}).some(([name, match]) => stringsConflict(root[field]?.[name], match))) return true;
  }
  if (Boolean(root.ignoreUriCase) !== Boolean(inner.ignoreUriCase)) return true;
  if (root.port > 0 && inner.port > 0 && root.port !== inner.port) return true;
  if (root.sourceNamespace && inner.sourceNamespace !== root.sourceNamespace) return true;
  const { sourceLabels: wanted = {} } = root;
  if (Object.entries(inner.sourceLabels ?? {}).some(([key, value]) => wanted[key] !== undefined && wanted[key] !== value)) return true;
  const [outer, within] = [asList(root.gateways), asList(inner.gateways)];
  return outer.length > 0 && within.length > 0 && (outer.length < within.length || within.some((gateway) => !outer.includes(gateway)));
}

/** Whether a delegate's condition is none that the delegating rule's allows. */
function stringsConflict(root: any, inner: any): boolean {
  if (isAbsent(root) || isAbsent(inner)) return false;
  const any = (match: any) => Boolean(match.regex || match.prefix || match.exact);
  if (root.regex && any(inner)) return true;
  if (inner.regex && any(root)) return true;
  if (root.exact) return Boolean(inner.prefix) || inner.exact !== root.exact;
  if (root.prefix) {
    if (inner.prefix) return !inner.prefix.startsWith(root.prefix);
    if (inner.exact) return !inner.exact.startsWith(root.prefix);
  }
  return true;
}

function joined(one: string | undefined, other: string | undefined): string | undefined {
  return one && other ? `${one}-${other}` : one || other;
}

function isAbsent(value: any): boolean {
  return value === undefined || value === null;
}
