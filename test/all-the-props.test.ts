import { readdirSync, readFileSync, statSync } from 'fs';
import { join } from 'path';

/* A new property does not compile until a test says it: each interface that users fill in stands in a test as Required<…>. */

const root = join(__dirname, '..');
const filesUnder = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))
  .flatMap((path) => (statSync(path).isDirectory() ? filesUnder(path) : [path]));

/** What people read and do not fill in, or fill in as a part of another. */
const RESULTS = [
  'IRoutable', 'IWorkload', 'RuleSettings', 'Warning', 'WeaveFinding', 'Woven',
  // Parts of CurrentBranchOptions, of CanaryServiceProps and BranchDeploymentProps, of the options of servers and of gateways' own rules.
  'BranchRules', 'BranchFacts', 'ServiceOptions', 'ServerTlsOptions', 'MutualServerTlsOptions', 'GatewayPassthroughOptions',
];

const modules = readFileSync(join(root, 'src', 'index.ts'), 'utf8').split('\n').flatMap((line) => {
  const [, names, file] = /^export (?:type )?(\*|\{.*\}) from '\.\/(.*)';$/.exec(line) ?? [];
  return file === undefined ? [] : [{ names, source: readFileSync(join(root, 'src', `${file}.ts`), 'utf8') }];
});
const filledIn = modules.flatMap(({ names, source }) => [...source.matchAll(/^export interface (\w+)/gm)].map(([, name]) => name)
  .filter((name) => names === '*' || new RegExp(`\\b${name}\\b`).test(names))).filter((name) => !RESULTS.includes(name));
const tests = filesUnder(__dirname).filter((file) => file.endsWith('.test.ts')).map((file) => readFileSync(file, 'utf8')).join('\n');

test('interfaces are found', () => {
  expect(filledIn).toEqual(expect.arrayContaining(['CanaryServiceProps', 'RetryPolicyOptions', 'LaneTable', 'CallOptions', 'Redirect']));
});

test.each(filledIn)('%s is said whole', (name) => {
  expect({ name, said: new RegExp(`Required<[^=;\n]*\\b${name}\\b`).test(tests) }).toEqual({ name, said: true });
});
