import { asList } from '../json';
import { MeshModel } from './mesh-model';
import { isCoveredBy } from './names';
import { labelsOf } from './objects';
import { Sender } from './request';

/*
 * What people leave out of a request because it goes without saying.
 */

/** Who usually calls a host: a pod beside the service, or a client of the gateway that has it; `undefined` for a host nobody has. */
export function usualSender(model: MeshModel, host: string): Sender | undefined {
  const service = model.services.find((each) => model.serviceNamed(host, each.namespace) === each);
  if (service) return { namespace: service.namespace };
  const gateway = model.gateways.find((each) =>
    asList(each.spec?.servers).some((server) => asList(server?.hosts).some((name) => isCoveredBy(host, String(name).split('/').pop()!))),
  );
  return gateway && { gateway: labelsOf(gateway.spec?.selector) };
}

/** The only port of a service, else 80. */
export function usualPort(model: MeshModel, host: string, from: Sender): number {
  if ('gateway' in from) return 80;
  const ports = model.serviceNamed(host, from.namespace ?? 'default')?.ports ?? [];
  return ports.length === 1 ? ports[0].number : 80;
}
