import { Chart, Duration, Testing } from 'cdk8s';
import { Mesh } from './mesh';
import {
  AccessPolicy, AccessRule, Caller, CanaryService, ClientTls, EgressHost, MeshNamespace, RateLimit, StainedRoute,
} from '../../src';

/* What the examples of borders do not show, and the constructs promise. */
const app = Testing.app();
const chart = new Chart(app, 'borders', { namespace: 'borders' });
new MeshNamespace(chart, 'namespace');
const service = (name: string) => new CanaryService(chart, name, { port: 8080, ownServiceAccount: true, baseline: { version: 'v1', image: 'app:1' } });
const limited = service('limited');
const twice = service('twice');
const cart = service('cart');
const guest = service('guest');
const partners = new EgressHost(chart, 'partners', { hostName: '*.partner.example', port: 443, tls: ClientTls.simple() });
const lane = new StainedRoute(chart, 'lanes', { baggageKey: 'lane' }).addLane('l1');
lane.serve(cart, { image: 'app:2' });
for (const on of [limited, twice]) new RateLimit(chart, `limit-${on.name}`, { on, requests: 2, per: Duration.minutes(10), lane });
new AccessPolicy(chart, 'all-but-guest', { on: cart, allow: [AccessRule.of({ notFrom: [Caller.service(guest)] })] });
for (const host of [partners, limited, twice, cart]) guest.calls(host);

let mesh: Mesh;
beforeAll(async () => { mesh = await Mesh.start(Testing.synth(chart), { mtls: true, calls: {} }); }, 900_000);
afterAll(() => mesh?.stop());

const from = { namespace: 'borders' };

test('a limit for a lane counts requests that say the lane by header and by baggage in one bucket', async () => {
  const call = (headers: Record<string, string>, repeat: number) => mesh.send({ from, host: 'limited', port: 8080, headers, repeat });
  expect((await call({ baggage: 'user=1,lane=l1' }, 1)).statuses).toEqual({ 200: 1 });
  expect((await call({ 'project-version': 'l1' }, 1)).statuses).toEqual({ 200: 1 });
  expect((await call({ baggage: 'lane=l1;p=1' }, 1)).statuses).toEqual({ 429: 1 });
  expect((await call({ 'project-version': 'l1' }, 1)).statuses).toEqual({ 429: 1 });
  expect((await call({ baggage: 'lane=l12' }, 4)).statuses).toEqual({ 200: 4 });
});

test('the limit counts a request once that says the lane by both', async () => {
  const both = { 'project-version': 'l1', 'baggage': 'lane=l1' };
  expect((await mesh.send({ from, host: 'twice', port: 8080, headers: both, repeat: 3 })).statuses).toEqual({ 200: 2, 429: 1 });
});

test('all but one are let in, and who has no name is not', async () => {
  const call = async (sender: object) => (await mesh.send({ from: { namespace: 'borders', ...sender } as any, host: 'cart', port: 8080 })).responses[0];
  expect(await call({})).toMatchObject({ status: 200, workload: 'cart-v1' });
  expect(await call({ workload: 'guest-v1' })).toMatchObject({ status: 403, workload: '' });
  expect(await call({ sidecar: false })).toMatchObject({ status: 0, hops: [{ hits: [] }] });
});

test('proxies begin TLS with every host below a wildcard that is called at the port where it speaks TLS', async () => {
  const { responses: [answer] } = await mesh.send({ from: { namespace: 'borders', workload: 'guest-v1' }, host: 'eu.partner.example', port: 443 });
  expect(answer).toMatchObject({ status: 200, workload: 'eu.partner.example' });
  expect(answer.hops[0].hits[0]).toMatchObject({ port: 443, tls: { serverName: 'eu.partner.example' } });
});
