import { CommandFailed, ExitCode } from '../../src/cluster/failures';
import { parseBranches, planSweep, SweepOptions } from '../../src/cluster/plan-sweep';
import { baseline, BranchOptions, lane } from '../support/branch-manifests';

const CART = { service: 'cart', namespace: 'shop' };
const NOW = new Date('2026-02-01T00:00:00Z');

/** As the cluster has it: written at a time, routable or not. */
function live(options: Partial<BranchOptions> & { branch: string }, { routable = true, at = '2026-01-31T23:00:00Z', rule = true } = {}) {
  const [deployment, subset] = lane({ ...CART, ...options });
  const written = { creationTimestamp: '2026-01-01T00:00:00Z', managedFields: [{ manager: 'cdk8s-lanes-x', time: at }, { manager: 'kube-controller-manager', subresource: 'status', time: '2026-01-31T23:59:00Z' }] };
  const labels = { ...deployment.metadata.labels, ...(routable ? { 'cdk8s-lanes/routable': 'true' } : {}) };
  return {
    deployments: [{ ...deployment, metadata: { ...deployment.metadata, ...written, labels } }],
    destinationRules: rule ? [{ ...subset, metadata: { ...subset.metadata, ...written } }] : [],
  };
}

function due(all: ReturnType<typeof live>[], options: Partial<SweepOptions> = {}): string[] {
  const [, main] = baseline({ ...CART, branch: 'main' });
  const ground = { deployments: [main, ...all.flatMap((each) => each.deployments)], destinationRules: all.flatMap((each) => each.destinationRules) };
  return planSweep(ground, { now: NOW, leftoverHours: 24, ...options }).map(({ lane: name, source, reason }) => `${name} of ${source}: ${reason}`);
}

const refusal = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    if (error instanceof CommandFailed) return `${error.exitCode} ${error.message}`;
    throw error;
  }
  return 'none';
};

test('a lane is due when its time is past; the latest of its services counts', () => {
  expect(due([live({ branch: 'a', expires: '2026-01-31T23:59:59Z' })])).toEqual(['a of shop: expired 2026-01-31T23:59:59.000Z']);
  expect(due([live({ branch: 'a', expires: '2026-02-01T00:00:01Z' })])).toEqual([]);
  expect(due([live({ branch: 'a', expires: '2026-01-01T00:00:00Z' }), live({ branch: 'a', service: 'pay', expires: '2026-03-01T00:00:00Z' })])).toEqual([]);
  expect(due([live({ branch: 'a', expires: 'soon' })])).toEqual([]);
});

test('the branches of one repository tell nothing of another one\'s lanes', () => {
  const lanes = [live({ branch: 'here' }), live({ branch: 'gone' }), live({ branch: 'gone', source: 'pay', service: 'pay' })];
  expect(due(lanes, { source: 'shop', branches: ['main', 'here'] })).toEqual(['gone of shop: branch gone is gone']);
  expect(due(lanes, { source: 'shop' })).toEqual([]);
});

test('a list of branches that cannot be whole sweeps nothing', () => {
  const lanes = [live({ branch: 'gone' })];
  expect(refusal(() => due(lanes, { source: 'shop', branches: [] }))).toMatch(/^2 '--branches' is empty/);
  expect(refusal(() => due(lanes, { source: 'shop', branches: ['here'] }))).toMatch(/^2 '--branches' lacks "main"/);
  expect(refusal(() => due(lanes, { source: 'shop', branches: ['main'], baseline: 'trunk' }))).toMatch(/^2 '--branches' lacks "trunk"/);
  expect(refusal(() => due(lanes, { branches: ['main'] }))).toMatch(/^2 '--branches' is the list of one repository/);
  expect(refusal(() => due(lanes, { source: 'other', branches: ['main'] }))).toMatch(/^2 '--baseline' must name/);
  expect(ExitCode.INPUT).toBe(2);
});

test('branches are compared as Unicode means them', () => {
  expect(due([live({ branch: 'gru\u0308n' })], { source: 'shop', branches: ['main', 'gr\u00fcn'] })).toEqual([]);
});

test('what no requests are routed to is a leftover some time after its last run, whatever controllers wrote since', () => {
  expect(due([live({ branch: 'a' }, { routable: false, at: '2026-01-30T23:00:00Z' })])).toEqual([expect.stringMatching(/^a of shop: no requests are routed to it, 25 h after its last run/)]);
  expect(due([live({ branch: 'a' }, { routable: false, at: '2026-01-31T12:00:00Z' })])).toEqual([]);
  expect(due([live({ branch: 'a' }, { at: '2026-01-01T00:00:00Z' })])).toEqual([]);
  const orphan = { ...live({ branch: 'a' }, { at: '2026-01-01T00:00:00Z' }), deployments: [] };
  expect(due([orphan])).toEqual(['a of shop: subsets without a Deployment, left by a run that ended midway']);
});

test('branches are read as git ls-remote prints them, or as bare names', () => {
  const sha = '0123456789abcdef0123456789abcdef01234567';
  expect(parseBranches(`${sha}\trefs/heads/main\n${sha}\trefs/heads/feature/x\n${sha}\trefs/tags/v1\n${sha}\tHEAD\n\n`)).toEqual(['main', 'feature/x']);
  expect(parseBranches('main\r\nrelease-v1\n')).toEqual(['main', 'release-v1']);
});
