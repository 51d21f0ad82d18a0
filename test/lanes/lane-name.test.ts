import * as fc from 'fast-check';
import { laneName } from '../../src';
import { expectRefusal } from '../support/refusals';

/*
 * Computed once by a Python script from the definition in DESIGN §3 (hashlib, unicodedata, integer division by 36), not by the
 * code under test. Names are stable for ever: a row that has to change is a lane that loses its workloads.
 */
const NAMES: [why: string, branch: string, lane: string][] = [
  ['plain', 'release-v1', 'release-v1'],
  ['plain', 'main', 'main'],
  ['one character', 'x', 'x'],
  ['a digit', '0', '0'],
  ['upper case', 'RELEASE-V1', 'release-v1-48u4o7'],
  ['upper case and underscore', 'Release_V1', 'release-v1-hdys20'],
  ['a slash', 'release/v1', 'release-v1-t7jiyo'],
  ['a dot', 'release.v1', 'release-v1-vk27tw'],
  ['a space', 'release v1', 'release-v1-e9di0o'],
  ['slashes', 'feature/login/step-2', 'feature-login-step-2-gy6soh'],
  ['all of these, cut', 'feature/JIRA-123_Fix.Login', 'feature-jira-123-fix-lo-bkrwjd'],
  ['dots', 'v1.2.3', 'v1-2-3-swgdr1'],
  ['what a robot pushes, cut', 'dependabot/npm_and_yarn/lodash-4.17.21', 'dependabot-npm-and-yarn-5xg89f'],
  ['two dashes', 'a--b', 'a-b-m3ql0o'],
  ['non-ASCII, composed', 'gr\u00fcn/stra\u00dfe', 'gr-n-stra-e-9u5uso'],
  ['non-ASCII, decomposed', 'gru\u0308n/stra\u00dfe', 'gr-n-stra-e-9u5uso'],
  ['a letter whose lower case is two', '\u0130stanbul', 'i-stanbul-iw30d7'],
  ['the Kelvin sign, whose NFC is a K', '\u212a8s', 'k8s-ly5t69'],
  ['Chinese and ASCII', '功能/login', 'login-3f5zxl'],
  ['Chinese only', '泳道', 'b-47912k'],
  ['emoji only', '🚀', 'b-02vhz9'],
  ['two emoji', '🚀🚀', 'b-dr5efc'],
  ['only a dash', '-', 'b-dgv8k2'],
  ['only dashes', '--', 'b-ljte98'],
  ['only a space', ' ', 'b-0gylbc'],
  ['only a dot', '.', 'b-p5c4a0'],
  ['only a tilde', '~', 'b-gtwujo'],
  ['only a NUL', '\u0000', 'b-7ziskd'],
  ['a leading dash', '-x', 'x-f5r59i'],
  ['a trailing dash', 'x-', 'x-03kbr6'],
  ['a trailing dash', 'release-', 'release-u4l6uu'],
  ['dashes around', '--feature--', 'feature-212jnr'],
  ['what YAML takes for true', 'on', 'on'],
  ['what YAML takes for true', 'true', 'true'],
  ['what YAML takes for nothing', 'null', 'null'],
  ['what YAML takes for a number', '123', '123'],
  ['what YAML takes for a number', '1e3', '1e3'],
  ['upper case of those', 'On', 'on-o4f6eh'],
  ['upper case of those', 'NULL', 'null-rikowx'],
  ['30 characters', 'a'.repeat(30), 'a'.repeat(30)],
  ['31 characters', 'a'.repeat(31), `${'a'.repeat(23)}-75bmyx`],
  ['300 characters', 'a'.repeat(300), `${'a'.repeat(23)}-9612ts`],
  ['300 characters with slashes', 'b/'.repeat(150), 'b-b-b-b-b-b-b-b-b-b-b-b-i37d6q'],
  ['a cut that would end in a dash', 'abcdefghijklmnopqrstuv-wxyz0123', 'abcdefghijklmnopqrstuv-htfka1'],
  ['a cut that would end in a slash', 'abcdefghijklmnopqrstuv/wxyz0123', 'abcdefghijklmnopqrstuv-i9l5cv'],
  ['a cut behind two dashes', 'abcdefghijklmnopqrstu--wxyz0123', 'abcdefghijklmnopqrstu-w-djh40s'],
];

test.each(NAMES)('%s: %j is lane %j', (_why, branch, lane) => {
  expect(laneName(branch)).toBe(lane);
});

test('branches that only look alike get different lanes', () => {
  const lanes = ['release-v1', 'release/v1', 'Release_V1', 'release.v1', 'RELEASE-V1', 'release v1', '-release-v1', 'release--v1'].map(laneName);

  expect(new Set(lanes).size).toBe(lanes.length);
});

test('branches that differ behind the cut only get different lanes', () => {
  expect(laneName(`${'a'.repeat(60)}1`)).not.toBe(laneName(`${'a'.repeat(60)}2`));
});

test('the empty branch is refused', () => {
  expectRefusal(() => laneName(''), { code: 'BranchEmpty', property: 'branch', got: '', says: /name it explicitly/ });
});

// Unicode of every kind, and texts that look like branches.
const branches = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'abzABZ019-_/.'), minLength: 1, maxLength: 60 }),
);

test('every lane is a DNS label of at most 30 characters', () => {
  fc.assert(fc.property(branches, (branch) => {
    const lane = laneName(branch);
    expect(lane).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    expect(lane.length).toBeLessThanOrEqual(30);
  }));
});

test('a branch has one lane, however its characters are composed', () => {
  fc.assert(fc.property(branches, (branch) => {
    expect(laneName(branch)).toBe(laneName(branch));
    expect(laneName(branch.normalize('NFD'))).toBe(laneName(branch.normalize('NFC')));
  }));
});

test('the lane of a lane is that lane', () => {
  fc.assert(fc.property(branches, (branch) => {
    expect(laneName(laneName(branch))).toBe(laneName(branch));
  }));
});

test('only a branch that is a lane name already keeps its name', () => {
  fc.assert(fc.property(branches, (branch) => {
    const plain = /^[a-z0-9]+(-[a-z0-9]+)*$/.test(branch) && branch.length <= 30;
    expect(laneName(branch) === branch).toBe(plain);
  }));
});
