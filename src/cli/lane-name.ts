import { Command } from 'commander';
import { EXIT_CODES } from './exit-codes';
import { laneName } from '../lanes/lane-name';

/** `lane-name`: what a branch is called. */
export function addLaneName(cli: Command): void {
  cli
    .command('lane-name')
    .description('print the lane of a branch: its lane header value, subset and version label')
    .argument('<branch>', 'the branch as its repository calls it')
    .addHelpText('after', EXIT_CODES)
    .action((branch: string) => {
      process.stdout.write(`${laneName(branch)}\n`);
    });
}
