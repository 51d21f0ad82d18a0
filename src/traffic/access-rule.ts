import { Caller } from './caller';
import { headerNameProblem, portProblem } from './predicates';
import { demand, InvalidInput } from '../errors';
import { demandKinds, instance, Kind, LANE, listOf, mapOf, maybe, TEXT } from '../kinds';
import type { Lane } from '../stained-route';

/** What an AccessRule is for: all of what is said. Texts may be `x*`, `*x`, or `*` for any. */
export interface AccessRuleOptions {
  /**
   * Who calls: any of these.
   * @default - anybody
   */
  readonly from?: Caller[];

  /**
   * Who is not meant, although `from` names them.
   * @default - nobody
   */
  readonly notFrom?: Caller[];

  /**
   * HTTP methods, in capitals.
   * @default - any
   */
  readonly methods?: string[];

  /**
   * Paths without their query: `/admin`, `/admin/*`.
   * @default - any
   */
  readonly paths?: string[];

  /**
   * Paths that are not meant.
   * @default - none
   */
  readonly notPaths?: string[];

  /**
   * Hosts as the `Host` header says them, **with** a port where the client sends one.
   * @default - any
   */
  readonly hosts?: string[];

  /**
   * Ports of the **container** (a Service's target port), 1 to 65535.
   * @default - any
   */
  readonly ports?: number[];

  /**
   * Requests of these lanes, by their lane header; those that say it by baggage alone are not known (warned of). Any caller can set a header: this keeps accidents out, not attackers.
   * @default - of any lane, and of none
   */
  readonly lanes?: Lane[];

  /**
   * Values of request headers, by name: each header must have one of its.
   * @default - any
   */
  readonly headers?: Record<string, string[]>;
}

const LIST = maybe(listOf(() => undefined));
const TEXTS = maybe(listOf(TEXT));
const KINDS = {
  from: LIST,
  notFrom: LIST,
  methods: TEXTS,
  paths: TEXTS,
  notPaths: TEXTS,
  hosts: TEXTS,
  ports: LIST,
  lanes: maybe(listOf(LANE)),
  headers: maybe(mapOf(listOf(TEXT))),
};

/**
 * Which requests an AccessPolicy lets in or keeps out.
 *
 * @see https://istio.io/latest/docs/reference/config/security/authorization-policy/#Rule
 */
export class AccessRule {
  /** @internal */
  public static readonly _KIND: Kind = instance(AccessRule, 'AccessRule.from(Caller.service(…))');

  /** Requests by these callers. Refused: none. */
  public static from(...callers: Caller[]): AccessRule {
    return AccessRule.of({ from: callers });
  }

  /** Every request. */
  public static everything(): AccessRule {
    return new AccessRule({});
  }

  /**
   * Requests by caller and content.
   *
   * Refused: nothing (`everything` says so), empty lists, methods not in capitals, paths that begin with neither `/` nor `*`, ports
   * outside 1 to 65535, header names that are none.
   */
  public static of(options: AccessRuleOptions): AccessRule {
    demandKinds(options, KINDS, { of: 'options' });
    const said = Object.entries(options).filter(([, value]) => value !== undefined);
    if (said.length === 0) throw new InvalidInput('AccessRuleEmpty', "'from' or another part must be said, got nothing: such a rule would be for every request; AccessRule.everything() says that");
    for (const [property, value] of said) {
      demand(property, Array.isArray(value) ? '[]' : '{}', Object.keys(value).length === 0 ? 'must not be empty: such a rule is for no request, or refused by Istio' : undefined, { code: 'AccessRuleEmpty', remedy: 'leave it out for any' });
    }
    for (const property of ['from', 'notFrom'] as const) {
      for (const caller of options[property] ?? []) demand(property, caller, Caller._KIND(caller) && 'must be Callers', { code: 'CallerMissing', remedy: 'Caller.service, Caller.namespace' });
    }
    const { methods = [], paths = [], notPaths = [], hosts = [], ports = [], headers = {} } = options;
    for (const method of methods) demand('methods', method, method === '' || method !== method.toUpperCase() ? 'must be in capitals' : undefined, { code: 'Method' });
    for (const path of [...paths, ...notPaths]) demand('paths', path, pathProblem(path), { code: 'AccessPath' });
    for (const host of hosts) demand('hosts', host, host === '' ? 'must not be empty' : undefined, { code: 'AccessHost' });
    for (const port of ports) demand('ports', port, portProblem(port), { code: 'Port' });
    for (const [name, values] of Object.entries(headers)) {
      demand('headers', name, headerNameProblem(name), { code: 'HeaderName' });
      demand(`headers.${name}`, JSON.stringify(values), values.length === 0 || values.includes('') ? "must name values, '*' for any" : undefined, { code: 'AccessHeader' });
    }
    return new AccessRule(options);
  }

