import { HeaderChanges, HeaderOperations, HeaderOperationsOptions } from '../../src';
import { expectRefusal, thrownBy } from '../support/refusals';

test('what is said is written, direction by direction', () => {
  const request: Required<HeaderChanges> = { set: { 'x-a': '1' }, add: { 'x-b': '2' }, remove: ['x-c'] };
  const said: Required<HeaderOperationsOptions> = { request, response: { set: { 'x-d': '%REQ(x-id)%' } } };

  expect(HeaderOperations.of(said)._toManifest()).toEqual({
    request: { set: { 'x-a': '1' }, add: { 'x-b': '2' }, remove: ['x-c'] },
    response: { set: { 'x-d': '%REQ(x-id)%' } },
  });
});

test('empty parts are not written', () => {
  expect(HeaderOperations.of({ request: { set: {}, add: {}, remove: ['x-a'] }, response: {} })._toManifest()).toEqual({ request: { remove: ['x-a'] } });
});

test('the host can be rewritten on the way to the service', () => {
  expect(HeaderOperations.of({ request: { set: { ':authority': 'b.example.com' } } })._toManifest().request.set).toEqual({ ':authority': 'b.example.com' });
});

test('what the caller changes later is not followed', () => {
  const set: Record<string, string> = { 'x-a': '1' };
  const headers = HeaderOperations.of({ request: { set } });
  set['x-a'] = '2';
  headers._toManifest().request.set['x-a'] = '3';

  expect(headers._toManifest().request.set).toEqual({ 'x-a': '1' });
});

test.each([
  ['request.set.X-A', { request: { set: { 'X-A': '1' } } }, 'X-A', /lower case.*"x-a"/],
  ['request.add.x a', { request: { add: { 'x a': '1' } } }, 'x a', /RFC 7230/],
  ['response.set.:authority', { response: { set: { ':authority': 'a' } } }, ':authority', /RFC 7230/],
  ['response.set.:status', { response: { set: { ':status': '200' } } }, ':status', /RFC 7230/],
  ['request.remove', { request: { remove: ['X-A'] } }, 'X-A', /lower case/],
  ['request.remove', { request: { remove: ['host'] } }, 'host', /must not be the host/],
  ['request.remove', { request: { remove: [':authority'] } }, ':authority', /./],
])('refuses the name at %s', (property, options, got, says) => {
  expectRefusal(() => HeaderOperations.of(options as any), { code: 'HeaderName', property, got, says });
});

test.each([
  ['100%', /write a literal % as %%/],
  ['a\nb', /control characters/],
  ['', /Envoy does nothing.*'remove' takes a header away/],
])('refuses the value %j', (value, says) => {
  expectRefusal(() => HeaderOperations.of({ request: { set: { 'x-a': value } } }), { code: 'HeaderValue', property: 'request.set.x-a', got: value, says });
});

test('refuses to change nothing', () => {
  for (const options of [{}, { request: {} }, { request: { set: {} }, response: { remove: [] } }]) {
    expect(thrownBy(() => HeaderOperations.of(options))).toMatchObject({ code: 'HeaderOperationsEmpty', message: expect.stringMatching(/'request' and 'response'.*leave/) });
  }
});
