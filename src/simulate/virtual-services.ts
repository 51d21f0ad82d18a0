import { InvalidInput, shown } from '../errors';
import { asList } from '../json';
import { mergedWithDelegate } from './delegates';
import { CompiledMatch, compileMatch } from './matching';
import { exportedTo, isVisible, Manifest, named, referenceTo, textsOf } from './objects';
import { ObjectReference } from './outcome';
import { Complaint, StringMatches } from './string-match';
import { byAge, expandHost, namespaceOf } from '../lanes/hosts';

/** The gateway that stands for all sidecars. */
export const MESH = 'mesh';

/** A rule of `spec.http`, its delegate's merged in, with what it needs to be applied. */
export interface Rule {
  /** The VirtualService that has it. */
  readonly owner: ObjectReference;
  readonly delegatedBy?: ObjectReference;
  /** Where it stands in its owner's `spec.http`. */
  readonly index: number;
  /** As written, fields of the delegating rule filled in. Hosts in it are relative to `owner`. */
  readonly spec: any;
  /** Its match entries; one `undefined` where it has none. */
  readonly entries: readonly RuleEntry[];
}

/** One entry of a rule's `match`. */
export interface RuleEntry {
  readonly index?: number;
  readonly spec: any;
  /** `gateways` resolved. */
  readonly gateways: readonly string[];
  readonly match: CompiledMatch;
}

/** A VirtualService, its names resolved. */
export interface VirtualService {
  readonly object: ObjectReference;
  readonly namespace: string;
  readonly name: string;
  /** Expanded, as written in case. */
  readonly hosts: readonly string[];
  /** `mesh`, or `namespace/name`. */
  readonly gateways: readonly string[];
  readonly exportTo: ReadonlySet<string>;
  readonly rules: readonly Rule[];
  readonly manifest: Manifest;
}

/** What building VirtualServices needs. */
export interface VirtualServiceOptions {
  readonly clusterDomain: string;
  readonly strings: StringMatches;
  /** Where a manifest was read, for messages. */
  readonly where: (manifest: Manifest) => string | undefined;
}

/**
 * The VirtualServices that proxies may follow, in istiod's order; delegates are merged into those that delegate to them.
 *
 * @throws InvalidInput for what istiod would not take: regular expressions that are none, delegates that delegate
 */
export function virtualServicesOf(manifests: readonly Manifest[], options: VirtualServiceOptions): VirtualService[] {
  const sorted = [...manifests].sort(byAge);
  const delegates = new Map<string, Manifest>();
  for (const manifest of sorted) {
    if (asList(manifest.spec?.hosts).length === 0) delegates.set(`${namespaceOf(manifest)}/${manifest.metadata?.name}`, manifest);
  }
  return sorted.filter((manifest) => asList(manifest.spec?.hosts).length > 0).map((manifest) => virtualServiceOf(manifest, delegates, options));
}

function virtualServiceOf(manifest: Manifest, delegates: ReadonlyMap<string, Manifest>, options: VirtualServiceOptions): VirtualService {
  const namespace = namespaceOf(manifest);
  const { spec } = manifest;
  const gateways = textsOf(spec.gateways).map((gateway) => resolvedGateway(gateway, namespace));
  return {
    object: referenceTo(manifest),
    namespace,
    name: String(manifest.metadata?.name),
    hosts: textsOf(spec.hosts).map((host) => expandHost(host, namespace, options.clusterDomain)),
    gateways: gateways.length > 0 ? gateways : [MESH],
    exportTo: exportedTo(spec.exportTo, namespace),
    rules: asList(spec.http).flatMap((rule, index) => rulesOf(rule, index, manifest, delegates, options)),
    manifest,
  };
}

function rulesOf(rule: any, index: number, manifest: Manifest, delegates: ReadonlyMap<string, Manifest>, options: VirtualServiceOptions): Rule[] {
  if (rule === null || typeof rule !== 'object') throw complaint(manifest, index, options)('http', 'must be a list of rules', rule);
  if (!rule.delegate) return [compiled({ owner: referenceTo(manifest), index, spec: rule }, manifest, options)];
  const namespace = namespaceOf(manifest);
  const delegate = delegates.get(`${rule.delegate.namespace || namespace}/${rule.delegate.name}`);
  // istiod leaves out a rule whose delegate is not there or not to be seen.
  if (!delegate || !isVisible(exportedTo(delegate.spec?.exportTo, namespaceOf(delegate)), namespace)) return [];
  return asList(delegate.spec?.http).flatMap((inner, innerIndex) => {
    if (inner?.delegate) {
      throw complaint(delegate, innerIndex, options)(
        'delegate',
        `must not stand in a VirtualService that ${named(referenceTo(manifest))} delegates to (one level is all that Istio follows)`,
        `${inner.delegate.namespace ?? namespaceOf(delegate)}/${inner.delegate.name}`,
      );
    }
    // What is inherited means what it meant where it stood.
    const spec = mergedWithDelegate(fullyNamed(rule, namespace, options), fullyNamed(inner ?? {}, namespaceOf(delegate), options));
    return spec === undefined
      ? []
      : [compiled({ owner: referenceTo(delegate), delegatedBy: referenceTo(manifest), index: innerIndex, spec }, delegate, options)];
  });
}

function compiled(rule: Omit<Rule, 'entries'>, owner: Manifest, options: VirtualServiceOptions): Rule {
  const complain = complaint(owner, rule.index, options);
  const entries = asList(rule.spec.match);
  const entryOf = (spec: any, index?: number): RuleEntry => ({
    index,
    spec,
    gateways: textsOf(spec?.gateways).map((gateway) => resolvedGateway(gateway, namespaceOf(owner))),
    match: compileMatch(spec, options.strings, complain),
  });
  return { ...rule, entries: entries.length > 0 ? entries.map(entryOf) : [entryOf(undefined)] };
}

/** The rule with its gateways and mirrors named so that they mean the same in another namespace. */
function fullyNamed(rule: any, namespace: string, { clusterDomain }: VirtualServiceOptions): any {
  const target = (destination: any) =>
    destination?.host === undefined ? destination : { ...destination, host: expandHost(String(destination.host), namespace, clusterDomain) };
  const result: any = { ...rule };
  if (rule.mirror) result.mirror = target(rule.mirror);
  if (rule.mirrors) result.mirrors = asList(rule.mirrors).map((mirror) => ({ ...mirror, destination: target(mirror?.destination) }));
  if (rule.match) {
    result.match = asList(rule.match).map((entry) =>
      entry?.gateways ? { ...entry, gateways: textsOf(entry.gateways).map((gateway) => resolvedGateway(gateway, namespace)) } : entry,
    );
  }
  return result;
}

/** Refusals that name the object, the rule and where it was read. */
function complaint(manifest: Manifest, index: number, options: VirtualServiceOptions): Complaint {
  return (property, problem, value) => {
    const place = options.where(manifest);
    return new InvalidInput(
      'VirtualServiceRule',
      `${place ? `${place}: ` : ''}${named(referenceTo(manifest))}: '${property}' of http[${index}] ${problem}, got ${shown(value)}`,
    );
  };
}

/** A gateway as istiod names it: `namespace/name`. */
export function resolvedGateway(gateway: string, namespace: string): string {
  if (gateway === MESH) return MESH;
  if (gateway.includes('/')) return gateway.startsWith('./') ? `${namespace}/${gateway.slice(2)}` : gateway;
  const [name, owner] = gateway.split('.');
  return `${owner ?? namespace}/${name}`;
}
