import { namespaceOf } from './hosts';
import { LaneDestination } from './weave';
import { asList, cloneJson } from '../json';

/*
 * A lane that the baseline serves where its own pods cannot: the lane gets a host of its own, whose endpoints are the lane's pods and
 * the baseline's. Two ServiceEntries with that one host select the two groups (istiod puts the endpoints of equal hosts of one
 * namespace together), and a DestinationRule puts the lane's pods first. To Envoy that is one cluster with two priorities.
 *
 * Source: `mergeServicesInstancesByNamespaceHost` and `ApplyLocalityLoadBalancer` of istiod. That equal hosts are put together is
 * code and no documented promise: `test/mesh/fallback` holds it.
 */

/** In which the hosts of lanes stand. Nobody resolves it: sidecars know the hosts by name alone. */
const FALLBACK_DOMAIN = 'lanes';

/**
 * What the response header tells of a lane with fallback: who really served, request by request, as
 * `workload;namespace;app;version;cluster`.
 */
export const SERVED_WORKLOAD = '%UPSTREAM_METADATA(istio:workload)%';

/** The service that a lane has a version of. */
export interface FallbackService {
  readonly lane: string;
  readonly service: string;
  readonly namespace: string;
}

/** A port of the Service, as ServiceEntries write it. */
export interface FallbackPort {
  readonly number: number;
  readonly targetPort: number;
  /** What Istio calls the protocol: `HTTP`, `HTTP2`, `GRPC`, … */
  readonly protocol: string;
}

/** The pods of the lane, or those of the baseline. */
export interface PodGroup {
  readonly namespace: string;
  /** All that tell them from the namespace's other pods. */
  readonly labels: Record<string, string>;
}

/** What the objects are made of. */
export interface FallbackParts extends FallbackService {
  readonly ports: readonly FallbackPort[];
  readonly lanePods: PodGroup;
  readonly baselinePods: PodGroup;
  readonly outlierDetection: any;
  readonly connectTimeout?: string;
}

/** The host of a lane's own that stands for its version of a service and for the baseline. */
export function fallbackHost({ lane, service, namespace }: FallbackService): string {
  return `${lane}.${service}.${namespace}.${FALLBACK_DOMAIN}`;
}

/** The service that a host of this lane's own stands for; `undefined` for all other hosts. */
export function serviceOfFallbackHost(host: string, lane: string): { service: string; namespace: string } | undefined {
  const [first, service, namespace, domain, ...more] = host.split('.');
  return first === lane && domain === FALLBACK_DOMAIN && more.length === 0 ? { service, namespace } : undefined;
}

/** Whether an object is one of those that make the host of a lane's own. */
export function isFallbackObject(object: any): boolean {
  if (object?.kind !== 'DestinationRule' && object?.kind !== 'ServiceEntry') return false;
  return [object.spec?.host, ...asList(object.spec?.hosts)].some((host) => {
    const lane = String(host).split('.')[0];
    return serviceOfFallbackHost(String(host), lane)?.namespace === namespaceOf(object);
  });
}

/** Whether it is the host of some lane's own for a service. */
export function isFallbackHost(host: string, service: string, namespace: string): boolean {
  return host.endsWith(`.${service}.${namespace}.${FALLBACK_DOMAIN}`);
}

/** Where a lane with fallback serves a host, for `weave`. */
export function fallbackDestination(service: FallbackService, tries: Pick<LaneDestination, 'rule' | 'tryTimeout'>): LaneDestination {
  return { host: fallbackHost(service), servedLane: SERVED_WORKLOAD, ...tries };
}

/**
 * Why the lane of a service cannot fall back: each the rest of a sentence, with the way out.
 *
 * @param trafficPolicy what is said of the service's host and of the lane's version
 */
export function fallbackProblems(parts: FallbackParts, trafficPolicy?: any): string[] {
  const { ports, lanePods, baselinePods } = parts;
  const problems: string[] = [];
  const host = fallbackHost(parts);
  if (host.length > 253 || host.split('.').some((label) => label.length > 63)) {
    problems.push(`must leave the lane's own host names of at most 63 characters each, 253 in all, got ${host}; give the lane a shorter name by hand: addLane(branch, { name })`);
  }
  if (ports.length === 0) problems.push("needs to know the Service's ports, which the lane's own host repeats; say 'port'");
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))];
  if (protocols.length > 1) {
    problems.push(`needs ports of one protocol, got ${ports.map(({ number, protocol }) => `${number} ${protocol}`).join(', ')}: Istio puts the lane's and the baseline's pods together only then; `
      + 'serve one of the protocols by a Service of its own, or say Fallback.none() of this one');
  }
  if (protocols.includes('')) problems.push("needs to know what the Service's ports speak, which the lane's own host repeats; say 'appProtocol'");
  if (lanePods.namespace !== baselinePods.namespace) {
    problems.push(`needs the lane's pods in the namespace of the baseline's, got ${lanePods.namespace} and ${baselinePods.namespace}: a ServiceEntry selects pods of its own namespace alone; `
      + 'deploy the lane beside the baseline');
  }
  const levels = [trafficPolicy, ...trafficPolicy?.portLevelSettings ?? []];
  if (levels.some((policy) => policy?.loadBalancer?.simple === 'PASSTHROUGH')) {
    problems.push('cannot be had with the load balancer PASSTHROUGH, which sends to the address that the caller asked for; choose another one, or say Fallback.none()');
  }
  return problems;
}

