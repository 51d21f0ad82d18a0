import { Command } from 'commander';
import { ClusterOptions, DOWN_WAIT_SECONDS, runWithCluster, secondsOption, sourceOption, withClusterOptions } from './cluster-command';
import { down } from '../cluster/down';

interface DownCommandOptions extends ClusterOptions {
  readonly source?: string;
  readonly all?: boolean;
  readonly wait: number;
}

/** `down`: takes the lane of a branch down. */
export function addDown(cli: Command): void {
  withClusterOptions(cli.command('down')
    .description('take the lane of a branch down: routes, then subsets, then workload; needs no manifests')
    .argument('<branch>', 'the branch as its repository calls it, or the lane'))
    .option('--source <repository>', 'whose part of the lane (default: the repository of this CI run or checkout)')
    .option('--all', "everybody's part of the lane")
    .addOption(secondsOption('--wait <seconds>', 'how long a change takes to reach every proxy', DOWN_WAIT_SECONDS))
    .action((branch: string, options: DownCommandOptions) => runWithCluster(options, async ({ cluster, session }) => {
      await down(cluster, session, branch, { source: sourceOption(options), waitSeconds: options.wait });
    }));
}
