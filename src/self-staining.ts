import { Construct } from 'constructs';
import { InvalidInput } from './errors';
import { demandKinds, Kind } from './kinds';
import { selfStainingScript } from './lua/callback-script';
import { LuaFilter } from './lua-filter';
import { Mesh } from './mesh';
import { objectName } from './mesh-host';
import { ServiceVersion } from './service-version';
import { VersionDeployment } from './version-deployment';

/** Properties of `SelfStaining`. */
export interface SelfStainingProps {
  /** The lane's version, as `Lane.serve` returns it. */
  readonly version: ServiceVersion;

  /**
   * The name of the EnvoyFilter.
   * @default - `<deployment>-self-staining`
   */
  readonly name?: string;
}

const VERSION: Kind = (value) => (value instanceof Object && 'deployment' in value ? undefined : 'must be a version, as Lane.serve returns it');

/**
 * Requests that a lane's own pods originate carry the lane: jobs and consumers that were asked by nobody, and applications that do not
 * forward the lane header. A request that says a lane itself keeps it (missing, empty or `-` is none).
 *
 * Emits an `EnvoyFilter` (Lua, SIDECAR_OUTBOUND) for the pods of the version; the very hop is routed by the header that it sets. It
 * needs sidecars: ambient mode has no such filters. Tested with Istio 1.31.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/envoy-filter/
 */
export class SelfStaining extends Construct {
  /** Refused: a version without a name, as its pods are everybody's. */
  constructor(scope: Construct, id: string, props: SelfStainingProps) {
    super(scope, id);
    demandKinds(props, { version: VERSION }, { scope: this });
    const { version } = props.version;
    const deployment = props.version.deployment as VersionDeployment;
    if (version === undefined) throw new InvalidInput('SelfStainingVersion', "'version' must be a lane's, got one without a name; its pods serve everybody", this);
    const { name = `${deployment.name}-self-staining` } = props;
    new LuaFilter(this, 'Resource', {
      name: objectName(this, 'name', name),
      namespace: deployment.metadata.namespace!,
      workload: deployment._selectorLabels,
      context: 'SIDECAR_OUTBOUND',
      filterName: 'cdk8s-lanes.self-staining',
      script: () => selfStainingScript(Mesh.of(this).laneHeader, version),
    });
  }
}
