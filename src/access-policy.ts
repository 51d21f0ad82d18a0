import { Construct } from 'constructs';
import { CanaryService } from './canary-service';
import { demand, InvalidInput } from './errors';
import { demandKinds, FLAG, listOf, maybe, TEXT } from './kinds';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { objectName } from './mesh-host';
import { MtlsPolicy } from './mtls-policy';
import { ServiceVersion } from './service-version';
import { AccessRule } from './traffic/access-rule';
import { accountsOf } from './traffic/caller';
import { Warnings } from './warnings';
import { IWorkload, podSelector, workloadProblem } from './workloads';

/** Properties of `AccessPolicy`. */
export interface AccessPolicyProps {
  /** The pods that are called: a CanaryService, a version of one, a MeshGateway, or `Workloads`. */
  readonly on: IWorkload;

  /**
   * The requests that are let in, and no others: what any rule of any policy allows. Requests that match a rule of `deny` are kept
   * out nevertheless.
   * @default - all
   */
  readonly allow?: AccessRule[];

  /**
   * The requests that are kept out.
   * @default - none
   */
  readonly deny?: AccessRule[];

  /**
   * Whether the pods refuse callers without a sidecar (STRICT mutual TLS). A caller in plain text has no name: an allow-list by
   * name keeps it out anyway, a deny-list by name would let it in.
   * @default - true where `deny` names callers
   */
  readonly requireMtls?: boolean;

  /**
   * What the names of the objects begin with.
   * @default - the construct's id
   */
  readonly name?: string;
}

