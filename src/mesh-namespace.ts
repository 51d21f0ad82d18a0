import { Construct } from 'constructs';
import { demand } from './errors';
import { demandKinds } from './kinds';
import { ManifestObject } from './manifest-object';
import { namespaceFor } from './mesh-host';
import { labelValueProblem } from './traffic/predicates';

/** Properties of `MeshNamespace`. */
export interface MeshNamespaceProps {
  /**
   * The namespace's name.
   * @default - the chart's namespace; a chart without one is refused
   */
  readonly name?: string;

  /**
   * The Istio revision (or its tag) whose sidecars the pods get, written as `istio.io/rev`.
   * @default - the default revision's, written as `istio-injection: enabled`
   */
  readonly revision?: string;
}

/**
 * A Namespace whose pods get Istio's sidecar. Without the label nothing of the mesh works there.
 *
 * @see https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
 */
export class MeshNamespace extends Construct {
  /** The namespace's name. */
  public readonly name: string;

  /** Refused: names that are no DNS labels. */
  constructor(scope: Construct, id: string, props: MeshNamespaceProps = {}) {
    super(scope, id);
    demandKinds(props, {}, { scope: this });
    this.name = namespaceFor(this, props.name, 'name');
    if (props.revision !== undefined) {
      demand('revision', props.revision, props.revision === '' ? 'must not be empty' : labelValueProblem(props.revision), { code: 'LabelValue', scope: this });
    }
    const labels: Record<string, string> = props.revision === undefined ? { 'istio-injection': 'enabled' } : { 'istio.io/rev': props.revision };
    new ManifestObject(this, 'Resource', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: this.name, labels },
      clusterScoped: true,
    });
  }
}
