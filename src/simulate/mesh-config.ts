import { loadAll, YAMLException } from 'js-yaml';
import { Manifest, named, referenceTo } from './objects';
import { InvalidInput, shown } from '../errors';
import { namespaceOf } from '../lanes/hosts';

/** What istiod is set to, as far as it decides where requests go. */
export interface MeshConfig {
  /** Whether hosts that nobody knows are refused. */
  readonly registryOnly: boolean;
}

/**
 * The settings of the mesh, where manifests hold them: in the ConfigMap `istio` of the root namespace, or in that of a revision,
 * `istio-<revision>`.
 *
 * @throws InvalidInput for settings that are no YAML
 */
export function meshConfigOf(configMaps: readonly Manifest[], rootNamespace: string, where: (manifest: Manifest) => string | undefined): MeshConfig {
  const all = configMaps.filter((each) => namespaceOf(each) === rootNamespace && /^istio(-|$)/.test(each.metadata.name) && typeof each.data?.mesh === 'string');
  const found = all.find((each) => each.metadata.name === 'istio') ?? all[0];
  if (!found) return { registryOnly: false };
  try {
    const [mesh]: any[] = loadAll(found.data.mesh);
    return { registryOnly: mesh?.outboundTrafficPolicy?.mode === 'REGISTRY_ONLY' };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const place = where(found);
    throw new InvalidInput('Manifest', `${place ? `${place}: ` : ''}${named(referenceTo(found))}: 'data.mesh' must be YAML (${error.reason}), got ${shown(found.data.mesh)}`);
  }
}
