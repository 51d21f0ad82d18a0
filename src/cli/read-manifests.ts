import { readdirSync, readFileSync, statSync } from 'fs';
import { join } from 'path';
import { parseManifests, SourcedManifest } from '../manifests';

/** Input that the user can mend: said in one message, exit code 2. */
export class UsageError extends Error {}

/** Reads manifests from files, folders (their .yaml, .yml and .json files, in the order of names) and `-`, standard input. */
export function readManifests(paths: string[]): SourcedManifest[] {
  const manifests = paths.flatMap((path) => path === '-' ? parseManifests(readStandardInput(), '-') : filesOf(path).flatMap(readFile));
  if (manifests.length === 0) throw new UsageError(`no manifests in ${paths.join(', ')}: expected .yaml, .yml or .json files with Kubernetes objects`);
  return manifests;
}

function filesOf(path: string): string[] {
  if (!stat(path).isDirectory()) return [path];
  return readdirSync(path).sort().map((name) => join(path, name)).flatMap((entry) => {
    if (stat(entry).isDirectory()) return filesOf(entry);
    return /\.(ya?ml|json)$/.test(entry) ? [entry] : [];
  });
}

function stat(path: string) {
  try {
    return statSync(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
}

function readFile(path: string): SourcedManifest[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw cannotRead(path, error);
  }
  return parseManifests(text, path);
}

function readStandardInput(): string {
  try {
    return readFileSync(0, 'utf8');
  } catch (error) {
    throw cannotRead('-', error);
  }
}

/** A file that is not there, or not to be read. */
export function cannotRead(path: string, error: unknown): UsageError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new UsageError(`cannot read ${path}: ${code === 'ENOENT' ? 'no such file or folder' : message}`);
}
