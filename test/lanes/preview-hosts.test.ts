import { isDeepStrictEqual } from 'util';
import * as fc from 'fast-check';
import { weaveEdge } from '../../src/lanes/edge';
import { previewHost, previewVirtualService, previewWildcard } from '../../src/lanes/preview-hosts';
import { HANDLES_LANE_HEADER_LABEL, weave, WeaveRefused } from '../../src/lanes/weave';
import { LANE_HEADER, LANES, scene } from '../support/lane-arbitraries';
import { thrownBy } from '../support/refusals';
import { evaluate, MeshRequest, Outcome } from '../support/route-evaluator';

const GATEWAY = 'gateway';
const annotated = (spec: any) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name: 'gateway-shop', namespace: 'shop', labels: { 'cdk8s-lanes/source': 'shop', 'cdk8s-lanes/woven': 'true' }, annotations: { 'cdk8s-lanes/preview-hosts': '*.preview.example.com' } },
  spec: { hosts: ['shop.example.com'], gateways: [GATEWAY], ...spec },
});
const destination = (host: string, subset: string) => ({ destination: { host: `${host}.shop.svc.cluster.local`, subset } });
const table = (lanes: Record<string, string[]>) => ({
  header: LANE_HEADER,
  lanes: Object.fromEntries(Object.entries(lanes).map(([lane, hosts]) => [lane, Object.fromEntries(hosts.map((host) => {
    const full = `${host}.shop.svc.cluster.local`;
    return [full, { host: full, subset: lane }];
  }))])),
});

const entry = annotated({
  http: [
    { name: 'api', match: [{ uri: { prefix: '/api' } }], timeout: '2s', route: [destination('api', 'release')] },
    { match: [{ uri: { exact: '/old' } }], redirect: { uri: '/' } },
    { route: [destination('web', 'release')] },
  ],
});

test('a preview is the entry as the lane sees it, at a host of its own', () => {
  expect(previewVirtualService(entry, 'v1', table({ v1: ['web'] }))).toEqual({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: {
      name: 'gateway-shop-v1',
      namespace: 'shop',
      labels: {
        'cdk8s-lanes/source': 'shop', 'cdk8s-lanes/lane': 'v1', 'cdk8s-lanes/phase': 'routes', 'cdk8s-lanes/preview': 'gateway-shop', [HANDLES_LANE_HEADER_LABEL]: 'true',
      },
    },
    spec: {
      hosts: ['v1.preview.example.com'],
      gateways: [GATEWAY],
      http: [
        { name: 'api', match: [{ uri: { prefix: '/api' } }], timeout: '2s', headers: { request: { set: { [LANE_HEADER]: 'v1' } } }, route: [destination('api', 'release')] },
        { match: [{ uri: { exact: '/old' } }], redirect: { uri: '/' } },
        { headers: { request: { set: { [LANE_HEADER]: 'v1' } } }, route: [{ ...destination('web', 'v1'), headers: { response: { set: { 'x-served-lane': 'v1' } } } }] },
      ],
    },
  });
});

test('a lane without the entry service meets the baseline there, and is known to the hops that follow', () => {
  const outcome = evaluate(previewVirtualService(entry, 'v2', table({ v1: ['web'] })), { path: '/', headers: { [LANE_HEADER]: 'v1' }, gateway: GATEWAY });
  expect(outcome).toMatchObject({ kind: 'route', shares: [{ subset: 'release', request: { [LANE_HEADER]: ['v2'] } }] });
});

test('it follows the entry, whatever lanes are woven into it', () => {
  const lanes = table({ v1: ['web'], v2: ['web', 'api'] });
  const live = weave(entry, lanes).virtualService;
  expect(previewVirtualService(live, 'v1', lanes)).toEqual(previewVirtualService(entry, 'v1', lanes));
  expect(previewVirtualService(live, 'v1', lanes).metadata.annotations).toBeUndefined();
});

test('weaving leaves a preview alone', () => {
  const lanes = table({ v1: ['web'] });
  const preview = previewVirtualService(entry, 'v1', lanes);
  expect(weave(preview, lanes).virtualService).toEqual(preview);
});

test('it is for the gateways of the entry, not for the mesh', () => {
  const both = annotated({ gateways: ['mesh', GATEWAY], http: [{ route: [destination('web', 'release')] }] });
  expect(previewVirtualService(both, 'v1', table({})).spec.gateways).toEqual([GATEWAY]);
});

test('an entry that delegates is refused', () => {
  const delegating = annotated({ http: [{ match: [{ uri: { prefix: '/api' } }], delegate: { name: 'api' } }, { route: [destination('web', 'release')] }] });
  const error = thrownBy(() => previewVirtualService(delegating, 'v1', table({ v1: ['web'] })));
  expect(error).toBeInstanceOf(WeaveRefused);
  expect((error as WeaveRefused).problems).toMatchObject([{ code: 'PreviewDelegates', path: 'spec.http[0].delegate' }]);
});

test('names stay names, however long the entry\'s is', () => {
  const long = { ...entry, metadata: { ...entry.metadata, name: `g${'-long'.repeat(50)}` } };
  const { metadata } = previewVirtualService(long, 'release-v1', table({}));
  expect(metadata.name.length).toBeLessThanOrEqual(253);
  expect(metadata.labels['cdk8s-lanes/preview'].length).toBeLessThanOrEqual(63);
});

test('the host of a lane stands under the wildcard', () => {
  expect(previewWildcard(entry)).toBe('*.preview.example.com');
  expect(previewWildcard({ metadata: { name: 'web' } })).toBeUndefined();
  expect(previewHost('release-v1', '*.preview.example.com')).toBe('release-v1.preview.example.com');
});

test('the law: a request to a preview fares as the same request with the lane\'s header at the entry, whatever header it brings', () => {
  fc.assert(fc.property(scene, ({ virtualService, table: lanes, requests }) => {
    const { metadata, spec } = virtualService;
    const http = spec.http.filter((rule: any) => !rule.delegate);
    const shown = { ...virtualService, metadata: { ...metadata, annotations: entry.metadata.annotations }, spec: { ...spec, http } };
    const woven = weave(shown, lanes).virtualService;
    for (const lane of Object.keys(lanes.lanes)) {
      const preview = previewVirtualService(shown, lane, lanes);
      for (const request of requests) {
        const expected = bare(evaluate(woven, saying(request, lane)));
        for (const brought of [undefined, ...LANES, 'unknown', '-']) {
          const got = bare(evaluate(preview, saying(request, brought)));
          if (!isDeepStrictEqual(got, expected)) expect({ lane, brought, got }).toEqual({ lane, brought, got: expected });
        }
      }
    }
  }), { numRuns: 500, seed: 20260307 });
});

function saying(request: MeshRequest, lane: string | undefined): MeshRequest {
  return lane === undefined ? request : { ...request, headers: { ...request.headers, [LANE_HEADER]: lane } };
}

/** An outcome without the name of its rule. */
function bare(outcome: Outcome): Outcome {
  return outcome.kind === 'route' ? { ...outcome, name: undefined } : outcome;
}

test('an entry that is closed to the lane header has the same previews as one that is open', () => {
  const lanes = table({ v1: ['web'] });
  const closed = weaveEdge(entry, lanes, { policy: { kind: 'closed' }, callbacks: [] }).virtualService;
  expect(closed.spec.http.at(-1).headers).toEqual({ request: { remove: [LANE_HEADER] } });
  expect(previewVirtualService(closed, 'v1', lanes)).toEqual(previewVirtualService(entry, 'v1', lanes));
});
