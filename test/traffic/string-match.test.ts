import { StringMatch } from '../../src';
import { expectRefusal } from '../support/refusals';

test('each factory writes its own field', () => {
  expect(StringMatch.exact('v1')._toManifest()).toEqual({ exact: 'v1' });
  expect(StringMatch.prefix('v')._toManifest()).toEqual({ prefix: 'v' });
  expect(StringMatch.regex('.*Safari.*')._toManifest()).toEqual({ regex: '.*Safari.*' });
});

test('any value is Istio\'s empty match', () => {
  expect(StringMatch.present()._toManifest()).toEqual({});
});

test('the empty text can be compared with', () => {
  expect(StringMatch.exact('')._toManifest()).toEqual({ exact: '' });
});

test('the empty prefix is refused, as istiod does', () => {
  expectRefusal(() => StringMatch.prefix(''), { code: 'StringMatchPrefix', property: 'prefix', got: '', says: /StringMatch\.present\(\)/ });
});

test.each(['(?=Safari).*', '(?!x)', '(?<=x)y', '(a)\\1', '(', '*'])('a regular expression that is not RE2 is refused: %s', (regex) => {
  expectRefusal(() => StringMatch.regex(regex), { code: 'StringMatchRegex', property: 'regex', got: regex, says: /RE2/ });
});

test('an expression of more than 1024 characters is refused', () => {
  expect(StringMatch.regex('a'.repeat(1024))._toManifest().regex).toHaveLength(1024);
  expectRefusal(() => StringMatch.regex('a'.repeat(1025)), { code: 'StringMatchRegex', property: 'regex', says: /at most 1024 characters, has 1025/ });
});

test('the empty expression is refused', () => {
  expectRefusal(() => StringMatch.regex(''), { code: 'StringMatchRegex', property: 'regex', got: '', says: /must not be empty/ });
});
