import { schemaProblems } from './schema';

/** What is wrong with a rule of a VirtualService that has these fields, beside a plain destination unless they bring an action of their own. */
export function ruleProblems(fields: any): string[] {
  const destination = { host: 'testaaa.shop.svc.cluster.local' };
  const acts = ['route', 'redirect', 'directResponse'].some((action) => action in fields);
  return schemaProblems([{
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'testaaa', namespace: 'shop' },
    spec: { hosts: [destination.host], http: [{ ...(acts ? {} : { route: [{ destination }] }), ...fields }] },
  }]);
}

/** What is wrong with a DestinationRule that has this policy, for the host, for a port and for a subset. */
export function trafficPolicyProblems(policy: any): string[] {
  return schemaProblems([{
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: 'testaaa', namespace: 'shop' },
    spec: {
      host: 'testaaa.shop.svc.cluster.local',
      trafficPolicy: { ...policy, portLevelSettings: [{ port: { number: 80 }, ...policy }] },
      subsets: [{ name: 'v1', labels: { version: 'v1' }, trafficPolicy: policy }],
    },
  }]);
}
