import { Manifest } from './cluster';
import {
  BRANCH_ANNOTATION, COMMIT_ANNOTATION, EXPIRES_ANNOTATION, LANE_LABEL, OWNER_ANNOTATION, Phase, PHASE_LABEL, phaseOf, REVISION_ANNOTATION,
  ROUTABLE_LABEL, RUN_ANNOTATION, SERVICE_LABEL, SOURCE_LABEL,
} from '../lanes/ownership';

/*
 * What the labels and annotations of an object say. Those that only the command line writes are named here.
 */

/** Annotation of a lane's Deployment that is being taken down: the run that is. A later run does not care. */
export const LEAVING_ANNOTATION = 'cdk8s-lanes/leaving';
/** Annotation of a lane's Deployment: the kinds of the lane's objects, so that they can be found without the manifests. */
export const KINDS_ANNOTATION = 'cdk8s-lanes/kinds';
/** Annotation of VirtualServices: who wrote last. It makes each write a real one, see `converge`. */
export const CONVERGED_ANNOTATION = 'cdk8s-lanes/converged';

export const label = (object: Manifest, key: string): string | undefined => object.metadata?.labels?.[key];
export const annotation = (object: Manifest, key: string): string | undefined => object.metadata?.annotations?.[key];

export const serviceOf = (object: Manifest) => label(object, SERVICE_LABEL);
export const laneOf = (object: Manifest) => label(object, LANE_LABEL);
export const sourceOf = (object: Manifest) => label(object, SOURCE_LABEL);
export const branchOf = (object: Manifest) => annotation(object, BRANCH_ANNOTATION);
export const ownerOf = (object: Manifest) => annotation(object, OWNER_ANNOTATION);
export const commitOf = (object: Manifest) => annotation(object, COMMIT_ANNOTATION);
export const runOf = (object: Manifest) => annotation(object, RUN_ANNOTATION);
export const expiryOf = (object: Manifest) => annotation(object, EXPIRES_ANNOTATION);
export const isRoutable = (object: Manifest) => label(object, ROUTABLE_LABEL) === 'true';

/** When the object comes up, by its label, else by its kind. */
export function phaseOfObject(object: Manifest): Phase {
  const said = label(object, PHASE_LABEL) as Phase | undefined;
  return said !== undefined && Object.values(Phase).includes(said) ? said : phaseOf(object.kind);
}

/** The number that grows from pipeline to pipeline; objects without one are older than all others. */
export function revisionOf(object: Manifest): bigint | undefined {
  const text = annotation(object, REVISION_ANNOTATION);
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}

/** Whether `live` was written by a pipeline that is newer than the one that made `manifest`. */
export function isNewer(live: Manifest, manifest: Manifest): boolean {
  const [theirs, ours] = [revisionOf(live), revisionOf(manifest)];
  return theirs !== undefined && ours !== undefined && theirs > ours;
}

/** The object with other labels and annotations; `undefined` takes one away. */
export function marked(object: Manifest, { labels = {}, annotations = {} }: { labels?: Marks; annotations?: Marks }): Manifest {
  const metadata = { ...object.metadata };
  const apply = (field: 'labels' | 'annotations', marks: Marks) => {
    if (Object.keys(marks).length === 0) return;
    const all = Object.entries({ ...metadata[field], ...marks }).filter(([, text]) => text !== undefined);
    metadata[field] = Object.fromEntries(all);
  };
  apply('labels', labels);
  apply('annotations', annotations);
  return { ...object, metadata };
}

type Marks = Record<string, string | undefined>;

/** `namespace/name` behind the kind. */
export function nameOf(object: Manifest): string {
  const { namespace, name } = object.metadata ?? {};
  return `${object.kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
