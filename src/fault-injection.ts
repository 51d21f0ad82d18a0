import { Construct } from 'constructs';
import { InvalidInput } from './errors';
import { demandKinds, LANE, listOf, maybe } from './kinds';
import { ownedHost } from './mesh-host';
import type { Lane } from './stained-route';
import { IRoutable } from './traffic/destination';
import { Fault } from './traffic/fault';
import { RequestMatch } from './traffic/request-match';

/** Properties of `FaultInjection`. */
export interface FaultInjectionProps {
  /** The host: a CanaryService or a MeshHost of the app. */
  readonly host: IRoutable;

  /** The failure. */
  readonly fault: Fault;

  /**
   * The requests that get it: any of these.
   * @default - all, or those of `lane`
   */
  readonly match?: RequestMatch[];

  /**
   * The lane whose requests get it, where it serves the host.
   * @default - requests of all lanes and of none
   */
  readonly lane?: Lane;
}

/**
 * Failures made on purpose for the callers of a host, to see how they bear them. The caller's proxy makes them, so the host
 * never sees an aborted request, no retry helps, and a delay does not count against the timeout.
 *
 * Holds for every rule of the app that routes to the host, in the mesh and at gateways.
 *
 * @see https://istio.io/latest/docs/tasks/traffic-management/fault-injection/
 */
export class FaultInjection extends Construct {
  /** Refused: a host that the app does not own, a match together with a lane; at synth two faults for all requests of a host, a lane that does not serve the host. */
  constructor(scope: Construct, id: string, props: FaultInjectionProps) {
    super(scope, id);
    demandKinds(props, { fault: Fault._KIND, match: maybe(listOf(RequestMatch._KIND)), lane: maybe(LANE) }, { scope: this });
    const host = ownedHost(this, 'host', props.host);
    if (props.match?.length && props.lane) {
      throw new InvalidInput('FaultMatchAndLane', `'match' and 'lane' must not be set both, got ${props.match.length} matches and lane ${props.lane.name}; use a FaultInjection for each`, this);
    }
    host._policies(this, true).faults.push({ fault: props.fault, match: props.match, lane: props.lane?.name });
  }
}
