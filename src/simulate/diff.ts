import { laneHeaderOf, lanesOf } from './lanes';
import { MeshModel } from './mesh-model';
import { labelsOf, textsOf } from './objects';
import { Ending, isInjected, Outcome } from './outcome';
import { atomsOf, entriesOf, hostLike, joined, Probe, probeOf, ProbeResult, requestFor } from './probes';
import { mayBeHttp } from './protocols';
import { Labels, Sender, SimulatedRequest } from './request';
import { percent } from './story';
import { asList } from '../json';
import { compareText } from '../lanes/hosts';

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
  /** What was not compared: nothing can be said of it. */
  readonly incomplete: readonly string[];
}

/** Options of `diffRoutes`. */
export interface DiffOptions {
  /**
   * How many requests are compared for each host and sender.
   * @default 2000
   */
  readonly limit?: number;
}

/**
 * Which requests change where they go between two meshes. Compared are, for each host and port of either side, from a pod of
 * the service's namespace, from pods that rules tell apart and through each gateway: a plain request; one for each single thing
 * that a match of either side asks for; one for each match entry; each lane; and all pairs of these.
 */
export function diffRoutes(before: MeshModel, after: MeshModel, options: DiffOptions = {}): RouteDiff {
  const differ = new Differ(before, after, options.limit ?? 2000);
  for (const target of targetsOf(before, after)) differ.compare(target);
  return { changes: differ.changes(), compared: differ.compared, incomplete: [...differ.incomplete] };
}

interface Target {
  readonly from: Sender;
  readonly host: string;
  readonly port: number;
  /** Match entries of the rules that may have a say. */
  readonly entries: readonly any[];
}

class Differ {
  public compared = 0;
  public readonly incomplete = new Set<string>();
  private readonly found = new Map<string, { change: Omit<Change, 'others'>; size: number; others: number }>();
  private readonly header: string;
  private readonly lanes: readonly string[];

  constructor(
    private readonly before: MeshModel,
    private readonly after: MeshModel,
    private readonly limit: number,
  ) {
    this.header = laneHeaderOf(after.virtualServices) ?? laneHeaderOf(before.virtualServices) ?? 'project-version';
    this.lanes = [...new Set([...lanesOf(before.virtualServices, this.header), ...lanesOf(after.virtualServices, this.header)])];
  }

  public compare(target: Target): void {
    const probes = this.probesFor(target);
    for (const probe of probes) this.tryOne(target, probe);
  }

  public changes(): Change[] {
    return [...this.found.values()].map(({ change, others }) => ({ ...change, others }));
  }

  private probesFor({ entries, host }: Target): Probe[] {
    const results = entries.flatMap((entry): ProbeResult[] => [probeOf(entry), ...atomsOf(entry)]);
    for (const result of results) {
      if ('gaveUpOn' in result) {
        this.incomplete.add(`${host}: no text was found that ${result.gaveUpOn} takes; requests that meet it were not compared`);
      }
    }
    const singles = distinct([
      ...this.lanes.map((lane): Probe => ({ headers: { [this.header]: lane } })),
      ...results.flatMap((result) => ('probe' in result ? [result.probe] : [])),
    ]);
    const all = new Map<string, Probe>([['{}', {}], ...singles.map((probe): [string, Probe] => [JSON.stringify(probe), probe])]);
    const pairs = (singles.length * (singles.length - 1)) / 2;
    for (let one = 0; one < singles.length && all.size < this.limit; one++) {
      for (let other = one + 1; other < singles.length && all.size < this.limit; other++) {
        const both = joined(singles[one], singles[other]);
        if (both) all.set(JSON.stringify(both), both);
      }
    }
    if (all.size >= this.limit && pairs + singles.length + 1 > this.limit) {
      this.incomplete.add(`${host}: ${this.limit} requests were compared of ${pairs + singles.length + 1}; --limit compares more`);
    }
    return [...all.values()];
  }

  private tryOne({ from, host, port }: Target, probe: Probe): void {
    const request = requestFor(probe, from, host, port);
    this.compared++;
    const [old, young] = [this.before.send(request), this.after.send(request)];
    const [before, after] = [whereText(old), whereText(young)];
    const [beforeWay, afterWay] = [wayText(old), wayText(young)];
    if (before === after && beforeWay === afterWay) return;
    const isMove = before !== after;
    const [shownBefore, shownAfter] = isMove ? [before, after] : [beforeWay, afterWay];
    const key = JSON.stringify([from, host, port, shownBefore, shownAfter]);
    const size = JSON.stringify(probe).length;
    const known = this.found.get(key);
    const change = { request, before: shownBefore, after: shownAfter, failures: failuresOf(young), isMove };
    if (!known) this.found.set(key, { change, size, others: 0 });
    else this.found.set(key, size < known.size ? { change, size, others: known.others + 1 } : { ...known, others: known.others + 1 });
  }
}

function failuresOf({ branches }: Outcome): string[] {
  return [...new Set(branches.filter((branch) => branch.ending === Ending.FAILED && !isInjected(branch)).map(({ reason }) => reason))];
}

