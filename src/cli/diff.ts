import { Command } from 'commander';
import { EXIT_CODES } from './exit-codes';
import { loadModel, ModelFlags, withModelOptions } from './load-model';
import { painted, showsColours } from './paint';
import { demand } from '../errors';
import { SimulatedRequest } from '../simulate';
import { Change, diffRoutes, RouteDiff } from '../simulate/diff';
import { Line } from '../simulate/story';
import { limitProblem } from '../traffic/predicates';

/** `diff`: which requests change where they go. */
export function addDiff(cli: Command): void {
  withModelOptions(
    cli
      .command('diff')
      .description('tell which requests change where they go between two sets of manifests')
      .argument('<old>', 'a file or folder with manifests')
      .argument('<new>', 'the other one')
      .option('--limit <count>', 'how many requests to compare for each host and sender', '2000')
      .option('--json', 'for programs'),
  )
    .addHelpText('after', EXIT_CODES)
    .action((before: string, after: string, flags: ModelFlags & { limit: string; json?: boolean }) => {
      demand('--limit', flags.limit, limitProblem(Number(flags.limit)), { code: 'Limit' });
      const diff = diffRoutes(loadModel([before], flags), loadModel([after], flags), { limit: Number(flags.limit) });
      process.stdout.write(flags.json ? `${JSON.stringify(diff, null, 2)}\n` : painted(linesOf(diff), showsColours(process.stdout)));
      if (diff.changes.length > 0) process.exitCode = 1;
    });
}

function linesOf({ changes, compared, incomplete }: RouteDiff): Line[] {
  const moves = changes.filter(({ isMove }) => isMove);
  const ways = changes.filter(({ isMove }) => !isMove);
  const summary = changes.length === 0 ? `No request changes, of ${compared} that were compared.` : `${compared} requests were compared.`;
  return [
    ...(moves.length > 0 ? [head('Requests that go elsewhere:')] : []),
    ...moves.flatMap(changeLines),
    ...(ways.length > 0 ? [head('Requests that go where they went, in another way:')] : []),
    ...ways.flatMap(changeLines),
    { depth: 0, tone: 'plain', text: summary },
    ...incomplete.map((text): Line => ({ depth: 0, tone: 'note', text: `Incomplete: ${text}` })),
  ];
}

function head(text: string): Line {
  return { depth: 0, tone: 'head', text };
}

function changeLines({ request, before, after, others }: Change): Line[] {
  const more = others > 0 ? ` (and ${others} more like it)` : '';
  return [
    { depth: 1, tone: 'plain', text: requestText(request) + more },
    { depth: 2, tone: 'failed', text: `- ${before}` },
    { depth: 2, tone: 'served', text: `+ ${after}` },
  ];
}

/** The request as a person would send it. */
export function requestText({ from, host, port, path, method, headers }: SimulatedRequest): string {
  const flags = Object.entries(headers ?? {}).map(([name, value]) => `-H '${name}: ${value}'`);
  const words = [method ? `-X ${method}` : '', ...flags, `http://${host}${port === 80 ? '' : `:${port}`}${path}`].filter((word) => word !== '');
  return `curl ${words.join(' ')}   from ${senderText(from)}`;
}

function senderText(from: SimulatedRequest['from']): string {
  if ('gateway' in from) {
    return `outside, through gateway ${Object.entries(from.gateway)
      .map(([key, value]) => `${key}=${value}`)
      .join(',')}`;
  }
  if ('workload' in from) return `${from.namespace}/${from.workload}`;
  const labels = Object.entries(from.labels ?? {})
    .map(([key, value]) => ` ${key}=${value}`)
    .join('');
  return `namespace ${from.namespace}${labels}`;
}
