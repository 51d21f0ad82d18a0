import { asList } from '../json';
import { DestinationRules } from './destination-rules';
import { addTo, groupOf, labelsOf, Manifest, selects, textsOf } from './objects';
import { Labels, PodSender } from './request';
import { MeshService } from './services';
import { EgressListener, ProxyScope, ProxyScopes } from './sidecar-scope';
import { VirtualService } from './virtual-services';
import { Namespaces } from './workloads';
import { namespaceOf } from '../lanes/hosts';

/*
 * Pods that a mesh tells apart when they call a host: by what their sidecars are told (`exportTo`, Sidecars), the DestinationRule
 * they follow, the sources that rules name, and the identities that policies name.
 */

/** A namespace that no manifest names. */
const ELSEWHERE = 'elsewhere';

/** What is needed of a mesh to tell its senders apart. */
export interface SenderSources {
  readonly manifests: readonly Manifest[];
  readonly scopes: ProxyScopes;
  readonly destinationRules: DestinationRules;
  readonly namespaces: Namespaces;
}

/** What decides about a host in one mesh. */
export interface HostContext {
  readonly mesh: SenderSources;
  /** The services that have it, and those that its rules send to. */
  readonly services: readonly MeshService[];
  readonly virtualServices: readonly VirtualService[];
  /** Conditions on where a request comes from: match entries. */
  readonly sources: readonly any[];
  readonly policies: readonly Manifest[];
}

/** Pods of both meshes that may be treated in their own way, by namespace and labels. */
export function candidatesOf(meshes: readonly SenderSources[]): PodSender[] {
  const manifests = meshes.flatMap((mesh) => mesh.manifests);
  const namespaces = new Set(manifests.flatMap(namespacesIn));
  const selected = manifests.flatMap((manifest) => {
    const labels = labelsOf(manifest.spec?.workloadSelector?.labels ?? manifest.spec?.workloadSelector?.matchLabels);
    return isOf(manifest, 'Sidecar', 'DestinationRule') && Object.keys(labels).length > 0 ? [{ namespace: namespaceOf(manifest), labels }] : [];
  });
  return [...[...namespaces].sort().map((namespace) => ({ namespace })), { namespace: ELSEWHERE }, ...selected];
}

/**
 * Pods of which each is treated otherwise than those before it, the service's own namespace first.
 *
 * @param withBare a pod without sidecar, too
 */
export function sendersOf(home: string, candidates: readonly PodSender[], contexts: readonly HostContext[], withBare: boolean): PodSender[] {
  const sources = contexts.flatMap((context) => context.sources);
  const identities = contexts.flatMap(({ policies }) => policies.flatMap(identitiesIn));
  const seen = new Set<string>();
  const different = (senders: readonly PodSender[]) =>
    senders.filter((sender) => {
      const key = JSON.stringify([contexts.map((context) => treatment(sender, context)), identityKey(sender, identities)]);
      return !seen.has(key) && seen.add(key);
    });
  const plain = different([{ namespace: home }, ...candidates]);
  // Pods with labels that a rule names may be in any of these namespaces.
  const namespaces = [...new Set(plain.map(({ namespace }) => namespace))];
  const named = sources
    .filter((entry) => entry?.sourceLabels || entry?.sourceNamespace)
    .flatMap(({ sourceLabels, sourceNamespace }): PodSender[] =>
      (sourceNamespace ? [String(sourceNamespace)] : namespaces).map((namespace) => ({ namespace, labels: labelsOf(sourceLabels) })),
    );
  const all = [...plain, ...different([...named, ...identities])];
  return withBare ? [...all, { namespace: home, sidecar: false }] : all;
}

/** All that the mesh makes of a sender for a host. */
function treatment({ namespace = 'default', labels = {} }: PodSender, { mesh, services, virtualServices, sources }: HostContext): unknown {
  if (!mesh.namespaces.injects(namespace, labels, {})) return 'no sidecar';
  const scope = mesh.scopes.ofSidecar(namespace, labels);
  return [
    scope.allowsUnknownHosts,
    scope.egress.map((listener) => [
      listener.port,
      services.flatMap(({ hostname }) => (indexOf(listener).get(hostname) ?? []).map(toldOf)),
      listener.virtualServices.length === 0 ? [] : told(listener, virtualServices),
    ]),
    services.map(({ hostname }) => toldOf(scope.services.get(hostname))),
    services.map((service) => mesh.destinationRules.ruleFor(service, namespace, labels)?.from.map(({ namespace: owner, name }) => `${owner}/${name}`)),
    sources.map((entry) => isSource(entry, namespace, labels)),
  ];
}

