import { Manifest } from './cluster';
import { DeployedService, deploymentsOf, Folder, hostOfRule } from './folder';
import { domainOf, hostOf, isForHost, isWoven, LiveLane, liveLanes, routedHosts, sharedGatewayHosts } from './live-lanes';
import { branchOf, isNewer, laneOf, nameOf, revisionOf, serviceOf, sourceOf } from './marks';
import { planWoven } from './plan-routes';
import { asList } from '../json';
import { DEFAULT_CLUSTER_DOMAIN, lostHosts, namespaceOf, objectName } from '../lanes/hosts';
import { SOURCE_LABEL, WOVEN_LABEL } from '../lanes/ownership';

/** What the cluster holds that an `up` may meet. */
export interface Standing {
  readonly virtualServices: Manifest[];
  readonly destinationRules: Manifest[];
  /** Those with the label `service`. */
  readonly deployments: Manifest[];
}

/** What is allowed although it usually is a mistake. */
export interface CheckOptions {
  /** A pipeline that is older than the one which deployed last may deploy. */
  readonly allowOlder?: boolean;
  /** The namespace of istiod: rules there hold only where a service's own namespace has none. */
  readonly rootNamespace: string;
}

/**
 * Everything that stands in the way of bringing the folder up, before anything is changed: each with what to do. Pure.
 */
export function problemsOfUp(folder: Folder, standing: Standing, options: CheckOptions): string[] {
  const problems = folder.lane === undefined ? problemsOfBaseline(folder, standing) : problemsOfLane(folder as LaneFolder, standing, options);
  return [...new Set([...problems, ...ownershipProblems(folder, standing, options)])];
}

type LaneFolder = Folder & { lane: string };

function problemsOfLane(folder: LaneFolder, standing: Standing, options: CheckOptions): string[] {
  return folder.services.flatMap((service) => {
    const domain = standing.virtualServices.filter(isWoven).map(domainOf)
      .find((each) => standing.virtualServices.some((vs) => isForHost(vs, hostOf(service, each)))) ?? DEFAULT_CLUSTER_DOMAIN;
    const host = hostOf(service, domain);
    return [
      ...winnerProblems(host, standing.virtualServices),
      ...weaveProblems({ ...service, lane: folder.lane }, host, standing),
      ...gatewayProblems(host, standing.virtualServices),
      ...ruleProblems(folder, service, host, domain, standing, options),
      ...nameProblems(folder.lane, service, standing.deployments),
    ];
  });
}

/** The host's VirtualService is there, ours, and the one that sidecars follow. */
function winnerProblems(host: string, virtualServices: Manifest[]): string[] {
  const all = virtualServices.filter((each) => isForHost(each, host));
  if (all.length === 0) {
    return [`no VirtualService routes requests to ${host} inside the mesh: without one that pins the baseline, the lane's pods would serve everybody; bring the baseline up first, from its own branch`];
  }
  const lost = new Set(lostHosts(virtualServices, domainOf(all[0])).filter((each) => each.host === host.toLowerCase()).map(({ loser }) => loser));
  const winner = all.find((each) => !lost.has(objectName(each))) ?? all[0];
  if (isWoven(winner)) return [];
  return [foreign(winner, `has the say for ${host}`, all.some(isWoven))];
}

function foreign(virtualService: Manifest, what: string, oursToo: boolean): string {
  const name = objectName(virtualService);
  return oursToo
    ? `VirtualService ${name} ${what}, and the one that lanes are woven into has none: sidecars follow one VirtualService a host, the oldest; move its rules into ours and delete it`
    : `VirtualService ${name} ${what}, and is not one that lanes are woven into; if it is yours, hand it over: kubectl label virtualservice ${virtualService.metadata.name} -n ${namespaceOf(virtualService)} ${WOVEN_LABEL}=true, then bring the baseline up`;
}

/** Every VirtualService that routes to the host can take the lane: pinned, and without rules on the lane header. */
function weaveProblems(lane: LiveLane, host: string, { virtualServices, deployments }: Standing): string[] {
  const live = [...liveLanes(deployments), lane];
  return virtualServices.filter((each) => isWoven(each) && routedHosts(each).has(host))
    .flatMap((each) => planWoven(each, live).problems.map(({ path, message }) => `VirtualService ${objectName(each)}: ${path} ${message}`));
}

/** At a gateway Istio merges the VirtualServices of a host, so a lane's rule in one may take requests that another is for. */
function gatewayProblems(host: string, virtualServices: Manifest[]): string[] {
  return sharedGatewayHosts(virtualServices).filter(({ woven, other }) => routedHosts(woven).has(host) || routedHosts(other).has(host))
    .map(({ host: shared, gateway, woven, other }) => `VirtualServices ${objectName(woven)} and ${objectName(other)} both have ${shared} at gateway ${gateway}: Istio merges their rules, and a lane's rule of one would `
      + 'take requests that are meant for the other; put the rules of the host into one VirtualService');
}

