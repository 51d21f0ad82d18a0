import { isDeepStrictEqual } from 'util';
import * as fc from 'fast-check';
import { isClosedEdge, openedEdge, rulesForLane, weaveEdge } from '../../src/lanes/edge';
import { HANDLES_LANE_HEADER_LABEL, weave, WeaveRefused } from '../../src/lanes/weave';
import { LANE_HEADER, LANES, Scene, scene } from '../support/lane-arbitraries';
import { evaluate, merged, MeshRequest, Outcome } from '../support/route-evaluator';

/*
 * The law of the edge, judged by an evaluator that knows nothing of lanes: what a request meets at a gateway, by what it says and
 * what the gateway believes.
 */
const RUNS = { numRuns: 100, seed: 20261126 };
const SECRET = 'correct-horse-battery-staple-7';
const KEY = 'x-lane-key';
const CLOSED = { kind: 'closed' } as const;
const OPEN = { kind: 'open' } as const;
const BY_SECRET = { kind: 'by-secret', header: KEY, secret: SECRET } as const;

/** Scenes without rules that delegate, which an edge refuses. */
const edgeScene: fc.Arbitrary<Scene> = scene.map((given) => {
  const http = given.virtualService.spec.http.filter((rule: any) => !rule.delegate);
  return { ...given, virtualService: { ...given.virtualService, spec: { ...given.virtualService.spec, http } } };
});

const edge = (given: Scene, policy: any, callbacks: any[] = []) => weaveEdge(given.virtualService, given.table, { policy, callbacks }).virtualService;
type Headers = Record<string, string | string[]>;
const asked = (request: MeshRequest, headers: Headers): MeshRequest => ({ ...request, headers: { ...request.headers, ...headers } });

/** An outcome but for the name of the rule and these headers of the request. */
function without(outcome: Outcome, names: string[]): any {
  if (outcome.kind !== 'route') return outcome;
  const others = (headers: object) => Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
  const shares = merged(outcome.shares.map((share) => ({ ...share, request: others(share.request) })));
  const { name, ...rest } = outcome;
  return { ...rest, shares: shares.map((share) => ({ ...share, probability: Number(share.probability.toFixed(6)) })) };
}

function requestHeaders(outcome: Outcome): Record<string, string[]>[] {
  return outcome.kind === 'route' ? outcome.shares.map(({ request }) => request) : [];
}

function expectSame(got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected)) expect(got).toStrictEqual(expected);
}

const SAYINGS: Headers[] = [
  {}, ...LANES.map((lane) => ({ [LANE_HEADER]: lane })), { [LANE_HEADER]: 'unknown' }, { [LANE_HEADER]: '-' }, { [LANE_HEADER]: '' }, { [LANE_HEADER]: ['l1', 'l1'] },
  { baggage: 'my.lane=l1' }, { baggage: 'my.lane=l1', [LANE_HEADER]: '-' },
];
const carriers = (table: any) => (table.baggageKey === undefined ? [LANE_HEADER] : [LANE_HEADER, 'baggage']);

test('an open edge without callbacks is weave, byte by byte', () => {
  fc.assert(fc.property(scene, (given) => {
    const plain = { ...given, virtualService: withoutCors(given.virtualService) };
    expect(JSON.stringify(edge(plain, OPEN))).toBe(JSON.stringify(weave(plain.virtualService, plain.table).virtualService));
  }), RUNS);
});

/** Lanes are allowed in CORS too, which is not weave's. */
function withoutCors(virtualService: any): any {
  return { ...virtualService, spec: { ...virtualService.spec, http: virtualService.spec.http.map(({ corsPolicy, ...rule }: any) => rule) } };
}

test('a closed edge is the baseline to whatever a request says, and what says a lane does not go on', () => {
  fc.assert(fc.property(edgeScene, (given) => {
    const closed = edge(given, CLOSED);
    for (const request of given.requests) {
      for (const said of SAYINGS) {
        const got = evaluate(closed, asked(request, said));
        expectSame(without(got, ['baggage']), without(evaluate(given.virtualService, request), ['baggage']));
        for (const headers of requestHeaders(got)) for (const name of carriers(given.table)) expect(headers).not.toHaveProperty([name]);
      }
    }
  }), RUNS);
});

describe('an edge with a secret', () => {
  test('is closed to who has not got it', () => {
    fc.assert(fc.property(edgeScene, (given) => {
      const [guarded, closed] = [edge(withoutCorsOf(given), BY_SECRET), edge(withoutCorsOf(given), CLOSED)];
      for (const request of given.requests) {
        for (const said of SAYINGS) {
          for (const key of [{}, { [KEY]: 'wrong' }, { [KEY]: '' }, { [KEY]: [SECRET, SECRET] }] as Headers[]) {
            expectSame(without(evaluate(guarded, asked(request, { ...said, ...key })), []), without(evaluate(closed, asked(request, said)), []));
          }
        }
      }
    }), { ...RUNS, numRuns: 50 });
  });

  test('is open to who has it, and keeps it to itself', () => {
    fc.assert(fc.property(edgeScene, (given) => {
      const [guarded, open] = [edge(withoutCorsOf(given), BY_SECRET), edge(withoutCorsOf(given), OPEN)];
      for (const request of given.requests) {
        // Who says no lane at all gets none, so that is all the same.
        for (const said of SAYINGS.filter((each) => carriers(given.table).some((name) => name in each))) {
          const got = evaluate(guarded, asked(request, { ...said, [KEY]: SECRET }));
          expectSame(without(got, []), without(evaluate(open, asked(request, said)), []));
        }
      }
    }), { ...RUNS, numRuns: 50 });
  });

  function withoutCorsOf(given: Scene): Scene {
    return { ...given, virtualService: withoutCors(given.virtualService) };
  }
});

