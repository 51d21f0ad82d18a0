import { RE2JS } from 're2js';

/*
 * Texts that a regular expression takes, for requests that a person can send. Expressions in routing rules are short and
 * simple; what this cannot read it gives up on, and what it finds is tried before it is used.
 */

/** How many texts are tried of one expression. */
const MOST = 100;

/**
 * Texts that the whole expression matches, the plainest first: one for each alternative, and those where one part is another
 * one that it allows. None where it is beyond this reader.
 */
export function samplesOf(regex: string): string[] {
  const compiled = RE2JS.compile(regex);
  const texts = ['', 'a', '0', '/'].flatMap((filler) => new Sampler(regex, filler).samples());
  return [...new Set(texts)].filter((text) => compiled.matches(text));
}

const CLASSES: Readonly<Record<string, string[]>> = { d: ['0', '9'], w: ['a', '0', '_'], s: [' '], D: ['a'], W: ['-'], S: ['a', '0', '/'] };

/** What a part of an expression may be: a plain text, and others. */
interface Ways {
  readonly plain: string;
  readonly others: readonly string[];
}

/** Reads an expression from left to right. */
class Sampler {
  private at = 0;

  /** @param filler what a part that may be anything becomes */
  constructor(
    private readonly regex: string,
    private readonly filler: string,
  ) {}

  public samples(): string[] {
    try {
      const { plain, others } = this.alternatives();
      return this.at === this.regex.length ? [plain, ...others] : [];
    } catch (error) {
      if (error instanceof Unreadable) return [];
      throw error;
    }
  }

  private alternatives(): Ways {
    const all = [this.sequence()];
    while (this.peek() === '|') {
      this.at++;
      all.push(this.sequence());
    }
    const [{ plain }, ...more] = all;
    return { plain, others: few([...more.map((each) => each.plain), ...all.flatMap(({ others }) => others)]) };
  }

  /** All parts as plain as they can be, or one of them otherwise. */
  private sequence(): Ways {
    let plain = '';
    let others: string[] = [];
    while (this.at < this.regex.length && this.peek() !== '|' && this.peek() !== ')') {
      const part = this.repeated();
      others = few([...others.map((text) => text + part.plain), ...part.others.map((text) => plain + text)]);
      plain += part.plain;
    }
    return { plain, others };
  }

  private repeated(): Ways {
    const part = this.atom();
    const count = /^(?:([*?+])|\{(\d+)(,\d*)?\})\??/.exec(this.regex.slice(this.at));
    if (!count) return part;
    this.at += count[0].length;
    const [, sign, number, more] = count;
    const twice = part.plain + part.plain;
    if (sign === '+') return { plain: part.plain, others: few([twice, ...part.others]) };
    if (sign) {
      // A part that may be left out is, unless that part is what makes the text a text.
      const plain = part.plain === this.filler ? this.filler : '';
      return { plain, others: few(['', part.plain, ...part.others, ...(sign === '*' ? [twice] : [])].filter((text) => text !== plain)) };
    }
    const plain = part.plain.repeat(Math.min(Number(number), 1000));
    return { plain, others: few([...(more ? [plain + part.plain] : []), ...part.others.map((text) => text.repeat(Math.min(Number(number), 1000)))]) };
  }

  private atom(): Ways {
    const character = this.regex[this.at++];
    switch (character) {
      case '(':
        return this.group();
      case '[':
        return this.characterClass();
      case '\\':
        return this.escape();
      case '.':
        return { plain: this.filler, others: ['a', '0', '/', '-'].filter((each) => each !== this.filler) };
      case '^':
      case '$':
        return only('');
      default:
        return only(character);
    }
  }

  private group(): Ways {
    const flags = /^\?(?:P?<\w+>|[a-zA-Z]*:|[a-zA-Z]+\))/.exec(this.regex.slice(this.at));
    if (flags) this.at += flags[0].length;
    if (flags?.[0].endsWith(')')) return only('');
    const ways = this.alternatives();
    if (this.regex[this.at++] !== ')') throw new Unreadable();
    return ways;
  }

  private characterClass(): Ways {
    const found = /^(\^)?((?:\[:\w+:\]|\\.|[^\]\\])+)\]/.exec(this.regex.slice(this.at));
    if (!found) throw new Unreadable();
    this.at += found[0].length;
    const compiled = RE2JS.compile(`[${found[1] ?? ''}${found[2]}]`);
    const [plain, ...others] = [...new Set([...'aA0-_./ ~z9', ...found[2].replace(/\\/g, '')])].filter((each) => compiled.matches(each));
    if (plain === undefined) throw new Unreadable();
    return { plain, others };
  }

  private escape(): Ways {
    const character = this.regex[this.at++];
    if (character === undefined) throw new Unreadable();
    if ('bBAz'.includes(character)) return only('');
    const [plain, ...others] = CLASSES[character] ?? [character];
    return { plain, others };
  }

  private peek(): string | undefined {
    return this.regex[this.at];
  }
}

function only(plain: string): Ways {
  return { plain, others: [] };
}

/** Each once, and no more than are worth trying. */
function few(texts: readonly string[]): string[] {
  return [...new Set(texts)].slice(0, MOST);
}

/** An expression that is beyond this reader. */
class Unreadable extends Error {}
