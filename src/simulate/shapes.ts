import { InvalidInput, shown } from '../errors';
import { groupOf, Manifest } from './objects';
import { namespaceOf } from '../lanes/hosts';

/** Groups whose objects the simulator reads. */
const READ = new Set(['', 'apps', 'networking.istio.io', 'security.istio.io']);

/**
 * Demands what no cluster would be without: manifests are objects, those that the simulator reads have a name, and no two are
 * the same object.
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
    const key = `${groupOf(manifest)} ${manifest.kind} ${manifest.kind === 'Namespace' ? '' : `${namespaceOf(manifest)}/`}${name}`;
    const twin = seen.get(key);
    if (twin) throw refuse(`${key.trim().replace(/^\S*\.\S* |^apps /, '')} is there already${where(twin) ? `, at ${where(twin)}` : ''}; a cluster has one object of a name`);
    seen.set(key, manifest);
  }
}
