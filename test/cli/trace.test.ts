import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { cli, widthOf } from './run';

const SHOP = 'test/cli/shop.yaml';
const folder = mkdtempSync(join(tmpdir(), 'cdk8s-lanes-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('trace tells where a request goes, hop by hop, and why', () => {
  const { status, stdout, stderr } = cli(['trace', 'http://shop.example.com/api/x?y=1', SHOP, '--lane', 'sale']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe(`a client of gateway istio=ingressgateway sends GET shop.example.com/api/x?y=1
  by VirtualService shop/cart, http[0] "api"
  through Gateway shop/edge
  timeout 3000 ms
  90 % -> shop/cart-v1, subset v1 of cart.shop.svc.cluster.local
    the path becomes /x?y=1
    cart-v1 calls GET prices:8080/ (90 % of requests)
      by VirtualService shop/prices, http[0]
      -> shop/prices-sale, subset sale of prices.shop.svc.cluster.local
  10 % -> shop/cart-v2, subset v2 of cart.shop.svc.cluster.local
    the path becomes /x?y=1
    cart-v2 calls GET prices:8080/ (10 % of requests)
      by VirtualService shop/prices, http[0]
      -> shop/prices-sale, subset sale of prices.shop.svc.cluster.local
`);
});

test('what stands behind a hash is not sent, and schemes are as good in capitals', () => {
  const sent = (url: string) => JSON.parse(cli(['trace', url, SHOP, '--json']).stdout);
  const plain = sent('http://shop.example.com/api/x?y=1');
  expect(sent('HTTP://shop.example.com/api/x?y=1#at/the?end')).toEqual(plain);
  expect(sent('http://cart.shop#top')).toEqual(sent('http://cart.shop/'));
  expect(cli(['trace', '#top', SHOP])).toMatchObject({ status: 2, stderr: expect.stringContaining('"#top"') });
});

test('a request that fails says why, within 80 columns, with exit code 1', () => {
  const { status, stdout } = cli(['trace', 'http://shop.example.com/nowhere', SHOP]);
  expect(status).toBe(1);
  expect(stdout).toContain('-> fails, 404 NR: no rule of VirtualService shop/cart takes this request; its\n     rules take /api/*, /old*, /broken*\n');
  expect(widthOf(stdout)).toBeLessThanOrEqual(80);
});

test('trace --json is a tree in which everything stands once', () => {
  const { status, stdout } = cli(['trace', 'http://cart.shop/api/x', SHOP, '--json', '--from', 'shop/prices-main', '-H', 'x-a: 1', '-H', 'x-a: 2', '-X', 'POST']);
  expect(status).toBe(0);
  const trace = JSON.parse(stdout);
  expect(trace).toMatchObject({ probability: 1, sender: 'shop/prices-main', method: 'POST', authority: 'cart.shop', path: '/api/x', timeoutMs: 3000 });
  const [v1, v2] = trace.branches;
  expect(v1).toMatchObject({ probability: 0.9, ending: 'served', sent: { path: '/x', headers: { 'x-a': ['1', '2'] } } });
  const [{ workload, calls: [call] }] = v2.workloads;
  expect({ workload, call }).toMatchObject({ workload: 'cart-v2', call: { probability: 0.1, sender: 'shop/cart-v2', branches: [{ workloads: [{ workload: 'prices-main', calls: [] }] }], mirrors: [{ percent: 100 }] } });
  expect(stdout.match(/outbound\|80\|v1\|cart/g)).toHaveLength(1);
});

test('a host that only the Gateway API has is said to be there', () => {
  const route = file('route.yaml', 'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: front}], hostnames: [api.example.com]}\n');
  const { status, stderr } = cli(['trace', 'http://api.example.com/', SHOP, route]);
  expect(status).toBe(2);
  expect(stderr).toContain('no Service, ServiceEntry or Gateway; HTTPRoute shop/r routes api.example.com at Gateway shop/front of the Gateway API, which is not modelled; say who sends');
});

test('whom services call may stand in a file', () => {
  const calls = file('calls.yaml', 'calls:\n  cart-v1: [cart/api/again]\nforwards: [x-user]\nabsentLane: "-"\n');
  const { stdout } = cli(['trace', 'http://cart.shop/api/', SHOP, '--calls', calls]);
  expect(stdout).toContain('cart-v1 calls GET cart/api/again (90 % of requests)');
  expect(stdout).toContain('shop/cart-v1 is called again: the circle goes on');
});

test.each<[string, string[], RegExp]>([
  ['no url', ['trace'], /missing required argument 'url'/],
  ['a url that is none', ['trace', 'http:// x', SHOP], /'url' must be a host with optional scheme, port and path, such as .*, got "http:\/\/ x"/],
  ['a host that nobody has', ['trace', 'http://nowhere.example.com', SHOP], /nothing in these manifests has the host nowhere\.example\.com.*--from NAMESPACE/],
  ['two senders', ['trace', 'http://cart.shop', SHOP, '--from', 'shop', '--gateway', 'a=b'], /'--gateway' must not stand beside '--from'/],
  ['a sender that is not there', ['trace', 'http://cart.shop', SHOP, '--from', 'shop/nobody'], /'from' must name a workload of the manifests, got "shop\/nobody" \(namespace shop has: cart-v1/],
  ['labels that are none', ['trace', 'http://cart.shop', SHOP, '--from', 'shop', '--labels', 'a'], /'--labels' must be key=value,key=value, got "a"/],
  ['a header that is none', ['trace', 'http://cart.shop', SHOP, '-H', 'nonsense'], /'--header' must be 'name: value', got "nonsense"/],
  ['calls of nobody', ['trace', 'http://cart.shop', SHOP, '--calls', file('nobody.yaml', 'calls: {nobody: [cart]}\n')], /'calls' must name Deployments or Services of the manifests, got "nobody"/],
  ['calls that are none', ['trace', 'http://cart.shop', SHOP, '--calls', file('none.yaml', 'calls: {cart: prices}\n')], /none\.yaml: expected calls \(a list of host:port for each service\)/],
  ['calls that are no YAML', ['trace', 'http://cart.shop', SHOP, '--calls', file('broken.txt', 'calls: {}\nforwards: [\n')], /broken\.txt:[23]: /],
  ['a regular expression that is none', ['trace', 'http://cart.shop', file('regex.yaml', readFileSync(SHOP, 'utf8').replace('{uri: {prefix: /old}}', '{uri: {regex: "("}}'))], /regex\.yaml:\d+: VirtualService shop\/cart: 'uri\.regex' of http\[1\]/],
])('%s is answered with one message and exit code 2', (_, args, message) => {
  const { status, stdout, stderr } = cli(args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
});
