import { isDeepStrictEqual } from 'util';
import * as fc from 'fast-check';
import { laneOfRule, weave } from '../../src/lanes/weave';
import { BAGGAGE_KEY, LANE_HEADER, LANES, Scene, scene } from '../support/lane-arbitraries';
import { evaluate, EvaluatorOptions, fullHost, merged, MeshRequest, Outcome, Routed, Share } from '../support/route-evaluator';

/*
 * The law of weaving, judged by an evaluator that knows nothing of lanes: what a request of a lane should meet is derived from
 * what the baseline does with the same request without the lane header.
 */

const RUNS = { numRuns: 1000 };
const FEW_RUNS = { numRuns: 300 };
const SERVED_LANE = 'x-served-lane';

/** What the lane header may say: nothing, a lane, or what only looks like one. */
const SAYINGS: (string | string[] | undefined)[] = [undefined, ...LANES, 'unknown', '-', '', 'L1', 'l11', ['l1', 'l2']];

const bytes = (value: unknown) => JSON.stringify(value);
const without = (table: any, lane: string) => {
  const { [lane]: taken, ...lanes } = table.lanes;
  return { ...table, lanes };
};
const noLanes = (table: any) => ({ ...table, lanes: {} });
const woven = (virtualService: any, table: any) => weave(virtualService, table).virtualService;

function saying(request: MeshRequest, lane: string | string[] | undefined): MeshRequest {
  return lane === undefined ? request : { ...request, headers: { ...request.headers, [LANE_HEADER]: lane } };
}

/** `expect` is slow where it is asked ten thousands of times, so it only tells the difference. */
function expectSame(got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected)) expect(got).toStrictEqual(expected);
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object') Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

/** The same data with the keys of all objects the other way round. */
function reversedKeys(value: any): any {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(value).reverse().map((key) => [key, reversedKeys(value[key])]));
}

function objectsIn(value: any): object[] {
  return value !== null && typeof value === 'object' ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
}

test('weaving again changes nothing', () => {
  fc.assert(fc.property(scene, ({ virtualService, table }) => {
    const once = woven(virtualService, table);
    expect(bytes(woven(once, table))).toBe(bytes(once));
  }), FEW_RUNS);
});

test('what was woven before leaves no trace', () => {
  fc.assert(fc.property(scene, scene, ({ virtualService, table }, { table: later }) => {
    expect(bytes(woven(woven(virtualService, table), later))).toBe(bytes(woven(virtualService, later)));
  }), FEW_RUNS);
});

test('no lanes give the baseline back', () => {
  fc.assert(fc.property(scene, ({ virtualService, table }) => {
    expect(bytes(woven(virtualService, noLanes(table)))).toBe(bytes(virtualService));
    expect(bytes(woven(woven(virtualService, table), noLanes(table)))).toBe(bytes(virtualService));
  }), FEW_RUNS);
});

test('the order of lanes and of the keys of a table does not matter', () => {
  fc.assert(fc.property(scene, ({ virtualService, table }) => {
    const [one, other] = [weave(virtualService, table), weave(virtualService, { ...table, lanes: reversedKeys(table.lanes) })];
    expect(bytes(other.virtualService.spec.http.map(withSortedRuleFields))).toBe(bytes(one.virtualService.spec.http.map(withSortedRuleFields)));
    expect(codesAndPaths(other)).toEqual(codesAndPaths(one));
  }), FEW_RUNS);
});

/** `LaneDestination.rule` is written in its own order; nothing else may follow the table's. */
function withSortedRuleFields(rule: any): any {
  return Object.fromEntries(Object.keys(rule).sort().map((key) => [key, rule[key]]));
}

function codesAndPaths({ warnings }: { warnings: { code: string; path: string }[] }): string[] {
  return warnings.map(({ code, path }) => `${code} ${path}`).sort();
}

