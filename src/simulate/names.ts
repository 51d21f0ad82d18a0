/*
 * How istiod compares host names, wildcards among them.
 *
 * Source: istio/pkg/config/host, `MostSpecificHostMatch` in pilot/pkg/model/config.go.
 */

/** Whether a name stands for many: `*`, `*.example.com`, `*-api.example.com`. */
export function isWildcard(name: string): boolean {
  return name.startsWith('*');
}

/** Whether every host that `name` stands for is one of `other`'s. */
export function isCoveredBy(name: string, other: string): boolean {
  if (!isWildcard(other)) return name === other;
  if (!isWildcard(name)) return name.endsWith(other.slice(1));
  return name.length >= other.length && name.slice(1).endsWith(other.slice(1));
}

/** Whether one covers the other. */
export function overlap(one: string, other: string): boolean {
  return isCoveredBy(one, other) || isCoveredBy(other, one);
}

/** Whether `one` is looked at before `other`: full names first, then the longer one. */
export function isMoreSpecific(one: string, other: string): boolean {
  if (isWildcard(one) !== isWildcard(other)) return isWildcard(other);
  return one.length === other.length ? one < other : one.length > other.length;
}

/** What the most specific of some names stands for. */
export class NameIndex<T> {
  private readonly full = new Map<string, T>();
  private readonly wildcards = new Map<string, T>();

  /** Adds a value; the first one of a name stays. */
  public add(name: string, value: T): void {
    const index = isWildcard(name) ? this.wildcards : this.full;
    if (!index.has(name)) index.set(name, value);
  }

  /** The value of exactly this name. */
  public get(name: string): T | undefined {
    return (isWildcard(name) ? this.wildcards : this.full).get(name);
  }

  /** The value of the most specific name that covers `name`. */
  public find(name: string): T | undefined {
    const exact = this.get(name);
    if (exact !== undefined) return exact;
    const text = isWildcard(name) ? name.slice(1) : name;
    let best: string | undefined;
    for (const candidate of this.wildcards.keys()) {
      if (text.endsWith(candidate.slice(1)) && (best === undefined || isMoreSpecific(candidate, best))) best = candidate;
    }
    return best === undefined ? undefined : this.wildcards.get(best);
  }
}
