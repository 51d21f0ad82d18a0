import { Size } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { WorkloadOptions } from './workload';

/**
 * What `hardened` says of a container, as far as it says nothing else itself: no root, no writing to its own files, no privileges, no
 * capabilities; and bounds for what it may use.
 */
const CONTAINER: kplus.ContainerSecurityContextProps = {
  ensureNonRoot: true,
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  privileged: false,
};

const RESOURCES: kplus.ContainerResources = {
  cpu: { request: kplus.Cpu.millis(100), limit: kplus.Cpu.units(1) },
  memory: { request: Size.mebibytes(128), limit: Size.mebibytes(512) },
};

/** A workload with the preset, where it asks for it; what it says itself goes before. */
export function hardened(workload: WorkloadOptions): WorkloadOptions {
  if (!workload.hardened) return workload;
  return {
    ...workload,
    securityContext: { ...CONTAINER, ...workload.securityContext },
    resources: workload.resources ?? RESOURCES,
    initContainers: workload.initContainers?.map((container) => ({
      ...container, securityContext: { ...CONTAINER, ...container.securityContext }, resources: container.resources ?? RESOURCES,
    })),
  };
}

/** The parts that cdk8s-plus does not know, put into a finished pod. */
export function hardenPod(pod: any): void {
  pod.securityContext = { seccompProfile: { type: 'RuntimeDefault' }, ...pod.securityContext };
  for (const container of [...pod.containers, ...pod.initContainers ?? []]) {
    container.securityContext = { ...container.securityContext, capabilities: container.securityContext?.capabilities ?? { drop: ['ALL'] } };
  }
}