test('nothing given is changed, and nothing is shared between the rules or with what was given', () => {
  fc.assert(fc.property(scene, ({ virtualService, table }) => {
    deepFreeze(virtualService);
    deepFreeze(table);
    const objects = objectsIn(woven(virtualService, table));
    expect(new Set([...objects, ...objectsIn(virtualService), ...objectsIn(table)]).size)
      .toBe(objects.length + objectsIn(virtualService).length + new Set(objectsIn(table)).size);
  }), FEW_RUNS);
});

test('a lane more only puts rules of that lane between the others', () => {
  fc.assert(fc.property(scene, ({ virtualService, table }) => {
    for (const lane of Object.keys(table.lanes)) {
      const others = woven(virtualService, table).spec.http.filter((rule: any) => laneOfRule(rule) !== lane);
      expect(bytes(others)).toBe(bytes(woven(virtualService, without(table, lane)).spec.http));
    }
  }), FEW_RUNS);
});

test('the rules of lanes stand directly before the rule they are copies of, and that rule stays as it was', () => {
  fc.assert(fc.property(scene, ({ virtualService, table }) => {
    const http = woven(virtualService, table).spec.http;
    expect(bytes(http.filter((rule: any) => laneOfRule(rule) === undefined))).toBe(bytes(virtualService.spec.http));
    let previous: string | undefined;
    for (const rule of http) {
      const lane = laneOfRule(rule);
      if (lane !== undefined && previous !== undefined) expect(lane > previous).toBe(true);
      previous = lane;
    }
    expect(laneOfRule(http.at(-1))).toBeUndefined();
  }), FEW_RUNS);
});

describe('the routing law', () => {
  test('a request of a lane is distributed as it would be without the lane, except that hosts the lane serves answer with it', () => {
    fc.assert(fc.property(scene, (given) => expectLawForLanes(given, {})), RUNS);
  });

  test('it does not depend on the order in which a proxy does the operations of a single list', () => {
    fc.assert(fc.property(scene, (given) => expectLawForLanes(given, { singleList: 'as listed' })), FEW_RUNS);
  });

  test('every other request is untouched', () => {
    fc.assert(fc.property(scene, ({ virtualService, table, requests }) => {
      const laned = woven(virtualService, table);
      for (const request of requests) {
        for (const said of SAYINGS) {
          if (typeof said === 'string' && table.lanes[said]) continue;
          const asked = saying(request, said);
          expectSame(evaluate(laned, asked), evaluate(virtualService, asked));
        }
      }
    }), RUNS);
  });

  test('a lane that the baggage tells is served as one that the header tells, where the table has a key for it', () => {
    fc.assert(fc.property(scene, ({ virtualService, table, requests }) => {
      const laned = woven(virtualService, table);
      for (const lane of LANES) {
        for (const request of requests) {
          for (const baggage of tellingOf(lane)) {
            const asked = { ...request, headers: { ...request.headers, baggage } };
            const expected = evaluate(laned, saying(request, table.baggageKey === undefined ? undefined : lane));
            for (const silent of [undefined, '', '-']) expectSame(withoutCarriers(evaluate(laned, saying(asked, silent))), withoutCarriers(expected));
          }
        }
      }
    }), FEW_RUNS);
  });

  test('where the lane header says anything, the baggage does not count', () => {
    fc.assert(fc.property(scene, ({ virtualService, table, requests }) => {
      const laned = woven(virtualService, table);
      for (const request of requests) {
        for (const said of SAYINGS.filter((each) => each !== undefined && each !== '' && each !== '-')) {
          const asked = saying({ ...request, headers: { ...request.headers, baggage: `${BAGGAGE_KEY}=l1` } }, said);
          expectSame(withoutCarriers(evaluate(laned, asked)), withoutCarriers(evaluate(laned, saying(request, said))));
        }
      }
    }), FEW_RUNS);
  });

  test('baggage that only looks as if it told a lane does not count', () => {
    fc.assert(fc.property(scene, ({ virtualService, table, requests }) => {
      const laned = woven(virtualService, table);
      for (const request of requests) {
        for (const baggage of [`${BAGGAGE_KEY}=l11`, `${BAGGAGE_KEY}=L1`, `x${BAGGAGE_KEY}=l1`, 'my-lane=l1', `a=1;${BAGGAGE_KEY}=l1`, `a=${BAGGAGE_KEY}=l1`, `${BAGGAGE_KEY}=`, 'l1', `${BAGGAGE_KEY}=l1 l2`]) {
          const asked = { ...request, headers: { ...request.headers, baggage } };
          expectSame(withoutCarriers(evaluate(laned, asked)), withoutCarriers(evaluate(virtualService, asked)));
        }
      }
    }), FEW_RUNS);
  });

  test('operations are only dropped where a warning says so', () => {
    fc.assert(fc.property(scene, ({ virtualService, table }) => {
      const warned = new Set(weave(virtualService, table).warnings.filter(({ code }) => code === 'LaneHeadersDiffer').map(({ path }) => path));
      const differing = virtualService.spec.http.flatMap((rule: any, index: number) => (differs(rule, table) ? [`spec.http[${index}]`] : []));
      expect([...warned]).toEqual(differing);
    }), FEW_RUNS);
  });
});

