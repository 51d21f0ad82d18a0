import { App, Chart, Testing } from 'cdk8s';
import { laneFallback } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests = Testing.synth(laneFallback(Testing.app()));
const object = (kind: string, name: string) => manifests.find((each) => each.kind === kind && each.metadata.name === name);
const ruleOf = (virtualService: string, lane: string) => object('VirtualService', virtualService).spec.http.find(({ name }: any) => name === `lane/${lane}`);

test('the manifests are those of the snapshot', () => {
  expect(manifests).toMatchSnapshot();
});

test('every manifest is valid', () => {
  expect(schemaProblems(manifests)).toEqual([]);
});

test.each(['catalog', 'orders'])('the lane new-search has a host of its own for %s, in which its pods come first and those of the baseline after them', (service) => {
  const host = `new-search.${service}.shop.lanes`;
  const { spec } = object('DestinationRule', `${service}-new-search-fallback`);

  expect(spec.host).toBe(host);
  expect(spec.trafficPolicy.loadBalancer.localityLbSetting).toEqual({ enabled: true, failoverPriority: ['version=new-search'] });
  expect(spec.trafficPolicy.outlierDetection.maxEjectionPercent).toBe(100);
  expect(['lane', 'baseline'].map((group) => object('ServiceEntry', `${service}-new-search-fallback-${group}`).spec)).toEqual([
    expect.objectContaining({ hosts: [host], workloadSelector: { labels: { app: service, version: 'new-search' } } }),
    expect.objectContaining({ hosts: [host], workloadSelector: { labels: { app: service, version: 'main' } } }),
  ]);
  expect(ruleOf(service, 'new-search').route[0].destination).toEqual({ host, port: { number: 80 } });
});

test('a request to catalog is tried again after a 503, within its timeout; an order only where it was not begun', () => {
  expect(ruleOf('catalog', 'new-search')).toMatchObject({ timeout: '6s', retries: { attempts: 3, perTryTimeout: '2s', retryOn: 'connect-failure,refused-stream,unavailable,reset,503,504' } });
  expect(ruleOf('orders', 'new-search').retries).toEqual({ attempts: 3, retryOn: 'connect-failure,refused-stream,unavailable,reset-before-request', retryRemoteLocalities: true });
});

test('the lane that tests how it is to be gone does not fall back', () => {
  expect(ruleOf('catalog', 'chaos').route[0].destination).toEqual({ host: 'catalog.shop.svc.cluster.local', subset: 'chaos', port: { number: 80 } });
  expect(manifests.filter(({ metadata }) => metadata.name.startsWith('catalog-chaos')).map(({ kind }) => kind)).toEqual(['Deployment']);
});

test('responses of the lane tell who really served', () => {
  expect(ruleOf('catalog', 'new-search').route[0].headers.response.set).toEqual({ 'x-served-lane': '%UPSTREAM_METADATA(istio:workload)%' });
  expect(ruleOf('catalog', 'chaos').route[0].headers.response.set).toEqual({ 'x-served-lane': 'chaos' });
});

test('the app gives the same bytes twice', () => {
  const synthesize = () => {
    const app = new App();
    laneFallback(app);
    return app.synthYaml();
  };
  expect(synthesize()).toBe(synthesize());
  expect(Chart.isChart(laneFallback(Testing.app()))).toBe(true);
});
