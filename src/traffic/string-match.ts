import { regexProblem, textProblem } from './predicates';
import { demand } from '../errors';
import { demandKind, instance, Kind, TEXT } from '../kinds';

/**
 * How one string of a request is compared: a header's value, a path, a method.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#StringMatch
 */
export class StringMatch {
  /** @internal */
  public static readonly _KIND: Kind = instance(StringMatch, "StringMatch.exact('…')");

  /** Equal, letter by letter. Refused: what is no text, such as an environment variable that is not set. */
  public static exact(text: string): StringMatch {
    demandKind('text', text, TEXT);
    return new StringMatch('exact', text);
  }

  /**
   * Begins with `text`. For a path this is a plain string prefix: `/foo` also matches `/foobar`.
   *
   * Refused: the empty string, which istiod does not accept (use `StringMatch.present()`).
   */
  public static prefix(text: string): StringMatch {
    demand('prefix', text, textProblem(text), {
      code: 'StringMatchPrefix', remedy: 'StringMatch.present() matches any value',
    });
    return new StringMatch('prefix', text);
  }

  /**
   * Matches the **whole** string: Envoy anchors at both ends, so `.*Safari.*` and not `Safari`.
   *
   * Refused: what is not RE2 (lookaround, backreferences), the empty expression, more than 1024 characters.
   *
   * @see https://github.com/google/re2/wiki/Syntax
   */
  public static regex(regex: string): StringMatch {
    demand('regex', regex, regexProblem(regex), { code: 'StringMatchRegex' });
    return new StringMatch('regex', regex);
  }

  /** Any value: it is enough that the header or query parameter is there. */
  public static present(): StringMatch {
    return new StringMatch('present', '');
  }

  private constructor(private readonly kind: 'exact' | 'prefix' | 'regex' | 'present', private readonly text: string) {}

  /** @internal */
  public _toRegex(): string {
    switch (this.kind) {
      case 'exact': return escapeRegex(this.text);
      case 'prefix': return `${escapeRegex(this.text)}[^;]*`;
      case 'regex': return `(?:${this.text})`;
      case 'present': return '[^;]*';
    }
  }

  /** @internal */
  public _toManifest(): any {
    return this.kind === 'present' ? {} : { [this.kind]: this.text };
  }
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
