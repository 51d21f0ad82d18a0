import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { cli, widthOf } from './run';
import { mermaidProblems } from '../support/mermaid';

const SHOP = 'test/cli/shop.yaml';
const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The shop after a change of its text. */
function changed(name: string, ...changes: [string, string][]): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the shop has no ${from}`);
    return text.replaceAll(from, to);
  }, readFileSync(SHOP, 'utf8')));
  return path;
}

describe('diff', () => {
  test('tells which requests go elsewhere, each as a command for those whom it concerns, with exit code 1', () => {
    const after = changed('after', ['weight: 90', 'weight: 50'], ['weight: 10', 'weight: 50'], ['{prefix: /broken}}]\n      route: [{destination: {host: cart, subset: v3}', '{prefix: /broken}}]\n      route: [{destination: {host: cart, subset: v4}']);
    const { status, stdout, stderr } = cli(['diff', SHOP, after]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toContain(`Requests that go elsewhere:
  from a pod in namespace shop
    curl http://cart.shop.svc.cluster.local/api/
      - 90 % shop/cart-v1, 10 % shop/cart-v2
      + 50 % shop/cart-v1, 50 % shop/cart-v2
`);
    expect(stdout).toContain('  from outside, through gateway istio=ingressgateway\n    curl http://shop.example.com/api/\n');
    expect(stdout).not.toContain('/broken');
    expect(widthOf(stdout)).toBeLessThanOrEqual(80);
  });

  test('says why requests fail that did not', () => {
    const { stdout } = cli(['diff', SHOP, changed('failing', ['subset: main}}]', 'subset: mian}}]'])]);
    expect(stdout).toContain('      - shop/prices-main\n      + 503 NC\n        DestinationRule shop/prices defines no subset mian');
  });

  test('tells what changes on the way', () => {
    const { status, stdout } = cli(['diff', SHOP, changed('slower', ['timeout: 3s', 'timeout: 9s'])]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^Requests that go where they went, in another way:/);
    expect(stdout).toContain('timeout 9000 ms');
  });

  test('is quiet about what changes nothing, with exit code 0', () => {
    const { status, stdout } = cli(['diff', SHOP, changed('same', ['name: api', 'name: renamed'])]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^No request changes, of \d+ that were compared\.\n$/) });
  });

  test('says where it is incomplete, and has JSON for programs', () => {
    const { status, stdout } = cli(['diff', SHOP, changed('renamed', ['name: api', 'name: renamed']), '--limit', '2', '--json']);
    const { changes, compared, incomplete } = JSON.parse(stdout);
    expect({ status, changes, compared: compared > 0 }).toEqual({ status: 3, changes: [], compared: true });
    expect(incomplete.join('\n')).toMatch(/2 requests were compared of \d+; --limit compares more/);
  });

  test('has an exit code of its own where something differs that no request can show', () => {
    const { status, stdout } = cli(['diff', changed('blank', ['prefix: /old', 'exact: "/o d"']), changed('blanks', ['prefix: /old', 'exact: "/o  d"'])]);
    expect({ status, stdout }).toEqual({ status: 3, stdout: expect.stringMatching(/^No request changes, of \d+ .*\nIncomplete: VirtualService shop\/cart: no request was found that meets \/o d;\n/) });
  });

  test.each<[string, string[], RegExp]>([
    ['one side only', ['diff', SHOP], /missing required argument 'new'/],
    ['a limit that is none', ['diff', SHOP, SHOP, '--limit', 'x'], /'--limit' must be a whole number, 1 or more .*, got "x"/],
    ['a file that is not there', ['diff', SHOP, 'nowhere.yaml'], /cannot read nowhere\.yaml: no such file or folder/],
  ])('answers %s with one message and exit code 2', (_, args, message) => {
    const { status, stdout, stderr } = cli(args);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

describe('graph', () => {
  test('is a Mermaid flowchart of services, versions, conditions, weights, lanes, mirrors, failures and calls', () => {
    const { status, stdout, stderr } = cli(['graph', SHOP]);
    expect({ status, stderr, problems: mermaidProblems(stdout) }).toEqual({ status: 0, stderr: '', problems: [] });
    const arrows = [...stdout.matchAll(/^ {2}(n\d+) (\S+?)(?:\|"(.*)"\|)? (n\d+)$/gm)].map(([, from, arrow, label = '', to]) => [nameOf(stdout, from), arrow, label, nameOf(stdout, to)].join(' '));
    expect(arrows).toEqual([
      'cart -->  404 NR', 'cart --> /api/* 90 % v1', 'cart --> /api/* 10 % v2', 'cart --> /old* http://cart.shop.svc.cluster.local/api/', 'cart --> /broken* 503 NC',
      'prices -->  main', 'prices -.-> mirror sale', 'prices --> sale sale', 'Gateway edge --> shop.example.com cart', 'v1 -->  prices', 'v2 -->  prices',
    ]);
  });

  test.each(['exact: "/a b"', 'regex: "/a\\\\sb"'])('leaves out a match that no request meets: %s', (uri) => {
    const { status, stderr, stdout } = cli(['graph', changed('unmet', ['prefix: /broken', uri])]);
    expect({ status, stderr, problems: mermaidProblems(stdout) }).toEqual({ status: 0, stderr: '', problems: [] });
  });

  test('stays valid whatever names and values hold', () => {
    const odd = changed('odd', ['prefix: /old', 'prefix: "/a\\"b]#<c>|d`%%e"'], ["'prices:8080'", "'outside.example.com/x\"y|z#end, prices:8080'"]);
    const { status, stdout } = cli(['graph', odd]);
    expect({ status, problems: mermaidProblems(stdout) }).toEqual({ status: 0, problems: [] });
  });
});

