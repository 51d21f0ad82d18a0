import { Standing } from './check-up';
import { Cluster, DEPLOYMENT, DESTINATION_RULE, Manifest, ResourceKind, SERVICE_ENTRY, VIRTUAL_SERVICE } from './cluster';
import { isClusterError } from './failures';
import { laneHeaderOf } from './folder';
import { domainOf, hostOf, isPreview, isWoven, LiveLane, liveLanes, routedHosts } from './live-lanes';
import { branchOf, commitOf, expiryOf, isRoutable, laneOf, nameOf, ownerOf, phaseOfObject, serviceOf, sourceOf } from './marks';
import { planWoven, routeDrift } from './plan-routes';
import { asList } from '../json';
import { compareText, namespaceOf } from '../lanes/hosts';
import { Phase, SERVICE_LABEL } from '../lanes/ownership';
import { allowLaneHeader } from '../lanes/weave';
import { labelsOf, selects } from '../simulate/objects';

/** One service of one lane, or of the baseline. */
export interface ServiceStatus {
  readonly service: string;
  readonly namespace: string;
  readonly deployment: string;
  readonly version?: string;
  /** Whether the baseline serves the lane's requests while no pod of it is ready. */
  readonly fallback: boolean;
  /** Requests may be routed to it. */
  readonly routable: boolean;
  readonly ready: number;
  readonly replicas: number;
}

/** A lane across services. */
export interface LaneStatus {
  /** `null` for the baseline. */
  readonly lane: string | null;
  readonly source: string | null;
  readonly branch: string | null;
  readonly owner: string | null;
  readonly commit: string | null;
  /** RFC 3339. */
  readonly since: string | null;
  readonly expires: string | null;
  readonly expired: boolean;
  readonly previewHosts: string[];
  readonly services: ServiceStatus[];
}

/** What `status` tells. */
export interface Status {
  readonly lanes: LaneStatus[];
  /** What is not as it should be: each a sentence that says where, and what mends it. */
  readonly drift: string[];
}

/** Looks at the cluster; with manifests, also at where it differs from them. */
export async function readStatus(cluster: Cluster, now: Date, manifests: Manifest[] = []): Promise<Status> {
  const [virtualServices, destinationRules, deployments] = await Promise.all([
    cluster.list(VIRTUAL_SERVICE), cluster.list(DESTINATION_RULE), cluster.list(DEPLOYMENT, SERVICE_LABEL),
  ]);
  const standing = { virtualServices, destinationRules, deployments };
  const live = await Promise.all(manifests.map(async (manifest) => [...virtualServices, ...destinationRules, ...deployments]
    .find((each) => nameOf(each) === nameOf(manifest)) ?? readAny(cluster, manifest)));
  return {
    lanes: lanesOf(standing, now),
    drift: [
      ...driftOf(standing, await fallbackEntries(cluster, deployments)),
      ...manifests.flatMap((manifest, index) => manifestDrift(manifest, live[index])),
    ],
  };
}

/** The ServiceEntries of the hosts that lanes with fallback have; `undefined` where there are no such lanes, or one may not look. */
async function fallbackEntries(cluster: Cluster, deployments: Manifest[]): Promise<Manifest[] | undefined> {
  if (liveLanes(deployments).every(({ destination }) => destination === undefined)) return undefined;
  try {
    return await cluster.list(SERVICE_ENTRY);
  } catch (error) {
    if (!isClusterError(error, 'forbidden')) throw error;
    return undefined;
  }
}

async function readAny(cluster: Cluster, manifest: Manifest): Promise<Manifest | undefined> {
  const { kind, apiVersion, metadata } = manifest;
  if (!metadata?.namespace) return manifest; // not one of a namespace: whether it is there, the objects in it show
  return cluster.read({ kind, apiVersion } as ResourceKind, metadata.namespace, metadata.name);
}