/** Where a request ends, in a few words. */
export function whereText(outcome: Outcome): string {
  const parts = new Map<string, number>();
  for (const branch of outcome.branches) {
    if (branch.ending === Ending.SERVED || branch.ending === Ending.OUTSIDE) {
      for (const { namespace, workload, share } of branch.workloads) {
        addTo(parts, namespace ? `${namespace}/${workload}` : workload, branch.probability * share);
      }
    } else if (branch.ending === Ending.REDIRECTED) {
      addTo(parts, `${branch.status} to ${branch.location}`, branch.probability);
    } else {
      addTo(parts, [branch.status || 'no answer', branch.flag].filter(Boolean).join(' '), branch.probability);
    }
  }
  return [...parts]
    .sort(([one], [other]) => compareText(one, other))
    .map(([name, share]) => (share > 0.999999 ? name : `${percent(share)} ${name}`))
    .join(', ');
}

/** How it gets there: what a rule changes on the way, as far as it shows in the answer or at the destination. */
function wayText(outcome: Outcome): string {
  const { timeoutMs, retries, fault, mirrors } = outcome;
  const parts = [
    `timeout ${timeoutMs === undefined ? 'none' : `${timeoutMs} ms`}`,
    `retries ${retries ? `${retries.attempts} on ${retries.on.join(',')}${retries.perTryTimeoutMs === undefined ? '' : ` ${retries.perTryTimeoutMs} ms each`}` : 'none'}`,
    ...(fault?.delay ? [`delay ${fault.delay.ms} ms for ${fault.delay.percent} %`] : []),
    ...mirrors.map(
      ({ percent: share, workloads, lost }) => `mirror ${share} % to ${lost ? 'nobody' : workloads.map(({ workload }) => workload).join('+')}`,
    ),
    ...new Set(
      outcome.branches.flatMap(({ sent, answerHeaders, destination }) => [
        ...(sent && sent.path !== outcome.path ? [`path ${sent.path}`] : []),
        ...(sent && sent.authority !== outcome.authority ? [`Host ${sent.authority}`] : []),
        ...(sent ? Object.entries(sent.headers).map(([name, values]) => `${name}: ${values.join(',')}`) : []),
        ...answerHeaders
          .filter(({ name }) => name !== 'x-served-lane')
          .map(({ action, name, value }) => `answer: ${action} ${name} ${value ?? ''}`.trimEnd()),
        ...(destination?.policy ? [`policy ${JSON.stringify(destination.policy)}`] : []),
      ]),
    ),
  ];
  return parts.join('; ');
}

function addTo(parts: Map<string, number>, name: string, share: number): void {
  parts.set(name, (parts.get(name) ?? 0) + share);
}

/** Hosts and ports of both sides, and who may call them. */
function targetsOf(before: MeshModel, after: MeshModel): Target[] {
  const models = [before, after];
  const targets = new Map<string, Target>();
  const add = (target: Target) => {
    const key = JSON.stringify([target.from, target.host, target.port]);
    const known = targets.get(key);
    targets.set(key, known ? { ...known, entries: [...known.entries, ...target.entries] } : target);
  };
  for (const model of models) for (const target of [...meshTargets(model), ...gatewayTargets(model)]) add(target);
  return [...targets.values()];
}

function meshTargets(model: MeshModel): Target[] {
  return model.services
    .filter(({ hostname }) => !hostname.startsWith('*'))
    .flatMap(({ hostname, ports, namespace }) => {
      const entries = entriesOf(
        model.virtualServices
          .filter(({ gateways, hosts }) => gateways.includes('mesh') && hosts.some((host) => covers(host, hostname)))
          .flatMap(({ rules }) => rules),
      );
      const sources = entries.flatMap((entry) =>
        entry.sourceLabels || entry.sourceNamespace
          ? [{ namespace: String(entry.sourceNamespace ?? namespace), labels: labelsOf(entry.sourceLabels) }]
          : [],
      );
      const senders: { namespace: string; labels: Labels }[] = [{ namespace, labels: {} }, ...sources];
      return ports
        .filter(({ protocol }) => mayBeHttp(protocol))
        .flatMap(({ number }) => senders.map((from) => ({ from, host: hostname, port: number, entries })));
    });
}

function gatewayTargets(model: MeshModel): Target[] {
  return model.gateways.flatMap((gateway) => {
    const name = `${gateway.metadata?.namespace ?? 'default'}/${gateway.metadata?.name}`;
    const bound = model.virtualServices.filter(({ gateways }) => gateways.includes(name));
    const from: Sender = { gateway: labelsOf(gateway.spec?.selector) };
    return asList(gateway.spec?.servers)
      .filter((server) => ['HTTP', 'HTTP2', 'GRPC', 'HTTPS'].includes(String(server?.port?.protocol).toUpperCase()))
      .flatMap((server) => {
        const hosts = new Set([...textsOf(server.hosts), ...bound.flatMap((vs) => vs.hosts)].map(hostLike));
        return [...hosts].map((host) => ({
          from,
          host,
          port: Number(server.port.number),
          entries: entriesOf(bound.filter((vs) => vs.hosts.some((each) => covers(each, host))).flatMap(({ rules }) => rules)),
        }));
      });
  });
}

function covers(name: string, host: string): boolean {
  return name.startsWith('*') ? host.endsWith(name.slice(1)) : name === host;
}

function distinct(probes: readonly Probe[]): Probe[] {
  return [...new Map(probes.map((probe) => [JSON.stringify(probe), probe])).values()];
}
