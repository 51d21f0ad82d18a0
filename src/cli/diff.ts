import { Command } from 'commander';
import { curlWords, senderText } from './curl';
import { EXIT_CODES } from './exit-codes';
import { loadModel, ModelFlags, withModelOptions } from './load-model';
import { painted, Printed, showsColours } from './paint';
import { demand } from '../errors';
import { Change, diffRoutes, RouteDiff } from '../simulate/diff';
import { addTo } from '../simulate/objects';
import { Line } from '../simulate/story';
import { limitProblem } from '../traffic/predicates';

/** Nothing was found, which is not to say that there is nothing. */
const INCOMPLETE = 3;

/** `diff`: which requests change where they go. */
export function addDiff(cli: Command): void {
  withModelOptions(
    cli
      .command('diff')
      .description('tell which requests change where they go between two sets of manifests')
      .argument('<old>', 'a file or folder with manifests')
      .argument('<new>', 'the other one')
      .option('--limit <count>', 'how many requests to compare for each host, port and sender', '2000')
      .option('--json', 'for programs'),
  )
    .addHelpText('after', `${EXIT_CODES}
  ${INCOMPLETE}  no request that was compared changes, but something differs that no request can show: the output says what`)
    .action((before: string, after: string, flags: ModelFlags & { limit: string; json?: boolean }) => {
      demand('--limit', flags.limit, limitProblem(Number(flags.limit)), { code: 'Limit' });
      const diff = diffRoutes(loadModel([before], flags), loadModel([after], flags), { limit: Number(flags.limit) });
      process.stdout.write(flags.json ? `${JSON.stringify(diff, null, 2)}\n` : painted(linesOf(diff), showsColours(process.stdout)));
      if (diff.changes.length > 0) process.exitCode = 1;
      else if (diff.incomplete.length > 0) process.exitCode = INCOMPLETE;
    });
}

function linesOf({ changes, compared, incomplete }: RouteDiff): Printed[] {
  const summary = changes.length === 0 ? `No request changes, of ${compared} that were compared.` : `${compared} requests were compared.`;
  return [
    ...section('Requests that go elsewhere:', changes.filter(({ isMove }) => isMove)),
    ...section('Requests that go where they went, in another way:', changes.filter(({ isMove }) => !isMove)),
    { depth: 0, tone: 'plain', text: summary },
    ...incomplete.map((text): Line => ({ depth: 0, tone: 'note', text: `Incomplete: ${text}` })),
  ];
}

/** Changes by who sends, so that each request stands alone as the command that it is. */
function section(title: string, changes: readonly Change[]): Printed[] {
  if (changes.length === 0) return [];
  const bySender = new Map<string, Change[]>();
  for (const change of changes) addTo(bySender, senderText(change.request.from), change);
  const lines = [...bySender].flatMap(([sender, theirs]): Printed[] => [{ depth: 1, tone: 'plain', text: sender }, ...theirs.flatMap(changeLines)]);
  return [{ depth: 0, tone: 'head', text: title }, ...lines];
}

function changeLines({ request, before, after, failures, others }: Change): Printed[] {
  return [
    { depth: 2, command: curlWords(request) },
    { depth: 3, tone: 'failed', text: `- ${before}` },
    { depth: 3, tone: 'served', text: `+ ${after}` },
    ...failures.map((reason): Line => ({ depth: 4, tone: 'failed', text: reason })),
    ...(others > 0 ? [{ depth: 3, tone: 'note' as const, text: `and ${others} more of the requests that were compared change alike` }] : []),
  ];
}
