import { Matrix, MatrixCell, Share } from '../simulate/matrix';

/** The matrix as a table for people. */
export function matrixTable(matrix: Matrix): string {
  const names = shortNames(matrix.services);
  const head = [matrix.header, ...names];
  const body = matrix.rows.map(({ lane, other, cells }) => {
    const label = other ? '(any other)' : lane ?? '(none)';
    return [label, ...cells.map((cell) => cellText(cell, other || lane !== undefined))];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column].length)));
  const lines = [head, ...body].map((line) => line.map((text, column) => text.padEnd(widths[column])).join('   ').trimEnd());
  const notes = ['* served by the baseline'];
  const problems = [...new Set(matrix.rows.flatMap(({ cells }) => cells.flatMap((cell) => cell.problems)))];
  if (problems.length > 0) notes.push('! requests fail:', ...problems.map((problem) => `  ${problem}`));
  return [...lines, '', ...notes, ''].join('\n');
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
  if (shares.length === 1) return shares[0].version;
  return shares.map(({ version, share }) => `${version} ${Math.round(share * 1000) / 10}%`).join(', ');
}
