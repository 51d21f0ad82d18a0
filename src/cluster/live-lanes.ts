import { Manifest } from './cluster';
import { annotation, isRoutable, laneOf, serviceOf } from './marks';
import { asList } from '../json';
import { isClosedEdge } from '../lanes/edge';
import { serviceOfFallbackHost } from '../lanes/fallback';
import { compareText, DEFAULT_CLUSTER_DOMAIN, expandHost, isForMesh, namespaceOf } from '../lanes/hosts';
import {
  CLUSTER_DOMAIN_ANNOTATION, DESTINATION_ANNOTATION, LANE_BAGGAGE_ANNOTATION, LANE_HEADER_ANNOTATION, PREVIEW_HOSTS_ANNOTATION, PREVIEW_LABEL,
  SERVED_LANE_HEADER_ANNOTATION, WOVEN_LABEL,
} from '../lanes/ownership';
import { HANDLES_LANE_HEADER_LABEL, LaneDestination, laneOfRule, LaneTable } from '../lanes/weave';
import { overlap } from '../simulate/names';

/*
 * The cluster is the registry: the live lanes of a service are its Deployments marked routable, and nothing else.
 */

/** The lane header of VirtualServices that do not name one. */
export const DEFAULT_LANE_HEADER = 'project-version';

/** A lane of a service that requests may be routed to. */
export interface LiveLane {
  readonly lane: string;
  readonly service: string;
  readonly namespace: string;
  /** Where its requests go. @default - to its subset of the service's host */
  readonly destination?: LaneDestination;
}

/** The live lanes by what Deployments say. One that is scaled to nothing, or being deleted, serves nobody whatever its mark. */
export function liveLanes(deployments: Manifest[]): LiveLane[] {
  const found = new Map<string, LiveLane>();
  for (const deployment of deployments) {
    const [lane, service] = [laneOf(deployment), serviceOf(deployment)];
    if (!lane || !service || !isRoutable(deployment) || deployment.metadata.deletionTimestamp || deployment.spec?.replicas === 0) continue;
    const namespace = namespaceOf(deployment);
    found.set(`${lane}/${namespace}/${service}`, { lane, service, namespace, ...ownDestination(deployment) });
  }
  return [...found.values()];
}

/** What the Deployment says of a lane with fallback. What cannot be read is as if it were not said: the subset is always there. */
function ownDestination(deployment: Manifest): Pick<LiveLane, 'destination'> {
  const text = annotation(deployment, DESTINATION_ANNOTATION);
  if (text === undefined) return {};
  try {
    const destination = JSON.parse(text);
    return typeof destination?.host === 'string' ? { destination } : {};
  } catch {
    return {};
  }
}

/** Whether lanes are woven into this VirtualService. */
export function isWoven(virtualService: Manifest): boolean {
  const labels = virtualService.metadata?.labels ?? {};
  return labels[WOVEN_LABEL] === 'true' && labels[HANDLES_LANE_HEADER_LABEL] === undefined;
}

/** Whether the VirtualService is a preview host's, which converge makes and deletes. */
export function isPreview(virtualService: Manifest): boolean {
  return virtualService.metadata?.labels?.[PREVIEW_LABEL] !== undefined && laneOf(virtualService) !== undefined;
}

/** Whether preview hosts follow the rules of this VirtualService. They are how lanes are met where a gateway is closed to their header. */
export function hasPreviews(virtualService: Manifest): boolean {
  return (isWoven(virtualService) || isClosedEdge(virtualService)) && virtualService.metadata.annotations?.[PREVIEW_HOSTS_ANNOTATION] !== undefined;
}

/** The cluster's domain, as the VirtualService says. */
export function domainOf(virtualService: Manifest): string {
  return virtualService.metadata?.annotations?.[CLUSTER_DOMAIN_ANNOTATION] ?? DEFAULT_CLUSTER_DOMAIN;
}

/** The host of a service. */
export function hostOf({ service, namespace }: { service: string; namespace: string }, domain: string): string {
  return `${service}.${namespace}.svc.${domain}`;
}

/** `service.namespace` of a service's host, whatever the cluster's domain. */
export function serviceOfHost(host: string): string {
  return host.split('.').slice(0, 2).join('.');
}

/** What `weave` needs to put these lanes into this VirtualService. */
export function laneTable(virtualService: Manifest, live: LiveLane[]): LaneTable {
  const annotations = virtualService.metadata?.annotations ?? {};
  const clusterDomain = domainOf(virtualService);
  const lanes: LaneTable['lanes'] = {};
  for (const each of live) {
    const host = hostOf(each, clusterDomain);
    lanes[each.lane] = { ...lanes[each.lane], [host]: each.destination ?? { host, subset: each.lane } };
  }
  return {
    header: annotations[LANE_HEADER_ANNOTATION] ?? DEFAULT_LANE_HEADER,
    ...(annotations[LANE_BAGGAGE_ANNOTATION] === undefined ? {} : { baggageKey: annotations[LANE_BAGGAGE_ANNOTATION] }),
    lanes,
    ...(annotations[SERVED_LANE_HEADER_ANNOTATION] === undefined ? {} : { servedLaneHeader: annotations[SERVED_LANE_HEADER_ANNOTATION] }),
    clusterDomain,
  };
}

