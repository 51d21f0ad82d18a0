import { expandHost, isForMesh, isMistakable, lostHosts } from '../../src/lanes/hosts';

describe('expandHost', () => {
  test.each<[string, string, string]>([
    ['a short name is a Service of the namespace', 'cart', 'cart.shop.svc.cluster.local'],
    ['capitals stay, and make another Service', 'CaRt', 'CaRt.shop.svc.cluster.local'],
    ['a full name stays', 'cart.other.svc.cluster.local', 'cart.other.svc.cluster.local'],
    ['with the dot at its end', 'cart.other.svc.cluster.local.', 'cart.other.svc.cluster.local.'],
    ['with its capitals too', 'Cart.Other.svc.Cluster.Local', 'Cart.Other.svc.Cluster.Local'],
    ['a name with namespace is literal', 'cart.other', 'cart.other'],
    ['and so is one with svc', 'cart.other.svc', 'cart.other.svc'],
    ['a host outside stays', 'api.example.com', 'api.example.com'],
    ['a wildcard stays', '*.example.com', '*.example.com'],
    ['even the one for everything', '*', '*'],
    ['an address stays', '10.0.0.1', '10.0.0.1'],
    ['of either kind', '2001:db8::1', '2001:db8::1'],
    // Istio looks for a dot, and there is one: this is no Service of the namespace.
    ['a dot at the end is a dot', 'cart.', 'cart.'],
  ])('%s: %s', (_, host, expected) => {
    expect(expandHost(host, 'shop')).toBe(expected);
  });

  test('in the cluster\'s own domain', () => {
    expect(expandHost('cart', 'shop', 'corp.test')).toBe('cart.shop.svc.corp.test');
  });

  test('expanding again changes nothing', () => {
    for (const host of ['cart', 'CART', 'cart.shop.', 'cart.', '*', '*.a.b', 'x.y']) expect(expandHost(expandHost(host, 'shop'), 'other')).toBe(expandHost(host, 'shop'));
  });
});

describe('isMistakable', () => {
  const full = 'cart.shop.svc.cluster.local';

  test.each([
    ['cart.shop', 'Istio does not expand it'],
    ['cart.shop.svc', 'Istio does not expand it'],
    ['cart.shop.svc.cluster', 'Istio does not expand it'],
    ['CART.shop.svc.cluster.local', 'capitals count'],
    ['Cart.Shop', 'abbreviated in capitals'],
    [`${full}.`, 'the dot counts'],
    ['cart.shop.', 'abbreviated with a dot'],
  ])('%s is taken for it: %s', (host) => {
    expect(isMistakable(host, full)).toBe(true);
  });

  test.each([
    ['cart', 'it is none after expansion'],
    [full, 'it is the name'],
    ['cart.sho', 'it is another namespace'],
    ['cart.other', 'it is another namespace'],
    ['shop.svc', 'it is another service'],
    ['api.example.com', 'it is outside'],
    [`${full}.extra`, 'it is longer'],
  ])('%s is not: %s', (host) => {
    expect(isMistakable(host, full)).toBe(false);
  });
});

describe('isForMesh', () => {
  test.each<[any, boolean]>([[undefined, true], [[], true], [['mesh'], true], [['entry', 'mesh'], true], [['entry'], false]])('gateways %j: %s', (gateways, expected) => {
    expect(isForMesh({ spec: { gateways } })).toBe(expected);
  });
});

