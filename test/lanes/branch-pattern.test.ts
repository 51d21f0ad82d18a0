import * as fc from 'fast-check';
import { branchFilter, branchPatternProblem, branchRegex, matchesBranch } from '../../src/lanes/branch-pattern';

test.each([
  ['release-*', 'release-v1', true],
  ['release-*', 'release-v1/x', true],
  ['release-*', 'release', false],
  ['release-*', 'my-release-v1', false],
  ['release-v1.0', 'release-v1.0', true],
  ['release-v1.0', 'release-v100', false],
  ['feature/*', 'feature/a/b', true],
  ['*', 'anything/at all', true],
  ['*-lane', 'x-lane', true],
  ['a+b(c)[d]{e}|^$?\\', 'a+b(c)[d]{e}|^$?\\', true],
  ['/^release-v\\d+$/', 'release-v12', true],
  ['/^release-v\\d+$/', 'release-vx', false],
  ['/hot/', 'a-hotfix', true],
])('%s and %s: %p', (pattern, branch, expected) => {
  expect(branchPatternProblem(pattern)).toBeUndefined();
  expect(matchesBranch(pattern, branch)).toBe(expected);
});

test('a pattern without a star is for the branch of that name alone', () => {
  fc.assert(fc.property(fc.string({ minLength: 1 }).filter((text) => !text.includes('*') && !/^\/.+\/$/s.test(text)), fc.string(), (literal, other) => {
    expect(matchesBranch(literal, literal)).toBe(true);
    expect(matchesBranch(literal, other)).toBe(other === literal);
  }), { seed: 7, numRuns: 500 });
});

test.each([
  ['', /must not be empty/],
  ['release v1', /blanks/],
  ['/(?=x)/', /RE2/],
  ['/(/', /between slashes must be an RE2/],
])('%p is refused', (pattern, message) => {
  expect(branchPatternProblem(pattern)).toMatch(message);
});

test.each([
  ['release-*', '^release-.*$', 'release-**'],
  ['release.v?[1]+!', '^release\\.v\\?\\[1\\]\\+!$', 'release.v\\?\\[1\\]\\+\\!'],
  ['a**b', '^a.*.*b$', 'a**b'],
  ['/^release-.*/', '^release-.*', undefined],
])('%s is %s for GitLab and %p for GitHub', (pattern, regex, filter) => {
  expect(branchRegex(pattern)).toBe(regex);
  expect(branchFilter(pattern)).toBe(filter);
});
