import { readFileSync } from 'fs';
import { join } from 'path';
import { build } from 'esbuild';

const ROOT = join(__dirname, '..', '..', '..');

/** A change of one source file: negative controls break the product on purpose. */
export interface Mutation {
  /** Below src/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Compiles the command line into one file, since starting the sources takes half a second a process. With `mutations` something
 * in it is wrong; each must fit, or the control would control nothing.
 */
export async function bundleCli(folder: string, name: string, mutations: Mutation[] = []): Promise<string> {
  const outfile = join(folder, `${name}.js`);
  const fitting = new Set<Mutation>();
  await build({
    entryPoints: [join(ROOT, 'src/cli/cdk8s-lanes.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    plugins: [{
      name: 'mutations',
      setup: (plugin) => plugin.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
        let contents = readFileSync(path, 'utf8');
        for (const mutation of mutations.filter(({ file }) => path === join(ROOT, 'src', file))) {
          if (contents.split(mutation.from).length !== 2) throw new Error(`the mutation of ${mutation.file} does not fit: ${mutation.from}`);
          contents = contents.replace(mutation.from, mutation.to);
          fitting.add(mutation);
        }
        return { contents, loader: 'ts' };
      }),
    }],
  });
  if (fitting.size !== mutations.length) throw new Error('a mutation is of a file that the command line does not use');
  return outfile;
}
