import { SimulatedRequest } from '../simulate';

/** The request as a command that can be pasted into a shell: its words, in order. (`name;` is how curl sends an empty header.) */
export function curlWords({ host, port, path = '/', method, headers = {}, tls }: SimulatedRequest): string[] {
  const scheme = tls ? 'https' : 'http';
  const usual = tls ? 443 : 80;
  const flags = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => `-H ${quoted(each === '' ? `${name};` : `${name}: ${each}`)}`));
  const url = `${scheme}://${host}${port === undefined || port === usual ? '' : `:${port}`}${path}`;
  return ['curl', ...(method && method !== 'GET' ? [`-X ${method}`] : []), ...flags, quoted(url)];
}

/** A word as shells take it literally. */
function quoted(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

/** Who sends, for people: where the command is to be run. */
export function senderText(from: SimulatedRequest['from']): string {
  const pairs = (labels: object) => Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(',');
  if ('gateway' in from) return `from outside, through gateway ${pairs(from.gateway)}`;
  if ('workload' in from) return `from a pod of ${from.namespace}/${from.workload}`;
  const labels = Object.keys(from.labels ?? {}).length > 0 ? ` with labels ${pairs(from.labels!)}` : '';
  const account = from.serviceAccount === undefined ? '' : ` with service account ${from.serviceAccount}`;
  return `from a pod in namespace ${from.namespace}${labels}${account}${from.sidecar === false ? ' without sidecar' : ''}`;
}
