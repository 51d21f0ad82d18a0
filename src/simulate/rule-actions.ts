import { RE2JS } from 're2js';
import { asList } from '../json';
import { durationMs, numberOf } from './objects';
import { InjectedFault, Retries } from './outcome';
import { RequestView } from './request-view';
import { Route } from './routes';
import { Complaint, StringMatches } from './string-match';
import { percentageProblem } from '../traffic/predicates';

/*
 * What a rule does beside choosing a destination, as istiod translates it.
 *
 * Source: pilot/pkg/networking/core/route/route.go (`ApplyRedirect`, `applyHTTPRouteDestination`, `TranslateFault`), retry/retry.go.
 */

const DEFAULT_RETRY_ON = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'];

/** The retries of a rule; every rule without a word about them has Istio's default. */
export function retriesOf(retries: any, timeoutMs: number | undefined): Retries | undefined {
  if (retries === undefined || retries === null) return { attempts: 2, on: DEFAULT_RETRY_ON };
  const attempts = numberOf(retries.attempts) ?? 0;
  if (attempts <= 0) return undefined;
  const perTryTimeoutMs = durationMs(retries.perTryTimeout);
  // Envoy ignores a limit for one try that is not below the one for all.
  const counts = perTryTimeoutMs !== undefined && !(timeoutMs !== undefined && perTryTimeoutMs >= timeoutMs);
  return { attempts, on: retryConditions(retries.retryOn), ...(counts ? { perTryTimeoutMs } : {}) };
}

function retryConditions(retryOn: unknown): string[] {
  const parts = String(retryOn ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) return DEFAULT_RETRY_ON;
  const isStatus = (part: string) => /^\d+$/.test(part);
  const conditions = parts.filter((part) => !isStatus(part));
  const statuses = parts.filter(isStatus);
  if (statuses.length > 0 && !conditions.includes('retriable-status-codes')) conditions.push('retriable-status-codes');
  return [...conditions, ...statuses];
}

/** The fault of a rule; parts that never happen are left out. */
export function faultOf(fault: any, complain: Complaint): InjectedFault | undefined {
  if (!fault) return undefined;
  for (const part of ['delay', 'abort']) {
    const percent = numberOf(fault[part]?.percentage?.value) ?? 0;
    const problem = percentageProblem(percent);
    if (problem) throw complain(`fault.${part}.percentage.value`, problem, percent);
  }
  const percentOf = (part: any) => millionths(numberOf(part?.percentage?.value) ?? 0);
  const delayMs = durationMs(fault.delay?.fixedDelay);
  const delayPercent = fault.delay?.percentage ? percentOf(fault.delay) : (numberOf(fault.delay?.percent) ?? 0);
  const delay = delayMs !== undefined && delayPercent > 0 ? { ms: delayMs, percent: delayPercent } : undefined;
  const abortPercent = percentOf(fault.abort);
  const status = numberOf(fault.abort?.httpStatus);
  const grpcStatus = fault.abort?.grpcStatus;
  const abort =
    abortPercent > 0
      ? {
        percent: abortPercent,
        ...(status === undefined ? {} : { status }),
        ...(grpcStatus === undefined ? {} : { grpcStatus: String(grpcStatus) }),
      }
      : undefined;
  return delay || abort ? { ...(delay ? { delay } : {}), ...(abort ? { abort } : {}) } : undefined;
}

/** Envoy counts percentages in millionths, cut off. */
export function millionths(percent: number): number {
  return Math.trunc(percent * 10000) / 10000;
}

/** A mirror of a rule and its percentage. */
export interface WrittenMirror {
  readonly destination: any;
  readonly percent: number;
}

/** The mirrors of a rule that ever happen. */
export function mirrorsOf(rule: any): WrittenMirror[] {
  const percent = (percentage: any) => (percentage ? millionths(numberOf(percentage.value) ?? 0) : 100);
  const single = rule.mirror
    ? [{ destination: rule.mirror, percent: rule.mirrorPercentage ? percent(rule.mirrorPercentage) : (numberOf(rule.mirrorPercent) ?? 100) }]
    : [];
  const several = asList(rule.mirrors)
    .filter((mirror) => mirror?.destination)
    .map((mirror) => ({ destination: mirror.destination, percent: percent(mirror.percentage) }));
  return [...single, ...several].filter((mirror) => mirror.percent > 0);
}

