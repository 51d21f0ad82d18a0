import { conditionsText } from './conditions';
import { conditionOn, DEFAULT_LANE_HEADER, laneHeaderOf, lanesOf, unknownLane } from './lanes';
import { MeshModel, MeshModelOptions } from './mesh-model';
import { groupOf, Manifest, named } from './objects';
import { Branch, Caveat, Ending, isInjected, Outcome } from './outcome';
import { probeOf, requestFor } from './probes';
import { mayBeHttp } from './protocols';
import { unique } from './route-outcome';
import { MeshService } from './services';
import { isAlias } from './sidecar-scope';
import { standInsFor, standInHosts } from './stand-ins';
import { isFallbackHost } from '../lanes/fallback';
import { DEFAULT_CLUSTER_DOMAIN, LostHost, lostHosts } from '../lanes/hosts';

/** A version and the share of requests that it serves. */
export interface Share {
  /** The version; `redirect`, `status 418`, or a failure such as `503 NC` where nobody serves. */
  readonly version: string;
  /** Above 0, at most 1. */
  readonly share: number;
  /** Who serves in its place when none of its pods is ready (a lane with fallback); absent where nobody would. */
  readonly fallback?: string[];
}

/** Requests that a rule with further conditions takes. */
export interface ConditionalShares {
  /** The conditions, for people. */
  readonly when: string;
  readonly serves: Share[];
}

/** Who serves one service for one lane. */
export interface MatrixCell {
  /** For requests that no condition but the lane header tells apart. */
  readonly serves: Share[];
  /** Requests that are served by others, by further conditions. */
  readonly conditional: ConditionalShares[];
  /** The lane is served as those without a lane are. */
  readonly baseline: boolean;
  /** Why requests fail. */
  readonly problems: string[];
}

/** One lane header value, and who serves it. */
export interface MatrixRow {
  /** The lane; `undefined` without `other` for requests that carry no lane header. */
  readonly lane?: string;
  /** The row stands for all values that no rule knows. */
  readonly other: boolean;
  readonly cells: MatrixCell[];
}

/** Lanes × services: which version serves whom inside the mesh. */
export interface Matrix {
  /** The lane header. */
  readonly header: string;
  /** The hosts, fully qualified, with their port where they have several, in the order of their names. */
  readonly services: string[];
  readonly rows: MatrixRow[];
  /** VirtualServices that have no effect on a host, since sidecars follow another one. */
  readonly lostHosts: LostHost[];
  /** Hosts that no manifest describes, and that are taken to be there. */
  readonly takenForGranted: string[];
  /** What is not modelled and could matter. */
  readonly caveats: Caveat[];
}

/** Options of `laneMatrix`. */
export interface MatrixOptions extends MeshModelOptions {
  /**
   * The lane header.
   * @default - the header that the woven rules match, `project-version` where there are none
   */
  readonly header?: string;
}

/**
 * Which version of each service serves each lane, for clients with a sidecar in the service's own namespace: what the
 * simulator says of requests to `/` that nothing but the lane header tells apart, and of those that further conditions do.
 *
 * Services that others deploy are taken to be there, with a version for each subset.
 *
 * @throws InvalidInput for rules that istiod would refuse
 */
export function laneMatrix(manifests: readonly Manifest[], options: MatrixOptions = {}): Matrix {
  const clusterDomain = options.clusterDomain ?? DEFAULT_CLUSTER_DOMAIN;
  const usable = manifests.filter((manifest) => manifest?.spec !== undefined || groupOf(manifest) === '');
  const standIns = standInsFor(usable, clusterDomain);
  const model = MeshModel.of([...usable, ...standIns], options);
  const header = options.header?.toLowerCase() ?? laneHeaderOf(model.virtualServices) ?? DEFAULT_LANE_HEADER;
  const lanes = lanesOf(model.virtualServices, header);
  const maker = new CellMaker(model, header);
  const columns = columnsOf(model);
  const without = columns.map((column) => maker.cell(column, undefined));
  const row = (value: string) => columns.map((column, index) => withBaseline(maker.cell(column, value), without[index]));
  return {
    header,
    services: columns.map(({ label }) => label),
    rows: [
      { other: false, cells: without.map((cell) => ({ ...cell, baseline: true })) },
      ...lanes.map((lane) => ({ lane, other: false, cells: row(lane) })),
      { other: true, cells: row(unknownLane(lanes)) },
    ],
    lostHosts: lostHosts(
      usable.filter((manifest) => groupOf(manifest) === 'networking.istio.io' && manifest.kind === 'VirtualService'),
      clusterDomain,
    ),
    takenForGranted: standInHosts(standIns),
    caveats: unique(maker.caveats),
  };
}

function withBaseline(cell: MatrixCell, baseline: MatrixCell): MatrixCell {
  const key = ({ serves, conditional }: MatrixCell) => JSON.stringify([serves, conditional]);
  return { ...cell, baseline: key(cell) === key(baseline) };
}

/** A service at one of its ports. */
interface Column {
  readonly label: string;
  readonly service: MeshService;
  readonly port: number;
}

