import { isDeepStrictEqual } from 'util';
import { cloneJson } from '../json';

/*
 * Istio applies a rule's header operations and its destination's in an order that depends on how many destinations the
 * rule lists. With two or more, each on its own: the destination's first, then the rule's. With one, as a single list:
 * all removals of both, then all that both set, then all that both add, the rule's before the destination's. So where both
 * touch one header the rule wins in the first case and the destination in the second.
 *
 * A rule whose destinations collapse to one would change its meaning; `foldIntoOne` writes its operations so that they
 * have the same effect as before.
 */

/** `headers` of a rule or a destination as it stands in a manifest. */
export interface HeaderOperationsManifest {
  request?: HeaderChangesManifest;
  response?: HeaderChangesManifest;
}

interface HeaderChangesManifest {
  set?: Record<string, string>;
  add?: Record<string, string>;
  remove?: string[];
}

interface Level { rule: HeaderOperationsManifest | undefined; destination: HeaderOperationsManifest | undefined }

const DIRECTIONS = ['request', 'response'] as const;
const OPERATIONS = ['set', 'add', 'remove'] as const;

/**
 * The operations of a rule that had several destinations, written for the rule with only this one left.
 *
 * @param rewritesAuthority the rule has `rewrite.authority`, which beats a host that the destination sets
 */
export function foldIntoOne(levels: Level, rewritesAuthority: boolean): Level {
  const rule = cloneJson(levels.rule);
  const destination = cloneJson(levels.destination);
  if (!destination) return { rule, destination };
  for (const direction of DIRECTIONS) {
    const outer = rule?.[direction];
    const inner = destination[direction];
    if (!inner) continue;
    for (const name of headerNames(inner)) {
      const host = direction === 'request' && (name === 'host' || name === ':authority');
      if (host && (rewritesAuthority || touchesHost(outer))) {
        // Whatever a destination makes of the host is lost to the rule's own rewrite.
        takeAll(inner, name);
      } else if (outer && (overwrites(outer, name) || hasRemoval(outer, name))) {
        takeAll(inner, name);
      } else if (outer && has(outer.add, name)) {
        swap(outer, inner, name);
      }
    }
  }
  return { rule: pruned(rule), destination: pruned(destination) };
}

/** Only what every one of them does: the operations that a group of destinations has in common. */
export function commonOperations(all: (HeaderOperationsManifest | undefined)[]): { common?: HeaderOperationsManifest; differ: boolean } {
  const [first, ...others] = all;
  const differ = !others.every((other) => isDeepStrictEqual(withoutCookie(other), withoutCookie(first)));
  if (!differ && others.every((other) => isDeepStrictEqual(other, first))) return { common: cloneJson(first), differ };
  const common: HeaderOperationsManifest = {};
  for (const direction of DIRECTIONS) {
    const changes = first?.[direction];
    if (!changes) continue;
    const kept: HeaderChangesManifest = {};
    for (const operation of ['set', 'add'] as const) {
      const shared = Object.entries(changes[operation] ?? {})
        .filter(([name, text]) => others.every((other) => other?.[direction]?.[operation]?.[name] === text));
      if (shared.length > 0) kept[operation] = Object.fromEntries(shared);
    }
    const removed = (changes.remove ?? []).filter((name) => others.every((other) => other?.[direction]?.remove?.includes(name)));
    if (removed.length > 0) kept.remove = removed;
    common[direction] = kept;
  }
  return { common: pruned(common), differ };
}

/** A cookie by which clients stay with a destination is meant to differ from one to the next; one version needs none. */
function withoutCookie(operations: HeaderOperationsManifest | undefined): HeaderOperationsManifest {
  const copy = cloneJson(operations ?? {});
  delete copy.response?.add?.['set-cookie'];
  return pruned(copy) ?? {};
}

/** The names of the headers that these operations touch, in lower case. */
export function headerNames(changes: HeaderChangesManifest | undefined): string[] {
  const names = [...Object.keys(changes?.set ?? {}), ...Object.keys(changes?.add ?? {}), ...changes?.remove ?? []];
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

/** istiod makes a rewrite of a host that is set or added, unless it is the empty text. */
function touchesHost(changes: HeaderChangesManifest | undefined): boolean {
  return [...Object.entries(changes?.set ?? {}), ...Object.entries(changes?.add ?? {})]
    .some(([name, text]) => ['host', ':authority'].includes(name.toLowerCase()) && text !== '');
}

function has(changes: Record<string, string> | undefined, name: string): boolean {
  return Object.keys(changes ?? {}).some((key) => key.toLowerCase() === name);
}

/** Envoy does nothing for a header that is set to the empty text. */
function overwrites(changes: HeaderChangesManifest, name: string): boolean {
  return Object.entries(changes.set ?? {}).some(([key, text]) => key.toLowerCase() === name && text !== '');
}

function hasRemoval(changes: HeaderChangesManifest, name: string): boolean {
  return (changes.remove ?? []).some((key) => key.toLowerCase() === name);
}

/** Takes every operation on one header out of `changes` and returns them. */
function takeAll(changes: HeaderChangesManifest, name: string): HeaderChangesManifest {
  const taken: HeaderChangesManifest = {};
  for (const operation of ['set', 'add'] as const) {
    for (const key of Object.keys(changes[operation] ?? {})) {
      if (key.toLowerCase() !== name) continue;
      taken[operation] = { ...taken[operation], [key]: changes[operation]![key] };
      delete changes[operation]![key];
    }
  }
  const isTaken = (key: string) => key.toLowerCase() === name;
  if (changes.remove?.some(isTaken)) {
    taken.remove = changes.remove.filter(isTaken);
    changes.remove = changes.remove.filter((key) => !isTaken(key));
  }
  return taken;
}

/**
 * The rule only adds a value to a header that the destination changes too: with several destinations the destination's
 * change comes first, with one it would come last. Exchanging the two keeps the order of the values.
 */
function swap(outer: HeaderChangesManifest, inner: HeaderChangesManifest, name: string): void {
  const [fromOuter, fromInner] = [takeAll(outer, name), takeAll(inner, name)];
  merge(outer, fromInner);
  merge(inner, fromOuter);
}

function merge(into: HeaderChangesManifest, changes: HeaderChangesManifest): void {
  for (const operation of ['set', 'add'] as const) {
    if (changes[operation]) into[operation] = { ...into[operation], ...changes[operation] };
  }
  if (changes.remove) into.remove = [...into.remove ?? [], ...changes.remove];
}

/** Without directions and operations that hold nothing any more; unknown keys stay. */
function pruned(operations: HeaderOperationsManifest | undefined): HeaderOperationsManifest | undefined {
  if (!operations) return undefined;
  for (const direction of DIRECTIONS) {
    const changes = operations[direction];
    if (!changes) continue;
    for (const operation of OPERATIONS) {
      if (changes[operation] && Object.keys(changes[operation]!).length === 0) delete changes[operation];
    }
    if (Object.keys(changes).length === 0) delete operations[direction];
  }
  return Object.keys(operations).length === 0 ? undefined : operations;
}
