import { Construct } from 'constructs';
import { Callbacks, CallbackProps } from './callback';
import { CanaryService } from './canary-service';
import { demand, demandLabels } from './errors';
import { isOver } from './expiry';
import { demandKind, demandKinds, instance, Kind, OPTIONS } from './kinds';
import { callbackScript, ScriptedCallback } from './lua/callback-script';
import { LuaContext, LuaFilter } from './lua-filter';
import { Mesh } from './mesh';
import { namespaceFor, objectName } from './mesh-host';
import { Warnings } from './warnings';
import { gatewayOf } from './workload-facts';

/** Pods that somebody else deploys. */
export interface WorkloadReference {
  /** The labels of the pods. */
  readonly labels: Record<string, string>;

  /**
   * Their namespace.
   * @default - the chart's namespace; a chart without one is refused
   */
  readonly namespace?: string;
}

/** Where callbacks are known, and get their lane. */
export class CallbackPlace {
  /** @internal */
  public static readonly _KIND: Kind = instance(CallbackPlace, 'CallbackPlace.gateway()');

  /**
   * At the gateway pods, before their routes are chosen: this very hop follows the lane. The gateway must be open
   * (`Staining.open()`); a closed one takes the header away again, and its own `addCallback` needs no Lua.
   *
   * @param workload the gateway pods; by default those labelled `istio: ingressgateway` in `istio-system`
   */
  public static gateway(workload: WorkloadReference = { labels: { istio: 'ingressgateway' }, namespace: 'istio-system' }): CallbackPlace {
    return new CallbackPlace('GATEWAY', workload);
  }

  /** At the sidecars of a service's pods, when requests come in: the service itself stays who it is, hops further on follow the lane, if it forwards the header. */
  public static inbound(service: CanaryService): CallbackPlace {
    demandKind('service', service, instance(CanaryService, 'new CanaryService(…)'));
    return new CallbackPlace('SIDECAR_INBOUND', service._workload);
  }

  /** As `inbound`, for pods that somebody else deploys. */
  public static inboundOf(workload: WorkloadReference): CallbackPlace {
    return new CallbackPlace('SIDECAR_INBOUND', workload);
  }

  private constructor(
    /** @internal */
    public readonly _context: LuaContext,
    /** @internal */
    public readonly _workload: WorkloadReference,
  ) {
    demandKind('workload', _workload, OPTIONS);
  }
}

/** Properties of `CallbackFilter`. */
export interface CallbackFilterProps {
  /** Where the callbacks come in. */
  readonly at: CallbackPlace;

  /**
   * The EnvoyFilter's name.
   * @default - the construct's id
   */
  readonly name?: string;
}

/**
 * Callbacks that get their lane by Lua in a proxy: where the gateway is not the app's own, or where the entry is a service. Where the
 * app has the gateway, `MeshGateway.addCallback` does the same without.
 *
 * Emits an `EnvoyFilter` with the program, for the pods of `at`; nothing when no callback is left. A lane header that a request brings
 * is kept: missing, empty or `-` is none. Names are escaped, so that no text can leave its literal. Tested with Istio 1.31; an
 * EnvoyFilter reaches into the proxy's inside, so try it again with each new minor version. Ambient mode has no such filters.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/envoy-filter/
 */
export class CallbackFilter extends Construct {
  private readonly callbacks: Callbacks;
  private readonly props: CallbackFilterProps;
  private readonly place: Construct;
  private filter?: LuaFilter;

  /** Refused: pods without labels, a chart without namespace. */
  constructor(scope: Construct, id: string, props: CallbackFilterProps) {
    super(scope, id);
    demandKinds(props, { at: CallbackPlace._KIND }, { scope: this });
    this.props = props;
    const { labels } = props.at._workload;
    demandLabels('at.labels', labels, this);
    demand('at.labels', '{}', Object.keys(labels).length === 0 ? 'must name a label of the pods: without one all pods of the namespace are meant' : undefined, { code: 'WorkloadLabels', scope: this });
    this.callbacks = new Callbacks(this);
    this.place = new Construct(this, 'filter');
    namespaceFor(this, props.at._workload.namespace, 'at.namespace');
    objectName(this, 'name', props.name === undefined ? id : props.name);
    this.node.addValidation({ validate: () => this.warnOfClosedGateway() });
  }

  /**
   * One callback: the first that a request matches counts.
   *
   * Refused: what tells no request apart, `*` as host, two callbacks for the same requests, days that are none; at synth a lane that
   * the app does not have, one whose requests all belong to another lane's before it.
   */
  public addCallback(id: string, props: CallbackProps): this {
    const added = this.callbacks.add(id, props);
    if (props.expires === undefined) {
      Warnings.of(this).add(this, 'CallbackWithoutExpiry', `callback '${id}' has no 'expires', and whoever calls knows how to get into its lane for ever; say until when it is needed`);
    }
    if (!isOver(this, `callback '${id}'`, added.expires)) this.ensureFilter();
    return this;
  }

  private ensureFilter(): void {
    const { at, name } = this.props;
    this.filter ??= new LuaFilter(this.place, 'Resource', {
      name: name ?? this.node.id,
      namespace: namespaceFor(this, at._workload.namespace, 'at.namespace'),
      workload: at._workload.labels,
      context: at._context,
      filterName: 'cdk8s-lanes.callbacks',
      script: () => callbackScript(Mesh.of(this).laneHeader, this.live),
    });
  }

  /** A gateway takes the header away again when it has chosen the route. */
  private warnOfClosedGateway(): string[] {
    const { _context: context, _workload: { labels, namespace } } = this.props.at;
    if (context !== 'GATEWAY' || this.live.length === 0) return [];
    const gateway = gatewayOf({ workloadLabels: labels, workloadNamespace: namespaceFor(this, namespace) }, Mesh.of(this));
    if (gateway?._takesLanesAway) {
      Warnings.of(this).add(this, 'CallbackFilterIdle', `'at' is the gateway ${gateway.node.path}, which is closed, and so follows no lane header and takes it away: the filter does nothing there; `
        + 'use its own addCallback, or say Staining.open() of it');
    }
    return [];
  }

  private get live(): ScriptedCallback[] {
    return this.callbacks.live().map(([, props]) => props);
  }
}
