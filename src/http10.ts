import { Construct } from 'constructs';
import { envoyFilter } from './envoy-filter';
import { IWorkload } from './workloads';

/** Envoy answers HTTP/1.0 with 426 unless its connection manager is told otherwise, which Gateways cannot say. */
export function acceptHttp10(gateway: Construct & IWorkload, name: string): void {
  const filter = 'envoy.filters.network.http_connection_manager';
  envoyFilter(gateway, 'http10', {
    name,
    on: gateway,
    patches: () => [{
      applyTo: 'NETWORK_FILTER',
      match: { context: 'GATEWAY', listener: { filterChain: { filter: { name: filter } } } },
      patch: {
        operation: 'MERGE',
        value: {
          name: filter,
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            'http_protocol_options': { accept_http_10: true },
          },
        },
      },
    }],
  });
}
