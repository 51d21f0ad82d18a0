import { LineCounter, parseAllDocuments } from 'yaml';

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
  constructor(public readonly file: string, public readonly line: number, reason: string) {
    super(`${file}:${line}: ${reason}`);
    this.name = 'ManifestSyntaxError';
  }
}

/**
 * The manifests of a YAML (or JSON) text, as Kubernetes reads it: YAML 1.1, several documents, the items of a `List` taken one
 * by one. Empty documents are skipped, and so are objects with neither `apiVersion` nor `kind`.
 *
 * @throws ManifestSyntaxError for text that is not YAML, and for documents that are no objects or have one of the two alone
 */
export function parseManifests(text: string, file: string): SourcedManifest[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { version: '1.1', lineCounter, prettyErrors: false });
  // An empty text has no documents; the type says so in its own way.
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    const lineOf = (offset: number) => Math.max(1, lineCounter.linePos(offset).line);
    const [error] = document.errors;
    if (error) throw new ManifestSyntaxError(file, lineOf(error.pos[0]), error.message);
    const line = lineOf(document.contents?.range?.[0] ?? document.range[0]);
    const manifest = plain(() => document.toJS(), file, line);
    if (manifest === null || manifest === undefined) return [];
    if (typeof manifest !== 'object' || Array.isArray(manifest)) {
      throw new ManifestSyntaxError(file, line, `a manifest must be an object, got ${Array.isArray(manifest) ? 'a list' : JSON.stringify(manifest)}`);
    }
    // A folder of manifests may also hold settings, of cdk8s or npm for example.
    if (manifest.kind === undefined && manifest.apiVersion === undefined) return [];
    for (const field of ['apiVersion', 'kind']) {
      if (typeof manifest[field] !== 'string') throw new ManifestSyntaxError(file, line, `a manifest must say its '${field}', got ${JSON.stringify(manifest[field])}`);
    }
    const items: any[] = manifest.kind.endsWith('List') && Array.isArray(manifest.items) ? manifest.items : [manifest];
    const broken = items.find((item) => item === null || typeof item !== 'object');
    if (broken !== undefined) throw new ManifestSyntaxError(file, line, `the items of a list must be objects, got ${JSON.stringify(broken)}`);
    return items.map((item) => ({ manifest: item, file, line }));
  });
}

/** Aliases that are not defined, or are too many, are only noticed when the document becomes an object. */
function plain(convert: () => any, file: string, line: number): any {
  try {
    return convert();
  } catch (error) {
    throw new ManifestSyntaxError(file, line, (error as Error).message);
  }
}
