import { readFileSync } from 'fs';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { ClusterOptions, DOWN_WAIT_SECONDS, numberOf, runWithCluster, secondsOption, sourceOption, withClusterOptions } from './cluster-command';
import { UsageError } from './read-manifests';
import { parseBranches } from '../cluster/plan-sweep';
import { sweep } from '../cluster/sweep';
import { sweepManifests } from '../cluster/sweep-manifest';

interface SweepCommandOptions extends ClusterOptions {
  readonly source?: string;
  readonly all?: boolean;
  readonly branches?: string;
  readonly baseline?: string;
  readonly leftoverHours: number;
  readonly yes?: boolean;
  readonly wait: number;
  readonly manifest?: boolean;
  readonly image?: string;
  readonly schedule: string;
  readonly cronjobNamespace?: string;
}

/** `sweep`: takes down the lanes that nobody needs any more. */
export function addSweep(cli: Command): void {
  withClusterOptions(cli.command('sweep')
    .description('take down lanes past their time, lanes of branches that are gone, and what crashed runs left'))
    .option('--source <repository>', 'whose lanes (default: the repository of this CI run or checkout)')
    .option('--all', "everybody's lanes")
    .option('--branches <file>', "the branches that there are, as 'git ls-remote --heads' prints them; - for standard input")
    .option('--baseline <branch>', 'the branch of the baseline, which must be among them (default: as its Deployments say)')
    .option('--leftover-hours <hours>', 'after how long a lane without routes is a leftover', numberOf, 24)
    .option('-y, --yes', 'do it; without this it only tells')
    .addOption(secondsOption('--wait <seconds>', 'how long a change takes to reach every proxy', DOWN_WAIT_SECONDS))
    .option('--manifest', 'print a CronJob that sweeps, with its ServiceAccount and rights, and do nothing else')
    .option('--image <image>', 'for --manifest: an image with Node, kubectl and cdk8s-lanes')
    .option('--schedule <cron>', 'for --manifest: when', '17 * * * *')
    .option('--cronjob-namespace <name>', 'for --manifest: where the CronJob runs (default: the first --namespace)')
    .action((options: SweepCommandOptions) => runWithCluster(options, async ({ cluster, session }) => {
      if (options.manifest) {
        process.stdout.write(manifestText(options));
        return;
      }
      await sweep(cluster, session, {
        source: sourceOption(options),
        branches: options.branches === undefined ? undefined : parseBranches(readText(options.branches)),
        baseline: options.baseline,
        leftoverHours: options.leftoverHours,
        yes: options.yes ?? false,
        waitSeconds: options.wait,
      });
    }));
}

function manifestText({ image, namespace, cronjobNamespace, schedule, source }: SweepCommandOptions): string {
  const where = cronjobNamespace ?? namespace[0];
  if (image === undefined) throw new UsageError("'--image' must name an image with Node, kubectl and cdk8s-lanes");
  if (where === undefined) throw new UsageError("'--cronjob-namespace' must say where the CronJob runs");
  const whose = source === undefined ? undefined : sourceOption({ source });
  return sweepManifests({ image, namespace: where, namespaces: namespace, schedule, source: whose })
    .map((each) => stringify(each, { version: '1.1' })).join('---\n');
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
