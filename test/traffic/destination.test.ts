import { Destination, DestinationOptions, HeaderOperations, IRoutable } from '../../src';
import { expectRefusal } from '../support/refusals';

const testaaa: IRoutable = { hostName: 'testaaa.shop.svc.cluster.local', port: 31000 };
const unknownPort: IRoutable = { hostName: 'testbbb.shop.svc.cluster.local' };

test('the port is written where it is known', () => {
  expect(Destination.of(testaaa)._toManifest(true)).toEqual({ destination: { host: 'testaaa.shop.svc.cluster.local', port: { number: 31000 } } });
  expect(Destination.of(unknownPort)._toManifest(true)).toEqual({ destination: { host: 'testbbb.shop.svc.cluster.local' } });
  expect(Destination.of(unknownPort, { port: 9000 })._toManifest(true).destination.port).toEqual({ number: 9000 });
  expect(Destination.of(testaaa, { port: 9000 })._toManifest(true).destination.port).toEqual({ number: 9000 });
});

test('all that can be said is written', () => {
  const said: Required<DestinationOptions> = { version: 'v2', weight: 3, port: 9000, headers: HeaderOperations.of({ request: { remove: ['x-a'] } }) };

  expect(Destination.of(testaaa, said)._toManifest(false)).toEqual({
    destination: { host: testaaa.hostName, subset: 'v2', port: { number: 9000 } }, weight: 3, headers: { request: { remove: ['x-a'] } },
  });
});

test.each([undefined, {}, 'testaaa'])('no host is refused: %p', (host: any) => {
  expectRefusal(() => Destination.of(host), { code: 'HostMissing', property: 'host', says: /must be a CanaryService or a MeshHost/ });
});

test('a version is a subset', () => {
  const destination = Destination.of(testaaa, { version: 'v2' });

  expect(destination._toManifest(true).destination.subset).toBe('v2');
  expect(destination.version).toBe('v2');
  expect(destination.hostName).toBe('testaaa.shop.svc.cluster.local');
});

test('a weight is written beside other destinations only', () => {
  expect(Destination.of(testaaa, { weight: 3 })._toManifest(true)).not.toHaveProperty('weight');
  expect(Destination.of(testaaa, { weight: 3 })._toManifest(false).weight).toBe(3);
  expect(Destination.of(testaaa, { weight: 0 })._toManifest(false).weight).toBe(0);
  expect(Destination.of(testaaa)._toManifest(false).weight).toBe(1);
});

test('header changes stand at the destination', () => {
  const headers = HeaderOperations.of({ response: { set: { 'x-version': 'v2' } } });

  expect(Destination.of(testaaa, { headers })._toManifest(true).headers).toEqual({ response: { set: { 'x-version': 'v2' } } });
});

test.each([
  ['VersionName', 'version', { version: 'V2' }, 'V2', /DNS label/],
  ['VersionName', 'version', { version: '' }, '', /DNS label/],
  ['Weight', 'weight', { weight: -1 }, -1, /0 or more/],
  ['Weight', 'weight', { weight: 0.5 }, 0.5, /whole number/],
  ['Port', 'port', { port: 0 }, 0, /from 1 to 65535/],
  ['Port', 'port', { port: 70000 }, 70000, /from 1 to 65535/],
])('refuses with %s a bad %s: %j', (code, property, options, got, says) => {
  expectRefusal(() => Destination.of(testaaa, options), { code, property, got, says });
});
