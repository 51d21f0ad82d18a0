import { stringify } from 'yaml';
import { lanedMesh } from './laned-mesh';
import { parseManifests } from '../../src/manifests';
import { MeshModel, SimulatedRequest } from '../../src/simulate';

/*
 * What the simulator costs, in CPU milliseconds, each the median of the rounds: requests against a mesh of 100 services × 50 lanes
 * once it is loaded, and loading 10,000 objects of YAML.
 */
const rounds = Number(process.argv[2] ?? 7);
const REQUESTS = 1000;

const mesh = lanedMesh(100, 50);
const text = lanedMesh(200, 46).map((manifest) => stringify(manifest)).join('---\n');
const objects = parseManifests(text, 'bench.yaml').length;

const sending: number[] = [];
const loading: number[] = [];
for (let round = 0; round < rounds; round++) {
  // A model of its own each time: nothing is known from the round before.
  const model = MeshModel.of(mesh);
  sending.push(milliseconds(() => requests(round).forEach((request) => model.send(request))));
  loading.push(milliseconds(() => MeshModel.of(parseManifests(text, 'bench.yaml').map(({ manifest }) => manifest))));
}
console.log(`Simulator, CPU ms, median of ${rounds} rounds`);
console.log(`  ${REQUESTS} requests, 100 services × 50 lanes    ${median(sending).toFixed(0)} (at most 1000 wanted)`);
console.log(`  loading ${objects} objects, ${(text.length / 1e6).toFixed(1)} MB of YAML   ${median(loading).toFixed(0)} (at most 3000 wanted)`);

/** Requests for all services, with lanes that are there, lanes that are not, and none; by pods and through the gateway. */
function requests(round: number): SimulatedRequest[] {
  return Array.from({ length: REQUESTS }, (_, index): SimulatedRequest => {
    const lane = (index * 7 + round) % 55;
    const headers: Record<string, string> = lane > 52 ? {} : { 'project-version': `lane-${lane}` };
    const service = `service-${(index * 13) % 100}`;
    if (index % 4 === 0) return { from: { gateway: { istio: 'ingressgateway' } }, host: `${service}.example.com`, path: '/api/x', headers };
    return { from: { namespace: index % 2 ? 'shop' : `team-${index % 5}` }, host: `${service}.shop`, path: `/api/${index}`, headers };
  });
}

/** CPU time: what a machine that has nothing else to do would take at most. */
function milliseconds(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1e3;
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)];
}
