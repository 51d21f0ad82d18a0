import { Manifest } from './cluster';
import { CommandFailed, ExitCode } from './failures';
import { DEFAULT_LANE_HEADER, isWoven } from './live-lanes';
import { branchOf, laneOf, marked, nameOf, phaseOfObject, runOf, serviceOf, sourceOf } from './marks';
import { asList } from '../json';
import { compareText, expandHost, namespaceOf } from '../lanes/hosts';
import { LANE_HEADER_ANNOTATION, Phase, RUN_ANNOTATION } from '../lanes/ownership';
import { HANDLES_LANE_HEADER_LABEL, LANE_RULE_PREFIX } from '../lanes/weave';
import { SourcedManifest } from '../manifests';

/** A service that the folder deploys, and where. */
export interface DeployedService {
  readonly service: string;
  readonly namespace: string;
}

/** What `cdk8s synth` wrote for one branch: a baseline, or one lane. */
export interface Folder {
  /** The lane; `undefined` for a baseline. */
  readonly lane?: string;
  readonly branch?: string;
  readonly source: string;
  readonly services: DeployedService[];
  /** By phases; woven VirtualServices apart, as they are never plainly applied. */
  readonly workload: Manifest[];
  readonly subsets: Manifest[];
  readonly routes: Manifest[];
  readonly woven: Manifest[];
}

/**
 * Puts the manifests of a branch in order, by their labels.
 *
 * @param run what tells this run from all others
 * @throws CommandFailed for a folder that is not one branch's: no labels, two lanes, a baseline and a lane, several sources
 */
export function readFolder(sourced: SourcedManifest[], run: string, defaultNamespace: string): Folder {
  const found = new FolderReader(sourced);
  const lane = found.theOne('lane', laneOf, false);
  const source = found.theOne('source', sourceOf, true)!;
  const manifests = sourced.map(({ manifest }) => withNamespace(manifest, defaultNamespace))
    // What is in no namespace is there before what is in one.
    .sort((one, other) => rank(one) - rank(other))
    .map((manifest) => marked(manifest, { annotations: { [RUN_ANNOTATION]: [runOf(manifest), run].filter(Boolean).join('/') } }));
  const phase = (wanted: Phase) => manifests.filter((each) => phaseOfObject(each) === wanted);
  const woven = manifests.filter(isWoven);
  found.refuseLaneRules();
  if (lane !== undefined) found.refuseInLane();
  else found.refusePlainRoutes();
  return {
    lane,
    branch: manifests.map(branchOf).find((branch) => branch !== undefined),
    source,
    services: servicesOf(manifests),
    workload: phase(Phase.WORKLOAD),
    subsets: phase(Phase.SUBSETS),
    routes: phase(Phase.ROUTES).filter((each) => !woven.includes(each)),
    woven,
  };
}

/** The Deployments of the folder that belong to a service. */
export function deploymentsOf(folder: Folder): Manifest[] {
  return folder.workload.filter((each) => each.kind === 'Deployment' && serviceOf(each) !== undefined);
}

/** The lane header, as the VirtualService says. */
export function laneHeaderOf(virtualService: Manifest): string {
  return virtualService.metadata?.annotations?.[LANE_HEADER_ANNOTATION] ?? DEFAULT_LANE_HEADER;
}

class FolderReader {
  constructor(private readonly sourced: SourcedManifest[]) {}

  /** The one value that a label has throughout the folder. */
  public theOne(name: string, valueOf: (object: Manifest) => string | undefined, required: boolean): string | undefined {
    const values = new Map<string | undefined, SourcedManifest>();
    for (const each of this.sourced) {
      const value = valueOf(each.manifest);
      if (!values.has(value)) values.set(value, each);
    }
    const said = [...values].filter(([value]) => value !== undefined);
    if (said.length > 1) {
      const [[one, at], [other, elsewhere]] = said;
      throw this.refusal(elsewhere, `is of ${name} ${JSON.stringify(other)}, and ${nameOf(at.manifest)} of ${JSON.stringify(one)}; a folder is what one branch of one repository owns: deploy them one by one`);
    }
    if (said.length === 0) {
      if (!required) return undefined;
      throw this.refusal(this.sourced[0], `and no other object says whose it is (label 'cdk8s-lanes/${name}'); 'up' takes what a BranchDeployment writes, and manifests with the same labels`);
    }
    if (values.has(undefined) && name === 'lane') {
      throw this.refusal(values.get(undefined)!, `is of no lane, and ${nameOf(said[0][1].manifest)} is of lane ${JSON.stringify(said[0][0])}; a folder holds the baseline or one lane, never both`);
    }
    return said[0][0];
  }

