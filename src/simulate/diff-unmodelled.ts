import { asList } from '../json';
import { ChangedObjects } from './diff-objects';
import { MeshModel } from './mesh-model';
import { groupOf, Manifest, named, referenceTo } from './objects';
import { ObjectReference } from './outcome';
import { probeOf } from './probes';
import { Rule, VirtualService } from './virtual-services';
import { expandHost } from '../lanes/hosts';

/** Kinds that decide about requests in ways that are not modelled, with what they do. */
const UNMODELLED: Readonly<Record<string, string>> = {
  'networking.istio.io/EnvoyFilter': 'changes proxies',
  'extensions.istio.io/WasmPlugin': 'runs in proxies',
  'extensions.istio.io/TrafficExtension': 'runs in proxies',
  'gateway.networking.k8s.io/Gateway': 'opens ports',
  'gateway.networking.k8s.io/HTTPRoute': 'routes requests',
  'gateway.networking.k8s.io/GRPCRoute': 'routes requests',
  'gateway.networking.k8s.io/TLSRoute': 'routes connections',
  'gateway.networking.k8s.io/TCPRoute': 'routes connections',
  'networking.k8s.io/Ingress': 'makes routes at gateways',
  'networking.k8s.io/NetworkPolicy': 'refuses connections',
  'security.istio.io/RequestAuthentication': 'checks tokens',
};

/** Sources and conditions of an AuthorizationPolicy that are known of a request. */
const KNOWN_SOURCES = /^(not)?(principals|namespaces|serviceAccounts|trustDomains)$/i;
const KNOWN_KEYS = /^(request\.headers\[.*\]|source\.(namespace|principal|serviceAccount|trustDomain)|destination\.port)$/;

/**
 * What differs and no request can show, each with its object and the reason.
 *
 * @param reached keys of the rules of connections that compared requests met
 */
export function unshownDifferences(sides: readonly MeshModel[], changed: ChangedObjects, reached: ReadonlySet<string>): string[] {
  const ofSides = sides.flatMap((model) => [...unmetEntries(model, changed), ...unmetConnections(model, changed, reached)]);
  return [...new Set([...changed.objects.flatMap(unmodelled), ...ofSides])];
}

/** A `tls` or `tcp` rule by where it stands. */
export function connectionRuleKey(owner: ObjectReference, index: number): string {
  return `${named(owner)} ${index}`;
}

/** Rules of connections that no request was found for. */
function unmetConnections({ virtualServices }: MeshModel, changed: ChangedObjects, reached: ReadonlySet<string>): string[] {
  return virtualServices
    .filter(({ object, manifest }) => changed.has(object) && !looksAtAddresses(manifest))
    .flatMap(({ object, manifest: { spec } }) =>
      ['tls', 'tcp'].flatMap((field) =>
        asList(spec[field])
          .map((_, index) => index)
          .filter((index) => !reached.has(connectionRuleKey(object, index)))
          .map((index) => `${named(object)} differs: no connection was found that ${field}[${index}] takes`),
      ),
    );
}

function unmodelled(manifest: Manifest): string[] {
  const object = named(referenceTo(manifest));
  const does = UNMODELLED[`${groupOf(manifest)}/${manifest.kind}`];
  if (does !== undefined) return [`${object} differs: it ${does}, which is not modelled`];
  if (manifest.kind === 'ConfigMap' && manifest.data?.mesh !== undefined) return [`${object} differs: settings of the whole mesh are not modelled`];
  if (groupOf(manifest) === 'networking.istio.io' && manifest.kind === 'Sidecar' && asList(manifest.spec?.ingress).length > 0) {
    return [`${object} differs: ports at which pods take requests are not modelled`];
  }
  if (groupOf(manifest) === 'networking.istio.io' && manifest.kind === 'VirtualService' && looksAtAddresses(manifest)) {
    return [`${object} differs: matches on addresses are not modelled`];
  }
  const looksAt = groupOf(manifest) === 'security.istio.io' && manifest.kind === 'AuthorizationPolicy' ? unknownOf(manifest) : [];
  return looksAt.length > 0 ? [`${object} differs: it looks at ${looksAt.join(', ')}, which is not modelled`] : [];
}

function looksAtAddresses({ spec }: Manifest): boolean {
  const entries = [...asList(spec?.tcp), ...asList(spec?.tls)].flatMap((rule) => asList(rule?.match));
  return entries.some((entry) => entry?.destinationSubnets || entry?.sourceSubnet || entry?.sourceSubnets);
}

function unknownOf({ spec }: Manifest): string[] {
  const fields = asList(spec?.rules).flatMap((rule) => [
    ...asList(rule?.from).flatMap((from) => Object.keys(from?.source ?? {}).filter((field) => !KNOWN_SOURCES.test(field))),
    ...asList(rule?.when).map((when) => String(when?.key)).filter((key) => !KNOWN_KEYS.test(key)),
  ]);
  return [...new Set([...(spec?.action === 'CUSTOM' ? ['an external service'] : []), ...fields])];
}

/** Entries that no request was found for, where something that decides about their requests differs. */
function unmetEntries(model: MeshModel, changed: ChangedObjects): string[] {
  return model.virtualServices.flatMap((vs) =>
    vs.rules.flatMap((rule) =>
      rule.entries.flatMap(({ spec }) => {
        const found = spec && isTouched(rule, vs, model, changed) ? probeOf(spec) : undefined;
        if (!found || 'probe' in found) return [];
        return [`${named(rule.owner)}: no request was found that meets ${found.gaveUpOn}${claimText(spec)}; those that do were not compared`];
      }),
    ),
  );
}

function claimText(entry: any): string {
  const names = [...Object.keys(entry.headers ?? {}), ...Object.keys(entry.withoutHeaders ?? {})];
  return names.some((name) => name.startsWith('@')) ? ' (tokens are not modelled)' : '';
}

function isTouched({ owner, delegatedBy, spec }: Rule, vs: VirtualService, model: MeshModel, changed: ChangedObjects): boolean {
  if ([owner, ...(delegatedBy ? [delegatedBy] : [])].some((object) => changed.has(object))) return true;
  const home = owner.namespace ?? vs.namespace;
  const hosts = new Set(asList(spec.route).map((route) => expandHost(String(route?.destination?.host), home, model.clusterDomain)));
  return [...hosts].some((host) => objectsOf(host, home, model).some((object) => changed.has(object)));
}

/** The services of a host and the DestinationRules for it. */
function objectsOf(host: string, namespace: string, { services, destinationRules }: MeshModel): ObjectReference[] {
  return services
    .filter(({ hostname }) => hostname === host)
    .flatMap((service) => [service.object, ...(destinationRules.ruleFor(service, namespace, {})?.from ?? [])]);
}
