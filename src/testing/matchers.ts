import { Hop } from '../simulate/chain';
import { Branch, Ending } from '../simulate/outcome';
import { percent, storyOf } from '../simulate/story';

/** Who is to answer: what is left out may be anything. */
export interface Server {
  /** The Service's short name, or its host. */
  readonly service?: string;
  /** The `version` label of the pods. */
  readonly version?: string;
  /** The Deployment. */
  readonly workload?: string;
  readonly namespace?: string;
}

/** What jest wants of a matcher. */
interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** Matchers for what `SimulatedMesh.send` returns. Importing `cdk8s-lanes/testing` in jest adds them to `expect`. */
export const laneMatchers = {
  /** Every request is answered by this server. */
  toServe(received: Hop, server: Server): MatcherResult {
    return judged(
      received,
      `to be served by ${wordsOf(server)}`,
      sent(received).outcome.branches.every((branch) => servedBy(branch, server)),
    );
  },

  /** Requests are shared out by version (or Deployment) in these proportions. */
  toSplit(received: Hop, weights: Readonly<Record<string, number>>): MatcherResult {
    const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    const wanted = new Map(
      Object.entries(weights)
        .filter(([, weight]) => weight > 0)
        .map(([name, weight]) => [name, weight / total]),
    );
    const actual = sharesOf(sent(received), new Set(Object.keys(weights)));
    const names = new Set([...wanted.keys(), ...actual.keys()]);
    const pass = [...names].every((name) => Math.abs((wanted.get(name) ?? 0) - (actual.get(name) ?? 0)) < 1e-6);
    return judged(received, `to be split ${[...wanted].map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`, pass);
  },

  /** Every request fails with this status (and Envoy's response flag); 0 stands for no answer. */
  toFailWith(received: Hop, status: number, flag?: string): MatcherResult {
    const pass = sent(received).outcome.branches.every(
      (branch) => branch.ending === Ending.FAILED && branch.status === status && (flag === undefined || hasFlag(branch, flag)),
    );
    return judged(received, `to fail with ${[status, flag].filter((part) => part !== undefined).join(' ')}`, pass);
  },

  /** Every request is redirected there. */
  toRedirectTo(received: Hop, location: string): MatcherResult {
    return judged(
      received,
      `to be redirected to ${location}`,
      sent(received).outcome.branches.every((branch) => branch.location === location),
    );
  },

  /** Copies go to this server too. */
  toMirrorTo(received: Hop, server: Server): MatcherResult {
    const pass = sent(received).outcome.mirrors.some(
      ({ workloads, destination }) => workloads.length > 0 && workloads.every((workload) => fits(server, destination.host, workload)),
    );
    return judged(received, `to be mirrored to ${wordsOf(server)}`, pass);
  },

  /** The request and those it causes always take this way: Deployments with arrows, as `cart-v1 -> prices-main`; several calls of one stand in brackets. */
  toTakePath(received: Hop, path: string): MatcherResult {
    const paths = pathsOf(sent(received));
    return judged(received, `to take the path ${path}, took ${paths.join(' or ')}`, paths.length === 1 && paths[0] === path);
  },
};

/** What a matcher is given, if it is what matchers can judge. */
function sent(received: Hop): Hop {
  if (received?.outcome?.branches && received.answers) return received;
  throw new TypeError('expect() must be given what SimulatedMesh.send returns');
}

/** Envoy may give several, such as `DI,FI`. */
function hasFlag({ flag }: Branch, wanted: string): boolean {
  return flag === wanted || (flag ?? '').split(',').includes(wanted);
}

function judged(hop: Hop, expectation: string, pass: boolean): MatcherResult {
  const story = () =>
    storyOf(hop)
      .map(({ depth, text }) => `${'  '.repeat(depth + 1)}${text}`)
      .join('\n');
  return { pass, message: () => `Expected the request ${pass ? 'not ' : ''}${expectation}. What becomes of it:\n\n${story()}\n` };
}

function servedBy(branch: Branch, server: Server): boolean {
  return (
    branch.ending === Ending.SERVED &&
    branch.workloads.length > 0 &&
    branch.workloads.every((workload) => fits(server, branch.destination?.host ?? '', workload))
  );
}

function fits(server: Server, host: string, workload: Branch['workloads'][number]): boolean {
  return (
    (server.service === undefined || host === server.service || host.split('.')[0] === server.service || host.startsWith(`${server.service}.`)) &&
    (server.version === undefined || workload.version === server.version) &&
    (server.workload === undefined || workload.workload === server.workload) &&
    (server.namespace === undefined || workload.namespace === server.namespace)
  );
}

/** Shares by version, by Deployment where that is what is asked for; failures by status and flag. */
function sharesOf({ outcome }: Hop, wanted: ReadonlySet<string>): Map<string, number> {
  const shares = new Map<string, number>();
  const add = (name: string, share: number) => shares.set(name, (shares.get(name) ?? 0) + share);
  for (const branch of outcome.branches) {
    if (branch.workloads.length === 0) add([branch.status, branch.flag].filter((part) => part !== undefined).join(' '), branch.probability);
    for (const { version, workload, share } of branch.workloads) {
      const ended = branch.ending === Ending.FAILED ? [branch.status, branch.flag].filter((part) => part !== undefined).join(' ') : undefined;
      add(ended ?? (wanted.has(workload) || version === undefined ? workload : version), branch.probability * share);
    }
  }
  return shares;
}

/** The ways that a request may take, each once. */
function pathsOf(hop: Hop): string[] {
  const ends = hop.outcome.branches.flatMap((branch): string[] => {
    if (branch.ending === Ending.FAILED) return [`!${[branch.status, branch.flag].filter((part) => part !== undefined).join(' ')}`];
    const answers = hop.answers.filter((answer) => answer.branch === branch);
    if (answers.length === 0) return branch.workloads.length > 0 ? branch.workloads.map(({ workload }) => workload) : [`!${branch.status}`];
    return answers.flatMap(({ workload, calls }) => combined(calls.map(pathsOf)).map((next) => [workload.workload, ...next].join(' -> ')));
  });
  return [...new Set(ends)];
}

/** One of each call's paths, in all combinations; several calls in brackets. */
function combined(calls: string[][]): string[][] {
  if (calls.length === 0) return [[]];
  const choices = calls.reduce<string[][]>((all, paths) => all.flatMap((chosen) => paths.map((path) => [...chosen, path])), [[]]);
  return choices.map((chosen) => (chosen.length === 1 ? chosen : [`[${chosen.join(', ')}]`]));
}

function wordsOf({ service, version, workload, namespace }: Server): string {
  return [service, version && `version ${version}`, workload, namespace && `in ${namespace}`].filter(Boolean).join(' ');
}
