import { Command } from 'commander';
import { EXIT_CODES } from './exit-codes';
import { loadModel, ModelFlags, withModelOptions } from './load-model';
import { readCalls } from './trace';
import { mermaidGraph } from '../simulate/graph';

/** `graph`: a picture. */
export function addGraph(cli: Command): void {
  withModelOptions(
    cli
      .command('graph')
      .description('print a Mermaid flowchart: services, versions, lanes, weights, mirrors, calls')
      .argument('<path...>', 'files or folders with manifests, - for standard input')
      .option('--calls <file>', 'YAML that tells whom services call, as for trace'),
  )
    .addHelpText('after', EXIT_CODES)
    .action((paths: string[], flags: ModelFlags & { calls?: string }) => {
      process.stdout.write(mermaidGraph(loadModel(paths, flags), readCalls(flags.calls)));
    });
}
