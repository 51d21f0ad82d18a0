/** A list of a manifest: manifests come from anybody, so what should be a list may be missing or something else. */
export function asList(list: any): any[] {
  return Array.isArray(list) ? list : [];
}

/** A deep copy of JSON data. (`structuredClone` does it too, at many times the cost for objects as small as rules.) */
export function cloneJson<T>(value: T): T {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = cloneJson(item);
  return copy as T;
}

/** The same data with the keys of all its objects in alphabetical order, as cdk8s writes manifests. */
export function withSortedKeys(value: any): any {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withSortedKeys);
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) copy[key] = withSortedKeys(value[key]);
  return copy;
}
