import type { DecidedChange, DecidedDestination, DecidedMirror, DecidedShare, Decision } from '../mesh/contract';

/** What a decision says, in a form in which two that mean the same are the same. */
export interface Facts {
  readonly routes?: string;
  readonly virtualHost?: string;
  readonly virtualService?: string;
  readonly route?: string;
  /** How it ends, in words, with the probability: `served by shop/cart-v1 of outbound|80||…`, `503 NC of …`, `404 NR`, `redirect 301 …`. */
  readonly ends: Readonly<Record<string, number>>;
  /** What destinations get, and what is done to their answers, with the probability. */
  readonly sent: Readonly<Record<string, number>>;
  readonly policies: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly retries?: string;
  readonly mirrors: readonly string[];
  readonly fault?: string;
}

/** Where a simulated decision differs from the real one, in words. */
export function differences(ours: Decision, theirs: Decision): string[] {
  const [simulated, real] = [factsOf(ours), factsOf(theirs)];
  const common = (policies: Facts['policies']) => Object.fromEntries(Object.entries(policies).filter(([cluster]) => cluster in simulated.policies && cluster in real.policies));
  const [us, them]: Facts[] = [simulated, real].map((facts) => ({ ...facts, policies: common(facts.policies) }));
  return (Object.keys({ ...us, ...them }) as (keyof Facts)[]).flatMap((field) => {
    const [one, other] = [text(us[field]), text(them[field])];
    return one === other ? [] : [`${field}: simulated ${one}, real ${other}`];
  });
}

function text(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) { return JSON.stringify(value) ?? 'nothing'; }
  const sorted = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify(Object.fromEntries(sorted.map(([key, each]) => [key, typeof each === 'number' ? Math.round(each * 1e6) / 1e6 : each])));
}

/** Probabilities of what is said with the same words. */
class Tally {
  readonly shares: Record<string, number> = {};

  add(words: string, probability: number) {
    if (probability > 0) { this.shares[words] = (this.shares[words] ?? 0) + probability; }
  }
}

export function factsOf(decision: Decision): Facts {
  const { action, fault } = decision;
  const ends = new Tally();
  const sent = new Tally();
  const policies: Record<string, string> = {};
  const answer = answered(decision.answerHeaders ?? []);
  switch (action) {
    case 'none': ends.add('404 NR', 1); break;
    case 'deny': ends.add('403', 1); break;
    case 'refuse': ends.add('connection refused', 1); break;
    case 'redirect': ends.add(`redirect ${decision.status} ${decision.location}${answer}`, 1); break;
    case 'answer': ends.add(`answer ${decision.status} ${decision.body ?? ''}${answer}`, 1); break;
    default: {
      const abort = (fault?.abortPercent ?? 0) / 100;
      ends.add('abort', abort);
      for (const each of decision.destinations!) {
        decided(each, (1 - abort) * each.probability, ends, sent);
        const { policy } = each;
        if (policy && each.known && policy.loadBalancer !== 'CLUSTER_PROVIDED') {
          policies[each.cluster!] = policyText(policy.loadBalancer, policy.maxConnections, policy.maxPendingRequests, policy.consecutive5xx);
        }
      }
    }
  }
  return {
    ...routing(decision),
    ends: ends.shares,
    sent: sent.shares,
    policies,
    ...action === 'route' && decision.timeoutMs ? { timeoutMs: decision.timeoutMs } : {},
    ...retrying(decision),
    mirrors: (decision.mirrors ?? []).map(mirrorText).sort(),
    ...fault ? { fault: faultText(fault.delayMs, fault.delayPercent, fault.abortStatus ?? fault.abortGrpc, fault.abortPercent) } : {},
  };
}

function routing({ action, routes, virtualHost, virtualService, route }: Decision): Partial<Facts> {
  // What a gateway's policy refuses has found no route yet.
  if (action === 'deny') { return {}; }
  const real = virtualHost && !isStandIn(virtualHost);
  return {
    ...routes ? { routes } : {}, ...real ? { virtualHost } : {}, ...virtualService ? { virtualService } : {}, ...real && route ? { route } : {},
  };
}

