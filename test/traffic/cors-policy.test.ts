import { Duration } from 'cdk8s';
import { CorsPolicy, CorsPolicyOptions, StringMatch } from '../../src';
import { expectRefusal } from '../support/refusals';

const allowOrigins = [StringMatch.exact('https://shop.example.com')];

test('all that can be said is written', () => {
  const said: Required<CorsPolicyOptions> = {
    allowOrigins: [...allowOrigins, StringMatch.regex('https://.*\\.example\\.com')],
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['x-token', 'X-Other'],
    exposeHeaders: ['x-total'],
    maxAge: Duration.minutes(10),
    allowCredentials: false,
  };

  expect(CorsPolicy.of(said)._toManifest()).toEqual({
    allowOrigins: [{ exact: 'https://shop.example.com' }, { regex: 'https://.*\\.example\\.com' }],
    allowMethods: ['GET', 'POST'],
    allowHeaders: ['x-token', 'X-Other'],
    exposeHeaders: ['x-total'],
    maxAge: '600s',
    allowCredentials: false,
  });
});

test('nothing else is', () => {
  expect(CorsPolicy.of({ allowOrigins })._toManifest()).toEqual({ allowOrigins: [{ exact: 'https://shop.example.com' }] });
});

test('every header can be allowed', () => {
  expect(CorsPolicy.of({ allowOrigins, allowHeaders: ['*'] })._toManifest().allowHeaders).toEqual(['*']);
});

describe('refused is', () => {
  test('a policy without origins', () => {
    expectRefusal(() => CorsPolicy.of({ allowOrigins: [] }), { code: 'CorsOrigins', property: 'allowOrigins', got: 0, says: /at least one origin/ });
  });

  test('an origin that says nothing, as istiod refuses it', () => {
    expect(() => CorsPolicy.of({ allowOrigins: [StringMatch.present()] })).toThrow(/'allowOrigins/);
    expect(() => CorsPolicy.of({ allowOrigins: [StringMatch.exact('')] })).toThrow(/'allowOrigins/);
  });

  test.each(['allowHeaders', 'exposeHeaders'])('a header name that is not one, in %s', (property) => {
    expectRefusal(() => CorsPolicy.of({ allowOrigins, [property]: ['x a'] }), { code: 'HeaderName', property, got: 'x a', says: /RFC 7230/ });
  });

  test.each(['get', 'FETCH', ''])('a method that istiod does not know: %j', (method) => {
    expect(() => CorsPolicy.of({ allowOrigins, allowMethods: [method] })).toThrow(/'allowMethods/);
  });

  test('an age with parts of a second', () => {
    expectRefusal(() => CorsPolicy.of({ allowOrigins, maxAge: Duration.millis(1500) }), { code: 'CorsMaxAge', property: 'maxAge', got: 1500, says: /whole seconds/ });
  });

  test('an age of zero', () => {
    expect(() => CorsPolicy.of({ allowOrigins, maxAge: Duration.seconds(0) })).toThrow(/'maxAge' .*0 ms/);
  });

  test('an age with parts of a millisecond', () => {
    expect(() => CorsPolicy.of({ allowOrigins, maxAge: Duration.millis(0.5) })).toThrow(/'maxAge'/);
  });
});
