import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { isBranchAt, RemoteUnknown } from '../../src/pipeline/remote-branch';
import { Repository } from '../support/ci-systems';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-remote-'));
afterAll(() => rmSync(folder, { recursive: true }));
const repository = Repository.create(folder, 'release', { 'README.md': '1' });
beforeAll(() => {
  repository.git('remote', 'set-url', 'origin', repository.remote);
  for (const branch of ['release-v1', 'release-$(touch${IFS}pwned)"\'', 'of/release-v2', 'refs/heads/release-v3']) repository.git('push', '-q', 'origin', `HEAD:refs/heads/${branch}`);
  repository.git('push', '-q', 'origin', 'HEAD:refs/tags/release-v4');
});

test.each(['release-v1', 'release-$(touch${IFS}pwned)"\'', 'of/release-v2'])('the remote has the branch %s', (branch) => {
  expect(isBranchAt('origin', branch, repository.folder)).toBe(true);
  expect(isBranchAt(repository.remote, branch, folder)).toBe(true);
});

test.each([
  ['one that never was', 'release-v9'],
  ['one of which another has the end', 'release-v2'],
  ['one of which another has the whole ref for its end', 'release-v3'],
  ['one that is a tag', 'release-v4'],
])('it does not have %s', (_, branch) => {
  expect(isBranchAt('origin', branch, repository.folder)).toBe(false);
});

test('a branch that was deleted is gone, whatever the checkout still has', () => {
  repository.git('branch', 'release-v5');
  repository.git('push', '-q', 'origin', 'release-v5');
  repository.git('push', '-q', 'origin', ':refs/heads/release-v5');
  expect(isBranchAt('origin', 'release-v5', repository.folder)).toBe(false);
});

test.each(['upstream', join(folder, 'nowhere.git'), '--upload-pack=touch pwned'])('the remote %s, which git cannot ask, is no answer', (remote) => {
  expect(() => isBranchAt(remote, 'release-v1', repository.folder)).toThrow(RemoteUnknown);
});