/** Virtual hosts that istiod adds for hosts that nothing is said of. */
function isStandIn(virtualHost: string): boolean {
  return ['allow_any', 'block_all'].includes(virtualHost) || virtualHost.startsWith('blackhole:');
}

/** What goes where the sender meant to go has no destination of its own. */
function clusterName(cluster: string | undefined): string {
  return cluster === undefined || cluster === '' || cluster === 'PassthroughCluster' ? 'whatever was called' : cluster;
}

/** Where the sender itself meant to go it may find nobody, or not even an address to try. */
function nobody(cluster: string): string {
  return [clusterName(undefined), 'BlackHoleCluster'].includes(cluster) ? 'connection refused' : `nobody of ${cluster}`;
}

function decided(destination: DecidedDestination, probability: number, ends: Tally, requests: Tally) {
  const { known, workloads, sent, answerHeaders } = destination;
  const cluster = clusterName(destination.cluster);
  const pods = workloads.reduce((sum, each) => sum + each.pods, 0);
  if (!known) { ends.add(`503 NC of ${cluster}`, probability); return; }
  if (pods === 0) { ends.add(nobody(cluster), probability); return; }
  let served = 0;
  for (const each of workloads) {
    const share = probability * each.pods / pods;
    ends.add(each.denied ? `403 of ${cluster}` : `served by ${named(each)} of ${cluster}`, share);
    served += each.denied ? 0 : share;
  }
  if (sent) { requests.add(`${cluster}: ${sentText(sent, answerHeaders ?? [])}`, served); }
}

/** Hosts outside belong to no namespace, though their ServiceEntries do. */
const named = ({ namespace, workload }: DecidedShare) => namespace && !workload.includes('.') ? `${namespace}/${workload}` : workload;

function retrying({ retries, timeoutMs }: Decision): Partial<Facts> {
  if (!retries || retries.attempts === 0) { return {}; }
  const { attempts, on, perTryTimeoutMs } = retries;
  // Envoy ignores a timeout of tries that is not below the whole one.
  const each = perTryTimeoutMs && (!timeoutMs || perTryTimeoutMs < timeoutMs) ? ` each ${perTryTimeoutMs} ms` : '';
  return { retries: `${attempts} on ${[...on].sort().join(',')}${each}` };
}

function mirrorText({ cluster, percent, known, workloads }: DecidedMirror): string {
  const getters = known ? workloads.filter(({ denied }) => !denied).map(named).sort() : [];
  return `${Math.round(percent * 1e4) / 1e4} % to ${cluster}: ${getters.length > 0 ? getters.join(', ') : 'nobody'}`;
}

function faultText(delayMs?: number, delayPercent?: number, abort?: number, abortPercent?: number): string {
  return [delayPercent ? `${delayMs} ms for ${delayPercent} %` : '', abortPercent ? `${abort} for ${abortPercent} %` : ''].filter((part) => part !== '').join(', ');
}

function policyText(balancer: string, connections?: number, pending?: number, errors?: number): string {
  return [balancer, connections && `${connections} connections`, pending && `${pending} pending`, errors && `${errors} errors`].filter(Boolean).join(', ');
}

/** Several lines of one header mean the same as one with commas, which Envoy makes of some. */
function sentText({ authority, path, headers }: NonNullable<DecidedDestination['sent']>, answer: readonly DecidedChange[]): string {
  const lines = Object.entries(headers).filter(([, values]) => values.length > 0).map(([name, values]) => `${name}=${values.join(',')}`).sort();
  return [authority, path, ...lines].join(' ') + answered(answer);
}

/** Changes of one header after each other; which header comes first makes no difference. */
function answered(changes: readonly DecidedChange[]): string {
  const byName: Record<string, string[]> = {};
  for (const { action, name, value } of changes) {
    const key = name.toLowerCase();
    byName[key] = [...action === 'set' ? [] : byName[key] ?? [], action === 'remove' ? 'remove' : `${action} ${value}`];
    if (action === 'remove') { byName[key] = ['remove']; }
  }
  const words = Object.entries(byName).map(([name, all]) => `${name}: ${all.join(', ')}`).sort();
  return words.length > 0 ? ` | ${words.join('; ')}` : '';
}
