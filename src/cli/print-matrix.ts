import { wrapped } from './paint';
import { Matrix, MatrixCell, Share } from '../simulate/matrix';

/** The matrix as a table for people. */
export function matrixTable(matrix: Matrix): string {
  const names = shortNames(matrix.services);
  const head = [matrix.header, ...names];
  const body = matrix.rows.map(({ lane, other, cells }) => {
    const label = other ? '(any other)' : lane ?? '(none)';
    return [label, ...cells.map((cell) => cellText(cell, other || lane !== undefined))];
  });
  const notes = ['* served by the baseline'];
  if (matrix.rows.some(({ cells }) => cells.some(({ serves }) => serves.some(({ fallback }) => fallback)))) {
    notes.push('or: served by the latter while none of the former\'s pods is ready (fallback)');
  }
  const problems = [...new Set(matrix.rows.flatMap(({ cells }) => cells.flatMap((cell) => cell.problems)))];
  if (problems.length > 0) notes.push('! requests fail:', ...problems.flatMap((problem) => wrapped(broken(problem, WIDTH - 5), 2)));
  return [...blocksOf([head, ...body]).flatMap((block) => [...block, '']), ...notes, ''].join('\n');
}

const GAP = '   ';
const WIDTH = 80;
/** Lanes take no more of it than this. */
const LANE_WIDTH = 40;
const INDENT = '  ';

/** Columns side by side as far as a terminal is wide, the rest below; each block begins with the column of lanes. */
function blocksOf(table: readonly (readonly string[])[]): string[][] {
  const laneWidth = Math.min(LANE_WIDTH, Math.max(...table.map(([lane]) => lane.length)));
  const cells = table.map((line) => line.map((text, column) => cellLines(text, column === 0 ? laneWidth : WIDTH - laneWidth - GAP.length)));
  const widths = table[0].map((_, column) => Math.max(...cells.flatMap((line) => line[column].map((text) => text.length))));
  const blocks: number[][] = [];
  let free = 0;
  for (let column = 1; column < widths.length; column++) {
    const needed = GAP.length + widths[column];
    if (blocks.length === 0 || needed > free) {
      blocks.push([0]);
      free = WIDTH - widths[0];
    }
    blocks[blocks.length - 1].push(column);
    free -= needed;
  }
  const columns = blocks.length > 0 ? blocks : [[0]];
  return columns.map((block) => cells.flatMap((line) => sideBySide(block.map((column) => line[column]), block.map((column) => widths[column]))));
}

/** A row of the table: as many lines as its longest cell has. */
function sideBySide(cells: readonly (readonly string[])[], widths: readonly number[]): string[] {
  const height = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, at) => cells.map((lines, index) => (lines[at] ?? '').padEnd(widths[index])).join(GAP).trimEnd());
}

/** A cell in lines that are no longer than `width`; words that are longer go on in the next. */
function cellLines(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  const room = width - INDENT.length;
  const [first, ...words] = broken(text, room);
  const lines = [first];
  for (const word of words) {
    const last = lines[lines.length - 1];
    // A rest of a word never stands beside its beginning, which fills its line.
    if (last.length + 1 + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(INDENT + word);
  }
  return lines;
}

/** The words of a text, those that are longer than `width` in several. */
function broken(text: string, width: number): string[] {
  return text.split(' ').flatMap((word) => word.match(new RegExp(`.{1,${width}}`, 'gsu')) ?? []);
}

/** The matrix for programs. */
export function matrixJson(matrix: Matrix): string {
  const lanes = matrix.rows.map(({ lane, other, cells }) => ({
    lane: lane ?? null,
    other,
    services: Object.fromEntries(cells.map((cell, index) => [matrix.services[index], cell])),
  }));
  return `${JSON.stringify({ header: matrix.header, lanes, lostHosts: matrix.lostHosts }, null, 2)}\n`;
}

/** Service names, with their namespace where two are called alike, and with the port where a service has several. */
function shortNames(labels: readonly string[]): string[] {
  const named = labels.map((label) => {
    const [host, port] = label.split(':');
    return { host, first: host.split('.')[0], port: port === undefined ? '' : `:${port}` };
  });
  return named.map(({ host, first, port }) => {
    if (!/\.svc\./.test(host)) return host + port;
    const isShared = named.some((other) => other.first === first && other.host !== host);
    return (isShared ? host.split('.').slice(0, 2).join('.') : first) + port;
  });
}

function cellText(cell: MatrixCell, markBaseline: boolean): string {
  const mark = cell.problems.length > 0 ? ' !' : markBaseline && cell.baseline ? ' *' : '';
  const conditional = cell.conditional.map(({ when, serves }) => `; ${when}: ${sharesText(serves)}`).join('');
  return sharesText(cell.serves) + conditional + mark;
}

function sharesText(shares: Share[]): string {
  if (shares.length === 0) return '404';
  if (shares.length === 1) return shares[0].version + fallbackText(shares[0]);
  return shares.map((each) => `${each.version} ${Math.round(each.share * 1000) / 10}%${fallbackText(each)}`).join(', ');
}

function fallbackText({ fallback = [] }: Share): string {
  return fallback.length === 0 ? '' : ` or ${fallback.join(' or ')}`;
}
