import { app, envoyFilter, gateway, MeshOfClaims, subsets, to, virtualService } from './support';

/** A Lua filter before the router of these proxies. */
function lua(id: string, context: string, selector: Record<string, string>, code: string) {
  return envoyFilter(id, {
    workloadSelector: { labels: selector },
    configPatches: [{
      applyTo: 'HTTP_FILTER',
      match: {
        context,
        listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'envoy.filters.http.router' } } } },
      },
      patch: {
        operation: 'INSERT_BEFORE',
        value: {
          name: 'stamp',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua', 'default_source_code': { inline_string: code } },
        },
      },
    }],
  });
}

const mesh = new MeshOfClaims({
  calls: { 'passing/a': [{ host: 'b' }], 'forgetting/a': [{ host: 'b', headers: { 'x-lane': 'none' } }] },
  propagate: ['x-lane'],
});

/** The lane "one" of a service has the subset v1, everything else v0. */
const laned = (id: string) => virtualService(id, {
  hosts: [id.split('/')[1]],
  http: [
    { match: [{ headers: { 'x-lane': { exact: 'one' } } }], route: [to(id.split('/')[1], 'v1')] },
    { route: [to(id.split('/')[1], 'v0')] },
  ],
});

describe('at the gateway', () => {
  const rules = (name: string) => [
    gateway(`${name}/gate`, { selector: { istio: name }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] }),
    ...app(`${name}/b`, ['v0', 'v1']), subsets(`${name}/b`, 'v0', 'v1'),
    virtualService(`${name}/b`, {
      hosts: ['*'],
      gateways: ['gate'],
      http: [{ match: [{ headers: { 'x-lane': { exact: 'one' } } }], route: [to('b', 'v1')] }, { route: [to('b', 'v0')] }],
    }),
  ];
  mesh.has(
    ...rules('stamped'), ...rules('plain'),
    lua('istio-system/stamped', 'GATEWAY', { istio: 'stamped' }, `
      function envoy_on_request(request)
        local host = request:headers():get(":authority")
        request:headers():replace("x-lane", string.match(host, "^(%w+)%.") or "")
      end`),
  );
  const send = async (name: string, host: string, headers = {}) =>
    (await mesh.send({ from: { gateway: { istio: name } }, host, headers, repeat: 5 })).distribution;

  test('§3.8 (sharper) Lua before the router of a gateway changes the routing of the request', async () => {
    expect(await send('stamped', 'one.example.com')).toEqual({ 'b-v1': 5 });
    expect(await send('stamped', 'two.example.com')).toEqual({ 'b-v0': 5 });
    expect(await send('plain', 'one.example.com')).toEqual({ 'b-v0': 5 });
  });

  test('§3.8 (sharper) it overwrites a lane header that the client brings', async () => {
    expect(await send('stamped', 'two.example.com', { 'x-lane': 'one' })).toEqual({ 'b-v0': 5 });
    expect(await send('plain', 'two.example.com', { 'x-lane': 'one' })).toEqual({ 'b-v1': 5 });
  });
});

describe('on the inbound side', () => {
  const chain = (name: string) => [
    ...app(`${name}/a`, ['v0', 'v1']), subsets(`${name}/a`, 'v0', 'v1'), laned(`${name}/a`),
    ...app(`${name}/b`, ['v0', 'v1']), subsets(`${name}/b`, 'v0', 'v1'), laned(`${name}/b`),
    lua(`${name}/stamp`, 'SIDECAR_INBOUND', { app: 'a' }, `
      function envoy_on_request(request)
        request:headers():replace("x-lane", "one")
      end`),
  ];
  mesh.has(...chain('passing'), ...chain('forgetting'));
  const send = async (name: string) => (await mesh.send({ from: { namespace: name }, host: 'a', repeat: 5 })).paths;

  test('§3.8 Lua needs no extension of Istio: the application sees the header that its sidecar sets', async () => {
    const [{ hops }] = (await mesh.send({ from: { namespace: 'passing' }, host: 'a' })).responses;
    expect(hops[0].hits[0].headers).toMatchObject({ 'x-lane': 'one' });
  });

  test('§3.8 (sharper) Lua on SIDECAR_INBOUND changes nothing about this hop, only later ones, through propagation', async () => {
    expect(await send('passing')).toEqual({ 'a-v0 -> b-v1': 5 });
    expect(await send('forgetting')).toEqual({ 'a-v0 -> b-v0': 5 });
  });
});
