import { App, Chart } from 'cdk8s';
import { CanaryService, MeshNamespace, StainedRoute } from '../../src';
import { Mesh } from '../mesh/mesh';

/*
 * What fallback costs, at 10, 50 and 100 lanes of one service: objects, what a sidecar that may call everybody holds, and how long
 * it takes to write the manifests. By istiod's own code.
 *
 *   npx tsx test/bench/fallback-costs.ts
 */

function manifestsOf(count: number, fallback: boolean): any[] {
  const chart = new Chart(new App(), 'shop', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');
  const cart = new CanaryService(chart, 'cart', { port: 80, targetPort: 8080, template: { image: 'cart:1' }, baseline: { version: 'main' } });
  const lanes = new StainedRoute(chart, 'lanes', { fallback });
  for (let lane = 1; lane <= count; lane++) lanes.addLane(`lane-${lane}`).serve(cart);
  return chart.toJson();
}

async function costs(lanes: number, fallback: boolean) {
  const start = performance.now();
  const manifests = manifestsOf(lanes, fallback);
  const synthMs = performance.now() - start;
  const mesh = await Mesh.start(manifests);
  const { clusters, routes } = await mesh.dump({ namespace: 'elsewhere' });
  await mesh.stop();
  const hosts = (routes ?? []).flatMap((each: any) => each.virtualHosts ?? []);
  const rules = hosts.flatMap((each: any) => each.routes ?? []);
  return {
    lanes,
    fallback,
    'objects': manifests.length,
    'clusters per proxy': clusters!.length,
    'virtual hosts': hosts.length,
    'routes': rules.length,
    'kB of clusters and routes': Math.round((JSON.stringify(clusters).length + JSON.stringify(routes).length) / 1000),
    'synth ms': Math.round(synthMs),
  };
}

async function main(): Promise<void> {
  const rows = [];
  for (const lanes of [0, 10, 50, 100]) for (const fallback of [false, true]) rows.push(await costs(lanes, fallback));
  console.table(rows);
}

void main();
