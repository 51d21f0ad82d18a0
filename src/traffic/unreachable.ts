import { isDeepStrictEqual } from 'util';
import { isPresence, MatchEntry, meets } from './intersection';
import { asList } from '../json';

/*
 * The first rule that matches takes a request, so a rule all of whose requests are taken before it does nothing. Only what is
 * certain is said: two regular expressions are never compared.
 */

/** Fields by name, each with a StringMatch. */
const STRINGS_BY_NAME = ['headers', 'queryParams'];
const STRINGS = ['uri', 'scheme', 'method', 'authority'];
/** What a match entry may have without being narrower for it. */
const LABELS = ['name', 'statPrefix'];

/** For each rule that no request reaches: its index, and that of a rule before it that takes some of its requests. */
export function unreachableRules(rules: any[]): { index: number; taker: number }[] {
  return rules.flatMap((rule, index) => {
    const before = rules.slice(0, index);
    const takers = entriesOf(rule).map((entry) => before.findIndex((other) => entriesOf(other).some((earlier) => covers(earlier, entry))));
    return takers.includes(-1) ? [] : [{ index, taker: takers[0] }];
  });
}

function entriesOf(rule: any): MatchEntry[] {
  return asList(rule?.match).length === 0 ? [{}] : asList(rule.match);
}

/** Whether all that meets `narrow` meets `wide` too. */
function covers(wide: MatchEntry, narrow: MatchEntry): boolean {
  return Object.entries(wide ?? {}).every(([field, condition]) => {
    if (LABELS.includes(field)) return true;
    const other = narrow?.[field];
    if (isDeepStrictEqual(condition, other)) return true;
    if (field === 'uri' && condition?.prefix === '/') return true;
    if (other === undefined || wide.ignoreUriCase || narrow.ignoreUriCase) return false;
    if (STRINGS.includes(field)) return coversText(condition, other);
    if (STRINGS_BY_NAME.includes(field)) {
      return Object.entries(condition).every(([name, one]) => other[name] !== undefined && coversText(one, other[name]));
    }
    if (field === 'sourceLabels') return Object.entries(condition).every(([name, label]) => other[name] === label);
    return false;
  });
}

function coversText(wide: any, narrow: any): boolean {
  if (isDeepStrictEqual(wide, narrow) || isPresence(wide)) return true;
  if (narrow.exact !== undefined) return meets(narrow.exact, wide);
  return wide.prefix !== undefined && narrow.prefix?.startsWith(wide.prefix) === true;
}
