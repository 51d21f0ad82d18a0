import { randomBytes } from 'crypto';
import { olderThan } from './check-up';
import { Cluster, DEPLOYMENT, Manifest, VIRTUAL_SERVICE } from './cluster';
import { backoff } from './converge';
import { CommandFailed, ExitCode, isClusterError } from './failures';
import { laneHeaderOf } from './folder';
import { isWoven, liveLanes } from './live-lanes';
import { CONVERGED_ANNOTATION, isNewer, marked, nameOf } from './marks';
import { planWoven } from './plan-routes';
import { Session } from './session';
import { namespaceOf } from '../lanes/hosts';
import { SERVICE_LABEL } from '../lanes/ownership';
import { allowLaneHeader } from '../lanes/weave';

const ATTEMPTS = 40;

/**
 * Puts the baseline's rules into the live VirtualService, with the live lanes woven in, in one write that is refused if anybody
 * wrote meanwhile. (A plain apply would wipe the lanes until somebody converges.)
 */
export async function writeBaselineRoutes(cluster: Cluster, session: Session, manifest: Manifest, allowOlder: boolean): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const current = await cluster.read(VIRTUAL_SERVICE, namespaceOf(manifest), manifest.metadata.name);
    const deployments = await cluster.list(DEPLOYMENT, SERVICE_LABEL);
    if (current && !isWoven(current)) throw new CommandFailed(ExitCode.OVERTAKEN, `${nameOf(current)} is no longer one that lanes are woven into: somebody else wrote it meanwhile`);
    if (current && !allowOlder && isNewer(current, manifest)) throw new CommandFailed(ExitCode.OVERTAKEN, olderThan(current, manifest));
    const next = successor(current, allowLaneHeader(manifest, laneHeaderOf(manifest)));
    const { desired, problems } = planWoven(next, liveLanes(deployments));
    if (problems.length > 0) {
      throw new CommandFailed(ExitCode.REFUSED, `${nameOf(manifest)} cannot take the live lanes, and stays as it was:\n${problems.map(({ path, message }) => `  ${path} ${message}`).join('\n')}`);
    }
    const touched = marked(desired!, { annotations: { [CONVERGED_ANNOTATION]: `${session.now().toISOString()} ${randomBytes(4).toString('hex')}` } });
    try {
      await (current ? cluster.replace(touched) : cluster.create(touched));
      session.say(`  ${current ? 'wrote' : 'made'} ${nameOf(manifest)}`);
      return;
    } catch (error) {
      if (!isClusterError(error, 'conflict', 'exists', 'not found')) throw error;
      session.say(`  ${nameOf(manifest)} was written by another run meanwhile; reading it again`);
      await session.sleep(backoff(attempt));
    }
  }
  throw new CommandFailed(ExitCode.OVERTAKEN, `others wrote ${nameOf(manifest)} ${ATTEMPTS} times in a row; run it again`);
}

/** The live object with what the manifest says in place of what it said before. */
function successor(current: Manifest | undefined, manifest: Manifest): Manifest {
  if (!current) return manifest;
  const { labels, annotations } = manifest.metadata;
  return { ...marked(current, { labels, annotations }), spec: manifest.spec };
}
