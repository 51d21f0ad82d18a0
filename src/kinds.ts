import { IConstruct } from 'constructs';
import { demand } from './errors';

/*
 * What a property may hold. The compiler says so already, but not to code without types, which would get an error from deep inside,
 * or manifests of something else. Each kind answers `undefined` for a good value, else the end of a sentence that begins with the
 * property's name. What has a predicate of its own (traffic/predicates.ts) is judged by that.
 */

/** Judges a value. */
export type Kind = (value: unknown) => string | undefined;

/** The kinds of some properties. */
export type Kinds<T> = { readonly [P in keyof T]?: Kind };

/** What is said when it is of a class: as the class itself, or another copy of this library, says it. */
interface ValueClass {
  readonly name: string;
  readonly prototype: unknown;
}

/** A text, empty or not. */
export const TEXT: Kind = (value) => (typeof value === 'string' ? undefined : 'must be a text');

/** Yes or no. */
export const FLAG: Kind = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');

/** A number, whichever. */
export const NUMBER: Kind = (value) => (typeof value === 'number' ? undefined : 'must be a number');

/** A time, as cdk8s says it: known by what it does, as an app may have two copies of cdk8s. */
export const DURATION: Kind = (value) => (typeof (value as any)?.toMilliseconds === 'function' ? undefined : 'must be a Duration of cdk8s');

/** Properties in braces. */
export const OPTIONS: Kind = (value) => (isObject(value) && !Array.isArray(value) ? undefined : 'must be an object with properties');

/** A value of a class, with how one is made. */
export function instance(type: ValueClass, made: string): Kind {
  const isInstance = (value: unknown) => isObject(value) && (value instanceof (type as any) || value.constructor?.name === type.name);
  return (value) => (isInstance(value) ? undefined : `must be a ${type.name}, such as ${made}`);
}

/** A lane, known by what it has: whoever takes one stands before the module that makes them. */
export const LANE: Kind = (value) => {
  const { name, branch } = (isObject(value) ? value : {}) as { name?: unknown; branch?: unknown };
  return typeof name === 'string' && typeof branch === 'string' ? undefined : "must be a Lane, such as addLane('…') of a StainedRoute returns";
};

/** One of an enum. */
export function oneOf(values: Record<string, string>, name: string): Kind {
  return (value) => (Object.values<unknown>(values).includes(value) ? undefined : `must be one of ${name}: ${Object.keys(values).map((each) => `${name}.${each}`).join(', ')}`);
}

/** Left out, or of this kind. */
export function maybe(kind: Kind): Kind {
  return (value) => (value === undefined ? undefined : kind(value));
}

/** A list of values of one kind. */
export function listOf(kind: Kind): Kind {
  return (value) => {
    if (!Array.isArray(value)) return `must be a list in brackets, each of which ${kind(undefined)}`;
    // Holes of an array count too.
    const wrong = Array.from(value, kind).find((each) => each !== undefined);
    return wrong && `must be a list, each of which ${wrong}`;
  };
}

/** Values of one kind by name. */
export function mapOf(kind: Kind): Kind {
  return (value) => {
    if (!isObject(value) || Array.isArray(value)) return `must be an object of names and values, each of which ${kind(undefined)}`;
    const wrong = Object.values(value).map(kind).find((each) => each !== undefined);
    return wrong && `must have values by name, each of which ${wrong}`;
  };
}

/** Where a property is. */
interface Place {
  readonly scope?: IConstruct;
  /**
   * What the properties stand in.
   * @default 'props'
   */
  readonly of?: string;
}

/** Throws for the first property that does not hold what it may. */
export function demandKinds<T extends object>(said: T, kinds: Kinds<T>, { scope, of = 'props' }: Place = {}): void {
  demandKind(of, said, OPTIONS, scope);
  for (const property in kinds) demandKind(property, said[property], kinds[property]!, scope);
}

/** The same of one value. */
export function demandKind(property: string, value: unknown, kind: Kind, scope?: IConstruct): void {
  const problem = kind(value);
  if (problem !== undefined) demand(property, value, problem, { code: 'Kind', scope });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