describe('lostHosts', () => {
  const service = (name: string, hosts: string[], more: any = {}) => {
    const { gateways, ...metadata } = more;
    return { metadata: { name, namespace: 'shop', ...metadata }, spec: { hosts, ...(gateways ? { gateways } : {}) } };
  };
  const created = (minute: number) => ({ creationTimestamp: `2026-01-01T00:0${minute}:00Z` });
  const CART = 'cart.shop.svc.cluster.local';

  test('nothing is lost where every host has one', () => {
    expect(lostHosts([service('a', ['cart']), service('b', ['stock'])])).toEqual([]);
    expect(lostHosts([])).toEqual([]);
  });

  test('the older has a host, however it is spelled and whatever comes first', () => {
    const [young, old] = [service('a', ['cart'], created(2)), service('b', ['CART.shop.svc.cluster.local.'], created(1))];
    const lost = [{ host: CART, loser: 'shop/a', winner: 'shop/b', reason: 'older' }];
    expect(lostHosts([young, old])).toEqual(lost);
    expect(lostHosts([old, young])).toEqual(lost);
  });

  test('times are compared as times', () => {
    const [one, other] = [service('a', ['cart'], { creationTimestamp: '2026-01-01T02:00:00+02:00' }), service('b', ['cart'], { creationTimestamp: '2026-01-01T00:00:01Z' })];
    expect(lostHosts([other, one])).toEqual([{ host: CART, loser: 'shop/b', winner: 'shop/a', reason: 'older' }]);
  });

  test('equally old ones go by name, then by namespace', () => {
    const far = (name: string) => service(name, [CART], { ...created(1), namespace: 'other' });
    expect(lostHosts([service('b', ['cart'], created(1)), far('a')])).toEqual([{ host: CART, loser: 'shop/b', winner: 'other/a', reason: 'first by name' }]);
    expect(lostHosts([service('a', ['cart'], created(1)), far('a')])).toEqual([{ host: CART, loser: 'shop/a', winner: 'other/a', reason: 'first by name' }]);
  });

  test('one that is not applied yet is the youngest, and two such go by name', () => {
    expect(lostHosts([service('a', ['cart']), service('b', ['cart'], created(1))])).toEqual([{ host: CART, loser: 'shop/a', winner: 'shop/b', reason: 'older' }]);
    expect(lostHosts([service('b', ['cart']), service('a', ['cart'])])).toEqual([{ host: CART, loser: 'shop/b', winner: 'shop/a', reason: 'first by name' }]);
  });

  test('whoever loses one host still has its others', () => {
    expect(lostHosts([service('a', ['cart'], created(1)), service('b', ['cart', 'stock'], created(2)), service('c', ['stock'], created(3))])).toEqual([
      { host: CART, loser: 'shop/b', winner: 'shop/a', reason: 'older' },
      { host: 'stock.shop.svc.cluster.local', loser: 'shop/c', winner: 'shop/b', reason: 'older' },
    ]);
  });

  test('all but the first lose', () => {
    expect(lostHosts([3, 1, 2].map((minute) => service(`v${minute}`, ['cart'], created(minute)))).map(({ loser, winner }) => `${loser} to ${winner}`))
      .toEqual(['shop/v2 to shop/v1', 'shop/v3 to shop/v1']);
  });

  test('the exact host beats a wildcard, even an older one', () => {
    expect(lostHosts([service('wide', ['*.example.com'], created(1)), service('exact', ['api.example.com'], created(2))]))
      .toEqual([{ host: 'api.example.com', loser: 'shop/wide', winner: 'shop/exact', reason: 'more specific' }]);
  });

  test('the longer wildcard beats the shorter', () => {
    expect(lostHosts([service('wide', ['*.example.com'], created(1)), service('narrow', ['*.api.example.com'], created(2))]))
      .toEqual([{ host: '*.api.example.com', loser: 'shop/wide', winner: 'shop/narrow', reason: 'more specific' }]);
  });

  test('a wildcard does not take what only ends like it', () => {
    expect(lostHosts([service('wide', ['*.example.com']), service('other', ['myexample.com'])])).toEqual([]);
  });

  test('a VirtualService that says a host twice loses nothing to itself', () => {
    expect(lostHosts([service('a', ['cart', CART, '*.example.com', 'api.example.com'])])).toEqual([]);
  });

  test('gateways merge VirtualServices, so only those for the mesh lose', () => {
    const old = service('a', ['cart'], created(1));
    expect(lostHosts([old, service('b', ['cart'], { ...created(2), gateways: ['entry'] })])).toEqual([]);
    expect(lostHosts([old, service('b', ['cart'], { ...created(2), gateways: ['entry', 'mesh'] })])).toHaveLength(1);
  });

  test('delegates have no hosts to lose', () => {
    expect(lostHosts([service('a', []), { metadata: { name: 'b' }, spec: {} }])).toEqual([]);
  });

  test('what is given stays in its order', () => {
    const given = [service('b', ['cart'], created(2)), service('a', ['cart'], created(1))];
    lostHosts(given);
    expect(given.map(({ metadata }) => metadata.name)).toEqual(['b', 'a']);
  });
});
