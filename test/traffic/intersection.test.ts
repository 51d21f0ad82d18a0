import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { intersection, MatchClash, MatchEntry } from '../../src/traffic/intersection';

/** What one condition accepts, told independently of the code under test. */
function accepts(match: any, text: string): boolean {
  if (match.exact !== undefined) return text === match.exact;
  if (match.prefix !== undefined) return text.startsWith(match.prefix);
  if (match.regex !== undefined) return RE2JS.compile(match.regex).matches(text);
  return true;
}

function acceptsRequest(entry: MatchEntry, request: { path: string; version: string; port: number }): boolean {
  return (!entry.uri || accepts(entry.uri, request.path))
    && (!entry.headers?.version || accepts(entry.headers.version, request.version))
    && (entry.port === undefined || entry.port === request.port);
}

const text = fc.string({ unit: fc.constantFrom('/', 'a', 'b'), minLength: 1, maxLength: 3 });
const condition = fc.oneof(
  text.map((exact) => ({ exact })),
  text.map((prefix) => ({ prefix })),
  fc.constantFrom({ regex: '/a.*' }, { regex: 'a|b' }),
);
const entry: fc.Arbitrary<MatchEntry> = fc.record({
  uri: condition,
  headers: fc.record({ version: fc.oneof(condition, fc.constant({})) }),
  port: fc.constantFrom(80, 81),
}, { requiredKeys: [] });
const request = fc.record({ path: text, version: text, port: fc.constantFrom(80, 81) });

test('the intersection accepts exactly what both entries accept, and a clash that says nothing meets both is right', () => {
  let joined = 0;
  fc.assert(fc.property(entry, entry, fc.array(request, { minLength: 20, maxLength: 20 }), (one, other, requests) => {
    const both = (each: any) => acceptsRequest(one, each) && acceptsRequest(other, each);
    let result: MatchEntry;
    try {
      result = intersection(one, other);
    } catch (error) {
      expect(error).toBeInstanceOf(MatchClash);
      if ((error as MatchClash).nothingMeetsBoth) expect(requests.filter(both)).toEqual([]);
      return;
    }
    joined++;
    for (const each of requests) expect(acceptsRequest(result, each)).toBe(both(each));
  }), { numRuns: 2000 });
  expect(joined).toBeGreaterThan(200);
});

test.each([
  [{ uri: { prefix: '/shop' } }, { uri: { prefix: '/shop/cart' } }, { uri: { prefix: '/shop/cart' } }],
  [{ uri: { exact: '/shop' } }, { uri: { prefix: '/sh' } }, { uri: { exact: '/shop' } }],
  [{ uri: { regex: '/s.*' } }, { uri: { exact: '/shop' } }, { uri: { exact: '/shop' } }],
  [{ headers: { a: {} } }, { headers: { a: { exact: 'x' }, b: {} } }, { headers: { a: { exact: 'x' }, b: {} } }],
  [{ withoutHeaders: { a: {} } }, { withoutHeaders: { a: {} }, port: 80 }, { withoutHeaders: { a: {} }, port: 80 }],
  [{ sourceLabels: { app: 'a' } }, { sourceLabels: { track: 'b' } }, { sourceLabels: { app: 'a', track: 'b' } }],
])('%j and %j are %j', (one, other, both) => {
  expect(intersection(one, other)).toEqual(both);
  expect(intersection(other, one)).toEqual(both);
});

test.each([
  [{ uri: { prefix: '/a' } }, { uri: { prefix: '/b' } }, 'uri', true],
  [{ port: 80 }, { port: 81 }, 'port', true],
  [{ sourceLabels: { app: 'a' } }, { sourceLabels: { app: 'b' } }, 'sourceLabels.app', true],
  [{ uri: { prefix: '/a' } }, { uri: { regex: '/.*' } }, 'uri', false],
  [{ withoutHeaders: { a: { exact: 'x' } } }, { withoutHeaders: { a: { exact: 'y' } } }, 'withoutHeaders.a', false],
])('%j and %j clash on %s (nothing meets both: %p)', (one, other, field, nothingMeetsBoth) => {
  expect.assertions(1);
  try {
    intersection(one, other);
  } catch (error) {
    expect(error).toMatchObject({ field, nothingMeetsBoth });
  }
});
