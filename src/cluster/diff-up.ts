import { problemsOfUp } from './check-up';
import { Cluster, Manifest } from './cluster';
import { CommandFailed, ExitCode } from './failures';
import { deploymentsOf, Folder } from './folder';
import { LiveLane, liveLanes } from './live-lanes';
import { CONVERGED_ANNOTATION, marked, serviceOf } from './marks';
import { planRoutes } from './plan-routes';
import { fieldManager, readStanding, UpOptions } from './up';
import { objectName, namespaceOf } from '../lanes/hosts';
import { RUN_ANNOTATION } from '../lanes/ownership';

/** What `up` would change, as text; empty for nothing. Changes nothing. */
export async function diffOfUp(cluster: Cluster, folder: Folder, options: UpOptions): Promise<string> {
  const standing = await readStanding(cluster);
  const problems = problemsOfUp(folder, standing, options);
  if (problems.length > 0) throw new CommandFailed(ExitCode.REFUSED, `this would be in the way:\n${problems.map((each) => `  - ${each}`).join('\n')}`);
  const known = new Map([...standing.deployments, ...standing.destinationRules].map((each) => [`${each.kind} ${objectName(each)}`, each]));
  // Each run writes its own mark, which is no change that anybody asks about.
  const plain = [...folder.workload, ...folder.subsets, ...folder.routes].map((each) => {
    const run = known.get(`${each.kind} ${objectName(each)}`)?.metadata.annotations?.[RUN_ANNOTATION];
    return run === undefined ? each : marked(each, { annotations: { [RUN_ANNOTATION]: run } });
  });
  const routes = futureRoutes(folder, standing.virtualServices, liveLanes(standing.deployments));
  const parts = [];
  if (plain.length > 0) parts.push(await cluster.diff(plain, { manager: fieldManager(folder), force: false }));
  if (routes.length > 0) parts.push(await cluster.diff(routes, { manager: 'cdk8s-lanes', force: true }));
  return parts.join('');
}

/** The VirtualServices as they would be, without what only the server writes. */
function futureRoutes(folder: Folder, virtualServices: Manifest[], live: LiveLane[]): Manifest[] {
  const joining = folder.lane === undefined ? [] : deploymentsOf(folder).filter(({ spec }) => spec?.replicas !== 0)
    .map((each) => ({ lane: folder.lane!, service: serviceOf(each)!, namespace: namespaceOf(each) }));
  const names = new Set(folder.woven.map(objectName));
  const all = [...virtualServices.filter((each) => !names.has(objectName(each))), ...folder.woven.map((each) => {
    const current = virtualServices.find((vs) => objectName(vs) === objectName(each));
    return current ? { ...current, spec: each.spec } : each;
  })];
  return planRoutes(all, [...live, ...joining])
    .filter(({ desired, changed, current }) => desired && (changed || names.has(objectName(current ?? desired))))
    .map(({ desired }) => {
      const { name, namespace, labels, annotations = {} } = desired!.metadata;
      const { [CONVERGED_ANNOTATION]: converged, ...kept } = annotations;
      return { apiVersion: desired!.apiVersion, kind: desired!.kind, metadata: { name, namespace, labels, annotations: kept }, spec: desired!.spec };
    });
}
