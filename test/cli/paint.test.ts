import { curlWords, senderText } from '../../src/cli/curl';
import { painted, showsColours } from '../../src/cli/paint';

const SHOP = { namespace: 'shop' };

test('colours are for terminals that want them', () => {
  const before = process.env.NO_COLOR;
  delete process.env.NO_COLOR;
  expect([showsColours({ isTTY: true }), showsColours({}), showsColours({ isTTY: false })]).toEqual([true, false, false]);
  process.env.NO_COLOR = '1';
  expect(showsColours({ isTTY: true })).toBe(false);
  if (before === undefined) delete process.env.NO_COLOR;
  else process.env.NO_COLOR = before;
  expect(painted([{ depth: 1, tone: 'failed', text: 'no' }], true)).toBe('\u001b[31m  no\u001b[0m\n');
  expect(painted([{ depth: 1, tone: 'failed', text: 'no' }], false)).toBe('  no\n');
});

test('lines end before column 80, what goes on stands under what it belongs to', () => {
  const [first, second, ...rest] = painted([{ depth: 2, tone: 'plain', text: 'word '.repeat(20).trim() }], false).split('\n');
  expect(first).toBe(`    ${'word '.repeat(15).trim()}`);
  expect(second).toBe(`       ${'word '.repeat(5).trim()}`);
  expect(rest).toEqual(['']);
});

test('the end of a long chain still has room on the line', () => {
  expect(painted([{ depth: 60, tone: 'plain', text: 'x' }], false).length).toBeLessThan(40);
});

test('a command that is longer than a line stays one command', () => {
  const words = curlWords({ from: SHOP, host: 'cart.shop', headers: { 'x-first': 'a'.repeat(40), 'x-second': 'b'.repeat(40) } });
  const text = painted([{ depth: 1, command: words }], false);
  expect(text.split('\n').slice(0, -2).every((line) => line.endsWith(' \\') && line.length <= 80)).toBe(true);
  expect(text.replace(/ \\\n\s+/g, ' ').trim()).toBe(words.join(' '));
});

test.each<[string, Parameters<typeof curlWords>[0], string]>([
  ['the simplest', { from: SHOP, host: 'cart.shop' }, 'curl http://cart.shop/'],
  ['port, method', { from: SHOP, host: 'cart.shop', port: 8080, method: 'POST', path: '/a' }, 'curl -X POST http://cart.shop:8080/a'],
  ['what a shell would read as something else', { from: SHOP, host: 'cart.shop', path: '/a?b=1&c=2' }, "curl 'http://cart.shop/a?b=1&c=2'"],
  ['quotes', { from: SHOP, host: 'cart.shop', headers: { 'x-a': "it's" } }, "curl -H 'x-a: it'\\''s' http://cart.shop/"],
  ['TLS', { from: SHOP, host: 'shop.example.com', port: 443, tls: true }, 'curl https://shop.example.com/'],
])('a request as a command: %s', (_, request, command) => {
  expect(curlWords(request).join(' ')).toBe(command);
});

test('who sends is said in words', () => {
  expect(senderText(SHOP)).toBe('from a pod in namespace shop');
  expect(senderText({ namespace: 'shop', labels: { app: 'a', tier: 'b' } })).toBe('from a pod in namespace shop with labels app=a,tier=b');
  expect(senderText({ namespace: 'shop', workload: 'cart-v1' })).toBe('from a pod of shop/cart-v1');
  expect(senderText({ gateway: { istio: 'ingressgateway' } })).toBe('from outside, through gateway istio=ingressgateway');
});
