import { readFileSync } from 'fs';
import { join } from 'path';
import { parseAllDocuments } from 'yaml';

/* docs/fields.md promises to place every field that people write into VirtualServices, DestinationRules and Gateways. */

const root = join(__dirname, '..');
const page = readFileSync(join(root, 'docs', 'fields.md'), 'utf8');
const crds = parseAllDocuments(readFileSync(join(root, 'imports', 'istio-crds.yaml'), 'utf8')).map((document) => document.toJS());

/** The fields of a schema at a path such as `http[].match[]`. */
function fieldsOf(kind: string, path: string): string[] {
  const { openAPIV3Schema } = crds.find((crd) => crd.spec.names.kind === kind).spec.versions[0].schema;
  const at = path.split('.').filter(Boolean).reduce((schema: any, step) => {
    const next = schema.properties[step.replace('[]', '')];
    return step.endsWith('[]') ? next.items : next;
  }, openAPIV3Schema.properties.spec);
  return Object.keys(at.properties);
}

test.each([
  ['VirtualService', ''],
  ['VirtualService', 'http[]'],
  ['VirtualService', 'http[].match[]'],
  ['VirtualService', 'http[].redirect'],
  ['VirtualService', 'http[].rewrite'],
  ['VirtualService', 'http[].retries'],
  ['VirtualService', 'http[].corsPolicy'],
  ['VirtualService', 'tcp[].match[]'],
  ['VirtualService', 'tls[].match[]'],
  ['DestinationRule', ''],
  ['DestinationRule', 'trafficPolicy'],
  ['DestinationRule', 'trafficPolicy.connectionPool.tcp'],
  ['DestinationRule', 'trafficPolicy.connectionPool.http'],
  ['DestinationRule', 'trafficPolicy.outlierDetection'],
  ['DestinationRule', 'trafficPolicy.loadBalancer'],
  ['DestinationRule', 'trafficPolicy.loadBalancer.consistentHash'],
  ['DestinationRule', 'trafficPolicy.tls'],
  ['Gateway', ''],
  ['Gateway', 'servers[]'],
  ['Gateway', 'servers[].tls'],
])('every field of %s %s is named', (kind, path) => {
  // Whole, and by a name that holds for what a construct says: `RetryPolicy.of(…)` stands for its options, which API.md lists.
  const typed: Record<string, string[]> = {
    'http[].retries': ['attempts', 'backoff', 'perTryTimeout', 'retryOn', 'retryRemoteLocalities'],
    'http[].rewrite': ['uriRegexRewrite'],
    'http[].corsPolicy': ['allowCredentials', 'allowHeaders', 'allowMethods', 'exposeHeaders', 'maxAge'],
    'trafficPolicy.tls': ['mode'],
  };
  const named = (field: string) => new RegExp(`(^|[^A-Za-z_])${field}([^A-Za-z_]|$)`, 'm').test(page);
  expect(fieldsOf(kind, path).filter((field) => !named(field) && !typed[path]?.includes(field))).toEqual([]);
});
