import { App } from 'cdk8s';
import { chartOf } from './objects';
import { CanaryService, MeshGateway, Staining } from '../../src';

/** An app with a service of two versions, another service, and a gateway for these hosts, without routes. */
export function shopOf(hosts: string[]) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const [cart, stock] = ['cart', 'stock'].map((name) => new CanaryService(chart, name, { port: 80, template: { image: name }, baseline: { version: 'v1' } }));
  cart.addVersion('v2');
  return { app, chart, cart, stock, gateway: new MeshGateway(chart, 'gateway', { hosts, staining: Staining.open() }) };
}
