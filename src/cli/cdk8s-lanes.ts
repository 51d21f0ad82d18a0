#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { matrixJson, matrixTable } from './print-matrix';
import { readManifests, UsageError } from './read-manifests';
import { demand, InvalidInput } from '../errors';
import { laneName } from '../lanes/lane-name';
import { ManifestSyntaxError, SourcedManifest } from '../manifests';
import { laneMatrix } from '../simulate/matrix';
import { headerNameProblem } from '../traffic/predicates';

const EXIT_CODES = `
Exit codes:
  0  done
  1  done, and requests would fail: the output says which
  2  the input is at fault: the message says where`;

function program(): Command {
  const cli = new Command('cdk8s-lanes')
    .description('Many branches in one shared Kubernetes and Istio environment')
    .addHelpText('after', EXIT_CODES)
    .exitOverride();

  cli.command('lane-name')
    .description('print the lane of a branch: its lane header value, subset and version label')
    .argument('<branch>', 'the branch as its repository calls it')
    .addHelpText('after', EXIT_CODES)
    .action((branch: string) => {
      process.stdout.write(`${laneName(branch)}\n`);
    });

  cli.command('matrix')
    .description('print which version of each service serves each lane')
    .argument('<path...>', 'files or folders with manifests, - for standard input')
    .option('--header <name>', 'the lane header (default: the one that the rules of lanes match)')
    .option('--cluster-domain <domain>', "the cluster's domain", 'cluster.local')
    .option('--json', 'for programs')
    .addHelpText('after', EXIT_CODES)
    .action((paths: string[], options: { header?: string; clusterDomain: string; json?: boolean }) => {
      if (options.header !== undefined) demand('--header', options.header, headerNameProblem(options.header.toLowerCase()), { code: 'HeaderName' });
      const matrix = laneMatrix(oneOfEach(readManifests(paths)), options);
      process.stdout.write(options.json ? matrixJson(matrix) : matrixTable(matrix));
      for (const { host, loser, winner, reason } of matrix.lostHosts) {
        process.stderr.write(`warning: VirtualService ${loser} has no effect on ${host} in the mesh: sidecars follow ${winner}, which is ${reason}\n`);
      }
      if (matrix.rows.some(({ cells }) => cells.some(({ problems }) => problems.length > 0))) process.exitCode = 1;
    });

  return cli;
}

/** What the matrix looks at. */
const KINDS_READ = ['VirtualService', 'DestinationRule', 'Service', 'Deployment'];

/** Two objects of one name would be alternatives, of which a cluster has one: nothing could be said of both. */
function oneOfEach(manifests: SourcedManifest[]): any[] {
  const seen = new Map<string, SourcedManifest>();
  for (const each of manifests) {
    const { kind, apiVersion, metadata } = each.manifest;
    if (!metadata?.name || !KINDS_READ.includes(kind)) continue;
    const key = `${String(apiVersion).split('/')[0]} ${kind} ${metadata?.namespace ?? 'default'}/${metadata?.name}`;
    const twin = seen.get(key);
    if (twin) {
      throw new UsageError(`${each.file}:${each.line}: ${kind} ${metadata?.namespace ?? 'default'}/${metadata?.name} is there already, at ${twin.file}:${twin.line}; `
        + 'name files that are applied together');
    }
    seen.set(key, each);
  }
  return manifests.map(({ manifest }) => manifest);
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
