import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { dirname, join } from 'path';
import * as ts from 'typescript';

const root = join(__dirname, '..');
const examples = readdirSync(join(root, 'examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'API.md').map((name) => `docs/${name}`),
  ...examples.map(({ name }) => `examples/${name}/README.md`),
];

test('every TypeScript snippet of the documentation compiles', () => {
  // Inside the repository, so that modules are found as they are from the tests.
  const folder = mkdtempSync(join(__dirname, 'snippets-'));
  try {
    const files = pages.flatMap((page) => snippets(page).map((snippet, index) => {
      const file = join(folder, `${page.replace(/\W/g, '-')}-${index}.ts`);
      writeFileSync(file, `${snippet}\nexport {};\n`);
      return file;
    }));
    expect(files.length).toBeGreaterThan(2);
    const config = ts.readConfigFile(join(__dirname, 'tsconfig.json'), ts.sys.readFile).config;
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files }, ts.sys, __dirname, undefined, join(__dirname, 'tsconfig.json'));
    const program = ts.createProgram(files, { ...options, noUnusedLocals: false });
    const problems = ts.getPreEmitDiagnostics(program).map((problem) => ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
    expect(problems).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);

test.each(pages)('the links of %s lead somewhere', (page) => {
  const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link);
  expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
});

test.each(examples.map(({ name }) => name))('example %s has its app, its README and its test', (name) => {
  const files = readdirSync(join(root, 'examples', name));
  expect(files).toEqual(expect.arrayContaining(['README.md', 'cdk8s.yaml', 'main.ts', 'main.test.ts']));
});

function snippets(page: string): string[] {
  return [...readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
}
