import { ApiObject, ApiObjectMetadata, JsonPatch, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { withSortedKeys } from './json';
import { Mesh } from './mesh';

/** Properties of `ManifestObject`. */
export interface ManifestObjectProps {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ApiObjectMetadata;

  /**
   * Whether objects of this kind are in no namespace.
   * @default false
   */
  readonly clusterScoped?: boolean;

  /**
   * The `spec`, asked for at each rendering.
   * @default - the object has none
   */
  readonly spec?: () => any;

  /**
   * What becomes of the manifest after the user's patches.
   * @default - it stays as it is
   */
  readonly finish?: (manifest: any) => any;
}

/**
 * An object whose escape hatch works: what `ApiObject.of(x).addJsonPatch(...)` puts anywhere survives, fields that no schema
 * of ours knows too. (The classes that `cdk8s import` generates drop those silently.)
 */
export class ManifestObject extends ApiObject {
  constructor(scope: Construct, id: string, private readonly parts: ManifestObjectProps) {
    super(scope, id, {
      apiVersion: parts.apiVersion,
      kind: parts.kind,
      metadata: parts.metadata,
      ...(parts.spec ? { spec: Lazy.any({ produce: parts.spec }) } : {}),
    });
    Mesh.of(this).ownObject(this.kind, parts.clusterScoped ? undefined : this.metadata.namespace, this.name, this);
  }

  /** What was found out about the manifest before is stale then. */
  public addJsonPatch(...ops: JsonPatch[]): void {
    super.addJsonPatch(...ops);
    Mesh.of(this).changed();
  }

  public toJson(): any {
    const manifest = this._baseline();
    return this.parts.finish ? inOrder(this.parts.finish(manifest)) : manifest;
  }

  /**
   * The manifest with the user's patches, before it is finished.
   *
   * @internal
   */
  public _baseline(): any {
    const manifest = super.toJson();
    // cdk8s puts the chart's namespace on every object.
    if (this.parts.clusterScoped) delete manifest.metadata.namespace;
    return manifest;
  }
}

/** The order of keys that cdk8s gives every object, unless `CDK8S_DISABLE_SORT` is set. */
function inOrder(manifest: any): any {
  if (process.env.CDK8S_DISABLE_SORT) return manifest;
  const { apiVersion, kind, metadata, ...rest } = manifest;
  return { apiVersion, kind, metadata, ...withSortedKeys(rest) };
}

/**
 * Gives an object made by a generated class the same escape hatch: patches are applied to the finished manifest, with the
 * names that stand in it, instead of to the class's input before it drops what it does not know.
 */
export function patchAfterRendering(object: ApiObject): void {
  const patches: JsonPatch[] = [];
  const render = object.toJson.bind(object);
  object.addJsonPatch = (...ops) => void patches.push(...ops);
  object.toJson = () => patches.length === 0 ? render() : JsonPatch.apply(render(), ...patches);
}
