import { asList } from '../json';

/*
 * How Istio names hosts, and which VirtualService has the say for one.
 *
 * Source: `ResolveShortnameToFQDN` and the VirtualService order of istiod (pilot/pkg/model).
 */

/** A VirtualService as it stands in a manifest. */
export type VirtualServiceManifest = Record<string, any>;

/** The domain of nearly every cluster. */
export const DEFAULT_CLUSTER_DOMAIN = 'cluster.local';

/**
 * The host as Istio understands it within an object of `namespace`: a name without dots is a Service of that namespace, any
 * other form is taken literally, so `svc.ns` is **not** `svc.ns.svc.cluster.local`. Neither are capitals made small nor a dot at
 * the end taken away: istiod asks Envoy for a cluster of exactly that name, which does not exist (503, flag NC).
 */
export function expandHost(host: string, namespace: string, clusterDomain: string = DEFAULT_CLUSTER_DOMAIN): string {
  const short = !host.includes('.') && !host.includes('*') && !host.includes(':');
  return short ? `${host}.${namespace}.svc.${clusterDomain}` : host;
}

/** Whether people would take `host` (expanded) for `full`, and Istio does not: `svc.ns`, `SVC`, a dot at the end. */
export function isMistakable(host: string, full: string): boolean {
  if (host === full) return false;
  const name = host.toLowerCase().replace(/\.$/, '');
  return name === full || (name.includes('.') && full.startsWith(`${name}.`));
}

/** Where messages say an object is: `namespace/name`. */
export function objectName(object: VirtualServiceManifest): string {
  const { namespace, name } = object.metadata ?? {};
  return `${namespaceOf(object)}/${name ?? (namespace ? '?' : 'unnamed')}`;
}

/** The object's namespace; kubectl's own default where the manifest has none. */
export function namespaceOf(object: VirtualServiceManifest): string {
  return object.metadata?.namespace ?? 'default';
}

/** Whether sidecars follow this VirtualService (and not gateways alone). */
export function isForMesh(virtualService: VirtualServiceManifest): boolean {
  const gateways: string[] = asList(virtualService.spec?.gateways);
  return gateways.length === 0 || gateways.includes('mesh');
}

/** A host that a VirtualService names but has no say for, because sidecars follow another one. */
export interface LostHost {
  /** The host, expanded. */
  readonly host: string;
  /** The VirtualService that loses it, as `namespace/name`. */
  readonly loser: string;
  /** The one that sidecars follow, as `namespace/name`. */
  readonly winner: string;
  /** Why it wins. */
  readonly reason: 'older' | 'first by name' | 'more specific';
}

/**
 * The hosts in the mesh that VirtualServices lose to others: sidecars do not merge, the oldest VirtualService of a host has
 * it (by name and namespace where they are equally old), and one for the exact host beats one for a wildcard.
 *
 * Weaving lanes into a loser does nothing, so whoever weaves reports these.
 *
 * All are taken to be visible to each other (`exportTo: *`): with narrower exports a client may follow a private one.
 */
export function lostHosts(virtualServices: VirtualServiceManifest[], clusterDomain: string = DEFAULT_CLUSTER_DOMAIN): LostHost[] {
  const inOrder = virtualServices.filter((vs) => asList(vs.spec?.hosts).length > 0 && isForMesh(vs)).sort(byAge);
  const winners = new Map<string, VirtualServiceManifest>();
  const lost: LostHost[] = [];
  for (const vs of inOrder) {
    for (const written of asList(vs.spec.hosts).map(String)) {
      // Unlike destinations, the names that a proxy looks requests up by are compared without case and final dot.
      const host = expandHost(written, namespaceOf(vs), clusterDomain).toLowerCase().replace(/\.$/, '');
      const winner = winners.get(host);
      if (!winner) {
        winners.set(host, vs);
      } else if (winner !== vs) {
        const reason = createdAt(winner) === createdAt(vs) ? 'first by name' : 'older';
        lost.push({ host, loser: objectName(vs), winner: objectName(winner), reason });
      }
    }
  }
  for (const [wildcard, vs] of winners) {
    if (!wildcard.startsWith('*')) continue;
    for (const [host, winner] of winners) {
      if (winner !== vs && host.length > wildcard.length && host.endsWith(wildcard.slice(1))) {
        lost.push({ host, loser: objectName(vs), winner: objectName(winner), reason: 'more specific' });
      }
    }
  }
  return lost;
}

/** When an object was made, in milliseconds; endlessly late for what is not applied yet. */
export function createdAt(object: VirtualServiceManifest): number {
  const time = Date.parse(object.metadata?.creationTimestamp ?? '');
  // Manifests that are not applied yet are all equally young.
  return Number.isNaN(time) ? Infinity : time;
}

/** The order in which istiod takes objects: the oldest first, equally old ones by name, then namespace. */
export function byAge(one: VirtualServiceManifest, other: VirtualServiceManifest): number {
  const [a, b] = [createdAt(one), createdAt(other)];
  if (a !== b) return a < b ? -1 : 1;
  return compareText(one.metadata?.name ?? '', other.metadata?.name ?? '') || compareText(namespaceOf(one), namespaceOf(other));
}

/** By code unit, so that the order does not depend on the machine's language. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