/** The path (with query) that the destination gets. */
export function rewrittenPath(rewrite: any, route: Route, request: RequestView, strings: StringMatches, complain: Complaint): string {
  const regex = rewrite?.uriRegexRewrite;
  if (regex) {
    const expression = strings.expression(String(regex.match), 'rewrite.uriRegexRewrite.match', complain);
    return replacedAll(expression, request.path, String(regex.rewrite)) + request.query;
  }
  if (!rewrite?.uri) return request.path + request.query;
  return replacedPrefix(request, route, String(rewrite.uri)) + request.query;
}

function replacedPrefix(request: RequestView, route: Route, replacement: string): string {
  const matched = route.entry?.match.matchedPath(request.path) ?? '/';
  return replacement + request.path.slice(matched.length);
}

/** All matches replaced as RE2 does it: `\0` is the whole match, `\1` its first group, and everything else what it is. */
function replacedAll(expression: RE2JS, text: string, rewrite: string): string {
  const matcher = expression.matcher(text);
  let replaced = '';
  let at = 0;
  while (matcher.find()) {
    const filled = rewrite.replace(/\\([\d\\])/g, (_, what) => (what === '\\' ? '\\' : (matcher.group(Number(what)) ?? '')));
    replaced += text.slice(at, matcher.start()) + filled;
    at = matcher.end();
  }
  return replaced + text.slice(at);
}

/** What a redirect answers. */
export interface RedirectAnswer {
  readonly status: number;
  readonly location: string;
}

/** The answer of a redirecting rule; `undefined` for a status that Envoy has none for. */
export function redirectAnswer(redirect: any, route: Route, request: RequestView): RedirectAnswer | undefined {
  const status = numberOf(redirect.redirectCode) || 301;
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const scheme = redirect.scheme || request.scheme;
  const port = redirectPort(redirect, route);
  const shownPort = port && !(port === 80 && scheme === 'http') && !(port === 443 && scheme === 'https') ? `:${port}` : '';
  const host = redirect.authority || keptHost(request, scheme, shownPort);
  return { status, location: `${scheme}://${host}${shownPort}${redirectPath(redirect, route, request)}` };
}

function redirectPort(redirect: any, route: Route): number | undefined {
  if (redirect.port) return numberOf(redirect.port);
  return redirect.derivePort === 'FROM_REQUEST_PORT' ? route.port : undefined;
}

/** The request's host, without a port that would be wrong where it is sent to. */
function keptHost(request: RequestView, newScheme: string, newPort: string): string {
  const { authority } = request;
  // Envoy goes by what the request says of itself, and a sidecar believes its pod.
  const scheme = request.header('x-forwarded-proto') ?? request.scheme;
  const port = /:(\d+)$/.exec(authority)?.[1];
  const wasDefault = (scheme === 'http' && port === '80') || (scheme === 'https' && port === '443');
  const drop = newPort !== '' || (newScheme !== scheme && wasDefault);
  return drop ? authority.replace(/:\d+$/, '') : authority;
}

function redirectPath(redirect: any, route: Route, request: RequestView): string {
  if (redirect.prefixRewrite) return replacedPrefix(request, route, String(redirect.prefixRewrite)) + request.query;
  if (!redirect.uri) return request.path + request.query;
  const uri = String(redirect.uri);
  return uri.includes('?') ? uri : uri + request.query;
}

/** Whether CORS answers a preflight request by itself. */
export function answersPreflight(cors: any, request: RequestView, strings: StringMatches, complain: Complaint): boolean {
  const origin = request.header('origin');
  if (!cors || request.method !== 'OPTIONS' || !origin || !request.header('access-control-request-method')) return false;
  const tests = [
    ...asList(cors.allowOrigins).map((match) => strings.test(match, 'corsPolicy.allowOrigins', complain) ?? (() => true)),
    ...(cors.allowOrigins ? [] : asList(cors.allowOrigin).map((allowed) => (text: string) => allowed === '*' || allowed === text)),
  ];
  const matches = tests.some((test) => test(origin)) || asList(cors.allowOrigins).some((match) => match?.exact === '*');
  return matches || cors.unmatchedPreflights === 'IGNORE';
}