test('the response header that tells the lane has it exactly where the lane serves', () => {
  fc.assert(fc.property(scene, ({ virtualService, table, requests }) => {
    const laned = woven(virtualService, table);
    for (const lane of Object.keys(table.lanes)) {
      const lanes = new Set([...servedBy(lane, table).values()].map(({ host, subset }) => `${fullHost(host, 'shop')} ${subset}`));
      for (const request of requests) {
        const outcome = evaluate(laned, saying(request, lane));
        for (const { host, subset, response } of outcome.kind === 'route' ? outcome.shares : []) {
          expectSame(response[SERVED_LANE], lanes.has(`${host} ${subset}`) ? [lane] : undefined);
        }
      }
    }
  }), RUNS);
});

function expectLawForLanes({ virtualService, table, requests }: Scene, options: EvaluatorOptions): void {
  const laned = woven(virtualService, table);
  const baseline = doingWhatGroupsHaveInCommon(virtualService, table);
  for (const lane of Object.keys(table.lanes)) {
    for (const request of requests) {
      const got = evaluate(laned, saying(request, lane), options);
      const expected = inLane(evaluate(baseline(lane), request, options), lane, table);
      expectSame(comparable(got), comparable(expected));
    }
  }
}

/** What the law makes of the baseline's outcome for a request of this lane. */
function inLane(outcome: Outcome, lane: string, table: any): Outcome {
  if (outcome.kind === 'delegate') return { ...outcome, otherwise: inLane(outcome.otherwise, lane, table) };
  if (outcome.kind !== 'route') return outcome;
  const served = servedBy(lane, table);
  const asked = (share: Share) => ({ ...share, request: sortedKeys({ ...share.request, [LANE_HEADER]: [lane] }) });
  const withLane: Routed = { ...outcome, shares: outcome.shares.map(asked) };
  const targets = withLane.shares.map(({ host }) => served.get(host));
  if (!targets.some(Boolean)) return withLane;
  // Fields hold for the whole rule: what one host asks for must not change the requests of another.
  const fields = targets.every((target) => target?.rule) ? targets.map(({ rule }) => rule) : [];
  return {
    ...withLane,
    name: outcome.name ? `lane/${lane}/${outcome.name}` : `lane/${lane}`,
    settings: Object.assign({}, outcome.settings, ...fields),
    mirrors: [],
    shares: withLane.shares.map((share) => (served.has(share.host) ? atLane(share, served.get(share.host)!) : share)),
  };
}

/** Ways to write a lane into baggage. */
function tellingOf(lane: string): (string | string[])[] {
  return [`${BAGGAGE_KEY}=${lane}`, `a=1 ,\t${BAGGAGE_KEY} = ${lane} ;p=1;q,b=2`, ['a=1', `${BAGGAGE_KEY}=${lane}`]];
}

