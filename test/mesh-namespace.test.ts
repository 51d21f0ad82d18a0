import { ApiObject, App, Chart, JsonPatch } from 'cdk8s';
import { MeshNamespace, MeshNamespaceProps } from '../src';
import { chartOf } from './support/objects';
import { expectRefusal } from './support/refusals';

test('the pods of the chart\'s namespace get the sidecar', () => {
  const chart = chartOf('shop', 'test-istio');
  new MeshNamespace(chart, 'namespace');

  expect(chart.toJson()).toEqual([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'test-istio', labels: { 'istio-injection': 'enabled' } } }]);
});

test('all the props: another namespace, and a revision in place of the default one\'s label', () => {
  const said: Required<MeshNamespaceProps> = { name: 'other', revision: '1-31-1' };
  const chart = chartOf();
  const namespace = new MeshNamespace(chart, 'namespace', said);

  expect(namespace.name).toBe('other');
  expect(chart.toJson()).toEqual([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other', labels: { 'istio.io/rev': '1-31-1' } } }]);
});

test('a name of its own is enough where the chart has no namespace', () => {
  const chart = new Chart(new App(), 'nowhere');
  new MeshNamespace(chart, 'namespace', { name: 'shop' });

  expect(chart.toJson()[0].metadata.name).toBe('shop');
});

test('it can be patched', () => {
  const chart = chartOf();
  ApiObject.of(new MeshNamespace(chart, 'namespace')).addJsonPatch(JsonPatch.add('/metadata/labels/team', 'shop'), JsonPatch.add('/spec', { future: 1 }));

  expect(chart.toJson()[0]).toEqual({
    apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'istio-injection': 'enabled', 'team': 'shop' } }, spec: { future: 1 },
  });
});

describe('refused is', () => {
  test('a namespace twice, from whichever charts', () => {
    const app = new App();
    new MeshNamespace(chartOf('one', 'shop', app), 'namespace');

    // Two objects of one name with two labels: the one applied last would decide about the sidecars.
    expect(() => new MeshNamespace(chartOf('two', 'elsewhere', app), 'namespace', { name: 'shop', revision: 'canary' })).toThrow(/\[two\/namespace.*'name'/);
  });

  test('no namespace at all', () => {
    expectRefusal(() => new MeshNamespace(new Chart(new App(), 'nowhere'), 'namespace'), {
      code: 'NamespaceMissing', property: 'name', path: 'nowhere/namespace', says: /new Chart\(app, 'id', \{ namespace \}\)/,
    });
  });

  test('a name that is no DNS label', () => {
    expectRefusal(() => new MeshNamespace(chartOf(), 'namespace', { name: 'Bad_Name' }), {
      code: 'Namespace', property: 'name', got: 'Bad_Name', path: 'shop/namespace', says: /DNS label/,
    });
  });

  test.each(['', 'a b'])('the revision %j', (revision) => {
    expectRefusal(() => new MeshNamespace(chartOf(), 'namespace', { revision }), {
      code: 'LabelValue', property: 'revision', got: revision, path: 'shop/namespace', says: /must/,
    });
  });
});
