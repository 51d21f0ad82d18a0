import { Testing } from 'cdk8s';
import { thirdPartyCallback } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests = Testing.synth(thirdPartyCallback(Testing.app()));

test('the manifests are those of the snapshot', () => {
  expect(manifests).toMatchSnapshot();
});

test('every manifest is valid', () => {
  expect(schemaProblems(manifests)).toEqual([]);
});

test('the EnvoyFilter is for the sidecars of orange-gateway-a, when requests come in, before the router', () => {
  const { spec, metadata } = manifests.find(({ kind }) => kind === 'EnvoyFilter');
  expect(metadata).toEqual({ name: 'callbacks', namespace: 'sopei-biz' });
  expect(spec.workloadSelector).toEqual({ labels: { app: 'orange-gateway-a' } });
  expect(spec.configPatches).toHaveLength(1);
  const [{ match, patch }] = spec.configPatches;
  const before = match.listener.filterChain.filter.subFilter.name;
  expect([match.context, before, patch.operation]).toEqual(['SIDECAR_INBOUND', 'envoy.filters.http.router', 'INSERT_BEFORE']);
});

test('the gateway takes the lane header away, but for what its callback sets', () => {
  const rules = manifests.find(({ metadata }) => metadata.name === 'gateway-aaa-com').spec.http;
  expect(rules.map(({ name, headers }: any) => [name, headers.request])).toEqual([
    ['callback/payments', { set: { 'project-version': 'release-bbb' } }],
    [undefined, { remove: ['project-version'] }],
  ]);
});
