import { App } from 'cdk8s';
import { Mesh, MeshOptions, Outcome, Sender } from './mesh';
import * as bookinfo from '../../examples/bookinfo/main';
import * as tutorial from '../../examples/traffic-management/cases';
import { Tutorial } from '../../examples/traffic-management/tutorial';
import { StainedRoute } from '../../src';
import { strays } from '../support/shares';

/*
 * The law of lanes over the examples: a lane beside a split, beside rules by content, beside a mirror. A laned request fares as
 * the same request without the header would, except that services of the lane answer by their own version.
 */
const callers: MeshOptions = {
  calls: { customer: [{ host: 'preference', port: 8080 }], preference: [{ host: 'recommendation', port: 8080 }] },
  propagate: ['project-version', 'user-agent', 'end-user'],
};
const inTutorial: Sender = { namespace: 'tutorial' };
const lane = (name: string) => ({ 'project-version': name });

async function on<T>(manifests: object[], options: MeshOptions, judge: (mesh: Mesh) => Promise<T>): Promise<T> {
  const mesh = await Mesh.start(manifests, options);
  try {
    return await judge(mesh);
  } finally {
    await mesh.stop();
  }
}

test('beside a 90/10 split: a lane of recommendation answers alone, a lane of preference leaves the split as it is', async () => {
  const app = tutorial.split(new App(), 90, 10);
  const stain = new StainedRoute(app, 'lanes');
  stain.addLane('far').serve(app.recommendation, { image: 'recommendation:far' });
  stain.addLane('near').serve(app.preference, { image: 'preference:near' });
  await on(app.toJson(), callers, async (mesh) => {
    const send = (headers = {}): Promise<Outcome> => mesh.send({ from: inTutorial, host: 'customer', port: 8080, headers, repeat: 300, concurrency: 4 });
    const split = (preference: string) => ({
      [`customer-v1 -> ${preference} -> recommendation-v1`]: 0.9, [`customer-v1 -> ${preference} -> recommendation-v2`]: 0.1,
    });
    expect(strays((await send()).paths, split('preference-v1'))).toEqual([]);
    expect(strays((await send(lane('nobody'))).paths, split('preference-v1'))).toEqual([]);
    expect(strays((await send(lane('near'))).paths, split('preference-near'))).toEqual([]);
    expect((await send(lane('far'))).paths).toEqual({ 'customer-v1 -> preference-v1 -> recommendation-far': 300 });
  });
});

test('beside rules by content: each rule has its lane, and requests without lane follow the rules', async () => {
  const app = bookinfo.byContent(new App());
  new StainedRoute(app, 'lanes').addLane('stars').serve(app.reviews, { image: 'reviews:stars' });
  await on(app.toJson(), {}, async (mesh) => {
    const send = (headers: Record<string, string>) => mesh.send({ from: { namespace: 'bookinfo' }, host: 'reviews', port: 9080, headers, repeat: 20 });
    expect((await send({})).distribution).toEqual({ 'reviews-v1': 20 });
    expect((await send({ 'end-user': 'jason' })).distribution).toEqual({ 'reviews-v2': 20 });
    for (const headers of [lane('stars'), { ...lane('stars'), 'end-user': 'jason' }]) {
      const outcome = await send(headers);
      expect(outcome.distribution).toEqual({ 'reviews-stars': 20 });
      expect(outcome.responses[0].headers['x-served-lane']).toBe('stars');
    }
  });
});

test('beside a mirror: requests of the lane are not copied, all others still are', async () => {
  const app = bookinfo.mirror(new App());
  new StainedRoute(app, 'lanes').addLane('stars').serve(app.reviews, { image: 'reviews:stars' });
  await on(app.toJson(), {}, async (mesh) => {
    const send = (headers: Record<string, string>) => mesh.send({ from: { namespace: 'bookinfo' }, host: 'reviews', port: 9080, headers, repeat: 20 });
    expect(await send({})).toMatchObject({ distribution: { 'reviews-v1': 20 }, mirrors: { 'reviews-v2': 20 } });
    expect(await send(lane('nobody'))).toMatchObject({ distribution: { 'reviews-v1': 20 }, mirrors: { 'reviews-v2': 20 } });
    expect(await send(lane('stars'))).toMatchObject({ distribution: { 'reviews-stars': 20 }, mirrors: {} });
  });
});

test('beside a sticky split: a user stays with the version first met, and a lane sets no cookie', async () => {
  const app = new Tutorial(new App(), 'sticky');
  app.recommendation.splitSticky({ v1: 1, v2: 1 });
  new StainedRoute(app, 'lanes').addLane('far').serve(app.recommendation, { image: 'recommendation:far' });
  await on(app.toJson(), {}, async (mesh) => {
    const send = (headers: Record<string, string>, repeat: number) => mesh.send({ from: inTutorial, host: 'recommendation', port: 8080, headers, repeat });
    const first = await send({}, 40);
    expect(Object.keys(first.distribution).sort()).toEqual(['recommendation-v1', 'recommendation-v2']);
    for (const { workload, headers } of first.responses) {
      const version = workload.replace('recommendation-', '');
      expect(headers['set-cookie']).toBe(`recommendation-version=${version}; Path=/`);
    }
    for (const version of ['v1', 'v2']) {
      const again = await send({ cookie: `theme=dark; recommendation-version=${version}` }, 20);
      expect(again.distribution).toEqual({ [`recommendation-${version}`]: 20 });
    }
    const laned = await send(lane('far'), 20);
    expect(laned.distribution).toEqual({ 'recommendation-far': 20 });
    expect(laned.responses.map(({ headers }) => headers['set-cookie'])).toEqual(Array(20).fill(undefined));
  });
});
