import { isIP } from 'net';
import { dnsLabelProblem, objectNameProblem } from './predicates';
import { demand, InvalidInput } from '../errors';
import { demandKind, instance, Kind, listOf, TEXT } from '../kinds';
import type { IWorkload } from '../workloads';

/** Which part of a source a caller is told by. */
export type CallerKind = 'principals' | 'namespaces' | 'ipBlocks' | 'remoteIpBlocks';

/**
 * Who calls. By service, account or namespace callers are known only where both sides have a sidecar (mutual TLS): a caller without
 * one has no name.
 *
 * @see https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source
 */
export class Caller {
  /** @internal */
  public static readonly _KIND: Kind = instance(Caller, 'Caller.service(…)');

  /**
   * The pods of a service, or of one version of it, by the accounts they run as. Refused at synth: pods that run as the namespace's
   * default account, which all its pods share; a service gets its own by `ownServiceAccount`.
   */
  public static service(service: IWorkload): Caller {
    const known = typeof service === 'object' && service !== null && ('_accounts' in service || 'deployment' in service);
    demand('service', typeof service, known ? undefined : 'must be a CanaryService or a version of one', { code: 'CallerService', remedy: 'Caller.serviceAccount names the account of others' });
    return new Caller('principals', () => accountsOf(service).map((account) => principal(service.workloadNamespace, account)), service);
  }

  /** Pods that run as this account. */
  public static serviceAccount(namespace: string, account: string): Caller {
    demand('namespace', namespace, dnsLabelProblem(namespace), { code: 'Namespace' });
    demand('account', account, objectNameProblem(account), { code: 'ObjectName' });
    return new Caller('principals', () => [principal(namespace, account)]);
  }

  /** All pods of a namespace that have a sidecar. */
  public static namespace(namespace: string): Caller {
    demand('namespace', namespace, dnsLabelProblem(namespace), { code: 'Namespace' });
    return new Caller('namespaces', () => [namespace]);
  }

  /** Whoever has a sidecar. */
  public static anybodyInMesh(): Caller {
    return new Caller('principals', () => ['*']);
  }

  /** Callers at these addresses or networks, as the proxy sees them: behind a gateway that is the gateway. */
  public static addresses(...blocks: string[]): Caller {
    return new Caller('ipBlocks', () => addresses(blocks));
  }

  /** The same, by the address that `X-Forwarded-For` tells; trustworthy only as far as the gateway's setting of proxies before it. */
  public static remoteAddresses(...blocks: string[]): Caller {
    return new Caller('remoteIpBlocks', () => addresses(blocks));
  }

  private constructor(private readonly kind: CallerKind, private readonly names: () => string[], private readonly service?: IWorkload) {
    if (!service) names();
  }

  /** @internal */
  public get _kind(): CallerKind {
    return this.kind;
  }

  /**
   * Whether mutual TLS is what tells them.
   *
   * @internal
   */
  public get _byIdentity(): boolean {
    return this.kind === 'principals' || this.kind === 'namespaces';
  }

  /**
   * Whether whoever can be told like this is meant.
   *
   * @internal
   */
  public get _isAnybody(): boolean {
    return this._names.some((name) => (this.kind === 'principals' ? name === '*' : name.endsWith('/0')));
  }

  /** @internal */
  public get _names(): string[] {
    return this.names();
  }

  /**
   * The service of the app that it stands for.
   *
   * @internal
   */
  public get _service(): IWorkload | undefined {
    return this.service;
  }
}

/** The accounts that the pods of a service, or of one version, run as. */
export function accountsOf(service: any): string[] {
  return service._accounts ?? [service.deployment.serviceAccount?.name ?? 'default'];
}

/** Istio takes `cluster.local` for its own trust domain, whatever that is called. */
function principal(namespace: string, account: string): string {
  return `cluster.local/ns/${namespace}/sa/${account}`;
}

function addresses(blocks: string[]): string[] {
  if (blocks.length === 0) throw new InvalidInput('CallerAddress', "'blocks' must name an address or a network, got none");
  demandKind('blocks', blocks, listOf(TEXT));
  for (const block of blocks) {
    const [address, bits, ...rest] = block.split('/');
    const most = isIP(address) === 6 ? 128 : 32;
    const valid = isIP(address) !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most));
    demand('blocks', block, valid ? undefined : 'must be an IP address, or a network such as 10.1.0.0/16', { code: 'CallerAddress' });
  }
  return blocks;
}
