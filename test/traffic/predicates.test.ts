import {
  dnsLabelProblem, dnsNameProblem, gatewayHostProblem, headerNameProblem, headerValueProblem, labelValueProblem,
  millisecondsProblem, portProblem, regexProblem, serviceNameProblem, weightProblem,
} from '../../src/traffic/predicates';

interface Judged<T> {
  readonly judge: (value: T) => string | undefined;
  readonly good: T[];
  readonly bad: T[];
}

const texts: Record<string, Judged<string>> = {
  'a regular expression': {
    judge: regexProblem,
    good: ['a', '.*Safari.*', '^/v[12]/.+$', '(?i)mobile', '(?P<name>x)', '\\p{Greek}+', 'a|', 'a'.repeat(1024)],
    bad: ['', '(', '*', '[', 'a{2,1}', '(?=x)', '(?!x)', '(?<=x)y', '(?<!x)y', '(a)\\1', 'a*+', 'a'.repeat(1025)],
  },
  'a header name': {
    judge: headerNameProblem,
    good: ['project-version', 'x', 'x_y', '1', "!#$%&'*+.^_`|~-", 'x'.repeat(200)],
    bad: ['', 'Project-Version', 'project version', 'project:version', ':authority', 'x(y)', 'x@y', 'x,y', 'x;y', 'x=y', 'x/y', 'x"y', 'ä', 'x\n', '\u212a'],
  },
  'a header value': {
    judge: headerValueProblem,
    good: ['', 'v1', 'a b', 'a\tb', '100%%', '%REQ(x-id)%', '%START_TIME%', 'ä', '{"a": 1}'],
    bad: ['100%', '%', '%%%', 'a\nb', 'a\rb', '\u0000', '\u001f', '\u007f'],
  },
  'a DNS label': {
    judge: dnsLabelProblem,
    good: ['a', '1', 'release-v1', '1e3', 'a--b', 'a'.repeat(63)],
    bad: ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'ä', 'a b', 'a\n', 'a'.repeat(64)],
  },
  'a Service name': {
    judge: serviceNameProblem,
    good: ['a', 'testaaa', 'a1', 'a-1', 'a'.repeat(63)],
    bad: ['', '1a', '-a', 'a-', 'A', 'a.b', 'a'.repeat(64)],
  },
  'a DNS name': {
    judge: dnsNameProblem,
    good: ['a', 'a.b', '1.2', 'shop.example.com', Array(4).fill('a'.repeat(62)).join('.')],
    bad: ['', '.', 'a.', '.a', 'a..b', 'A.b', '*.a', Array(5).fill('a'.repeat(62)).join('.')],
  },
  'a gateway host': {
    judge: gatewayHostProblem,
    good: ['*', '*.example.com', '*.com', 'shop.example.com', '10.0.0.1'],
    bad: ['', 'shop', '*foo.com', 'a.*.com', '*.*.com', '*.', 'shop.example.com:80', 'http://shop.example.com', 'Shop.example.com', 'shop.example.com.'],
  },
  'a label value': {
    judge: labelValueProblem,
    good: ['', 'a', 'A_b.c-1', '1', 'a'.repeat(63)],
    bad: ['-a', 'a-', '.a', 'a b', 'a/b', 'ä', 'a\n', 'a'.repeat(64)],
  },
};

const numbers: Record<string, Judged<number>> = {
  'a port': { judge: portProblem, good: [1, 80, 65535], bad: [0, -1, 65536, 70000, 80.5, NaN, Infinity] },
  'a weight': { judge: weightProblem, good: [0, 1, 100, 2147483647], bad: [-1, 0.5, NaN, Infinity, 2147483648] },
  'a duration in milliseconds': { judge: millisecondsProblem, good: [1, 1500, 86400000], bad: [0, 0.5, -1, 1.5, NaN, Infinity] },
};

const all = Object.entries({ ...texts, ...numbers } as Record<string, Judged<any>>);

test.each(all)('%s is found good', (_name, { judge, good }) => {
  for (const value of good) expect([value, judge(value)]).toEqual([value, undefined]);
});

test.each(all)('%s is found bad, and the answer goes on from the name of the property', (_name, { judge, bad }) => {
  for (const value of bad) expect([value, judge(value)]).toEqual([value, expect.stringMatching(/^must /)]);
});

test('a name in capitals is told in lower case', () => {
  expect(headerNameProblem('Project-Version')).toContain('"project-version"');
});

test('what is wrong with a regular expression is told', () => {
  expect(regexProblem('(?=x)')).toMatch(/RE2.*lookaround/);
  expect(regexProblem('a'.repeat(1025))).toMatch(/1024.*1025/);
});
