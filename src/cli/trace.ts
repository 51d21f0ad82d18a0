import { readFileSync } from 'fs';
import { Command } from 'commander';
import { load, YAMLException } from 'js-yaml';
import { EXIT_CODES } from './exit-codes';
import { loadModel, ModelFlags, withModelOptions } from './load-model';
import { painted, showsColours } from './paint';
import { cannotRead, UsageError } from './read-manifests';
import { asList } from '../json';
import { MeshModel, Sender, SimulatedRequest } from '../simulate';
import { allHops, ChainOptions, Chains } from '../simulate/chain';
import { Ending, isInjected } from '../simulate/outcome';
import { storyOf } from '../simulate/story';
import { traceOf } from '../simulate/trace';
import { usualPort, usualSender } from '../simulate/usual';

interface TraceFlags extends ModelFlags {
  readonly header?: string[];
  readonly request?: string;
  readonly lane?: string;
  readonly laneHeader?: string;
  readonly from?: string;
  readonly labels?: string;
  readonly gateway?: string;
  readonly calls?: string;
  readonly json?: boolean;
}

/** `trace`: one request, hop by hop. */
export function addTrace(cli: Command): void {
  withModelOptions(
    cli
      .command('trace')
      .description('tell where one request goes, hop by hop, and why')
      .argument('<url>', 'what is requested, such as http://cart.shop:8080/api?x=1')
      .argument('<path...>', 'files or folders with manifests, - for standard input')
      .option('-H, --header <header>', "a header, as 'name: value'; may be given again", (value: string, all: string[] = []) => [...all, value])
      .option('-X, --request <method>', 'the method (default: GET)')
      .option('--lane <lane>', 'the value of the lane header')
      .option('--lane-header <name>', 'the lane header (default: the one that the rules of lanes match)')
      .option(
        '--from <sender>',
        'who sends: a namespace, or namespace/deployment (default: the namespace of the service, or the gateway that has the host)',
      )
      .option('--labels <labels>', 'labels of the sending pod, as key=value,key=value')
      .option('--gateway <labels>', 'a client outside sends, to the gateway pods with these labels, as key=value')
      .option('--calls <file>', 'YAML that tells whom services call: calls: {cart: [prices:8080]}, forwards: [header], absentLane: value')
      .option('--json', 'for programs: the tree of hops, as docs/simulate.md describes it'),
  )
    .addHelpText('after', EXIT_CODES)
    .action((url: string, paths: string[], flags: TraceFlags) => {
      const model = loadModel(paths, flags);
      const chains = new Chains(model, { ...readCalls(flags.calls), ...(flags.laneHeader ? { laneHeader: flags.laneHeader } : {}) });
      const hop = chains.follow(requestOf(url, flags, model, chains.laneHeader));
      process.stdout.write(flags.json ? `${JSON.stringify(traceOf(hop), null, 2)}\n` : painted(storyOf(hop), showsColours(process.stdout)));
      if (allHops(hop).some(({ outcome }) => outcome.branches.some((branch) => branch.ending === Ending.FAILED && !isInjected(branch)))) {
        process.exitCode = 1;
      }
    });
}

function requestOf(url: string, flags: TraceFlags, model: MeshModel, laneHeader: string): SimulatedRequest {
  // Clients keep what stands behind a hash to themselves.
  const parts = /^(?:(https?):\/\/)?([^/?\s]+?)(?::(\d+))?([/?]\S*)?$/i.exec(url.replace(/#.*$/s, ''));
  if (!parts) {
    throw new UsageError(`'url' must be a host with optional scheme, port and path, such as http://cart.shop:8080/api, got ${JSON.stringify(url)}`);
  }
  const [, scheme, host, port, rest = '/'] = parts;
  const tls = scheme?.toLowerCase() === 'https';
  const from = senderOf(flags, host, model);
  return {
    from,
    host,
    port: port ? Number(port) : tls ? 443 : usualPort(model, host, from),
    path: rest.startsWith('/') ? rest : `/${rest}`,
    ...(flags.request ? { method: flags.request } : {}),
    headers: { ...headersOf(flags.header), ...(flags.lane === undefined ? {} : { [laneHeader]: flags.lane }) },
    ...(tls ? { tls } : {}),
  };
}

function senderOf(flags: TraceFlags, host: string, model: MeshModel): Sender {
  if (flags.gateway !== undefined && flags.from !== undefined) throw new UsageError("'--gateway' must not stand beside '--from': one of them sends");
  if (flags.gateway !== undefined) return { gateway: pairs(flags.gateway, '--gateway') };
  if (flags.from !== undefined) {
    const [namespace, workload] = flags.from.split('/');
    return workload ? { namespace, workload } : { namespace, labels: pairs(flags.labels, '--labels') };
  }
  const sender = usualSender(model, host);
  if (!sender) {
    const others = model.unmodelledRoutes(host).map(({ message }) => `; ${message}`).join('');
    throw new UsageError(
      `nothing in these manifests has the host ${host}: no Service, ServiceEntry or Gateway${others}; say who sends with '--from NAMESPACE' or '--gateway LABELS'`,
    );
  }
  return 'gateway' in sender ? sender : { ...sender, labels: pairs(flags.labels, '--labels') };
}

function pairs(text: string | undefined, option: string): Record<string, string> {
  if (!text) return {};
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [key, value, ...more] = pair.split('=');
      if (!key || value === undefined || more.length > 0) {
        throw new UsageError(`'${option}' must be key=value,key=value, got ${JSON.stringify(text)}`);
      }
      return [key, value];
    }),
  );
}

function headersOf(headers: readonly string[] = []): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  for (const header of headers) {
    const parts = /^([^:\s]+):\s*(.*)$/.exec(header);
    if (!parts) throw new UsageError(`'--header' must be 'name: value', got ${JSON.stringify(header)}`);
    values[parts[1].toLowerCase()] = [...(values[parts[1].toLowerCase()] ?? []), parts[2]];
  }
  return values;
}

/** The file that says who calls whom. */
export function readCalls(file: string | undefined): ChainOptions {
  if (file === undefined) return {};
  const read = yamlOf(file);
  const { calls, forwards, absentLane, ...others } = (read ?? {}) as Record<string, any>;
  const got = Object.keys(others).length > 0 ? `, got ${Object.keys(others).join(', ')}` : '';
  const lists =
    (calls ?? undefined) === undefined ||
    (typeof calls === 'object' && Object.values(calls).every((list) => Array.isArray(list) && list.every((call) => typeof call === 'string')));
  if (typeof read !== 'object' || Object.keys(others).length > 0 || !lists) {
    throw new UsageError(
      `${file}: expected calls (a list of host:port for each service), forwards (a list of headers) and absentLane${got}`,
    );
  }
  const absent = absentLane === undefined ? {} : { absentLane: String(absentLane) };
  return { calls: calls ?? undefined, forwards: asList(forwards).map(String), ...absent };
}

function yamlOf(file: string): unknown {
  try {
    return load(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof YAMLException) throw new UsageError(`${file}:${(error.mark?.line ?? 0) + 1}: ${error.reason}`);
    throw cannotRead(file, error);
  }
}
