import { CORE_SCHEMA, boolYaml11Tag, defineScalarTag, load, loadAll, mergeTag, NOT_RESOLVED, YAMLException } from 'js-yaml';

/** A manifest and where it was read. */
export interface SourcedManifest {
  readonly manifest: any;
  /** The file as it was named, `-` for standard input. */
  readonly file: string;
  /** The line that its document begins at, from 1. */
  readonly line: number;
}

/** Text that is no manifest. */
export class ManifestSyntaxError extends Error {
  constructor(
    public readonly file: string,
    public readonly line: number,
    reason: string,
  ) {
    super(`${file}:${line}: ${reason}`);
    this.name = 'ManifestSyntaxError';
  }
}

/** Whole numbers as kubectl reads them: Go's, with octal, hexadecimal and underscores, and without YAML 1.1's times of day. */
const wholeNumber = defineScalarTag('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: ['-', '+', ...'0123456789'],
  resolve: (source) => {
    const text = source.replace(/_/g, '');
    const [, sign, octal, decimal] = /^([-+]?)(?:0o?([0-7]+)|(\d+|0x[0-9a-fA-F]+|0b[01]+))$/.exec(text) ?? [];
    if (octal === undefined && decimal === undefined) return NOT_RESOLVED;
    const number = octal === undefined ? Number(decimal) : parseInt(octal, 8);
    return sign === '-' ? -number : number;
  },
  identify: () => false,
});

/** YAML as kubectl reads it: 1.1's booleans, and dates stay texts. */
const KUBECTL = CORE_SCHEMA.withTags(boolYaml11Tag, wholeNumber, mergeTag);

/** Aliases may stand for so many values altogether; more are an attack, or a mistake. */
const MAX_VALUES = 1_000_000;

/**
 * The manifests of a YAML (or JSON) text, as Kubernetes reads it: YAML 1.1, several documents, the items of lists taken one by
 * one. Empty documents are skipped, and so are objects with neither `apiVersion` nor `kind`.
 *
 * @throws ManifestSyntaxError for text that is not YAML, and for documents that are no objects or have one of the two alone, as items of lists may not
 */
export function parseManifests(text: string, file: string): SourcedManifest[] {
  const documents = documentsOf(text).filter((document) => !isEmpty(document));
  const together = parseTogether(text, documents.length);
  return documents.flatMap((document, index) => {
    const manifest = together ? together[index] : parseDocument(document, file);
    if (manifest === null || manifest === undefined) return [];
    const line = document.line + leadingLines(document.text);
    if (typeof manifest !== 'object' || Array.isArray(manifest)) {
      throw new ManifestSyntaxError(file, line, `a manifest must be an object, got ${Array.isArray(manifest) ? 'a list' : JSON.stringify(manifest)}`);
    }
    // A folder of manifests may also hold settings, of cdk8s or npm for example.
    if (manifest.kind === undefined && manifest.apiVersion === undefined) return [];
    const refuse = (problem: string) => new ManifestSyntaxError(file, line, problem);
    return unlisted(manifest, refuse).map((each) => ({ manifest: each, file, line }));
  });
}

/** The manifest; of a list its items, which as the API server tells them leave out what the list says of all of them. */
function unlisted(manifest: any, refuse: (problem: string) => ManifestSyntaxError): any[] {
  for (const field of ['apiVersion', 'kind']) {
    if (typeof manifest[field] !== 'string') throw refuse(`a manifest must say its '${field}', got ${JSON.stringify(manifest[field])}`);
  }
  const { apiVersion, kind, metadata, items } = manifest;
  // Lists have no name, other than objects of kinds that only end like them.
  if (!kind.endsWith('List') || metadata?.name !== undefined || !(Array.isArray(items) || items === null || kind === 'List')) return [manifest];
  return (items ?? []).flatMap((item: any) => {
    if (item === null || typeof item !== 'object' || Array.isArray(item)) throw refuse(`the items of a list must be objects, got ${JSON.stringify(item)}`);
    const tells = kind === 'List' || (item.apiVersion !== undefined && item.kind !== undefined);
    return unlisted(tells ? item : { apiVersion, kind: kind.slice(0, -'List'.length), ...item }, refuse);
  });
}

/** One document of a text. */
interface Document {
  readonly text: string;
  /** The line that it begins at, from 1. */
  readonly line: number;
}

/** A text cut at its document markers, which YAML allows nowhere else at the beginning of a line. */
function documentsOf(text: string): Document[] {
  const documents: Document[] = [];
  let begin = 0;
  let line = 1;
  let nextLine = 1;
  let isPrologue = true;
  for (let at = 0; at < text.length; nextLine++) {
    const end = text.indexOf('\n', at) + 1 || text.length;
    const marker = /^(?:---|\.\.\.)(?=\s|$)/.exec(text.slice(at, at + 4))?.[0];
    // Directives and comments in front of a marker belong to the document behind it.
    if (marker && !(isPrologue && marker === '---')) {
      documents.push({ text: text.slice(begin, at), line });
      begin = marker === '...' ? end : at;
      line = marker === '...' ? nextLine + 1 : nextLine;
    }
    isPrologue = marker ? marker === '...' : isPrologue && /^(?:\s*$|[#%])/.test(text.slice(at, end));
    at = end;
  }
  return [...documents, { text: text.slice(begin), line }];
}

/** Nothing but blank lines, comments and a marker. */
function isEmpty({ text }: Document): boolean {
  return text.split('\n').every((line) => /^(?:---)?\s*(?:#.*)?$/.test(line));
}

/** All documents at once, which is faster by half; `undefined` where that is no help: errors and aliases are looked at one by one. */
function parseTogether(text: string, count: number): any[] | undefined {
  if (/(?:^|[\s,[{])&\S/m.test(text)) return undefined;
  try {
    const all = loadAll(text, { schema: KUBECTL }).filter((document) => document !== null);
    return all.length === count ? all : undefined;
  } catch (error) {
    if (error instanceof YAMLException) return undefined;
    throw error;
  }
}

function parseDocument(document: Document, file: string): any {
  try {
    const value = load(document.text, { schema: KUBECTL });
    if (document.text.includes('*') && valuesIn(value, new Map()) > MAX_VALUES) {
      throw new ManifestSyntaxError(file, document.line, `its aliases stand for more than ${MAX_VALUES} values`);
    }
    return value;
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new ManifestSyntaxError(file, document.line + (error.mark?.line ?? 0), error.reason);
  }
}

/** How many values a value holds, those behind aliases counted each time. */
function valuesIn(value: unknown, known: Map<object, number>): number {
  if (value === null || typeof value !== 'object') return 1;
  const counted = known.get(value);
  if (counted !== undefined) return counted;
  // Whoever contains himself holds too many.
  known.set(value, Infinity);
  const total = Object.values(value).reduce((sum: number, item) => sum + valuesIn(item, known), 1);
  known.set(value, total);
  return total;
}

/** Blank lines, comments, directives and the marker in front of a document's content. */
function leadingLines(text: string): number {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => !/^\s*$|^\s*#|^%|^---\s*(#.*)?$/.test(line));
  return Math.max(0, first);
}
