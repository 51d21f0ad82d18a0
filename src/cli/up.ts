import { randomBytes } from 'crypto';
import { Command } from 'commander';
import { ClusterOptions, DOWN_WAIT_SECONDS, numberOf, runWithCluster, secondsOption, Tools, withClusterOptions } from './cluster-command';
import { readManifests } from './read-manifests';
import { Manifest, VIRTUAL_SERVICE } from '../cluster/cluster';
import { diffOfUp } from '../cluster/diff-up';
import { CommandFailed, ExitCode } from '../cluster/failures';
import { Folder, readFolder } from '../cluster/folder';
import { domainOf, hostOf, isWoven, laneTable, routedHosts } from '../cluster/live-lanes';
import { probe } from '../cluster/probe';
import { up } from '../cluster/up';
import { upWhile } from '../cluster/up-while';
import { SERVED_LANE_HEADER } from '../lanes/weave';
import { isBranchAt } from '../pipeline/remote-branch';

interface UpCommandOptions extends ClusterOptions {
  readonly wait: number;
  readonly timeout: number;
  readonly allowOlder?: boolean;
  readonly whileBranchAt?: string;
  readonly dryRun?: boolean;
  readonly probe?: string;
  readonly probeTimeout: number;
  readonly rootNamespace: string;
}

/** `up`: brings up what one branch owns. */
export function addUp(cli: Command): void {
  withClusterOptions(cli.command('up')
    .description('bring up what a branch owns: workload, then subsets, then routes')
    .argument('<path...>', 'the folder that cdk8s synth wrote for the branch, or files'))
    .addOption(secondsOption('--wait <seconds>', 'how long a change takes to reach every proxy', 5))
    .addOption(secondsOption('--timeout <seconds>', 'how long a rollout may take', 300))
    .option('--allow-older', 'let a pipeline deploy although a newer one has')
    .option('--while-branch-at <remote>', "only while this remote of git's has the branch: one that is deleted meanwhile leaves no lane")
    .option('--probe <url>', 'in the end ask this URL until the lane answers')
    .option('--probe-timeout <seconds>', 'how long to ask', numberOf, 60)
    .option('--root-namespace <name>', "istiod's namespace", 'istio-system')
    .option('--dry-run', 'change nothing, show what would be')
    .action((paths: string[], options: UpCommandOptions) => runWithCluster(options, (tools) => run(tools, paths, options)));
}

async function run({ cluster, kubectl, session }: Tools, paths: string[], options: UpCommandOptions): Promise<void> {
  const manifests = readManifests(paths);
  const namespace = options.namespace[0]
    ?? (manifests.every(({ manifest }) => manifest.metadata?.namespace || manifest.kind === 'Namespace') ? 'default' : await contextNamespace(kubectl));
  const folder = readFolder(manifests, randomBytes(4).toString('hex'), namespace);
  const { wait: waitSeconds, timeout: timeoutSeconds, allowOlder = false, rootNamespace } = options;
  const upOptions = { waitSeconds, timeoutSeconds, allowOlder, rootNamespace };
  if (options.dryRun) {
    process.stdout.write(await diffOfUp(cluster, folder, upOptions));
    return;
  }
  const { whileBranchAt: remote } = options;
  const report = remote === undefined ? await up(cluster, session, folder, upOptions)
    : await upWhile((branch) => isBranchAt(remote, branch), cluster, session, folder, { ...upOptions, downWaitSeconds: DOWN_WAIT_SECONDS });
  for (const { name, rules, bytes } of report.sizes) session.say(`  ${name}: ${rules} rules, ${bytes} bytes`);
  if (report.conflicts > 0) session.say(`  ${report.conflicts} conflicts with other runs`);
  if (report.problems.length > 0) throw new CommandFailed(ExitCode.NOT_AS_IT_SHOULD, `up, but not everywhere:\n${report.problems.map((each) => `  ${each}`).join('\n')}`);
  if (options.probe !== undefined) await probe(session, options.probe, await probeExpectation(cluster, folder), options.probeTimeout);
  for (const host of folder.lane === undefined ? [] : report.previewHosts) session.say(`http://${host}`);
  session.say(folder.lane === undefined ? 'the baseline is up' : `lane ${folder.lane} is up`);
}

async function contextNamespace(kubectl: Tools['kubectl']): Promise<string> {
  const namespace = await kubectl.run(['config', 'view', '--minify', '-o', 'jsonpath={..namespace}']);
  return namespace.trim() || 'default';
}

/** By which header a request says its lane, and by which the response tells it. */
async function probeExpectation(cluster: Tools['cluster'], folder: Folder): Promise<{ header: string; served: string; lane?: string }> {
  const routesToUs = (vs: Manifest) => folder.services.some((each) => routedHosts(vs).has(hostOf(each, domainOf(vs))));
  const found = (await cluster.list(VIRTUAL_SERVICE)).find((vs) => isWoven(vs) && routesToUs(vs));
  const { header, servedLaneHeader } = laneTable(found ?? {}, []);
  return { header, served: servedLaneHeader ?? SERVED_LANE_HEADER, lane: folder.lane };
}
