import { asList } from '../json';
import { isWildcard } from './names';
import { labelsOf, textsOf } from './objects';
import { sampleOf } from './regex-sample';
import { Sender, SimulatedRequest } from './request';

/*
 * Requests that a rule set tells apart: what a match entry asks for, as a request that meets it.
 */

/** Values that a request must have, as far as something asks for them. */
export interface Probe {
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly authority?: string;
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
}

/** What was found in an entry: a request that meets it, or why none was. */
export type ProbeResult = { readonly probe: Probe } | { readonly gaveUpOn: string };

/** A request that meets a match entry. */
export function probeOf(entry: any): ProbeResult {
  const gaveUp: string[] = [];
  const text = (match: any, fallback: string): string => {
    const sample = textMeeting(match, fallback);
    if (sample === undefined) gaveUp.push(String(match?.regex));
    return sample ?? fallback;
  };
  const named = (conditions: any) =>
    Object.fromEntries(
      Object.entries<any>(conditions ?? {})
        .filter(([name]) => !name.startsWith('@'))
        .map(([name, match]) => [name.toLowerCase(), text(match, 'any')]),
    );
  const parameters = Object.fromEntries(Object.entries<any>(entry?.queryParams ?? {}).map(([name, match]) => [name, text(match, '1')]));
  const { ':authority': authorityHeader, ':method': methodHeader, ...headers } = named(entry?.headers);
  const probe: Probe = {
    ...(entry?.uri ? { path: pathMeeting(entry.uri, text) } : {}),
    ...(Object.keys(parameters).length > 0 ? { query: parameters } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(entry?.method || methodHeader ? { method: entry?.method ? text(entry.method, 'GET') : methodHeader } : {}),
    ...(entry?.authority || authorityHeader ? { authority: entry?.authority ? text(entry.authority, 'any') : authorityHeader } : {}),
    ...(entry?.port ? { port: Number(entry.port) } : {}),
    ...(entry?.sourceLabels ? { sourceLabels: labelsOf(entry.sourceLabels) } : {}),
    ...(entry?.sourceNamespace ? { sourceNamespace: String(entry.sourceNamespace) } : {}),
  };
  return gaveUp.length > 0 ? { gaveUpOn: gaveUp.join(', ') } : { probe };
}

function pathMeeting(uri: any, text: (match: any, fallback: string) => string): string {
  const path = text(uri, '/');
  return path.startsWith('/') ? path : `/${path}`;
}

/** A text that meets a StringMatch; `undefined` where none was found. */
function textMeeting(match: any, fallback: string): string | undefined {
  if (typeof match?.exact === 'string') return match.exact;
  if (typeof match?.prefix === 'string') return match.prefix;
  if (typeof match?.regex !== 'string' || match.regex === '*') return fallback;
  return sampleOf(match.regex);
}

/** The single things that an entry asks for, each as a probe of its own. */
export function atomsOf(entry: any): ProbeResult[] {
  const parts: any[] = [];
  for (const field of ['uri', 'method', 'authority', 'port', 'sourceNamespace', 'sourceLabels']) {
    if (entry?.[field]) parts.push({ [field]: entry[field] });
  }
  for (const field of ['headers', 'queryParams']) {
    for (const [name, match] of Object.entries(entry?.[field] ?? {})) parts.push({ [field]: { [name]: match } });
  }
  // A request with the header is what tells an entry apart that wants none.
  for (const [name, match] of Object.entries<any>(entry?.withoutHeaders ?? {})) parts.push({ headers: { [name]: match ?? {} } });
  return parts.map(probeOf);
}

/** Both probes in one request; `undefined` where they want different values of one thing. */
export function joined(one: Probe, other: Probe): Probe | undefined {
  for (const field of ['path', 'method', 'authority', 'port', 'sourceNamespace'] as const) {
    if (one[field] !== undefined && other[field] !== undefined && one[field] !== other[field]) return undefined;
  }
  for (const field of ['query', 'headers', 'sourceLabels'] as const) {
    const wanted = other[field] ?? {};
    if (Object.entries(one[field] ?? {}).some(([name, value]) => wanted[name] !== undefined && wanted[name] !== value)) return undefined;
  }
  return {
    ...one,
    ...other,
    ...mergedFields(one, other),
  };
}

function mergedFields(one: Probe, other: Probe): Probe {
  const fields = ['query', 'headers', 'sourceLabels'] as const;
  return Object.fromEntries(fields.filter((field) => one[field] || other[field]).map((field) => [field, { ...one[field], ...other[field] }]));
}

/** The request that a probe stands for. */
export function requestFor(probe: Probe, from: Sender, host: string, port: number): SimulatedRequest {
  const query = Object.entries(probe.query ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const path = probe.path ?? '/';
  const headers = { ...probe.headers, ...(probe.authority === undefined ? {} : { host: probe.authority }) };
  return {
    from: senderFor(probe, from),
    host,
    port: probe.port ?? port,
    path: query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`,
    ...(probe.method ? { method: probe.method } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
  };
}

function senderFor(probe: Probe, from: Sender): Sender {
  if (!('labels' in from) && !('namespace' in from)) return from;
  if ('workload' in from || 'gateway' in from) return from;
  return { ...from, namespace: probe.sourceNamespace ?? from.namespace, labels: { ...from.labels, ...probe.sourceLabels } };
}

/** A host that a name of a VirtualService or Gateway stands for. */
export function hostLike(name: string): string {
  const bare = textsOf([name])[0].split('/').pop()!;
  if (bare === '*') return 'any.example.com';
  return isWildcard(bare) ? `any${bare.slice(1)}` : bare;
}

/** All match entries of some rules. */
export function entriesOf(rules: readonly { readonly spec: any }[]): any[] {
  return rules.flatMap(({ spec }) => asList(spec.match)).filter((entry) => entry !== null && typeof entry === 'object');
}
