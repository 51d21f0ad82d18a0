import { asList } from '../json';
import { labelsOf, Manifest, named, referenceTo, selects, textsOf } from './objects';
import { Caveat, ObjectReference } from './outcome';
import { templateRegex } from './path-template';
import { Labels } from './request';
import { RequestView } from './request-view';
import { byAge, namespaceOf } from '../lanes/hosts';

/*
 * What the proxy of the receiving side lets in: AuthorizationPolicy and PeerAuthentication.
 *
 * Source: istiod's pilot/pkg/security/authz, pilot/pkg/model/authorization.go and authentication.go.
 */

/** Who receives a request: pods of a workload, or of a gateway. */
export interface Receiver {
  readonly namespace: string;
  readonly labels: Labels;
  /** The port that the pods listen on. */
  readonly port: number;
  /** Whether its proxy sees requests there; else connections alone. */
  readonly isHttp: boolean;
}

/** Who the receiver's proxy knows the sender to be; nothing of it without mutual TLS. */
export interface Identity {
  readonly namespace: string;
  /** Absent where no manifest says it. */
  readonly serviceAccount?: string;
}

/** What became of a request at the receiver's proxy. */
export interface Verdict {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly cause?: ObjectReference;
  readonly caveats: readonly Caveat[];
}

/** True, false, or not to be told from manifests and request. */
type Answer = boolean | undefined;

const UNTOLD = 'it looks at what manifests do not tell (addresses, tokens, TLS server names, the account of gateway pods that no manifest describes)';

/** What policies look at. */
interface Arriving {
  readonly receiver: Receiver;
  readonly sender?: Identity;
  /** Absent for connections. */
  readonly request?: RequestView;
  /** Whether a RequestAuthentication takes a token from it. */
  readonly hasToken: boolean;
  /** The namespace of the policy. */
  readonly home: string;
}

/** The policies of a mesh. */
export class AccessPolicies {
  private readonly policies: readonly Manifest[];
  private readonly peers: readonly Manifest[];

  constructor(
    policies: readonly Manifest[],
    peers: readonly Manifest[],
    private readonly authentications: readonly Manifest[],
    private readonly rootNamespace: string,
  ) {
    // What is only tried is only logged.
    this.policies = policies.filter((policy) => !/^(1|t|true)$/i.test(String(policy.metadata?.annotations?.['istio.io/dry-run']))).sort(byAge);
    this.peers = [...peers].sort(byAge);
  }

  /** Whether the receiver's proxy takes only mutual TLS, none, or both. */
  public mutualTlsMode({ namespace, labels, port }: Pick<Receiver, 'namespace' | 'labels' | 'port'>): {
    readonly mode: 'STRICT' | 'PERMISSIVE' | 'DISABLE';
    readonly cause?: ObjectReference;
  } {
    const own = this.peers.find((peer) => namespaceOf(peer) === namespace && hasSelector(peer) && selects(selectorOf(peer), labels));
    const levels = [own, this.peerOf(namespace), this.peerOf(this.rootNamespace)].filter((peer) => peer !== undefined);
    const atPort = own?.spec?.portLevelMtls?.[String(port)]?.mode;
    if (atPort && atPort !== 'UNSET') return { mode: atPort, cause: referenceTo(own) };
    for (const peer of levels) {
      const mode = peer.spec?.mtls?.mode;
      if (mode && mode !== 'UNSET') return { mode, cause: referenceTo(peer) };
    }
    return { mode: 'PERMISSIVE' };
  }

  /**
   * What clients take a service's namespace to demand: DISABLE keeps them from mutual TLS, whatever single workloads demand.
   *
   * Source: istiod's `BestEffortInferServiceMTLSMode`.
   */
  public namespaceMode(namespace: string): string {
    const modes = [this.peerOf(namespace), this.peerOf(this.rootNamespace)].map((peer) => peer?.spec?.mtls?.mode);
    return modes.find((mode) => mode && mode !== 'UNSET') ?? 'PERMISSIVE';
  }

