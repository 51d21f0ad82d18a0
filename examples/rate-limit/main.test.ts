import { Testing } from 'cdk8s';
import { rateLimit } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests: any[] = Testing.synth(rateLimit(Testing.app()));
const specOf = (kind: string, name: string) => manifests.find((each) => each.kind === kind && each.metadata.name === name).spec;

test('the manifests are those of the snapshot', () => expect(manifests).toMatchSnapshot());

test('all are valid', () => expect(schemaProblems(manifests)).toEqual([]));

test('a limit is a token bucket in the proxies of the pods', () => {
  const { workloadSelector, configPatches } = specOf('EnvoyFilter', 'recommendation-limit');
  expect(workloadSelector).toEqual({ labels: { app: 'recommendation' } });
  expect(configPatches).toHaveLength(1);
  expect(configPatches[0].patch.value.typed_config.token_bucket).toEqual({ max_tokens: 10, tokens_per_fill: 10, fill_interval: '60s' });
});

test('a limit for some requests tells which', () => {
  const [, { patch }] = specOf('EnvoyFilter', 'search').configPatches;
  expect(patch.value.rate_limits[0].actions[0].header_value_match.headers).toEqual([
    { name: ':path', string_match: { safe_regex: { regex: '/search(\\?.*)?' } } }, { name: ':method', string_match: { exact: 'GET' } },
  ]);
});

test('a limit at a gateway stands beside its pods', () => {
  expect(manifests.find(({ metadata }) => metadata.name === 'login').metadata.namespace).toBe('istio-system');
});
