import type { MeshRequest, MeshResponse, Outcome } from '../mesh/contract';

/** Names of headers that random rules change. */
export const OPERATED_HEADERS = ['x-a', 'x-a2', 'x-b', 'x-user', 'user-agent'];

/** What became of a request in Envoy, as often as it did: no more than what decisions say something about. */
export interface Observation {
  readonly count: number;
  readonly status: number;
  /** Envoy's response flags, without those that only tell that something was delayed or tried again. */
  readonly flags: string;
  readonly cluster: string;
  readonly route: string;
  /** Who answered, and what arrived there. */
  readonly workload?: string;
  readonly namespace?: string;
  readonly arrived?: { readonly host: string; readonly path: string; readonly headers: Readonly<Record<string, readonly string[]>> };
  readonly location?: string;
  /** Of what a proxy answers. */
  readonly body?: string;
  readonly answerHeaders: Readonly<Record<string, readonly string[]>>;
  readonly mirrors: readonly string[];
}

export function observationsOf(request: MeshRequest, outcome: Outcome): Observation[] {
  const counted = new Map<string, Observation>();
  for (const response of outcome.responses) {
    const seen = observe(request, response);
    const key = JSON.stringify(seen);
    counted.set(key, { ...seen, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  return [...counted.values()];
}

function observe(request: MeshRequest, response: MeshResponse): Observation {
  const [hop] = response.hops;
  const [hit] = hop.hits;
  // What the sender's proxy believed about the scheme is the next one's to say.
  const names = [...new Set([...Object.keys(request.headers ?? {}).map((name) => name.toLowerCase()), ...OPERATED_HEADERS])]
    .filter((name) => name !== 'x-forwarded-proto' && name !== 'host').sort();
  return {
    count: 1,
    status: response.status,
    flags: hop.flags.split(',').filter((flag) => flag !== 'DI' && flag !== 'URX').join(','),
    cluster: hop.cluster,
    route: hop.route,
    ...hit ? { workload: hit.workload, namespace: hit.namespace, arrived: { host: hit.host, path: hit.path, headers: lists(hit, names) } } : {},
    ...response.headers.location === undefined ? {} : { location: response.headers.location },
    ...hit || response.status === 0 ? {} : { body: response.body },
    answerHeaders: lists(response, OPERATED_HEADERS),
    mirrors: [...response.mirrors].sort(),
  };
}

function lists({ headers, repeatedHeaders }: Pick<MeshResponse, 'headers' | 'repeatedHeaders'>, names: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(names.filter((name) => name in headers).map((name) => [name, repeatedHeaders?.[name] ?? [headers[name]]]));
}
