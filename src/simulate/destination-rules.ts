import { asList } from '../json';
import { NameIndex } from './names';
import { labelsOf, Manifest, numberOf, referenceTo, selects, textsOf } from './objects';
import { ObjectReference } from './outcome';
import { Labels } from './request';
import { MeshService } from './services';
import { byAge, expandHost, namespaceOf } from '../lanes/hosts';

/*
 * Which DestinationRules a client follows for a service, and what they say together.
 *
 * Source: `setDestinationRules`, `destinationRule` of istiod (pilot/pkg/model/push_context.go), `mergeDestinationRule`
 * (destination_rule.go), `MergeTrafficPolicy`.
 */

/** One subset. */
export interface Subset {
  readonly name: string;
  readonly labels: Labels;
  readonly trafficPolicy?: any;
}

/** DestinationRules of one host and namespace as one. */
export interface MergedDestinationRule {
  readonly from: readonly ObjectReference[];
  readonly namespace: string;
  readonly exportTo: ReadonlySet<string>;
  readonly workloadSelector?: Labels;
  readonly subsets: readonly Subset[];
  readonly trafficPolicy?: any;
}

type Index = NameIndex<MergedDestinationRule[]>;

/** All DestinationRules of a mesh. */
export class DestinationRules {
  /** Keys of labels of clients that some rule looks at. */
  public readonly selectorKeys = new Set<string>();
  private readonly local = new Map<string, Index>();
  private readonly exported = new Map<string, Index>();
  private readonly rootLocal: Index = new NameIndex();

  constructor(
    manifests: readonly Manifest[],
    private readonly rootNamespace: string,
    clusterDomain: string,
  ) {
    // Those with a selector first, so that they are not merged into others.
    const sorted = [...manifests].sort((one, other) => Number(hasSelector(other)) - Number(hasSelector(one)) || byAge(one, other));
    for (const manifest of sorted) this.add(manifest, expandHost(String(manifest.spec?.host ?? ''), namespaceOf(manifest), clusterDomain));
  }

  /** The rule that a client follows for a service. */
  public ruleFor(service: MeshService, clientNamespace: string, clientLabels: Labels): MergedDestinationRule | undefined {
    let everybody: MergedDestinationRule | undefined;
    for (const rule of this.rulesFor(service, clientNamespace)) {
      if (!rule.workloadSelector) everybody = rule;
      else if (rule.namespace === clientNamespace && selects(rule.workloadSelector, clientLabels)) return rule;
    }
    return everybody;
  }

  private rulesFor(service: MeshService, clientNamespace: string): MergedDestinationRule[] {
    const own = clientNamespace === this.rootNamespace ? this.rootLocal : this.local.get(clientNamespace);
    const found = own?.find(service.hostname);
    if (found) return found;
    const besideService = this.visible(service.namespace, service.hostname, clientNamespace);
    return besideService.length > 0 ? besideService : this.visible(this.rootNamespace, service.hostname, clientNamespace);
  }

  private visible(namespace: string, hostname: string, clientNamespace: string): MergedDestinationRule[] {
    const found = this.exported.get(namespace)?.find(hostname) ?? [];
    return found.filter(({ exportTo }) => exportTo.size === 0 || exportTo.has('*') || exportTo.has(clientNamespace));
  }

  private add(manifest: Manifest, host: string): void {
    const namespace = namespaceOf(manifest);
    const spec = manifest.spec ?? {};
    const workloadSelector = hasSelector(manifest) ? labelsOf(spec.workloadSelector.matchLabels) : undefined;
    for (const key of [...Object.keys(workloadSelector ?? {}), ...failoverKeys(spec)]) this.selectorKeys.add(key);
    // `.` is not made the namespace's name here: it only decides whether rules are merged.
    const exportTo = new Set(workloadSelector ? ['.'] : textsOf(spec.exportTo));
    const rule: MergedDestinationRule = {
      from: [referenceTo(manifest)],
      namespace,
      exportTo,
      workloadSelector,
      subsets: asList(spec.subsets).map((subset) => ({
        name: String(subset?.name),
        labels: labelsOf(subset?.labels),
        trafficPolicy: subset?.trafficPolicy,
      })),
      trafficPolicy: spec.trafficPolicy ?? undefined,
    };
    if (exportTo.size === 0 || ['*', '.', namespace].some((entry) => exportTo.has(entry))) merge(indexOf(this.local, namespace), host, rule);
    const isPrivate = exportTo.size === 1 && (exportTo.has('.') || exportTo.has(namespace));
    if (!isPrivate) merge(indexOf(this.exported, namespace), host, rule);
    else if (namespace === this.rootNamespace) merge(this.rootLocal, host, rule);
  }
}