/** The label of a node. */
function nameOf(graph: string, id: string): string {
  return new RegExp(`^\\s*${id}[[({/]+"(.*?)"`, 'm').exec(graph)![1];
}

test('matrix keeps within 80 columns: what does not fit stands below', () => {
  const many = Array.from({ length: 12 }, (_, index) => `{apiVersion: v1, kind: Service, metadata: {name: service-number-${index}, namespace: shop}, spec: {selector: {app: a${index}}, ports: [{name: http, port: 80}]}}`).join('\n---\n');
  const { stdout } = cli(['matrix', '-'], many);
  expect(widthOf(stdout)).toBeLessThanOrEqual(80);
  expect(stdout.match(/^project-version/gm)!.length).toBeGreaterThan(2);
  for (let index = 0; index < 12; index++) expect(stdout).toContain(`service-number-${index}`);
});

test('matrix keeps within 80 columns where conditions are long, and breaks words that are', () => {
  const long = changed('long', ['prefix: /broken', `prefix: /${'long/'.repeat(30)}`], ['prefix: /old}}]', `prefix: /old}, headers: {x-tenant: {exact: ${'tenant-'.repeat(6)}}}}]`]);
  const { stdout } = cli(['matrix', long]);
  expect(widthOf(stdout)).toBeLessThanOrEqual(80);
  expect(stdout.replace(/\s/g, '')).toContain(`/${'long/'.repeat(30)}*:`);
});

test('matrix names the port of a service that has several', () => {
  const two = 'apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {selector: {app: cart}, ports: [{name: http, port: 80}, {name: http-admin, port: 8080}]}\n';
  expect(cli(['matrix', '-'], two).stdout).toMatch(/^project-version {3}cart:80 +cart:8080$/m);
  expect(cli(['matrix', '-'], `${two}---\n${two.replace('namespace: shop', 'namespace: test')}`).stdout).toMatch(/^project-version {3}cart\.shop:80 +cart\.shop:8080 +cart\.test:80/m);
});