describe('a callback', () => {
  const callback = { name: 'cb', match: { headers: { 'x-partner': { exact: 'yes' } } }, lane: 'l1' };
  const partner = { 'x-partner': 'yes' };
  const lanes = (given: Scene) => ({ ...given.table, lanes: { l1: {}, ...given.table.lanes } });

  test('at a closed edge is distributed as a request of its lane in the mesh, whatever it says', () => {
    fc.assert(fc.property(edgeScene, (given) => {
      const [closed, woven] = [edge(given, CLOSED, [callback]), weave(given.virtualService, lanes(given)).virtualService];
      for (const request of given.requests) {
        for (const said of SAYINGS) {
          const got = evaluate(closed, asked(request, { ...partner, ...said }));
          expectSame(without(got, ['baggage']), without(evaluate(woven, asked(request, { ...partner, [LANE_HEADER]: 'l1' })), ['baggage']));
        }
      }
    }), RUNS);
  });

  test('at an open edge keeps a lane that the request says', () => {
    fc.assert(fc.property(edgeScene, (given) => {
      const plain = { ...given, table: { ...lanes(given), baggageKey: undefined }, virtualService: withoutCors(given.virtualService) };
      const [open, woven] = [edge(plain, OPEN, [callback]), weave(plain.virtualService, plain.table).virtualService];
      for (const request of given.requests) {
        for (const said of [undefined, '', '-', ...LANES, 'unknown']) {
          const silent = said === undefined || said === '' || said === '-';
          const got = evaluate(open, asked(request, { ...partner, ...(said === undefined ? {} : { [LANE_HEADER]: said }) }));
          expectSame(without(got, []), without(evaluate(woven, asked(request, { ...partner, [LANE_HEADER]: silent ? 'l1' : said })), []));
          const other = asked(request, said === undefined ? {} : { [LANE_HEADER]: said });
          expectSame(without(evaluate(open, other), []), without(evaluate(woven, other), []));
        }
      }
    }), RUNS);
  });
});

test('the rules of a lane\'s host are those that a request of the lane meets', () => {
  fc.assert(fc.property(edgeScene, ({ virtualService, table, requests }) => {
    const woven = weave(virtualService, table).virtualService;
    for (const lane of LANES) {
      const host = { ...virtualService, spec: { ...virtualService.spec, http: rulesForLane(virtualService, lane, table) } };
      for (const request of requests) {
        const [got, expected] = [evaluate(host, asked(request, { [LANE_HEADER]: 'l9' })), evaluate(woven, asked(request, { [LANE_HEADER]: lane }))];
        expectSame(without(got, []), without(expected, []));
      }
    }
  }), RUNS);
});

test('what an edge has made, weave leaves alone; what it was given is not changed', () => {
  fc.assert(fc.property(edgeScene, (given) => {
    const before = JSON.stringify(given);
    for (const policy of [CLOSED, BY_SECRET]) {
      const made = edge(given, policy);
      expect(made.metadata.labels[HANDLES_LANE_HEADER_LABEL]).toBe(policy.kind);
      expect(JSON.stringify(weave(made, given.table).virtualService)).toBe(JSON.stringify(made));
    }
    expect(JSON.stringify(given)).toBe(before);
  }), { ...RUNS, numRuns: 50 });
});

test('a rule that delegates is refused, unless all are let in', () => {
  const virtualService = { metadata: { name: 'x', namespace: 'shop' }, spec: { hosts: ['x'], http: [{ delegate: { name: 'teams' } }] } };
  const table = { header: LANE_HEADER, lanes: {} };
  expect(() => weaveEdge(virtualService, table, { policy: CLOSED, callbacks: [] })).toThrow(WeaveRefused);
  expect(() => rulesForLane(virtualService, 'l1', table)).toThrow(WeaveRefused);
  expect(weaveEdge(virtualService, table, { policy: OPEN, callbacks: [] }).virtualService).toEqual(virtualService);
});

test('what a closed edge made can be opened again, for the hosts of lanes that follow it', () => {
  fc.assert(fc.property(edgeScene, (given) => {
    const closed = edge(given, CLOSED, [{ name: 'cb', match: { uri: { prefix: '/a/b' } }, lane: 'l1' }].filter(() => joinable(given)));
    const opened = openedEdge(closed, given.table);
    const before = withoutEmptyHeaders(given.virtualService);
    for (const lane of LANES) expectSame(rulesForLane(opened, lane, given.table), rulesForLane(before, lane, given.table));
    expectSame(isClosedEdge(closed) && !isClosedEdge(opened), true);
  }), RUNS);
});

/** Whether no rule has a path that a callback's cannot be joined with. */
function joinable({ virtualService }: Scene): boolean {
  return virtualService.spec.http.every((rule: any) => (rule.match ?? []).every(({ uri }: any) => uri?.regex === undefined));
}

/** Header changes that change nothing need not come back. */
function withoutEmptyHeaders(virtualService: any): any {
  return openedEdge({ ...virtualService, metadata: { ...virtualService.metadata, labels: { [HANDLES_LANE_HEADER_LABEL]: 'closed' } } }, { header: LANE_HEADER, lanes: {} });
}
