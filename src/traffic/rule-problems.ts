import { httpStatusProblem } from './predicates';
import { REDIRECT_CODES } from './rule-action';
import { asList } from '../json';

/*
 * What fields of one HTTP rule may not stand together, and what Envoy would ignore or choke on. The typed API cannot say most
 * of it; patches can, so the finished rule is judged.
 */

/** What a rule does with a request: one of these. */
const ACTIONS = ['route', 'redirect', 'directResponse', 'delegate'];
/** What an answer by the proxy itself has no use for, and istiod refuses beside it. */
const FOR_ROUTES = ['fault', 'rewrite'];

/** A field of a rule, and the rest of a sentence that begins with it. */
export interface RuleProblem {
  readonly field: string;
  readonly problem: string;
}

/** Everything that is wrong with an HTTP rule as it stands in a VirtualService, as far as the rule alone tells. */
export function ruleProblems(rule: any): RuleProblem[] {
  return [...actionProblems(rule), ...weightProblems(rule), ...mirrorProblems(rule), ...faultProblems(rule), ...tryProblems(rule)];
}

function actionProblems(rule: any): RuleProblem[] {
  const actions = ACTIONS.filter((field) => (field === 'route' ? asList(rule?.route).length > 0 : rule?.[field] !== undefined));
  if (actions.length === 0) return [{ field: 'route', problem: 'must be there, got no route, redirect or directResponse: Istio refuses the rule; give it one of them' }];
  const problems: RuleProblem[] = [];
  if (actions.length > 1) {
    problems.push({ field: actions[1], problem: `must not stand beside '${actions[0]}', got both: Istio refuses the rule; keep one of them` });
  }
  for (const answer of ['redirect', 'directResponse'].filter((field) => actions.includes(field))) {
    for (const field of FOR_ROUTES.filter((each) => rule[each] !== undefined)) {
      problems.push({ field, problem: `must not stand beside '${answer}', got both: Istio refuses the rule; keep one of them` });
    }
  }
  const code = rule?.redirect?.redirectCode;
  if (code !== undefined && !REDIRECT_CODES.includes(code)) {
    problems.push({ field: 'redirect.redirectCode', problem: `must be one of ${REDIRECT_CODES.join(', ')}, got ${code}: Envoy would refuse every rule of the port` });
  }
  return [...problems, ...statusProblems('directResponse.status', rule?.directResponse?.status)];
}

function weightProblems(rule: any): RuleProblem[] {
  const route = asList(rule?.route);
  return route.length > 1 && route.every((entry) => !entry?.weight)
    ? [{ field: 'weight', problem: 'must be above 0 for one destination at least, got 0 for all of them: Istio refuses the rule' }]
    : [];
}

function mirrorProblems(rule: any): RuleProblem[] {
  if (rule?.mirror && rule?.mirrors) return [{ field: 'mirrors', problem: "must not stand beside 'mirror', got both: Istio refuses the rule; put all into 'mirrors'" }];
  return rule?.mirrorPercentage && !rule?.mirror
    ? [{ field: 'mirrorPercentage', problem: "has no effect without 'mirror'; each of 'mirrors' has a percentage of its own" }]
    : [];
}

function faultProblems(rule: any): RuleProblem[] {
  const silent = ['delay', 'abort'].filter((kind) => rule?.fault?.[kind] && rule.fault[kind].percentage === undefined && !rule.fault[kind].percent);
  return [
    ...silent.map((kind) => ({ field: `fault.${kind}.percentage`, problem: 'must be set: without one Istio injects nothing' })),
    ...statusProblems('fault.abort.httpStatus', rule?.fault?.abort?.httpStatus),
  ];
}

function statusProblems(field: string, status: any): RuleProblem[] {
  const problem = status === undefined ? undefined : httpStatusProblem(status);
  return problem ? [{ field, problem: `${problem}, got ${status}: Envoy would refuse every rule of the port` }] : [];
}

/** Envoy drops a limit for one try that is not below the limit for all of them; a limit of 0 is none. */
export function tryProblems(rule: any): RuleProblem[] {
  const [all, one] = [rule?.timeout, rule?.retries?.perTryTimeout].map(milliseconds);
  if (!all || one === undefined || one < all) return [];
  return [{
    field: 'perTryTimeout', problem: `must be less than the timeout of ${rule.timeout}, got ${rule.retries.perTryTimeout}: Envoy would ignore it; shorten it or lengthen the timeout`,
  }];
}

const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, ns: 0.000001 };

/** A duration as manifests have it (`1m30s`); `undefined` for what is none. */
export function milliseconds(wire: unknown): number | undefined {
  if (typeof wire !== 'string' || !/^(\d+(\.\d+)?(h|ms|m|s|us|ns))+$/.test(wire)) return undefined;
  return [...wire.matchAll(/([\d.]+)(h|ms|m|s|us|ns)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0);
}