/** No DestinationRule keeps clients from seeing the lane's subset. */
function ruleProblems(
  folder: LaneFolder, { service, namespace }: DeployedService, host: string, domain: string, standing: Standing, { rootNamespace }: CheckOptions,
): string[] {
  const ours = folder.subsets.filter((each) => serviceOf(each) === service && namespaceOf(each) === namespace);
  const wrongHost = ours.filter((each) => hostOfRule(each, domain) !== host)
    .map((each) => `${nameOf(each)} is for ${hostOfRule(each, domain)}, and the service's host is ${host}; its subset would be of no use`);
  const others = standing.destinationRules.filter((each) => covers(hostOfRule(each, domain), host)
    && !ours.some((rule) => objectName(rule) === objectName(each)));
  return [...wrongHost, ...others.flatMap((rule) => {
    const name = `DestinationRule ${objectName(rule)}`;
    if (namespaceOf(rule) !== namespace) {
      if (namespaceOf(rule) === rootNamespace) return [];
      return [`${name} is for ${rule.spec.host} too: clients in namespace ${namespaceOf(rule)} follow it instead of those in ${namespace}, and it does not have the lane's subset (503); move it to ${namespace} or delete it`];
    }
    if (hostOfRule(rule, domain) !== host) return [];
    const twin = asList(rule.spec?.subsets).some(({ name: subset }: any) => subset === folder.lane);
    if (twin) return [`${name} has a subset ${JSON.stringify(folder.lane)} already, which would be the one that counts; take it out, or name the lane otherwise`];
    if (rule.spec?.workloadSelector) return [`${name} is for some clients only (workloadSelector), and Istio does not merge the lane's subset into it; take the selector out`];
    return ours.filter((each) => exportedTo(each) !== exportedTo(rule))
      .map((each) => `${nameOf(each)} has exportTo ${exportedTo(each)}, and ${name} has ${exportedTo(rule)}: Istio merges DestinationRules of one host only where these are equal; give both the same`);
  })];
}

/** Whether a rule's host is this one, or a wildcard over it. */
function covers(written: string, host: string): boolean {
  return written === host || (written.startsWith('*') && host.endsWith(written.slice(1)));
}

function exportedTo(rule: Manifest): string {
  const list = asList(rule.spec?.exportTo).map(String);
  return (list.length === 0 ? ['*'] : [...list].sort()).join(',');
}

/** A lane that is named like a version of its service would share its pods. */
function nameProblems(lane: string, { service, namespace }: DeployedService, deployments: Manifest[]): string[] {
  return deployments.filter((each) => laneOf(each) === undefined && serviceOf(each) === service && namespaceOf(each) === namespace
    && each.spec?.template?.metadata?.labels?.version === lane)
    .map((each) => `lane ${JSON.stringify(lane)} is named like a version of the service: ${nameOf(each)} has that version; rename the branch, or name the lane by hand`);
}

function problemsOfBaseline(folder: Folder, { virtualServices, deployments }: Standing): string[] {
  const live = liveLanes(deployments);
  const names = new Set(folder.woven.map(objectName));
  const future = [...virtualServices.filter((each) => !names.has(objectName(each))), ...folder.woven.map((each) => {
    const current = virtualServices.find((vs) => objectName(vs) === objectName(each));
    return { ...each, metadata: { ...each.metadata, creationTimestamp: current?.metadata.creationTimestamp } };
  })];
  const notOurs = virtualServices.filter((each) => names.has(objectName(each)) && !isWoven(each))
    .map((each) => foreign(each, 'is there', false));
  const lost = lostHosts(future).filter(({ loser }) => names.has(loser))
    .map(({ host, loser, winner }) => foreign(future.find((each) => objectName(each) === winner)!, `has the say for ${host}, which ${loser} is to have`, true));
  const shared = folder.woven.flatMap((each) => [...routedHosts(each)].flatMap((host) => gatewayProblems(host, future)
    .filter((problem) => problem.includes(` ${objectName(each)} `))));
  const unwoven = folder.woven.flatMap((each) => planWoven(each, live).problems.map(({ path, message }) => `VirtualService ${objectName(each)}: ${path} ${message}`));
  const twins = live.flatMap(({ lane, ...service }) => nameProblems(lane, service, deploymentsOf(folder)));
  return [...notOurs, ...lost, ...shared, ...unwoven, ...twins];
}

/** Nothing of the folder is another branch's, another repository's, or newer. */
function ownershipProblems(folder: Folder, { deployments, destinationRules, virtualServices }: Standing, { allowOlder }: CheckOptions): string[] {
  const standing = new Map([...deployments, ...destinationRules, ...virtualServices].map((each) => [`${each.kind} ${objectName(each)}`, each]));
  return [...folder.workload, ...folder.subsets, ...folder.woven].flatMap((manifest) => {
    const live = standing.get(`${manifest.kind} ${objectName(manifest)}`);
    if (!live) return [];
    const [theirs, ours] = [branchOf(live), branchOf(manifest)];
    if (laneOf(live) !== laneOf(manifest)) {
      return isWoven(manifest) ? [] : [`${nameOf(live)} is of ${laneOf(live) ? `lane ${laneOf(live)}` : 'no lane'}, and the folder's is of ${folder.lane ? `lane ${folder.lane}` : 'no lane'}; rename one of them`];
    }
    if (sourceOf(live) !== undefined && sourceOf(live) !== folder.source) {
      return [`${nameOf(live)} is owned by ${sourceOf(live)}, and the folder by ${folder.source} (label ${SOURCE_LABEL}); two repositories cannot deploy one object`];
    }
    if (folder.lane && theirs !== undefined && ours !== undefined && theirs.normalize('NFC') !== ours.normalize('NFC')) {
      return [`${nameOf(live)} is of branch ${JSON.stringify(theirs)}, and the folder of branch ${JSON.stringify(ours)}: two branches under one lane name; name one of the lanes otherwise`];
    }
    if (!allowOlder && isNewer(live, manifest)) return [olderThan(live, manifest)];
    return [];
  });
}

/** What an older pipeline is told. */
export function olderThan(live: Manifest, manifest: Manifest): string {
  return `${nameOf(live)} was deployed by a newer pipeline (revision ${revisionOf(live)}, this one is ${revisionOf(manifest)}); run the newest pipeline, or say --allow-older to go back`;
}
