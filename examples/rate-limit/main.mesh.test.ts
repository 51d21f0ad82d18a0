import { Testing } from 'cdk8s';
import { rateLimit } from './main';
import { Mesh, MeshRequest } from '../../test/mesh/mesh';

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(Testing.synth(rateLimit(Testing.app()))); }, 900_000);
afterAll(() => mesh?.stop());

const LANE = { 'project-version': 'release-v1' };
const from = { namespace: 'rate-limit' };
const call = (host: string, repeat: number, more: Partial<MeshRequest> = {}) => mesh.send({ from, host, port: 8080, repeat, ...more });

test('a pod takes 10 requests a minute, and answers 429 to those past it, with the usual headers', async () => {
  const { statuses, responses } = await call('recommendation', 15);
  expect(statuses).toEqual({ 200: 10, 429: 5 });
  expect(responses[0].headers).toMatchObject({ 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '9' });
  const { headers, hops, body } = responses[14];
  expect(body).toBe('local_rate_limited');
  expect(headers).toMatchObject({ 'retry-after': '60', 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': expect.stringMatching(/^\d+$/) });
  expect(hops[0].hits).toEqual([]);
});

test('searches are counted, whatever their query, and nothing else', async () => {
  expect((await call('preference', 8, { path: '/search?q=1' })).statuses).toEqual({ 200: 5, 429: 3 });
  expect((await call('preference', 8, { path: '/search', method: 'POST' })).statuses).toEqual({ 200: 8 });
  expect((await call('preference', 8, { path: '/searches' })).statuses).toEqual({ 200: 8 });
});

test('the lane\'s requests are counted where the baseline serves them', async () => {
  expect((await call('preference', 5, { headers: LANE })).statuses).toEqual({ 200: 3, 429: 2 });
  expect((await call('preference', 8)).statuses).toEqual({ 200: 8 });
  expect((await call('preference', 8, { headers: { 'project-version': 'release-v9' } })).statuses).toEqual({ 200: 8 });
});

test('the lane\'s own pods are, and the baseline\'s are not', async () => {
  expect((await call('customer', 6, { headers: LANE })).distribution).toEqual({ 'customer-release-v1': 4, '429': 2 });
  expect((await call('customer', 8)).distribution).toEqual({ 'customer-v1': 8 });
});

test('the gateway counts logins', async () => {
  const outside = (path: string) => mesh.send({ from: { gateway: { istio: 'rate-limited' } }, host: 'customer.example.com', path, repeat: 4 });
  expect((await outside('/login')).statuses).toEqual({ 200: 2, 429: 2 });
  expect((await outside('/')).statuses).toEqual({ 200: 4 });
});
