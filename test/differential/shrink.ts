import type { Manifest } from '../mesh/claims/support';
import type { MeshRequest } from '../mesh/contract';

/** A mesh and a request to it. */
export interface Case {
  readonly manifests: readonly Manifest[];
  readonly request: MeshRequest;
}

/**
 * The smallest case to be had by leaving things out one after the other that still has the property; that is asked at most so
 * often.
 */
export async function shrunk(start: Case, has: (candidate: Case) => Promise<boolean>, patience = 150): Promise<Case> {
  let current = start;
  const without = async (candidate: Case): Promise<boolean> => {
    if (patience-- <= 0 || !await has(candidate)) { return false; }
    current = candidate;
    return true;
  };
  for (let size = Math.ceil(current.manifests.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < current.manifests.length;) {
      const manifests = current.manifests.filter((_, index) => index < at || index >= at + size);
      if (!await without({ ...current, manifests })) { at += size; }
    }
  }
  for (const name of Object.keys(current.request.headers ?? {})) {
    const headers = Object.fromEntries(Object.entries(current.request.headers!).filter(([key]) => key !== name));
    await without({ ...current, request: { ...current.request, headers } });
  }
  for (const path of [undefined, current.request.path?.split('?')[0]]) { await without({ ...current, request: { ...current.request, path } }); }
  for (let index = 0; index < current.manifests.length; index++) {
    for (let depth = 1; depth <= 5; depth++) {
      for (let at = 0; ; at++) {
        const manifest = current.manifests[index];
        const spec = less(manifest.spec, depth)[at];
        if (spec === undefined) { break; }
        const manifests = current.manifests.map((each, place) => place === index ? { ...each, spec } : each);
        if (await without({ ...current, manifests })) { at--; }
      }
    }
  }
  return current;
}

/** The value without each of the entries that lie so deep. */
function less(value: unknown, depth: number): any[] {
  if (typeof value !== 'object' || value === null) { return []; }
  return Object.keys(value).flatMap((key): unknown[] => {
    if (depth > 1) { return less((value as any)[key], depth - 1).map((by) => replaced(value, key, by)); }
    if (Array.isArray(value)) { return value.length > 1 ? [value.filter((_, index) => String(index) !== key)] : []; }
    return [Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))];
  });
}

function replaced(value: object, key: string, by: unknown): object {
  return Array.isArray(value) ? value.map((each, index) => String(index) === key ? by : each) : { ...value, [key]: by };
}
