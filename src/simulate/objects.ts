import { asList } from '../json';
import { ObjectReference } from './outcome';
import { Labels } from './request';
import { namespaceOf } from '../lanes/hosts';

/** A manifest: it comes from anybody, so nothing is known of its shape. */
export type Manifest = any;

/** What messages call an object. */
export function referenceTo(manifest: Manifest): ObjectReference {
  return { kind: String(manifest.kind), namespace: namespaceOf(manifest), name: String(manifest.metadata?.name ?? 'unnamed') };
}

/** The same as text: `VirtualService shop/cart`. */
export function named({ kind, namespace, name }: ObjectReference): string {
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** The group of a manifest's `apiVersion`, empty for Kubernetes' own oldest kinds. */
export function groupOf(manifest: Manifest): string {
  const [group, version] = String(manifest.apiVersion ?? '').split('/');
  return version === undefined ? '' : group;
}

/** Labels as they stand in a manifest: numbers and booleans that YAML made of them are texts again. */
export function labelsOf(labels: any): Labels {
  if (labels === null || typeof labels !== 'object') return {};
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
}

/** Whether `labels` have all that `selector` asks for. */
export function selects(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}

/** A list of texts of a manifest. */
export function textsOf(list: any): string[] {
  return asList(list).map(String);
}

/** A whole number of a manifest, `undefined` for what is none. */
export function numberOf(value: any): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3 };

/** A duration of a manifest, such as `1m30s`, in milliseconds; `undefined` for what is none. */
export function durationMs(text: any): number | undefined {
  if (typeof text !== 'string' || !/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) total += Number(number) * UNITS[unit];
  return total;
}

/** Who may see an object: istiod's `exportTo`, `.` made the object's own namespace; empty for the default, everybody. */
export function exportedTo(list: any, namespace: string): ReadonlySet<string> {
  return new Set(textsOf(list).map((entry) => (entry === '.' ? namespace : entry)));
}

/** Whether an object with this `exportTo` is seen from a namespace. */
export function isVisible(exportTo: ReadonlySet<string>, namespace: string): boolean {
  return exportTo.size === 0 || exportTo.has('*') || exportTo.has(namespace);
}

/** Adds to the list that a map has for a key. */
export function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
