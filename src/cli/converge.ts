import { Command } from 'commander';
import { ClusterOptions, runWithCluster, withClusterOptions } from './cluster-command';
import { converge } from '../cluster/converge';
import { CommandFailed, ExitCode } from '../cluster/failures';

/** `converge`: brings the routes in line with the live lanes. */
export function addConverge(cli: Command): void {
  withClusterOptions(cli.command('converge').description('bring all routes in line with the live lanes'))
    .action((options: ClusterOptions) => runWithCluster(options, async ({ cluster, session }) => {
      const { writes, conflicts, sizes, problems } = await converge(cluster, session, { force: false });
      for (const { name, rules, bytes } of sizes) session.say(`  ${name}: ${rules} rules, ${bytes} bytes`);
      if (problems.length > 0) throw new CommandFailed(ExitCode.NOT_AS_IT_SHOULD, problems.join('\n'));
      session.say(`${sizes.length} VirtualServices, ${writes} written, ${conflicts} conflicts`);
    }));
}
