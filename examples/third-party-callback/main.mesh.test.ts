import { Testing } from 'cdk8s';
import { thirdPartyCallback } from './main';
import { Mesh, Sender } from '../../test/mesh/mesh';

/* What the README promises, on istiod's code and a running Envoy. */
const applications = { calls: { 'orange-gateway-a': [{ host: 'orders', port: 8080 }] }, propagate: ['project-version'] };
const REPEAT = 10;
const outside: Sender = { gateway: { istio: 'ingressgateway' } };
const inside: Sender = { namespace: 'elsewhere' };

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start(Testing.synth(thirdPartyCallback(Testing.app())), applications);
}, 900_000);
afterAll(() => mesh?.stop());

const served = async (from: Sender, request: { host: string; port?: number; path?: string; headers?: Record<string, string | string[]> }) =>
  (await mesh.send({ from, repeat: REPEAT, ...request })).paths;

/** A client in the mesh that calls the service, by the name that a partner calls. */
const atService = (authority: string, headers: Record<string, string | string[]> = {}) =>
  served({ ...inside, sidecar: false }, { host: 'orange-gateway-a.sopei-biz', port: 80, headers: { host: authority, ...headers } });

test.each([
  ['aaa.com', 'release-aaa'], ['bbb.com', 'release-bbb'], ['AAA.com', 'release-aaa'],
])('a partner\'s request to %s through the gateway reaches orders of %s', async (host, lane) => {
  expect(await served(outside, { host })).toEqual({ [`orange-gateway-a-release-k3s -> orders-${lane}`]: REPEAT });
});

test('a lane header from the internet is taken away, so the host alone decides', async () => {
  expect(await served(outside, { host: 'aaa.com', headers: { 'project-version': 'release-bbb' } })).toEqual({ 'orange-gateway-a-release-k3s -> orders-release-aaa': REPEAT });
});

describe('at the sidecar of the service', () => {
  /** Who answers at the second hop: without a sidecar the client meets any version at the first. */
  const orders = async (authority: string, headers: Record<string, string | string[]> = {}) => [
    ...new Set(Object.keys(await atService(authority, headers)).map((path) => path.split(' -> ')[1])),
  ];

  test.each<[string, string]>([
    ['aaa.com', 'orders-release-aaa'], ['bbb.com', 'orders-release-bbb'], ['aaa.com:80', 'orders-release-aaa'], ['aaa.com:8443', 'orders-release-aaa'], ['aaa.com.', 'orders-release-aaa'],
    ['AaA.CoM', 'orders-release-aaa'], ['aaa.com.evil.com', 'orders-release'], ['ccc.com', 'orders-release'],
  ])('host %s reaches %s', async (authority, workload) => {
    expect(await orders(authority)).toEqual([workload]);
  });

  test.each<[string | string[], string]>([
    ['', 'orders-release-aaa'], ['-', 'orders-release-aaa'], ['release-bbb', 'orders-release-bbb'], ['release', 'orders-release'], ['unknown', 'orders-release'], [['-', 'release-bbb'], 'orders-release'],
  ])('a lane header that says %j is kept, unless it says nothing: %s', async (said, workload) => {
    expect(await orders('aaa.com', { 'project-version': said })).toEqual([workload]);
  });
});

test('a client with a sidecar that says a lane is served by it at both hops', async () => {
  expect(await served(inside, { host: 'orange-gateway-a.sopei-biz', port: 80, headers: { 'project-version': 'release-bbb' } }))
    .toEqual({ 'orange-gateway-a-release-bbb -> orders-release-bbb': REPEAT });
});

describe('the callback in the gateway\'s rules', () => {
  test.each<[string, string]>([
    ['/callbacks/payments/7?lane=release-bbb', 'orange-gateway-a-release-bbb -> orders-release-bbb'],
    ['/callbacks/payments/7?a=1&lane=release-bbb&b', 'orange-gateway-a-release-bbb -> orders-release-bbb'],
    ['/callbacks/payments/7?lane=release-aaa', 'orange-gateway-a-release-k3s -> orders-release-aaa'],
    ['/callbacks/payments/7?lane=other&lane=release-bbb', 'orange-gateway-a-release-k3s -> orders-release-aaa'],
    ['/callbacks/other?lane=release-bbb', 'orange-gateway-a-release-k3s -> orders-release-aaa'],
  ])('%s at aaa.com: %s', async (path, chain) => {
    expect(await served(outside, { host: 'aaa.com', path })).toEqual({ [chain]: REPEAT });
  });

  test('no lane header from outside has a say in it', async () => {
    const path = '/callbacks/payments/7?lane=release-bbb';
    expect(await served(outside, { host: 'bbb.com', path, headers: { 'project-version': 'release-aaa' } })).toEqual({ 'orange-gateway-a-release-bbb -> orders-release-bbb': REPEAT });
  });
});
