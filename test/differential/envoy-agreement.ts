import { OPERATED_HEADERS, type Observation } from './observation';
import type { DecidedChange, DecidedDestination, Decision } from '../mesh/contract';

/** Where what Envoy did is not what was decided, in words; empty when they agree. */
export function disagreements(decision: Decision, observed: readonly Observation[]): string[] {
  const single = observed.flatMap((seen) => ofOne(decision, seen));
  return [...new Set([...single, ...ofShares(decision, observed)])];
}

function expect(what: string, got: unknown, wanted: unknown): string[] {
  return JSON.stringify(got) === JSON.stringify(wanted) ? [] : [`${what} is ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`];
}

function ofOne(decision: Decision, seen: Observation): string[] {
  switch (decision.action) {
    case 'refuse': return seen.status === 0 || seen.status === 503 && seen.flags === 'UF' ? [] : expect('status', seen.status, 0);
    case 'plain': case 'tcp': return servedBy(decision.destinations!, seen) ? [] : [`${seen.workload ?? `nobody (${seen.status})`} answers`];
    case 'none': return [...expect('status', seen.status, 404), ...expect('flags', seen.flags, 'NR'), ...expect('cluster', seen.cluster, '')];
    case 'deny': return [...expect('status', seen.status, 403), ...expect('cluster', seen.cluster, '')];
    case 'redirect': return [...expect('location', seen.location, decision.location), ...answered(decision, seen)];
    case 'answer': return [...expect('body', seen.body, decision.body ?? ''), ...answered(decision, seen)];
    default: return routed(decision, seen);
  }
}

function answered(decision: Decision, seen: Observation): string[] {
  return [...expect('status', seen.status, decision.status), ...expect('cluster', seen.cluster, ''), ...answerHeaders(decision.answerHeaders, seen)];
}

function routed(decision: Decision, seen: Observation): string[] {
  const { abortPercent = 0, abortStatus } = decision.fault ?? {};
  // gRPC's statuses come with 200.
  if (seen.flags.includes('FI')) { return abortPercent > 0 ? expect('status', seen.status, abortStatus || 200) : ['a fault is injected']; }
  if (abortPercent >= 100) { return ['no fault is injected']; }
  if (seen.cluster === '') { return unanswered(decision, seen); }
  const destinations = decision.destinations!.filter(({ cluster = 'PassthroughCluster' }) => cluster === seen.cluster);
  if (destinations.length === 0) { return [`cluster is ${seen.cluster} instead of one of ${decision.destinations!.map(({ cluster }) => cluster).join(', ')}`]; }
  return [
    ...seen.cluster === 'PassthroughCluster' ? [] : expect('route', seen.route, decision.route ?? ''),
    ...leastOf(destinations.map((each) => of(each, seen))),
    ...mirrored(decision, seen),
  ];
}

function of(destination: DecidedDestination, seen: Observation): string[] {
  // Behind names that resolve to nothing stands an address where nobody listens.
  return destination.workloads.length === 0 ? expect('flags', seen.flags, 'UF') : served(destination, seen);
}

/** One cluster may be several destinations, which change different headers. */
function leastOf(all: readonly string[][]): string[] {
  return all.reduce((least, each) => each.length < least.length ? each : least);
}

/** Envoy logs no cluster when it does not know it, or finds nobody in it. */
function unanswered({ destinations }: Decision, { status, flags }: Observation): string[] {
  const possible = destinations!.flatMap(({ known, workloads }) => !known ? ['NC'] : workloads.length === 0 ? ['UH'] : []);
  return status === 503 && possible.includes(flags) ? [] : [`status is ${status} ${flags} instead of 503 ${possible.join(' or ')}`];
}

/** By a policy, or by a proxy that closes what is not mutual TLS. */
function isRefused({ status, flags }: Observation): boolean {
  return status === 403 || status === 503 && flags === 'UC';
}

