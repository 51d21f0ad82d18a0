import { Construct } from 'constructs';
import { Branch } from './branch';
import { BaselineOptions, CanaryService, ServiceOptions, VersionOptions } from './canary-service';
import { InvalidInput } from './errors';
import { demandKinds, maybe, OPTIONS, TEXT } from './kinds';
import { DESTINATION_ANNOTATION } from './lanes/ownership';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { MeshHost } from './mesh-host';
import { ServiceVersion } from './service-version';
import { IRoutable } from './traffic/destination';

/** Properties of `BranchDeployment`. */
export interface BranchDeploymentProps extends ServiceOptions {
  /** The branch that the app is synthesized for: `Branch.current(...)`. */
  readonly branch: Branch;

  /**
   * The image that this branch's pipeline built, such as `process.env.IMAGE`; an empty text is none.
   * @default - the template's. Where there is none either, a lane's branch did not change the service, and the baseline goes on
   * serving it in the lane; for the baseline that is refused
   */
  readonly image?: string;

  /**
   * What the baseline runs other than the template says.
   * @default - nothing; its version is called `laneName` of the baseline's branch
   */
  readonly baseline?: BaselineOptions;

  /**
   * What lanes run other than the template says.
   * @default - nothing
   */
  readonly lane?: VersionOptions;
}

/** Never emitted: what a lane's branch says of the baseline is left out of its manifests. */
const NO_IMAGE = 'of-the-baseline';

/**
 * A service that each branch of its repository deploys by itself, from one `main.ts` that is the same for all of them.
 *
 * - On the baseline's branch it is a `CanaryService`: Service, Deployment, DestinationRule, VirtualService.
 * - On a lane's branch it is that lane's Deployment, which inherits the service's template, and a DestinationRule
 *   `<service>-<lane>` with the lane's subset; Istio joins it with the baseline's. Everything else of the app (namespaces, gateways,
 *   routes, other services) is the baseline's and is left out.
 *
 * What stands below `version` (config maps, autoscalers: `new ConfigMap(deployment.version, 'settings', ...)`) belongs to the
 * version, and so to the lane on a lane's branch.
 *
 * All objects are marked with the labels and annotations by which `cdk8s-lanes up`, `converge`, `down` and `sweep` know them.
 * The routes of lanes are woven in the cluster, so manifests hold those of the baseline alone. The lane header is that of the
 * app's `StainedRoute`, if it has one; lanes cannot be added there.
 */
export class BranchDeployment extends Construct implements IRoutable {
  public readonly hostName: string;
  public readonly port?: number;

  /** The service as the baseline has it: splits and rules are said there, on every branch alike. */
  public readonly service: CanaryService;

  /** The owner of the routing. */
  public readonly host: MeshHost;

  /** The version that this branch deploys; where a lane's branch deploys none, the baseline's, which is not emitted. */
  public readonly version: ServiceVersion;

  /** Whether this branch deploys the service: always on the baseline's branch, and on a lane's where there is an image. */
  public readonly isDeployed: boolean;

  /**
   * Refused: as by `CanaryService`; protocols whose requests carry no header, another `branch` than elsewhere in the app, a lane
   * that deploys nothing (at synth).
   */
  constructor(scope: Construct, id: string, props: BranchDeploymentProps) {
    super(scope, id);
    const options = maybe(OPTIONS);
    demandKinds(props, { branch: Branch._KIND, image: maybe(TEXT), baseline: options, lane: options, template: options }, { scope: this });
    const { branch, image, baseline, lane, ...service } = props;
    // CI systems hand over what was not built as an empty variable.
    const built = image || service.template?.image;
    this.service = new CanaryService(this, 'Resource', {
      ...service,
      name: service.name === undefined ? id : service.name,
      baseline: { version: branch.baselineVersion, ...baseline, image: baseline?.image ?? built ?? (branch.isBaseline ? undefined : NO_IMAGE) },
    });
    this.hostName = this.service.hostName;
    this.port = this.service.port;
    this.host = this.service.host;
    this.host._demandHttp('appProtocol', 'have lanes', this);
    branch.own(this);
    const ownership = Mesh.of(this).ownership!;
    ownership.addService(this.service.name, this, this.hostName);
    this.isDeployed = branch.isBaseline || built !== undefined || lane?.image !== undefined;
    if (branch.lane === undefined || !this.isDeployed) {
      this.version = this.service.baseline;
      return;
    }
    this.version = this.service._deployLane(branch.lane, { ...lane, image: lane?.image ?? built });
    ownership.addToLane(this.version);
    ownership.whenSettling(() => this.fallBack(branch.lane!));
    ownership.addToLane(this.laneSubset(branch.lane));
  }

  /** Where the app's StainedRoute says that lanes fall back, this one does. It may have been declared later than the service. */
  private fallBack(lane: string): string[] {
    const { ownership, stain } = Mesh.of(this);
    if (!stain?.fallback || this.host._fallback(lane)) return [];
    try {
      this.service._fallBack(lane);
    } catch (error) {
      if (error instanceof InvalidInput) return [error.message];
      throw error;
    }
    const fallback = this.host._fallback(lane);
    if (!fallback) return [];
    ownership!.addFallback(fallback.scope);
    this.version.deployment.metadata.addAnnotation(DESTINATION_ANNOTATION, JSON.stringify(fallback.destination));
    return [];
  }

  /** The lane's part of the DestinationRule. Of the policies for the whole host Istio takes one: the baseline's. */
  private laneSubset(lane: string): Construct {
    const baselineRule = this.host.destinationRule as ManifestObject;
    return new ManifestObject(new Construct(this, 'lane'), 'DestinationRule', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: { name: `${this.service.name}-${lane}`, namespace: this.host.namespace },
      spec: () => {
        // Joined are rules that are exported alike.
        const { host, exportTo, workloadSelector, subsets } = baselineRule.toJson().spec;
        return { host, exportTo, workloadSelector, subsets: subsets.filter(({ name }: any) => name === lane) };
      },
    });
  }
}
