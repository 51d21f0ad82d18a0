import { Testing } from 'cdk8s';
import { edgeSafety } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests = Testing.synth(edgeSafety(Testing.app()));

test('the manifests are those of the snapshot', () => {
  expect(manifests).toMatchSnapshot();
});

test('every manifest is valid', () => {
  expect(schemaProblems(manifests)).toEqual([]);
});

const rules = (name: string): any[] => manifests.find(({ kind, metadata }) => kind === 'VirtualService' && metadata.name === name).spec.http;
/** The lanes that any rule asks the lane header or the baggage for. */
const lanesMatched = (name: string) => rules(name).flatMap(({ match = [] }) => match.flatMap(({ headers = {} }: any) => [headers['project-version']?.exact, headers.baggage?.regex])).filter(Boolean);

test.each(['public-shop-example-com', 'beta-beta-example-com'])('%s asks for no lane, and takes away all that says one', (name) => {
  expect(lanesMatched(name)).toEqual([]);
  expect(rules(name).map(({ headers }) => headers.request.remove)).toEqual(rules(name).map(() => ['project-version', 'baggage']));
});

test('at the open gateway the lanes stand as in the mesh, but for the gateway itself', () => {
  expect(rules('office-any-host')).toEqual(rules('checkout'));
  expect(lanesMatched('office-any-host')).toHaveLength(2);
});

test('where the secret is asked for, no rule of a lane goes without, and none lets it through', () => {
  const all = rules('testers-testers-example-com');
  for (const { match } of all.filter(({ name }) => name !== undefined)) {
    expect(match.map(({ headers }: any) => headers['x-lane-key'])).toEqual(match.map(() => ({ exact: 'example-only-3f9c1e7a5b2d4860' })));
  }
  for (const { headers } of all) expect(headers.request.remove).toContain('x-lane-key');
});

test('each lane has a host, at which every rule sets its header', () => {
  const previews = manifests.filter(({ metadata }) => metadata.labels?.['cdk8s-lanes/handles-lane-header'] === 'preview');
  expect(previews.map(({ spec }) => [spec.hosts, spec.http.map(({ headers }: any) => headers.request.set)])).toEqual([
    [['new-checkout.preview.example.com'], [{ 'project-version': 'new-checkout' }]],
    [['new-stock.preview.example.com'], [{ 'project-version': 'new-stock' }]],
  ]);
});
