import { headerNameProblem, headerValueProblem } from './predicates';
import { demand, InvalidInput } from '../errors';
import { cloneJson } from '../json';
import { demandKind, demandKinds, instance, Kind, listOf, mapOf, maybe, OPTIONS, TEXT } from '../kinds';

/** What to do with the headers of one direction. Applied in this order: remove, set, add. */
export interface HeaderChanges {
  /**
   * Replaces the header, or puts it there.
   * @default - no header is replaced
   */
  readonly set?: Record<string, string>;

  /**
   * Appends one more value of the header.
   * @default - no value is appended
   */
  readonly add?: Record<string, string>;

  /**
   * Takes the header away.
   * @default - no header is taken away
   */
  readonly remove?: string[];
}

/** Options of `HeaderOperations.of`. */
export interface HeaderOperationsOptions {
  /**
   * On the way to the service.
   * @default - the request's headers stay as they are
   */
  readonly request?: HeaderChanges;

  /**
   * On the way back.
   * @default - the response's headers stay as they are
   */
  readonly response?: HeaderChanges;
}

/**
 * Changes of request and response headers, for a rule or for one of its destinations.
 *
 * Where both change the same header, Envoy lets the *destination's* change win if the rule has one destination, and the
 * *rule's* if it has two or more.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#Headers
 */
export class HeaderOperations {
  /** @internal */
  public static readonly _KIND: Kind = instance(HeaderOperations, "HeaderOperations.of({ request: { set: { 'x-a': 'b' } } })");

  /**
   * Refused: names that are no RFC 7230 tokens or not in lower case (`:authority` may be set in requests, to rewrite the host), values
   * that are empty (Envoy does nothing then) or have control characters, a lone `%` in a value (Envoy substitutes `%NAME%`; write `%%`).
   */
  public static of(options: HeaderOperationsOptions): HeaderOperations {
    demandKinds(options, { request: maybe(OPTIONS), response: maybe(OPTIONS) }, { of: 'options' });
    const manifest: Record<string, any> = {};
    for (const direction of ['request', 'response'] as const) {
      const changes = changesManifest(direction, options[direction]);
      if (Object.keys(changes).length > 0) manifest[direction] = changes;
    }
    if (Object.keys(manifest).length === 0) {
      throw new InvalidInput('HeaderOperationsEmpty', "'request' and 'response' change no header; leave the operations out");
    }
    return new HeaderOperations(manifest);
  }

  private constructor(private readonly manifest: any) {}

  /**
   * Whether the request's host is changed.
   *
   * @internal
   */
  public get _setsHost(): boolean {
    return [this.manifest.request?.set, this.manifest.request?.add].some((changes) => changes && ':authority' in changes);
  }

  /**
   * Both, which must not touch one header.
   *
   * @internal
   */
  public _and(other: HeaderOperations): HeaderOperations {
    const joined = cloneJson(this.manifest);
    for (const direction of ['request', 'response'] as const) {
      const taken = namesIn(joined[direction]);
      const twice = namesIn(other.manifest[direction]).find((name) => taken.includes(name));
      demand('headers', twice, twice && 'must not be changed by the route and by the rule it goes through', { code: 'RuleOptionTwice', remedy: 'change it in one of them' });
      for (const [operation, changes] of Object.entries<any>(other.manifest[direction] ?? {})) {
        joined[direction] ??= {};
        const own = joined[direction][operation];
        joined[direction][operation] = Array.isArray(changes) ? [...own ?? [], ...changes] : { ...own, ...changes };
      }
    }
    return new HeaderOperations(joined);
  }

  /** @internal */
  public _toManifest(): any {
    return cloneJson(this.manifest);
  }
}


function namesIn({ set, add, remove }: HeaderChanges = {}): string[] {
  return [...Object.keys(set ?? {}), ...Object.keys(add ?? {}), ...remove ?? []];
}

function changesManifest(direction: 'request' | 'response', changes: HeaderChanges = {}): Record<string, any> {
  const manifest: Record<string, any> = {};
  demandKind(`${direction}.set`, changes.set, maybe(mapOf(TEXT)));
  demandKind(`${direction}.add`, changes.add, maybe(mapOf(TEXT)));
  demandKind(`${direction}.remove`, changes.remove, maybe(listOf(TEXT)));
  for (const operation of ['set', 'add'] as const) {
    for (const [name, text] of Object.entries(changes[operation] ?? {})) {
      const property = `${direction}.${operation}.${name}`;
      const rewritesHost = direction === 'request' && operation === 'set' && name === ':authority';
      demand(property, name, rewritesHost ? undefined : headerNameProblem(name), { code: 'HeaderName' });
      demand(property, text, text === '' ? 'must not be empty, at which Envoy does nothing' : headerValueProblem(text), {
        code: 'HeaderValue', remedy: text === '' ? "'remove' takes a header away" : undefined,
      });
    }
    if (Object.keys(changes[operation] ?? {}).length > 0) manifest[operation] = { ...changes[operation] };
  }
  for (const name of changes.remove ?? []) {
    const problem = name === 'host' ? 'must not be the host, which every request needs' : headerNameProblem(name);
    demand(`${direction}.remove`, name, problem, { code: 'HeaderName' });
  }
  if (changes.remove?.length) manifest.remove = [...changes.remove];
  return manifest;
}