  /** Whether the receiver's proxy lets a request in, or where it sees no requests the connection. */
  public admit(receiver: Receiver, sender: Identity | undefined, request: RequestView): Verdict {
    const applying = this.policies.filter((policy) => applies(policy, receiver, this.rootNamespace));
    const authentications = receiver.isHttp ? this.authentications.filter((each) => applies(each, receiver, this.rootNamespace)) : [];
    const checking = authentications.filter((each) => takesToken(each, request));
    const caveats = checking.map(tokenCaveat);
    const seen = { receiver, sender, request: receiver.isHttp ? request : undefined, hasToken: checking.length > 0 };
    const answerOf = (policy: Manifest) => matches(policy, { ...seen, home: namespaceOf(policy) });
    const withAction = (action: string) => applying.filter((policy) => (policy.spec?.action ?? 'ALLOW') === action);
    for (const policy of withAction('CUSTOM')) caveats.push(caveat(policy, 'asks an external service, which is not modelled'));
    for (const policy of withAction('DENY')) {
      const answer = answerOf(policy);
      if (answer) return refused(policy, `${named(referenceTo(policy))} denies it`, caveats);
      if (answer === undefined) caveats.push(caveat(policy, `may deny it: ${UNTOLD}`));
    }
    const allowing = withAction('ALLOW');
    if (allowing.length === 0) return { allowed: true, caveats };
    const answers = allowing.map(answerOf);
    if (answers.includes(true)) return { allowed: true, caveats };
    const open = allowing.find((_, index) => answers[index] === undefined);
    if (open) {
      return {
        allowed: true,
        caveats: [...caveats, caveat(open, `may be what lets it in: ${UNTOLD}`)],
      };
    }
    const names = allowing.map((policy) => named(referenceTo(policy))).join(', ');
    return refused(allowing[0], `${names} ${allowing.length > 1 ? 'allow' : 'allows'} others only`, caveats);
  }

  private peerOf(namespace: string): Manifest | undefined {
    return this.peers.find((peer) => namespaceOf(peer) === namespace && !hasSelector(peer));
  }
}

function takesToken(authentication: Manifest, request: RequestView): boolean {
  return asList(authentication.spec?.jwtRules).some((rule) => hasToken(rule, request));
}

/** Tokens are not looked into: one that is not valid is refused with 401. */
function tokenCaveat(authentication: Manifest): Caveat {
  const object = referenceTo(authentication);
  return { code: 'RequestAuthentication', message: `${named(object)} checks the request's token, which is not modelled: it is taken to be valid`, object };
}

/** Whether a request has a token where a rule looks for one. */
function hasToken(rule: any, request: RequestView): boolean {
  const headers = asList(rule?.fromHeaders).map((header) => String(header?.name).toLowerCase());
  const isUsual = headers.length === 0 && asList(rule?.fromParams).length === 0;
  const names = isUsual ? ['authorization'] : headers;
  const parameters = isUsual ? ['access_token'] : textsOf(rule?.fromParams);
  return names.some((name) => request.header(name) !== undefined) || parameters.some((name) => request.queryParameter(name) !== undefined);
}

function refused(policy: Manifest, reason: string, caveats: readonly Caveat[]): Verdict {
  return { allowed: false, reason: `RBAC: access denied: ${reason}`, cause: referenceTo(policy), caveats };
}

function caveat(policy: Manifest, message: string): Caveat {
  const object = referenceTo(policy);
  return { code: 'AuthorizationPolicy', message: `${named(object)} ${message}`, object };
}

function applies(policy: Manifest, { namespace, labels }: Receiver, rootNamespace: string): boolean {
  const home = namespaceOf(policy);
  // Policies that name a target are for waypoints and Gateways of the Gateway API.
  if (policy.spec?.targetRef || asList(policy.spec?.targetRefs).length > 0) return false;
  return (home === namespace || home === rootNamespace) && selects(selectorOf(policy), labels);
}

function hasSelector(policy: Manifest): boolean {
  return Object.keys(selectorOf(policy)).length > 0;
}

function selectorOf(policy: Manifest): Labels {
  return labelsOf(policy.spec?.selector?.matchLabels);
}

function matches(policy: Manifest, arriving: Arriving): Answer {
  const allows = (policy.spec?.action ?? 'ALLOW') === 'ALLOW';
  // Where only connections are seen, a rule that wants more never allows, and denies as if it did not want it.
  const rules = asList(policy.spec?.rules).filter((rule) => arriving.request || !allows || !looksAtRequests(rule));
  return any(
    rules.map((rule) =>
      all([
        any(orEverything(rule?.from).map((from) => sourceAnswer(from?.source, arriving))),
        any(orEverything(rule?.to).map((to) => operationAnswer(to?.operation, arriving))),
        all(asList(rule?.when).map((when) => conditionAnswer(when, arriving))),
      ]),
    ),
  );
}

const OF_REQUESTS = ['requestPrincipals', 'notRequestPrincipals', 'hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths'];

function looksAtRequests(rule: any): boolean {
  const parts = [...asList(rule?.from).map((from) => from?.source), ...asList(rule?.to).map((to) => to?.operation)];
  return parts.some((part) => OF_REQUESTS.some((field) => textsOf(part?.[field]).length > 0))
    || asList(rule?.when).some((when) => String(when?.key ?? '').startsWith('request.'));
}

