import { Duration } from 'cdk8s';
import { tokenProblem } from './predicates';
import { StringMatch } from './string-match';
import { millisecondsOf, wireDuration } from './wire-duration';
import { demand } from '../errors';
import { demandKinds, FLAG, instance, Kind, listOf, maybe, TEXT } from '../kinds';

/** Options of `CorsPolicy.of`. */
export interface CorsPolicyOptions {
  /** The origins that may call, for example `StringMatch.exact('https://shop.example.com')`. */
  readonly allowOrigins: StringMatch[];

  /**
   * The methods that may be used, in capitals.
   * @default - not written: no `access-control-allow-methods` is answered
   */
  readonly allowMethods?: string[];

  /**
   * The request headers that a page may send. With a StainedRoute in the app its lane header is added, so that the browsers
   * of those who test a lane may send it.
   * @default - not written: no `access-control-allow-headers` is answered
   */
  readonly allowHeaders?: string[];

  /**
   * The response headers that a page may read.
   * @default - not written: no `access-control-expose-headers` is answered
   */
  readonly exposeHeaders?: string[];

  /**
   * How long a browser may remember the answer, in whole seconds.
   * @default - not written: the browser decides
   */
  readonly maxAge?: Duration;

  /**
   * Whether cookies may be sent.
   * @default - not written: no `access-control-allow-credentials` is answered
   */
  readonly allowCredentials?: boolean;
}

/** What istiod takes for a method. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*'];

/**
 * Which web pages of other origins may call.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy
 */
export class CorsPolicy {
  /** @internal */
  public static readonly _KIND: Kind = instance(CorsPolicy, 'CorsPolicy.of({ allowOrigins })');

  /**
   * Refused: no origins or origins that say nothing, unknown methods, header names that are no RFC 7230 tokens (`*` is fine),
   * a `maxAge` under a second or with parts of one.
   */
  public static of(options: CorsPolicyOptions): CorsPolicy {
    const texts = maybe(listOf(TEXT));
    demandKinds(options, { allowOrigins: listOf(StringMatch._KIND), allowMethods: texts, allowHeaders: texts, exposeHeaders: texts, allowCredentials: maybe(FLAG) }, { of: 'options' });
    const origins = options.allowOrigins.length;
    demand('allowOrigins', origins, origins === 0 ? 'must name at least one origin' : undefined, { code: 'CorsOrigins' });
    const vague = options.allowOrigins.some((origin) => Object.values(origin._toManifest()).join('') === '');
    demand('allowOrigins', 'one that says nothing', vague ? 'must say what each origin is' : undefined, {
      code: 'CorsOrigins', remedy: "StringMatch.regex('.*') allows every origin",
    });
    for (const method of options.allowMethods ?? []) {
      demand('allowMethods', method, METHODS.includes(method) ? undefined : `must be of ${METHODS.join(', ')}`, { code: 'CorsMethod' });
    }
    for (const property of ['allowHeaders', 'exposeHeaders'] as const) {
      for (const name of options[property] ?? []) {
        demand(property, name, name === '*' ? undefined : tokenProblem(name), { code: 'HeaderName' });
      }
    }
    if (options.maxAge !== undefined) {
      const milliseconds = millisecondsOf('maxAge', options.maxAge);
      const whole = Number.isInteger(milliseconds / 1000) && milliseconds >= 1000;
      demand('maxAge', `${milliseconds} ms`, whole ? undefined : 'must be whole seconds, 1 or more', { code: 'CorsMaxAge' });
    }
    return new CorsPolicy(options);
  }

  private constructor(private readonly options: CorsPolicyOptions) {}

  /** @internal */
  public _toManifest(): any {
    const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, maxAge, allowCredentials } = this.options;
    return {
      allowOrigins: allowOrigins.map((origin) => origin._toManifest()),
      ...(allowMethods ? { allowMethods: [...allowMethods] } : {}),
      ...(allowHeaders ? { allowHeaders: [...allowHeaders] } : {}),
      ...(exposeHeaders ? { exposeHeaders: [...exposeHeaders] } : {}),
      ...(maxAge !== undefined ? { maxAge: wireDuration('maxAge', maxAge) } : {}),
      ...(allowCredentials === undefined ? {} : { allowCredentials }),
    };
  }
}
