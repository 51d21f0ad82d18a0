import { asList } from '../json';
import { ChangedObjects } from './diff-objects';
import { candidatesOf, HostContext, sendersOf } from './diff-senders';
import { MeshModel } from './mesh-model';
import { isCoveredBy, isWildcard, overlap } from './names';
import { addTo, groupOf, labelsOf, Manifest, numberOf, selects, textsOf } from './objects';
import { policyEntries } from './policy-entries';
import { hostLike } from './probes';
import { PortProtocol, protocolNamed } from './protocols';
import { PodSender, Sender } from './request';
import { MeshService } from './services';
import { MESH, VirtualService } from './virtual-services';
import { expandHost, namespaceOf } from '../lanes/hosts';

/** How many kinds of pods call each host. */
export const MOST_SENDERS = 20;

/** Where requests are sent to, and what may tell them apart there. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Each is treated in its own way; the first is the plainest. */
  readonly senders: readonly Sender[];
  /** How many there would be without a bound. */
  readonly allSenders: number;
  /** What rules and policies of either side ask of requests: match entries. */
  readonly entries: readonly any[];
}

/** Hosts and ports of both sides, and who may call them. */
export function targetsOf(before: MeshModel, after: MeshModel, changed: ChangedObjects): Target[] {
  const sides = [before, after].map((model) => new Side(model));
  // To pods without sidecar only what the receiving side demands is something.
  const withBare = changed.objects.some((manifest) => groupOf(manifest) === 'security.istio.io');
  return [...meshTargets(sides, withBare), ...gatewayTargets(sides)];
}

/** One of the meshes, as far as both are asked the same. */
class Side {
  public readonly policies: readonly Manifest[];
  private readonly inMesh: NamedAll<VirtualService>;
  private readonly services: NamedAll<MeshService>;

  constructor(public readonly model: MeshModel) {
    this.policies = model.manifests.filter(({ kind }) => kind === 'AuthorizationPolicy');
    this.inMesh = new NamedAll(model.virtualServices.filter((vs) => isBoundTo(vs, MESH)), ({ hosts }) => hosts);
    this.services = new NamedAll(model.services, ({ hostname }) => [hostname]);
  }

  /** Hosts that pods call: of services, and of rules for names that no service has. */
  public meshHosts(): { host: string; port: number; tls: boolean }[] {
    const { services, clusterDomain } = this.model;
    const ofServices = services.flatMap(({ hostname, ports }) =>
      ports
        .filter(({ protocol }) => protocol !== PortProtocol.UDP)
        .map(({ number, protocol }) => ({ host: hostLike(hostname), port: number, tls: protocol === PortProtocol.TLS })),
    );
    const known = new Set(services.map(({ hostname }) => hostname.toLowerCase()));
    // Names under a wildcard that are the cluster's are those of its services.
    const isNothingNew = (host: string) => known.has(host.toLowerCase()) || host === '*' || (isWildcard(host) && host.endsWith(`.${clusterDomain}`));
    const ofRules = this.inMesh.all.flatMap((vs) =>
      vs.hosts
        .filter((host) => !isNothingNew(host))
        .flatMap((host) => portsOf(vs).map((port) => ({ host: hostLike(host), port, tls: false }))),
    );
    return [...ofServices, ...ofRules];
  }

  /** What decides about requests of pods to a host. */
  public contextOf(host: string): HostContext & { readonly entries: readonly any[] } {
    const { model } = this;
    const virtualServices = this.inMesh.covering(host);
    const services = this.servicesBehind(host, virtualServices);
    const rules = virtualServices.flatMap((vs) => vs.rules);
    const ofConnections = virtualServices.flatMap(({ manifest: { spec } }) => [...asList(spec.tcp), ...asList(spec.tls)]);
    const policies = this.policiesFor(services.map(({ namespace }) => namespace));
    return {
      mesh: model,
      services,
      virtualServices,
      policies,
      sources: [...rules.flatMap(({ spec }) => asList(spec.match)), ...ofConnections.flatMap((rule) => asList(rule?.match))],
      entries: [...entriesFor(virtualServices, MESH), ...policies.flatMap(policyEntries)],
    };
  }