/** Labels that a client is compared with its endpoints by. */
function failoverKeys(spec: any): string[] {
  const policies = [spec.trafficPolicy, ...asList(spec.subsets).map((subset) => subset?.trafficPolicy)];
  const all = policies.flatMap((policy) => [policy, ...asList(policy?.portLevelSettings)]);
  return all.flatMap((policy) => textsOf(policy?.loadBalancer?.localityLbSetting?.failoverPriority).filter((label) => !label.includes('=')));
}

function hasSelector(manifest: Manifest): boolean {
  return manifest.spec?.workloadSelector !== undefined && manifest.spec.workloadSelector !== null;
}

function indexOf(indexes: Map<string, Index>, namespace: string): Index {
  const known = indexes.get(namespace);
  if (known) return known;
  const index: Index = new NameIndex();
  indexes.set(namespace, index);
  return index;
}

function merge(index: Index, host: string, rule: MergedDestinationRule): void {
  const known = index.get(host);
  if (!known) {
    index.add(host, [rule]);
    return;
  }
  let apart = true;
  for (const [position, other] of known.entries()) {
    const equal = sameMembers(rule.exportTo, other.exportTo);
    const covers = other.exportTo.size > 0 && [...other.exportTo].every((entry) => rule.exportTo.has(entry));
    apart = !equal;
    if (!equal && !covers) continue;
    const bothSelect = rule.workloadSelector !== undefined && other.workloadSelector !== undefined;
    const sameSelector = sameLabels(rule.workloadSelector ?? {}, other.workloadSelector ?? {});
    if (bothSelect && !sameSelector) {
      apart = true;
      continue;
    }
    if (bothSelect || (!rule.workloadSelector && !other.workloadSelector)) apart = false;
    const taken = new Set(other.subsets.map(({ name }) => name));
    known[position] = {
      ...other,
      from: [...other.from, ...rule.from],
      subsets: [...other.subsets, ...rule.subsets.filter(({ name }) => !taken.has(name))],
      trafficPolicy: other.trafficPolicy ?? rule.trafficPolicy,
    };
  }
  if (apart) known.push(rule);
}

function sameMembers(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((entry) => other.has(entry));
}

function sameLabels(one: Labels, other: Labels): boolean {
  return Object.keys(one).length === Object.keys(other).length && selects(one, other);
}

const FIELDS = ['connectionPool', 'outlierDetection', 'loadBalancer', 'tls', 'tunnel', 'proxyProtocol', 'retryBudget'];
/** Fields that settings of a port replace even where they leave them out. */
const PORT_FIELDS = ['connectionPool', 'outlierDetection', 'loadBalancer', 'tls'];

/** The policy in force for a port and subset: a port's settings replace the general ones, a subset's do so field by field. */
export function effectivePolicy(rule: MergedDestinationRule | undefined, port: number, subset: Subset | undefined): any {
  if (!rule) return undefined;
  const policy = pick(atPort(rule.trafficPolicy, port), FIELDS);
  const own = subset?.trafficPolicy;
  if (own) {
    Object.assign(policy, pick(own, FIELDS));
    const settings = portSettings(own, port);
    if (settings) for (const field of PORT_FIELDS) policy[field] = settings[field];
  }
  for (const field of Object.keys(policy)) if (policy[field] === undefined || policy[field] === null) delete policy[field];
  return Object.keys(policy).length > 0 ? policy : undefined;
}

/**
 * The mode of TLS by which istiod marks endpoints. Other than for the policy, settings of a port that say no TLS leave that of the
 * whole in force.
 *
 * Source: `tlsModeForDestinationRule` (pilot/pkg/xds/endpoints/mtls_checker.go).
 */
export function endpointTls(rule: MergedDestinationRule | undefined, port: number, subset: Subset | undefined): string | undefined {
  const modeOf = (policy: any): string | undefined => portSettings(policy, port)?.tls?.mode ?? policy?.tls?.mode;
  return modeOf(subset?.trafficPolicy) ?? modeOf(rule?.trafficPolicy);
}

/** The general policy, or what its settings for the port put in its place. */
function atPort(policy: any, port: number): any {
  const settings = portSettings(policy, port);
  return settings ? { ...pick(policy, ['tunnel', 'proxyProtocol', 'retryBudget']), ...pick(settings, PORT_FIELDS) } : (policy ?? {});
}

function portSettings(policy: any, port: number): any {
  return asList(policy?.portLevelSettings).find((settings) => numberOf(settings?.port?.number) === port);
}

function pick(object: any, fields: readonly string[]): any {
  return Object.fromEntries(fields.filter((field) => object?.[field] !== undefined && object[field] !== null).map((field) => [field, object[field]]));
}