/** Every lane of every source, the baselines first. Pure. */
export function lanesOf({ virtualServices, deployments }: Standing, now: Date): LaneStatus[] {
  const groups = new Map<string, Manifest[]>();
  for (const each of deployments) {
    const key = JSON.stringify([laneOf(each) ?? '', sourceOf(each) ?? '']);
    groups.set(key, [...groups.get(key) ?? [], each]);
  }
  return [...groups].sort(([one], [other]) => compareText(one, other)).map(([, all]) => {
    const of = (read: (object: Manifest) => string | undefined) => all.map(read).find((text) => text !== undefined) ?? null;
    const lane = of(laneOf);
    const expires = of(expiryOf);
    return {
      lane,
      source: of(sourceOf),
      branch: of(branchOf),
      owner: of(ownerOf),
      commit: of(commitOf),
      since: all.map((each) => each.metadata.creationTimestamp as string | undefined).sort()[0] ?? null,
      expires,
      expired: expires !== null && Date.parse(expires) < now.getTime(),
      previewHosts: lane === null ? [] : previewHostsOf(lane, virtualServices),
      services: all.map(serviceStatus).sort((one, other) => compareText(one.deployment, other.deployment)),
    };
  });
}

function previewHostsOf(lane: string, virtualServices: Manifest[]): string[] {
  return virtualServices.filter((each) => isPreview(each) && laneOf(each) === lane).flatMap((each) => asList(each.spec?.hosts));
}

function serviceStatus(deployment: Manifest): ServiceStatus {
  return {
    service: serviceOf(deployment)!,
    namespace: namespaceOf(deployment),
    deployment: deployment.metadata.name,
    version: deployment.spec?.template?.metadata?.labels?.version,
    fallback: liveLanes([deployment]).some(({ destination }) => destination !== undefined),
    routable: laneOf(deployment) === undefined || isRoutable(deployment),
    ready: deployment.status?.readyReplicas ?? 0,
    replicas: deployment.spec?.replicas ?? 1,
  };
}

/**
 * Where routes, subsets and workloads do not fit together. Pure.
 *
 * @param entries the ServiceEntries that there are; not looked at where they are not known
 */
export function driftOf({ virtualServices, destinationRules, deployments }: Standing, entries?: Manifest[]): string[] {
  const live = liveLanes(deployments);
  const routes = routeDrift(virtualServices, live).map(({ kind, virtualService, lane, host }) => {
    const what = { 'route without live lane': 'routes to', 'live lane without route': 'does not route to', 'preview host out of date': 'is out of date for' }[kind];
    return `${virtualService} ${what} lane ${lane} of ${host}: run 'cdk8s-lanes converge'`;
  });
  const refused = virtualServices.filter(isWoven).flatMap((each) => planWoven(each, live).problems.map(({ path, message }) => `${nameOf(each)} cannot take lanes: ${path} ${message}`));
  const pathless = live.filter((each) => !virtualServices.some((vs) => isWoven(vs) && routedHosts(vs).has(hostOf(each, domainOf(vs)))))
    .map(({ lane, service, namespace }) => `lane ${lane} of ${namespace}/${service} is marked routable, and no VirtualService that lanes are woven into routes to that service: bring the baseline up`);
  const subsetless = live.filter(({ lane, service, namespace }) => !destinationRules.some((rule) => namespaceOf(rule) === namespace
      && asList(rule.spec?.subsets).some(({ name }: any) => name === lane) && String(rule.spec?.host).split('.')[0] === service))
    .map(({ lane, service, namespace }) => `lane ${lane} of ${namespace}/${service} has no subset, so its requests fail (503): bring the lane up again`);
  const hasDeployment = (rule: Manifest) => deployments.some((each) => laneOf(each) === laneOf(rule) && serviceOf(each) === serviceOf(rule));
  const orphans = destinationRules.filter((rule) => laneOf(rule) !== undefined && !hasDeployment(rule))
    .map((rule) => `${nameOf(rule)} has no Deployment: run 'cdk8s-lanes sweep'`);
  const unready = deployments.filter((each) => isRoutable(each) && each.spec?.replicas !== 0 && !(each.status?.readyReplicas > 0))
    .map((each) => `${nameOf(each)} has no ready pods, and requests of lane ${laneOf(each)} ${serviceStatus(each).fallback ? 'are served by the baseline meanwhile' : 'are routed to it (503)'}`);
  const hasRule = (namespace: string, host: string) => destinationRules.some((rule) => namespaceOf(rule) === namespace && rule.spec?.host === host);
  const mixed = live.filter(({ destination, namespace }) => destination && !hasRule(namespace, destination.host))
    .map(({ lane, service, namespace, destination }) => `lane ${lane} of ${namespace}/${service} has no DestinationRule for ${destination!.host}, so its requests are spread over lane and baseline, or fail (503): bring the lane up again`);
  const alone = entries === undefined ? [] : live.filter((each) => hasNoStandIn(each, deployments, entries))
    .map(({ lane, service, namespace, destination }) => `lane ${lane} of ${namespace}/${service} has no baseline to fall back to: no ServiceEntry of ${destination!.host} selects its pods, as when its version is renamed; bring the lane up again`);
  return [...routes, ...refused, ...pathless, ...subsetless, ...orphans, ...unready, ...mixed, ...alone];
}

