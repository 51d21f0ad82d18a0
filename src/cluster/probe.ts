import { CommandFailed, ExitCode } from './failures';
import { Session } from './session';

/** What a probe sends and expects. */
export interface ProbeExpectation {
  /** The lane header. */
  readonly header: string;
  /** The response header that tells which lane served; empty if none does. */
  readonly served: string;
  /** `undefined` for the baseline, which need only answer. */
  readonly lane?: string;
}

/** Asks a URL until the lane answers: the only way to see that the proxies have heard of it. */
export async function probe(session: Session, url: string, expected: ProbeExpectation, timeoutSeconds: number): Promise<void> {
  const { header, served, lane } = expected;
  session.say(`asking ${url}${lane === undefined ? '' : ` with ${header}: ${lane}`}`);
  const until = session.now().getTime() + timeoutSeconds * 1000;
  for (let last = ''; ;) {
    session.check();
    last = await ask(url, expected);
    if (last === '') return;
    if (session.now().getTime() >= until) {
      throw new CommandFailed(ExitCode.PROBE, `${url} did not answer as expected within ${timeoutSeconds} s: ${last}; all objects are in place, `
        + `so look whether the URL leads to a service that the lane has, and whether the services forward '${header}'${served ? '' : ' (no response header tells the lane here)'}`);
    }
    await session.sleep(1);
  }
}

/** What is wrong with the answer; nothing if it is right. */
async function ask(url: string, { header, served, lane }: ProbeExpectation): Promise<string> {
  try {
    const response = await fetch(url, { headers: lane === undefined ? {} : { [header]: lane }, redirect: 'manual', signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    if (response.status >= 500) return `status ${response.status}`;
    const by = response.headers.get(served || 'x-served-lane');
    if (lane === undefined || served === '' || laneThatServed(by) === lane) return '';
    return `status ${response.status}, ${served}: ${by ?? '(none, so the baseline served)'}`;
  } catch (error) {
    const { cause, message } = error as Error;
    return cause instanceof Error && cause.message ? cause.message : message;
  }
}

/** A lane with fallback tells by the workload that answered: workload, namespace, app, version and cluster. */
function laneThatServed(by: string | null): string | undefined {
  const parts = by?.split(';') ?? [];
  return parts.length > 3 ? parts[3] : parts[0];
}
