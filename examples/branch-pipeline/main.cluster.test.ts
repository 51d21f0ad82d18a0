import { api, deployments, destinationRules, virtualServices } from '../../test/cluster/support/api';
import { GitHubReplay, GitLabReplay, JobEnd, Runner } from '../../test/support/pipeline-replay';
import { evaluate } from '../../test/support/route-evaluator';

/*
 * The pipelines of the example, line by line as they stand in the files of GitLab and GitHub, against a real API server. Left
 * out: building and pushing images, logging in to a registry, choosing a context, installing packages.
 */
const NAMESPACE = 'test-istio';
const PROJECT = 'shop/branch-pipeline';
const tools = { cli: process.env.CLUSTER_CLI!, kubectl: process.env.CLUSTER_KUBECTL!, kubeconfig: process.env.CLUSTER_KUBECONFIG! };

// The pipelines wait for rollouts and for proxies, as they do in earnest.
jest.setTimeout(600_000);

let runner: Runner;
beforeAll(() => {
  runner = new Runner(__dirname, 'release', tools);
});
afterAll(async () => {
  runner?.close();
  await api('DELETE', `/api/v1/namespaces/${NAMESPACE}`);
});

/** Jobs with their exit codes; what they printed where one failed that should not. */
function statuses(ends: JobEnd[], allowed: string[] = []): Record<string, number | null> {
  for (const { job, status, output } of ends) if (status !== 0 && !allowed.includes(job)) throw new Error(`${job} ended with ${status}:\n${output.slice(-4000)}`);
  return Object.fromEntries(ends.map(({ job, status }) => [job, status]));
}

/** Which versions serve requests of a lane at the two hops, by the live routes; `host` is where they enter. */
async function served(lane?: string, host = 'shop.example.com'): Promise<string> {
  const routes = await virtualServices(NAMESPACE);
  const atGateway = routes.filter(({ spec }) => spec.gateways?.includes('gateway'));
  const entry = atGateway.find(({ spec }) => spec.hosts.includes(host)) ?? atGateway.find(({ spec }) => spec.hosts.includes('*'));
  const first = evaluate(entry, { path: '/', gateway: 'gateway', headers: lane === undefined ? {} : { 'project-version': lane } });
  if (first.kind !== 'route') return first.kind;
  const [{ subset, request }] = first.shares;
  const second = evaluate(routes.find(({ metadata }) => metadata.name === 'testbbb'), { path: '/', headers: request });
  return `${subset} -> ${second.kind === 'route' ? second.shares[0].subset : second.kind}`;
}

/** What lives in the namespace, by its names: no route leads to a subset that is not there, and no subset to pods that are not. */
async function live(): Promise<string[]> {
  const [pods, subsets, routes] = [await deployments(NAMESPACE), await destinationRules(NAMESPACE), await virtualServices(NAMESPACE)];
  const defined = subsets.flatMap(({ spec }) => spec.subsets.map(({ name }: any) => `${spec.host} ${name}`));
  const led = routes.flatMap(({ spec }) => spec.http.flatMap((rule: any) => rule.route.map(({ destination }: any) => `${destination.host} ${destination.subset}`)));
  expect(led.filter((each) => !defined.includes(each))).toEqual([]);
  const ready = pods.filter(({ status }) => status.readyReplicas >= 1).map(({ spec }) => `${spec.template.metadata.labels.app}.${NAMESPACE}.svc.cluster.local ${spec.template.metadata.labels.version}`);
  expect(defined.filter((each) => !ready.includes(each))).toEqual([]);
  return pods.map(({ metadata }) => metadata.name).sort();
}

const BASELINE = ['testaaa-release', 'testbbb-release'];
const image = async (name: string) => (await api('GET', `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`)).spec.template.spec.containers[0].image;

