import { ApiObject, App, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { MeshHost, StainedRoute, Warnings } from '../src';
import { chartOf, objectOf } from './support/objects';

let printed: jest.SpyInstance;

beforeEach(() => {
  printed = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
});

afterEach(() => printed.mockRestore());

test('an app without warnings has none', () => {
  expect(Warnings.of(chartOf()).all).toEqual([]);
});

test('a warning is printed at once, with code and path, and can be read', () => {
  const chart = chartOf();
  const part = new Construct(chart, 'part');
  Warnings.of(chart).add(part, 'SomeCode', 'this is odd; do that');

  expect(printed.mock.calls).toEqual([['warning SomeCode [shop/part] this is odd; do that\n']]);
  expect(Warnings.of(chart).all).toEqual([{ code: 'SomeCode', path: 'shop/part', message: 'this is odd; do that' }]);
});

test('a repeated warning is dropped, one that differs in any part is not', () => {
  const chart = chartOf();
  const [one, two] = ['one', 'two'].map((id) => new Construct(chart, id));
  const warnings = Warnings.of(chart);
  for (const [scope, code, message] of [[one, 'A', 'x'], [one, 'A', 'x'], [two, 'A', 'x'], [one, 'B', 'x'], [one, 'A', 'y'], [one, 'A', 'x']] as const) warnings.add(scope, code, message);

  expect(warnings.all.map(({ code, path, message }) => [code, path, message])).toEqual([
    ['A', 'shop/one', 'x'], ['A', 'shop/two', 'x'], ['B', 'shop/one', 'x'], ['A', 'shop/one', 'y'],
  ]);
  expect(printed).toHaveBeenCalledTimes(4);
});

test('all charts of an app share their warnings, two apps do not', () => {
  const app = new App();
  const [one, two] = [chartOf('one', 'shop', app), chartOf('two', 'shop', app)];
  Warnings.of(one).add(one, 'A', 'x');

  expect(Warnings.of(two).all).toHaveLength(1);
  expect(Warnings.of(app).all).toHaveLength(1);
  expect(Warnings.of(chartOf()).all).toEqual([]);
});

test('what is read can be changed without changing the warnings', () => {
  const chart = chartOf();
  Warnings.of(chart).add(chart, 'A', 'x');
  Warnings.of(chart).all.pop();

  expect(Warnings.of(chart).all).toHaveLength(1);
});

test('what weaving notices in a VirtualService is a warning at it, printed once however often it is rendered', () => {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const host = new MeshHost(chart, 'testaaa', { name: 'testaaa', baseline: 'release' });
  new StainedRoute(chart, 'lanes').addLane('v1').route(host);
  ApiObject.of(host.virtualService).addJsonPatch(JsonPatch.add('/spec/tcp', [{ route: [{ destination: { host: 'testaaa', subset: 'release' } }] }]));
  app.synthYaml();
  app.synthYaml();
  objectOf(chart, 'VirtualService', 'testaaa');

  expect(Warnings.of(app).all).toEqual([{
    code: 'LaneNotForTcp', path: 'shop/testaaa/VirtualService/Resource', message: expect.stringMatching(/^spec\.tcp\[0\] .*testaaa\.shop\.svc\.cluster\.local/),
  }]);
  expect(printed).toHaveBeenCalledTimes(1);
});
