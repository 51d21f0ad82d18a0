import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { CanaryService } from './canary-service';
import { demand } from './errors';
import { Mesh } from './mesh';
import type { MeshGateway } from './mesh-gateway';
import { ServiceVersion } from './service-version';
import { Warnings } from './warnings';
import { isWithin, IWorkload } from './workloads';

/*
 * What the app knows of pods that something is said of.
 */

/** A port that a service's containers listen at. */
export interface ContainerPort {
  readonly port: number;
  readonly servicePort: number;
  readonly http: boolean;
}

/** The service whose pods they are, where the app has it. */
export function serviceOf(pods: IWorkload): CanaryService | undefined {
  if (pods instanceof CanaryService) return pods;
  return pods instanceof ServiceVersion ? pods.node.scopes.find((each): each is CanaryService => each instanceof CanaryService) : undefined;
}

/** The gateway whose pods they are, where the app has it. A whole namespace is more than a gateway. */
export function gatewayOf(pods: IWorkload, mesh: Mesh): MeshGateway | undefined {
  if (Object.keys(pods.workloadLabels).length === 0) return undefined;
  return mesh.gateways.find((gateway) => isWithin(gateway, pods) || isWithin(pods, gateway));
}

/** Whether all of them are known to refuse the sidecar. */
export function lackSidecars(pods: IWorkload): boolean {
  const deployments = deploymentsOf(pods);
  return deployments.length > 0 && deployments.every(({ podMetadata }) => podMetadata.toJson()?.annotations?.[INJECT] === 'false');
}

/** The ports that their containers are said to listen at; `undefined` where nobody knows. */
export function listeningPorts(pods: IWorkload): number[] | undefined {
  const known = serviceOf(pods)?._containerPorts.map(({ port }) => port);
  const declared = deploymentsOf(pods).flatMap(({ containers }) => containers.flatMap(({ ports }) => ports.map(({ number }) => number)));
  return known && [...new Set([...known, ...declared])];
}

/** Refuses a Service's port where the container's is meant: no connection that comes in would have it. */
export function demandContainerPorts(scope: Construct, pods: IWorkload, ports: number[]): void {
  const known = serviceOf(pods)?._containerPorts ?? [];
  for (const port of ports) {
    const meant = known.some((each) => each.port === port) ? undefined : known.find(({ servicePort }) => servicePort === port);
    demand('ports', port, meant && "must be the container's, not the Service's", { code: 'ContainerPort', scope, remedy: `it is ${meant?.port}` });
  }
}

/** Refuses a gateway, whose own servers say what they take. */
export function demandNoGateway(scope: Construct, property: string, on: IWorkload): void {
  const gateway = Mesh.of(scope).gateways.find((each) => (each as IWorkload) === on);
  demand(property, gateway?.node.path, gateway && 'must not be for a gateway, which no PeerAuthentication changes', {
    code: 'MtlsGateway', scope, remedy: 'its servers say what they take: ServerTls.mutual, ServerTls.istioMutual',
  });
}

/** Sidecars are who keeps policies. */
export function sidecarProblems(on: IWorkload): string[] {
  return lackSidecars(on) ? [`'on' must be pods with sidecars, got ${(on as any).node.path}, whose pods refuse theirs: nobody keeps the policy there; let them have it (sidecarInjection)`] : [];
}

/** Filters see requests before a gateway chooses their route, which is what sets the lane header there. */
export function warnOfUnseenLane(scope: Construct, property: string, on: IWorkload): void {
  const gateway = gatewayOf(on, Mesh.of(scope));
  const why = gateway?._unseenLane;
  if (!gateway || why === undefined) return;
  Warnings.of(scope).add(scope, 'LaneUnseen', `'${property}' is looked for before the gateway ${gateway.node.path} chooses routes, and ${why}; say it of the services behind it, or of a host of the lane's own`);
}

const INJECT = 'sidecar.istio.io/inject';

function deploymentsOf(pods: IWorkload): kplus.Deployment[] {
  if (pods instanceof CanaryService) return pods._deployments;
  return pods instanceof ServiceVersion ? [pods.deployment] : [];
}