function served({ workloads, sent, answerHeaders: changes }: DecidedDestination, seen: Observation): string[] {
  const allowed = workloads.filter(({ denied }) => !denied);
  if (isRefused(seen) && allowed.length < workloads.length) { return []; }
  if (!allowed.some(({ workload, namespace }) => workload === seen.workload && (namespace === seen.namespace || workload.includes('.')))) {
    return [`${seen.workload ?? `nobody (${seen.status} ${seen.flags})`} answers instead of one of ${JSON.stringify(workloads)}`];
  }
  const names = new Set([...Object.keys(sent!.headers), ...OPERATED_HEADERS]);
  names.delete('x-forwarded-proto');
  return [
    ...expect('path', seen.arrived!.path, sent!.path),
    ...expect('host', seen.arrived!.host, sent!.authority),
    ...[...names].flatMap((name) => expect(`request header ${name}`, oneLine(name, seen.arrived!.headers[name]), oneLine(name, sent!.headers[name]))),
    ...answerHeaders(changes, seen),
  ];
}

/** Several lines of one header mean the same as one, which proxies make of some. */
function oneLine(name: string, values: readonly string[] | undefined): string | undefined {
  return values?.join(name === 'cookie' ? '; ' : ',');
}

/** The headers that rules change are none of those that applications or proxies send. */
function answerHeaders(changes: readonly DecidedChange[] | undefined, seen: Observation): string[] {
  const expected: Record<string, string[]> = {};
  for (const { action, name, value = '' } of changes ?? []) {
    const key = name.toLowerCase();
    if (action === 'remove') { delete expected[key]; } else { expected[key] = action === 'set' ? [value] : [...expected[key] ?? [], value]; }
  }
  const compared = OPERATED_HEADERS.filter((name) => name !== 'user-agent');
  return compared.flatMap((name) => expect(`answer header ${name}`, seen.answerHeaders[name], expected[name]));
}

function mirrored(decision: Decision, { mirrors, workload }: Observation): string[] {
  const reachable = (decision.mirrors ?? []).filter(({ known, workloads }) => known && workloads.some(({ denied }) => !denied));
  const certain = reachable.filter(({ percent, workloads }) => percent >= 100 && workloads.every(({ denied }) => !denied));
  const possible = new Set(reachable.flatMap(({ workloads }) => workloads.map((each) => each.workload)));
  const count = mirrors.length >= certain.length && mirrors.length <= reachable.length || workload === undefined;
  return [
    ...mirrors.filter((each) => !possible.has(each)).map((each) => `${each} gets a copy`),
    ...count ? [] : [`${mirrors.length} copies are sent instead of ${certain.length} to ${reachable.length}`],
  ];
}

/** Whether one of those decided answered, or nobody where nobody is. */
function servedBy(destinations: readonly DecidedDestination[], { workload, status }: Observation): boolean {
  const workloads = destinations.flatMap((each) => each.workloads);
  if (workloads.length === 0) { return workload === undefined; }
  return workloads.some((each) => each.workload === workload || each.denied && (status === 403 || status === 0));
}

/** Shares of clusters within what chance allows: 5 sigma. */
function ofShares(decision: Decision, observed: readonly Observation[]): string[] {
  if (decision.action !== 'route' || (decision.fault?.abortPercent ?? 0) > 0) { return []; }
  const total = observed.reduce((sum, { count }) => sum + count, 0);
  const nobody = new Set(decision.destinations!.filter(({ known, workloads }) => !known || workloads.length === 0).map(({ cluster }) => cluster));
  const nameOf = (cluster = 'PassthroughCluster') => nobody.has(cluster) ? '' : cluster;
  const shares = new Map<string, number>();
  for (const { cluster, probability } of decision.destinations!) { shares.set(nameOf(cluster), (shares.get(nameOf(cluster)) ?? 0) + probability); }
  return [...shares].flatMap(([cluster, share]) => {
    const got = observed.filter((seen) => nameOf(seen.cluster) === cluster).reduce((sum, { count }) => sum + count, 0) / total;
    return Math.abs(got - share) <= 5 * Math.sqrt(Math.max(0, share * (1 - share)) / total) + 1e-9 ? [] : [`${cluster || 'nobody'} gets ${got} instead of ${share}`];
  });
}
