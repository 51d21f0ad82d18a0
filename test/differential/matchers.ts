import { Chance } from './chance';
import type { Spec } from '../mesh/claims/support';

/** A StringMatch, with texts that it takes and texts that it just does not. */
export interface Matcher {
  readonly match: Spec;
  readonly hits: readonly string[];
  readonly misses: readonly string[];
}

export function exactly(text: string): Matcher {
  return { match: { exact: text }, hits: [text], misses: [`${text}x`, text.slice(0, -1), swapCase(text), `${text}.`] };
}

export function startsWith(text: string): Matcher {
  return { match: { prefix: text }, hits: [text, `${text}x`, text.startsWith('/') ? `${text}/x` : `${text}.x`], misses: [text.slice(0, -1), swapCase(text), `x${text}`] };
}

function fits(regex: string, hits: readonly string[], misses: readonly string[]): Matcher {
  return { match: { regex }, hits, misses };
}

/** Present, whatever its value. */
const PRESENT: Matcher = { match: {}, hits: ['', 'x', 'anything'], misses: [] };

export function swapCase(text: string): string {
  return text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase();
}

export const VALUES: readonly Matcher[] = [
  exactly('alice'), exactly('1'), startsWith('al'), startsWith('1'),
  fits('al.*', ['al', 'alice'], ['xal', 'a']), fits('alice|bob', ['alice', 'bob'], ['alicebob', 'alicex', 'xbob']),
  fits('^(al|bo)[a-z]+$', ['alice', 'bob'], ['al', 'ALICE']), fits('.*Safari.*', ['Safari', 'x Safari y'], ['safari']),
  fits('(?i)alice', ['alice', 'ALICE', 'aLice'], ['alicex']), fits('.*', ['', 'x'], []), fits('[0-9]{2,3}', ['12', '123'], ['1', '1234']),
  fits('.+', ['x'], ['']), fits('^$', [''], ['x']), exactly(''), PRESENT,
];

export const COOKIES: readonly Matcher[] = [
  fits('^(.*?;)?\\s*(branch=l1)(;.*)?$', ['branch=l1', 'a=b; branch=l1', 'a=b;branch=l1;c=d', 'branch=l1; branch=l2'], ['branch=l10', 'xbranch=l1', 'branch=l1x; a=b', 'a=branch=l1']),
  fits('.*branch=l1.*', ['branch=l1', 'branch=l10', 'xbranch=l1'], ['branch=L1']),
];

export const PATHS: readonly Matcher[] = [
  exactly('/'), exactly('/a'), exactly('/a/b'), exactly('/cart'),
  { match: { prefix: '/' }, hits: ['/', '/x'], misses: [] }, startsWith('/a'), startsWith('/a/'), startsWith('/api/v1'),
  { match: { prefix: '' }, hits: ['/', '/x'], misses: [] },
  fits('/a.*', ['/a', '/abc', '/a/b'], ['/xa', '/']), fits('/(a|b)', ['/a', '/b'], ['/ab', '/a/']), fits('.*', ['/', '/x'], []),
  fits('/item/[0-9]+', ['/item/1', '/item/12'], ['/item/', '/item/1x', '/item/1/']), fits('.*\\.html', ['/a.html', '/x/y.html'], ['/a.htm', '/axhtml']),
  fits('a.*', [], ['/a']), fits('/a$', ['/a'], ['/a/', '/ab']), fits('/a/?', ['/a', '/a/'], ['/a/b']),
];

export const METHODS: readonly Matcher[] = [
  { match: { exact: 'GET' }, hits: ['GET'], misses: ['POST'] }, { match: { exact: 'get' }, hits: [], misses: ['GET'] },
  fits('P.*', ['POST', 'PUT'], ['GET']), { match: { prefix: 'P' }, hits: ['POST', 'PATCH'], misses: ['GET'] }, fits('GET|HEAD', ['GET'], ['POST']),
];

export const QUERIES: readonly Matcher[] = [
  exactly('1'), exactly(''), startsWith('v'), fits('v[0-9]+', ['v1', 'v22'], ['v', 'xv1']), PRESENT, exactly('a%20b'), exactly('a b'),
];

/** Mostly texts that fit, often enough texts that do not. */
export function aimedAt(chance: Chance, { hits, misses }: Matcher): string {
  if (misses.length > 0 && (hits.length === 0 || chance.happens(0.3))) { return chance.pick(misses); }
  return chance.pick(hits);
}