/** The hosts that the VirtualService's HTTP rules route to, expanded. */
export function routedHosts(virtualService: Manifest): Set<string> {
  return new Set(destinationsOf(virtualService).map(({ host }) => host));
}

/** A route of a VirtualService to the version of a lane. */
export interface LaneRoute {
  /** The service's host, also where requests go to a host of the lane's own. */
  readonly host: string;
  readonly subset: string;
  /** Whether they go to a host of the lane's own, which falls back to the baseline. */
  readonly fallback: boolean;
}

/** The routes of the VirtualService to lanes: those of rules that were woven, and all of a preview host's that name its lane. */
export function laneRoutes(virtualService: Manifest): LaneRoute[] {
  const preview = isPreview(virtualService) ? laneOf(virtualService) : undefined;
  return destinationsOf(virtualService).flatMap(({ host, subset, rule }): LaneRoute[] => {
    const lane = preview ?? laneOfRule(rule);
    if (lane === undefined) return [];
    if (subset === lane) return [{ host, subset, fallback: false }];
    const service = serviceOfFallbackHost(host, lane);
    return service ? [{ host: hostOf(service, domainOf(virtualService)), subset: lane, fallback: true }] : [];
  });
}

/** Whether any HTTP rule of the VirtualService routes to this subset. */
export function routesTo(virtualService: Manifest, host: string, subset: string): boolean {
  return destinationsOf(virtualService).some((each) => each.host === host && each.subset === subset);
}

function destinationsOf(virtualService: Manifest) {
  const [namespace, domain] = [namespaceOf(virtualService), domainOf(virtualService)];
  return asList(virtualService.spec?.http).flatMap((rule) => asList(rule?.route).map(({ destination }: any) => ({
    host: expandHost(String(destination?.host ?? ''), namespace, domain),
    subset: destination?.subset as string | undefined,
    rule,
  })));
}

/** Two VirtualServices that have one host at one gateway: Istio merges their rules, and a lane's copy in one may take requests of the other. */
export interface SharedGatewayHost { readonly host: string; readonly gateway: string; readonly woven: Manifest; readonly other: Manifest }

/** The gateway hosts that a woven VirtualService shares with another one. */
export function sharedGatewayHosts(virtualServices: Manifest[]): SharedGatewayHost[] {
  const places = new Map<string, Omit<SharedGatewayHost, 'woven' | 'other'> & { all: Manifest[] }>();
  for (const each of virtualServices) {
    for (const gateway of asList(each.spec?.gateways).filter((name) => name !== 'mesh')) {
      for (const host of asList(each.spec?.hosts)) {
        const full = gateway.includes('/') ? gateway : `${namespaceOf(each)}/${gateway}`;
        const key = `${full} ${String(host).toLowerCase()}`;
        const place = places.get(key) ?? { host, gateway: full, all: [] as Manifest[] };
        place.all.push(each);
        places.set(key, place);
      }
    }
  }
  return [...places.values()].flatMap(({ host, gateway, all }) => {
    const woven = all.find(isWoven);
    const other = all.find((each) => each !== woven);
    return woven && other ? [{ host, gateway, woven, other }] : [];
  });
}

/** Whether sidecars follow the VirtualService for this host. */
export function isForHost(virtualService: Manifest, host: string): boolean {
  const expanded = (written: string) => expandHost(written, namespaceOf(virtualService), domainOf(virtualService)).toLowerCase();
  return isForMesh(virtualService) && asList(virtualService.spec?.hosts).some((written) => expanded(String(written)) === host.toLowerCase());
}

/** Lanes in their order. */
export function laneNames(live: LiveLane[]): string[] {
  return [...new Set(live.map(({ lane }) => lane))].sort(compareText);
}

/**
 * Woven VirtualServices of a gateway beside others for hosts that are not equal and yet overlap, as `*.example.com` and
 * `shop.example.com`: where a server of the Gateway names the narrower host, Istio gives it the rules of both.
 */
export function overlappingGatewayHosts(virtualServices: Manifest[]): SharedGatewayHost[] {
  const placesOf = (vs: Manifest) => asList(vs.spec?.gateways).filter((name) => name !== 'mesh').flatMap((gateway) => {
    const full = String(gateway).includes('/') ? String(gateway) : `${namespaceOf(vs)}/${gateway}`;
    return asList(vs.spec?.hosts).map((host) => ({ vs, gateway: full, host: String(host).toLowerCase() }));
  });
  const woven = virtualServices.filter(isWoven).flatMap(placesOf);
  // Those that handle the lane header are of this library's own making: previews, closed gateways, callbacks.
  const others = virtualServices.filter((vs) => !isWoven(vs) && vs.metadata?.labels?.[HANDLES_LANE_HEADER_LABEL] === undefined).flatMap(placesOf);
  return woven.flatMap((mine) => others
    .filter(({ gateway, host }) => gateway === mine.gateway && host !== mine.host && overlap(host, mine.host))
    .map(({ vs, gateway, host }) => ({ host, gateway, woven: mine.vs, other: vs })));
}
