import { inspect } from 'util';
import { IConstruct } from 'constructs';
import { labelsProblem } from './traffic/predicates';

/**
 * What bad input is answered with. The message names the property in quotes, the value got, what is allowed and the way
 * out, behind the construct path where there is one. `code` stays the same when the wording changes.
 */
export class InvalidInput extends Error {
  constructor(public readonly code: string, message: string, scope?: IConstruct) {
    super(scope ? `[${scope.node.path}] ${message}` : message);
    this.name = 'InvalidInput';
  }
}

/** A value as it stands in a message: strings quoted, long ones cut, plain objects and lists as one writes them. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : isPlain(value) ? inspect(value, { depth: 0, breakLength: Infinity }) : String(value);
  if (text === '[object Object]') return `an object of ${(value as object).constructor.name}`;
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** Whether it is an object or a list without a class. */
export function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
}

/** Where a demand is made, and what the user can do instead. */
export interface DemandContext {
  readonly code: string;
  readonly scope?: IConstruct;
  readonly remedy?: string;
}

/** `demand` for the labels of a property. */
export function demandLabels(property: string, labels: Record<string, string>, scope?: IConstruct): void {
  demand(property, labels, typeof labels === 'object' && labels !== null && !Array.isArray(labels) ? undefined : "must be labels by name, such as { app: 'cart' }", { code: 'LabelValue', scope });
  const found = labelsProblem(labels);
  if (found) demand(found.key === undefined ? property : `${property}.${found.key}`, found.got, found.problem, { code: 'LabelValue', scope });
}

/**
 * Throws when a predicate of traffic/ found a problem with the value of a property.
 *
 * @param problem what the predicate said, `undefined` when the value is fine
 */
export function demand(property: string, value: unknown, problem: string | undefined, context: DemandContext): void {
  if (problem === undefined) return;
  const remedy = context.remedy ? `; ${context.remedy}` : '';
  throw new InvalidInput(context.code, `'${property}' ${problem}, got ${shown(value)}${remedy}`, context.scope);
}
