import { IConstruct } from 'constructs';
import { demand } from './errors';
import { demandKinds } from './kinds';
import { Mesh } from './mesh';
import { IRoutable } from './traffic/destination';
import { hostProblem } from './traffic/host-reference';
import { pathProblem, portProblem } from './traffic/predicates';
import { IWorkload } from './workloads';

/**
 * The annotation by which a Service (or the Deployment of one version) says whom it calls: `host:port` or `host:port/path`,
 * divided by commas, in the order said. A Deployment's stands in place of its Service's; the empty text means nobody.
 */
export const CALLS_ANNOTATION = 'cdk8s-lanes/calls';

/** Options of `calls`. */
export interface CallOptions {
  /**
   * The port that is called, 1 to 65535.
   * @default - the port of the host; a host whose port the app does not know is refused
   */
  readonly port?: number;

  /**
   * The path that is called.
   * @default - not written: `/`
   */
  readonly path?: string;
}

/** Whom a service, or one version of it, calls. */
export class Calls {
  private readonly said: string[] = [];
  private nobody = false;

  /** `scope` is who calls and what messages are about, `annotated` what says it in the manifest. */
  constructor(private readonly scope: IConstruct & IWorkload, private readonly annotated: { addAnnotation(key: string, value: string): void }) {}

  /** One more call. One that was said already is not said twice. */
  public add(callee: IRoutable | undefined, options: CallOptions): void {
    demandKinds(options, {}, { scope: this.scope, of: 'options' });
    const { port = callee?.port, path } = options;
    demand('callee', callee, hostProblem(callee), { code: 'HostMissing', scope: this.scope });
    demand('port', port, port === undefined ? `must be given, as the app does not know the port of ${callee!.hostName}` : portProblem(port), {
      code: 'CallPort', scope: this.scope, remedy: 'calls(host, { port })',
    });
    if (path !== undefined) {
      demand('path', path, pathProblem(path) === undefined && /^\/[^\s,#]*$/.test(path) ? undefined : "must begin with '/' and have no spaces, commas or '#'", { code: 'CallPath', scope: this.scope });
    }
    demand('callee', callee!.hostName, this.nobody ? 'must not be said beside callsNobody' : undefined, { code: 'CallsNobody', scope: this.scope, remedy: 'keep one of them' });
    const call = `${callee!.hostName}:${port}${path ?? ''}`;
    if (!this.said.includes(call)) this.said.push(call);
    Mesh.of(this.scope).calledFrom(this.scope, [callee!.hostName]);
    this.write();
  }

  /** Nobody, whatever others say. Refused: calls that are said already. */
  public none(): void {
    demand('calls', this.said.join(), this.said.length === 0 ? undefined : 'must not be said beside callsNobody', { code: 'CallsNobody', scope: this.scope, remedy: 'keep one of them' });
    this.nobody = true;
    this.write();
  }

  private write(): void {
    this.annotated.addAnnotation(CALLS_ANNOTATION, this.said.join(','));
  }
}
