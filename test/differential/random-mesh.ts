import { Chance } from './chance';
import { randomDemands, randomPolicies } from './random-policies';
import { randomRequests } from './random-requests';
import { type AimedVirtualService, randomGatewayPods, randomGateways, randomVirtualServices, type Scenery } from './random-routes';
import { LANES, randomDestinationRules, randomEntries, randomNamespaces, randomServices, randomSidecars } from './random-services';
import { weave } from '../../src/lanes/weave';
import type { Manifest } from '../mesh/claims/support';
import type { MeshRequest } from '../mesh/contract';

/** A mesh and requests aimed at the edges of its rules. */
export interface RandomMesh {
  readonly seed: number;
  readonly manifests: readonly Manifest[];
  readonly requests: readonly MeshRequest[];
}

/** The mesh of a seed: the same each time. */
export function randomMesh(seed: number, requests = 45): RandomMesh {
  const chance = new Chance(seed);
  // A sidecar that does not know a port's protocol needs Istio's own filters to tell the other side that it found HTTP.
  const judging = chance.happens(0.3);
  const services = randomServices(chance, judging);
  const entries = randomEntries(chance);
  const gateways = randomGateways(chance);
  const scenery: Scenery = { services, entries, gateways: gateways.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`) };
  const virtualServices = randomVirtualServices(chance, scenery);
  const manifests = [
    ...randomNamespaces(chance),
    ...services.flatMap((service) => service.manifests),
    ...entries.map(({ manifest }) => manifest),
    ...randomDestinationRules(chance, services, entries),
    ...gateways, ...randomGatewayPods(chance, gateways),
    ...virtualServices.map(({ manifest }) => manifest).map((manifest) => chance.happens(0.4) ? woven(manifest, scenery) : manifest),
    ...randomSidecars(chance, services),
    ...judging ? [...randomPolicies(chance, services), ...randomDemands(chance, services)] : [],
  ];
  return { seed, manifests, requests: randomRequests(chance, scenery, virtualServices as AimedVirtualService[], gateways, requests) };
}

/** The VirtualService with lanes woven into it, or as it is where that is refused. */
function woven(manifest: Manifest, { services }: Scenery): Manifest {
  const lanes = Object.fromEntries(LANES.map((lane) => [lane, Object.fromEntries(services
    .filter(({ versions }) => versions.includes(lane))
    .map(({ host }) => [host, { host, subset: lane }]))]));
  try {
    return weave(manifest as any, { header: 'x-lane', lanes }).virtualService as Manifest;
  } catch {
    return manifest;
  }
}