  /** HTTP, TLS and TCP servers of gateways with the hosts that they are asked for. */
  public gatewayHosts(): { from: Sender; host: string; port: number; tls: boolean; entries: readonly any[] }[] {
    return this.model.gateways.flatMap((gateway) => {
      const name = `${namespaceOf(gateway)}/${gateway.metadata?.name}`;
      const bound = new NamedAll(this.model.virtualServices.filter((vs) => isBoundTo(vs, name)), ({ hosts }) => hosts);
      const selector = labelsOf(gateway.spec?.selector);
      // A Gateway that asks for fewer labels is for the pods of others, too.
      const pods = unique(this.model.gateways.map((other) => labelsOf(other.spec?.selector)).filter((labels) => selects(selector, labels)));
      const homes = this.model.workloads.filter(({ labels }) => selects(selector, labels)).map(({ namespace }) => namespace);
      return asList(gateway.spec?.servers).flatMap((server) => {
        const port = numberOf(server?.port?.number);
        if (port === undefined) return [];
        const served = textsOf(server.hosts).map((host) => host.split('/').pop()!);
        const asked = bound.all.flatMap((vs) => namesIn(vs)).filter((host) => served.some((each) => overlap(host, each)));
        return [...new Set([...served, ...asked].map(hostLike))].flatMap((host) => {
          const virtualServices = bound.covering(host);
          const namespaces = [...this.servicesBehind(host, virtualServices).map(({ namespace }) => namespace), ...homes, namespaceOf(gateway)];
          const entries = [...entriesFor(virtualServices, name), ...this.policiesFor(namespaces).flatMap(policyEntries)];
          return pods.map((labels) => ({ from: { gateway: labels }, host, port, tls: speaksTls(server), entries }));
        });
      });
    });
  }

  private policiesFor(namespaces: readonly string[]): Manifest[] {
    return this.policies.filter((policy) => [this.model.rootNamespace, ...namespaces].includes(namespaceOf(policy)));
  }

  /** The services that have a host, and those that its rules send to. */
  private servicesBehind(host: string, virtualServices: readonly VirtualService[]): MeshService[] {
    const named = new Set<string>();
    for (const vs of virtualServices) {
      const add = (destination: any, home: string) => {
        if (destination?.host) named.add(expandHost(String(destination.host), home, this.model.clusterDomain));
      };
      for (const { spec, owner } of vs.rules) {
        const home = owner.namespace ?? vs.namespace;
        for (const route of [...asList(spec.route), ...asList(spec.mirrors)]) add(route?.destination, home);
        add(spec.mirror, home);
      }
      const { tcp, tls } = vs.manifest.spec;
      for (const rule of [...asList(tcp), ...asList(tls)]) for (const route of asList(rule?.route)) add(route?.destination, vs.namespace);
    }
    return [...new Set([...this.services.covering(host), ...[...named].flatMap((name) => this.services.named(name))])];
  }
}

/** Whether sidecars (`mesh`) or a gateway follow some of its rules. */
function isBoundTo({ gateways, rules }: VirtualService, gateway: string): boolean {
  return gateways.includes(gateway) || rules.some(({ entries }) => entries.some((entry) => entry.gateways.includes(gateway)));
}

/** Match entries that are for sidecars (`mesh`) or for a gateway. */
function entriesFor(virtualServices: readonly VirtualService[], gateway: string): any[] {
  const entries = virtualServices.flatMap(({ rules }) => rules.flatMap((rule) => rule.entries));
  return entries.filter(({ gateways }) => gateways.length === 0 || gateways.includes(gateway)).map(({ spec }) => spec);
}

/** Things that have names, some of which stand for many. */
class NamedAll<T> {
  private readonly full = new Map<string, T[]>();
  private readonly wildcards = new Map<string, T[]>();

