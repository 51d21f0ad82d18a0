import { RE2JS } from 're2js';

/*
 * What a mesh does with one request and one VirtualService: a reference to judge `weave` by. Written from Istio's and Envoy's
 * semantics alone; shares nothing with src/ on purpose, so that a mistake there cannot hide here.
 *
 * Only `http` rules, and only of one VirtualService: neither clusters nor endpoints are looked at.
 */

/** A request as the proxy that routes it sees it. */
export interface MeshRequest {
  /** Without query. */
  readonly path: string;
  /** Without question mark. */
  readonly query?: string;
  readonly method?: string;
  readonly scheme?: string;
  readonly authority?: string;
  readonly headers?: Record<string, string | string[]>;
  /** What the destination answers with, before the rule's changes. */
  readonly responseHeaders?: Record<string, string | string[]>;
  /** The port of the listener; a destination without port gets it, as in a sidecar. */
  readonly port?: number;
  /** The gateway that routes, `mesh` for a sidecar. */
  readonly gateway?: string;
  readonly sourceLabels?: Record<string, string>;
  readonly sourceNamespace?: string;
}

/** Header values by name in lower case, in their order; the names in alphabetical order. */
export type HeaderValues = Record<string, string[]>;

/** A part of the requests that fares alike. */
export interface Share {
  readonly probability: number;
  readonly host: string;
  readonly port?: number;
  readonly subset?: string;
  /** The request as the destination gets it. */
  readonly authority: string;
  readonly request: HeaderValues;
  /** The response as the client gets it. */
  readonly response: HeaderValues;
}

export interface Mirror {
  readonly host: string;
  readonly port?: number;
  readonly subset?: string;
  readonly percent: number;
}

/** The request is sent on. */
export interface Routed {
  readonly kind: 'route';
  readonly name?: string;
  /** The path matcher by which the rule was chosen: `rewrite.uri` replaces what it matched. */
  readonly matchedUri?: unknown;
  /** Timeout, retries, fault, rewrite, CORS, fields that nobody knows. */
  readonly settings: Record<string, unknown>;
  readonly shares: Share[];
  readonly mirrors: Mirror[];
}

export type Outcome =
  | Routed
  /** No rule is for this client at all: the mesh acts as if the VirtualService did not exist. */
  | { readonly kind: 'not-applied' }
  /** 404. */
  | { readonly kind: 'no-match' }
  | { readonly kind: 'redirect' | 'directResponse'; readonly rule: Record<string, unknown> }
  /** Another VirtualService has the rules; `otherwise` is what happens when none of those match. */
  | { readonly kind: 'delegate'; readonly rule: Record<string, unknown>; readonly otherwise: Outcome };

export interface EvaluatorOptions {
  readonly clusterDomain?: string;
  /**
   * In what order ONE listed destination's operations, a single list with the rule's, are done. Envoy 1.38 overwrites with all
   * that is set before it appends any of what is added; `as listed` (rule's set, add, destination's set, add) is what the list
   * says. Nothing should depend on the difference.
   */
  readonly singleList?: 'sets first' | 'as listed';
}

/** What a mesh does with this request. */
export function evaluate(virtualService: any, request: MeshRequest, options: EvaluatorOptions = {}): Outcome {
  const client = (entry: any) => isForClient(entry, request);
  const rules: any[] = virtualService.spec?.http ?? [];
  if (!rules.some((rule) => entriesOf(rule).some(client))) return { kind: 'not-applied' };
  return firstMatch(rules, virtualService.metadata?.namespace ?? 'default', readOnce(request), options);
}

/**
 * The full name of a destination within an object of `namespace`: dot-free names are Services of it, all else is literal.
 * Capitals and a dot at the end count: istiod puts the text into the cluster's name as it is.
 */
export function fullHost(host: string, namespace: string, clusterDomain: string = 'cluster.local'): string {
  return host.includes('.') ? host : `${host}.${namespace}.svc.${clusterDomain}`;
}

/** A request with its headers and its query taken apart. */
interface ReadRequest extends MeshRequest {
  readonly values: HeaderValues;
  readonly params: Map<string, string>;
}

function readOnce(request: MeshRequest): ReadRequest {
  // The first of several parameters of one name counts.
  const params = (request.query ?? '').split('&').filter((part) => part !== '').reverse().map((part) => part.split('='));
  return { ...request, values: multimap(request.headers), params: new Map(params.map(([name, ...value]) => [name, value.join('=')])) };
}

