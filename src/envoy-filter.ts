import { Construct } from 'constructs';
import { ManifestObject } from './manifest-object';
import { IWorkload, podSelector } from './workloads';

/** What an EnvoyFilter is made of. */
export interface EnvoyFilterParts {
  readonly name: string;
  /** The pods whose proxies it changes. */
  readonly on: IWorkload;
  /** The patches, asked for at each rendering. */
  readonly patches: () => any[];
}

/** An EnvoyFilter for some pods. One with a priority, as Istio's analyzers ask where patches stand relative to others. */
export function envoyFilter(scope: Construct, id: string, { name, on, patches }: EnvoyFilterParts): ManifestObject {
  return new ManifestObject(scope, id, {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace: on.workloadNamespace },
    spec: () => ({ priority: 10, ...podSelector(on, 'workloadSelector', 'labels'), configPatches: patches() }),
  });
}
