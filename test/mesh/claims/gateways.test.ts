import { app, createdIn, gateway, MeshOfClaims, namespace, subsets, to, virtualService } from './support';

const mesh = new MeshOfClaims();

const http = (...hosts: string[]) => ({ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts });
const https = (host: string) => ({
  port: { number: 443, name: `https-${host.split('.')[0]}`, protocol: 'HTTPS' }, hosts: [host], tls: { mode: 'SIMPLE', credentialName: host },
});
/** A Gateway with pods of its own, which the runner adds, and a client that calls them. */
const gate = (id: string, ...servers: object[]) => gateway(id, { selector: { istio: id.split('/')[0] }, servers });
const client = (name: string) => ({ gateway: { istio: name } });

describe('several VirtualServices for a host of a gateway', () => {
  const match = (path: string) => [{ uri: { prefix: path } }];
  const rules = (id: string, year: number, ...rule: object[]) => virtualService(id, {
    hosts: ['shop.example.com', 'shop'], gateways: ['gate', 'mesh'], http: rule,
  }, createdIn(year));
  mesh.has(
    gate('merge/gate', http('*.example.com')), ...app('merge/shop', ['v1', 'v2', 'v3']), subsets('merge/shop', 'v1', 'v2', 'v3'),
    rules('merge/z-older', 2024, { match: match('/older'), route: [to('shop', 'v1')] }, { route: [to('shop', 'v1')] }),
    rules('merge/a-younger', 2025,
      { match: match('/older/younger'), route: [to('shop', 'v2')] },
      { match: match('/younger'), route: [to('shop', 'v2')] },
      { route: [to('shop', 'v3')] }),
  );
  const outside = async (path: string) =>
    (await mesh.send({ from: client('merge'), host: 'shop.example.com', path, repeat: 10 })).distribution;
  const inside = async (path: string) => (await mesh.send({ from: { namespace: 'merge' }, host: 'shop', path, repeat: 10 })).distribution;

  test('§0.6 on a gateway the matches of a younger VirtualService work too, although the older one takes everything', async () => {
    expect(await outside('/younger')).toEqual({ 'shop-v2': 10 });
    expect(await inside('/younger')).toEqual({ 'shop-v1': 10 });
  });

  test('§0.6 on a gateway the older matches come first', async () => {
    expect(await outside('/older/younger')).toEqual({ 'shop-v1': 10 });
  });

  test('§0.6 on a gateway the rules that take everything come last, and the oldest of them wins', async () => {
    expect(await outside('/')).toEqual({ 'shop-v1': 10 });
  });
});

describe('servers with TLS', () => {
  const rules = (name: string) => virtualService(`tls/${name}`, {
    hosts: [`${name}.example.com`], gateways: ['gate'], http: [{ route: [to(name)] }],
  });
  mesh.has(
    gate('tls/gate', https('one.example.com'), https('two.example.com')),
    ...app('tls/one'), ...app('tls/two'), rules('one'), rules('two'),
  );
  const send = async (serverName: string, host: string) =>
    (await mesh.send({ from: client('tls'), host: serverName, port: 443, headers: { host } })).distribution;

  test('§3.4-2 each server with TLS has routes of its own, chosen by the server name', async () => {
    expect(await send('one.example.com', 'one.example.com')).toEqual({ one: 1 });
    expect(await send('two.example.com', 'two.example.com')).toEqual({ two: 1 });
  });

  test('§3.4-2 the Host of another server is 404 on a connection for this one', async () => {
    expect(await send('two.example.com', 'two.example.com')).toEqual({ two: 1 });
    expect(await send('one.example.com', 'two.example.com')).toEqual({ '404 NR': 1 });
  });
});

describe('hosts without a route', () => {
  const redirect = (...hosts: string[]) => ({ ...http(...hosts), tls: { httpsRedirect: true } });
  const shop = { hosts: ['shop.example.com'], gateways: ['gate'], http: [{ match: [{ uri: { prefix: '/x' } }], route: [to('shop')] }] };
  mesh.has(
    gate('unbound/gate', http('*')), ...app('unbound/shop'), virtualService('unbound/shop', shop),
    gate('idle/gate', http('*')), namespace('idle'),
    gate('redirect/gate', redirect('*.example.com')), ...app('redirect/shop'), virtualService('redirect/shop', shop),
  );
  const send = async (name: string, host: string, path = '/x') => (await mesh.send({ from: client(name), host, path })).responses[0];

  test('§3.4-6 a Host that no VirtualService has is 404 NR', async () => {
    expect(await send('unbound', 'shop.example.com')).toMatchObject({ status: 200, workload: 'shop' });
    expect(await send('unbound', 'other.example.com')).toMatchObject({ status: 404, flags: 'NR' });
  });

  test('§3.4-6 a path that no rule takes is 404 NR', async () => {
    expect(await send('unbound', 'shop.example.com', '/x')).toMatchObject({ status: 200, workload: 'shop' });
    expect(await send('unbound', 'shop.example.com', '/y')).toMatchObject({ status: 404, flags: 'NR' });
  });

  test('§3.4-6 a gateway without any VirtualService answers 404 NR', async () => {
    expect(await send('idle', 'shop.example.com')).toMatchObject({ status: 404, flags: 'NR' });
  });

  test('§3.4-6 httpsRedirect answers 301 with the same address under https', async () => {
    expect(await send('redirect', 'shop.example.com')).toMatchObject({ status: 301, headers: { location: 'https://shop.example.com/x' } });
  });

  test('§3.4-6 httpsRedirect answers 301 for hosts without a VirtualService too', async () => {
    expect(await send('redirect', 'other.example.com', '/y')).toMatchObject({ status: 301, headers: { location: 'https://other.example.com/y' } });
  });
});

describe('the port of a destination', () => {
  const rule = (path: string, destination: object) => ({ match: [{ uri: { exact: path } }], route: [{ destination }] });
  const port = (number: number) => ({ name: `http-${number}`, port: number, targetPort: number });
  mesh.has(
    gate('ports/gate', http('*')),
    ...app('ports/one', [], [port(9080)]),
    ...app('ports/two', [], [port(9080), port(9081)]),
    ...app('ports/two-and-80', [], [port(9080), { name: 'http', port: 80, targetPort: 8080 }]),
    virtualService('ports/shop', {
      hosts: ['shop.example.com'],
      gateways: ['gate'],
      http: [
        rule('/one', { host: 'one' }),
        rule('/two', { host: 'two' }),
        rule('/two/9081', { host: 'two', port: { number: 9081 } }),
        rule('/two-and-80', { host: 'two-and-80' }),
      ],
    }),
  );
  const send = async (path: string) => {
    const [{ flags, status, hops }] = (await mesh.send({ from: client('ports'), host: 'shop.example.com', path })).responses;
    return hops[0].hits[0]?.port ?? `${status} ${flags}`;
  };

  test('§0.5 §3.5-1 on a gateway a destination without port means the only port of its service', async () => {
    expect(await send('/one')).toBe(9080);
  });

  test('§0.5 §3.5-1 if the service has several, it means the port of the server', async () => {
    expect(await send('/two-and-80')).toBe(8080);
  });

  test('§0.5 §3.5-1 that port is taken even if the service lacks it: 503 NC', async () => {
    expect(await send('/two')).toBe('503 NC');
    expect(await send('/two/9081')).toBe(9081);
  });
});