function orEverything(list: any): any[] {
  return asList(list).length > 0 ? list : [{}];
}

function sourceAnswer(source: any, { sender, home, request, hasToken: present }: Arriving): Answer {
  return all([
    listed(source?.principals, source?.notPrincipals, (pattern) => sender !== undefined && principalMatches(pattern, sender)),
    listed(source?.namespaces, source?.notNamespaces, (pattern) => sender !== undefined && textMatches(pattern, sender.namespace)),
    listed(source?.serviceAccounts, source?.notServiceAccounts, (pattern) => sender !== undefined && accountMatches(pattern, sender, home)),
    listed(source?.trustDomains, source?.notTrustDomains, (pattern) => sender !== undefined && textMatches(pattern, 'cluster.local')),
    request === undefined || listed(source?.requestPrincipals, source?.notRequestPrincipals, () => (present ? undefined : false)),
    listed(source?.ipBlocks, source?.notIpBlocks, () => undefined),
    listed(source?.remoteIpBlocks, source?.notRemoteIpBlocks, () => undefined),
  ]);
}

function principalMatches(pattern: string, { namespace, serviceAccount }: Identity): Answer {
  const beginning = `cluster.local/ns/${namespace}/sa/`;
  if (serviceAccount !== undefined) return textMatches(pattern, beginning + serviceAccount);
  // Some account of this namespace.
  if (pattern === '*' || (pattern.endsWith('*') && beginning.startsWith(pattern.slice(0, -1)))) return true;
  return pattern.startsWith('*') || pattern.startsWith(beginning) ? undefined : false;
}

function accountMatches(pattern: string, { namespace, serviceAccount }: Identity, home: string): Answer {
  const [account, owner = home] = pattern.split('/').reverse();
  if (owner !== namespace) return false;
  return serviceAccount === undefined ? undefined : account === serviceAccount;
}

function operationAnswer(operation: any, { receiver, request }: Arriving): Answer {
  return all([
    listed(operation?.ports, operation?.notPorts, (port) => Number(port) === receiver.port),
    ...(request === undefined ? [] : [
      listed(operation?.hosts, operation?.notHosts, (pattern) => textMatches(pattern.toLowerCase(), request.authority.toLowerCase())),
      listed(operation?.methods, operation?.notMethods, (pattern) => textMatches(pattern, request.method)),
      listed(operation?.paths, operation?.notPaths, (pattern) => pathMatches(pattern, request.path)),
    ]),
  ]);
}

function conditionAnswer(when: any, arriving: Arriving): Answer {
  const { receiver, request, hasToken: present } = arriving;
  const key = String(when?.key ?? '');
  if (key.startsWith('request.') && request === undefined) return true;
  const header = /^request\.headers\[(.*)\]$/.exec(key)?.[1];
  if (header !== undefined) {
    const value = request?.header(header.toLowerCase());
    return listed(when.values, when.notValues, (pattern) => value !== undefined && textMatches(pattern, value));
  }
  if (key.startsWith('request.auth.')) return listed(when.values, when.notValues, () => (present ? undefined : false));
  const source = (field: string) =>
    sourceAnswer({ [field]: when.values, [`not${field[0].toUpperCase()}${field.slice(1)}`]: when.notValues }, arriving);
  switch (key) {
    case 'source.namespace':
      return source('namespaces');
    case 'source.principal':
      return source('principals');
    case 'source.serviceAccount':
      return source('serviceAccounts');
    case 'source.trustDomain':
      return source('trustDomains');
    case 'destination.port':
      return listed(when.values, when.notValues, (port) => Number(port) === receiver.port);
    default:
      return undefined;
  }
}

/** One of the wanted, and none of the unwanted. */
function listed(wanted: any, unwanted: any, test: (pattern: string) => Answer): Answer {
  const yes = textsOf(wanted);
  const no = textsOf(unwanted);
  const isOne = yes.length === 0 ? true : any(yes.map(test));
  const isOther = no.length === 0 ? false : any(no.map(test));
  return all([isOne, isOther === undefined ? undefined : !isOther]);
}

function any(answers: readonly Answer[]): Answer {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}

function all(answers: readonly Answer[]): Answer {
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

/** `*` is any value, `x*` and `*x` are a beginning and an end. */
function textMatches(pattern: string, text: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** Also with `{*}` for one part of the path and `{**}` for any number of parts. */
function pathMatches(pattern: string, path: string): boolean {
  const template = templateRegex(pattern);
  return template === undefined ? textMatches(pattern, path) : new RegExp(`^${template}$`).test(path);
}
