import { App } from 'cdk8s';
import { AppProtocol, CanaryService, ConnectionMatch, ConnectionRule, Destination, HeaderOperations, MeshHost } from '../src';
import { chartOf, objectOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

/** A service that speaks `appProtocol`, with a second version. */
function sealed(appProtocol = AppProtocol.TLS, more = {}) {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  const service = new CanaryService(chart, 'sealed', { port: 443, appProtocol, template: { image: 'a' }, baseline: { version: 'v1' }, ...more });
  service.addVersion('v2');
  return { app, chart, service, spec: () => objectOf(chart, 'VirtualService', 'sealed').spec };
}

const to = (subset: string) => ({ destination: { host: 'sealed.shop.svc.cluster.local', subset, port: { number: 443 } } });
const NAMES = ['sealed.shop.svc.cluster.local', 'sealed.shop.svc', 'sealed.shop', 'sealed'];

test('TLS connections are routed by the name they ask for, all others as before', () => {
  const { app, chart, service, spec } = sealed();
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v2' })], { sniHosts: ['api.example.com', '*.beta.example.com'] }));

  expect(spec()).toEqual({
    hosts: [...NAMES, 'api.example.com', '*.beta.example.com'],
    tls: [
      { match: [{ sniHosts: ['api.example.com', '*.beta.example.com'] }], route: [to('v2')] },
      { match: [{ sniHosts: NAMES }], route: [to('v1')] },
    ],
  });
  expect(schemaProblems(chart.toJson())).toEqual([]);
  expect(() => app.synthYaml()).not.toThrow();
});

test('all the props', () => {
  const { chart, service, spec } = sealed();
  const said: Required<ConnectionMatch> = {
    sniHosts: ['api.example.com'], destinationSubnets: ['10.1.0.0/16', '10.2.3.4', 'fd00::/8'], port: 443, sourceLabels: { app: 'web' }, sourceNamespace: 'front',
  };
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v1', weight: 1 }), Destination.of(service, { version: 'v2', weight: 3 })], said));

  expect(spec().tls[0]).toEqual({ match: [said], route: [{ ...to('v1'), weight: 1 }, { ...to('v2'), weight: 3 }] });
  expect(schemaProblems(chart.toJson())).toEqual([]);
});

test('a rule without names is for the host\'s own', () => {
  const { service, spec } = sealed();
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v2' })], { sourceLabels: { app: 'tester' } }));

  expect(spec().tls[0]).toEqual({ match: [{ sniHosts: NAMES, sourceLabels: { app: 'tester' } }], route: [to('v2')] });
});

test('TCP connections are routed by who makes them and whither', () => {
  const { service, spec } = sealed(AppProtocol.TCP);
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v2' })], { sourceNamespace: 'test' }));

  expect(spec()).toEqual({ hosts: [NAMES[0]], tcp: [{ match: [{ sourceNamespace: 'test' }], route: [to('v2')] }, { route: [to('v1')] }] });
});

test('a service with several ports has the rule at each that it can be for', () => {
  const additionalPorts = [{ name: 'store', port: 5432, appProtocol: AppProtocol.TCP }, { name: 'web', port: 80 }];
  const { service, spec } = sealed(AppProtocol.TLS, { portName: 'tls', additionalPorts });
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v2' })], { sniHosts: ['api.example.com'] }));
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v2' })], { sourceNamespace: 'test' }));

  expect(spec().tls.map(({ match }: any) => match)).toEqual([[{ sniHosts: ['api.example.com'], port: 443 }], [{ sniHosts: NAMES, port: 443 }]]);
  expect(spec().tcp.map(({ match }: any) => match)).toEqual([[{ sourceNamespace: 'test', port: 5432 }], [{ port: 5432 }]]);
  expect(spec().http.map(({ match }: any) => match)).toEqual([[{ port: 80 }]]);
});

test('a version that goes takes its rules along', () => {
  const { service, spec } = sealed();
  service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v2' })], { sniHosts: ['api.example.com'] }));
  service.retire('v2');

  expect(spec()).toEqual({ hosts: NAMES, tls: [{ match: [{ sniHosts: NAMES }], route: [to('v1')] }] });
});

describe('refused is', () => {
  const rule = (match: ConnectionMatch) => ConnectionRule.to([Destination.of({ hostName: 'a.b' })], match);

  test('a rule for all connections', () => {
    for (const match of [{}, { sniHosts: [] }, { sourceLabels: {} }]) expectRefusal(() => rule(match), { code: 'RuleWithoutMatch', property: 'match', says: /which connections/ });
  });

  test.each(['*', 'api', 'API.example.com', 'a.*.com', ''])('the server name %j', (name) => {
    expectRefusal(() => rule({ sniHosts: [name] }), { code: 'SniHost', property: 'sniHosts', got: name, says: /own names need not be said/ });
  });

  test.each(['10.1.0.0/33', '10.1', 'fd00::/129', 'a.example.com', '10.1.0.0/8/8', '10.1.0.0/'])('the network %j', (subnet) => {
    expectRefusal(() => rule({ destinationSubnets: [subnet] }), { code: 'Subnet', property: 'destinationSubnets', got: subnet, says: /IP address, or a network/ });
  });

  test('a port, a namespace or labels that are none', () => {
    expectRefusal(() => rule({ port: 0 }), { code: 'Port', property: 'port', got: 0, says: /1 to 65535/ });
    expectRefusal(() => rule({ sourceNamespace: 'A' }), { code: 'Namespace', property: 'sourceNamespace', got: 'A', says: /DNS label/ });
    expectRefusal(() => rule({ sourceLabels: { app: 'a b' } }), { code: 'LabelValue', property: 'sourceLabels.app', got: 'a b', says: /label value/ });
  });

  test('no destination, weights that are all zero, header changes', () => {
    const host = { hostName: 'a.b' };
    expectRefusal(() => ConnectionRule.to([], { port: 1 }), { code: 'RouteWithoutDestination', property: 'destinations', says: /at least one/ });
    expectRefusal(() => ConnectionRule.to([Destination.of(host, { weight: 0 })], { port: 1 }), { code: 'WeightsAllZero', property: 'weight', says: /above 0/ });
    const headers = HeaderOperations.of({ request: { remove: ['x-a'] } });
    expectRefusal(() => ConnectionRule.to([Destination.of(host, { headers })], { port: 1 }), { code: 'ProtocolNotHttp', property: 'headers', says: /where the mesh reads none/ });
  });

  test('a host that speaks HTTP, and names of one that speaks TCP', () => {
    expectRefusal(() => sealed(AppProtocol.HTTP).service.host.addConnectionRule(rule({ port: 443 })), { code: 'ProtocolNotTcp', property: 'rule', path: 'shop/sealed/host', says: /TCP or TLS.*addRule is for HTTP/ });
    expectRefusal(() => sealed(AppProtocol.TCP).service.host.addConnectionRule(rule({ sniHosts: ['a.b'] })), { code: 'ProtocolNotTcp', property: 'rule', path: 'shop/sealed/host', says: /speaks TLS/ });
  });

  test('a name that another host of the app has, whichever comes first', () => {
    const { chart, service } = sealed();
    new MeshHost(chart, 'other', { name: 'other' });
    expectRefusal(() => service.host.addConnectionRule(rule({ sniHosts: ['other.shop.svc.cluster.local'] })), { code: 'HostOwnedTwice', property: 'sniHosts', path: 'shop/sealed/host', says: /shop\/other routes already/ });
    service.host.addConnectionRule(rule({ sniHosts: ['late.shop.svc.cluster.local'] }));
    service.host.addConnectionRule(rule({ sniHosts: ['late.shop.svc.cluster.local'], port: 443 }));
    expectRefusal(() => new MeshHost(chart, 'late', { name: 'late' }), { code: 'HostOwnedTwice', property: 'name', path: 'shop/late', says: /shop\/sealed\/host owns already/ });
  });

  test('an unknown version, at synth', () => {
    const { app, service } = sealed();
    service.host.addConnectionRule(ConnectionRule.to([Destination.of(service, { version: 'v9' })], { sniHosts: ['a.b'] }));
    expect(() => app.synthYaml()).toThrow(/\[shop\/sealed\/host\] 'version' must be a version of sealed/);
  });
});
