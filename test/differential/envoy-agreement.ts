import type { DecidedChange, DecidedDestination, Decision, MeshResponse, Outcome } from '../mesh/contract';

/** Where what Envoy did is not what was decided, in words; empty when they agree. */
export function disagreements(decision: Decision, outcome: Outcome): string[] {
  const single = outcome.responses.flatMap((response) => ofResponse(decision, response));
  return [...new Set([...single, ...ofShares(decision, outcome)])];
}

function ofResponse(decision: Decision, response: MeshResponse): string[] {
  const { status } = response;
  const [hop] = response.hops;
  const expect = (what: string, got: unknown, wanted: unknown) => JSON.stringify(got) === JSON.stringify(wanted) ? [] : [`${what} is ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`];
  switch (decision.action) {
    case 'refuse': return expect('status', status, 0);
    case 'plain': case 'tcp': return servedBy(decision.destinations!, response) ? [] : [`${response.workload || `nobody (${response.error ?? status})`} answers`];
    case 'none': return [...expect('status', status, 404), ...expect('flags', hop.flags, 'NR'), ...expect('cluster', hop.cluster, '')];
    case 'deny': return [...expect('status', status, 403), ...expect('cluster', hop.cluster, '')];
    case 'redirect': return [...expect('status', status, decision.status), ...expect('location', response.headers.location, decision.location), ...expect('cluster', hop.cluster, ''), ...answerHeaders(decision.answerHeaders, response)];
    case 'answer': return [...expect('status', status, decision.status), ...expect('body', response.body, decision.body ?? ''), ...expect('cluster', hop.cluster, ''), ...answerHeaders(decision.answerHeaders, response)];
    case 'route': break;
  }
  const { abortPercent = 0, abortStatus } = decision.fault ?? {};
  if (hop.flags.includes('FI')) { return abortPercent > 0 ? expect('status', status, abortStatus || 200) : ['a fault is injected']; }
  if (abortPercent >= 100) { return ['no fault is injected']; }
  if (hop.cluster === '') { return unanswered(decision, response); }
  const destinations = decision.destinations!.filter(({ cluster }) => cluster === hop.cluster);
  if (destinations.length === 0) { return [`cluster is ${hop.cluster} instead of one of ${decision.destinations!.map(({ cluster }) => cluster).join(', ')}`]; }
  return [
    ...expect('route', hop.route, decision.route ?? ''),
    // Behind names that resolve to nothing stands an address where nobody listens.
    ...leastOf(destinations.map((each) => each.workloads.length === 0 ? expect('flags', withoutDelay(hop.flags), 'UF') : served(each, response))),
    ...mirrored(decision, response),
  ];
}

/** One cluster may be several destinations, which change different headers. */
function leastOf(differences: readonly string[][]): string[] {
  return differences.reduce((least, each) => each.length < least.length ? each : least);
}

const withoutDelay = (flags: string) => flags.replace(/^DI,?/, '').replace('URX,', '').replace(',URX', '');

/** Envoy logs no cluster when it does not know it, or finds nobody in it. */
function unanswered({ destinations }: Decision, { status, hops: [{ flags }] }: MeshResponse): string[] {
  const possible = destinations!.flatMap(({ known, workloads }) => !known ? ['NC'] : workloads.length === 0 ? ['UH'] : []);
  return status === 503 && possible.includes(withoutDelay(flags)) ? [] : [`status is ${status} ${flags} instead of 503 ${possible.join(' or ')}`];
}

