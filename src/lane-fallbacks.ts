import { Construct } from 'constructs';
import { AppProtocol } from './app-protocol';
import { demand, demandLabels, InvalidInput } from './errors';
import { fallbackDestination, fallbackEntry, FallbackParts, FallbackPort, fallbackProblems, fallbackRule, fallbackRuleProblems } from './lanes/fallback';
import { LaneDestination } from './lanes/weave';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import type { MeshHost, MeshHostProps } from './mesh-host';
import { Fallback } from './traffic/fallback';
import { portProblem } from './traffic/predicates';
import { tryProblems } from './traffic/rule-problems';

/** What ServiceEntries call the protocols whose requests lanes can take. */
const PROTOCOLS: Record<AppProtocol, string> = {
  [AppProtocol.HTTP]: 'HTTP',
  [AppProtocol.HTTP2]: 'HTTP2',
  [AppProtocol.H2C]: 'HTTP2',
  [AppProtocol.GRPC]: 'GRPC',
  [AppProtocol.GRPC_WEB]: 'GRPC-WEB',
  [AppProtocol.HTTPS]: 'HTTPS',
  [AppProtocol.TLS]: 'TLS',
  [AppProtocol.TCP]: 'TCP',
  [AppProtocol.UNSPECIFIED]: '',
};

/**
 * The lanes of a host that the baseline serves where they cannot: for each of them the objects that make a host of its own.
 *
 * Emits, for each lane with fallback, a DestinationRule `<service>-<lane>-fallback` and the ServiceEntries
 * `<service>-<lane>-fallback-baseline` and `<service>-<lane>-fallback-lane`, in that order.
 */
export class LaneFallbacks extends Construct {
  private readonly fallback: Fallback;
  private readonly ports: FallbackPort[];
  private readonly selector?: Record<string, string>;
  private readonly lanes = new Map<string, LaneFallback>();
  private readonly namespaces = new Map<string, () => string>();

  constructor(private readonly host: MeshHost, id: string, props: MeshHostProps) {
    super(host, id);
    this.fallback = props.fallback === undefined ? Fallback.of() : props.fallback;
    demand('fallback', props.fallback, Fallback._KIND(this.fallback), {
      code: 'Fallback', scope: host, remedy: 'whether lanes fall back is said of the StainedRoute or the lane: fallback: true',
    });
    if (props.selector !== undefined) demandLabels('selector', props.selector, host);
    this.selector = props.selector;
    for (const [property, targetPort] of [['targetPort', props.targetPort], ...(props.additionalPorts ?? []).map((each) => ['additionalPorts.targetPort', each.targetPort])] as const) {
      if (targetPort !== undefined) demand(String(property), targetPort, portProblem(Number(targetPort)), { code: 'Port', scope: host });
    }
    this.ports = [props, ...props.additionalPorts ?? []].flatMap(({ port, targetPort = port, protocol = 'http', appProtocol }) => (port === undefined ? [] : [{
      number: port, targetPort: targetPort!, protocol: appProtocol === undefined ? protocol.toUpperCase() : PROTOCOLS[appProtocol],
    }]));
  }

  /** Refuses what stands in the way of a lane's fallback, before anything of the lane is there. */
  public check(lane: string, labels: Record<string, string>, scope: Construct): void {
    if (!this.fallback._falls) return;
    if (this.selector === undefined) {
      throw new InvalidInput('FallbackImpossible', `'fallback' needs to know the pods of ${this.host.hostName}, whose selector the app does not say: other pods may have the same labels; `
        + 'say it: MeshHost({ selector: { app: … } })', scope);
    }
    const [problem] = [...this.nobodyStandsBy(), ...fallbackProblems(this.partsOf(lane, labels))];
    if (problem) throw new InvalidInput('FallbackImpossible', `'fallback' ${problem}`, scope);
  }

  /** The baseline serves the lane where it cannot. */
  public add(lane: string): void {
    if (!this.fallback._falls) return;
    this.lanes.set(lane, new LaneFallback(this, lane, {
      parts: () => this.partsOf(lane),
      trafficPolicy: () => this.host._policyOf(lane),
      problems: () => this.problemsOf(lane),
    }));
  }

