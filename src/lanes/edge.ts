import { headerNames } from './header-precedence';
import { objectName, VirtualServiceManifest } from './hosts';
import { BAGGAGE_HEADER, SAYS_A_LANE } from './lane-carriers';
import { allowLaneHeader, HANDLES_LANE_HEADER_LABEL, laneHeaders, laneOfRule, LaneTable, weave, WeaveFinding, WeaveRefused, Woven } from './weave';
import { asList, cloneJson } from '../json';
import { intersection, MatchClash, MatchEntry } from '../traffic/intersection';

/*
 * What becomes of the lane header where requests enter the mesh. A gateway changes headers when the route is chosen already, so
 * what a header may not do has to be left out of the rules, and the header taken away besides: both, or it is followed here or at
 * the next hop.
 */

/** Who may say the lane of a request. */
export type EdgePolicy =
  /** Whoever sends the lane header. */
  | { readonly kind: 'open' }
  /** Nobody. */
  | { readonly kind: 'closed' }
  /** Who knows the secret. */
  | { readonly kind: 'by-secret'; readonly header: string; readonly secret: string };

/** Requests of somebody who cannot send the lane header, and the lane they belong to. */
export interface EdgeCallback {
  readonly name: string;
  readonly match: MatchEntry;
  readonly lane: string;
}

/** What holds for one host of a gateway. */
export interface Edge {
  readonly policy: EdgePolicy;
  /** The first that a request matches counts. */
  readonly callbacks: readonly EdgeCallback[];
}

/** What the names of rules for callbacks begin with. */
const CALLBACK_RULE_PREFIX = 'callback/';

/** Annotation of a VirtualService in which a secret stands in plain: the header that it is the value of. */
export const HOLDS_SECRET_ANNOTATION = 'cdk8s-lanes/holds-secret';

/**
 * Weaves lanes into a gateway's VirtualService as far as its edge lets them in. For each rule of the baseline, in order:
 *
 * 1. the copies of lanes, for requests that say the lane (open), or that say it and the secret (by secret);
 * 2. by secret alone: the rule for all other requests that bring a lane header and the secret, which keep the header: the lane may
 *    have versions further on;
 * 3. for each callback, the rule as it is for requests of its lane, with the lane header set: where the edge is open, for requests
 *    that say no lane themselves;
 * 4. the rule itself, from whose requests the lane header is taken away unless the edge is open.
 *
 * An open edge without callbacks is `weave` and nothing else. Any other VirtualService is labelled as one that handles the lane
 * header, which `weave` leaves alone.
 *
 * Pure: nothing given is changed.
 *
 * @throws WeaveRefused as `weave`, and where a rule delegates, uses the secret's header, or cannot be joined with a callback
 */
export function weaveEdge(virtualService: VirtualServiceManifest, table: LaneTable, edge: Edge): Woven {
  const { policy, callbacks } = edge;
  const secretHeaders = policy.kind === 'by-secret' ? [policy.header] : [];
  const allowing = policy.kind === 'closed' ? virtualService : allowLaneHeader(virtualService, ...laneHeaders(table), ...secretHeaders);
  const { virtualService: woven, warnings } = weave(allowing, table);
  if (policy.kind === 'open' && callbacks.length === 0) return { virtualService: woven, warnings };

  const problems = [...delegating(woven), ...secretHeaders.flatMap((header) => usesOf(header, woven))];
  const http = baselineRules(woven).flatMap(({ rule, copies, path }) => {
    if (isAnswer(rule)) return [rule];
    try {
      return edgeRules(rule, copies, table, edge);
    } catch (error) {
      if (!(error instanceof MatchClash)) throw error;
      problems.push(callbackClash(path, error));
      return [];
    }
  });
  if (problems.length > 0) throw new WeaveRefused(objectName(woven), problems);
  woven.spec.http = http;
  const label = policy.kind === 'open' ? 'callbacks' : policy.kind;
  woven.metadata = { ...woven.metadata, labels: { ...woven.metadata?.labels, [HANDLES_LANE_HEADER_LABEL]: label } };
  for (const header of secretHeaders) woven.metadata.annotations = { ...woven.metadata.annotations, [HOLDS_SECRET_ANNOTATION]: header };
  // What a lane's copies cannot do does not matter where there are none.
  const copiesNeeded = policy.kind !== 'closed' || callbacks.length > 0;
  return { virtualService: woven, warnings: copiesNeeded ? warnings : warnings.filter(({ code }) => code !== 'LaneHeadersDiffer') };
}

