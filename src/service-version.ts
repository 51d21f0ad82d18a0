import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { CallOptions, Calls } from './calls';
import { IRoutable } from './traffic/destination';
import { IWorkload } from './workloads';

/**
 * One version of a service: its Deployment, to go on with as with any of cdk8s-plus (volumes, more containers, an
 * autoscaler). Patches by `ApiObject.of(version).addJsonPatch(...)` are applied to the finished manifest, with the names that
 * stand in it. Made by `CanaryService` and `Lane.serve`.
 */
export abstract class ServiceVersion extends Construct implements IWorkload {
  /** The version's name, which is also its subset; `undefined` for the pods of a service without versions. */
  public abstract readonly version?: string;

  /** The workload. */
  public abstract readonly deployment: kplus.Deployment;

  public abstract readonly workloadNamespace: string;
  public abstract readonly workloadLabels: Record<string, string>;

  private _calls?: Calls;

  /**
   * Whom this version calls, in place of what is said of its service: may be said of several, one by one. Nothing in the mesh
   * changes; whole chains can be told by it (`cdk8s-lanes trace`).
   *
   * Emits the annotation `cdk8s-lanes/calls` at the Deployment. What is said twice is written once.
   *
   * Refused: a host whose port the app does not know and that is not given here, ports outside 1 to 65535, a path that does not
   * begin with `/`, calls beside `callsNobody`.
   */
  public calls(callee: IRoutable, options: CallOptions = {}): this {
    this.said().add(callee, options);
    return this;
  }

  /** This version calls nobody, unlike its service. Refused: calls that are said of it already. */
  public callsNobody(): this {
    this.said().none();
    return this;
  }

  private said(): Calls {
    return this._calls ??= new Calls(this, this.deployment.metadata);
  }
}
