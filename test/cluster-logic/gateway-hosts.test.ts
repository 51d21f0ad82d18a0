import { overlappingGatewayHosts, sharedGatewayHosts } from '../../src/cluster/live-lanes';
import { WOVEN_LABEL } from '../../src/lanes/ownership';
import { HANDLES_LANE_HEADER_LABEL } from '../../src/lanes/weave';

const routes = (name: string, hosts: string[], labels: Record<string, string> = {}, gateways = ['edge']) => ({
  apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name, namespace: 'shop', labels }, spec: { hosts, gateways, http: [] },
});
const woven = (hosts: string[]) => routes('woven', hosts, { [WOVEN_LABEL]: 'true' });
const names = (found: { host: string; other: any }[]) => found.map(({ host, other }) => `${other.metadata.name} ${host}`);

test.each([
  ['a name under our wildcard', ['*.example.com'], routes('theirs', ['shop.example.com']), ['theirs shop.example.com']],
  ['a wildcard over our name', ['shop.example.com'], routes('theirs', ['*.example.com']), ['theirs *.example.com']],
  ['every host beside ours, the gateway written in full', ['shop.example.com'], routes('theirs', ['*'], {}, ['shop/edge']), ['theirs *']],
  ['another host', ['shop.example.com'], routes('theirs', ['pay.example.com']), []],
  ['the same at another gateway', ['*.example.com'], routes('theirs', ['shop.example.com'], {}, ['inner']), []],
  ['a preview, which is of our own making', ['*'], routes('preview', ['v1.preview.example.com'], { [HANDLES_LANE_HEADER_LABEL]: 'true' }), []],
])('%s overlaps or does not', (_, hosts, other, expected) => {
  expect(names(overlappingGatewayHosts([woven(hosts), other]))).toEqual(expected);
});

test('equal hosts are shared, not overlapping', () => {
  const all = [woven(['shop.example.com']), routes('theirs', ['shop.example.com'])];
  expect(overlappingGatewayHosts(all)).toEqual([]);
  expect(names(sharedGatewayHosts(all))).toEqual(['theirs shop.example.com']);
});
