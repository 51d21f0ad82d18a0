import { isDeepStrictEqual } from 'util';
import { RE2JS } from 're2js';

/*
 * A match entry of a VirtualService holds one condition for each thing it looks at. Two entries that must both hold are
 * therefore one entry with, for each thing, the one condition that says what both say.
 */

/** One `match` entry of a VirtualService's HTTP rule, as it stands in the manifest. */
export type MatchEntry = Record<string, any>;

/** Two conditions that no single one can stand for: because nothing meets both, or because none says what both say. */
export class MatchClash extends Error {
  constructor(
    public readonly field: string,
    public readonly one: unknown,
    public readonly other: unknown,
    public readonly nothingMeetsBoth: boolean,
  ) {
    super(field);
  }
}

/** Fields that hold several conditions, by name. */
const BY_NAME = ['headers', 'withoutHeaders', 'queryParams', 'sourceLabels'];
/** Fields whose conditions are StringMatches. */
const STRINGS = ['uri', 'scheme', 'method', 'authority', 'headers', 'queryParams'];

/**
 * The entry that stands for both.
 *
 * @throws MatchClash when no entry can
 */
export function intersection(one: MatchEntry, other: MatchEntry): MatchEntry {
  const joined: MatchEntry = { ...one };
  for (const [field, condition] of Object.entries(other)) {
    if (!(field in joined)) joined[field] = condition;
    else if (BY_NAME.includes(field)) joined[field] = bothByName(field, joined[field], condition);
    else joined[field] = bothOf(field, joined[field], condition);
  }
  return joined;
}

function bothByName(field: string, one: any, other: any): any {
  const joined = { ...one };
  for (const [name, condition] of Object.entries(other)) {
    joined[name] = name in joined ? bothOf(`${field}.${name}`, joined[name], condition) : condition;
  }
  return joined;
}

function bothOf(field: string, one: any, other: any): any {
  if (isDeepStrictEqual(one, other)) return one;
  const [kind] = field.split('.');
  // "Not a and not b" is no single condition on a value.
  if (kind === 'withoutHeaders') throw new MatchClash(field, one, other, false);
  if (STRINGS.includes(kind)) return bothStrings(field, one, other);
  throw new MatchClash(field, one, other, true);
}

function bothStrings(field: string, one: any, other: any): any {
  if (isPresence(other)) return one;
  if (isPresence(one)) return other;
  if (one.exact !== undefined && meets(one.exact, other)) return one;
  if (other.exact !== undefined && meets(other.exact, one)) return other;
  if (one.prefix !== undefined && other.prefix?.startsWith(one.prefix)) return other;
  if (other.prefix !== undefined && one.prefix?.startsWith(other.prefix)) return one;
  const comparable = one.exact !== undefined || other.exact !== undefined || (one.prefix !== undefined && other.prefix !== undefined);
  throw new MatchClash(field, one, other, comparable);
}

/** Any value will do, if only there is one. */
export function isPresence(match: any): boolean {
  return match.exact === undefined && match.prefix === undefined && match.regex === undefined;
}

/** Whether a text meets a condition other than mere presence. */
export function meets(text: string, match: any): boolean {
  if (match.exact !== undefined) return text === match.exact;
  if (match.prefix !== undefined) return text.startsWith(match.prefix);
  return RE2JS.compile(match.regex).matches(text);
}
