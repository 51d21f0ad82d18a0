import { Command } from 'commander';
import { ClusterOptions, runWithCluster, withClusterOptions } from './cluster-command';
import { readManifests } from './read-manifests';
import { table } from './table';
import { ExitCode } from '../cluster/failures';
import { LaneStatus, readStatus } from '../cluster/status';

/** `status`: what is live, and what is not as it should be. */
export function addStatus(cli: Command): void {
  withClusterOptions(cli.command('status')
    .description('show the lanes that are live, and where routes, workloads and manifests do not fit together')
    .argument('[path...]', 'manifests to compare the cluster with'))
    .option('--json', 'for programs')
    .action((paths: string[], options: ClusterOptions & { json?: boolean }) => runWithCluster(options, async ({ cluster, session }) => {
      const manifests = paths.length === 0 ? [] : readManifests(paths).map(({ manifest }) => manifest);
      const status = await readStatus(cluster, session.now(), manifests);
      if (options.json) process.stdout.write(`${JSON.stringify(status, null, 2)}\n`);
      else process.stdout.write(statusText(status.lanes, status.drift, session.now()));
      if (status.drift.length > 0) process.exitCode = ExitCode.NOT_AS_IT_SHOULD;
    }));
}

function statusText(lanes: LaneStatus[], drift: string[], now: Date): string {
  const rows = lanes.flatMap(({ lane, services, branch, owner, source, since, expires, expired }) => services.map((each) => [
    lane ?? '(baseline)', `${each.namespace}/${each.service}`, `${each.ready}/${each.replicas}`, each.routable ? `yes${each.fallback ? ', with fallback' : ''}` : 'no',
    since === null ? '' : age(now.getTime() - Date.parse(since)), expires === null ? '' : `${expires}${expired ? ' (past)' : ''}`, branch ?? '', owner ?? '', source ?? '',
  ]));
  const hosts = lanes.flatMap(({ previewHosts }) => previewHosts.map((host) => `http://${host}\n`)).join('');
  const body = rows.length === 0 ? 'no services with lanes here\n' : table(['lane', 'service', 'ready', 'routed', 'age', 'expires', 'branch', 'owner', 'source'], rows);
  return `${body}${hosts}${drift.length === 0 ? '' : `\nnot as it should be:\n${drift.map((each) => `  ${each}\n`).join('')}`}`;
}

function age(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 60) return `${minutes}m`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`;
}
