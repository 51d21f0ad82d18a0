import { asList } from '../json';
import { Manifest, textsOf } from './objects';
import { quotedRegex, templateRegex } from './path-template';

/*
 * What AuthorizationPolicies ask of requests, in the words of match entries: conditions that tell requests apart are found in
 * them alike.
 */

/** What the rules of a policy ask for: each rule as a whole, and each single text. */
export function policyEntries(policy: Manifest): any[] {
  return asList(policy.spec?.rules).flatMap((rule) => {
    const headers = asList(rule?.when).flatMap((when) => headerCondition(when));
    const operations = asList(rule?.to).map((to) => to?.operation ?? {});
    const singles = [...operations.flatMap((operation) => operationSingles(operation)), ...headers.map((header) => ({ headers: header }))];
    const whole = (operations.length > 0 ? operations : [{}]).flatMap((operation) =>
      operationWholes(operation).map((entry) => (headers.length > 0 ? { ...entry, headers: Object.assign({}, ...headers) } : entry)),
    );
    return [...whole, ...singles];
  });
}

const FIELDS: readonly (readonly [string, string, string])[] = [
  ['uri', 'paths', 'notPaths'],
  ['method', 'methods', 'notMethods'],
  ['authority', 'hosts', 'notHosts'],
];

function operationSingles(operation: any): any[] {
  return FIELDS.flatMap(([field, wanted, unwanted]) =>
    [...textsOf(operation[wanted]), ...textsOf(operation[unwanted])].map((pattern) => ({ [field]: matchOf(pattern, field) })),
  );
}

/** The first texts together, the second ones together, and so on: each stands in one. */
function operationWholes(operation: any): any[] {
  const lists = FIELDS.map(([field, wanted]): [string, string[]] => [field, textsOf(operation[wanted])]).filter(([, list]) => list.length > 0);
  const longest = Math.max(0, ...lists.map(([, list]) => list.length));
  return Array.from({ length: longest }, (_, index) =>
    Object.fromEntries(lists.map(([field, list]) => [field, matchOf(list[Math.min(index, list.length - 1)], field)])),
  );
}

/** `request.headers[x]`, each value as a condition of its own. */
function headerCondition(when: any): Record<string, any>[] {
  const name = /^request\.headers\[(.*)\]$/.exec(String(when?.key ?? ''))?.[1];
  return name === undefined ? [] : [...textsOf(when.values), ...textsOf(when.notValues)].map((pattern) => ({ [name]: matchOf(pattern, 'headers') }));
}

/** `*` is any text, `x*` and `*x` are a beginning and an end, `{*}` is one part of a path, `{**}` any number of them. */
function matchOf(pattern: string, field: string): any {
  const text = field === 'authority' ? pattern.toLowerCase() : pattern;
  if (text === '*') return { regex: '.+' };
  const template = field === 'uri' ? templateRegex(text) : undefined;
  if (template !== undefined) return { regex: template };
  if (text.startsWith('*')) return { regex: `.*${quotedRegex(text.slice(1))}` };
  return text.endsWith('*') ? { prefix: text.slice(0, -1) } : { exact: text };
}
