import { rmSync } from 'fs';

export default async function stop(): Promise<void> {
  await globalThis.testCluster?.stop();
  rmSync(process.env.CLUSTER_FOLDER!, { recursive: true, force: true });
}
