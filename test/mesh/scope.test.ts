import { App, Chart, Testing } from 'cdk8s';
import { Mesh, MeshOptions, MeshRequest, Sender } from './mesh';
import { byContent } from '../../examples/bookinfo/main';
import { branchEnvironments } from '../../examples/branch-environments/main';
import { userAgent } from '../../examples/traffic-management/cases';
import { CanaryService, Scope, Workloads } from '../../src';

/* A Scope takes away what nobody calls, and nothing else: three examples answer as they do without one. */

const gateway: Sender = { gateway: { istio: 'ingressgateway' } };

/** Whom the requests of an example are sent by, and what may differ between them. */
interface Example {
  readonly name: string;
  readonly build: (app: App) => Chart;
  readonly options: MeshOptions;
  readonly requests: MeshRequest[];
  /** How many different chains of workloads the requests meet: one alone would show nothing. */
  readonly chains: number;
}

const lanes = [undefined, 'release', '-', 'release-v9', 'release-v1', 'release-v2', 'release-v3'];
const examples: Example[] = [
  {
    name: 'branch-environments',
    build: branchEnvironments,
    options: { calls: { testaaa: [{ host: 'testbbb', port: 32000 }] }, propagate: { 'project-version': '-' } },
    requests: [
      { from: gateway, host: 'testaaa.example.com' },
      ...['test-istio', 'elsewhere'].flatMap((namespace) => [['testaaa', 31000], ['testbbb', 32000]].map(([host, port]) => (
        { from: { namespace }, host: `${host}.test-istio`, port: Number(port) }
      ))),
    ].flatMap((request) => lanes.map((lane): MeshRequest => ({ ...request, repeat: 10, ...(lane === undefined ? {} : { headers: { 'project-version': lane } }) }))),
    chains: 7,
  },
  {
    name: 'bookinfo',
    build: byContent,
    options: {
      calls: {
        'productpage': [{ host: 'details', port: 9080 }, { host: 'reviews', port: 9080 }],
        'reviews-v2': [{ host: 'ratings', port: 9080 }],
      },
      propagate: ['end-user'],
    },
    requests: ['jason', 'ann'].map((user) => (
      { from: gateway, host: 'bookinfo.example.com', path: '/productpage', headers: { 'end-user': user }, repeat: 10 }
    )),
    chains: 2,
  },
  {
    name: 'traffic-management',
    build: userAgent,
    options: { calls: { customer: [{ host: 'preference', port: 8080 }], preference: [{ host: 'recommendation', port: 8080 }] }, propagate: ['user-agent'] },
    requests: ['Safari/605', 'Firefox/130', 'Mobile'].map((agent) => (
      { from: { namespace: 'tutorial' }, host: 'customer', port: 8080, headers: { 'user-agent': agent }, repeat: 10 }
    )),
    chains: 2,
  },
];

/** The example with all its services and its namespace in a Scope. */
function scoped(build: (app: App) => Chart): Chart {
  const chart = build(Testing.app());
  const services = chart.node.findAll().filter((each): each is CanaryService => each instanceof CanaryService);
  new Scope(chart, 'scope', {
    on: [...services, Workloads.inNamespace(chart.namespace!)], registryOnly: true, exportTo: true, callersFrom: ['elsewhere'],
  });
  return chart;
}

async function pathsOf(chart: Chart, { options, requests }: Example): Promise<object[]> {
  const mesh = await Mesh.start(Testing.synth(chart), options);
  try {
    return (await mesh.sendAll(requests)).map(({ paths }) => paths);
  } finally {
    await mesh.stop();
  }
}

test.each(examples.map((example): [string, Example] => [example.name, example]))('%s is served as without', async (_, example) => {
  const without = await pathsOf(example.build(Testing.app()), example);
  const within = await pathsOf(scoped(example.build), example);

  expect(new Set(without.flatMap((paths) => Object.keys(paths))).size).toBe(example.chains);
  expect(without.flatMap((paths) => Object.keys(paths)).filter((path) => path.includes('!'))).toEqual([]);
  expect(within).toEqual(without);
}, 120_000);

describe('what it takes away', () => {
  let mesh: Mesh;
  beforeAll(async () => { mesh = await Mesh.start(Testing.synth(scoped(branchEnvironments)), examples[0].options); }, 900_000);
  afterAll(() => mesh?.stop());

  const headers = { 'project-version': 'release-v1' };

  test('calls that nobody declared, here to a port that no known host has', async () => {
    const [answer] = (await mesh.send({ from: { namespace: 'test-istio', workload: 'testbbb-release' }, host: 'testaaa', port: 31000 })).responses;
    expect(answer).toMatchObject({ status: 0, hops: [{ hits: [] }] });
  });

  test('rules, for callers of namespaces that nobody declared: they meet any pod', async () => {
    const meets = async (namespace: string) => {
      const { distribution } = await mesh.send({ from: { namespace }, host: 'testbbb.test-istio', port: 32000, headers, repeat: 60 });
      return Object.keys(distribution);
    };
    expect(await meets('elsewhere')).toEqual(['testbbb-release-v1']);
    expect((await meets('strangers')).length).toBeGreaterThan(1);
  });

  test('proxies know fewer clusters', async () => {
    const from: Sender = { namespace: 'test-istio', workload: 'testbbb-release' };
    const wide = await Mesh.start(Testing.synth(branchEnvironments(Testing.app())), examples[0].options);
    try {
      const [within, without] = await Promise.all([mesh.dump(from), wide.dump(from)]);
      const count = (dump: any) => Object.keys(dump.clusters).length;
      expect(count(within)).toBeLessThan(count(without));
    } finally {
      await wide.stop();
    }
  });
});
