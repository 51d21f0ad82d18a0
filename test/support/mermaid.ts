/*
 * The part of Mermaid's flowchart grammar that `graph` uses, strictly: what passes here is what Mermaid 12's own parser took for
 * each of the pictures that the tests draw.
 */
const TEXT = '"[^"<>&`\\n]*"';
const LINES: readonly RegExp[] = [
  /^flowchart LR$/,
  new RegExp(`^  subgraph n\\d+_group \\[${TEXT}\\]$`),
  /^ {2}end$/,
  new RegExp(`^ {2,4}n\\d+(?:\\{\\{${TEXT}\\}\\}|\\(${TEXT}\\)|\\[${TEXT}\\]|\\[/${TEXT}/\\])$`),
  new RegExp(`^  n\\d+ (?:-->|-\\.->)(?:\\|${TEXT}\\|)? n\\d+$`),
  /^$/,
];

/** Lines that no rule of the grammar takes, arrows between nodes that are not declared, subgraphs that do not end. */
export function mermaidProblems(text: string): string[] {
  const lines = text.split('\n');
  const declared = new Set([...text.matchAll(/^\s+(n\d+)[[({]/gm)].map(([, id]) => id));
  const arrows = [...text.matchAll(/^ {2}(n\d+) \S+.* (n\d+)$/gm)].flatMap(([, from, to]) => [from, to]);
  const depth = lines.filter((line) => line.startsWith('  subgraph')).length - lines.filter((line) => line === '  end').length;
  return [
    ...lines.filter((line) => !LINES.some((rule) => rule.test(line))),
    ...(lines[0] === 'flowchart LR' ? [] : ['a flowchart must begin with its direction']),
    ...arrows.filter((id) => !declared.has(id)).map((id) => `${id} is not declared`),
    ...(depth === 0 ? [] : ['subgraphs do not end']),
    ...[...text.matchAll(/#(?!\d+;)/g)].map(({ index }) => `an entity at ${index} has no number`),
  ];
}
