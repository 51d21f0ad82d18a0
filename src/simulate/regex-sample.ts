import { RE2JS } from 're2js';

/*
 * A text that a regular expression takes, for requests that a person can send. Expressions in routing rules are short and
 * simple; what this cannot read it gives up on, and what it finds is tried before it is used.
 */

/** A text that the whole expression matches; `undefined` where none was found. */
export function sampleOf(regex: string): string | undefined {
  const candidates = ['', 'a', '0', '/'].map((filler) => new Sampler(regex, filler).sample());
  const compiled = RE2JS.compile(regex);
  return candidates.find((candidate) => candidate !== undefined && compiled.matches(candidate));
}

const CLASSES: Readonly<Record<string, string>> = { d: '0', w: 'a', s: ' ', D: 'a', W: '-', S: 'a' };

/** Reads an expression from left to right and takes the first way that it allows. */
class Sampler {
  private at = 0;

  /** @param filler what a part that may be anything becomes */
  constructor(
    private readonly regex: string,
    private readonly filler: string,
  ) {}

  public sample(): string | undefined {
    try {
      const text = this.alternatives();
      return this.at === this.regex.length ? text : undefined;
    } catch (error) {
      if (error instanceof Unreadable) return undefined;
      throw error;
    }
  }

  private alternatives(): string {
    const first = this.sequence();
    while (this.peek() === '|') {
      this.at++;
      this.sequence();
    }
    return first;
  }

  private sequence(): string {
    let text = '';
    while (this.at < this.regex.length && this.peek() !== '|' && this.peek() !== ')') text += this.repeated();
    return text;
  }

  private repeated(): string {
    const part = this.atom();
    const count = /^(?:([*?+])|\{(\d+)(?:,\d*)?\})\??/.exec(this.regex.slice(this.at));
    if (!count) return part;
    this.at += count[0].length;
    if (count[1] === '+') return part;
    // A part that may be left out is, unless that part is what makes the text a text.
    if (count[1]) return part === this.filler ? this.filler : '';
    return part.repeat(Number(count[2]));
  }

  private atom(): string {
    const character = this.regex[this.at++];
    switch (character) {
      case '(':
        return this.group();
      case '[':
        return this.characterClass();
      case '\\':
        return this.escape();
      case '.':
        return this.filler;
      case '^':
      case '$':
        return '';
      default:
        return character;
    }
  }

  private group(): string {
    const flags = /^\?(?:P?<\w+>|[a-zA-Z]*:|[a-zA-Z]+\))/.exec(this.regex.slice(this.at));
    if (flags) this.at += flags[0].length;
    if (flags?.[0].endsWith(')')) return '';
    const text = this.alternatives();
    if (this.regex[this.at++] !== ')') throw new Unreadable();
    return text;
  }

  private characterClass(): string {
    const found = /^(\^)?((?:\[:\w+:\]|\\.|[^\]\\])+)\]/.exec(this.regex.slice(this.at));
    if (!found) throw new Unreadable();
    this.at += found[0].length;
    const compiled = RE2JS.compile(`[${found[1] ?? ''}${found[2]}]`);
    const character =
      [...'aA0-_./ ~z9'].find((each) => compiled.matches(each)) ?? [...found[2].replace(/\\/g, '')].find((each) => compiled.matches(each));
    if (character === undefined) throw new Unreadable();
    return character;
  }

  private escape(): string {
    const character = this.regex[this.at++];
    if (character === undefined) throw new Unreadable();
    if ('bBAz'.includes(character)) return '';
    return CLASSES[character] ?? character;
  }

  private peek(): string | undefined {
    return this.regex[this.at];
  }
}

/** An expression that is beyond this reader. */
class Unreadable extends Error {}
