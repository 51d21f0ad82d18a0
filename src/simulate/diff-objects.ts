import { Manifest, named, referenceTo } from './objects';
import { withSortedKeys } from '../json';

/** What somebody else writes into objects, and what decides nothing. */
const NOTHING_TO_ROUTING = ['annotations', 'generation', 'managedFields', 'resourceVersion', 'uid', 'selfLink'];
/** Annotations that Istio reads: others may say what they like. */
const isRead = (name: string) => name.includes('istio.io/');

/** The objects that differ between two sets of manifests, those of one side only among them. */
export class ChangedObjects {
  public readonly objects: readonly Manifest[];
  private readonly names: ReadonlySet<string>;

  constructor(before: readonly Manifest[], after: readonly Manifest[]) {
    const [old, young] = [byName(before), byName(after)];
    const all = new Map([...old, ...young]);
    this.names = new Set([...all.keys()].filter((name) => !isSame(old.get(name), young.get(name))));
    this.objects = [...this.names].map((name) => all.get(name)!);
  }

  public has(object: { readonly kind: string; readonly namespace?: string; readonly name: string }): boolean {
    return this.names.has(named(object));
  }
}

function byName(manifests: readonly Manifest[]): ReadonlyMap<string, Manifest> {
  return new Map(manifests.map((manifest) => [named(referenceTo(manifest)), manifest]));
}

function isSame(one: Manifest, other: Manifest): boolean {
  if (one === undefined || other === undefined) return false;
  return JSON.stringify(one) === JSON.stringify(other) || textOf(one) === textOf(other);
}

function textOf({ metadata, apiVersion: _, status: __, ...rest }: Manifest): string {
  const kept = Object.entries(metadata ?? {}).filter(([key]) => !NOTHING_TO_ROUTING.includes(key));
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([name]) => isRead(name));
  return JSON.stringify(withSortedKeys({ ...rest, metadata: Object.fromEntries([...kept, ['annotations', Object.fromEntries(annotations)]]) }));
}