describe('on GitLab', () => {
  let gitLab: GitLabReplay;
  beforeAll(() => {
    gitLab = new GitLabReplay(runner, PROJECT);
  });
  const commit = (branch: string, files: Record<string, string>) => {
    runner.repository.git('checkout', '-q', branch);
    return runner.repository.commit(files);
  };
  const BUILD = { 'build-testaaa': 0, 'build-testbbb': 0 };

  test('the baseline is pushed: all services, and everybody on them', async () => {
    expect(statuses(await gitLab.push('release')())).toEqual({ ...BUILD, 'deploy-baseline': 0 });
    expect(await live()).toEqual(BASELINE);
    expect(await served('release-v1')).toBe('release -> release');
    expect(gitLab.running).toEqual([]);
  });

  test('two branches are pushed at once: each lane has what its branch changed', async () => {
    runner.repository.branch('release-v1', 'origin/release');
    runner.repository.commit({ 'testaaa/server.js': '// v1\n', 'testbbb/server.js': '// v1\n' });
    const first = gitLab.push('release-v1');
    runner.repository.branch('release-v2', 'origin/release');
    runner.repository.commit({ 'testaaa/server.js': '// v2\n' });
    const second = gitLab.push('release-v2');
    const [v1, v2] = await Promise.all([first(), second()]);
    expect(statuses(v1)).toEqual({ ...BUILD, 'deploy-lane': 0 });
    expect(statuses(v2)).toEqual({ 'build-testaaa': 0, 'deploy-lane': 0 });
    expect(v1.find(({ job }) => job === 'deploy-lane')!.output).toContain('http://release-v1.preview.example.com');

    expect(await live()).toEqual(['testaaa-release', 'testaaa-release-v1', 'testaaa-release-v2', 'testbbb-release', 'testbbb-release-v1']);
    expect([await served(), await served('release-v1'), await served('release-v2')]).toEqual(['release -> release', 'release-v1 -> release-v1', 'release-v2 -> release']);
    expect(gitLab.running).toEqual(['lane/release-v1', 'lane/release-v2']);
  });

  test('each lane has a preview, whatever header an outsider sends there', async () => {
    expect(await served('release-v1', 'release-v2.preview.example.com')).toBe('release-v2 -> release');
    expect(await served(undefined, 'release-v1.preview.example.com')).toBe('release-v1 -> release-v1');
  });

  test('a branch is pushed again: its lane runs the new image, and nobody else notices', async () => {
    const before = await image('testaaa-release-v2');
    const sha = commit('release-v1', { 'testbbb/server.js': '// v1 again\n' });
    expect(statuses(await gitLab.push('release-v1')())).toEqual({ ...BUILD, 'deploy-lane': 0 });
    expect([await image('testbbb-release-v1'), await image('testaaa-release-v2')]).toEqual([`registry.example.com/shop/testbbb:${sha}`, before]);
    expect([await served('release-v1'), await served('release-v2')]).toEqual(['release-v1 -> release-v1', 'release-v2 -> release']);
  });

  test('a branch takes back one of its changes: the lane leaves that service to the baseline', async () => {
    commit('release-v1', { 'testaaa/server.js': runner.repository.git('show', 'release:testaaa/server.js') + '\n' });
    expect(statuses(await gitLab.push('release-v1')())).toEqual({ 'build-testbbb': 0, 'deploy-lane': 0 });
    expect(await live()).toEqual(['testaaa-release', 'testaaa-release-v2', 'testbbb-release', 'testbbb-release-v1']);
    expect([await served('release-v1'), await served(undefined, 'release-v1.preview.example.com')]).toEqual(['release -> release-v1', 'release -> release-v1']);
  });

  test('the baseline is pushed again: lanes stay', async () => {
    const sha = commit('release', { 'README.md': 'two\n' });
    expect(statuses(await gitLab.push('release')())).toEqual({ ...BUILD, 'deploy-baseline': 0 });
    expect(await image('testaaa-release')).toBe(`registry.example.com/shop/testaaa:${sha}`);
    expect([await served('release-v1'), await served('release-v2')]).toEqual(['release -> release-v1', 'release-v2 -> release']);
  });

  test('a branch that GitLab has no environment for is told so, and changes nothing', async () => {
    const before = await live();
    runner.repository.branch('release-$(touch${IFS}pwned)', 'origin/release');
    runner.repository.commit({ 'testaaa/server.js': '// hostile\n' });
    const ends = await gitLab.push('release-$(touch${IFS}pwned)')();
    expect(statuses(ends, ['refuse-branch'])).toEqual({ 'refuse-branch': 1 });
    expect(await live()).toEqual(before);
  });

  test('a branch is deleted: its lane goes, without a checkout, and the others stay', async () => {
    expect(statuses(await gitLab.deleteBranch('release-v2'))).toEqual({ 'stop-lane': 0 });
    expect(await live()).toEqual(['testaaa-release', 'testbbb-release', 'testbbb-release-v1']);
    expect([await served('release-v2'), await served('release-v1'), await served('release-v1', 'release-v2.preview.example.com')]).toEqual(['release -> release', 'release -> release-v1', 'release -> release-v1']);
  });

  test('a branch is deleted while its pipeline waits: nothing comes up for it any more', async () => {
    const before = await live();
    runner.repository.branch('release-v4', 'origin/release');
    runner.repository.commit({ 'testbbb/server.js': '// v4\n' });
    const pipeline = gitLab.push('release-v4');
    expect(statuses(await gitLab.deleteBranch('release-v4'))).toEqual({});
    const ends = await pipeline();
    expect(statuses(ends, ['deploy-lane'])).toEqual({ 'build-testbbb': 0, 'deploy-lane': 3 });
    expect(ends[1].output).toContain('the branch "release-v4" is gone');
    expect(await live()).toEqual(before);
  });

  test('a branch is deleted and its stop job never ran: the sweep takes the lane down, and no other', async () => {
    runner.repository.branch('release-v3', 'origin/release');
    runner.repository.commit({ 'testbbb/server.js': '// v3\n' });
    expect(statuses(await gitLab.push('release-v3')())).toEqual({ 'build-testbbb': 0, 'deploy-lane': 0 });
    expect(await served('release-v3')).toBe('release -> release-v3');
    await gitLab.deleteBranch('release-v3', true);
    expect(await served('release-v3')).toBe('release -> release-v3');

    expect(statuses(await gitLab.push('release', { CI_PIPELINE_SOURCE: 'schedule' })())).toEqual({ sweep: 0 });
    expect(await live()).toEqual(['testaaa-release', 'testbbb-release', 'testbbb-release-v1']);
    expect([await served('release-v3'), await served('release-v1')]).toEqual(['release -> release', 'release -> release-v1']);
  });

  test('a branch takes back all of its changes: its lane goes', async () => {
    commit('release-v1', { 'testbbb/server.js': runner.repository.git('show', 'release:testbbb/server.js') + '\n' });
    expect(statuses(await gitLab.push('release-v1')())).toEqual({ 'drop-lane': 0 });
    expect(await live()).toEqual(BASELINE);
  });
});