function firstMatch(rules: any[], namespace: string, request: ReadRequest, options: EvaluatorOptions): Outcome {
  for (const [index, rule] of rules.entries()) {
    const entry = entriesOf(rule).find((candidate) => isForClient(candidate, request) && matches(candidate, request));
    if (!entry) continue;
    const { match, ...kept } = rule;
    if (rule.delegate) return { kind: 'delegate', rule: kept, otherwise: firstMatch(rules.slice(index + 1), namespace, request, options) };
    if (rule.redirect) return { kind: 'redirect', rule: kept };
    if (rule.directResponse) return { kind: 'directResponse', rule: kept };
    return routed(rule, entry, namespace, request, options);
  }
  return { kind: 'no-match' };
}

function entriesOf(rule: any): any[] {
  return rule.match?.length > 0 ? rule.match : [{}];
}

/** istiod leaves out, for each proxy, the entries that are not for it. A list of gateways makes it ignore the source. */
function isForClient(entry: any, request: MeshRequest): boolean {
  if (entry.port && entry.port !== request.port) return false;
  if (entry.gateways?.length > 0) return entry.gateways.includes(request.gateway ?? 'mesh');
  const labels = request.sourceLabels ?? {};
  return Object.entries(entry.sourceLabels ?? {}).every(([key, value]) => labels[key] === value)
    && (!entry.sourceNamespace || entry.sourceNamespace === request.sourceNamespace);
}

function matches(entry: any, request: ReadRequest): boolean {
  const headerValue = (name: string) => pseudoHeader(name, request) ?? request.values[name.toLowerCase()]?.join(',');
  return textMatches(entry.uri, request.path, entry.ignoreUriCase)
    && textMatches(entry.method, request.method ?? 'GET')
    && textMatches(entry.scheme, request.scheme ?? 'http')
    && textMatches(entry.authority, request.authority ?? '')
    && Object.entries(entry.headers ?? {}).every(([name, matcher]) => present(matcher, headerValue(name)))
    && Object.entries(entry.withoutHeaders ?? {}).every(([name, matcher]) => !unwanted(matcher, headerValue(name)))
    && Object.entries(entry.queryParams ?? {}).every(([name, matcher]) => present(matcher, request.params.get(name)));
}

function pseudoHeader(name: string, request: MeshRequest): string | undefined {
  switch (name) {
    case ':authority': return request.authority ?? '';
    case ':method': return request.method ?? 'GET';
    case ':scheme': return request.scheme ?? 'http';
    case ':path': return request.query === undefined ? request.path : `${request.path}?${request.query}`;
    default: return undefined;
  }
}

function present(matcher: any, value: string | undefined): boolean {
  return value !== undefined && textMatches(matcher, value);
}

/** With a matcher for the value a missing header counts as empty; without one the header must be missing. */
function unwanted(matcher: any, value: string | undefined): boolean {
  if (Object.keys(matcher ?? {}).length === 0 || matcher.regex === '*') return value !== undefined;
  return textMatches(matcher, value ?? '');
}

/** An absent or empty matcher takes any text. Prefixes are plain, regular expressions take the whole text. */
function textMatches(matcher: any, text: string, ignoreCase: boolean = false): boolean {
  const cased = (value: string) => (ignoreCase ? value.toLowerCase() : value);
  if (matcher?.exact !== undefined) return cased(text) === cased(matcher.exact);
  if (matcher?.prefix !== undefined) return cased(text).startsWith(cased(matcher.prefix));
  if (matcher?.regex !== undefined) return compiled(matcher.regex).matches(text);
  return true;
}

const expressions = new Map<string, RE2JS>();

function compiled(regex: string): RE2JS {
  const known = expressions.get(regex) ?? RE2JS.compile(regex);
  expressions.set(regex, known);
  return known;
}

function routed(rule: any, entry: any, namespace: string, request: MeshRequest, options: EvaluatorOptions): Routed {
  const { name, match, route, headers, mirror, mirrors, mirrorPercent, mirrorPercentage, ...settings } = rule;
  const target = (destination: any) => ({
    host: fullHost(destination.host, namespace, options.clusterDomain),
    port: destination.port?.number ?? request.port,
    subset: destination.subset,
  });
  const listed = route.map((item: any) => ({ item, weight: route.length === 1 ? 1 : item.weight ?? 0 }));
  const live = listed.filter(({ weight }: any) => weight > 0);
  if (live.length === 0) throw new Error('weights that are all zero are refused by istiod');
  const total = live.reduce((sum: number, { weight }: any) => sum + weight, 0);
  return {
    kind: 'route',
    name,
    matchedUri: entry.uri,
    settings,
    shares: merged(live.map(({ item, weight }: any) => ({
      probability: weight / total,
      ...target(item.destination),
      ...changedHeaders(rule, item, request, options),
    }))),
    mirrors: mirrorsOf(rule).map(({ destination, percent }) => ({ ...target(destination), percent })),
  };
}

