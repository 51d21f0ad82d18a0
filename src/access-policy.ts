import { Construct } from 'constructs';
import { demandsNames, namelessEntries } from './caller-names';
import { CanaryService } from './canary-service';
import { demand, InvalidInput } from './errors';
import { demandKinds, FLAG, listOf, maybe, TEXT } from './kinds';
import { ManifestObject } from './manifest-object';
import { Mesh } from './mesh';
import { MeshGateway } from './mesh-gateway';
import { objectName } from './mesh-host';
import { MtlsPolicy } from './mtls-policy';
import { ServiceVersion } from './service-version';
import { AccessRule } from './traffic/access-rule';
import { accountsOf, Caller } from './traffic/caller';
import { Warnings } from './warnings';
import { ContainerPort, demandContainerPorts, demandNoGateway, lackSidecars, listeningPorts, serviceOf, sidecarProblems, warnOfUnseenLane } from './workload-facts';
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
   * name keeps it out anyway, a deny-list by name would let it in, and so would an allow-list for all but some (`notFrom`).
   * @default - true where `deny` names callers, or a rule of `allow` is for all but callers that it names
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
 * Emits the AuthorizationPolicies `<name>-allow` and `<name>-deny`, and the PeerAuthentication `<name>-mtls` where plain text would
 * pass by the names of callers (see `requireMtls`).
 *
 * @see https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
export class AccessPolicy extends Construct {
  private readonly on: IWorkload;

