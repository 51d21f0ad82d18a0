import { execFileSync } from 'child_process';
import { readFileSync } from 'fs';
import { Testing } from 'cdk8s';
import { branchEnvironments } from '../../examples/branch-environments/main';
import { Mesh } from '../mesh/mesh';

/*
 * `npm run bench:mesh`: what the real mesh of scenario A costs, from a warm cache. Wanted: a start within 3 s, 1,000 requests
 * (each over the gateway and two hops) within 5 s, less than 1 GiB.
 */
async function main(): Promise<void> {
  const manifests = Testing.synth(branchEnvironments(Testing.app()));
  const began = Date.now();
  const mesh = await Mesh.start(manifests, { calls: { testaaa: [{ host: 'testbbb', port: 32000 }] }, propagate: { 'project-version': '-' } });
  const send = (repeat: number) => mesh.send({ from: { gateway: { istio: 'ingressgateway' } }, host: 'testaaa.example.com', repeat });
  await send(1);
  console.log(`start and first request  ${Date.now() - began} ms`);
  const sending = Date.now();
  await send(1000);
  console.log(`1,000 requests           ${Date.now() - sending} ms`);
  console.log(`runner and Envoy         ${residentMegabytes()} MB resident`);
  await mesh.stop();
}

/** Of all processes below this one; Linux only, as the mesh is. */
function residentMegabytes(): number {
  const processes = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const below = (pid: number): number[] => processes.filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  const kilobytes = below(process.pid).map((pid) => {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0; // it ended meanwhile, as `ps` itself does
    }
  });
  return Math.round(kilobytes.reduce((sum, each) => sum + each, 0) / 1024);
}

void main();
