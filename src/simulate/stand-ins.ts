import { asList } from '../json';
import { groupOf, labelsOf, Manifest, numberOf } from './objects';
import { expandHost, namespaceOf } from '../lanes/hosts';

/** The annotation that marks what no manifest describes. */
const STAND_IN = 'cdk8s-lanes/stand-in';

/**
 * Services (and their workloads) that VirtualServices or DestinationRules are for and no manifest describes: somebody else
 * deploys them. Hosts that rules only route to are not among them: a misspelt one must not come into being by that.
 */
export function standInsFor(manifests: readonly Manifest[], clusterDomain: string): Manifest[] {
  const istio = (kind: string) => manifests.filter((manifest) => groupOf(manifest) === 'networking.istio.io' && manifest.kind === kind);
  const described = new Set([
    ...manifests
      .filter((manifest) => groupOf(manifest) === '' && manifest.kind === 'Service')
      .map((manifest) => `${manifest.metadata?.name}.${namespaceOf(manifest)}.svc.${clusterDomain}`),
    ...istio('ServiceEntry').flatMap((manifest) => asList(manifest.spec?.hosts).map(String)),
  ]);
  const rules = istio('DestinationRule');
  const asked = new Map<string, any[]>();
  for (const rule of rules) add(asked, expandHost(String(rule.spec?.host ?? ''), namespaceOf(rule), clusterDomain), asList(rule.spec?.subsets));
  const routes = istio('VirtualService');
  for (const route of routes) {
    for (const host of asList(route.spec?.hosts)) add(asked, expandHost(String(host), namespaceOf(route), clusterDomain), []);
  }
  return [...asked].flatMap(([host, subsets]) => {
    const parts = host.slice(0, -`.svc.${clusterDomain}`.length).split('.');
    const isService = host.endsWith(`.svc.${clusterDomain}`) && parts.length === 2 && !host.startsWith('*');
    return isService && !described.has(host) ? standIn(host, parts[0], parts[1], subsets, portsOf(host, routes, clusterDomain)) : [];
  });
}

/** The hosts that stand-ins stand for. */
export function standInHosts(manifests: readonly Manifest[]): string[] {
  return manifests.flatMap((manifest) => manifest.metadata?.annotations?.[STAND_IN] ?? []);
}

function add(hosts: Map<string, any[]>, host: string, subsets: any[]): void {
  hosts.set(host, [...(hosts.get(host) ?? []), ...subsets]);
}

/** The ports that rules route to it at; 80 where none says one. */
function portsOf(host: string, routes: readonly Manifest[], clusterDomain: string): number[] {
  const destinations = routes.flatMap((vs) =>
    asList(vs.spec?.http)
      .flatMap((rule) => asList(rule?.route))
      .map((route) => route?.destination)
      .filter((destination) => expandHost(String(destination?.host ?? ''), namespaceOf(vs), clusterDomain) === host),
  );
  const ports = new Set(destinations.flatMap((destination) => numberOf(destination?.port?.number) ?? []));
  return ports.size > 0 ? [...ports] : [80];
}

function standIn(host: string, name: string, namespace: string, subsets: any[], ports: number[]): Manifest[] {
  const selector = { [STAND_IN]: name };
  const workloads =
    subsets.length > 0 ? subsets.map((subset) => ({ name: `${name}-${subset?.name}`, labels: labelsOf(subset?.labels) })) : [{ name, labels: {} }];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, annotations: { [STAND_IN]: host } },
      spec: { selector, ports: ports.map((port) => ({ port, name: `http-${port}` })) },
    },
    ...workloads.map((workload) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: workload.name, namespace },
      spec: { template: { metadata: { labels: { ...workload.labels, ...selector } } } },
    })),
  ];
}
