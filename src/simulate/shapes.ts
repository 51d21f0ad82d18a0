import { InvalidInput, shown } from '../errors';
import { groupOf, Manifest, named, referenceTo } from './objects';
import { namespaceOf } from '../lanes/hosts';

/** Groups whose objects the simulator reads. */
const READ = new Set(['', 'apps', 'networking.istio.io', 'security.istio.io']);

/** The fields that are lists, below `spec`, of kinds that decide where requests go. What stands behind a dot is within each of their items. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  'networking.istio.io/VirtualService': [
    'hosts', 'gateways', 'exportTo', 'http', 'http.match', 'http.match.gateways', 'http.route', 'http.mirrors',
    'tls', 'tls.match', 'tls.match.sniHosts', 'tls.match.gateways', 'tls.route', 'tcp', 'tcp.match', 'tcp.match.gateways', 'tcp.route',
  ],
  'networking.istio.io/DestinationRule': ['subsets', 'exportTo', 'trafficPolicy.portLevelSettings', 'subsets.trafficPolicy.portLevelSettings'],
  'networking.istio.io/Gateway': ['servers', 'servers.hosts'],
  'networking.istio.io/ServiceEntry': ['hosts', 'addresses', 'ports', 'endpoints', 'exportTo'],
  'networking.istio.io/Sidecar': ['ingress', 'egress', 'egress.hosts'],
  'security.istio.io/AuthorizationPolicy': ['rules', 'rules.from', 'rules.to', 'rules.when', 'targetRefs'],
  'security.istio.io/RequestAuthentication': ['jwtRules', 'targetRefs'],
  '/Service': ['ports'],
};

/** What stands at a path, with where that is; of lists on the way each item. What is missing on the way has nothing there. */
function at(value: any, [key, ...rest]: readonly string[], place: string): { place: string; value: any }[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => at(item, [key, ...rest], `${place}[${index}]`));
  if (value === null || typeof value !== 'object') return [];
  const found = { place: `${place}.${key}`, value: value[key] };
  return rest.length === 0 ? [found] : at(found.value, rest, found.place);
}

/** The first field that should be a list and is something else. A field that is null is one that is not there. */
function noList(manifest: Manifest): { place: string; value: any } | undefined {
  const paths = LISTS[`${groupOf(manifest)}/${manifest.kind}`] ?? [];
  return paths.flatMap((path) => at(manifest.spec, path.split('.'), 'spec')).find(({ value }) => (value ?? undefined) !== undefined && !Array.isArray(value));
}

/**
 * Demands what no cluster would be without: manifests are objects, those that the simulator reads have a name, their lists
 * are lists, and no two are the same object.
 *
 * @param where where a manifest was read, for messages
 */
export function demandObjects(manifests: readonly Manifest[], where: (manifest: Manifest) => string | undefined): void {
  const seen = new Map<string, Manifest>();
  for (const manifest of manifests) {
    const place = where(manifest);
    const refuse = (problem: string) => new InvalidInput('Manifest', `${place ? `${place}: ` : ''}${problem}`);
    if (manifest === null || typeof manifest !== 'object') throw refuse(`a manifest must be an object, got ${shown(manifest)}`);
    if (!READ.has(groupOf(manifest))) continue;
    const name = manifest.metadata?.name;
    if (typeof name !== 'string' || name === '') throw refuse(`'metadata.name' of a ${manifest.kind} must be a text, got ${shown(name)}`);
    const wrong = noList(manifest);
    if (wrong) {
      const got = typeof wrong.value === 'object' ? 'an object' : shown(wrong.value);
      throw refuse(`${named(referenceTo(manifest))}: '${wrong.place}' must be a list, got ${got}; its items stand behind dashes, also a single one`);
    }
    const key = `${groupOf(manifest)} ${manifest.kind} ${manifest.kind === 'Namespace' ? '' : `${namespaceOf(manifest)}/`}${name}`;
    const twin = seen.get(key);
    if (twin) throw refuse(`${key.trim().replace(/^\S*\.\S* |^apps /, '')} is there already${where(twin) ? `, at ${where(twin)}` : ''}; a cluster has one object of a name`);
    seen.set(key, manifest);
  }
}
