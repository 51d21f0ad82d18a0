import * as fc from 'fast-check';
import { callbackScript, normalizedAuthority, ScriptedCallback, selfStainingScript } from '../../src/lua/callback-script';
import { luaString } from '../../src/lua/literal';
import { LuaHeaders, LuaProgram, syntaxProblem } from '../support/lua';

const HEADER = 'project-version';

function laneOf(callbacks: ScriptedCallback[], headers: LuaHeaders): string | undefined {
  return new LuaProgram(callbackScript(HEADER, callbacks)).run(headers)[HEADER];
}

describe('the program of callbacks', () => {
  test('is short, and says what it does', () => {
    expect(callbackScript(HEADER, [{ authority: 'aaa.com', lane: 'release-aaa' }, { authority: 'bbb.com', lane: 'release-bbb' }])).toMatchSnapshot();
  });

  test('has only what its callbacks need', () => {
    expect(callbackScript(HEADER, [{ path: '/a', lane: 'l1' }])).not.toMatch(/cookie|query|authority/);
    expect(syntaxProblem(callbackScript(HEADER, []))).toBeUndefined();
  });

  test.each<[string, string | undefined]>([
    ['aaa.com', 'release-aaa'], ['AAA.com', 'release-aaa'], ['aaa.com:8080', 'release-aaa'], ['aaa.com.', 'release-aaa'], ['aaa.com.:80', 'release-aaa'], ['aaa.com:', 'release-aaa'],
    ['bbb.com', 'release-bbb'], ['aaa.com.evil.com', undefined], ['xaaa.com', undefined], ['aaaxcom', undefined], ['', undefined], ['aaa.com,bbb.com', undefined],
  ])('host %p gets %p', (authority, lane) => {
    expect(laneOf([{ authority: 'aaa.com', lane: 'release-aaa' }, { authority: 'bbb.com', lane: 'release-bbb' }], { ':authority': authority })).toBe(lane);
  });

  test.each<[string | undefined, string]>([
    [undefined, 'release-aaa'], ['', 'release-aaa'], ['-', 'release-aaa'], ['release', 'release'], ['release-bbb', 'release-bbb'], ['--', '--'], [' ', ' '], ['-,-', '-,-'],
  ])('a lane header that says %p becomes %p', (said, lane) => {
    const headers = { ':authority': 'aaa.com', ...(said === undefined ? {} : { [HEADER]: said }) };
    expect(laneOf([{ authority: 'aaa.com', lane: 'release-aaa' }], headers)).toBe(lane);
  });

  test.each<[string, Omit<ScriptedCallback, 'lane'>, LuaHeaders, boolean]>([
    ['path, by prefix', { path: '/pay' }, { ':path': '/payments?x=1' }, true],
    ['path elsewhere', { path: '/pay' }, { ':path': '/x/pay' }, false],
    ['path with characters of patterns', { path: '/%a.-[' }, { ':path': '/%a.-[x' }, true],
    ['cookie alone', { cookie: { name: 'lane', value: 'x' } }, { cookie: 'lane=x' }, true],
    ['cookie among others', { cookie: { name: 'lane', value: 'x' } }, { cookie: 'a=b; lane=x;c=d' }, true],
    ['cookie whose name ends alike', { cookie: { name: 'lane', value: 'x' } }, { cookie: 'my-lane=x' }, false],
    ['cookie with more', { cookie: { name: 'lane', value: 'x' } }, { cookie: 'lane=xy' }, false],
    ['no cookie', { cookie: { name: 'lane', value: 'x' } }, {}, false],
    ['query alone', { query: { name: 'lane', value: 'x' } }, { ':path': '/?lane=x' }, true],
    ['query among others', { query: { name: 'lane', value: 'x' } }, { ':path': '/a?b=c&lane=x&d' }, true],
    ['the first parameter of a name', { query: { name: 'lane', value: 'x' } }, { ':path': '/?lane=y&lane=x' }, false],
    ['query in the path', { query: { name: 'lane', value: 'x' } }, { ':path': '/lane=x' }, false],
    ['query behind a fragment', { query: { name: 'lane', value: 'x' } }, { ':path': '/#?lane=x' }, false],
    ['all of them', { authority: 'aaa.com', path: '/p', query: { name: 'q', value: '1' } }, { ':authority': 'aaa.com', ':path': '/p?q=1' }, true],
    ['all but one', { authority: 'aaa.com', path: '/p', query: { name: 'q', value: '1' } }, { ':authority': 'aaa.com', ':path': '/p?q=2' }, false],
  ])('%s', (_, callback, headers, matches) => {
    expect(laneOf([{ ...callback, lane: 'l1' }], headers)).toBe(matches ? 'l1' : undefined);
  });

  test('the first callback that a request matches counts', () => {
    const callbacks = [{ path: '/a', lane: 'l1' }, { authority: 'aaa.com', lane: 'l2' }, { path: '/', lane: 'l3' }];
    expect(['/a', '/b'].map((path) => laneOf(callbacks, { ':authority': 'aaa.com', ':path': path }))).toEqual(['l1', 'l2']);
    expect(laneOf(callbacks, { ':authority': 'other', ':path': '/b' })).toBe('l3');
  });

  test('other headers stay as they are', () => {
    const headers = { ':authority': 'aaa.com', 'x-other': '1' };
    expect(new LuaProgram(callbackScript(HEADER, [{ authority: 'aaa.com', lane: 'l1' }])).run(headers)).toEqual({ ...headers, [HEADER]: 'l1' });
  });
});

