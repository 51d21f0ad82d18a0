import { createServer, Server } from 'http';
import { AddressInfo } from 'net';
import { probe } from '../../src/cluster/probe';
import { Session } from '../../src/cluster/session';

let server: Server;
let served: string | undefined;
beforeAll((done) => {
  server = createServer((_, response) => response.writeHead(200, served === undefined ? {} : { 'x-served-lane': served }).end()).listen(0, '127.0.0.1', done);
});
afterAll((done) => void server.close(done));

/** A session whose time is over at once. */
const session = { say: () => {}, warn: () => {}, check: () => {}, sleep: async () => {}, now: () => new Date(0) } as unknown as Session;
const ask = () => probe(session, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { header: 'project-version', served: 'x-served-lane', lane: 'v1' }, 0);

test.each([['the lane itself', 'v1'], ['the workload of a lane with fallback', 'cart-v1-abc12;shop;cart;v1;Kubernetes']])('an answer by %s is right', async (_, by) => {
  served = by;
  await expect(ask()).resolves.toBeUndefined();
});

test.each([['another lane', 'v2'], ['nobody that says so', undefined], ['the baseline behind a lane with fallback', 'cart-main-abc12;shop;cart;main;Kubernetes']])('an answer by %s is not', async (_, by) => {
  served = by;
  await expect(ask()).rejects.toThrow(/did not answer as expected within 0 s: status 200, x-served-lane: /);
});
