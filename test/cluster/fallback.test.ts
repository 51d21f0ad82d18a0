import { App, Chart } from 'cdk8s';
import { api, destinationRules, makeNamespace, virtualServices } from './support/api';
import { cli } from './support/cli';
import { Branch, BranchDeployment, StainedRoute } from '../../src';

/* On a real API server: what fallback writes is taken, is routed to, and goes again when the branch no longer wants it. */

function manifestsOf(namespace: string, branch: string, revision: number, fallback: boolean): string {
  const chart = new Chart(new App(), 'cart', { namespace });
  const current = Branch.of(branch, { baseline: 'main' }, { source: 'shop/cart', revision });
  new BranchDeployment(chart, 'cart', { branch: current, port: 80, image: 'cart:1' });
  new StainedRoute(chart, 'lanes', { fallback });
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: chart.toJson() });
}

const entries = async (namespace: string): Promise<string[]> => (await api('GET', `/apis/networking.istio.io/v1/namespaces/${namespace}/serviceentries`)).items
  .map(({ metadata }: any) => metadata.name);

test('a lane gets a host of its own, loses it again, and leaves nothing', async () => {
  const namespace = await makeNamespace('fallback');
  const up = async (branch: string, revision: number, fallback: boolean) => {
    const { status, stderr } = await cli(['up', '-', '--wait', '0', '-n', namespace], { input: manifestsOf(namespace, branch, revision, fallback) });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [{ spec }] = await virtualServices(namespace);
    return spec.http[0].route[0].destination;
  };
  await up('main', 1, true);
  expect(await up('v1', 2, true)).toEqual({ host: `v1.cart.${namespace}.lanes`, port: { number: 80 } });
  expect(await entries(namespace)).toEqual(['cart-v1-fallback-baseline', 'cart-v1-fallback-lane']);
  const status = await cli(['status', '-n', namespace]);
  expect(status.stdout).toContain('yes, with fallback');

  expect(await up('v1', 3, false)).toEqual({ host: `cart.${namespace}.svc.cluster.local`, subset: 'v1', port: { number: 80 } });
  expect(await entries(namespace)).toEqual([]);
  expect((await destinationRules(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart', 'cart-v1']);

  expect(await up('v1', 4, true)).toEqual({ host: `v1.cart.${namespace}.lanes`, port: { number: 80 } });
  expect(await cli(['down', '--wait', '0', '-n', namespace, '--source', 'shop/cart', 'v1'])).toMatchObject({ status: 0, stderr: '' });
  expect(await entries(namespace)).toEqual([]);
  expect((await destinationRules(namespace)).map(({ metadata }) => metadata.name)).toEqual(['cart']);
});
