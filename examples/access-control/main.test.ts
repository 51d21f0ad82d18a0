import { App, Chart, Testing } from 'cdk8s';
import { allowList, denyList, fineGrained, oneVersion, scoped } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifestsOf = (build: (app: App) => Chart): any[] => Testing.synth(build(Testing.app()));
const specOf = (build: (app: App) => Chart, kind: string, name: string) => (
  manifestsOf(build).find((each) => each.kind === kind && each.metadata.name === name).spec
);

describe.each([allowList, denyList, fineGrained, oneVersion, scoped].map((build): [string, typeof build] => [build.name, build]))('the case %s', (_, build) => {
  test('is that of the snapshot', () => expect(manifestsOf(build)).toMatchSnapshot());

  test('is valid', () => expect(schemaProblems(manifestsOf(build))).toEqual([]));
});

test('an allow-list names the account of the service that may call', () => {
  expect(specOf(allowList, 'AuthorizationPolicy', 'callers-allow')).toEqual({
    selector: { matchLabels: { app: 'preference' } },
    action: 'ALLOW',
    rules: [{ from: [{ source: { principals: ['cluster.local/ns/allow-list/sa/admin'] } }] }],
  });
  expect(manifestsOf(allowList).filter(({ kind }) => kind === 'PeerAuthentication').map(({ metadata }) => metadata.name)).toEqual(['default']);
});

test('a deny-list by name requires mutual TLS of the pods', () => {
  expect(specOf(denyList, 'PeerAuthentication', 'callers-mtls')).toEqual({ selector: { matchLabels: { app: 'preference' } }, mtls: { mode: 'STRICT' } });
});

test('a deny-list of requests says the ports that it can read', () => {
  const { rules } = specOf(fineGrained, 'AuthorizationPolicy', 'callers-deny');
  expect(rules.map(({ to }: any) => to[0].operation.ports)).toEqual([['8080'], ['8080']]);
  expect(rules[1].when).toEqual([{ key: 'request.headers[project-version]', values: ['release-v1'] }]);
});

test('every service runs as an account of its own, with the whole preset for pods', () => {
  const deployments = manifestsOf(allowList).filter(({ kind }) => kind === 'Deployment');
  expect(deployments.map(({ metadata, spec }) => [metadata.name, spec.template.spec.serviceAccountName])).toEqual([
    ['customer-v1', 'customer'], ['admin-v1', 'admin'], ['preference-v1', 'preference'], ['preference-release-v1', 'preference'], ['recommendation-v1', 'recommendation'],
  ]);
  for (const { spec } of deployments) {
    expect(spec.template.spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, privileged: false, readOnlyRootFilesystem: true, runAsNonRoot: true,
    });
  }
});

test('a scope knows what is called, and shows rules to this namespace alone', () => {
  expect(specOf(scoped, 'Sidecar', 'preference')).toEqual({
    workloadSelector: { labels: { app: 'preference' } },
    egress: [{ hosts: ['istio-system/*', 'scoped/recommendation.scoped.svc.cluster.local'] }],
    outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
  });
  expect(specOf(scoped, 'DestinationRule', 'preference').exportTo).toEqual(['.']);
  expect(specOf(scoped, 'VirtualService', 'preference').exportTo).toEqual(['.']);
  expect(specOf(scoped, 'DestinationRule', 'admin')).not.toHaveProperty('exportTo');
});
