import { access } from './access';
import { actions } from './actions';
import { bookshop } from './bookshop';
import { delegates } from './delegates';
import { destinationRules } from './destination-rules';
import { faults } from './faults';
import { gateways } from './gateways';
import { headers } from './headers';
import { matching } from './matching';
import { names } from './names';
import type { Scene } from './scene';
import { serviceEntries, sidecars } from './service-entries';
import { virtualHosts } from './virtual-hosts';

export * from './scene';

/** All that is promised of how a mesh routes, by what it is about. */
export const scenes: Readonly<Record<string, readonly Scene[]>> = {
  'names, visibility and precedence': names,
  'what a sidecar finds its rules by': virtualHosts,
  'matches': matching,
  'gateways': gateways,
  'actions': actions,
  'headers': headers,
  'faults, timeouts and retries': faults,
  'DestinationRules': destinationRules,
  'ServiceEntries': serviceEntries,
  'Sidecars': sidecars,
  'policies of access': access,
  'delegates': delegates,
  'YAML by hand': bookshop,
};
