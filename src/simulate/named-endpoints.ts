import { asList } from '../json';
import { Manifest } from './objects';
import { MeshService, NamedEndpoint, Resolution } from './services';
import { namespaceOf } from '../lanes/hosts';

/** Addresses that stand behind ports of these names. */
interface Listed {
  readonly portNames: readonly string[];
  readonly addresses: readonly string[];
}

/**
 * The services, of which those of Kubernetes that select no pods have the endpoints that somebody wrote for them: Endpoints, which
 * Kubernetes copies to EndpointSlices, and EndpointSlices, which istiod reads.
 */
export function withEndpoints(services: readonly MeshService[], endpoints: readonly Manifest[], slices: readonly Manifest[]): MeshService[] {
  const listed = new Map<string, Listed[]>();
  const add = (manifest: Manifest, name: unknown, lists: Listed[]) => {
    const key = `${namespaceOf(manifest)}/${name}`;
    listed.set(key, [...(listed.get(key) ?? []), ...lists]);
  };
  for (const manifest of endpoints) add(manifest, manifest.metadata?.name, asList(manifest.subsets).map(fromSubset));
  for (const manifest of slices) add(manifest, manifest.metadata?.labels?.['kubernetes.io/service-name'], [fromSlice(manifest)]);
  return services.map((service) => {
    if (!service.isKubernetes || service.selector || service.resolution === Resolution.ALIAS) return service;
    const own = listed.get(`${service.namespace}/${service.object.name}`) ?? [];
    const ports = new Set(service.ports.map(({ name }) => name ?? ''));
    const addresses = own.filter(({ portNames }) => portNames.some((name) => ports.has(name))).flatMap(({ addresses: all }) => all);
    return { ...service, endpoints: [...new Set(addresses)].map((address): NamedEndpoint => ({ address, labels: {} })) };
  });
}

function fromSubset(subset: any): Listed {
  return { portNames: namesOf(subset?.ports), addresses: asList(subset?.addresses).map((address) => String(address?.ip ?? '')) };
}

function fromSlice(slice: Manifest): Listed {
  const ready = asList(slice.endpoints).filter((endpoint) => endpoint?.conditions?.ready !== false);
  return { portNames: namesOf(slice.ports), addresses: ready.flatMap((endpoint) => asList(endpoint?.addresses).map(String)) };
}

function namesOf(ports: any): string[] {
  return asList(ports).map((port) => String(port?.name ?? ''));
}
