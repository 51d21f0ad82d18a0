import { Construct } from 'constructs';
import { ManifestObject } from './manifest-object';

/** Where in a proxy a Lua program runs. */
export type LuaContext = 'GATEWAY' | 'SIDECAR_INBOUND' | 'SIDECAR_OUTBOUND';

/** Properties of `LuaFilter`. */
export interface LuaFilterProps {
  readonly name: string;
  readonly namespace: string;
  /** The pods whose proxies run it. */
  readonly workload: Record<string, string>;
  readonly context: LuaContext;
  /** What the filter is called in the proxy. */
  readonly filterName: string;
  /** The program, asked for at each rendering. */
  readonly script: () => string;
}

/**
 * An `EnvoyFilter` that runs Lua on requests, before the route is chosen: Envoy chooses again when Lua changed a header.
 *
 * Priority 10: filters that are put in relation to others need one, as istiod applies equal ones in the order of their age.
 */
export class LuaFilter extends ManifestObject {
  constructor(scope: Construct, id: string, { name, namespace, workload, context, filterName, script }: LuaFilterProps) {
    super(scope, id, {
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { name, namespace },
      spec: () => ({
        workloadSelector: { labels: workload },
        priority: 10,
        configPatches: [{
          applyTo: 'HTTP_FILTER',
          match: {
            context,
            listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'envoy.filters.http.router' } } } },
          },
          patch: {
            operation: 'INSERT_BEFORE',
            value: {
              name: filterName,
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua',
                'default_source_code': { inline_string: script() },
              },
            },
          },
        }],
      }),
    });
  }
}
