import { App, Chart } from 'cdk8s';
import { parseAllDocuments } from 'yaml';

/** A chart with a namespace, in an app of its own unless one is given. */
export function chartOf(id = 'shop', namespace = 'shop', app = new App()): Chart {
  return new Chart(app, id, { namespace });
}

/** The manifests of a chart of this kind, in their order. */
export function objectsOf(chart: Chart, kind: string): any[] {
  return chart.toJson().filter((object) => object.kind === kind);
}

/** The one manifest of this kind and name. */
export function objectOf(chart: Chart, kind: string, name: string): any {
  const found = objectsOf(chart, kind).filter((object) => object.metadata.name === name);
  if (found.length !== 1) {
    const all = chart.toJson().map((object) => `${object.kind} ${object.metadata.name}`);
    throw new Error(`${found.length} objects are called ${kind} ${name}; there are: ${all.join(', ')}`);
  }
  return found[0];
}

/** Kind and name of every manifest of a chart, in their order. */
export function inventory(chart: Chart): string[] {
  return chart.toJson().map((object) => `${object.kind} ${object.metadata.name}`);
}

/** The HTTP rules of a VirtualService of a chart. */
export function rulesOf(chart: Chart, name: string): any[] {
  return objectOf(chart, 'VirtualService', name).spec.http;
}

/** What an app writes, read again as `kubectl` reads it (YAML 1.1). */
export function synthesized(app: App): any[] {
  return parseAllDocuments(app.synthYaml(), { version: '1.1' }).map((document) => document.toJS());
}
