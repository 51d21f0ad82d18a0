import { Mesh } from '../mesh';
import { app, destinationRule, type Manifest, namespace, subset, to, virtualService } from './support';

const shop = [namespace('shop'), ...app('shop/b', ['v1'])];
const rule = (host: string, version?: string) => virtualService('shop/b', { hosts: ['b'], http: [{ route: [to(host, version)] }] });
const versions = (...names: string[]) => destinationRule('shop/b', { host: 'b', subsets: names.map(subset) });

async function messages(...manifests: Manifest[]): Promise<string[]> {
  return (await Mesh.analyze([...shop, ...manifests])).messages.map(({ code, origin, message }) => `${code} ${origin}: ${message}`);
}

test('§0.10 with Services and Pods beside Istio\'s objects no analyzer is skipped', async () => {
  expect((await Mesh.analyze([...shop, rule('b')])).skippedAnalyzers).toEqual([]);
});

test('§0.10 then istioctl finds a destination host that does not exist', async () => {
  expect(await messages(rule('b'))).toEqual([]);
  expect(await messages(rule('nobody'))).toEqual(['IST0101 VirtualService shop/b: Referenced host not found: "nobody"']);
});

test('§0.3 §0.10 and a dotted short host, about which the webhook says nothing', async () => {
  expect(await messages(rule('b.shop'))).toEqual(['IST0101 VirtualService shop/b: Referenced host not found: "b.shop"']);
  expect(await Mesh.validate([rule('b.shop')])).toMatchObject({ valid: true, objects: [{ errors: [], warnings: [] }] });
});

test('§0.10 and a subset that is not defined, or that selects no pods', async () => {
  expect(await messages(rule('b', 'v1'), versions('v1'))).toEqual([]);
  expect(await messages(rule('b', 'v1'))).toEqual([expect.stringContaining('IST0101 VirtualService shop/b: Referenced host+subset')]);
  expect(await messages(rule('b', 'v1'), versions('v1', 'v2'))).toEqual([expect.stringContaining('IST0173 DestinationRule shop/b: The Subset v2')]);
});

test('§0.10 from files alone it skips 21 analyzers and misses a host that does not exist', async () => {
  const { messages: said, skippedAnalyzers } = await Mesh.analyze([...shop, rule('nobody')], { filesOnly: true });
  expect(skippedAnalyzers).toHaveLength(21);
  expect(said.filter(({ code }) => code === 'IST0101')).toEqual([]);
});
