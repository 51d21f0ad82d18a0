const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** What may be said in place of numbers; the first one is `min`. */
  readonly words?: string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of the week', min: 0, max: 6, words: DAYS },
];

/** What is wrong with a time in cron's format, as both GitHub and Kubernetes take it: five fields of numbers, lists, ranges and steps. */
export function cronProblem(text: string): string | undefined {
  const fields = text.split(' ');
  if (fields.length !== FIELDS.length || fields.includes('')) return "must be five fields of cron, such as '17 * * * *'";
  const wrong = FIELDS.find((field, index) => !fields[index].split(',').every((part) => isPart(part, field)));
  return wrong && `must have a ${wrong.name} of ${wrong.min} to ${wrong.max} in cron's words (*, 5, 1-5, */15, 1,3), such as '17 * * * *'`;
}

function isPart(text: string, field: Field): boolean {
  const [, range, step] = /^(\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:\/(\d+))?$/.exec(text) ?? [];
  if (range === undefined || (step !== undefined && (Number(step) < 1 || Number(step) > field.max))) return false;
  if (range === '*') return true;
  const [from, to = from] = range.split('-').map((word) => numberOf(word, field));
  return from >= field.min && to <= field.max && from <= to;
}

function numberOf(word: string, { min, words = [] }: Field): number {
  if (/^\d{1,2}$/.test(word)) return Number(word);
  const index = words.indexOf(word.toUpperCase());
  return index < 0 ? NaN : min + index;
}
