import { caveatsOf, Hop } from './chain';
import { named } from './objects';
import { Branch, Ending, isInjected, Mirror, ObjectReference, Outcome, WorkloadShare } from './outcome';
import { retriesOf } from './rule-actions';

/** How a line is meant. */
export type Tone = 'head' | 'plain' | 'served' | 'failed' | 'note';

/** One line of a story; deeper ones belong to the one before that is less deep. */
export interface Line {
  readonly depth: number;
  readonly tone: Tone;
  readonly text: string;
}

/** What became of a request and of those it caused, in words, hop by hop. */
export function storyOf(hop: Hop): Line[] {
  const caveats = caveatsOf(hop);
  return [
    ...hopLines(hop, 0, `${hop.outcome.sender} sends`),
    ...(caveats.length > 0 ? [{ depth: 0, tone: 'note' as const, text: 'Not modelled, so it may be otherwise:' }] : []),
    ...caveats.map(({ message }): Line => ({ depth: 1, tone: 'note', text: message })),
  ];
}

function hopLines(hop: Hop, depth: number, who: string): Line[] {
  const { outcome } = hop;
  const likely = hop.probability < 1 ? ` (${percent(hop.probability)} of requests)` : '';
  return [
    { depth, tone: 'head', text: `${who} ${outcome.method} ${outcome.authority}${outcome.path}${likely}` },
    ...decisionLines(outcome).map((text): Line => ({ depth: depth + 1, tone: 'plain', text })),
    ...outcome.branches.flatMap((branch) => [
      { depth: depth + 1, tone: toneOf(branch), text: branchText(branch, outcome.decision?.virtualService) },
      ...changeLines(branch, outcome).map((text): Line => ({ depth: depth + 2, tone: 'plain', text })),
      ...hop.answers
        .filter((answer) => answer.branch === branch)
        .flatMap(({ workload, calls, stopped }) => [
          ...calls.flatMap((call) => hopLines(call, depth + 2, `${workload.workload} calls`)),
          ...(stopped ? [{ depth: depth + 2, tone: 'note' as const, text: stopped }] : []),
        ]),
    ]),
    ...outcome.mirrors.map((mirror): Line => ({ depth: depth + 1, tone: mirror.lost ? 'failed' : 'plain', text: mirrorText(mirror) })),
  ];
}

function decisionLines({ decision, timeoutMs, retries, fault, branches }: Outcome): string[] {
  const lines: string[] = [];
  if (decision?.virtualService && decision.rule) {
    const { name, index, match } = decision.rule;
    const entry = match !== undefined && match > 0 ? `, match[${match}]` : '';
    const by = decision.delegatedBy ? `, to which ${named(decision.delegatedBy)} delegates` : '';
    lines.push(`by ${named(decision.virtualService)}, http[${index}]${name ? ` "${name}"` : ''}${entry}${by}`);
  } else if (decision?.virtualHost && !decision.virtualService && branches.some(({ destination }) => destination)) {
    lines.push(`no VirtualService is for it: any pod of ${decision.virtualHost.replace(/:\d+$/, '')} may serve`);
  }
  if (decision?.gateway) lines.push(`through ${named(decision.gateway)}`);
  for (const { object, reason } of decision?.overruled ?? []) lines.push(`${named(object)} has no say: ${reason}`);
  if (fault?.delay) lines.push(`${fault.delay.percent} % are delayed by ${fault.delay.ms} ms`);
  const settings = [timeoutMs === undefined ? '' : `timeout ${timeoutMs} ms`, retries && !isDefault(retries) ? retryText(retries) : ''].filter(
    Boolean,
  );
  if (settings.length > 0) lines.push(settings.join(', '));
  return lines;
}

function retryText({ attempts, on, perTryTimeoutMs }: NonNullable<Outcome['retries']>): string {
  return `up to ${attempts} ${attempts === 1 ? 'retry' : 'retries'} on ${on.join(',')}${perTryTimeoutMs === undefined ? '' : `, ${perTryTimeoutMs} ms a try`}`;
}

/** Whether it is what Istio does where nothing is said: no news to anybody. */
function isDefault(retries: NonNullable<Outcome['retries']>): boolean {
  return JSON.stringify(retries) === JSON.stringify(retriesOf(undefined, undefined));
}

function branchText(branch: Branch, decider: ObjectReference | undefined): string {
  const share = branch.probability < 1 ? `${percent(branch.probability)} ` : '';
  switch (branch.ending) {
    case Ending.SERVED:
      return `${share}-> ${workloadsText(branch.workloads)}${subsetText(branch)}${standbyText(branch)}`;
    case Ending.OUTSIDE:
      return `${share}-> ${branch.workloads.map(({ workload }) => workload).join(', ')}, outside the mesh: ${branch.reason}`;
    case Ending.REDIRECTED:
      return `${share}-> ${branch.status} to ${branch.location}: ${branch.reason}`;
    case Ending.ANSWERED:
      return `${share}-> ${branch.status}: ${branch.reason}`;
    default: {
      const isSaid = !branch.cause || branch.reason.includes(named(branch.cause)) || (decider && named(decider) === named(branch.cause));
      const cause = isSaid ? '' : ` (${named(branch.cause!)})`;
      return `${share}-> fails, ${[branch.status || 'no answer', branch.flag].filter(Boolean).join(' ')}: ${branch.reason}${cause}`;
    }
  }
}

function standbyText({ standby = [] }: Branch): string {
  return standby.length > 0 ? `; when none of these pods is ready, ${workloadsText(standby)}` : '';
}

function workloadsText(workloads: readonly WorkloadShare[]): string {
  return workloads.map(({ namespace, workload, share }) => `${namespace}/${workload}${share < 1 ? ` (${percent(share)})` : ''}`).join(', ');
}

function subsetText({ destination }: Branch): string {
  if (!destination?.host) return '';
  return destination.subset ? `, subset ${destination.subset} of ${destination.host}` : `, any version of ${destination.host}`;
}

function changeLines({ sent, answerHeaders, ending }: Branch, outcome: Outcome): string[] {
  if (!sent || ![Ending.SERVED, Ending.OUTSIDE].includes(ending)) return [];
  const lines: string[] = [];
  if (sent.path !== outcome.path) lines.push(`the path becomes ${sent.path}`);
  if (sent.authority !== outcome.authority) lines.push(`the Host becomes ${sent.authority}`);
  if (answerHeaders.length > 0) {
    lines.push(
      `in the answer: ${answerHeaders.map(({ action, name, value }) => `${action} ${name}${value === undefined ? '' : `: ${value}`}`).join(', ')}`,
    );
  }
  return lines;
}

function mirrorText({ percent: share, workloads, lost, destination }: Mirror): string {
  const amount = share < 100 ? `${share} % are ` : '';
  return lost ? `${amount}mirrored to ${destination.cluster}, where they are lost: ${lost}` : `${amount}mirrored to ${workloadsText(workloads)}`;
}

function toneOf({ ending, flag }: Branch): Tone {
  if (ending === Ending.FAILED) return isInjected({ flag }) ? 'note' : 'failed';
  return ending === Ending.SERVED ? 'served' : 'plain';
}

/** A share for people. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 10 || Number.isInteger(value) ? Math.round(value * 10) / 10 : Number(value.toPrecision(2))} %`;
}
