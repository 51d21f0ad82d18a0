import { App, Chart } from 'cdk8s';
import type { LiveAnswer, LiveLoad, LivePod, LiveStep } from './contract';
import { LiveMesh } from './live-mesh';
import { CanaryService, CanaryServiceProps, MeshGateway, MeshNamespace, StainedRoute, Staining } from '../../src';

type More = (chart: Chart, cart: CanaryService) => void;

/** The app that the claims are about: a baseline of two pods, a lane with one, another lane whose pods must never serve. */
export function shop(service: Partial<CanaryServiceProps> = {}, fallback = true, more: More = () => {}): any[] {
  const chart = new Chart(new App(), 'shop', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');
  const cart = new CanaryService(chart, 'cart', {
    port: 80, targetPort: 8080, template: { image: 'cart:1', replicas: 1 }, baseline: { version: 'main', replicas: 2 }, ...service,
  });
  new MeshGateway(chart, 'gateway', { hosts: ['*'], staining: Staining.open() }).route(cart);
  const lanes = new StainedRoute(chart, 'lanes', { header: 'x-lane', fallback });
  for (const lane of ['l1', 'l2']) lanes.addLane(lane).serve(cart);
  more(chart, cart);
  return chart.toJson();
}

export const LANE = 'cart-l1';
export const BASELINE = 'cart-main';

/** How requests get in. */
export interface Way {
  readonly name: string;
  readonly options: Parameters<typeof LiveMesh.start>[1];
  readonly host: string;
}

const sidecar = { from: { namespace: 'elsewhere' }, port: 80, namespace: 'shop' };
const gateway = { from: { gateway: { istio: 'ingressgateway' } }, port: 80, namespace: 'shop' };

/** A sidecar and a gateway, with and without mutual TLS. */
export const ways: Way[] = [
  { name: 'a sidecar', options: sidecar, host: 'cart.shop' },
  { name: 'a sidecar with mTLS', options: { ...sidecar, mtls: true }, host: 'cart.shop' },
  { name: 'a gateway', options: gateway, host: 'cart.example.com' },
  { name: 'a gateway with mTLS', options: { ...gateway, mtls: true }, host: 'cart.example.com' },
];

/** Requests of the lane, at about 200 a second. */
export const laneLoad = (way: Way, count: number, steps: LiveStep[] = []): LiveLoad => (
  { host: way.host, headers: { 'x-lane': 'l1' }, count, concurrency: 4, intervalMs: 4, steps }
);

/** Who answered, how often; what no pod answered stands as `503 <words of the proxy>`. */
export function counted(answers: LiveAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, workload, text } of answers) {
    const what = workload === '' ? `${status} ${text}` : status === 200 ? workload : `${workload} ${status}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

/** The answers that say falsely who gave them. Those of everybody's own rule say nothing. */
export const untrue = (answers: LiveAnswer[]) => answers.filter(({ workload, headers }) => {
  const told = headers['x-served-lane'];
  return workload !== '' && (told === undefined ? workload === LANE : told.split(';')[0] !== workload);
});

export const up: LivePod = { present: true, ready: true, running: true, status: 200, delayMs: 0 };
