import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';

/**
 * One version of a service: its Deployment, to go on with as with any of cdk8s-plus (volumes, more containers, an
 * autoscaler). Patches by `ApiObject.of(version).addJsonPatch(...)` are applied to the finished manifest, with the names that
 * stand in it. Made by `CanaryService` and `Lane.serve`.
 */
export abstract class ServiceVersion extends Construct {
  /** The version's name, which is also its subset; `undefined` for the pods of a service without versions. */
  public abstract readonly version?: string;

  /** The workload. */
  public abstract readonly deployment: kplus.Deployment;
}
