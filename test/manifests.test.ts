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
  ['a key twice', `${SERVICE}kind: Pod\n`, /^in\.yaml:4: .*unique/],
  ['a list', `${SERVICE}---\n- a\n`, /^in\.yaml:5: a manifest must be an object, got a list$/],
  ['plain text', 'hello\n', /^in\.yaml:1: a manifest must be an object, got "hello"$/],
  ['no kind', 'apiVersion: v1\n', /^in\.yaml:1: a manifest must say its 'kind', got undefined$/],
  ['no apiVersion', 'kind: Service\n', /^in\.yaml:1: a manifest must say its 'apiVersion', got undefined$/],
  ['an alias to nothing', 'apiVersion: v1\nkind: Service\nspec: *nowhere\n', /^in\.yaml:\d: .*nowhere/],
])('%s is refused with file, line and reason', (_, text, message) => {
  expect(() => parseManifests(text, 'in.yaml')).toThrow(ManifestSyntaxError);
  expect(() => parseManifests(text, 'in.yaml')).toThrow(message);
});
