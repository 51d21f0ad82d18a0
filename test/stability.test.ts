import { App } from 'cdk8s';
import { chartOf, objectsOf } from './support/objects';
import { branchEnvironments } from '../examples/branch-environments/main';
import {
  CanaryService, CorsPolicy, Destination, HeaderOperations, Lane, MeshGateway, RequestMatch, RouteRule, StainedRoute, Staining, StringMatch,
} from '../src';

/** The lines of two texts in common order: kept, or of one of them alone. The longest common subsequence, as `diff` has it. */
function difference(before: string, after: string): { removed: string[]; addedBlocks: string[][] } {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  const removed: string[] = [];
  const addedBlocks: string[][] = [];
  let adding = false;
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      adding = false;
      i++;
      j++;
    } else if (j < b.length && (i === a.length || common[i][j + 1] >= common[i + 1][j])) {
      if (!adding) addedBlocks.push([]);
      adding = true;
      addedBlocks[addedBlocks.length - 1].push(b[j++]);
    } else {
      adding = false;
      removed.push(a[i++]);
    }
  }
  return { removed, addedBlocks };
}

/** The example, with what is done to its lanes before it is written. */
function example(change: (lanes: StainedRoute, testaaa: CanaryService, testbbb: CanaryService) => void = () => undefined): string {
  const app = new App();
  const { node } = branchEnvironments(app);
  change(node.findChild('lanes') as StainedRoute, node.findChild('testaaa') as CanaryService, node.findChild('testbbb') as CanaryService);
  return app.synthYaml();
}

/** An app with most of what rules can hold, its lanes added in this order. */
function richApp(order: string[]) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [testaaa, testbbb] = ['testaaa', 'testbbb'].map((name) => new CanaryService(chart, name, { port: 80, template: { image: 'a' }, baseline: { version: 'release' } }));
  testaaa.addVersion('v2');
  const corsPolicy = CorsPolicy.of({ allowOrigins: [StringMatch.exact('https://a.example.com')], allowHeaders: ['x-token'] });
  const headers = HeaderOperations.of({ request: { set: { 'x-a': '1' } } });
  const match = [RequestMatch.pathPrefix('/api'), RequestMatch.userAgent(StringMatch.regex('.*Safari.*'))];
  testaaa.host.addRule(RouteRule.to([
    Destination.of(testaaa, { version: 'release', weight: 2, headers }), Destination.of(testaaa, { version: 'v2', headers }), Destination.of(testbbb, { version: 'release' }),
  ], { name: 'mixed', match, corsPolicy, headers }));
  const gateway = new MeshGateway(chart, 'gateway', { hosts: ['other.example.org', 'shop.example.com'], staining: Staining.open() });
  gateway.route(testbbb, { match: [RequestMatch.method(StringMatch.exact('POST'))] }).route(testaaa);
  const lanes = new StainedRoute(chart, 'lanes');
  for (const name of order) {
    const lane: Lane = lanes.addLane(name);
    lane.serve(testaaa);
    lane.serve(testbbb);
  }
  return { app, chart };
}

describe('adding a lane', () => {
  // Before, between and behind release-v1, release-v2 and release-v3.
  test.each(['a-lane', 'release-v1b', 'zz-lane'])('%s changes only lines of that lane', (name) => {
    const after = example((lanes, testaaa, testbbb) => {
      const lane = lanes.addLane(name);
      lane.serve(testaaa, { image: `testaaa:${name}` });
      lane.serve(testbbb, { image: `testbbb:${name}` });
    });
    const { removed, addedBlocks } = difference(example(), after);

    expect(removed).toEqual([]);
    for (const block of addedBlocks) expect(block.join('\n')).toContain(name);
    // Two Deployments, two subsets, a rule in each of three VirtualServices.
    expect(addedBlocks).toHaveLength(7);
  });

  test('to one service leaves the objects of the other alone', () => {
    const after = example((lanes, testaaa) => lanes.addLane('release-v1b').serve(testaaa, { image: 'testaaa:v1b' }));
    const { removed, addedBlocks } = difference(example(), after);

    expect(removed).toEqual([]);
    expect(addedBlocks).toHaveLength(4);
    expect(addedBlocks.flat().filter((line) => line.includes('testbbb'))).toEqual([]);
  });

  test('that serves nothing changes no line', () => {
    expect(example((lanes) => void lanes.addLane('release-v1b'))).toBe(example());
  });

  test('changes only lines of that lane in an app with rules of every kind, too', () => {
    const [before, after] = [['a', 'lane-z'], ['a', 'lane-m', 'lane-z']].map((order) => richApp(order).app.synthYaml());
    const { removed, addedBlocks } = difference(before, after);

    expect(removed).toEqual([]);
    for (const block of addedBlocks) expect(block.join('\n')).toContain('lane-m');
  });
});

describe('the same app', () => {
  test('twice gives the same bytes', () => {
    expect(example()).toBe(example());
    expect(richApp(['b', 'a']).app.synthYaml()).toBe(richApp(['b', 'a']).app.synthYaml());
  });

  test('written twice gives the same bytes', () => {
    const { app } = richApp(['b', 'a']);

    expect(app.synthYaml()).toBe(app.synthYaml());
  });

  test('with its lanes added in another order has the same VirtualServices and DestinationRules', () => {
    const [one, other] = [['a', 'b', 'c', '10', '9'], ['9', 'c', '10', 'a', 'b']].map((order) => richApp(order).chart);
    for (const kind of ['VirtualService', 'DestinationRule', 'Gateway', 'Service']) {
      expect(JSON.stringify(objectsOf(one, kind))).toBe(JSON.stringify(objectsOf(other, kind)));
    }
  });

  test('and the same Deployments, one by one', () => {
    const [one, other] = [['a', 'b', 'c'], ['c', 'a', 'b']].map((order) => {
      const byName = objectsOf(richApp(order).chart, 'Deployment').map((deployment) => [deployment.metadata.name, deployment]);
      return Object.fromEntries(byName);
    });

    expect(one).toEqual(other);
  });
});

test('rules share no object, which YAML would write as anchors and people could not read', () => {
  expect(richApp(['a', 'b']).app.synthYaml()).not.toMatch(/[&*]a\d+\b/);
});
