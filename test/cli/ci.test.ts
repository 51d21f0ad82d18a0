import { spawnSync } from 'child_process';
import { join } from 'path';
import { gitHubWorkflow } from '../../src/pipeline/github-workflow';
import { gitLabComponent, gitLabPipeline } from '../../src/pipeline/gitlab-pipeline';
import { parseService } from '../../src/pipeline/pipeline-plan';

const root = join(__dirname, '..', '..');

function cli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', 'src/cli/cdk8s-lanes.ts', 'ci', ...args], { cwd: root, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const printed = (stdout: string) => ({ status: 0, stdout, stderr: '' });

test('the least that must be said: every other branch is a lane, the registry is the system\'s own', () => {
  const plan = { services: [parseService('cart')], baseline: 'main', lanes: ['*'] };
  expect(cli('gitlab', '--service', 'cart', '--baseline', 'main', '--deployer', 'deployer:1')).toEqual(printed(gitLabPipeline(plan, { deployer: 'deployer:1', builder: 'buildkit' })));
  expect(cli('github', '--service', 'cart', '--baseline', 'main')).toEqual(printed(gitHubWorkflow(plan, { sweep: '17 * * * *', runsOn: ['ubuntu-latest'] })));
  expect(cli('gitlab-component')).toEqual(printed(gitLabComponent({ builder: 'buildkit' })));
});

test('all that can be said', () => {
  const said = [
    '--service', 'cart=cart,shared/', '--service', 'stock=stock', '--baseline', 'main', '--lanes', 'a-*', '--lanes', 'b-*', '--registry', 'registry.example.com/shop', '--context', 'test',
    '--preview', '*.preview.example.com',
  ];
  const plan = {
    services: ['cart=cart,shared/', 'stock=stock'].map(parseService), baseline: 'main', lanes: ['a-*', 'b-*'], registry: 'registry.example.com/shop', context: 'test', preview: '*.preview.example.com',
  };
  expect(cli('gitlab', ...said, '--deployer', 'd:1', '--builder', 'docker', '--auto-stop-in', '3 days', '--tag', 'k8s', '--tag', 'linux'))
    .toEqual(printed(gitLabPipeline(plan, { deployer: 'd:1', builder: 'docker', autoStopIn: '3 days', tags: ['k8s', 'linux'] })));
  expect(cli('github', ...said, '--sweep', '5 4 * * *', '--runs-on', 'self-hosted', '--runs-on', 'linux', '--use-version', '1.2.3'))
    .toEqual(printed(gitHubWorkflow(plan, { sweep: '5 4 * * *', runsOn: ['self-hosted', 'linux'], version: '1.2.3' })));
  expect(cli('gitlab-component', '--builder', 'docker')).toEqual(printed(gitLabComponent({ builder: 'docker' })));
});

test.each([
  ['no system', [], /ci/],
  ['another system', ['jenkins'], /unknown command 'jenkins'/],
  ['no service', ['github', '--baseline', 'main'], /required option '--service /],
  ['no baseline', ['github', '--service', 'cart'], /required option '--baseline /],
  ['no deployer', ['gitlab', '--service', 'cart', '--baseline', 'main'], /required option '--deployer /],
  ['another builder', ['gitlab-component', '--builder', 'kaniko'], /Allowed choices are buildkit, docker/],
  ['what could not stand in a file', ['github', '--service', 'cart', '--baseline', 'ma"in'], /'--baseline' must be a branch of letters/],
])('%s is answered with one message and exit code 2', (_, args, message) => {
  const { status, stdout, stderr } = cli(...args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
});
