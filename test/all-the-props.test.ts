import { readdirSync, readFileSync, statSync } from 'fs';
import { join } from 'path';

/* A new property does not compile until a test says it: each interface that users fill in stands in a test as Required<…>. */

const root = join(__dirname, '..');
const filesUnder = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))
  .flatMap((path) => (statSync(path).isDirectory() ? filesUnder(path) : [path]));

/** What people read, or implement, and do not fill in. */
const RESULTS = ['IRoutable', 'IWorkload', 'Warning', 'WeaveFinding', 'Woven'];

const modules = readFileSync(join(root, 'src', 'index.ts'), 'utf8').split('\n').flatMap((line) => {
  const [, names, file] = /^export (?:type )?(\*|\{.*\}) from '\.\/(.*)';$/.exec(line) ?? [];
  return file === undefined ? [] : [{ names, source: readFileSync(join(root, 'src', `${file}.ts`), 'utf8') }];
});
const interfaces = modules.flatMap(({ names, source }) => [...source.matchAll(/^export interface (\w+)(?: extends ([\w, ]+))?/gm)]
  .map(([, name, bases]) => ({ name, bases: bases?.trim().split(', ') ?? [], offered: names === '*' || new RegExp(`\\b${name}\\b`).test(names) })));
const filledIn = interfaces.filter(({ name, offered }) => offered && !RESULTS.includes(name)).map(({ name }) => name);
const tests = filesUnder(__dirname).filter((file) => file.endsWith('.test.ts')).map((file) => readFileSync(file, 'utf8')).join('\n');

test('interfaces are found', () => {
  expect(filledIn).toEqual(expect.arrayContaining(['CanaryServiceProps', 'RetryPolicyOptions', 'LaneTable', 'CallOptions', 'Redirect']));
});

/** A whole interface has all that its bases have. */
const said = (name: string): boolean => new RegExp(`Required<[^=;\n]*\\b${name}\\b`).test(tests)
  || interfaces.some((other) => other.bases.includes(name) && said(other.name));

test.each(filledIn)('%s is said whole', (name) => {
  expect({ name, said: said(name) }).toEqual({ name, said: true });
});