/** Services that have workloads or rules; one column for each port that HTTP rules may be for. */
function columnsOf(model: MeshModel): Column[] {
  const ruled = new Set(model.virtualServices.flatMap(({ hosts }) => hosts));
  return model.services
    .filter((service) => !isAlias(service) && !service.hostname.startsWith('*') && (service.isKubernetes || ruled.has(service.hostname)))
    .flatMap((service) => {
      const http = service.ports.filter(({ protocol }) => mayBeHttp(protocol));
      const ports = http.length > 0 ? http : service.ports.slice(0, 1);
      return ports.map(({ number }) => ({ label: ports.length > 1 ? `${service.hostname}:${number}` : service.hostname, service, port: number }));
    });
}

class CellMaker {
  public readonly caveats: Caveat[] = [];

  constructor(
    private readonly model: MeshModel,
    private readonly header: string,
  ) {}

  public cell({ service, port }: Column, lane: string | undefined): MatrixCell {
    const outcome = this.send(service, port, lane, {});
    const serves = this.sharesOf(outcome.branches, service);
    const conditional = this.conditional(outcome, service, port, lane).filter(({ shares }) => JSON.stringify(shares) !== JSON.stringify(serves));
    const failures = [outcome, ...conditional.map((each) => each.outcome)].flatMap(({ branches }) => branches.filter(isFailure));
    return {
      serves,
      conditional: firstOfEach(conditional.map(({ when, shares }) => ({ when, serves: shares }))),
      baseline: false,
      problems: [...new Set(failures.map((branch) => problemOf(branch)))],
    };
  }

  private conditional(base: Outcome, service: MeshService, port: number, lane: string | undefined) {
    const owner = base.decision?.virtualService ?? base.decision?.delegatedBy;
    const vs = this.model.virtualServices.find(
      ({ object, rules }) => owner && (named(object) === named(owner) || rules.some((rule) => named(rule.owner) === named(owner))),
    );
    return (vs?.rules ?? []).flatMap((rule) =>
      rule.entries.flatMap(({ spec }) => {
        const when = conditionsText(spec, this.header);
        const wanted = conditionOn(spec?.headers, this.header);
        // A rule of another lane has nothing to say of this one.
        if (when === '' || (wanted?.exact !== undefined && wanted.exact !== lane)) return [];
        const probed = probeOf(withoutHeader(spec, this.header));
        if ('gaveUpOn' in probed) {
          const message = `${named(rule.owner)}: no request was found that meets ${when}, so who serves those is not shown`;
          this.caveats.push({ code: 'RequestUnknown', message, object: rule.owner });
          return [];
        }
        const outcome = this.send(service, port, lane, probed.probe);
        return [{ when, outcome, shares: this.sharesOf(outcome.branches, service) }];
      }),
    );
  }

  private send(service: MeshService, port: number, lane: string | undefined, probe: any): Outcome {
    const headers = { ...probe.headers, ...(lane === undefined ? {} : { [this.header]: lane }) };
    const request = requestFor({ ...probe, headers }, { namespace: service.namespace, labels: {} }, service.hostname, port);
    const outcome = this.model.send({ ...request, port });
    this.caveats.push(...outcome.caveats);
    return outcome;
  }

  private sharesOf(branches: readonly Branch[], service: MeshService): Share[] {
    const shares = new Map<string, Share>();
    for (const branch of branches) {
      for (const [version, share] of versionsOf(branch, service)) {
        const known = shares.get(version) ?? { version, share: 0, ...fallbackOf(branch) };
        shares.set(version, { ...known, share: known.share + share * branch.probability });
      }
    }
    return [...shares.values()];
  }
}

function versionsOf(branch: Branch, service: MeshService): [string, number][] {
  switch (branch.ending) {
    case Ending.REDIRECTED:
      return [['redirect', 1]];
    case Ending.ANSWERED:
      return [[`status ${branch.status}`, 1]];
    case Ending.FAILED:
      return [[[branch.status || 'no answer', branch.flag].filter(Boolean).join(' '), 1]];
    default: {
      const elsewhere = branch.destination && !isHostOf(branch.destination.host, service) ? `${branch.destination.host.split('.')[0]}:` : '';
      return branch.workloads.map(({ version, workload, share }) => [elsewhere + (version ?? workload), share]);
    }
  }
}

/** The service's own host, or one of those that its lanes with fallback have. */
function isHostOf(host: string, { hostname, namespace }: MeshService): boolean {
  return host === hostname || isFallbackHost(host, hostname.split('.')[0], namespace);
}

function fallbackOf({ standby = [] }: Branch): Pick<Share, 'fallback'> {
  return standby.length === 0 ? {} : { fallback: [...new Set(standby.map(({ version, workload }) => version ?? workload))] };
}

function isFailure({ ending, flag }: Branch): boolean {
  return ending === Ending.FAILED && !isInjected({ flag });
}

function problemOf({ status, flag, reason, cause }: Branch): string {
  return `${[status || 'no answer', flag].filter(Boolean).join(' ')}: ${reason}${cause && !reason.includes(named(cause)) ? ` (${named(cause)})` : ''}`;
}

function withoutHeader(entry: any, header: string): any {
  if (!entry?.headers) return entry;
  return { ...entry, headers: Object.fromEntries(Object.entries(entry.headers).filter(([name]) => name.toLowerCase() !== header)) };
}

function firstOfEach(conditional: ConditionalShares[]): ConditionalShares[] {
  return conditional.filter(
    ({ when, serves }, index) =>
      conditional.findIndex((other) => other.when === when && JSON.stringify(other.serves) === JSON.stringify(serves)) === index,
  );
}
