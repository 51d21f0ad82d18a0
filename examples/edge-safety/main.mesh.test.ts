import { Testing } from 'cdk8s';
import { HOSTILE_REQUESTS, HostileRequest } from './hostile-requests';
import { edgeSafety } from './main';
import { Hit, Mesh, MeshRequest, Sender } from '../../test/mesh/mesh';

/*
 * What the README promises, on istiod's code and a running Envoy. Applications forward the lane header and baggage, as they got them.
 */
const applications = { calls: { checkout: [{ host: 'stock', port: 8080 }] }, propagate: ['project-version', 'baggage'] };
const REPEAT = 5;
const SECRET = 'example-only-3f9c1e7a5b2d4860';

const outside: Sender = { gateway: { istio: 'ingressgateway' } };
const inside: Sender = { gateway: { istio: 'internal-gateway' } };
const BASELINE = 'checkout-main -> stock-main';

let mesh: Mesh;
beforeAll(async () => {
  mesh = await Mesh.start(Testing.synth(edgeSafety(Testing.app())), applications);
}, 900_000);
afterAll(() => mesh?.stop());

const paths = async (request: Omit<MeshRequest, 'repeat'>) => (await mesh.send({ ...request, repeat: REPEAT })).paths;

describe('nobody gets into a lane from outside', () => {
  test.each(['shop.example.com', 'beta.example.com', 'testers.example.com'])('at %s, by header or baggage; no application sees either', async (host) => {
    const sayings: Record<string, string>[] = [{ 'project-version': 'new-checkout' }, { 'project-version': 'new-stock' }, { baggage: 'lane=new-checkout' }];
    for (const headers of sayings) {
      const outcome = await mesh.send({ from: outside, host, headers, repeat: REPEAT });
      expect(outcome.paths).toEqual({ [BASELINE]: REPEAT });
      expect(outcome.responses.flatMap(({ hops }) => hops.flatMap(({ hits }) => hits)).filter(isStained)).toEqual([]);
    }
  });

  test('what an application of the house says counts on', async () => {
    expect(await paths({ from: { namespace: 'shop' }, host: 'checkout', port: 8080, headers: { 'project-version': 'new-checkout' } }))
      .toEqual({ 'checkout-new-checkout -> stock-new-checkout': REPEAT });
  });
});

describe('hostile requests', () => {
  test('get into lanes at the open gateway, at least 50 of them: so the next test can fail', async () => {
    const stained: string[] = [];
    for (const each of HOSTILE_REQUESTS) if (await stains(each, inside, 'shop.example.com')) stained.push(each.name);
    expect(stained.length).toBeGreaterThanOrEqual(50);
  }, 300_000);

  test.each(['shop.example.com', 'beta.example.com', 'testers.example.com'])('get into none at %s', async (host) => {
    const stained: string[] = [];
    for (const each of HOSTILE_REQUESTS) if (await stains(each, outside, host)) stained.push(each.name);
    expect(stained).toEqual([]);
  }, 300_000);
});

describe('the host of a lane', () => {
  test('is the lane\'s at every hop, whatever the request says', async () => {
    for (const headers of [{}, { 'project-version': 'new-stock' }, { 'project-version': '-' }, { baggage: 'lane=new-stock' }] as Record<string, string>[]) {
      expect(await paths({ from: outside, host: 'new-checkout.preview.example.com', headers })).toEqual({ 'checkout-new-checkout -> stock-new-checkout': REPEAT });
    }
  });

  test('meets the baseline where the lane has nothing', async () => {
    expect(await paths({ from: outside, host: 'new-stock.preview.example.com' })).toEqual({ 'checkout-main -> stock-new-stock': REPEAT });
  });

  test('of a lane that does not exist is nobody\'s', async () => {
    expect(await paths({ from: outside, host: 'new-nothing.preview.example.com' })).toEqual({ '!404 NR': REPEAT });
  });
});

describe('the secret', () => {
  const send = (headers: Record<string, string | string[]>) => mesh.send({ from: outside, host: 'testers.example.com', headers, repeat: REPEAT });

  test.each<[Record<string, string>, string]>([
    [{ 'project-version': 'new-checkout' }, 'checkout-new-checkout -> stock-new-checkout'],
    [{ 'project-version': 'new-stock' }, 'checkout-main -> stock-new-stock'],
    [{ baggage: 'lane=new-checkout' }, 'checkout-new-checkout -> stock-new-checkout'],
    [{ 'project-version': 'unknown' }, BASELINE],
    [{}, BASELINE],
  ])('beside %j: %s', async (headers, path) => {
    const outcome = await send({ ...headers, 'x-lane-key': SECRET });
    expect(outcome.paths).toEqual({ [path]: REPEAT });
  });

  test('goes no further than the gateway, whether it is right or wrong', async () => {
    for (const key of [SECRET, 'wrong']) {
      const outcome = await send({ 'project-version': 'new-checkout', 'x-lane-key': key });
      expect(outcome.responses.flatMap(({ hops }) => hops.flatMap(({ hits }) => hits)).filter(({ headers }) => 'x-lane-key' in headers)).toEqual([]);
    }
  });

  test.each<[string, string | string[]]>([
    ['wrong', 'wrong'], ['too short', SECRET.slice(0, -1)], ['too long', `${SECRET}x`], ['in capitals', SECRET.toUpperCase()], ['twice', [SECRET, SECRET]], ['beside a wrong one', ['wrong', SECRET]],
    ['empty', ''],
  ])('%s is none', async (_, key) => {
    expect((await send({ 'project-version': 'new-checkout', 'x-lane-key': key })).paths).toEqual({ [BASELINE]: REPEAT });
  });
});

/** Whether any application was reached as a lane's, or told of a lane. */
async function stains({ bytes, answers }: HostileRequest, from: Sender, host: string): Promise<boolean> {
  const outcome = await mesh.send({ from, host, raw: bytes(host), rawResponses: answers, timeoutMs: 3000 });
  return outcome.responses.flatMap(({ hops }) => hops.flatMap(({ hits }) => hits)).some(isStained);
}

function isStained({ workload, headers, repeatedHeaders, trailers }: Hit): boolean {
  return workload.includes('-new-') || JSON.stringify([headers, repeatedHeaders, trailers].map((each) => [each?.['project-version'], each?.baggage])).includes('new-');
}
