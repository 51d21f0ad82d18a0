import { Testing } from 'cdk8s';
import { gatewayInFront } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests = Testing.synth(gatewayInFront(Testing.app()));

test('the manifests are those of the snapshot', () => {
  expect(manifests).toMatchSnapshot();
});

test('every manifest is valid', () => {
  expect(schemaProblems(manifests)).toEqual([]);
});

test('nothing but what the scenario needs', () => {
  expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    'DestinationRule orange-gateway-a', 'VirtualService orange-gateway-a', 'Gateway gateway', 'VirtualService gateway-any-host',
  ]);
  expect(manifests[2].spec.servers).toEqual([{ port: { number: 80, name: 'http-orange', protocol: 'HTTP' }, hosts: ['*'] }]);
  expect(manifests[3].spec).toEqual({
    hosts: ['*'],
    gateways: ['gateway'],
    http: [{ route: [{ destination: { host: 'orange-gateway-a.sopei-biz.svc.cluster.local', subset: 'release-k3s', port: { number: 80 } } }] }],
  });
});
