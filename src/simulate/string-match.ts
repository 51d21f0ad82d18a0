import { RE2JS } from 're2js';
import { InvalidInput } from '../errors';
import { regexProblem } from '../traffic/predicates';

/** A text that is or is not the one asked for. */
export type TextTest = (text: string) => boolean;

/** A matcher of a manifest that istiod would refuse: what is wrong with it. */
export type Complaint = (property: string, problem: string, value: unknown) => InvalidInput;

/** The compiled form of what `StringMatch` of a manifest asks for. */
export class StringMatches {
  private readonly compiled = new Map<string, RE2JS>();

  /** A test for one StringMatch; `undefined` for one that asks for nothing (mere presence). */
  public test(match: any, property: string, complain: Complaint): TextTest | undefined {
    if (match === null || typeof match !== 'object') {
      if (match === undefined || match === null) return undefined;
      throw complain(property, 'must be an object with exact, prefix or regex', match);
    }
    if (match.exact !== undefined) {
      const exact = text(match.exact, `${property}.exact`, complain);
      return (value) => value === exact;
    }
    if (match.prefix !== undefined) {
      const prefix = text(match.prefix, `${property}.prefix`, complain);
      return (value) => value.startsWith(prefix);
    }
    if (match.regex !== undefined) return this.regex(text(match.regex, `${property}.regex`, complain), `${property}.regex`, complain);
    return undefined;
  }

  /** A test whether the whole text is as RE2 asks. */
  public regex(regex: string, property: string, complain: Complaint): TextTest {
    const compiled = this.expression(regex, property, complain);
    return (value) => compiled.matches(value);
  }

  /** A compiled RE2 expression. */
  public expression(regex: string, property: string, complain: Complaint): RE2JS {
    const known = this.compiled.get(regex);
    if (known) return known;
    const problem = regexProblem(regex);
    if (problem !== undefined) throw complain(property, problem, regex);
    const compiled = RE2JS.compile(regex);
    this.compiled.set(regex, compiled);
    return compiled;
  }
}

/** YAML reads `exact: 1` as a number; the API server refuses it. */
function text(value: unknown, property: string, complain: Complaint): string {
  if (typeof value === 'string') return value;
  throw complain(property, 'must be a text (quote what YAML would read as something else)', value);
}