/** Whether a lane with fallback names other pods than those of the baseline that there is. A baseline that is not known may have any. */
function hasNoStandIn({ service, namespace, destination }: LiveLane, deployments: Manifest[], entries: Manifest[]): boolean {
  const baselines = deployments.filter((each) => laneOf(each) === undefined && serviceOf(each) === service && namespaceOf(each) === namespace);
  if (!destination || baselines.length === 0) return false;
  const own = entries.filter((entry) => namespaceOf(entry) === namespace && asList(entry.spec?.hosts).includes(destination.host));
  const selectors = own.map(({ spec }) => labelsOf(spec?.workloadSelector?.labels));
  return !baselines.some((each) => selectors.some((selector) => selects(selector, labelsOf(each.spec?.template?.metadata?.labels))));
}

/** Where a live object lacks what its manifest says. Fields that only the cluster has are its own affair. */
export function manifestDrift(manifest: Manifest, live: Manifest | undefined): string[] {
  const name = nameOf(manifest);
  if (!live) return [`${name} is not in the cluster: bring it up again`];
  if (isWoven(manifest)) {
    const strip = (each: Manifest) => planWoven(allowLaneHeader(each, laneHeaderOf(manifest)), []).desired!.spec;
    const paths = missing(strip(manifest), strip(live), 'spec', true);
    return paths.map((path) => `${name} differs from its manifest at ${path}: bring the baseline up again`);
  }
  if (phaseOfObject(manifest) === Phase.ROUTES && manifest.kind !== 'Gateway') return [];
  return missing({ spec: manifest.spec, data: manifest.data }, live, '', false).map((path) => `${name} differs from its manifest at ${path.slice(1)}: bring it up again`);
}

const UNITS: Record<string, number> = {
  '': 1, 'm': 1e-3, 'k': 1e3, 'M': 1e6, 'G': 1e9, 'T': 1e12, 'Ki': 2 ** 10, 'Mi': 2 ** 20, 'Gi': 2 ** 30, 'Ti': 2 ** 40,
};

/** The API server writes quantities in its own way: `1000m` becomes `1`. */
function isSameQuantity(one: unknown, other: unknown): boolean {
  const [a, b] = [one, other].map((each) => /^([0-9.]+)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(String(each)));
  if (!a || !b) return false;
  const [x, y] = [a, b].map(([, number, unit]) => Number(number) * UNITS[unit ?? '']);
  return Math.abs(x - y) <= 1e-9 * Math.abs(x);
}

function missing(wanted: any, got: any, path: string, exact: boolean): string[] {
  if (wanted === undefined || (wanted === null && got === undefined)) return [];
  if (wanted === null || typeof wanted !== 'object') return wanted === got || isSameQuantity(wanted, got) ? [] : [path];
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return [path];
    return wanted.flatMap((item, index) => missing(item, got[index], `${path}[${index}]`, exact));
  }
  if (got === null || typeof got !== 'object') return [path];
  const more = exact ? Object.keys(got).filter((key) => !(key in wanted)).map((key) => `${path}.${key}`) : [];
  return [...Object.entries(wanted).flatMap(([key, item]) => missing(item, got[key], `${path}.${key}`, exact)), ...more];
}
