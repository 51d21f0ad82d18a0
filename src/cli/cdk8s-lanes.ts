#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addCiCommands } from './ci';
import { addConverge } from './converge';
import { addDiff } from './diff';
import { addDown } from './down';
import { EXIT_CODES } from './exit-codes';
import { addGraph } from './graph';
import { addLaneName } from './lane-name';
import { addMatrix } from './matrix';
import { UsageError } from './read-manifests';
import { addStatus } from './status';
import { addSweep } from './sweep';
import { addTrace } from './trace';
import { addUp } from './up';
import { InvalidInput } from '../errors';
import { ManifestSyntaxError } from '../manifests';

function program(): Command {
  const cli = new Command('cdk8s-lanes')
    .description('Many branches in one shared Kubernetes and Istio environment')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();
  for (const add of [addLaneName, addMatrix, addTrace, addDiff, addGraph, addUp, addConverge, addDown, addSweep, addStatus]) add(cli);
  addCiCommands(cli, EXIT_CODES);
  return cli;
}

function main(): void {
  try {
    program().parse();
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what is wrong by itself.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    if (![UsageError, ManifestSyntaxError, InvalidInput].some((kind) => error instanceof kind)) throw error;
    process.stderr.write(`cdk8s-lanes: ${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}

main();