  /**
   * Refused: neither list, an empty deny-list, rules about requests for ports that the mesh cannot read (a deny-list would shut
   * them, an allow-list would not know them), a Service's port where the container's is another; at synth callers that share an
   * account with everybody, callers by name where nobody has one (at gateways, in plain text, without sidecars).
   */
  constructor(scope: Construct, id: string, props: AccessPolicyProps) {
    super(scope, id);
    const rules = maybe(listOf(AccessRule._KIND));
    demandKinds(props, { allow: rules, deny: rules, requireMtls: maybe(FLAG), name: maybe(TEXT) }, { scope: this });
    const { on, allow, deny, name = id } = props;
    this.on = on;
    demand('on', on, workloadProblem(on), { code: 'WorkloadMissing', scope: this });
    Mesh.of(this).goesWith(on, this);
    if (!allow && !deny) throw new InvalidInput('AccessPolicyEmpty', "'allow' or 'deny' must be set, got neither", this);
    demand('deny', '[]', deny?.length === 0 ? 'must name a rule: Istio refuses a deny-list without' : undefined, { code: 'AccessPolicyEmpty', scope: this, remedy: 'leave it out' });
    for (const rule of [...allow ?? [], ...deny ?? []]) {
      demandContainerPorts(this, on, rule._ports ?? []);
      this.demandReadable(rule);
    }
    for (const rule of deny ?? []) this.demandPorts(rule);
    if (allow) this.policy('ALLOW', allow, `${name}-allow`);
    if (deny) this.policy('DENY', deny, `${name}-deny`);
    const passedByPlainText = deny?.some(({ _byIdentity }) => _byIdentity) || allow?.some(({ _meansNameless }) => _meansNameless);
    if (props.requireMtls) demandNoGateway(this, 'requireMtls', on);
    // A gateway's servers know of names, or nobody does.
    if (props.requireMtls ?? (passedByPlainText && !(on instanceof MeshGateway))) new MtlsPolicy(this, 'mtls', { on, name: `${name}-mtls` });
    this.warnOfLockOut(allow, deny, props.requireMtls ?? true);
    this.node.addValidation({
      validate: () => {
        if (props.requireMtls === false) this.warnOfPlainText(allow, deny);
        this.warnOfPorts([...allow ?? [], ...deny ?? []]);
        this.warnOfLanes(allow, deny);
        if (allow?.length) this.warnOfDeclaredCallers(allow);
        return [...sidecarProblems(on), ...this.nameless('allow', allow), ...this.nameless('deny', deny), ...this.validateCallers([...allow ?? [], ...deny ?? []])];
      },
    });
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

  private get containerPorts(): ContainerPort[] | undefined {
    return serviceOf(this.on)?._containerPorts;
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

  private warnOfLockOut(allow: AccessRule[] | undefined, deny: AccessRule[] | undefined, named: boolean): void {
    const ports = this.containerPorts?.map(({ port }) => port);
    const all = deny?.some((rule) => rule._takesAll(ports) && (named || !rule._byIdentity));
    const why = allow?.length === 0 ? "'allow' has no rule" : all ? "'deny' has a rule for every request" : undefined;
    if (why) Warnings.of(this).add(this, 'AccessLocksEverybodyOut', `${why}, so everybody gets 403; if that is meant, good, else name who may call`);
  }

  private warnOfPlainText(allow: AccessRule[] = [], deny: AccessRule[] = []): void {
    const open = (rule: AccessRule) => !demandsNames(this.on, rule._ports, Mesh.of(this));
    const because = 'whoever calls without a sidecar has no name, and is let in; require mutual TLS, or';
    if (deny.some((rule) => rule._byIdentity && open(rule))) {
      Warnings.of(this).add(this, 'AccessDenyWithoutMtls', `'requireMtls' is false, and 'deny' names callers: ${because} deny all but an allow-list`);
    }
    if (allow.some((rule) => rule._meansNameless && open(rule))) {
      Warnings.of(this).add(this, 'AccessAllowWithoutMtls', `'requireMtls' is false, and 'allow' is for all but callers that it names: ${because} name who may call`);
    }
  }

  private warnOfPorts(rules: AccessRule[]): void {
    const known = listeningPorts(this.on);
    const strange = known && [...new Set(rules.flatMap(({ _ports }) => _ports ?? []))].filter((port) => !known.includes(port));
    for (const port of strange ?? []) {
      Warnings.of(this).add(this, 'PortUnknown', `'ports' ${port} is not a port that containers of ${(this.on as any).node.path} are said to listen at (${known!.join(', ')}): if none does, the rule is for no request`);
    }
  }

  private warnOfLanes(allow: AccessRule[] = [], deny: AccessRule[] = []): void {
    const ofLanes = (rules: AccessRule[]) => rules.some(({ _ofRequests }) => _ofRequests.includes('lanes'));
    if (!ofLanes([...allow, ...deny])) return;
    warnOfUnseenLane(this, 'lanes', this.on);
    const { laneHeader, baggageKey } = Mesh.of(this);
    if (baggageKey === undefined) return;
    const effect = [...(ofLanes(deny) ? ['passes the deny-list'] : []), ...(ofLanes(allow) ? ['is not let in'] : [])].join(', and ');
    Warnings.of(this).add(this, 'AccessLaneByBaggage', `'lanes' looks at the lane header '${laneHeader}' alone, as Istio cannot look into baggage, which tells lanes of this app too (${baggageKey}): `
      + `a request that says its lane by baggage and not by the header ${effect}; let callers forward the header`);
  }

  /** Names that nobody can have. */
  private nameless(property: string, rules: AccessRule[] = []): string[] {
    // Without sidecars there is more amiss than names.
    if (lackSidecars(this.on)) return [];
    return [...new Set(rules.filter(({ _byIdentity }) => _byIdentity).flatMap(({ _ports }) => {
      const { why, everywhere } = namelessEntries(this.on, _ports, Mesh.of(this));
      if (why === undefined) return [];
      const told = `callers by service, account or namespace where nobody has a name, got such a rule ${why}`;
      if (everywhere) return [`'${property}' must not name ${told}; tell them by Caller.addresses or headers, or let callers have names (mutual TLS of the mesh)`];
      Warnings.of(this).add(this, 'AccessCallersNameless', `'${property}' names ${told}, at some of the pods or ports: there the rule is for nobody; say it of the others alone`);
      return [];
    }))];
  }

  private validateCallers(rules: AccessRule[]): string[] {
    const problems = (property: string, callers: Caller[]) => [...new Set(callers.flatMap(({ _service }) => _service ?? []))].flatMap((service) => {
      const path = (service as any).node.path;
      if (lackSidecars(service)) return [`'${property}' must be a service with sidecars, got ${path}, whose pods refuse theirs, and so have no name; let them have it (sidecarInjection), or tell them by Caller.addresses`];
      const shared = accountsOf(service).includes('default');
      return shared ? [`'${property}' must be a service with an account of its own, got ${path}, whose pods run as the account 'default' of ${service.workloadNamespace}, which all its pods share; `
        + 'set ownServiceAccount: true of the service'] : [];
    });
    return [...problems('from', rules.flatMap(({ _callers }) => _callers)), ...problems('notFrom', rules.flatMap(({ _excepted }) => _excepted))];
  }

  /** Who is said to call and is not let in was probably forgotten. */
  private warnOfDeclaredCallers(allow: AccessRule[]): void {
    const host = serviceOf(this.on)?.hostName;
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