/**
 * The DestinationRule, which must come before the ServiceEntries and go after them: without it requests would be spread over lane
 * and baseline.
 *
 * @param trafficPolicy what is said of the service's host and of the lane's version: the lane's host inherits none of it
 */
export function fallbackRule(parts: FallbackParts, trafficPolicy: any = {}): any {
  const { portLevelSettings, ...policy } = cloneJson(trafficPolicy);
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: `${parts.service}-${parts.lane}-fallback`, namespace: parts.baselinePods.namespace },
    spec: {
      // Not exported more narrowly than the ServiceEntries, whoever exports the service's own rule how: who sees them without it
      // would mix lane and baseline.
      host: fallbackHost(parts),
      trafficPolicy: {
        ...laneFirst(policy, parts),
        ...(portLevelSettings ? { portLevelSettings: portLevelSettings.map((settings: any) => laneFirst(settings, parts)) } : {}),
      },
    },
  };
}

/** What the DestinationRule lacks, after patches, so that requests would be spread over lane and baseline: each the rest of a sentence. */
export function fallbackRuleProblems({ spec }: any): string[] {
  const { portLevelSettings = [], ...policy } = spec?.trafficPolicy ?? {};
  return [policy, ...portLevelSettings].flatMap(({ outlierDetection, loadBalancer }: any, index) => {
    const at = index === 0 ? 'trafficPolicy' : `trafficPolicy.portLevelSettings[${index - 1}]`;
    const { enabled, failoverPriority = [] } = loadBalancer?.localityLbSetting ?? {};
    return [
      ...(outlierDetection && Object.keys(outlierDetection).length > 0 ? [] : [`needs '${at}.outlierDetection': without it Istio knows no priorities`]),
      ...(enabled !== false && failoverPriority.length > 0 ? [] : [`needs '${at}.loadBalancer.localityLbSetting.failoverPriority', and it enabled: it puts the lane first`]),
    ].map((problem) => `${problem}, so requests of the lane would be spread over its pods and the baseline's; take the patch back`);
  });
}

/** A policy by which the lane's pods come first, those of the baseline after them. */
function laneFirst(policy: any, parts: FallbackParts): any {
  const { connectionPool, loadBalancer } = policy;
  const connectTimeout = parts.connectTimeout ?? connectionPool?.tcp?.connectTimeout ?? '1s';
  const { failoverPriority = [] } = loadBalancer?.localityLbSetting ?? {};
  return {
    ...policy,
    connectionPool: { ...connectionPool, tcp: { ...connectionPool?.tcp, connectTimeout } },
    outlierDetection: parts.outlierDetection,
    loadBalancer: {
      ...(loadBalancer ?? { simple: 'LEAST_REQUEST' }),
      // Shares by locality cannot stand beside it.
      localityLbSetting: { enabled: true, failoverPriority: [firstLabel(parts), ...failoverPriority] },
    },
  };
}

/** One of the two ServiceEntries, which differ in the pods that they select and in nothing else. */
export function fallbackEntry(parts: FallbackParts, group: 'lane' | 'baseline'): any {
  const pods = group === 'lane' ? parts.lanePods : parts.baselinePods;
  const several = parts.ports.length > 1;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: `${parts.service}-${parts.lane}-fallback-${group}`, namespace: pods.namespace },
    spec: {
      hosts: [fallbackHost(parts)],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: parts.ports.map(({ number, targetPort, protocol }) => ({
        number, name: `${protocol.toLowerCase()}${several ? `-${number}` : ''}`, protocol, targetPort,
      })),
      workloadSelector: { labels: pods.labels },
    },
  };
}

/**
 * The label by which Envoy's priorities tell the lane's pods from the baseline's: one that both have, if there is one. That there
 * is any, the host demands of all lanes.
 */
function firstLabel({ lanePods, baselinePods }: FallbackParts): string {
  const telling = Object.entries(lanePods.labels).filter(([key, text]) => baselinePods.labels[key] !== text);
  return (telling.find(([name]) => name in baselinePods.labels) ?? telling[0]).join('=');
}
