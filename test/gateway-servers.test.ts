import { App } from 'cdk8s';
import { AppProtocol, CanaryService, Destination, GatewayServer, MeshGateway, MeshHost, RouteRule, ServerTls, TlsVersion, Warnings } from '../src';
import { chartOf, objectOf } from './support/objects';
import { expectRefusal } from './support/refusals';
import { schemaProblems } from './support/schema';

const cert = ServerTls.simple({ credentialName: 'shop-cert' });
const serversOf = (chart: any) => objectOf(chart, 'Gateway', 'gateway').spec.servers;

describe('servers', () => {
  test('TLS alone makes the one server HTTPS at 443', () => {
    const chart = chartOf();
    new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], tls: cert });

    expect(serversOf(chart)).toEqual([
      { hosts: ['shop.example.com'], port: { number: 443, name: 'https', protocol: 'HTTPS' }, tls: { mode: 'SIMPLE', credentialName: 'shop-cert' } },
    ]);
  });

  test('every setting of a server and of its TLS appears', () => {
    const chart = chartOf();
    const all = {
      minProtocolVersion: TlsVersion.V1_2, maxProtocolVersion: TlsVersion.V1_3, cipherSuites: ['ECDHE-RSA-AES256-GCM-SHA384'],
    };
    new MeshGateway(chart, 'gateway', {
      servers: [
        GatewayServer.https({ hosts: ['./a.example.com'], port: 8443, portName: 'one', name: 'a', bind: '0.0.0.0', tls: ServerTls.mutual({ ...all, credentialName: 'a', caCertCredentialName: 'clients', subjectAltNames: ['partner'] }) }),
        GatewayServer.https({ hosts: ['*/b.example.com'], port: 8443, tls: ServerTls.optionalMutual({ serverCertificate: '/c', privateKey: '/k', caCertificates: '/ca' }) }),
        GatewayServer.https({ hosts: ['c.example.com'], port: 8443, tls: ServerTls.simple({ credentialNames: ['rsa', 'ecdsa'] }) }),
        GatewayServer.https({ hosts: ['d.example.com'], port: 8443, tls: ServerTls.istioMutual() }),
      ],
    });

    expect(serversOf(chart)).toEqual([
      {
        hosts: ['./a.example.com'],
        name: 'a',
        bind: '0.0.0.0',
        port: { number: 8443, name: 'one', protocol: 'HTTPS' },
        tls: { mode: 'MUTUAL', ...all, credentialName: 'a', caCertCredentialName: 'clients', subjectAltNames: ['partner'] },
      },
      { hosts: ['*/b.example.com'], port: { number: 8443, name: 'https', protocol: 'HTTPS' }, tls: { mode: 'OPTIONAL_MUTUAL', serverCertificate: '/c', privateKey: '/k', caCertificates: '/ca' } },
      { hosts: ['c.example.com'], port: { number: 8443, name: 'https-2', protocol: 'HTTPS' }, tls: { mode: 'SIMPLE', credentialNames: ['rsa', 'ecdsa'] } },
      { hosts: ['d.example.com'], port: { number: 8443, name: 'https-3', protocol: 'HTTPS' }, tls: { mode: 'ISTIO_MUTUAL' } },
    ]);
    expect(schemaProblems(chart.toJson())).toEqual([]);
  });

  test('a host of another namespace has its VirtualService there, which names the Gateway whole', () => {
    const chart = chartOf();
    const cart = new MeshHost(chart, 'cart', { name: 'cart', baseline: 'main' });
    new MeshGateway(chart, 'gateway', { hosts: ['team-a/a.example.com', './b.example.com', '*/c.example.com'] }).route(cart);

    expect(['a', 'b', 'c'].map((name) => objectOf(chart, 'VirtualService', `gateway-${name}-example-com`)).map(({ metadata, spec }) => [metadata.namespace, spec.hosts, spec.gateways])).toEqual([
      ['team-a', ['a.example.com'], ['shop/gateway']], ['shop', ['b.example.com'], ['gateway']], ['shop', ['c.example.com'], ['gateway']],
    ]);
  });

  test('a route without hosts is for the hosts that are named, not for those below a wildcard', () => {
    const chart = chartOf();
    const cart = new MeshHost(chart, 'cart', { name: 'cart', baseline: 'main' });
    const gateway = new MeshGateway(chart, 'gateway', { hosts: ['*.example.com'] }).route(cart).route(cart, { hosts: ['a.example.com'] });
    gateway.addRule(RouteRule.directResponse(404, 'gone'), { hosts: ['b.c.example.com'] });

    const names = chart.toJson().filter(({ kind }) => kind === 'VirtualService').map(({ metadata, spec }) => [metadata.name, spec.hosts[0]]);
    expect(names).toEqual(expect.arrayContaining([['gateway-any-example-com', '*.example.com'], ['gateway-a-example-com', 'a.example.com'], ['gateway-b-c-example-com', 'b.c.example.com']]));
  });

  test('connections are passed on to where the service\'s default rule leads, by weight too', () => {
    const chart = chartOf();
    const vault = new CanaryService(chart, 'vault', { port: 443, appProtocol: AppProtocol.TLS, baseline: { version: 'v1', image: 'vault:1' } });
    vault.addVersion('v2', { image: 'vault:2' });
    new MeshGateway(chart, 'gateway', { servers: [GatewayServer.passthrough({ hosts: ['*.vault.example.com'] })] }).passthrough(vault);
    vault.split({ v1: 9, v2: 1 });

    expect(objectOf(chart, 'VirtualService', 'gateway-any-vault-example-com').spec.tls).toEqual([{
      match: [{ sniHosts: ['*.vault.example.com'] }],
      route: [['v1', 9], ['v2', 1]].map(([subset, weight]) => ({ destination: { host: 'vault.shop.svc.cluster.local', subset, port: { number: 443 } }, weight })),
    }]);
  });
});

