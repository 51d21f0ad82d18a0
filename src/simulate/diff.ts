import { ChangedObjects } from './diff-objects';
import { MOST_SENDERS, Target, targetsOf } from './diff-targets';
import { connectionRuleKey, unshownDifferences } from './diff-unmodelled';
import { MeshModel } from './mesh-model';
import { Outcome } from './outcome';
import { Probe, probesFor, requestFor } from './probes';
import { Sender, SimulatedRequest } from './request';
import { failuresOf, wayText, whereText } from './where-text';
import { canSend } from './wishes';
import { portProblem } from '../traffic/predicates';

/** What changes for a request. */
export interface Change {
  /** The simplest request that was found. */
  readonly request: SimulatedRequest;
  readonly before: string;
  readonly after: string;
  /** Why requests fail after the change; empty where none does. */
  readonly failures: readonly string[];
  /** The destination or the failure changes; otherwise it is only how the request gets there. */
  readonly isMove: boolean;
  /** How many more of the requests that were tried change alike. */
  readonly others: number;
}

/** The difference between two sets of manifests, as requests feel it. */
export interface RouteDiff {
  readonly changes: readonly Change[];
  /** How many requests were compared. */
  readonly compared: number;
  /** What differs and was not compared: nothing can be said of it. */
  readonly incomplete: readonly string[];
}

/** Options of `diffRoutes`. */
export interface DiffOptions {
  /**
   * How many requests are compared for each host, port and sender.
   * @default 2000
   */
  readonly limit?: number;
}

/**
 * Which requests change where they go between two meshes. Compared are, for each host and port of either side, from pods that
 * either side treats otherwise than those beside the service and through each gateway: a plain request; one for each set of
 * texts of a part of the request (path, method, header, ...) that the matches and policies of both sides treat alike; what
 * matches of three or more conditions ask for; and all pairs of these.
 */
export function diffRoutes(before: MeshModel, after: MeshModel, options: DiffOptions = {}): RouteDiff {
  const changed = new ChangedObjects(before.manifests, after.manifests);
  const differ = new Differ(before, after, changed, options.limit ?? 2000);
  for (const target of targetsOf(before, after, changed)) differ.compare(target);
  const incomplete = [...unshownDifferences([before, after], changed, differ.reached), ...differ.incomplete];
  return { changes: differ.changes(), compared: differ.compared, incomplete: [...new Set(incomplete)] };
}

class Differ {
  public compared = 0;
  public readonly incomplete = new Set<string>();
  /** Rules of connections that some request met. */
  public readonly reached = new Set<string>();
  private readonly found = new Map<string, { change: Omit<Change, 'others'>; size: number; others: number }>();

  constructor(
    private readonly before: MeshModel,
    private readonly after: MeshModel,
    private readonly changed: ChangedObjects,
    private readonly limit: number,
  ) {}

  public compare(target: Target): void {
    const { host, port, senders, allSenders, entries } = target;
    const problem = portProblem(port) ?? (canSend({ kind: 'authority' }, host) ? undefined : 'is no host');
    if (problem !== undefined) {
      this.incomplete.add(`${host}:${port}: requests cannot be sent: it ${problem}`);
      return;
    }
    const { probes, all } = probesFor(entries, this.limit);
    for (const from of senders) for (const probe of probes) this.tryOne(target, from, probe);
    if (this.changed.objects.length === 0) return;
    if (all > probes.length) this.incomplete.add(`${host}: ${probes.length} requests were compared of ${all}; --limit compares more`);
    if (allSenders > senders.length) this.incomplete.add(`${host}: requests of ${MOST_SENDERS} kinds of pods were compared of ${allSenders}`);
  }

  public changes(): Change[] {
    return [...this.found.values()].map(({ change, others }) => ({ ...change, others }));
  }

  private tryOne({ host, port, tls }: Target, from: Sender, probe: Probe): void {
    const request = requestFor(probe, from, host, port, tls);
    this.compared++;
    const [old, young] = [this.before.send(request), this.after.send(request)];
    this.note(old);
    this.note(young);
    const [before, after] = [whereText(old), whereText(young)];
    const isMove = before !== after;
    const [shownBefore, shownAfter] = isMove ? [before, after] : [wayText(old), wayText(young)];
    if (shownBefore === shownAfter) return;
    // Whoever else sends from the mesh and fares alike is no news.
    const key = JSON.stringify(['gateway' in from ? from : 'mesh', host, port, tls, shownBefore, shownAfter]);
    const size = JSON.stringify(probe).length;
    const known = this.found.get(key);
    const change = { request, before: shownBefore, after: shownAfter, failures: failuresOf(young), isMove };
    if (!known) this.found.set(key, { change, size, others: 0 });
    else this.found.set(key, size < known.size ? { change, size, others: known.others + 1 } : { ...known, others: known.others + 1 });
  }

  /** What differs and could matter to a request, though it is not modelled. */
  private note({ caveats, decision }: Outcome): void {
    for (const { code, object, message } of caveats) {
      if (object && this.changed.has(object)) this.incomplete.add(message);
      if (code === 'Tcp' && decision?.virtualService && decision.rule) this.reached.add(connectionRuleKey(decision.virtualService, decision.rule.index));
    }
  }
}
