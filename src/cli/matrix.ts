import { Command } from 'commander';
import { EXIT_CODES } from './exit-codes';
import { modelOptions, ModelFlags, readObjects, sayTakenForGranted, withModelOptions } from './load-model';
import { matrixJson, matrixTable } from './print-matrix';
import { demand } from '../errors';
import { laneMatrix } from '../simulate/matrix';
import { headerNameProblem } from '../traffic/predicates';

/** `matrix`: lanes × services. */
export function addMatrix(cli: Command): void {
  withModelOptions(
    cli
      .command('matrix')
      .description('print which version of each service serves each lane')
      .argument('<path...>', 'files or folders with manifests, - for standard input')
      .option('--header <name>', 'the lane header (default: the one that the rules of lanes match)')
      .option('--json', 'for programs'),
  )
    .addHelpText('after', EXIT_CODES)
    .action((paths: string[], flags: ModelFlags & { header?: string; json?: boolean }) => {
      if (flags.header !== undefined) demand('--header', flags.header, headerNameProblem(flags.header.toLowerCase()), { code: 'HeaderName' });
      const sourced = readObjects(paths);
      const matrix = laneMatrix(
        sourced.map(({ manifest }) => manifest),
        { ...modelOptions(sourced, flags), header: flags.header },
      );
      process.stdout.write(flags.json ? matrixJson(matrix) : matrixTable(matrix));
      sayTakenForGranted(matrix.takenForGranted);
      for (const { host, loser, winner, reason } of matrix.lostHosts) {
        process.stderr.write(
          `warning: VirtualService ${loser} has no effect on ${host} in the mesh: sidecars follow ${winner}, which is ${reason}\n`,
        );
      }
      for (const { message } of matrix.caveats) process.stderr.write(`note: ${message}\n`);
      if (matrix.rows.some(({ cells }) => cells.some(({ problems }) => problems.length > 0))) process.exitCode = 1;
    });
}
