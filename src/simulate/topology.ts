import { CALLS_ANNOTATION } from '../calls';
import { InvalidInput, shown } from '../errors';
import { MeshModel } from './mesh-model';
import { Manifest } from './objects';
import { Workload } from './workloads';
import { portProblem } from '../traffic/predicates';

/** One call that an application makes while it answers. */
export interface Call {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** What manifests do not say of who calls whom. */
export interface TopologyOptions {
  /**
   * Whom applications call, by the name of a Deployment or Service, also as `namespace/name`: `host`, `host:port` or
   * `host:port/path`. What is said of a Deployment replaces what is said of its Service.
   * @default - what the annotations `cdk8s-lanes/calls` say
   */
  readonly calls?: Readonly<Record<string, readonly string[]>>;

  /**
   * Headers that applications pass on, beside the lane header.
   * @default - none
   */
  readonly forwards?: readonly string[];

  /**
   * What an application sends as lane header when it got none.
   * @default - it sends none
   */
  readonly absentLane?: string;
}

/** Who calls whom, and what they pass on. */
export class Topology {
  /** Names of headers that are passed on, in lower case. */
  public readonly forwards: readonly string[];
  private readonly known = new Map<Workload, readonly Call[]>();

  constructor(
    private readonly model: MeshModel,
    private readonly options: TopologyOptions,
    public readonly laneHeader: string,
  ) {
    this.forwards = [...new Set([laneHeader, ...(options.forwards ?? [])].map((name) => name.toLowerCase()))];
    for (const name of Object.keys(options.calls ?? {})) this.demandKnown(name);
  }

  /** What an application passes on of a request's headers. */
  public passedOn(headers: Readonly<Record<string, readonly string[]>>): Record<string, readonly string[]> {
    const passed = Object.fromEntries(this.forwards.filter((name) => headers[name]).map((name) => [name, headers[name]]));
    const { absentLane } = this.options;
    return absentLane === undefined || passed[this.laneHeader] ? passed : { ...passed, [this.laneHeader]: [absentLane] };
  }

  /** Whom the pods of a workload call while they answer. */
  public callsOf(workload: Workload): readonly Call[] {
    const cached = this.known.get(workload);
    if (cached) return cached;
    const calls = this.findCalls(workload);
    this.known.set(workload, calls);
    return calls;
  }

  private findCalls(workload: Workload): readonly Call[] {
    const own = this.said(workload.namespace, workload.name) ?? annotated(workload.manifest);
    if (own !== undefined) return own.map((text) => callOf(text, `${workload.namespace}/${workload.name}`));
    const services = this.model.services.filter(
      (service) =>
        service.isKubernetes &&
        service.namespace === workload.namespace &&
        service.selector &&
        Object.entries(service.selector).every(([key, value]) => workload.labels[key] === value),
    );
    const texts = services.flatMap(
      ({ namespace, object, annotations }) => this.said(namespace, object.name) ?? listed(annotations[CALLS_ANNOTATION]) ?? [],
    );
    return [...new Set(texts)].map((text) => callOf(text, `${workload.namespace}/${workload.name}`));
  }

  private said(namespace: string, name: string): readonly string[] | undefined {
    return this.options.calls?.[`${namespace}/${name}`] ?? this.options.calls?.[name];
  }

  private demandKnown(name: string): void {
    const names = [
      ...this.model.workloads.map((each) => [each.namespace, each.name]),
      ...this.model.services.filter(({ isKubernetes }) => isKubernetes).map((each) => [each.namespace, each.object.name]),
    ];
    if (names.some(([namespace, short]) => name === short || name === `${namespace}/${short}`)) return;
    throw new InvalidInput(
      'CallerUnknown',
      `'calls' must name Deployments or Services of the manifests, got ${shown(name)} (known: ${[...new Set(names.map(([, short]) => short))].join(', ') || 'none'})`,
    );
  }
}

function annotated(manifest: Manifest): string[] | undefined {
  return listed(manifest.metadata?.annotations?.[CALLS_ANNOTATION]);
}

function listed(text: unknown): string[] | undefined {
  return typeof text === 'string'
    ? text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    : undefined;
}

/** `host`, `host:port`, `host:port/path`. */
function callOf(text: string, caller: string): Call {
  const parts = /^(?:http:\/\/)?([^\s:/]+)(?::(\d+))?(\/\S*)?$/.exec(text);
  const port = Number(parts?.[2] ?? 80);
  if (!parts || portProblem(port)) {
    throw new InvalidInput('Call', `'calls' of ${caller} must be host, host:port or host:port/path, got ${shown(text)}`);
  }
  return { host: parts[1], port, path: parts[3] ?? '/' };
}
