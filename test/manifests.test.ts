import { ManifestSyntaxError, parseManifests } from '../src/manifests';

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n';

test('several documents are read in their order, with the line each begins at', () => {
  const read = parseManifests(`${SERVICE}---\n# a comment\n${SERVICE.replace('name: a', 'name: b')}`, 'in.yaml');
  expect(read.map(({ manifest, file, line }) => [manifest.metadata.name, file, line])).toEqual([['a', 'in.yaml', 1], ['b', 'in.yaml', 6]]);
});

test.each([['nothing', ''], ['comments', '# nothing here\n'], ['empty documents', '---\n---\n']])('%s holds no manifests', (_, text) => {
  expect(parseManifests(text, 'in.yaml')).toEqual([]);
});

test('words that YAML 1.1 takes for booleans are booleans, as Kubernetes reads them', () => {
  expect(parseManifests(`${SERVICE}spec: {a: on, b: 'on', c: no}`, 'x')[0].manifest.spec).toEqual({ a: true, b: 'on', c: false });
});

test.each([
  ['0755', 493], ['0o17', 15], ['0x1F', 31], ['1_000', 1000], ['-3', -3], ['1e3', 1000], ['12:30', '12:30'], ['2026-01-01', '2026-01-01'], ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ['y', true], ['off', false], ['~', null], ['089', 89],
])('%s is read as kubectl reads it', (text, value) => {
  expect(parseManifests(`${SERVICE}spec: {a: ${text}}`, 'x')[0].manifest.spec.a).toEqual(value);
});

test('directives and comments in front of a marker belong to the document behind it', () => {
  const read = parseManifests(`%YAML 1.1\n# head\n---\n${SERVICE}...\n# next\n---\n${SERVICE}`, 'x');
  expect(read.map(({ line }) => line)).toEqual([4, 10]);
});

test('dashes within a text are no marker', () => {
  expect(parseManifests(`${SERVICE}data: |\n  a\n  ---\n  b\n`, 'x')[0].manifest.data).toBe('a\n---\nb\n');
});

test('aliases that stand for endless values are refused', () => {
  const levels = Array.from({ length: 9 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(', ')}]`).join('\n');
  expect(() => parseManifests(`${SERVICE}l0: &l0 [a]\n${levels}\n`, 'in.yaml')).toThrow(/^in\.yaml:1: its aliases stand for more than 1000000 values/);
});

test('the items of a list are of its kind, as the API server tells them', () => {
  const text = 'apiVersion: networking.istio.io/v1\nkind: VirtualServiceList\nmetadata: {resourceVersion: "7"}\nitems:\n- metadata: {name: cart}\n- {apiVersion: networking.istio.io/v1beta1, kind: VirtualService}\n';
  expect(parseManifests(text, 'x').map(({ manifest }) => manifest)).toEqual([
    { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'cart' } }, { apiVersion: 'networking.istio.io/v1beta1', kind: 'VirtualService' },
  ]);
});

test('lists in lists are manifests, too, and lists of nothing are none', () => {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'ServiceList', items: [{ metadata: { name: 'cart' } }] }, { apiVersion: 'v1', kind: 'List', items: null }, { apiVersion: 'v1', kind: 'PodList', items: null }, { apiVersion: 'v1', kind: 'List' }] });
  expect(parseManifests(text, 'x').map(({ manifest }) => manifest)).toEqual([{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart' } }]);
});

test('an object with a name is none, however its kind ends', () => {
  const list = { apiVersion: 'example.com/v1', kind: 'AllowList', metadata: { name: 'x' }, items: ['a'] };
  expect(parseManifests(JSON.stringify(list), 'x')).toMatchObject([{ manifest: list }]);
});

test.each([
  ['a list of anything whose items do not tell their kind', '{apiVersion: v1, kind: List, items: [{metadata: {name: x}}]}', /must say its 'apiVersion', got undefined/],
  ['an item that is a list', '{apiVersion: v1, kind: List, items: [[]]}', /items of a list must be objects, got \[\]/],
])('%s is refused', (_, text, message) => {
  expect(() => parseManifests(text, 'x')).toThrow(message);
});

test('the items of a List are manifests of their own', () => {
  const read = parseManifests('apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service}\n- {apiVersion: v1, kind: Pod}\n', 'x');
  expect(read.map(({ manifest }) => manifest.kind)).toEqual(['Service', 'Pod']);
});

test('JSON is read too', () => {
  expect(parseManifests('{"apiVersion": "v1", "kind": "Service"}', 'x.json')).toHaveLength(1);
});

test('settings of other tools, which have neither kind nor apiVersion, are skipped', () => {
  expect(parseManifests('language: typescript\napp: npx tsx main.ts\n', 'cdk8s.yaml')).toEqual([]);
});

test.each([
  ['a broken flow list', `${SERVICE}spec: [`, /^in\.yaml:4: /],
  ['a tab as indentation', 'apiVersion: v1\nkind: Service\nspec:\n\ta: 1\n', /^in\.yaml:4: /],
  ['a key twice', `${SERVICE}kind: Pod\n`, /^in\.yaml:4: duplicated mapping key/],
  ['a list', `${SERVICE}---\n- a\n`, /^in\.yaml:5: a manifest must be an object, got a list$/],
  ['plain text', 'hello\n', /^in\.yaml:1: a manifest must be an object, got "hello"$/],
  ['no kind', 'apiVersion: v1\n', /^in\.yaml:1: a manifest must say its 'kind', got undefined$/],
  ['no apiVersion', 'kind: Service\n', /^in\.yaml:1: a manifest must say its 'apiVersion', got undefined$/],
  ['an alias to nothing', 'apiVersion: v1\nkind: Service\nspec: *nowhere\n', /^in\.yaml:\d: .*nowhere/],
])('%s is refused with file, line and reason', (_, text, message) => {
  expect(() => parseManifests(text, 'in.yaml')).toThrow(ManifestSyntaxError);
  expect(() => parseManifests(text, 'in.yaml')).toThrow(message);
});