function served(destination: DecidedDestination, response: MeshResponse): string[] {
  const [hit] = response.hops[0].hits;
  const { sent } = destination;
  if (destination.workloads.every(({ denied }) => denied)) { return response.status === 403 ? [] : [`status is ${response.status} instead of 403`]; }
  const allowed = destination.workloads.filter(({ denied }) => !denied);
  if (response.status === 403 && allowed.length < destination.workloads.length) { return []; }
  if (hit === undefined || !allowed.some(({ workload, namespace = '' }) => workload === hit.workload && (namespace === hit.namespace || namespace === ''))) {
    return [`${hit?.workload ?? `nobody (${response.status} ${response.flags})`} answers instead of one of ${JSON.stringify(allowed)}`];
  }
  const lists = (name: string) => hit.repeatedHeaders?.[name] ?? (name in hit.headers ? [hit.headers[name]] : []);
  const names = new Set([...Object.keys(sent!.headers), 'x-a', 'x-a2', 'x-b', 'x-user', 'user-agent', 'x-group']);
  names.delete('x-forwarded-proto');
  return [
    ...hit.path === sent!.path ? [] : [`path is ${hit.path} instead of ${sent!.path}`],
    ...hit.host === sent!.authority ? [] : [`host is ${hit.host} instead of ${sent!.authority}`],
    ...[...names].filter((name) => JSON.stringify(lists(name)) !== JSON.stringify(sent!.headers[name] ?? []))
      .map((name) => `request header ${name} is ${JSON.stringify(lists(name))} instead of ${JSON.stringify(sent!.headers[name] ?? [])}`),
    ...answerHeaders(destination.answerHeaders, response),
  ];
}

/** The headers that rules change are none of those that applications or proxies send. */
function answerHeaders(changes: readonly DecidedChange[] | undefined, response: MeshResponse): string[] {
  const expected: Record<string, string[]> = {};
  for (const { action, name, value = '' } of changes ?? []) {
    if (action === 'remove') { delete expected[name]; } else { expected[name] = action === 'set' ? [value] : [...expected[name] ?? [], value]; }
  }
  return ['x-a', 'x-a2', 'x-b', 'x-user'].flatMap((name) => {
    const got = response.repeatedHeaders?.[name] ?? (name in response.headers ? [response.headers[name]] : []);
    return JSON.stringify(got) === JSON.stringify(expected[name] ?? []) ? [] : [`answer header ${name} is ${JSON.stringify(got)} instead of ${JSON.stringify(expected[name] ?? [])}`];
  });
}

function mirrored(decision: Decision, response: MeshResponse): string[] {
  const reachable = (decision.mirrors ?? []).filter(({ known, workloads }) => known && workloads.some(({ denied }) => !denied));
  const certain = reachable.filter(({ percent, workloads }) => percent >= 100 && workloads.every(({ denied }) => !denied));
  const possible = new Set(reachable.flatMap(({ workloads }) => workloads.map(({ workload }) => workload)));
  return [
    ...response.mirrors.filter((workload) => !possible.has(workload)).map((workload) => `${workload} gets a copy`),
    ...response.mirrors.length >= certain.length && response.mirrors.length <= reachable.length || response.hops[0].hits.length === 0 ? [] : [`${response.mirrors.length} copies are sent instead of ${certain.length} to ${reachable.length}`],
  ];
}

/** Whether one of those decided answered, or nobody where nobody is. */
function servedBy(destinations: readonly DecidedDestination[], response: MeshResponse): boolean {
  const workloads = destinations.flatMap((each) => each.workloads);
  return workloads.length === 0 ? response.workload === '' : workloads.some(({ workload, denied }) => workload === response.workload || denied && response.status === 403);
}

/** Shares of clusters within what chance allows: 5 sigma. */
function ofShares(decision: Decision, outcome: Outcome): string[] {
  if (decision.action !== 'route' || (decision.fault?.abortPercent ?? 0) > 0) { return []; }
  const total = outcome.responses.length;
  const nobody = new Set(decision.destinations!.filter(({ known, workloads }) => !known || workloads.length === 0).map(({ cluster }) => cluster!));
  const nameOf = (cluster: string) => nobody.has(cluster) ? '' : cluster;
  const shares = new Map<string, number>();
  for (const { cluster, probability } of decision.destinations!) { shares.set(nameOf(cluster!), (shares.get(nameOf(cluster!)) ?? 0) + probability); }
  return [...shares].flatMap(([cluster, share]) => {
    const got = outcome.responses.filter(({ hops: [hop] }) => nameOf(hop.cluster) === cluster).length / total;
    return Math.abs(got - share) <= 5 * Math.sqrt(share * (1 - share) / total) + 1e-9 ? [] : [`${cluster || 'nobody'} gets ${got} instead of ${share}`];
  });
}