  /** Lanes are woven into the live object; those of manifests would be taken out again. */
  public refuseLaneRules(): void {
    this.refuseAny((object) => isWoven(object) && asList(object.spec?.http).some((rule) => String(rule?.name ?? '').startsWith(LANE_RULE_PREFIX)),
      "has rules of lanes ('lane/…'): lanes that an app declares itself, by addLane, belong to that app and cannot be beside those of branches on one VirtualService; deploy each branch by a folder of its own");
  }

  /** What a lane has no business to write. */
  public refuseInLane(): void {
    this.refuseAny((object) => object.kind === 'VirtualService' && !handlesLaneHeader(object),
      'is in the folder of a lane: the VirtualServices are the baseline\'s, and converge weaves the lane into them; leave it out');
    this.refuseAny((object) => object.kind === 'Deployment' && serviceOf(object) === undefined, "does not say whose version it is (label 'cdk8s-lanes/service')");
    for (const { manifest, file, line } of this.sourced.filter((each) => each.manifest.kind === 'Deployment')) {
      const [service, lane] = [serviceOf(manifest)!, laneOf(manifest)!];
      const subset = this.sourced.some(({ manifest: rule }) => rule.kind === 'DestinationRule' && serviceOf(rule) === service
        && asList(rule.spec?.subsets).some(({ name }: any) => name === lane));
      if (!subset) throw this.refusal({ manifest, file, line }, `has no subset: no DestinationRule of the folder has the label 'cdk8s-lanes/service: ${service}' and a subset ${JSON.stringify(lane)}`);
    }
  }

  /** A VirtualService that is plainly applied would wipe the lanes that are woven into the live one. */
  public refusePlainRoutes(): void {
    this.refuseAny((object) => object.kind === 'VirtualService' && !isWoven(object) && !handlesLaneHeader(object),
      `has neither the label 'cdk8s-lanes/woven: "true"' (lanes are woven into it) nor '${HANDLES_LANE_HEADER_LABEL}' (it handles the lane header itself); give it the one that is true`);
  }

  private refuseAny(wrong: (object: Manifest) => boolean, message: string): void {
    const found = this.sourced.find(({ manifest }) => wrong(manifest));
    if (found) throw this.refusal(found, message);
  }

  private refusal({ manifest, file, line }: SourcedManifest, message: string): CommandFailed {
    return new CommandFailed(ExitCode.INPUT, `${file}:${line}: ${nameOf(manifest)} ${message}`);
  }
}

function handlesLaneHeader(object: Manifest): boolean {
  return object.metadata?.labels?.[HANDLES_LANE_HEADER_LABEL] !== undefined;
}

/** Kinds that stand in no namespace, as far as apps of services have them. */
const CLUSTER_SCOPED = ['Namespace', 'ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'PersistentVolume'];

function withNamespace(manifest: Manifest, namespace: string): Manifest {
  if (CLUSTER_SCOPED.includes(manifest.kind) || manifest.metadata?.namespace) return manifest;
  return { ...manifest, metadata: { ...manifest.metadata, namespace } };
}

function rank({ kind }: Manifest): number {
  if (kind === 'Namespace') return 0;
  if (CLUSTER_SCOPED.includes(kind)) return 1;
  return kind === 'Deployment' ? 3 : 2;
}

function servicesOf(manifests: Manifest[]): DeployedService[] {
  const found = new Map<string, DeployedService>();
  for (const each of manifests) {
    const [service, namespace] = [serviceOf(each), namespaceOf(each)];
    if (service !== undefined) found.set(`${namespace}/${service}`, { service, namespace });
  }
  return [...found.values()].sort((one, other) => compareText(`${one.namespace}/${one.service}`, `${other.namespace}/${other.service}`));
}

/** The expanded host of a DestinationRule. */
export function hostOfRule(rule: Manifest, domain: string): string {
  return expandHost(String(rule.spec?.host ?? ''), namespaceOf(rule), domain);
}