/**
 * The rules of a VirtualService as they are for requests of one lane, whatever header they bring: for a host that stands for the
 * lane. Each sets the lane header for the hops that follow.
 *
 * Pure. A lane that the table does not know meets the baseline at the entry, and its own versions further on.
 *
 * @throws WeaveRefused as `weave`, and where a rule delegates
 */
export function rulesForLane(virtualService: VirtualServiceManifest, lane: string, table: LaneTable): any[] {
  const { virtualService: woven } = weave(virtualService, { ...table, lanes: { [lane]: table.lanes[lane] ?? {} } });
  const problems = delegating(woven);
  if (problems.length > 0) throw new WeaveRefused(objectName(woven), problems);
  return baselineRules(woven).map(({ rule, copies }) => {
    if (isAnswer(rule)) return rule;
    return { ...named(rule.name), ...matching(rule.match), ...ofLane(rule, copies.get(lane), lane, table, untrusted(table)) };
  });
}

/** Whether a VirtualService is one that a closed edge made. */
export function isClosedEdge(virtualService: VirtualServiceManifest): boolean {
  return virtualService.metadata?.labels?.[HANDLES_LANE_HEADER_LABEL] === 'closed';
}

/**
 * The VirtualService that a closed edge was made of: for hosts of lanes, whose rules follow it. Callbacks are left out. Any other is
 * returned as it is.
 *
 * Pure: nothing given is changed.
 */
export function openedEdge(virtualService: VirtualServiceManifest, table: LaneTable): VirtualServiceManifest {
  if (!isClosedEdge(virtualService)) return virtualService;
  const { [HANDLES_LANE_HEADER_LABEL]: handled, ...labels } = virtualService.metadata.labels;
  const rules = asList(virtualService.spec?.http).filter((rule) => !rule?.name?.startsWith(CALLBACK_RULE_PREFIX));
  return {
    ...virtualService,
    metadata: { ...virtualService.metadata, labels },
    spec: { ...virtualService.spec, http: rules.map((rule) => keeping(rule, laneHeaders(table))) },
  };
}

/** A rule that does not take these headers away. */
function keeping(rule: any, names: string[]): any {
  const { headers, ...kept } = cloneJson(rule);
  if (!headers) return kept;
  const { remove, ...request } = headers.request ?? {};
  const removed = asList(remove).filter((name) => !names.includes(name));
  if (removed.length > 0) request.remove = removed;
  const { request: taken, ...others } = headers;
  const left = { ...(Object.keys(request).length > 0 ? { request } : {}), ...others };
  return { ...kept, ...(Object.keys(left).length > 0 ? { headers: left } : {}) };
}

/** A rule of the baseline and the copies of it that stand before it. */
interface RuleWithCopies {
  readonly rule: any;
  readonly copies: ReadonlyMap<string, any>;
  readonly path: string;
}

function baselineRules(woven: VirtualServiceManifest): RuleWithCopies[] {
  const found: RuleWithCopies[] = [];
  let copies = new Map<string, any>();
  for (const rule of asList(woven.spec?.http)) {
    const lane = laneOfRule(rule);
    if (lane !== undefined) {
      copies.set(lane, rule);
    } else {
      found.push({ rule, copies, path: `spec.http[${found.length}]` });
      copies = new Map();
    }
  }
  return found;
}

/** Redirects and direct responses go nowhere from here, and are the same for everybody. */
function isAnswer(rule: any): boolean {
  return asList(rule?.route).length === 0;
}