/** An outcome but for the headers by which the lane was told. */
function withoutCarriers(outcome: Outcome): any {
  if (outcome.kind === 'delegate') return { ...outcome, otherwise: withoutCarriers(outcome.otherwise) };
  if (outcome.kind !== 'route') return outcome;
  const shares = outcome.shares.map((share) => {
    const { [LANE_HEADER]: told, baggage, ...request } = share.request;
    return { ...share, request };
  });
  return { ...outcome, shares: merged(shares) };
}

function atLane(share: Share, target: any): Share {
  return { ...share, host: fullHost(target.host, 'shop'), port: target.port ?? share.port, subset: target.subset };
}

function servedBy(lane: string, table: any): Map<string, any> {
  return new Map(Object.entries<any>(table.lanes[lane]).map(([host, target]) => [fullHost(host, 'shop'), target]));
}

/** Without what a law of its own is about, equal shares as one. */
function comparable(outcome: Outcome): any {
  if (outcome.kind === 'delegate') return { ...outcome, otherwise: comparable(outcome.otherwise) };
  if (outcome.kind !== 'route') return outcome;
  const shares = outcome.shares.map((share) => {
    const { [SERVED_LANE]: told, ...response } = share.response;
    return { ...share, response };
  });
  // Sums of fractions depend on their order in the last digits.
  const rounded = merged(shares).map((share) => ({ ...share, probability: Number(share.probability.toFixed(6)) }));
  return JSON.parse(JSON.stringify({ ...outcome, shares: rounded }));
}

/** The destinations of a rule that one destination of the lane stands for, by host and port. */
function groups(rule: any, lane: string, table: any): any[][] {
  const served = servedBy(lane, table);
  const live = (rule.route ?? []).filter((entry: any) => rule.route.length === 1 || entry.weight > 0);
  const byKey = new Map<string, any[]>();
  for (const entry of live) {
    const { host, port } = entry.destination;
    if (!served.has(fullHost(host, 'shop'))) continue;
    const key = `${fullHost(host, 'shop')} ${port?.number}`;
    byKey.set(key, [...byKey.get(key) ?? [], entry]);
  }
  return [...byKey.values()];
}

function headersDiffer(group: any[]): boolean {
  return new Set(group.map(({ headers }) => bytes(withoutEmpties(sortedKeys(headers ?? {}))))).size > 1;
}

/** Operations that change nothing do not differ from none. */
function withoutEmpties(value: any): any {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const filled = Object.entries(value).map(([key, inner]) => [key, withoutEmpties(inner)])
    .filter(([, inner]) => inner === null || typeof inner !== 'object' || Object.keys(inner).length > 0);
  return Object.fromEntries(filled);
}

function sortedKeys(value: any): any {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sortedKeys(value[key])]));
}

function differs(rule: any, table: any): boolean {
  return Object.keys(table.lanes).some((lane) => groups(rule, lane, table).some(headersDiffer));
}

/** The baseline, for a lane, with the operations that differ within a collapsing group taken out: those are dropped with a warning. */
function doingWhatGroupsHaveInCommon(virtualService: any, table: any): (lane: string) => any {
  return (lane) => {
    const baseline = structuredClone(virtualService);
    for (const rule of baseline.spec.http) {
      for (const group of groups(rule, lane, table).filter(headersDiffer)) {
        const common = inCommon(group.map(({ headers }) => headers));
        for (const entry of group) entry.headers = structuredClone(common);
      }
    }
    return baseline;
  };
}

function inCommon(all: any[]): any {
  const [first, ...others] = all;
  const common: any = {};
  for (const direction of ['request', 'response']) {
    common[direction] = {};
    for (const operation of ['set', 'add']) {
      const shared = Object.entries(first?.[direction]?.[operation] ?? {})
        .filter(([name, value]) => others.every((other) => other?.[direction]?.[operation]?.[name] === value));
      common[direction][operation] = Object.fromEntries(shared);
    }
    common[direction].remove = (first?.[direction]?.remove ?? [])
      .filter((name: string) => others.every((other) => other?.[direction]?.remove?.includes(name)));
  }
  return common;
}