/**
 * Who may call: an allow-list, a deny-list, or both, by service, namespace, account, method, path, lane. Enforced by the proxies of
 * the pods that are called, which answer 403 (`RBAC: access denied`).
 *
 * Emits the AuthorizationPolicies `<name>-allow` and `<name>-deny`, and the PeerAuthentication `<name>-mtls` where `deny` names
 * callers.
 *
 * @see https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
export class AccessPolicy extends Construct {
  private readonly on: IWorkload;

  /**
   * Refused: neither list, an empty deny-list, rules about requests for ports that the mesh cannot read (a deny-list would shut
   * them, an allow-list would not know them); at synth callers that share an account with everybody.
   */
  constructor(scope: Construct, id: string, props: AccessPolicyProps) {
    super(scope, id);
    demandKinds(props, { allow: maybe(listOf(AccessRule._KIND)), deny: maybe(listOf(AccessRule._KIND)), requireMtls: maybe(FLAG), name: maybe(TEXT) }, { scope: this });
    const { on, allow, deny, name = id } = props;
    this.on = on;
    demand('on', on, workloadProblem(on), { code: 'WorkloadMissing', scope: this });
    Mesh.of(this).goesWith(on, this);
    if (!allow && !deny) throw new InvalidInput('AccessPolicyEmpty', "'allow' or 'deny' must be set, got neither", this);
    demand('deny', '[]', deny?.length === 0 ? 'must name a rule: Istio refuses a deny-list without' : undefined, { code: 'AccessPolicyEmpty', scope: this, remedy: 'leave it out' });
    for (const rule of [...allow ?? [], ...deny ?? []]) this.demandReadable(rule);
    for (const rule of deny ?? []) this.demandPorts(rule);
    if (allow) this.policy('ALLOW', allow, `${name}-allow`);
    if (deny) this.policy('DENY', deny, `${name}-deny`);
    const deniesNames = deny?.some(({ _byIdentity }) => _byIdentity) ?? false;
    if (props.requireMtls ?? deniesNames) new MtlsPolicy(this, 'mtls', { on, name: `${name}-mtls` });
    if (deniesNames && props.requireMtls === false) {
      Warnings.of(this).add(this, 'AccessDenyWithoutMtls', "'requireMtls' is false, and 'deny' names callers: whoever calls without a sidecar has no name, and is let in; "
        + 'require mutual TLS, or deny all but an allow-list');
    }
    this.warnOfLockOut(allow, deny);
    this.node.addValidation({ validate: () => this.validateCallers([...allow ?? [], ...deny ?? []], allow) });
  }

  private policy(action: 'ALLOW' | 'DENY', rules: AccessRule[], name: string): void {
    new ManifestObject(this, action === 'ALLOW' ? 'Allow' : 'Deny', {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: objectName(this, 'name', name), namespace: this.on.workloadNamespace },
      spec: () => ({
        ...podSelector(this.on, 'selector', 'matchLabels'),
        action,
        // Without rules Istio lets nobody in.
        ...(rules.length > 0 ? { rules: rules.map((rule) => rule._toManifest(this.laneHeader(), this.portsOf(action, rule))) } : {}),
      }),
    });
  }

  /** A deny-list of requests says the ports that it reads, lest it shut those that it does not. */
  private portsOf(action: string, rule: AccessRule): number[] | undefined {
    const known = this.containerPorts;
    return rule._ports ?? (action === 'DENY' && rule._ofRequests.length > 0 ? known?.filter(({ http }) => http).map(({ port }) => port) : undefined);
  }

  private laneHeader(): string {
    return Mesh.of(this).stain?.header ?? 'project-version';
  }

  private get containerPorts(): { readonly port: number; readonly http: boolean }[] | undefined {
    return this.service?._containerPorts;
  }

  private get service(): CanaryService | undefined {
    if (this.on instanceof CanaryService) return this.on;
    return this.on instanceof ServiceVersion ? this.on.node.scopes.find((each): each is CanaryService => each instanceof CanaryService) : undefined;
  }

  private demandReadable(rule: AccessRule): void {
    const [property] = rule._ofRequests;
    const known = this.containerPorts;
    if (property === undefined || !known) return;
    const meant = rule._ports ? known.filter(({ port }) => rule._ports!.includes(port)) : known;
    const blind = meant.filter(({ http }) => !http).map(({ port }) => port);
    demand(property, blind.join(', '), blind.length > 0 ? 'must be said of ports that speak HTTP alone' : undefined, {
      code: 'AccessPortNotHttp', scope: this, remedy: `Istio would shut the others, or not know them: name the ports of the rule (ports: [${known.filter(({ http }) => http).map(({ port }) => port).join(', ')}])`,
    });
  }

  private demandPorts(rule: AccessRule): void {
    const vague = rule._ofRequests.length > 0 && rule._ports === undefined && !this.containerPorts;
    demand('ports', 'none', vague ? `must be said beside ${rule._ofRequests[0]} in 'deny' where the app does not know which ports speak HTTP: Istio would shut all others` : undefined, {
      code: 'AccessDenyPorts', scope: this, remedy: 'they are those of the container (gateway pods of Istio\'s chart listen at 8080 for 80 and at 8443 for 443)',
    });
  }

  private warnOfLockOut(allow: AccessRule[] | undefined, deny: AccessRule[] | undefined): void {
    const why = allow?.length === 0 ? "'allow' has no rule" : deny?.some(({ _takesAll }) => _takesAll) ? "'deny' has a rule for every request" : undefined;
    if (why) Warnings.of(this).add(this, 'AccessLocksEverybodyOut', `${why}, so everybody gets 403; if that is meant, good, else name who may call`);
  }

  private validateCallers(rules: AccessRule[], allow: AccessRule[] | undefined): string[] {
    const services = [...new Set(rules.flatMap(({ _callers }) => _callers).flatMap(({ _service }) => _service ?? []))];
    if (allow?.length) this.warnOfDeclaredCallers(allow);
    return services.flatMap((service) => {
      const shared = accountsOf(service).includes('default');
      return shared ? [`'from' must be a service with an account of its own, got ${(service as any).node.path}, whose pods run as the account 'default' of ${service.workloadNamespace}, which all its pods share; `
        + 'set ownServiceAccount: true of the service'] : [];
    });
  }

  /** Who is said to call and is not let in was probably forgotten. */
  private warnOfDeclaredCallers(allow: AccessRule[]): void {
    const host = this.service?.hostName;
    if (!host || allow.some(({ _callers }) => _callers.length === 0)) return;
    const letIn = new Set(allow.flatMap(({ _callers }) => _callers.flatMap(({ _kind, _names }) => _names.map((each) => `${_kind} ${each}`))));
    if ([...letIn].some((each) => each === 'principals *' || /^(ip|remoteIp)Blocks/.test(each))) return;
    for (const { from } of Mesh.of(this).declaredCalls.filter(({ hostName }) => hostName === host)) {
      const known = from instanceof CanaryService || from instanceof ServiceVersion;
      const account = `principals cluster.local/ns/${from.workloadNamespace}/sa/`;
      // Of a gateway's pods nobody knows the account here: any of their namespace will be it.
      const named = known ? accountsOf(from).every((each) => letIn.has(account + each)) : [...letIn].some((each) => each.startsWith(account));
      const inside = named || letIn.has(`namespaces ${from.workloadNamespace}`);
      if (!inside) {
        Warnings.of(this).add(this, 'AccessLocksCallerOut', `'allow' does not let ${(from as any).node?.path ?? from.workloadNamespace} in, which is said to call ${host}: it gets 403; `
          + `${known ? 'add Caller.service of it' : 'add the account of its pods: Caller.serviceAccount'}, or take the call away`);
      }
    }
  }
}