describe('on GitHub', () => {
  let gitHub: GitHubReplay;
  beforeAll(() => {
    gitHub = new GitHubReplay(runner, PROJECT, 'release');
  });

  test('baseline, two lanes, one again, one deleted, a sweep', async () => {
    expect(statuses(await gitHub.push('release'))).toEqual({ 'build-testaaa': 0, 'build-testbbb': 0, 'deploy': 0 });
    for (const [branch, file] of [['release-v5', 'testaaa/server.js'], ['release-v6', 'testbbb/server.js']]) {
      runner.repository.branch(branch, 'origin/release');
      runner.repository.commit({ [file]: `// ${branch}\n` });
      expect(statuses(await gitHub.push(branch))).toEqual({ 'build-testaaa': 0, 'build-testbbb': 0, 'deploy': 0 });
    }
    expect(await live()).toEqual(['testaaa-release', 'testaaa-release-v5', 'testbbb-release', 'testbbb-release-v6']);
    expect([await served('release-v5'), await served('release-v6')]).toEqual(['release-v5 -> release', 'release -> release-v6']);

    runner.repository.git('checkout', '-q', 'release-v5');
    const sha = runner.repository.commit({ 'testaaa/server.js': '// again\n' });
    expect(statuses(await gitHub.push('release-v5'))).toEqual({ 'build-testaaa': 0, 'build-testbbb': 0, 'deploy': 0 });
    expect(await image('testaaa-release-v5')).toBe(`ghcr.io/${PROJECT}/testaaa:${sha}`);

    expect(statuses(await gitHub.deleteBranch('release-v6'))).toEqual({ down: 0 });
    expect(await live()).toEqual(['testaaa-release', 'testaaa-release-v5', 'testbbb-release']);

    expect(statuses(await gitHub.schedule())).toEqual({ sweep: 0 });
    expect(await served('release-v5')).toBe('release-v5 -> release');
  });

  test('a branch with anything in its name has a lane, too', async () => {
    const branch = 'release-$(touch${IFS}pwned)"\'';
    runner.repository.branch(branch, 'origin/release');
    runner.repository.commit({ 'testaaa/server.js': '// hostile\n' });
    expect(statuses(await gitHub.push(branch))).toEqual({ 'build-testaaa': 0, 'build-testbbb': 0, 'deploy': 0 });
    const lane = (await deployments(NAMESPACE)).find(({ metadata }) => metadata.annotations['cdk8s-lanes/branch'] === branch).metadata.labels['cdk8s-lanes/lane'];
    expect(await served(lane)).toBe(`${lane} -> release`);

    expect(statuses(await gitHub.deleteBranch(branch))).toEqual({ down: 0 });
    expect(await live()).toEqual(['testaaa-release', 'testaaa-release-v5', 'testbbb-release']);
  });

  test('a branch that changed nothing has no lane', async () => {
    runner.repository.branch('release-v7', 'origin/release');
    expect(statuses(await gitHub.push('release-v7'))).toEqual({ 'build-testaaa': 0, 'build-testbbb': 0, 'drop': 0 });
    expect(await live()).toEqual(['testaaa-release', 'testaaa-release-v5', 'testbbb-release']);
  });
});