  constructor(
    public readonly all: readonly T[],
    namesOf: (each: T) => readonly string[],
  ) {
    for (const each of all) {
      for (const name of namesOf(each)) addTo(isWildcard(name) ? this.wildcards : this.full, name.toLowerCase(), each);
    }
  }

  /** Those that have exactly this name. */
  public named(name: string): readonly T[] {
    return (isWildcard(name) ? this.wildcards : this.full).get(name.toLowerCase()) ?? [];
  }

  /** Those that a host is one of. */
  public covering(host: string): T[] {
    const wide = [...this.wildcards].flatMap(([name, all]) => (isCoveredBy(host.toLowerCase(), name) ? all : []));
    return [...new Set([...this.named(host), ...wide])];
  }
}

/** Names under which connections to a VirtualService come: its hosts, and the server names of its TLS rules. */
function namesIn({ hosts, manifest }: VirtualService): string[] {
  const entries = asList(manifest.spec.tls).flatMap((rule) => asList(rule?.match));
  return [...hosts, ...entries.flatMap((entry) => textsOf(entry?.sniHosts))];
}

/** The ports that rules for a name without service ask for, else the usual one. */
function portsOf({ rules, manifest }: VirtualService): number[] {
  const { tcp, tls } = manifest.spec;
  const entries = [...rules.map(({ spec }) => spec), ...asList(tcp), ...asList(tls)].flatMap((rule) => asList(rule?.match));
  const ports = entries.flatMap((entry) => numberOf(entry?.port) || []);
  return ports.length > 0 ? [...new Set(ports)] : [80];
}

function speaksTls({ port, tls }: any): boolean {
  const protocol = protocolNamed(String(port?.protocol ?? ''));
  return protocol === PortProtocol.TLS || (protocol !== PortProtocol.HTTP && tls !== undefined && tls !== null);
}

function meshTargets(sides: readonly Side[], withBare: boolean): Target[] {
  const candidates = candidatesOf(sides.map(({ model }) => model));
  const hosts = new Map(sides.flatMap((side) => side.meshHosts()).map((each) => [JSON.stringify(each), each]));
  const known = new Map<string, Pick<Target, 'senders' | 'allSenders' | 'entries'>>();
  return [...hosts.values()].map((target) => {
    const shared = known.get(target.host) ?? callersOf(target.host, candidates, sides, withBare);
    known.set(target.host, shared);
    return { ...target, ...shared };
  });
}

function callersOf(
  host: string,
  candidates: readonly PodSender[],
  sides: readonly Side[],
  withBare: boolean,
): Pick<Target, 'senders' | 'allSenders' | 'entries'> {
  const contexts = sides.map((side) => side.contextOf(host));
  const [service] = contexts.flatMap(({ services }) => services.filter(({ hostname }) => isCoveredBy(host, hostname.toLowerCase())));
  const home = service?.namespace ?? contexts.flatMap(({ virtualServices }) => virtualServices)[0]?.namespace ?? 'default';
  const senders = sendersOf(home, candidates, contexts, withBare);
  return { senders: senders.slice(0, MOST_SENDERS), allSenders: senders.length, entries: distinct(contexts.flatMap(({ entries }) => entries)) };
}

function gatewayTargets(sides: readonly Side[]): Target[] {
  const targets = new Map<string, Target>();
  for (const { from, host, port, tls, entries } of sides.flatMap((side) => side.gatewayHosts())) {
    const key = JSON.stringify([from, host, port, tls]);
    const known = targets.get(key);
    targets.set(key, { host, port, tls, senders: [from], allSenders: 1, entries: [...(known?.entries ?? []), ...entries] });
  }
  return [...targets.values()].map((target) => ({ ...target, entries: distinct(target.entries) }));
}

/** Entries that ask for something, each once. */
function distinct(entries: readonly any[]): any[] {
  const asking = entries.filter((entry) => entry !== null && typeof entry === 'object');
  return unique(asking);
}

function unique<T>(all: readonly T[]): T[] {
  return [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
}