function edgeRules(rule: any, copies: ReadonlyMap<string, any>, table: LaneTable, { policy, callbacks }: Edge): any[] {
  const rules: any[] = [];
  if (policy.kind === 'open') rules.push(...copies.values());
  if (policy.kind === 'by-secret') {
    const secret: MatchEntry = { headers: { [policy.header]: { exact: policy.secret } } };
    rules.push(...[...copies.values()].map((copy) => changed({ ...copy, match: joined(copy.match, [secret]) }, [policy.header])));
    const saying = laneHeaders(table).map((header) => ({ headers: { ...secret.headers, [header]: {} } }));
    rules.push(changed({ ...cloneJson(rule), name: rule.name ? `trusted/${rule.name}` : 'trusted', match: joined(rule.match, saying) }, [policy.header]));
  }
  const taken = policy.kind === 'open' ? [] : untrusted(table, policy);
  for (const { name, match, lane } of callbacks) {
    const silent = policy.kind === 'open' ? { withoutHeaders: { [table.header]: SAYS_A_LANE } } : {};
    const entries = joined(rule.match, [intersection(match, silent)]);
    if (entries.length === 0) continue;
    rules.push({ name: `${CALLBACK_RULE_PREFIX}${name}${rule.name ? `/${rule.name}` : ''}`, ...matching(entries), ...ofLane(rule, copies.get(lane), lane, table, taken) });
    // All that the rule is for belongs to the callback.
    if (Object.keys(match).length + Object.keys(silent).length === 0) return rules;
  }
  return [...rules, policy.kind === 'open' ? rule : changed(rule, [table.header, ...taken])];
}

/** What says a lane beside the lane header, or proves the right to. */
function untrusted(table: LaneTable, policy?: EdgePolicy): string[] {
  return [...(table.baggageKey === undefined ? [] : [BAGGAGE_HEADER]), ...(policy?.kind === 'by-secret' ? [policy.header] : [])];
}

/** A rule as it is for requests of a lane, without name and match. */
function ofLane(rule: any, copy: any, lane: string, { header }: LaneTable, remove: string[]): any {
  const { name, match, ...kept } = cloneJson(copy ?? rule);
  return changed(kept, remove, { [header]: lane });
}

function changed(rule: any, remove: string[], set: Record<string, string> = {}): any {
  const { headers, ...kept } = rule;
  const request = {
    ...headers?.request,
    ...(Object.keys(set).length > 0 ? { set: { ...headers?.request?.set, ...set } } : {}),
    ...(remove.length > 0 ? { remove: [...asList(headers?.request?.remove), ...remove] } : {}),
  };
  return { ...kept, ...(Object.keys(request).length > 0 ? { headers: { ...headers, request } } : headers ? { headers } : {}) };
}

/** The entries that stand for both lists; pairs that nothing meets are left out. */
function joined(entries: any, others: MatchEntry[]): MatchEntry[] {
  const all = asList(entries).length === 0 ? [{}] : asList(entries);
  return all.flatMap((entry) => others.flatMap((other) => {
    try {
      return [cloneJson(intersection(entry ?? {}, other))];
    } catch (error) {
      if (error instanceof MatchClash && error.nothingMeetsBoth) return [];
      throw error;
    }
  }));
}

function matching(match: any): any {
  const entries = asList(match);
  return entries.length === 0 || entries.every((entry) => Object.keys(entry ?? {}).length === 0) ? {} : { match: cloneJson(entries) };
}

function named(name: string | undefined): any {
  return name === undefined ? {} : { name };
}

function callbackClash(path: string, { field, one, other }: MatchClash): WeaveFinding {
  const both = `${JSON.stringify(one)} and ${JSON.stringify(other)}`;
  const message = `cannot be joined with a callback: no single '${field}' condition says both ${both}; let the rule match a prefix or an exact value, or `
    + 'give the callback a host of its own';
  return { code: 'CallbackMatchClash', path, message };
}

function delegating(virtualService: VirtualServiceManifest): WeaveFinding[] {
  return baselineRules(virtualService).flatMap(({ rule, path }) => (rule?.delegate
    ? [{ code: 'EdgeDelegates', path: `${path}.delegate`, message: 'delegates, and the delegate chooses by the lane header as it comes in from outside; let the gateway route by itself, or be open' }]
    : []));
}

/** Rules of the baseline that look at the secret's header, or change it. */
function usesOf(header: string, virtualService: VirtualServiceManifest): WeaveFinding[] {
  const isIt = (name: string) => name.toLowerCase() === header;
  return baselineRules(virtualService).flatMap(({ rule, path }) => {
    const matches = asList(rule?.match).some((entry) => [entry?.headers, entry?.withoutHeaders].some((names) => Object.keys(names ?? {}).some(isIt)));
    const levels = [rule?.headers, ...asList(rule?.route).map((entry) => entry?.headers)].map((headers) => headers?.request);
    const changes = levels.some((request) => headerNames(request).includes(header));
    return matches || changes ? [{ code: 'RuleUsesSecretHeader', path, message: `uses '${header}', whose value is the secret of those who may stain; choose another header for that` }] : [];
  });
}