describe('refused', () => {
  const gateway = (props: any, app = new App()) => new MeshGateway(chartOf('shop', 'shop', app), 'gateway', props);

  test('TLS without a certificate, with two sources of one, without an authority for clients', () => {
    expectRefusal(() => ServerTls.simple({}), { code: 'ServerTlsCertificate', property: 'credentialName', says: /got none of them; .*passthrough/ });
    expectRefusal(() => ServerTls.simple({ credentialName: 'a', serverCertificate: '/c', privateKey: '/k' }), { code: 'ServerTlsCertificate', property: 'credentialName', says: /got credentialName and serverCertificate and privateKey/ });
    expectRefusal(() => ServerTls.simple({ serverCertificate: '/c' }), { code: 'ServerTlsCertificate', property: 'credentialName', says: /got serverCertificate;/ });
    expectRefusal(() => ServerTls.mutual({ serverCertificate: '/c', privateKey: '/k' }), { code: 'ServerTlsAuthority', property: 'caCertificates', says: /authority/ });
    expectRefusal(() => ServerTls.simple({ credentialName: 'a', minProtocolVersion: TlsVersion.V1_0 }), { code: 'TlsVersion', property: 'minProtocolVersion', says: /cipherSuites/ });
    expectRefusal(() => ServerTls.simple({ credentialNames: ['a'] }), { code: 'ServerTlsCertificate', property: 'credentialNames', says: /two secrets/ });
  });

  test('plain text with TLS settings, HTTPS without, HTTPS that passes TLS on', () => {
    expectRefusal(() => GatewayServer.http({ hosts: ['*'], tls: cert } as any), { code: 'GatewayTls', property: 'tls', says: /protocol HTTP.*GatewayServer.https/ });
    expectRefusal(() => GatewayServer.https({ hosts: ['*'] } as any), { code: 'GatewayTls', property: 'tls', says: /which certificate/ });
    expectRefusal(() => GatewayServer.https({ hosts: ['*'], tls: ServerTls.passthrough() }), { code: 'GatewayTls', property: 'tls', says: /passthrough/ });
    expectRefusal(() => gateway({ hosts: ['a.example.com'], redirectHttp: true }), { code: 'GatewayTls', property: 'redirectHttp', path: 'shop/gateway', says: /tls/ });
  });

  test('hosts that are none, namespaces that are none, no hosts at all', () => {
    expectRefusal(() => GatewayServer.http({ hosts: [] }), { code: 'GatewayHost', property: 'hosts', says: /at least one/ });
    for (const host of ['shop', 'Team/shop.example.com', 'a/b/c.example.com', '/shop.example.com', 'a.*.com']) {
      expectRefusal(() => gateway({ hosts: [host] }), { code: 'GatewayHost', property: 'hosts', got: host, path: 'shop/gateway', says: /must/ });
    }
    expectRefusal(() => gateway({}), { code: 'GatewayHost', property: 'hosts', path: 'shop/gateway', says: /at least one/ });
    expectRefusal(() => gateway({ port: 8080, servers: [GatewayServer.http({ hosts: ['*'] })] }), { code: 'GatewayHost', property: 'port', path: 'shop/gateway', says: /beside hosts/ });
  });

  test('two servers with one port name, or one port in plain text and with TLS', () => {
    const servers = (...list: GatewayServer[]) => () => gateway({ servers: list });
    expectRefusal(servers(GatewayServer.http({ hosts: ['a.example.com'], portName: 'web' }), GatewayServer.http({ hosts: ['b.example.com'], portName: 'web' })), {
      code: 'PortName', property: 'portName', got: 'web', path: 'shop/gateway', says: /each server/,
    });
    expectRefusal(servers(GatewayServer.http({ hosts: ['a.example.com'], port: 443 }), GatewayServer.https({ hosts: ['b.example.com'], tls: cert })), {
      code: 'GatewayPortProtocol', property: 'port', got: 443, path: 'shop/gateway', says: /another port/,
    });
  });

  test('a host of two servers or gateways of the same pods and port; at another port it is another server', () => {
    const app = new App();
    gateway({ hosts: ['shop.example.com'], tls: cert, redirectHttp: true }, app);
    const other = (props: any) => () => new MeshGateway(chartOf(`other-${Math.random()}`, 'shop', app), 'edge', props);
    expectRefusal(other({ hosts: ['shop.example.com'], tls: cert }), { code: 'GatewayHostOwnedTwice', property: 'hosts', says: /shop\/gateway serves already/ });
    expectRefusal(other({ hosts: ['*.example.com'], tls: cert }), { code: 'GatewayHostsOverlap', property: 'hosts', says: /wildcard/ });
    expectRefusal(() => gateway({ servers: [1, 2].map(() => GatewayServer.http({ hosts: ['a.example.com'] })) }), { code: 'GatewayHostOwnedTwice', property: 'hosts', says: /already/ });
  });

  test('the same of gateways one of whose selectors takes the other\'s pods in; other pods are another gateway', () => {
    const [app, wide] = [new App(), { istio: 'ingressgateway' }];
    const narrow = { ...wide, app: 'public' };
    gateway({ hosts: ['shop.example.com'], selector: wide }, app);
    let count = 0;
    const other = (props: any) => () => new MeshGateway(chartOf(`other-${++count}`, 'shop', app), `edge-${count}`, props);
    expectRefusal(other({ hosts: ['shop.example.com'], selector: narrow }), { code: 'GatewayHostOwnedTwice', property: 'hosts', says: /shop\/gateway serves already/ });
    expectRefusal(other({ hosts: ['*.example.com'], selector: narrow }), { code: 'GatewayHostsOverlap', property: 'hosts', says: /wildcard.*shop\.example\.com/ });
    expectRefusal(other({ hosts: ['b.example.com'], selector: narrow, tls: cert, port: 80 }), { code: 'GatewayPortProtocol', property: 'port', got: 80, says: /plain text/ });
    other({ hosts: ['c.example.com'], selector: narrow })();
    expectRefusal(other({ hosts: ['c.example.com'], selector: wide }), { code: 'GatewayHostOwnedTwice', property: 'hosts', says: /serves already/ });
    other({ hosts: ['shop.example.com'], selector: { istio: 'internal', app: 'public' } })();
    other({ hosts: ['shop.example.com'], selector: wide, port: 8080 })();
  });

  test('addresses that are none, and what Istio takes for a Gateway\'s name', () => {
    for (const bind of ['foo bar', '', '10.0.0.256', 'localhost', 'unix:///var/run/a.sock']) {
      expectRefusal(() => GatewayServer.http({ hosts: ['*'], bind }), { code: 'ServerBind', property: 'bind', got: bind, says: /IP address/ });
    }
    for (const bind of ['::', '127.0.0.1']) GatewayServer.http({ hosts: ['*'], bind });
    expectRefusal(() => gateway({ hosts: ['*'], name: 'shop.edge' }), { code: 'ObjectName', property: 'name', got: 'shop.edge', path: 'shop/gateway', says: /DNS label/ });
  });

  test('requests where TLS is passed on, connections where it is not, hosts of nobody', () => {
    const chart = chartOf();
    const cart = new MeshHost(chart, 'cart', { name: 'cart', baseline: 'main', port: 443 });
    const edge = new MeshGateway(chart, 'gateway', { hosts: ['shop.example.com'], servers: [GatewayServer.passthrough({ hosts: ['vault.example.com'] })] });
    expectRefusal(() => edge.route(cart, { hosts: ['vault.example.com'] }), { code: 'GatewayProtocol', property: 'hosts', got: 'vault.example.com', says: /passthrough\(service\)/ });
    expectRefusal(() => edge.passthrough(cart, { hosts: ['shop.example.com'] }), { code: 'GatewayProtocol', property: 'hosts', got: 'shop.example.com', says: /GatewayServer.passthrough/ });
    expectRefusal(() => edge.passthrough(cart, { hosts: ['other.example.com'] }), { code: 'GatewayHostUnknown', property: 'hosts', got: 'other.example.com', says: /shop.example.com, vault.example.com/ });
    edge.passthrough(cart);
    expectRefusal(() => edge.passthrough(cart), { code: 'GatewayRouteTwice', property: 'hosts', got: 'vault.example.com', says: /twice/ });
    expect(edge.virtualService('vault.example.com')).toBeDefined();
    edge.addRule(RouteRule.to([Destination.of(cart)]));
  });
});

