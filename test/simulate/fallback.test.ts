import { App, Chart } from 'cdk8s';
import { CanaryService, MeshGateway, StainedRoute, Staining } from '../../src';
import { matrixJson, matrixTable } from '../../src/cli/print-matrix';
import { laneMatrix } from '../../src/simulate/matrix';
import { SimulatedMesh } from '../../src/testing';

/* What the simulator says of lanes with fallback. That the real mesh says the same, test/mesh/fallback-simulated.test.ts holds. */

function manifests(): any[] {
  const chart = new Chart(new App(), 'shop', { namespace: 'shop' });
  const cart = new CanaryService(chart, 'cart', { port: 80, targetPort: 8080, template: { image: 'cart:1' }, baseline: { version: 'main', replicas: 2 } });
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(cart);
  const lanes = new StainedRoute(chart, 'lanes', { header: 'x-lane' });
  lanes.addLane('l1', { fallback: true }).serve(cart);
  lanes.addLane('l2').serve(cart);
  return chart.toJson();
}

const mesh = (...unready: string[]) => SimulatedMesh.of(manifests(), { unready: unready.map((name) => `shop/${name}`) });

describe.each(['cart', 'shop.example.com'])('requests to %s', (host) => {
  test('of a lane are served by it, and it is known who would be next', () => {
    const sent = mesh().send({ host, lane: 'l1' });

    expect(sent).toServe({ version: 'l1' });
    expect(sent.outcome!.branches.map(({ standby }: any) => standby?.map(({ version }: any) => version))).toEqual([['main']]);
  });

  test('of a lane whose pods are not ready are served by the baseline, and by no other lane', () => {
    expect(mesh('cart-l1').send({ host, lane: 'l1' })).toServe({ version: 'main' });
  });

  test('of a lane whose Deployment is gone are served by the baseline', () => {
    const gone = manifests().filter(({ kind, metadata }) => kind !== 'Deployment' || metadata.name !== 'cart-l1');

    expect(SimulatedMesh.of(gone).send({ host, lane: 'l1' })).toServe({ version: 'main' });
  });

  test('of a lane need no baseline while the lane is there', () => {
    expect(mesh('cart-main').send({ host, lane: 'l1' })).toServe({ version: 'l1' });
    expect(mesh('cart-main').send({ host })).toFailWith(503, 'UH');
  });

  test('of a lane fail when both are gone', () => {
    expect(mesh('cart-main', 'cart-l1').send({ host, lane: 'l1' })).toFailWith(503, 'UH');
  });

  test('of a lane without fallback fail when it is gone', () => {
    expect(mesh('cart-l2').send({ host, lane: 'l2' })).toFailWith(503, 'UH');
  });

  test('of a lane are spread over both without the DestinationRule', () => {
    const half = manifests().filter(({ metadata }) => metadata.name !== 'cart-l1-fallback');

    expect(SimulatedMesh.of(half).send({ host, lane: 'l1' })).toSplit({ l1: 1, main: 2 });
  });
});

test('requests of a lane that is gone meet the version that was activated, and no other lane, after the baseline was retired', () => {
  const chart = new Chart(new App(), 'shop', { namespace: 'shop' });
  const cart = new CanaryService(chart, 'cart', { port: 80, template: { image: 'cart:1' }, baseline: { version: 'main' } });
  const lanes = new StainedRoute(chart, 'lanes', { header: 'x-lane', fallback: true });
  cart.addVersion('v2');
  lanes.addLane('l1').serve(cart, { replicas: 0 });
  lanes.addLane('l2').serve(cart);
  cart.activate('v2');
  cart.retire('main');

  expect(SimulatedMesh.of(chart.toJson()).send({ host: 'cart', lane: 'l1' })).toServe({ version: 'v2' });
});

test('the matrix tells which lanes fall back, and to whom', () => {
  const matrix = laneMatrix(manifests());

  expect(matrixTable(matrix).split('\n').slice(0, 5).map((line) => line.trimEnd())).toEqual([
    'x-lane        cart', '(none)        main', 'l1            l1 or main', 'l2            l2', '(any other)   main *',
  ]);
  expect(matrixTable(matrix)).toContain('or: served by the latter while none of the former\'s pods is ready');
  expect(JSON.parse(matrixJson(matrix)).lanes[1].services['cart.shop.svc.cluster.local'].serves).toEqual([{ version: 'l1', share: 1, fallback: ['main'] }]);
  expect(matrixTable(laneMatrix(manifests().filter(({ kind }) => kind !== 'ServiceEntry')))).not.toContain('or main');
});
