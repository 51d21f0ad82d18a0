import { spawnSync } from 'child_process';
import { join } from 'path';

const root = join(__dirname, '..', '..');

/** The command line as its own process, as users have it; `input` is its standard input. */
export function cli(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(root, 'src/cli/cdk8s-lanes.ts'), ...args], { cwd: root, input, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** The longest line of a text. */
export function widthOf(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}