/** What is nearest to breaking out of a literal, or to being taken for another text. */
const TROUBLE = [
  '"', "'", '\\', '\\"', '\n', '\r', '\r\n', '\0', '\x1a', ']]', '[[', ']=]', '--', '--[[', '"..os.exit()..\"', '\\n', '\\0', '\\255', '%', '%d', '%z', '}', '{', ',', 'end', 'é', '名前', '\u2028', '\u202e',
  '🙂', '\ud800', '\ufeff', '\u00a0', ':80', ':', '.', '@', ' ', '\t', 'AAA', 'aaa', '\u0130', '\u212a',
];
const hostile = fc.array(fc.oneof(fc.constantFrom(...TROUBLE), fc.string({ unit: 'binary', maxLength: 4 })), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));

describe('10,000 hostile names', () => {
  const seed = 20260101;
  const names = [...new Set(fc.sample(hostile, { numRuns: 13_000, seed }).map(asLuaSees))].slice(0, 10_000);
  const batches = Array.from({ length: 200 }, (_, index) => names.slice(index * 50, index * 50 + 50));

  test(`are so many, of seed ${seed}`, () => {
    expect(names.length).toBe(10_000);
    for (const trouble of TROUBLE) expect(names.some((name) => name.includes(asLuaSees(trouble)))).toBe(true);
  });

  test('as hosts and lanes: each program parses, is plain ASCII, and does exactly the mapping', () => {
    for (const batch of batches) {
      // Names that differ in case, port or final dot are one host: the first has it.
      const lanes = new Map<string, string>();
      for (const name of batch) if (!lanes.has(normalizedAuthority(name))) lanes.set(normalizedAuthority(name), `${name}/lane`);
      const program = callbackScript(HEADER, batch.map((name) => ({ authority: name, lane: `${name}/lane` })));
      expect(syntaxProblem(program)).toBeUndefined();
      expect(program).toMatch(/^[\x20-\x7e\n]*$/);
      const running = new LuaProgram(program);
      for (const name of batch) {
        expectSame(running.run({ ':authority': name })[HEADER], lanes.get(normalizedAuthority(name)));
        // A host that only begins or ends alike is another one.
        const other = `${name}x`;
        expectSame(running.run({ ':authority': other })[HEADER], lanes.get(normalizedAuthority(other)));
      }
    }
  }, 300_000);

  test('as paths, cookies, query parameters and headers too', () => {
    for (const batch of batches.filter((_, index) => index % 4 === 0)) {
      for (const name of batch.slice(0, 10)) {
        const program = callbackScript(HEADER, [
          { path: `/${name}`, query: { name, value: name }, cookie: { name, value: name }, lane: name },
          { authority: name, lane: `${name}2` },
        ]);
        expect(syntaxProblem(program)).toBeUndefined();
        expectSame(new LuaProgram(program).run({ ':authority': `${name}x.y`, ':path': '/' })[HEADER], undefined);
      }
    }
  }, 300_000);

  test('as what a lane\'s own requests are stained with', () => {
    for (const name of names.filter((_, index) => index % 20 === 0)) {
      const program = selfStainingScript(HEADER, name);
      expect(syntaxProblem(program)).toBeUndefined();
      expectSame(new LuaProgram(program).run({})[HEADER], name);
      expectSame(new LuaProgram(program).run({ [HEADER]: 'other' })[HEADER], 'other');
      expect(syntaxProblem(selfStainingScript(name, 'lane'))).toBeUndefined();
    }
  }, 300_000);
});

test('a literal that is not escaped would be found: the tests can fail', () => {
  expect(syntaxProblem(`local x = "${'"'}"`)).toBeDefined();
  expect(() => new LuaProgram(`x = "${'\\'}"`)).toThrow();
  expect(luaString('a"\\\n\u00e9')).toBe('"a\\034\\092\\010\\195\\169"');
});

/** Lone surrogates are no text: UTF-8 has none. */
function asLuaSees(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** `expect` is slow where it is asked ten thousands of times. */
function expectSame(got: unknown, expected: unknown): void {
  if (got !== expected) expect(got).toBe(expected);
}
