import { ApiObject, App, JsonPatch } from 'cdk8s';
import { CallOptions, CALLS_ANNOTATION, CanaryService, MeshHost, StainedRoute } from '../src';
import { chartOf, objectOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

/** productpage, reviews (v1, v2), ratings, and a host that others deploy. */
function bookinfo() {
  const app = new App();
  const chart = chartOf('bookinfo', 'bookinfo', app);
  const [productpage, reviews, ratings] = ['productpage', 'reviews', 'ratings']
    .map((name) => new CanaryService(chart, name, { port: 9080, template: { image: name }, baseline: { version: 'v1' } }));
  const v2 = reviews.addVersion('v2');
  const ledger = new MeshHost(chart, 'ledger', { name: 'ledger', namespace: 'bank' });
  const said = (kind: string, name: string): string | undefined => objectOf(chart, kind, name).metadata.annotations?.[CALLS_ANNOTATION];
  return { app, chart, productpage, reviews, ratings, v2, ledger, said };
}

const at = (name: string) => `${name}.bookinfo.svc.cluster.local:9080`;

test('a service says whom it calls at its Service, in the order said', () => {
  const { chart, productpage, reviews, ratings, said } = bookinfo();
  productpage.calls(reviews).calls(ratings);

  expect(said('Service', 'productpage')).toBe(`${at('reviews')},${at('ratings')}`);
  expect(said('Deployment', 'productpage-v1')).toBeUndefined();
  expect(schemaProblems(chart.toJson())).toEqual([]);
});

test('where nothing is said there is no annotation', () => {
  const { chart } = bookinfo();

  expect(JSON.stringify(chart.toJson())).not.toContain(CALLS_ANNOTATION);
});

test('a version says whom it calls at its Deployment, and nothing at its pods, which would restart for it', () => {
  const { chart, ratings, v2, said } = bookinfo();
  v2.calls(ratings);

  expect(said('Deployment', 'reviews-v2')).toBe(at('ratings'));
  expect(said('Deployment', 'reviews-v1')).toBeUndefined();
  expect(said('Service', 'reviews')).toBeUndefined();
  expect(objectOf(chart, 'Deployment', 'reviews-v2').spec.template.metadata.annotations).toEqual({ 'sidecar.istio.io/inject': 'true' });
});

test('a version calls nobody, unlike its service', () => {
  const { reviews, ratings, said } = bookinfo();
  reviews.calls(ratings);
  reviews.baseline.callsNobody();

  expect(said('Service', 'reviews')).toBe(at('ratings'));
  expect(said('Deployment', 'reviews-v1')).toBe('');
});

test('the version of a lane calls others than its service does', () => {
  const { chart, productpage, reviews, ratings, said } = bookinfo();
  productpage.calls(reviews);
  const lane = new StainedRoute(chart, 'lanes').addLane('direct');
  lane.serve(productpage).calls(reviews).calls(ratings);

  expect(said('Deployment', 'productpage-direct')).toBe(`${at('reviews')},${at('ratings')}`);
});

test('a service without versions says it too', () => {
  const { chart, ratings, said } = bookinfo();
  const plain = new CanaryService(chart, 'plain', { port: 80, baseline: { image: 'plain' } });
  plain.calls(ratings);
  plain.baseline.callsNobody();

  expect(said('Service', 'plain')).toBe(at('ratings'));
  expect(said('Deployment', 'plain')).toBe('');
});

test('all the props', () => {
  const { productpage, ledger, said } = bookinfo();
  const how: Required<CallOptions> = { port: 8443, path: '/accounts/1?full=yes' };
  productpage.calls(ledger, how);

  expect(said('Service', 'productpage')).toBe('ledger.bank.svc.cluster.local:8443/accounts/1?full=yes');
});

test('a service may call itself, and one service at several ports and paths', () => {
  const { reviews, said } = bookinfo();
  reviews.calls(reviews, { path: '/a' }).calls(reviews, { path: '/b' }).calls(reviews, { port: 80 });

  expect(said('Service', 'reviews')).toBe(`${at('reviews')}/a,${at('reviews')}/b,reviews.bookinfo.svc.cluster.local:80`);
});

test('what is said twice, by several charts for example, is written once', () => {
  const { productpage, reviews, ratings, said } = bookinfo();
  productpage.calls(reviews).calls(ratings).calls(reviews);

  expect(said('Service', 'productpage')).toBe(`${at('reviews')},${at('ratings')}`);
});

test('nothing else of the app changes', () => {
  const { app, productpage, reviews, said } = bookinfo();
  productpage.calls(reviews);
  const line = `  annotations:\n    ${CALLS_ANNOTATION}: ${said('Service', 'productpage')}\n`;

  expect(app.synthYaml().replace(line, '')).toBe(bookinfo().app.synthYaml());
});

test('annotations and patches of the user stay', () => {
  const { chart, productpage, reviews } = bookinfo();
  productpage.service.metadata.addAnnotation('team', 'shop');
  productpage.calls(reviews);
  ApiObject.of(productpage.baseline).addJsonPatch(JsonPatch.add('/metadata/annotations', { note: 'x' }));

  expect(objectOf(chart, 'Service', 'productpage').metadata.annotations).toEqual({ team: 'shop', [CALLS_ANNOTATION]: at('reviews') });
  expect(objectOf(chart, 'Deployment', 'productpage-v1').metadata.annotations).toEqual({ note: 'x' });
});

describe('refused are', () => {
  test('a host whose port nobody said', () => {
    const { productpage, ledger } = bookinfo();
    expectRefusal(() => productpage.calls(ledger), { code: 'CallPort', property: 'port', path: 'bookinfo/productpage', got: undefined, says: /does not know the port of ledger\.bank.*calls\(host, \{ port \}\)/ });
  });

  test.each([0, 65536, 1.5, Number.NaN])('the port %d', (port) => {
    const { v2, ratings } = bookinfo();
    expectRefusal(() => v2.calls(ratings, { port }), { code: 'CallPort', property: 'port', path: 'bookinfo/reviews/versions/v2', got: port, says: /1 to 65535/ });
  });

  test.each(['', 'api', '/a,b', '/a b', '/a#b'])('the path %j', (path) => {
    const { productpage, reviews } = bookinfo();
    expectRefusal(() => productpage.calls(reviews, { path }), { code: 'CallPath', property: 'path', path: 'bookinfo/productpage', got: path, says: /begin with '\/'/ });
  });

  test('nothing at all, as it comes from code without types', () => {
    const { productpage } = bookinfo();
    expectRefusal(() => productpage.calls(undefined as any), { code: 'HostMissing', property: 'callee', path: 'bookinfo/productpage', says: /CanaryService or a MeshHost, got undefined/ });
  });

  test('calls of a version that calls nobody, whichever is said first', () => {
    const { v2, reviews, ratings } = bookinfo();
    v2.calls(ratings);
    reviews.baseline.callsNobody();
    expectRefusal(() => v2.callsNobody(), { code: 'CallsNobody', property: 'calls', path: 'bookinfo/reviews/versions/v2', got: at('ratings'), says: /keep one of them/ });
    expectRefusal(() => reviews.baseline.calls(ratings), { code: 'CallsNobody', property: 'callee', path: 'bookinfo/reviews/versions/v1', says: /beside callsNobody.*keep one of them/ });
  });
});
