import { WriteStream } from 'tty';
import { Line, Tone } from '../simulate/story';

const COLOURS: Readonly<Record<Tone, string>> = { head: '1', plain: '0', served: '32', failed: '31', note: '33' };
const WIDTH = 80;
/** Long chains stand no further to the right than this. */
const MAX_INDENT = 36;

/** A line, or the words of a command, which must stay one when it is pasted. */
export type Printed = Line | { readonly depth: number; readonly command: readonly string[] };

/** Whether a stream shows colours: a terminal, unless NO_COLOR says otherwise (https://no-color.org). */
export function showsColours(stream: Partial<WriteStream>): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR;
}

/** Lines as text of at most 80 columns, where words allow it. */
export function painted(lines: readonly Printed[], colours: boolean): string {
  return lines.flatMap((line) => parts(line, colours)).map((line) => `${line}\n`).join('');
}

function parts(line: Printed, colours: boolean): string[] {
  const indent = Math.min(line.depth * 2, MAX_INDENT);
  if ('command' in line) return wrapped(line.command, indent, ' \\');
  const { tone } = line;
  return wrapped(line.text.split(' '), indent).map((part) => (colours && tone !== 'plain' ? `\u001b[${COLOURS[tone]}m${part}\u001b[0m` : part));
}

/** Words in lines; each but the last ends in `ending`. */
export function wrapped(words: readonly string[], indent = 0, ending = ''): string[] {
  const lines: string[] = [];
  let line = ' '.repeat(indent) + (words[0] ?? '');
  for (const word of words.slice(1)) {
    if (line.length + 1 + word.length + ending.length > WIDTH) {
      lines.push(line + ending);
      // What goes on stands under what it belongs to.
      line = `${' '.repeat(indent + 3)}${word}`;
    } else {
      line += ` ${word}`;
    }
  }
  return [...lines, line];
}
