import { readFileSync } from 'fs';
import { Agent, request } from 'https';
import { createInterface } from 'readline';
import { parse } from 'yaml';

/*
 * The API server as tests ask it, without a process for each question.
 */

const { clusters: [{ cluster }], users } = parse(readFileSync(process.env.CLUSTER_KUBECONFIG!, 'utf8'));
const token = users.find(({ name }: any) => name === 'admin').user.token;
const connection = { ca: readFileSync(cluster['certificate-authority']), headers: { authorization: `Bearer ${token}` } };
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

export const ISTIO = '/apis/networking.istio.io/v1';
export const APPS = '/apis/apps/v1';

/** Asks the API server; `undefined` for 404. */
export async function api(method: string, path: string, body?: object, type = 'application/json'): Promise<any> {
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const call = request(`${cluster.server}${path}`, { ...connection, agent, method, headers: { ...connection.headers, 'content-type': type } }, (response) => {
      let answer = '';
      response.on('data', (data) => { answer += data; });
      response.on('end', () => resolve({ status: response.statusCode!, text: answer }));
    });
    call.on('error', reject);
    call.end(body && JSON.stringify(body));
  });
  if (status === 404) return undefined;
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
  return JSON.parse(text);
}

/** A new namespace. */
export async function makeNamespace(name: string): Promise<string> {
  await api('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** Creates an object as it is. */
export async function create(object: any): Promise<any> {
  const base = object.apiVersion.includes('/') ? `/apis/${object.apiVersion}` : `/api/${object.apiVersion}`;
  return api('POST', `${base}/namespaces/${object.metadata.namespace}/${object.kind.toLowerCase()}s`, object);
}

export const virtualServices = async (namespace: string): Promise<any[]> => (await api('GET', `${ISTIO}/namespaces/${namespace}/virtualservices`)).items;
export const destinationRules = async (namespace: string): Promise<any[]> => (await api('GET', `${ISTIO}/namespaces/${namespace}/destinationrules`)).items;
export const deployments = async (namespace: string): Promise<any[]> => (await api('GET', `${APPS}/namespaces/${namespace}/deployments`)).items;

/** A change of one object. */
export interface Event {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: any;
  /** Grows with every change of any object: etcd's revision. */
  readonly revision: number;
  readonly at: number;
}

/** A recording under way. */
export interface Recording {
  events(): Event[];
  stop(): Event[];
}

/** Records every change of these lists from now on, until `stop` gives them in the order they happened. */
export async function record(namespace: string): Promise<Recording> {
  const events: Event[] = [];
  const paths = [`${ISTIO}/namespaces/${namespace}/virtualservices`, `${ISTIO}/namespaces/${namespace}/destinationrules`, `${APPS}/namespaces/${namespace}/deployments`];
  const calls = await Promise.all(paths.map(async (path) => {
    const list = await api('GET', path);
    const kind = list.kind.replace(/List$/, '');
    const call = request(`${cluster.server}${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`, { ...connection });
    await new Promise<void>((resolve, reject) => {
      call.on('error', reject);
      call.on('response', (response) => {
        createInterface({ input: response }).on('line', (line) => {
          const { type, object } = JSON.parse(line);
          const revision = Number(object.metadata.resourceVersion);
          events.push({ type, object: { kind, apiVersion: list.apiVersion, ...object }, revision, at: Date.now() });
        }).on('error', () => { /* the end of the recording */ });
        response.on('error', () => { /* the end of the recording */ });
        resolve();
      });
      call.end();
    });
    call.removeAllListeners('error').on('error', () => { /* the end of the recording */ });
    return call;
  }));
  const inOrder = () => [...events].sort((one, other) => one.revision - other.revision);
  return {
    events: inOrder,
    stop: () => {
      calls.forEach((call) => call.destroy());
      return inOrder();
    },
  };
}
