import { WriteStream } from 'tty';
import { Line, Tone } from '../simulate/story';

const COLOURS: Readonly<Record<Tone, string>> = { head: '1', plain: '0', served: '32', failed: '31', note: '33' };
const WIDTH = 80;

/** Whether a stream shows colours: a terminal, unless NO_COLOR says otherwise (https://no-color.org). */
export function showsColours(stream: Partial<WriteStream>): boolean {
  return stream.isTTY === true && !process.env.NO_COLOR;
}

/** Lines as text of at most 80 columns, where words allow it. */
export function painted(lines: readonly Line[], colours: boolean): string {
  return lines
    .flatMap(({ depth, tone, text }) =>
      wrapped(text, depth * 2).map((part) => (colours && tone !== 'plain' ? `\u001b[${COLOURS[tone]}m${part}\u001b[0m` : part)),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function wrapped(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = ' '.repeat(indent);
  for (const word of text.split(' ')) {
    const isFirst = line.trim() === '';
    if (!isFirst && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      // What goes on stands under what it belongs to.
      line = `${' '.repeat(indent + 3)}${word}`;
    } else {
      line += isFirst ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}
