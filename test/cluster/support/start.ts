import { mkdtempSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { bundleCli } from './bundle';
import { startCluster, TestCluster } from '../cluster-process';

declare global {
  // eslint-disable-next-line no-var
  var testCluster: TestCluster | undefined;
}

/** One API server and one compiled command line for all test files; they learn of both by the environment. */
export default async function start(): Promise<void> {
  const cluster = await startCluster();
  globalThis.testCluster = cluster;
  process.env.CLUSTER_KUBECONFIG = cluster.kubeconfig;
  process.env.CLUSTER_KUBECTL = cluster.kubectl;
  // Thousands of short processes: kubectl need not collect garbage.
  process.env.GOGC = 'off';
  process.env.CLUSTER_FOLDER = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-cli-'));
  process.env.CLUSTER_CLI = await bundleCli(process.env.CLUSTER_FOLDER, 'cdk8s-lanes');
}