function toldOf(service: MeshService | undefined): unknown {
  return service && [service.hostname, service.namespace, service.ports.length];
}

const indices = new WeakMap<EgressListener, Map<string, MeshService[]>>();

/** Services of a listener by name. */
function indexOf(listener: ProxyScope['egress'][number]): Map<string, MeshService[]> {
  const known = indices.get(listener);
  if (known) return known;
  const index = new Map<string, MeshService[]>();
  for (const service of listener.services) addTo(index, service.hostname, service);
  indices.set(listener, index);
  return index;
}

const positions = new WeakMap<EgressListener, Map<VirtualService, number>>();

/** Those of the VirtualServices that a listener has, in its order: it decides. */
function told(listener: EgressListener, virtualServices: readonly VirtualService[]): string[] {
  const index = positions.get(listener) ?? new Map(listener.virtualServices.map((vs, at) => [vs, at]));
  positions.set(listener, index);
  return virtualServices
    .filter((vs) => index.has(vs))
    .sort((one, other) => index.get(one)! - index.get(other)!)
    .map(({ namespace, name }) => `${namespace}/${name}`);
}

function isSource(entry: any, namespace: string, labels: Labels): boolean {
  if (entry?.sourceLabels && !selects(labelsOf(entry.sourceLabels), labels)) return false;
  return !entry?.sourceNamespace || entry.sourceNamespace === namespace;
}

function identityKey(sender: PodSender, identities: readonly PodSender[]): string {
  const named = identities.filter(
    ({ namespace, serviceAccount = 'default' }) => namespace === sender.namespace && serviceAccount === (sender.serviceAccount ?? 'default'),
  );
  const ofNamespace = identities.some(({ namespace }) => namespace === sender.namespace);
  return named.length > 0 || ofNamespace ? `${sender.namespace}/${sender.serviceAccount ?? 'default'}` : '';
}

/** Identities that a policy names. */
function identitiesIn(policy: Manifest): PodSender[] {
  const home = namespaceOf(policy);
  const concrete = (pattern: string) => pattern.replace(/\*/g, 'x');
  const ofPrincipal = (pattern: string): PodSender[] => {
    const parts = /(?:^|\/)ns\/([^/]+)\/sa\/([^/]+)$/.exec(pattern);
    return parts ? [{ namespace: concrete(parts[1]), serviceAccount: concrete(parts[2]) }] : [];
  };
  const ofAccount = (pattern: string): PodSender[] => {
    const [account, namespace = home] = pattern.split('/').reverse();
    return [{ namespace, serviceAccount: account }];
  };
  const ofNamespace = (pattern: string): PodSender[] => (pattern === '*' ? [] : [{ namespace: concrete(pattern) }]);
  const both = (source: any, field: string) => [...textsOf(source?.[field]), ...textsOf(source?.[`not${field[0].toUpperCase()}${field.slice(1)}`])];
  const ofSource = (source: any) => [
    ...both(source, 'principals').flatMap(ofPrincipal),
    ...both(source, 'serviceAccounts').flatMap(ofAccount),
    ...both(source, 'namespaces').flatMap(ofNamespace),
  ];
  const FIELDS: Readonly<Record<string, string>> = {
    'source.principal': 'principals', 'source.namespace': 'namespaces', 'source.serviceAccount': 'serviceAccounts',
  };
  return asList(policy.spec?.rules).flatMap((rule) => [
    ...asList(rule?.from).flatMap((from) => ofSource(from?.source)),
    ...asList(rule?.when).flatMap((when) => {
      const field = FIELDS[String(when?.key)];
      return field === undefined ? [] : ofSource({ [field]: [...textsOf(when.values), ...textsOf(when.notValues)] });
    }),
  ]);
}

function namespacesIn(manifest: Manifest): string[] {
  if (groupOf(manifest) === '' && manifest.kind === 'Namespace') return [String(manifest.metadata?.name)];
  const named = [...textsOf(manifest.spec?.exportTo), ...String(manifest.metadata?.annotations?.['networking.istio.io/exportTo'] ?? '').split(',')];
  const namespaces = named.map((each) => each.trim()).filter((each) => /^[a-z0-9]/.test(each));
  return [namespaceOf(manifest), ...namespaces];
}

function isOf(manifest: Manifest, ...kinds: string[]): boolean {
  return groupOf(manifest) === 'networking.istio.io' && kinds.includes(manifest.kind);
}