  private constructor(private readonly options: AccessRuleOptions) {}

  /** @internal */
  public get _callers(): Caller[] {
    return this.options.from ?? [];
  }

  /** @internal */
  public get _excepted(): Caller[] {
    return this.options.notFrom ?? [];
  }

  /**
   * Whether a caller without a name is meant, because it is none of those that are excepted by name.
   *
   * @internal
   */
  public get _meansNameless(): boolean {
    const meant = this._callers.length === 0 || this._callers.some(({ _byIdentity }) => !_byIdentity);
    return meant && this._excepted.some(({ _byIdentity }) => _byIdentity);
  }

  /**
   * Whether callers must have a name for the rule to be right.
   *
   * @internal
   */
  public get _byIdentity(): boolean {
    return [...this._callers, ...this._excepted].some(({ _byIdentity }) => _byIdentity);
  }

  /**
   * What only requests have.
   *
   * @internal
   */
  public get _ofRequests(): string[] {
    return ['methods', 'paths', 'notPaths', 'hosts', 'lanes', 'headers'].filter((property) => (this.options as any)[property] !== undefined);
  }

  /** @internal */
  public get _ports(): number[] | undefined {
    return this.options.ports;
  }

  /**
   * Whether every request is meant: all that is said means all. `ports` are those that the pods are called at, where that is known.
   *
   * @internal
   */
  public _takesAll(ports: number[] | undefined): boolean {
    const all: Partial<Record<keyof AccessRuleOptions, () => boolean>> = {
      from: () => this._callers.some(({ _isAnybody }) => _isAnybody),
      methods: () => this.options.methods!.includes('*'),
      paths: () => this.options.paths!.some((path) => ['*', '/*', '/{**}'].includes(path)),
      hosts: () => this.options.hosts!.includes('*'),
      ports: () => ports?.every((port) => this._ports!.includes(port)) ?? false,
    };
    const said = Object.entries(this.options).filter(([, value]) => value !== undefined).map(([property]) => property as keyof AccessRuleOptions);
    return said.every((property) => all[property]?.() ?? false);
  }

  /**
   * The rule as it stands in an AuthorizationPolicy; `ports` where it says none itself.
   *
   * @internal
   */
  public _toManifest(laneHeader: string, ports = this.options.ports): any {
    const { methods, paths, notPaths, hosts, lanes, headers = {} } = this.options;
    const operation = defined({ hosts, methods, paths, notPaths, ports: ports?.map(String) });
    const when = [
      ...(lanes ? [{ key: `request.headers[${laneHeader}]`, values: lanes.map(({ name }) => name) }] : []),
      ...Object.entries(headers).map(([name, values]) => ({ key: `request.headers[${name}]`, values })),
    ];
    // Kinds of callers are alternatives, and parts of one source hold together.
    const meant = Object.entries(this.sources(this._callers)).map(([kind, names]) => ({ [kind]: names }));
    const not = Object.fromEntries(Object.entries(this.sources(this._excepted)).map(([kind, names]) => [`not${kind[0].toUpperCase()}${kind.slice(1)}`, names]));
    const sources = meant.length === 0 && Object.keys(not).length > 0 ? [not] : meant.map((each) => ({ ...each, ...not }));
    const from = sources.length > 0 ? sources.map((source) => ({ source })) : undefined;
    return defined({ from, to: Object.keys(operation).length > 0 ? [{ operation }] : undefined, when: when.length > 0 ? when : undefined });
  }

  private sources(callers: Caller[]): Record<string, string[]> {
    const sources: Record<string, string[]> = {};
    for (const { _kind, _names } of callers) sources[_kind] = [...new Set([...sources[_kind] ?? [], ..._names])];
    return sources;
  }
}

function defined(object: Record<string, unknown>): any {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Istio knows `*` at one end, and `{*}` and `{**}` as whole parts. */
function pathProblem(path: string): string | undefined {
  if (!path.startsWith('/') && !path.startsWith('*')) return "must begin with '/' or '*'";
  if (path.includes('?')) return 'must not have a query: paths are compared without';
  const parts = path.split('/');
  const braces = parts.filter((part) => /[{}]/.test(part));
  if (braces.some((part) => part !== '{*}' && part !== '{**}') || parts.slice(0, -1).includes('{**}')) return 'must have {*} as a whole part and {**} as the last alone';
  if (braces.length === 0 && path.length > 1 && path.slice(1, -1).includes('*')) return "must have '*' at its beginning or end alone";
  return undefined;
}
