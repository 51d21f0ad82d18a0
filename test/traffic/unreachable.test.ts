import { unreachableRules } from '../../src/traffic/unreachable';

const rule = (...match: any[]) => ({ match });
const prefix = (path: string) => ({ uri: { prefix: path } });
const user = (condition: object) => ({ headers: { 'x-user': condition } });
const indexes = (rules: any[]) => unreachableRules(rules).map(({ index }) => index);

test.each<[string, any[]]>([
  ['a narrower path before a wider one', [rule(prefix('/api/v2')), rule(prefix('/api')), {}]],
  ['a header in one of them', [rule({ ...prefix('/'), ...user({ exact: 'a' }) }), rule(prefix('/'))]],
  ['other values of a header', [rule(user({ exact: 'a' })), rule(user({ exact: 'b' })), {}]],
  ['a header of any value after one of some', [rule(user({ prefix: 'a' })), rule(user({})), {}]],
  ['two regular expressions', [rule(user({ regex: 'a.*' })), rule(user({ regex: 'ab.*' })), {}]],
  ['a regular expression after a prefix', [rule({ uri: { prefix: '/a' } }), rule({ uri: { regex: '/a/.*' } }), {}]],
  ['one match of two that is left', [rule(prefix('/a')), rule(prefix('/a/b'), prefix('/c')), {}]],
  ['another port', [rule({ port: 80 }), rule({ port: 81 }), {}]],
  ['without and with a header', [rule({ withoutHeaders: { a: { exact: '1' } } }), rule({ withoutHeaders: { a: { prefix: '1' } } }), {}]],
  ['pods with fewer labels', [rule({ sourceLabels: { a: '1', b: '2' } }), rule({ sourceLabels: { a: '1' } }), {}]],
  ['paths compared without case', [rule({ ...prefix('/A'), ignoreUriCase: true }), rule(prefix('/Ab')), {}]],
])('%s: every rule is reached', (_what, rules) => {
  expect(indexes(rules)).toEqual([]);
});

test.each<[string, any[]]>([
  ['a rule after one without match', [{}, rule(prefix('/api'))]],
  ['a rule after one for every path', [rule(prefix('/')), rule(user({ exact: 'a' }))]],
  ['the same match again', [rule(prefix('/a')), rule(prefix('/a'))]],
  ['a narrower path after a wider one', [rule(prefix('/api')), rule(prefix('/api/v2'))]],
  ['an exact path after its prefix', [rule(prefix('/api')), rule({ uri: { exact: '/api/v2' } })]],
  ['an exact path after a regular expression that takes it', [rule({ uri: { regex: '/api/.*' } }), rule({ uri: { exact: '/api/v2' } })]],
  ['a value after any value', [rule(user({})), rule(user({ exact: 'a' }))]],
  ['more conditions after fewer', [rule(user({ exact: 'a' })), rule({ ...user({ exact: 'a' }), ...prefix('/a') })]],
  ['pods with more labels', [rule({ sourceLabels: { a: '1' } }), rule({ sourceLabels: { a: '1', b: '2' } })]],
  ['a match that only has another name', [rule({ ...prefix('/a'), name: 'one' }), rule({ ...prefix('/a'), name: 'other' })]],
])('%s: the second is not reached', (_what, rules) => {
  expect(unreachableRules(rules)).toEqual([{ index: 1, taker: 0 }]);
});

test('a rule whose matches different rules take is not reached either', () => {
  expect(unreachableRules([rule(prefix('/a')), rule(prefix('/b')), rule(prefix('/b/1'), prefix('/a/1'))])).toEqual([{ index: 2, taker: 1 }]);
});
