import { readFileSync } from 'fs';
import { join } from 'path';
import { OUTSIDE, Scene } from './scene';
import { parseManifests } from '../../../src/manifests';

const base = readFileSync(join(__dirname, 'bookshop.yaml'), 'utf8');
const withRules = (yaml: string): object[] => parseManifests(`${base}\n---\n${yaml}`, 'bookshop.yaml').map(({ manifest }) => manifest);
const opinions = (http: string) => withRules(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: opinions, namespace: shop}
spec:
  hosts: [opinions]
  http:
${http.split('\n').map((line) => `  ${line}`).join('\n')}
`);
const asked = { host: 'opinions', port: 9080, path: '/opinions/0' };

/** The shapes of rules that Istio's users learn from, in YAML by hand, one step after the other. */
export const bookshop: Scene[] = [
  {
    name: 'a shop without rules inside',
    manifests: withRules(''),
    cases: [
      { says: 'a gateway on a port of its own lets in the paths that it lists', from: OUTSIDE, send: { host: 'www.example.com', port: 8080, path: '/api/v1/books/0/opinions' }, gets: 'storefront-v1' },
      { says: 'exactly these', from: OUTSIDE, send: { host: 'www.example.com', port: 8080, path: '/shop/x' }, gets: '404 NR', because: /its rules take \/shop, \/static\*, \/login, \/api\/v1\/books\*/ },
      { says: 'shares follow the pods', send: asked, gets: { 'opinions-v1': 1 / 4, 'opinions-v2': 1 / 4, 'opinions-v3': 1 / 2 } },
    ],
  },
  {
    name: 'everybody to one version',
    manifests: opinions('- route:\n  - destination: {host: opinions, subset: v1}'),
    cases: [{ says: 'v1', send: asked, gets: 'opinions-v1' }],
  },
  {
    name: 'a share for the next version',
    manifests: opinions('- route:\n  - {destination: {host: opinions, subset: v1}, weight: 80}\n  - {destination: {host: opinions, subset: v3}, weight: 20}'),
    cases: [{ says: '80 to 20', send: asked, gets: { 'opinions-v1': 0.8, 'opinions-v3': 0.2 } }],
  },
  {
    name: 'a version for one user',
    manifests: opinions('- match:\n  - headers: {end-user: {exact: jason}}\n  route:\n  - destination: {host: opinions, subset: v2}\n- route:\n  - destination: {host: opinions, subset: v3}'),
    cases: [
      { says: 'who meets it', send: { ...asked, headers: { 'End-User': 'jason' } }, gets: 'opinions-v2' },
      { says: 'and others do not', send: asked, gets: 'opinions-v3' },
    ],
  },
  {
    name: 'a version by cookie',
    manifests: opinions('- match:\n  - headers: {cookie: {regex: "^(.*?;)?(user=jason)(;.*)?$"}}\n  route:\n  - destination: {host: opinions, subset: v2}\n- route:\n  - destination: {host: opinions, subset: v1}'),
    cases: [
      { says: 'with the cookie', send: { ...asked, headers: { cookie: 'a=b;user=jason' } }, gets: 'opinions-v2' },
      { says: 'with a blank before it, which the expression forgot', send: { ...asked, headers: { cookie: 'a=b; user=jason' } }, gets: 'opinions-v1' },
    ],
  },
  {
    name: 'a failure and a delay for one user',
    manifests: opinions([
      '- match:\n  - headers: {end-user: {exact: jason}}\n  fault:\n    abort: {httpStatus: 500, percentage: {value: 100}}\n  route:\n  - destination: {host: opinions, subset: v1}',
      '- match:\n  - headers: {end-user: {exact: anna}}\n  fault:\n    delay: {fixedDelay: 20ms, percentage: {value: 100}}\n  route:\n  - destination: {host: opinions, subset: v1}',
      '- route:\n  - destination: {host: opinions, subset: v1}',
    ].join('\n')),
    cases: [
      { says: 'the failure', send: { ...asked, headers: { 'end-user': 'jason' } }, gets: '500 FI' },
      { says: 'the delay', send: { ...asked, headers: { 'end-user': 'anna' } }, gets: 'opinions-v1', tells: { fault: { delay: { ms: 20, percent: 100 } } } },
    ],
  },
  {
    name: 'a version that is not there yet',
    manifests: opinions('- route:\n  - {destination: {host: opinions, subset: v1}, weight: 50}\n  - {destination: {host: opinions, subset: v4}, weight: 50}'),
    cases: [{ says: 'its share fails', send: asked, gets: { 'opinions-v1': 0.5, '503 UH': 0.5 } }],
  },
];
