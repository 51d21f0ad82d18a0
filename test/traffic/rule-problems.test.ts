import { milliseconds, ruleProblems } from '../../src/traffic/rule-problems';

const route = [{ destination: { host: 'a' } }];
const percentage = { value: 50 };

test.each<[string, any]>([
  ['a route', { route }],
  ['a route with all that goes with it', { route, rewrite: { uri: '/' }, fault: { abort: { httpStatus: 503, percentage } }, mirror: { host: 'b' }, mirrorPercentage: percentage }],
  ['a redirect', { redirect: { uri: '/', redirectCode: 302 } }],
  ['a direct response', { directResponse: { status: 200 } }],
  ['a delegate', { delegate: { name: 'a' } }],
  ['weights of which one is zero', { route: [{ weight: 0 }, { weight: 1 }] }],
  ['one destination of weight 0, which Istio takes for all', { route: [{ weight: 0 }] }],
  ['several mirrors', { route, mirrors: [{ destination: { host: 'b' }, percentage }] }],
  ['a fault in Istio\'s old spelling', { route, fault: { delay: { percent: 5, fixedDelay: '1s' } } }],
  ['a try shorter than the timeout', { route, timeout: '1m', retries: { perTryTimeout: '59s' } }],
  ['a try without timeout', { route, retries: { perTryTimeout: '59s' } }],
  ['a try where a timeout of 0 says that there is none', { route, timeout: '0s', retries: { perTryTimeout: '2s' } }],
  ['durations that are none, which istiod judges', { route, timeout: 'soon', retries: { perTryTimeout: '59s' } }],
])('%s is good', (_what, rule) => {
  expect(ruleProblems(rule)).toEqual([]);
});

test.each<[string, any, string, RegExp]>([
  ['nothing', {}, 'route', /Istio refuses/],
  ['an empty route', { route: [] }, 'route', /Istio refuses/],
  ['a redirect beside a route', { route, redirect: { uri: '/' } }, 'redirect', /beside 'route'.*keep one/],
  ['a direct response beside a redirect', { redirect: { uri: '/' }, directResponse: { status: 200 } }, 'directResponse', /beside 'redirect'/],
  ['a delegate beside a route', { route, delegate: { name: 'a' } }, 'delegate', /beside 'route'/],
  ['a rewrite beside a redirect', { redirect: { uri: '/' }, rewrite: { uri: '/' } }, 'rewrite', /beside 'redirect'/],
  ['a fault beside a direct response', { directResponse: { status: 200 }, fault: { abort: { httpStatus: 500, percentage } } }, 'fault', /beside 'directResponse'/],
  ['a redirect code that Envoy does not know', { redirect: { uri: '/', redirectCode: 399 } }, 'redirect.redirectCode', /301, 302, 303, 307, 308, got 399.*every rule of the port/],
  ['a status that Envoy refuses', { directResponse: { status: 600 } }, 'directResponse.status', /200 to 599, got 600/],
  ['the same in a fault', { route, fault: { abort: { httpStatus: 600, percentage } } }, 'fault.abort.httpStatus', /200 to 599, got 600/],
  ['weights that are all zero', { route: [{ weight: 0 }, {}] }, 'weight', /above 0/],
  ['both kinds of mirrors', { route, mirror: { host: 'b' }, mirrors: [{ destination: { host: 'c' } }] }, 'mirrors', /beside 'mirror'/],
  ['a percentage of no mirror', { route, mirrorPercentage: percentage }, 'mirrorPercentage', /no effect/],
  ['an abort without percentage', { route, fault: { abort: { httpStatus: 500 } } }, 'fault.abort.percentage', /injects nothing/],
  ['a delay without percentage', { route, fault: { delay: { fixedDelay: '1s' } } }, 'fault.delay.percentage', /injects nothing/],
  ['a try as long as the timeout', { route, timeout: '60s', retries: { perTryTimeout: '1m' } }, 'perTryTimeout', /less than the timeout of 60s, got 1m/],
])('%s is a problem', (_what, rule, field, problem) => {
  expect(ruleProblems(rule)).toEqual([{ field, problem: expect.stringMatching(problem) }]);
});

test.each([['1s', 1000], ['1500ms', 1500], ['1m30s', 90_000], ['1.5h', 5_400_000], ['1d', undefined], ['', undefined], [5, undefined], [undefined, undefined]])('%p is %p milliseconds', (wire, expected) => {
  expect(milliseconds(wire)).toBe(expected);
});
