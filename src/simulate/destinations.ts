import { DestinationRules, effectivePolicy, endpointTls, MergedDestinationRule } from './destination-rules';
import { Backend, byPriority, Endpoints } from './endpoints';
import { named, numberOf, selects } from './objects';
import { Destination, ObjectReference } from './outcome';
import { PortProtocol } from './protocols';
import { Labels } from './request';
import { Route } from './routes';
import { MeshService, Resolution } from './services';
import { isAlias, ProxyScope } from './sidecar-scope';
import { expandHost } from '../lanes/hosts';

/** A proxy, as its clusters depend on it. */
export interface Proxy {
  readonly namespace: string;
  readonly labels: Labels;
  readonly scope: ProxyScope;
  readonly isGateway: boolean;
}

/** A destination, found or not. */
export interface FoundDestination {
  readonly destination: Destination;
  readonly service?: MeshService;
  readonly backends: readonly Backend[];
  /** Who waits until all of these are gone. */
  readonly standby?: readonly Backend[];
  /** Why a request to it fails, if it does. */
  readonly failure?: { readonly flag: string; readonly reason: string; readonly cause?: ObjectReference };
  /** It goes where the client's connection went, whatever the rule says. */
  readonly goesToOriginal: boolean;
  /** The mode of TLS by which istiod marks its endpoints. */
  readonly endpointTls?: string;
}

/** Finds what rules route to. */
export class Destinations {
  constructor(
    private readonly endpoints: Endpoints,
    private readonly destinationRules: DestinationRules,
    private readonly services: readonly MeshService[],
    private readonly clusterDomain: string,
  ) {}

  /** What a rule's destination means to a proxy. `owner` has the rule. */
  public ofRule(written: any, owner: ObjectReference, route: Route, proxy: Proxy): FoundDestination {
    const host = expandHost(String(written?.host ?? ''), owner.namespace ?? proxy.namespace, this.clusterDomain);
    const service = route.lookup(host);
    const onlyPort = service?.ports.length === 1 && proxy.isGateway ? service.ports[0].number : undefined;
    const port = numberOf(written?.port?.number) ?? onlyPort ?? route.port;
    return this.find(service?.aliasOf ?? host, port, written?.subset ? String(written.subset) : undefined, proxy, owner);
  }

  /** A service that no rule is for. */
  public ofService(service: MeshService, port: number, proxy: Proxy): FoundDestination {
    return this.find(service.hostname, port, undefined, proxy);
  }

  /** All pods behind a port of a service, as clients meet them that no rule is for. */
  public podsOf(service: MeshService, port: number): readonly Backend[] {
    return this.endpoints.of(service, port);
  }

  private find(host: string, port: number, subsetName: string | undefined, proxy: Proxy, cause?: ObjectReference): FoundDestination {
    const cluster = `outbound|${port}|${subsetName ?? ''}|${host}`;
    const service = proxy.scope.services.get(host);
    const base = { cluster, host, port, ...(subsetName === undefined ? {} : { subset: subsetName }) };
    const missing = (reason: string, by: ObjectReference | undefined = cause): FoundDestination => ({
      destination: { ...base, destinationRules: [] },
      service,
      backends: [],
      goesToOriginal: false,
      failure: { flag: 'NC', reason, cause: by },
    });
    if (!service || isAlias(service)) return missing(this.whyUnknown(host, proxy));
    const found = service.ports.find(({ number }) => number === port);
    if (!found || found.protocol === PortProtocol.UDP) {
      const ports = service.ports.map(({ number }) => number).join(', ');
      return missing(`${host} has no port ${port} (it has ${ports || 'none'})`);
    }
    const rule = this.destinationRules.ruleFor(service, proxy.namespace, proxy.labels);
    const subset = rule?.subsets.find(({ name }) => name === subsetName);
    if (subsetName !== undefined && !subset) return missing(this.whyNoSubset(host, subsetName, rule, service, proxy));
    const policy = effectivePolicy(rule, port, subset);
    const backends = this.endpoints.of(service, port, subset?.labels);
    const { first, standby } = byPriority(backends, policy, proxy.labels);
    const destination: Destination = { ...base, destinationRules: rule?.from ?? [], policy };
    // Gateways do not know where clients meant to go.
    const goesToOriginal = service.resolution === Resolution.ORIGINAL && !proxy.isGateway;
    const failure =
      backends.some(({ pods }) => pods > 0) || goesToOriginal ? undefined : this.whyEmpty(host, subsetName, subset?.labels, backends, rule, service);
    const endpoints = { backends: failure ? backends : first, standby, endpointTls: endpointTls(rule, port, subset) };
    return { destination, service, failure, goesToOriginal, ...endpoints };
  }

  private whyUnknown(host: string, { namespace, scope }: Proxy): string {
    const hidden = this.services.find(({ hostname }) => hostname === host);
    if (hidden && isAlias(hidden)) return `${host} is another name for ${hidden.aliasOf}, and cannot be routed to by itself`;
    if (hidden && scope.sidecar) return `${host} is not among the hosts that ${named(scope.sidecar)} lets this proxy know`;
    if (hidden) return `${named(hidden.object)} is not exported to namespace ${namespace}`;
    const full = this.services.find(({ hostname }) => hostname.startsWith(`${host}.`) || hostname === host.toLowerCase().replace(/\.$/, ''));
    return `no Service or ServiceEntry has the host ${host}${full ? `; ${full.hostname} is the full name of one that is there` : ''}`;
  }

  private whyNoSubset(
    host: string,
    subset: string,
    rule: MergedDestinationRule | undefined,
    service: MeshService,
    { namespace, labels }: Proxy,
  ): string {
    if (!rule) return `no DestinationRule that namespace ${namespace} sees defines subset ${subset} of ${host}`;
    const others = this.destinationRules.ruleFor(service, service.namespace, labels);
    const elsewhere =
      others && others !== rule && others.subsets.some(({ name }) => name === subset)
        ? `; ${others.from.map(named).join(', ')} defines it, and is not the one that applies here`
        : '';
    return `${rule.from.map(named).join(', ')} defines no subset ${subset} of ${host} (it has ${rule.subsets.map(({ name }) => name).join(', ') || 'none'})${elsewhere}`;
  }

  private whyEmpty(
    host: string,
    subset: string | undefined,
    labels: Labels | undefined,
    backends: readonly Backend[],
    rule: MergedDestinationRule | undefined,
    service: MeshService,
  ) {
    const what = subset === undefined ? host : `subset ${subset} of ${host}`;
    const idle = backends.map(({ namespace, name }) => `${namespace}/${name}`);
    const asked = Object.entries({ ...service.selector, ...labels })
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    const nobody = service.selector ? `no pods have the labels ${asked}` : 'it has no endpoints';
    const wrongSubset =
      subset !== undefined &&
      labels &&
      this.endpoints.of(service, service.ports[0]?.number ?? 0).every((backend) => !selects(labels, backend.labels));
    const cause = wrongSubset && idle.length === 0 ? rule?.from[0] : service.object;
    return {
      flag: 'UH',
      reason: `${what} has no ready pods: ${idle.length > 0 ? `${idle.join(', ')} has none` : nobody}`,
      cause: idle.length > 0 ? (backends[0].workload?.object ?? cause) : cause,
    };
  }
}
