import { api, create, ISTIO, makeNamespace } from './support/api';
import { cli } from './support/cli';
import { converge } from '../../src/cluster/converge';
import { Kubectl } from '../../src/cluster/kubectl';
import { KubectlCluster } from '../../src/cluster/kubectl-cluster';
import { baseline, lane } from '../support/branch-manifests';
import { quietSession } from '../support/fake-cluster';

const LANES = 100;

/** A cluster that counts how long it keeps its caller waiting. */
class TimedCluster extends KubectlCluster {
  public waited = 0;

  public async list(...args: Parameters<KubectlCluster['list']>) {
    return this.timed(super.list(...args));
  }

  public async replace(...args: Parameters<KubectlCluster['replace']>) {
    return this.timed(super.replace(...args));
  }

  private async timed<T>(call: Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await call;
    } finally {
      this.waited += performance.now() - began;
    }
  }
}

test('100 lanes on one host, five rules each: converge takes under 2 s beside the API server, and warns when the routes outgrow their budget', async () => {
  const namespace = await makeNamespace('hundred');
  const cart = { service: 'cart', namespace };
  const host = `cart.${namespace}.svc.cluster.local`;
  const paths = ['/api', '/admin', '/static', '/health'].map((prefix) => ({ match: [{ uri: { prefix } }], route: [{ destination: { host, subset: 'main', port: { number: 8080 } } }] }));
  const [service, , rule, virtualService] = baseline({ ...cart, branch: 'main', http: [...paths, { route: [{ destination: { host, subset: 'main', port: { number: 8080 } } }] }] });
  await Promise.all([service, rule, virtualService].map(create));
  for (let first = 0; first < LANES; first += 10) {
    await Promise.all(Array.from({ length: 10 }, async (_, index) => {
      const [deployment] = lane({ ...cart, branch: `lane-${String(first + index).padStart(3, '0')}` });
      await create({ ...deployment, metadata: { ...deployment.metadata, labels: { ...deployment.metadata.labels, 'cdk8s-lanes/routable': 'true' } } });
    }));
  }
  const cluster = new TimedCluster(new Kubectl({ program: process.env.CLUSTER_KUBECTL, kubeconfig: process.env.CLUSTER_KUBECONFIG }), [namespace]);
  const session = quietSession();
  const began = performance.now();
  const { writes, sizes } = await converge(cluster, session, { force: false });
  const beside = performance.now() - began - cluster.waited;
  process.stdout.write(`converge of ${LANES} lanes: ${Math.round(beside)} ms beside ${Math.round(cluster.waited)} ms of the API server; ${JSON.stringify(sizes)}\n`);
  expect(beside).toBeLessThan(2000);
  expect(writes).toBe(1);
  expect(sizes).toEqual([{ name: 'VirtualService hundred/cart', rules: LANES * 5 + 5, bytes: expect.any(Number) }]);
  expect(session.warnings).toEqual([expect.stringMatching(/VirtualService hundred\/cart has 505 rules and \d+ bytes, over the budget of 500 rules and 200000 bytes/)]);
  const { spec } = await api('GET', `${ISTIO}/namespaces/${namespace}/virtualservices/cart`);
  expect(spec.http).toHaveLength(LANES * 5 + 5);
  expect(JSON.stringify(spec)).toHaveLength(sizes[0].bytes);

  const again = await cli(['converge', '-n', namespace]);
  expect(again.stdout).toMatch(/VirtualService hundred\/cart: 505 rules, \d+ bytes\n1 VirtualServices, 0 written, 0 conflicts/);
});
