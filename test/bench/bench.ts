import { execFileSync } from 'child_process';
import { join } from 'path';
import { LANES, SERVICES } from './workload';

/*
 * `npm run bench [-- ROUNDS]`: what the constructs cost over the same objects written by hand with the Deployments of
 * cdk8s-plus and bare ApiObjects. Both run once a round, in an order that alternates, each in a process of its own; the ratio is
 * the median of the rounds' ratios, which a busy machine disturbs least. Then the simulator is measured, in a process of its own.
 */
const rounds = Number(process.argv[2] ?? 15);
const variants = ['by-hand', 'by-library'] as const;
const measured: Record<string, number>[] = [];
for (let round = 0; round <= rounds; round++) {
  const order = round % 2 === 0 ? variants : [...variants].reverse();
  measured.push(Object.fromEntries(order.map((variant) => [variant, cpuMilliseconds(variant)])));
}
measured.shift(); // the first round warms the caches of the disk

console.log(`Synthesis of ${SERVICES.length} services × ${LANES.length} lanes, CPU ms, median of ${rounds} paired rounds`);
for (const variant of variants) console.log(`  ${variant.padEnd(11)} ${median(measured.map((round) => round[variant])).toFixed(0)}`);
console.log(`  ratio       ${median(measured.map((round) => round['by-library'] / round['by-hand'])).toFixed(2)} (at most 1.15 wanted)`);
execFileSync(process.execPath, ['--import', 'tsx', join(__dirname, 'simulator.ts')], { stdio: 'inherit' });

function cpuMilliseconds(variant: string): number {
  return Number(execFileSync(process.execPath, ['--import', 'tsx', join(__dirname, 'synthesize.ts'), variant], { encoding: 'utf8' }));
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
