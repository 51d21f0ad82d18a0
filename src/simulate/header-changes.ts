import { asList } from '../json';
import { HeaderChange, HeaderValues } from './outcome';

/*
 * Header operations of a rule and of its destination, in the order in which Envoy does them.
 *
 * Source: `TranslateHeadersOperations` of istiod; Envoy's order within one list: removals, all that is set, all that is added.
 */

/** What happens to the headers of a request or of its answer. */
export type Direction = 'request' | 'response';

/** `headers` of a rule or destination, as written. */
type Operations = any;

/**
 * The changes for one destination, in order. One destination alone: its operations and the rule's are one list. One of several:
 * its own come first, so that the rule has the last word.
 */
export function headerChanges(rule: Operations, destination: Operations, isAlone: boolean, direction: Direction): HeaderChange[] {
  const [outer, inner] = [rule?.[direction], destination?.[direction]];
  return isAlone ? oneList([outer, inner]) : [...oneList([inner]), ...oneList([outer])];
}

function oneList(levels: Operations[]): HeaderChange[] {
  return [
    ...levels
      .flatMap((level) => asList(level?.remove).map(String))
      .filter(isChangeable)
      .map((name): HeaderChange => ({ action: 'remove', name: name.toLowerCase() })),
    ...levels.flatMap((level) => sorted(level?.set)).map(([name, value]) => change('set', name, value)),
    ...levels.flatMap((level) => sorted(level?.add)).map(([name, value]) => change('add', name, value)),
  ];
}

function change(action: 'set' | 'add', name: string, value: string): HeaderChange {
  return { action, name: name.toLowerCase(), value: unescaped(value) };
}

/** By name as written; Envoy does nothing for an empty value. */
function sorted(operations: Operations): [string, string][] {
  const entries = Object.entries(operations ?? {}).map(([name, value]): [string, string] => [name, String(value)]);
  return entries.filter(([name, value]) => value !== '' && isChangeable(name)).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** The host is no header to Envoy: see `hostSetBy`. */
function isChangeable(name: string): boolean {
  return !name.startsWith(':') && name.toLowerCase() !== 'host';
}

/** The host that header operations make of a request's. */
export function hostSetBy(operations: Operations): string | undefined {
  const host = (changes: any) =>
    Object.entries(changes ?? {}).find(([name]) => [':authority', 'host'].includes(name.toLowerCase()))?.[1] as string | undefined;
  return host(operations?.request?.set) || host(operations?.request?.add) || undefined;
}

/** Headers after some changes. */
export function changedHeaders(headers: HeaderValues, changes: readonly HeaderChange[]): HeaderValues {
  if (changes.length === 0) return headers;
  const changed: Record<string, readonly string[]> = { ...headers };
  for (const { action, name, value = '' } of changes) {
    if (action === 'remove') delete changed[name];
    else changed[name] = action === 'set' ? [value] : [...(changed[name] ?? []), value];
  }
  return changed;
}

/** `%` stands doubled in values. */
function unescaped(value: string): string {
  return value.replace(/%%/g, '%');
}

/** A request header whose value Envoy fills in when a request is there, such as `%START_TIME%`. */
export function filledIn(...levels: Operations[]): { readonly name: string; readonly value: string } | undefined {
  const all = levels.flatMap((level) => [...sorted(level?.request?.set), ...sorted(level?.request?.add)]);
  const [name, value] = all.find(([, text]) => /%[A-Za-z_][^%]*%/.test(text.replace(/%%/g, ''))) ?? [];
  return name === undefined || value === undefined ? undefined : { name, value };
}
