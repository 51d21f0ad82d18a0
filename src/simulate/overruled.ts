import { isCoveredBy, isWildcard } from './names';
import { Decision } from './outcome';
import { VirtualHost } from './routes';
import { VirtualService } from './virtual-services';
import { createdAt } from '../lanes/hosts';

const known = new WeakMap<VirtualHost, Decision['overruled']>();

/** VirtualServices that name a host and have no say for it, with the reason. Sidecars do not merge them. */
export function overruledAt(host: VirtualHost, considered: readonly VirtualService[]): Decision['overruled'] {
  const cached = known.get(host);
  if (cached) return cached;
  const name = host.name.replace(/:\d+$/, '');
  const winner = host.routes[0]?.virtualService;
  const naming = considered.filter((vs) => vs !== winner && vs.hosts.some((each) => isCoveredBy(name, each.toLowerCase())));
  const overruled = naming.map((vs) => ({ object: vs.object, reason: reasonOf(vs, winner, name) }));
  known.set(host, overruled);
  return overruled;
}

function reasonOf(loser: VirtualService, winner: VirtualService | undefined, name: string): string {
  if (!winner) return 'none of its rules is for this client';
  const winnersName = winner.hosts.find((host) => isCoveredBy(name, host.toLowerCase()))!;
  const losersName = loser.hosts.find((host) => isCoveredBy(name, host.toLowerCase()))!;
  const says = `VirtualService ${winner.object.namespace}/${winner.object.name}`;
  if (isWildcard(losersName) && losersName !== winnersName) return `${says} names the host more exactly`;
  const isPrivate = (vs: VirtualService) => vs.exportTo.size > 0 && !vs.exportTo.has('*');
  if (isPrivate(winner) && !isPrivate(loser)) return `${says} is exported to this namespace alone`;
  return createdAt(winner.manifest) === createdAt(loser.manifest) ? `${says} comes first by name` : `${says} is older`;
}
