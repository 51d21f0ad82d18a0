import { Construct } from 'constructs';
import { demand, InvalidInput } from './errors';
import { Mesh } from './mesh';
import type { MeshGatewayProps } from './mesh-gateway';
import { covers, GatewayServer, ServerHost } from './traffic/gateway-server';
import { Warnings } from './warnings';

/** What a gateway's props say of its servers. */
export type ServersSaid = Pick<MeshGatewayProps, 'hosts' | 'port' | 'portName' | 'tls' | 'redirectHttp' | 'servers'>;

/** The servers of one gateway, and which hosts they are for. */
export class GatewayServers {
  private readonly said: GatewayServer[];
  private readonly servers: GatewayServer[];

  /** `pods` are the labels of the gateway pods. */
  constructor(private readonly scope: Construct, said: ServersSaid, private readonly pods: Record<string, string>) {
    this.said = mainServers(scope, said);
    this.servers = [...this.said, ...(said.servers ?? [])];
    const names = this.portNames();
    names.forEach((name, index) => demand('portName', name, names.indexOf(name) === index ? undefined : 'must be a name of its own for each server of the gateway', { code: 'PortName', scope }));
    for (const server of this.servers) {
      for (const { host } of server._hosts) Mesh.of(scope).ownGatewayHost({ pods, port: server._port }, host, scope);
      Mesh.of(scope).ownGatewayPort({ pods, port: server._port }, server._protocol, scope);
    }
    this.warnOfIdleRedirects();
  }

  /** The hosts that are named, in order, each once. */
  public get hosts(): string[] {
    return [...new Set(this.servers.flatMap((server) => server._hosts.map(({ host }) => host)))];
  }

  /** Whether some of them ask clients for certificates. */
  public get knowClients(): boolean {
    return this.servers.some(({ _knowsClients }) => _knowsClients);
  }

  /** Beside its own the main server (and what redirects to it) has these hosts. */
  public manifests(added: string[]): any[] {
    const names = this.portNames();
    return this.servers.map((server, index) => server._toManifest(names[index], this.main.includes(server) ? added : []));
  }

  /** A host that is taken beside the servers' own. */
  public own(host: string): void {
    for (const server of this.main) Mesh.of(this.scope).ownGatewayHost({ pods: this.pods, port: server._port }, host, this.scope);
  }

  /** The server that the props say, and what redirects to it; else the first that routes requests. */
  private get main(): GatewayServer[] {
    return this.said.length > 0 ? this.said : this.servers.filter(({ _protocol }) => _protocol !== 'TLS').slice(0, 1);
  }

  /** The host as some server has it, itself or by a wildcard; of several the narrowest. */
  public find(host: string, speaks: 'requests' | 'connections'): ServerHost | undefined {
    const fitting = this.servers.filter((server) => (server._protocol === 'TLS') === (speaks === 'connections')).flatMap((server) => server._hosts);
    return fitting.filter((each) => each.host === host || covers(each.host, host)).sort((one, other) => other.host.length - one.host.length)[0];
  }

  /** A name that was not given is the protocol's, with a number where there are several. */
  private portNames(): string[] {
    const taken = new Set<string>();
    return this.servers.map((server) => {
      const base = server._protocol.toLowerCase();
      let name = server._portName ?? base;
      for (let n = 2; server._portName === undefined && taken.has(name); n++) name = `${base}-${n}`;
      taken.add(name);
      return name;
    });
  }

  private warnOfIdleRedirects(): void {
    for (const server of this.servers.filter(({ _redirects }) => _redirects)) {
      const lost = server._hosts.filter(({ host }) => !this.servers.some((other) => other._protocol !== 'HTTP' && other._hosts.some((each) => each.host === host || covers(each.host, host))));
      for (const { host } of lost) {
        Warnings.of(this.scope).add(this.scope, 'RedirectWithoutHttps', `'hosts' ${host} is redirected to https, but no server of the gateway speaks TLS for it; give it one: GatewayServer.https`);
      }
    }
  }
}

/** The servers that the props without `servers` say. */
function mainServers(scope: Construct, { hosts, port, portName, tls, redirectHttp, servers }: ServersSaid): GatewayServer[] {
  if (hosts === undefined && servers?.length) {
    const [idle] = Object.entries({ port, portName, tls, redirectHttp }).filter(([, value]) => value !== undefined);
    if (idle) throw new InvalidInput('GatewayHost', `'${idle[0]}' must stand beside hosts, got servers alone; say it of a server`, scope);
    return [];
  }
  const options = { hosts: hosts ?? [], port, portName };
  const main = tls ? GatewayServer._of(tls._ends ? 'HTTPS' : 'TLS', options, { tls }, scope) : GatewayServer._of('HTTP', options, {}, scope);
  demand('redirectHttp', redirectHttp, redirectHttp && !tls ? 'must not be set without tls' : undefined, { code: 'GatewayTls', scope, remedy: 'say tls too' });
  return redirectHttp ? [main, GatewayServer._of('HTTP', { hosts: options.hosts }, { redirects: true }, scope)] : [main];
}