  /** Where the pods of a version are that the app deploys, whatever patches say. */
  public locate(version: string, namespace: () => string): void {
    this.namespaces.set(version, namespace);
  }

  /** Where `weave` sends a lane's requests; `undefined` for lanes that do not fall back. */
  public destination(lane: string): LaneDestination | undefined {
    return this.lanes.has(lane) ? fallbackDestination({ lane, service: this.host.name, namespace: this.host.namespace }, this.tries) : undefined;
  }

  private get tries() {
    return this.fallback._tries(this.host._said.retries?._toManifest());
  }

  private partsOf(lane: string, labels: Record<string, string> = this.host._labelsOf(lane)): FallbackParts {
    const { name, namespace } = this.host;
    return {
      lane,
      service: name,
      namespace,
      ports: this.ports,
      lanePods: { namespace, labels: { ...this.selector, ...labels } },
      baselinePods: { namespace, labels: { ...this.selector, ...this.host._labelsOf(this.host._standby!) } },
      outlierDetection: this.fallback._ejection,
      connectTimeout: this.fallback._connectTimeout,
    };
  }

  /** Without labels of theirs the Service's selector would take the pods of all lanes for those that serve everybody. */
  private nobodyStandsBy(): string[] {
    const { hostName, _standby: standby } = this.host;
    return this.host._isRetired(standby)
      ? [`needs a version of ${hostName} that serves everybody: ${standby} is retired, and the default rule routes to other hosts; keep that version, or say Fallback.none() of this host`]
      : [];
  }

  private problemsOf(lane: string): string[] {
    const { lanePods, baselinePods, ...parts } = this.partsOf(lane);
    const deployed = (version: string) => this.namespaces.get(version)?.() ?? this.host.namespace;
    const found = [...this.nobodyStandsBy(), ...fallbackProblems({
      ...parts,
      lanePods: { ...lanePods, namespace: deployed(lane) },
      baselinePods: { ...baselinePods, namespace: deployed(this.host._standby!) },
    }, this.host._policyOf(lane))];
    const idle = tryProblems({ timeout: this.host._shortestTimeout, ...this.tries.rule }).map(({ field, problem }) => `of ${this.host.hostName} cannot work: '${field}' ${problem}`);
    return [...found, ...idle].map((problem) => `'fallback' ${problem}`);
  }
}

interface LaneFallbackProps {
  readonly parts: () => FallbackParts;
  readonly trafficPolicy: () => any;
  readonly problems: () => string[];
}

/** The host of a lane's own. */
class LaneFallback extends Construct {
  private checkedAt = -1;
  private problems: string[] = [];

  constructor(scope: Construct, lane: string, props: LaneFallbackProps) {
    super(scope, lane);
    const { parts, trafficPolicy } = props;
    const emit = (id: string, manifest: () => any) => {
      const { apiVersion, kind, metadata } = manifest();
      return new ManifestObject(this, id, { apiVersion, kind, metadata, spec: () => manifest().spec });
    };
    // In the order in which they must come: without the rule requests would be spread over lane and baseline.
    const { apiVersion, kind, metadata } = fallbackRule(parts());
    const rule = new ManifestObject(this, 'DestinationRule', { apiVersion, kind, metadata, spec: () => fallbackRule(parts(), trafficPolicy()).spec });
    emit('baseline', () => fallbackEntry(parts(), 'baseline'));
    emit('lane', () => fallbackEntry(parts(), 'lane'));
    this.node.addValidation({ validate: () => this.validateFallback(() => this.problemsWith(rule, props)) });
  }

  private problemsWith(rule: ManifestObject, { problems }: LaneFallbackProps): string[] {
    const found = problems();
    return found.length > 0 ? found : fallbackRuleProblems(rule._baseline()).map((problem) => `'fallback' ${problem}`);
  }

  /** cdk8s validates the whole app once per chart, so the answer is kept until something is contributed. */
  private validateFallback(problems: () => string[]): string[] {
    const { revision } = Mesh.of(this);
    if (this.checkedAt !== revision) {
      this.checkedAt = revision;
      this.problems = problems();
    }
    return this.problems;
  }
}
