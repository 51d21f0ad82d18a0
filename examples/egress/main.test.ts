import { Testing } from 'cdk8s';
import { egress } from './main';
import { schemaProblems } from '../../test/support/schema';

const manifests: any[] = Testing.synth(egress(Testing.app()));
const specOf = (kind: string, name: string) => manifests.find((each) => each.kind === kind && each.metadata.name === name).spec;

test('the manifests are those of the snapshot', () => expect(manifests).toMatchSnapshot());

test('all are valid', () => expect(schemaProblems(manifests)).toEqual([]));

test('TLS is begun by the proxy: services call port 80, the host is asked at 443', () => {
  expect(specOf('ServiceEntry', 'partner')).toEqual({
    hosts: ['api.partner.example'], location: 'MESH_EXTERNAL', resolution: 'DNS', ports: [{ number: 80, name: 'http-80', protocol: 'HTTP', targetPort: 443 }],
  });
  expect(specOf('DestinationRule', 'partner')).toEqual({ host: 'api.partner.example', trafficPolicy: { tls: { mode: 'SIMPLE' } } });
});

test('a wildcard is not asked of DNS', () => {
  expect(specOf('ServiceEntry', 'storage')).toMatchObject({ hosts: ['*.storage.example'], resolution: 'NONE' });
});

test('the service\'s proxies know the hosts that it is said to call, and no others', () => {
  expect(specOf('Sidecar', 'shop')).toEqual({
    workloadSelector: { labels: { app: 'shop' } },
    egress: [{ hosts: ['istio-system/*', 'egress/*.storage.example', 'egress/api.bank.example', 'egress/api.partner.example', 'egress/httpbin.org'] }],
    outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
  });
});