test('a redirect to https that nobody serves is warned of', () => {
  const app = new App();
  const chart = chartOf('shop', 'shop', app);
  new MeshGateway(chart, 'gateway', { servers: [GatewayServer.redirectToHttps({ hosts: ['a.example.com', 'b.example.com'] }), GatewayServer.https({ hosts: ['b.example.com'], tls: cert })] });

  expect(Warnings.of(app).all.map(({ code, path, message }) => [code, path, message.includes('a.example.com')])).toEqual([['RedirectWithoutHttps', 'shop/gateway', true]]);
});

test('versions of TLS that leave none are refused', () => {
  const versions = (minProtocolVersion?: TlsVersion, maxProtocolVersion?: TlsVersion) => ServerTls.simple({ credentialName: 'c', cipherSuites: ['a'], minProtocolVersion, maxProtocolVersion });

  expectRefusal(() => versions(TlsVersion.V1_3, TlsVersion.V1_2), { code: 'TlsVersion', property: 'maxProtocolVersion', got: 'TLSV1_2', says: /older than minProtocolVersion \(TLSV1_3\)/ });
  expectRefusal(() => versions(undefined, TlsVersion.V1_1), { code: 'TlsVersion', property: 'maxProtocolVersion', got: 'TLSV1_1', says: /TLSV1_2, where it is not said/ });
  expect(versions(TlsVersion.V1_2, TlsVersion.V1_2)._toManifest()).toMatchObject({ minProtocolVersion: 'TLSV1_2', maxProtocolVersion: 'TLSV1_2' });
});
