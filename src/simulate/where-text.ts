import { Ending, isInjected, Outcome } from './outcome';
import { percent } from './story';
import { compareText } from '../lanes/hosts';

/** Why requests fail that are not meant to. */
export function failuresOf({ branches }: Outcome): string[] {
  return [...new Set(branches.filter((branch) => branch.ending === Ending.FAILED && !isInjected(branch)).map(({ reason }) => reason))];
}

/** Where a request ends, in a few words. */
export function whereText(outcome: Outcome): string {
  const parts = new Map<string, number>();
  for (const branch of outcome.branches) {
    if (branch.ending === Ending.SERVED || branch.ending === Ending.OUTSIDE) {
      for (const { namespace, workload, share } of branch.workloads) {
        addTo(parts, namespace ? `${namespace}/${workload}` : workload, branch.probability * share);
      }
    } else if (branch.ending === Ending.REDIRECTED) {
      addTo(parts, `${branch.status} to ${branch.location}`, branch.probability);
    } else {
      addTo(parts, [branch.status || 'no answer', branch.flag].filter(Boolean).join(' '), branch.probability);
    }
  }
  return [...parts]
    .sort(([one], [other]) => compareText(one, other))
    .map(([name, share]) => (share > 0.999999 ? name : `${percent(share)} ${name}`))
    .join(', ');
}

/** How it gets there: what a rule changes on the way, as far as it shows in the answer or at the destination. */
export function wayText(outcome: Outcome): string {
  const { timeoutMs, retries, fault, mirrors } = outcome;
  const parts = [
    `timeout ${timeoutMs === undefined ? 'none' : `${timeoutMs} ms`}`,
    `retries ${retries ? `${retries.attempts} on ${retries.on.join(',')}${retries.perTryTimeoutMs === undefined ? '' : ` ${retries.perTryTimeoutMs} ms each`}` : 'none'}`,
    ...(fault?.delay ? [`delay ${fault.delay.ms} ms for ${fault.delay.percent} %`] : []),
    ...mirrors.map(
      ({ percent: share, workloads, lost }) => `mirror ${share} % to ${lost ? 'nobody' : workloads.map(({ workload }) => workload).join('+')}`,
    ),
    ...new Set(
      outcome.branches.flatMap(({ sent, answerHeaders, destination }) => [
        ...(sent && sent.path !== outcome.path ? [`path ${sent.path}`] : []),
        ...(sent && sent.authority !== outcome.authority ? [`Host ${sent.authority}`] : []),
        ...(sent ? Object.entries(sent.headers).map(([name, values]) => `${name}: ${values.join(',')}`) : []),
        ...answerHeaders
          .filter(({ name }) => name !== 'x-served-lane')
          .map(({ action, name, value }) => `answer: ${action} ${name} ${value ?? ''}`.trimEnd()),
        ...(destination?.policy ? [`policy ${JSON.stringify(destination.policy)}`] : []),
      ]),
    ),
  ];
  return parts.join('; ');
}

function addTo(parts: Map<string, number>, name: string, share: number): void {
  parts.set(name, (parts.get(name) ?? 0) + share);
}
