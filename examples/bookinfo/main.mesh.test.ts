import { App, Testing } from 'cdk8s';
import { blue, Bookinfo, byContent, canary, circuitBreaker, green, mirror, retireV1, takeOver } from './main';
import { Behaviour, Mesh, MeshOptions, MeshRequest } from '../../test/mesh/mesh';
import { strays } from '../../test/support/shares';

type Step = (app: App) => Bookinfo;
const manifests = (build: Step) => Testing.synth(build(Testing.app()));

const ratings = { host: 'ratings', port: 9080 };
const options: MeshOptions = {
  calls: {
    'productpage': [{ host: 'details', port: 9080 }, { host: 'reviews', port: 9080 }],
    'reviews-v2': [ratings],
    'reviews-v3': [ratings],
  },
  propagate: ['end-user'],
};

/** A request that enters at the gateway. */
const visit = (repeat: number, more: Partial<MeshRequest> = {}): MeshRequest =>
  ({ from: { gateway: { istio: 'ingressgateway' } }, host: 'bookinfo.example.com', path: '/productpage', repeat, ...more });

const page = (reviews: string) => `productpage-v1 -> [details-v1, ${reviews}]`;
const v1 = page('reviews-v1');
const v2 = page('reviews-v2 -> ratings-v1');

describe('step by step', () => {
  let mesh: Mesh;
  beforeAll(async () => { mesh = await Mesh.start(manifests(blue), options); }, 900_000);
  afterAll(() => mesh?.stop());

  /** Moves the mesh to a step, as `kubectl apply` would. */
  const apply = (build: Step) => mesh.update(manifests(build));

  /** Moves the mesh to a step while requests are under way, and tells in what other ways than these they ended. */
  const applyUnderLoad = async (build: Step, expected: string[]) => {
    const load = mesh.send(visit(300, { intervalMs: 1 }));
    await apply(build);
    return Object.keys((await load).paths).filter((path) => !expected.includes(path));
  };

  test('canary: reviews v1 and v2 get half each, and v1 does not call ratings', async () => {
    await apply(canary);
    expect(strays((await mesh.send(visit(400))).paths, { [v1]: 1 / 2, [v2]: 1 / 2 })).toEqual([]);
  });

  test('by request content: jason meets v2, everybody else v1', async () => {
    await apply(byContent);
    expect((await mesh.send(visit(20, { headers: { 'end-user': 'jason' } }))).paths).toEqual({ [v2]: 20 });
    expect((await mesh.send(visit(20, { headers: { 'end-user': 'ann' } }))).paths).toEqual({ [v1]: 20 });
    expect((await mesh.send(visit(20))).paths).toEqual({ [v1]: 20 });
  });

  test('blue-green: the switch and the way back lose no request', async () => {
    await apply(blue);
    expect((await mesh.send(visit(20))).paths).toEqual({ [v1]: 20 });
    expect(await applyUnderLoad(green, [v1, v2])).toEqual([]);
    expect((await mesh.send(visit(20))).paths).toEqual({ [v2]: 20 });
    expect(await applyUnderLoad(blue, [v1, v2])).toEqual([]);
    expect((await mesh.send(visit(20))).paths).toEqual({ [v1]: 20 });
  });

  test('mirror: v1 answers, v2 sees every request, and calls ratings for the copy', async () => {
    await apply(mirror);
    const { paths, mirrors } = await mesh.send(visit(30));
    expect(paths).toEqual({ [v1]: 30 });
    expect(mirrors).toMatchObject({ 'reviews-v2': 30 });
  });

  test('take over, then retire v1: only v2 answers, no request is lost, and the pods of v1 are gone', async () => {
    expect(await applyUnderLoad((app) => takeOver(app), [v1, v2])).toEqual([]);
    expect((await mesh.send(visit(20))).paths).toEqual({ [v2]: 20 });
    expect(await applyUnderLoad(retireV1, [v2])).toEqual([]);
    const from = { namespace: 'bookinfo', sidecar: false };
    const anyPod = await mesh.send({ from, host: 'reviews', port: 9080, repeat: 20 });
    expect(Object.keys(anyPod.distribution).sort()).toEqual(['reviews-v2', 'reviews-v3']);
    expect((await mesh.send(visit(20))).paths).toEqual({ [v2]: 20 });
  });
});

describe('circuit breaking on ratings', () => {
  let mesh: Mesh;
  beforeAll(async () => { mesh = await Mesh.start(manifests(circuitBreaker), options); }, 900_000);
  afterAll(() => mesh?.stop());

  const withRatings = (behaviour: Behaviour): Partial<MeshRequest> => ({ backends: { ratings: behaviour } });
  const rejected = page('reviews-v2 -> !503 UO');
  const total = (name: string) => mesh.total(name, { proxy: 'reviews-v2', cluster: 'ratings' });

  test('one client at a time is served', async () => {
    expect((await mesh.send(visit(20))).paths).toEqual({ [v2]: 20 });
    expect(await total('upstream_rq_pending_overflow')).toBe(0);
  });

  test('of 3 at once some meet 503 UO, reviews v2 counts them, and no pod is ejected for it', async () => {
    const { paths } = await mesh.send(visit(60, { concurrency: 3, ...withRatings({ delayMs: 50 }) }));
    expect(Object.keys(paths).sort()).toEqual([rejected, v2].sort());
    expect(await total('upstream_rq_pending_overflow')).toBe(paths[rejected]);
    expect(await total('outlier_detection.ejections_enforced_total')).toBe(0);
    expect((await mesh.send(visit(5))).paths).toEqual({ [v2]: 5 });
  });

  test('a pod of ratings that answers 500 five times is ejected: 503 UH at once', async () => {
    const failing = await mesh.send(visit(12, withRatings({ status: 500 })));
    const ratingsHops = failing.responses.map(({ hops }) => hops.find(({ host }) => host === 'ratings')!);
    expect(ratingsHops.map(({ status, flags }) => `${status} ${flags}`.trim())).toEqual([...Array(5).fill('500'), ...Array(7).fill('503 UH')]);
    expect(await total('outlier_detection.ejections_enforced_total')).toBe(1);
    expect((await mesh.send(visit(5))).paths).toEqual({ [page('reviews-v2 -> !503 UH')]: 5 });
  });
});
