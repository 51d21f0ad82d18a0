import { asList } from '../json';
import { exportedTo, labelsOf, Manifest, numberOf, referenceTo, textsOf } from './objects';
import { ObjectReference } from './outcome';
import { PortProtocol, protocolNamed, protocolOfServicePort } from './protocols';
import { Labels } from './request';
import { compareText, createdAt, namespaceOf } from '../lanes/hosts';

/** One port of a service. */
export interface ServicePort {
  readonly number: number;
  readonly name?: string;
  readonly protocol: PortProtocol;
  /** The pods' port, by number or by name. */
  readonly targetPort: number | string;
}

/** How a proxy finds the endpoints of a service. */
export enum Resolution {
  /** istiod tells it. */
  ENDPOINTS = 'endpoints',
  /** It goes where the client wanted to go: headless Services, ServiceEntries with resolution NONE. */
  ORIGINAL = 'original',
  /** By DNS. */
  DNS = 'dns',
  /** Another name of a service: ExternalName. */
  ALIAS = 'alias',
}

/** An endpoint that a ServiceEntry names. */
export interface NamedEndpoint {
  readonly address: string;
  readonly labels: Labels;
}

/** A host of the registry: a Service, or one host of a ServiceEntry. */
export interface MeshService {
  readonly hostname: string;
  readonly namespace: string;
  readonly object: ObjectReference;
  readonly isKubernetes: boolean;
  readonly created: number;
  readonly exportTo: ReadonlySet<string>;
  readonly ports: readonly ServicePort[];
  readonly resolution: Resolution;
  /** Addresses that clients may use instead of the name. */
  readonly addresses: readonly string[];
  /** Which pods it has; absent where it selects none. */
  readonly selector?: Labels;
  /** Endpoints of a ServiceEntry. */
  readonly endpoints: readonly NamedEndpoint[];
  /** Where an ExternalName Service points to. */
  readonly aliasOf?: string;
  /** Outside the mesh, as its ServiceEntry says. */
  readonly isExternal: boolean;
  readonly annotations: Labels;
  /** Its own, not those of its pods. */
  readonly labels: Labels;
}

/** The Services and ServiceEntries of some manifests, in istiod's order: the oldest first. */
export function servicesOf(services: readonly Manifest[], serviceEntries: readonly Manifest[], clusterDomain: string): MeshService[] {
  const all = [...services.map((manifest) => fromService(manifest, clusterDomain)), ...serviceEntries.flatMap(fromServiceEntry)];
  return all.sort(inOrder);
}

function inOrder(one: MeshService, other: MeshService): number {
  if (one.created !== other.created) return one.created < other.created ? -1 : 1;
  const name = (service: MeshService) => (service.isKubernetes ? service.object.name : service.hostname);
  return compareText(name(one), name(other)) || compareText(one.namespace, other.namespace);
}

function fromService(manifest: Manifest, clusterDomain: string): MeshService {
  const { metadata } = manifest;
  const spec = manifest.spec ?? {};
  const namespace = namespaceOf(manifest);
  const clusterIps = [spec.clusterIP, ...asList(spec.clusterIPs)].filter(
    (address) => typeof address === 'string' && address !== '' && address !== 'None',
  );
  const annotation = metadata.annotations?.['networking.istio.io/exportTo'];
  return {
    hostname: `${metadata.name}.${namespace}.svc.${clusterDomain}`,
    namespace,
    object: referenceTo(manifest),
    isKubernetes: true,
    created: createdAt(manifest),
    exportTo: exportedTo(
      annotation
        ? String(annotation)
          .split(',')
          .map((entry) => entry.trim())
        : [],
      namespace,
    ),
    ports: asList(spec.ports).map((port) => ({
      number: numberOf(port?.port) ?? 0,
      name: port?.name === undefined ? undefined : String(port.name),
      protocol: protocolOfServicePort(port),
      targetPort: numberOf(port?.targetPort) ?? (port?.targetPort === undefined ? (numberOf(port?.port) ?? 0) : String(port.targetPort)),
    })),
    resolution: serviceResolution(spec),
    addresses: [...new Set<string>(clusterIps)],
    selector: spec.selector && Object.keys(spec.selector).length > 0 ? labelsOf(spec.selector) : undefined,
    endpoints: [],
    aliasOf: spec.type === 'ExternalName' ? String(spec.externalName ?? '') : undefined,
    isExternal: false,
    annotations: labelsOf(metadata.annotations),
    labels: labelsOf(metadata.labels),
  };
}

function serviceResolution(spec: any): Resolution {
  if (spec.type === 'ExternalName') return Resolution.ALIAS;
  return spec.clusterIP === 'None' ? Resolution.ORIGINAL : Resolution.ENDPOINTS;
}

function fromServiceEntry(manifest: Manifest): MeshService[] {
  const spec = manifest.spec ?? {};
  const namespace = namespaceOf(manifest);
  const entry = {
    namespace,
    object: referenceTo(manifest),
    isKubernetes: false,
    created: createdAt(manifest),
    exportTo: exportedTo(spec.exportTo, namespace),
    ports: asList(spec.ports).map((port): ServicePort => ({
      number: numberOf(port?.number) ?? 0,
      name: port?.name === undefined ? undefined : String(port.name),
      protocol: protocolNamed(String(port?.protocol ?? '')),
      targetPort: numberOf(port?.targetPort) ?? numberOf(port?.number) ?? 0,
    })),
    resolution: entryResolution(spec.resolution),
    addresses: textsOf(spec.addresses),
    selector: spec.workloadSelector ? labelsOf(spec.workloadSelector.labels) : undefined,
    endpoints: asList(spec.endpoints).map((endpoint) => ({ address: String(endpoint?.address ?? ''), labels: labelsOf(endpoint?.labels) })),
    isExternal: spec.location !== 'MESH_INTERNAL',
    annotations: labelsOf(manifest.metadata?.annotations),
    labels: labelsOf(manifest.metadata?.labels),
  };
  return textsOf(spec.hosts).map((hostname) => ({ ...entry, hostname }));
}

function entryResolution(resolution: unknown): Resolution {
  switch (resolution) {
    case 'STATIC':
      return Resolution.ENDPOINTS;
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
    case 'DYNAMIC_DNS':
      return Resolution.DNS;
    default:
      return Resolution.ORIGINAL;
  }
}