function mirrorsOf(rule: any): { destination: any; percent: number }[] {
  const single = rule.mirror ? [{ destination: rule.mirror, percent: rule.mirrorPercentage?.value ?? rule.mirrorPercent ?? 100 }] : [];
  const several = (rule.mirrors ?? []).map((policy: any) => ({ destination: policy.destination, percent: policy.percentage?.value ?? 100 }));
  return [...single, ...several].filter(({ percent }) => percent > 0);
}

/** Shares that differ in probability alone, as one. */
export function merged(shares: Share[]): Share[] {
  if (shares.length === 1) return shares;
  const byRest = new Map<string, Share>();
  for (const share of shares) {
    const { probability, ...rest } = share;
    const key = JSON.stringify(rest);
    byRest.set(key, { ...rest, probability: (byRest.get(key)?.probability ?? 0) + probability });
  }
  return [...byRest.keys()].sort().map((key) => byRest.get(key)!);
}

function changedHeaders(rule: any, item: any, request: MeshRequest, options: EvaluatorOptions): Pick<Share, 'authority' | 'request' | 'response'> {
  const after = (direction: 'request' | 'response', before: HeaderValues) => {
    const [outer, inner] = [rule.headers?.[direction], item.headers?.[direction]];
    if (rule.route.length > 1) return applied([outer], applied([inner], before));
    if (options.singleList === 'as listed') return added([inner], overwritten([inner], added([outer], overwritten([outer], removed([outer, inner], before)))));
    return applied([outer, inner], before);
  };
  const sorted = (values: HeaderValues) => Object.fromEntries(Object.keys(values).sort().map((name) => [name, values[name]]));
  return {
    authority: rule.rewrite?.authority || hostOf(rule.headers?.request) || hostOf(item.headers?.request) || (request.authority ?? ''),
    request: sorted(after('request', multimap(request.headers))),
    response: sorted(after('response', multimap(request.responseHeaders))),
  };
}

/** The host is no header to Envoy: istiod makes a rewrite of it. */
function hostOf(operations: any): string | undefined {
  const named = (changes: any) => Object.keys(changes ?? {}).filter((name) => isHost(name.toLowerCase())).map((name) => changes[name])[0];
  return named(operations?.set) || named(operations?.add);
}

function isHost(name: string): boolean {
  return name === 'host' || name === ':authority';
}

function multimap(headers: MeshRequest['headers']): HeaderValues {
  const values: HeaderValues = {};
  for (const [name, value] of Object.entries(headers ?? {})) values[name.toLowerCase()] = [...values[name.toLowerCase()] ?? [], ...[value].flat()];
  return values;
}

/** One list of Envoy: removals, then what is set, then what is added. */
function applied(levels: any[], before: HeaderValues): HeaderValues {
  return added(levels, overwritten(levels, removed(levels, before)));
}

function removed(levels: any[], before: HeaderValues): HeaderValues {
  const names = levels.flatMap((level) => level?.remove ?? []).map((name: string) => name.toLowerCase());
  return Object.fromEntries(Object.entries(before).filter(([name]) => !names.includes(name)));
}

function overwritten(levels: any[], before: HeaderValues): HeaderValues {
  return levels.flatMap((level) => changesOf(level?.set)).reduce((values, [name, value]) => ({ ...values, [name]: [value] }), before);
}

function added(levels: any[], before: HeaderValues): HeaderValues {
  return levels.flatMap((level) => changesOf(level?.add))
    .reduce((values, [name, value]) => ({ ...values, [name]: [...values[name] ?? [], value] }), before);
}

/** istiod sorts by the name as written, upper case first; Envoy does nothing for an empty value. */
function changesOf(changes: Record<string, string> | undefined): [string, string][] {
  return Object.keys(changes ?? {}).sort((one, other) => (one < other ? -1 : 1))
    .map((name): [string, string] => [name.toLowerCase(), changes![name]])
    .filter(([name, value]) => value !== '' && !isHost(name));
}
