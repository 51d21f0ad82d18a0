import { InvalidInput } from '../errors';
import { samplesOf } from './regex-sample';
import { normalizedPath } from './request-view';
import { StringMatches } from './string-match';
import { headerNameProblem } from '../traffic/predicates';

/*
 * What match entries ask of the single parts of a request, and texts of that part which they tell apart.
 */

/** A part of a request that conditions look at. */
export interface Part {
  readonly kind: 'path' | 'method' | 'authority' | 'scheme' | 'headers' | 'query';
  /** Of a header or a parameter. */
  readonly name?: string;
}

/** A condition on one part. */
export interface Wish {
  readonly part: Part;
  /** Whether it holds for a text; `undefined` is a part that is not there. */
  readonly takes: (text: string | undefined) => boolean;
  /** Texts worth trying: those that are asked for first, then those just beside. */
  readonly texts: readonly { readonly text: string; readonly isBeside: boolean }[];
}

/** All conditions of an entry on what a client sends. Where it comes from, its port and its token are not among them. */
export function wishesOf(entry: any): Wish[] {
  const wishes: Wish[] = [];
  if (entry?.uri) wishes.push(wish({ kind: 'path' }, entry.uri, { folds: entry.ignoreUriCase === true && entry.uri.regex === undefined }));
  for (const kind of ['method', 'authority', 'scheme'] as const) if (entry?.[kind]) wishes.push(wish({ kind }, entry[kind]));
  for (const [name, match] of conditionsIn(entry?.headers)) wishes.push(wish(partOfHeader(name), match, { isPathWithQuery: isPath(name) }));
  for (const [name, match] of conditionsIn(entry?.withoutHeaders)) {
    wishes.push(wish(partOfHeader(name), match, { isUnwanted: true, isPathWithQuery: isPath(name) }));
  }
  for (const [name, match] of conditionsIn(entry?.queryParams)) wishes.push(wish({ kind: 'query', name }, match));
  return wishes;
}

/** A part as the key of maps. */
export function keyOf({ kind, name = '' }: Part): string {
  return `${kind} ${name}`;
}

/** Whether a client can send a text as this part. */
export function canSend({ kind, name = '' }: Part, text: string): boolean {
  switch (kind) {
    case 'path':
      return /^\/[!-~]*$/.test(text) && !text.includes('#');
    case 'method':
      return /^[\w!#$%&'*+.^`|~-]+$/.test(text);
    case 'authority':
      return /^[\w.:[\]-]+$/.test(text);
    case 'headers':
      return headerNameProblem(name) === undefined && /^([!-~]([ -~]*[!-~])?)?$/.test(text);
    case 'query':
      return [name, text].every((each) => /^[!-~]*$/.test(each) && !/[&#]/.test(each)) && !name.includes('=') && name !== '';
    default:
      return false;
  }
}

const strings = new StringMatches();
/** Entries of a model are compiled already, so none of them is refused here. */
const refused = () => new InvalidInput('VirtualServiceRule', "'match' must be one that istiod takes");

interface WishOptions {
  readonly isUnwanted?: boolean;
  /** Letter case is nothing to it. */
  readonly folds?: boolean;
  readonly isPathWithQuery?: boolean;
}

function wish(part: Part, match: any, { isUnwanted, folds, isPathWithQuery }: WishOptions = {}): Wish {
  const asked = folds ? lowerCased(match) : match;
  // `*` is no regular expression: istiod takes it for mere presence.
  const test = asked?.regex === '*' ? undefined : strings.test(asked, part.kind, refused);
  const seen = (text: string) => {
    if (part.kind !== 'path') return text;
    const [path, query] = splitAt(text, '?');
    const whole = normalizedPath(path) + (isPathWithQuery ? query : '');
    return folds ? whole.toLowerCase() : whole;
  };
  const takes = isUnwanted
    // Envoy takes a missing header for an empty one where it compares values.
    ? (text: string | undefined) => (test ? !test(seen(text ?? '')) : text === undefined)
    : (text: string | undefined) => text !== undefined && (!test || test(seen(text)));
  return { part, takes, texts: textsAround(part, match) };
}

function textsAround(part: Part, match: any): Wish['texts'] {
  const [asked, beside] = [askedBy(match, part), besideOf(match, part)];
  const usable = (texts: readonly string[]) => [
    ...new Set(texts.map((text) => sendable(part, text)).filter((text) => canSend(part, text))),
  ];
  return [
    ...usable(asked).map((text) => ({ text, isBeside: false })),
    ...usable([...beside, ...(PLAIN[part.kind] ?? [])]).map((text) => ({ text, isBeside: true })),
  ];
}

/** What is tried of a part whatever is asked for. */
const PLAIN: Readonly<Partial<Record<Part['kind'], string[]>>> = { method: ['POST', 'GET'], headers: ['any'], query: ['1'], path: ['/'] };

function askedBy(match: any, { kind }: Part): string[] {
  if (typeof match?.exact === 'string') return [match.exact];
  if (typeof match?.prefix === 'string') return [match.prefix, `${match.prefix}x`, ...(kind === 'path' ? [`${match.prefix}/x`] : [])];
  return typeof match?.regex === 'string' && match.regex !== '*' ? samplesOf(match.regex) : (PLAIN[kind] ?? []).slice(0, 1);
}

/** Longer, shorter, in other letter case: what a neighbour of the condition may take, or refuse. */
function besideOf(match: any, part: Part): string[] {
  const asked = askedBy(match, part);
  return [...asked.slice(0, 1), ...(match?.regex === undefined ? [] : asked.slice(1, 10))].flatMap((text) => [
    `${text}x`,
    ...(part.kind === 'path' ? [`${text}/x`] : []),
    text.slice(0, -1),
    /[a-z]/.test(text) ? text.toUpperCase() : text.toLowerCase(),
  ]);
}

/** The text as it can stand in a request: with a slash in front, escaped. */
function sendable({ kind }: Part, text: string): string {
  if (kind === 'path') return escaped(text.startsWith('/') ? text : `/${text}`, /[^!-~]|#/gu);
  return kind === 'query' ? escaped(text, /[^!-~]|[#&]/gu) : text;
}

function escaped(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (character) => [...Buffer.from(character, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}

function lowerCased(uri: any): any {
  return uri.exact !== undefined ? { exact: String(uri.exact).toLowerCase() } : { prefix: String(uri.prefix).toLowerCase() };
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

/** Claims of tokens are none that a client could send as a header. */
function conditionsIn(conditions: any): [string, any][] {
  if (conditions === null || typeof conditions !== 'object') return [];
  return Object.entries(conditions).filter(([name]) => !name.startsWith('@'));
}

function isPath(name: string): boolean {
  return name.toLowerCase() === ':path';
}

function partOfHeader(written: string): Part {
  const name = written.toLowerCase();
  switch (name) {
    case ':path':
      return { kind: 'path' };
    case ':method':
      return { kind: 'method' };
    case ':scheme':
      return { kind: 'scheme' };
    case ':authority':
    case 'host':
      return { kind: 'authority' };
    default:
      return { kind: 'headers', name };
  }
}
