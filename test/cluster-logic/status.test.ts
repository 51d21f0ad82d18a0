import { driftOf, lanesOf, manifestDrift } from '../../src/cluster/status';
import { baseline, lane } from '../support/branch-manifests';

const CART = { service: 'cart', namespace: 'shop' };
const [, main, mainRule, virtualService] = baseline({ ...CART, branch: 'main' });
const [deployment, rule] = lane({ ...CART, branch: 'a', expires: '2026-01-01T00:00:00Z', annotations: { 'cdk8s-lanes/owner': 'somebody' } });
const routable = { ...deployment, metadata: { ...deployment.metadata, labels: { ...deployment.metadata.labels, 'cdk8s-lanes/routable': 'true' } }, status: { readyReplicas: 1 } };
const laned = {
  ...virtualService,
  spec: {
    ...virtualService.spec,
    http: [{
      name: 'lane/a',
      match: [{ headers: { 'project-version': { exact: 'a' } } }],
      route: [{
        destination: { host: 'cart.shop.svc.cluster.local', subset: 'a', port: { number: 8080 } }, headers: { response: { set: { 'x-served-lane': 'a' } } },
      }],
    }, ...virtualService.spec.http],
  },
};
const whole = { virtualServices: [laned], destinationRules: [mainRule, rule], deployments: [main, routable] };

test('what fits together is no drift', () => {
  expect(driftOf(whole)).toEqual([]);
});

test.each([
  ['a lane that is not routed to', { ...whole, virtualServices: [virtualService] }, /does not route to lane a of cart\.shop\.svc\.cluster\.local: run 'cdk8s-lanes converge'/],
  ['a route without a lane', { ...whole, deployments: [main, deployment] }, /routes to lane a of cart\.shop\.svc\.cluster\.local: run 'cdk8s-lanes converge'/],
  ['no VirtualService at all', { ...whole, virtualServices: [] }, /lane a of shop\/cart is marked routable, and no VirtualService .* bring the baseline up/],
  ['no subset', { ...whole, destinationRules: [mainRule] }, /lane a of shop\/cart has no subset, so its requests fail \(503\)/],
  ['subsets without a Deployment', { ...whole, deployments: [main], virtualServices: [virtualService] }, /DestinationRule shop\/cart-a has no Deployment: run 'cdk8s-lanes sweep'/],
  ['pods that are not ready', { ...whole, deployments: [main, { ...routable, status: {} }] }, /Deployment shop\/cart-a has no ready pods, and requests of lane a are routed to it/],
])('%s is told, with what mends it', (_, standing, message) => {
  expect(driftOf(standing)).toEqual([expect.stringMatching(message)]);
});

test('the baseline stands first, lanes tell whose they are and whether their time is past', () => {
  const lanes = lanesOf(whole, new Date('2026-02-01T00:00:00Z'));
  const services = (all: typeof lanes[0]['services']) => all.map(({ deployment: name, ready, routable: routed }) => [name, ready, routed]);
  expect(lanes.map((each) => [each.lane, each.branch, each.owner, each.expired, services(each.services)])).toEqual([
    [null, 'main', null, false, [['cart-main', 0, true]]],
    ['a', 'a', 'somebody', true, [['cart-a', 1, true]]],
  ]);
});

test('fields that only the cluster has, quantities in its own writing and woven lanes are no difference from a manifest', () => {
  const wanted = { ...main, spec: { ...main.spec, template: { spec: { containers: [{ name: 'cart', resources: { limits: { cpu: '1000m', memory: '1024Mi' } } }] } } } };
  const live = { ...main, spec: { ...main.spec, progressDeadlineSeconds: 600, template: { spec: { containers: [{ name: 'cart', resources: { limits: { cpu: '1', memory: '1Gi' } }, imagePullPolicy: 'Always' }] } } } };
  expect(manifestDrift(wanted, live)).toEqual([]);
  expect(manifestDrift(virtualService, laned)).toEqual([]);
});

test('what differs from a manifest is told by its path', () => {
  expect(manifestDrift(main, { ...main, spec: { ...main.spec, replicas: 3 } })).toEqual(['Deployment shop/cart-main differs from its manifest at spec.replicas: bring it up again']);
  expect(manifestDrift(virtualService, { ...laned, spec: { ...laned.spec, http: [...laned.spec.http, { route: [] }] } })).toEqual([expect.stringMatching(/spec\.http: bring the baseline up again/)]);
  expect(manifestDrift(main, undefined)).toEqual(['Deployment shop/cart-main is not in the cluster: bring it up again']);
});
