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
  if (problems.length > 0) notes.push('! requests fail:', ...problems.flatMap((problem) => wrapped(problem.split(' '), 2)));
  return [...blocksOf([head, ...body]).flatMap((block) => [...block, '']), ...notes, ''].join('\n');
}

const GAP = '   ';
const WIDTH = 80;

/** Columns side by side as far as a terminal is wide, the rest below; each block begins with the column of lanes. */
function blocksOf(table: readonly (readonly string[])[]): string[][] {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
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
  return columns.map((block) => table.map((line) => block.map((column) => line[column].padEnd(widths[column])).join(GAP).trimEnd()));
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

/** Service names, with their namespace where two are called alike. */
function shortNames(hosts: string[]): string[] {
  const first = hosts.map((host) => host.split('.')[0]);
  return hosts.map((host, index) => {
    if (!/\.svc\./.test(host)) return host;
    return first.filter((name) => name === first[index]).length > 1 ? host.split('.').slice(0, 2).join('.') : first[index];
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
