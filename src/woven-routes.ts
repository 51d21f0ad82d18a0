import { Construct } from 'constructs';
import { asList } from './json';
import { expandHost, namespaceOf } from './lanes/hosts';
import { allowLaneHeader, laneHeaders, LaneTable, weave, WeaveRefused, Woven } from './lanes/weave';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { ruleProblems } from './traffic/rule-problems';
import { unreachableRules } from './traffic/unreachable';
import { Warnings } from './warnings';

/** Properties of `WovenRoutes`. */
export interface WovenRoutesProps {
  readonly name: string;
  readonly namespace: string;
  /** The spec of the baseline, asked for at each rendering. */
  readonly spec: () => any;
  /**
   * What stands in the way of that spec.
   * @default - nothing ever does
   */
  readonly problems?: () => string[];
  /**
   * What becomes of the baseline by the app's lanes.
   * @default - what `weave` makes of it, where the app has lanes
   */
  readonly weave?: (manifest: any, table: LaneTable | undefined) => Woven | undefined;
}

/**
 * A VirtualService of ours, into which the app's lanes are woven. The user's patches come before the weaving, so the copies
 * of lanes inherit them.
 */
export class WovenRoutes extends ManifestObject {
  private checkedAt = -1;
  private problems: string[] = [];
  private readonly problemsOfSpec: () => string[];
  private readonly weave: NonNullable<WovenRoutesProps['weave']>;

  constructor(scope: Construct, id: string, props: WovenRoutesProps) {
    super(scope, id, {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: props.name, namespace: props.namespace },
      spec: props.spec,
      finish: (manifest) => this.withLanes(manifest),
    });
    this.weave = props.weave ?? weaveApp;
    this.problemsOfSpec = props.problems ?? (() => []);
    this.node.addValidation({ validate: () => this.validateRoutes() });
  }

  private warnOfUnreachable(baseline: any): void {
    const rules = asList(baseline.spec?.http);
    for (const { index, taker } of unreachableRules(rules)) {
      const named = rules[index]?.name ? ` (${rules[index].name})` : '';
      Warnings.of(this).add(this, 'RuleUnreachable', `spec.http[${index}]${named} gets no requests: spec.http[${taker}], which is tried before it, takes them; put the narrower rule first`);
    }
  }

  private withLanes(manifest: any): any {
    const mesh = Mesh.of(this);
    const table = mesh.laneTable(routedHosts(manifest, mesh.clusterDomain));
    const woven = this.weave(manifest, table);
    if (!woven) return manifest;
    const { virtualService, warnings } = woven;
    for (const { code, path, message } of warnings) Warnings.of(this).add(this, code, `${path} ${message}`);
    return virtualService;
  }

  /** cdk8s validates the whole app once per chart, so the answer is kept until something is contributed. */
  private validateRoutes(): string[] {
    const { revision } = Mesh.of(this);
    if (this.checkedAt !== revision) {
      this.checkedAt = revision;
      this.problems = this.findProblems();
    }
    return this.problems;
  }

  private findProblems(): string[] {
    const problems = this.problemsOfSpec();
    if (problems.length > 0) return problems;
    const baseline = this._baseline();
    const impossible = asList(baseline.spec?.http).flatMap((rule, index) => ruleProblems(rule).map(({ field, problem }) => `spec.http[${index}] '${field}' ${problem}`));
    if (impossible.length > 0) return impossible;
    this.warnOfUnreachable(baseline);
    try {
      const woven = this.withLanes(baseline);
      const toCome = Mesh.of(this).laneTableToCome();
      if (toCome) weave(woven, toCome);
      return [];
    } catch (error) {
      if (!(error instanceof WeaveRefused)) throw error;
      return error.problems.map(({ path, message }) => `${path} ${message}`);
    }
  }
}

/** A VirtualService with the lanes of the app. */
export function weaveApp(manifest: any, table: LaneTable | undefined): Woven | undefined {
  return table && weave(allowLaneHeader(manifest, ...laneHeaders(table)), table);
}

/** The hosts that a VirtualService routes to, expanded. */
export function routedHosts(manifest: any, clusterDomain: string): Set<string> {
  const rules = ['http', 'tcp', 'tls'].flatMap((kind) => manifest.spec?.[kind] ?? []);
  const mirrors = rules.flatMap((rule) => [rule.mirror, ...(rule.mirrors ?? []).map((policy: any) => policy.destination)]);
  const destinations = [...rules.flatMap((rule) => (rule.route ?? []).map((entry: any) => entry.destination)), ...mirrors];
  return new Set(destinations.filter((destination) => destination?.host).map(({ host }) => expandHost(host, namespaceOf(manifest), clusterDomain)));
}
