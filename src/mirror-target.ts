import { isDeepStrictEqual } from 'util';
import { Construct } from 'constructs';
import { demand, InvalidInput } from './errors';
import { copies, MirrorPolicy } from './host-policies';
import { demandKinds, FLAG, maybe, TEXT } from './kinds';
import { Mesh } from './mesh';
import { ownedHost } from './mesh-host';
import { Destination, IRoutable } from './traffic/destination';
import { hostProblem } from './traffic/host-reference';
import { percentageProblem } from './traffic/predicates';
import { Warnings } from './warnings';

/** Properties of `MirrorTarget`. */
export interface MirrorTargetProps {
  /** The host whose requests are copied: a CanaryService or a MeshHost of the app. */
  readonly from: IRoutable;

  /**
   * The version whose requests are copied. Refused at synth where one rule splits the host between this version and others.
   * @default - the requests of all versions
   */
  readonly fromVersion?: string;

  /** The host that gets the copies: a version of the same service, or another service. */
  readonly to: IRoutable;

  /**
   * The version (or lane, by its name) that gets the copies.
   * @default - any pod of the host
   */
  readonly toVersion?: string;

  /**
   * The share of requests that are copied, in per cent: more than 0, at most 100.
   * @default 100
   */
  readonly percentage?: number;

  /**
   * Whether requests of lanes are copied too. Their copies keep the lane header, so what they write downstream lands in the
   * lane's own services.
   * @default false
   */
  readonly mirrorLanes?: boolean;
}

/**
 * Copies of requests, to see how another version or service bears real traffic. Answers to copies are thrown away, nobody waits
 * for them, and a copy is sent once for each request, whatever the retries.
 *
 * **A copy keeps all headers**, the lane header among them, and the service that gets it does not know that it is one: what it
 * writes is written. Mirror to services without side effects, or to ones whose stores are their own.
 *
 * Holds for every rule of the app that routes to the host, in the mesh and at gateways; several mirrors may be set.
 *
 * @see https://istio.io/latest/docs/tasks/traffic-management/mirroring/
 */
export class MirrorTarget extends Construct {
  /**
   * Refused: a host that the app does not own, a mirror to the very host and version it copies from or to where another mirror
   * copies the same requests, a host that does not speak HTTP, a percentage of 0 or over 100; at synth unknown versions.
   */
  constructor(scope: Construct, id: string, props: MirrorTargetProps) {
    super(scope, id);
    demandKinds(props, { fromVersion: maybe(TEXT), toVersion: maybe(TEXT), mirrorLanes: maybe(FLAG) }, { scope: this });
    const from = ownedHost(this, 'from', props.from);
    demand('to', props.to, hostProblem(props.to), { code: 'HostMissing', scope: this });
    const { percentage = 100 } = props;
    demand('percentage', percentage, percentage === 0 ? 'must be more than 0' : percentageProblem(percentage), { code: 'Percentage', scope: this });
    if (from.hostName === props.to.hostName && (props.toVersion === undefined || props.toVersion === props.fromVersion)) {
      throw new InvalidInput('MirrorToItself', `'to' must not be what is copied from, got ${from.hostName}${props.toVersion ? ` version ${props.toVersion}` : ''}; `
        + 'name another version or host', this);
    }
    const { destination } = Destination.of(props.to, { version: props.toVersion })._toManifest(true);
    const port = props.to.hostName === from.hostName ? undefined : destination.port?.number;
    Mesh.of(this).demandRequests('to', [{ hostName: props.to.hostName, port }], this);
    const twin = from._said.mirrors.find((other) => isDeepStrictEqual(other.destination, destination)
      && (other.fromVersion === undefined || props.fromVersion === undefined || other.fromVersion === props.fromVersion));
    if (twin) {
      throw new InvalidInput('MirrorTwice', `'to' must not get two copies of one request, got ${props.to.hostName}${props.toVersion ? ` version ${props.toVersion}` : ''}, `
        + 'which another MirrorTarget copies to already; keep one of them, with the percentage you want', this);
    }
    if (destination.port === undefined && props.to.hostName !== from.hostName) {
      Warnings.of(this).add(this, 'MirrorPortUnknown', `'to' is ${props.to.hostName}, whose port the app does not know: Istio takes the port of the request, and copies are lost where that host has no such port; `
        + 'say it: MeshHost({ port })');
    }
    const mirror: MirrorPolicy = { fromVersion: props.fromVersion, destination, percentage, lanesToo: props.mirrorLanes ?? false };
    from._policies(this, true).mirrors.push(mirror);
    this.node.addValidation({
      validate: () => {
        if (!from._baselineRules.some((rule) => copies(mirror, rule, from.hostName))) {
          Warnings.of(this).add(this, 'MirrorIdle', `'to' gets no copies, got ${props.to.hostName}${props.toVersion ? ` version ${props.toVersion}` : ''}: all that is copied goes there anyway; name another version or host`);
        }
        const { problems } = Mesh.of(this).requestProblems('to', [{ hostName: props.to.hostName, port }]);
        return [...problems, ...from._unknownVersion('fromVersion', from, props.fromVersion), ...from._unknownVersion('toVersion', props.to, props.toVersion)];
      },
    });
  }
}
