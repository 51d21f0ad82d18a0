/** Columns as wide as what stands in them. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((line) => line[column].length)));
  return [head, ...rows].map((line) => `${line.map((text, column) => text.padEnd(widths[column])).join('   ').trimEnd()}\n`).join('');
}
