import { Mesh } from './mesh';
import { MtlsMode } from './mtls-policy';
import { ServiceVersion } from './service-version';
import { gatewayOf, serviceOf } from './workload-facts';
import { isWithin, IWorkload } from './workloads';

/*
 * Callers have names by mutual TLS of the mesh alone: both sides need a sidecar, the caller must encrypt so, and the pods must take it.
 */

/** Where pods are called, and why callers have no name there; `undefined` where they may have one. */
interface Entry {
  readonly port?: number;
  readonly nameless?: string;
}

/** Where callers of some pods have no name, at some ports of theirs or all. */
export function namelessEntries(pods: IWorkload, ports: number[] | undefined, mesh: Mesh): { readonly why?: string; readonly everywhere: boolean } {
  const gateway = gatewayOf(pods, mesh);
  if (gateway) return gateway._knowsClients ? { everywhere: false } : { why: `at the gateway ${gateway.node.path}, whose clients show no certificates`, everywhere: true };
  const entries = entriesOf(pods, ports, mesh);
  const [first] = entries.flatMap(({ nameless }) => nameless ?? []);
  return { why: first, everywhere: entries.every(({ nameless }) => nameless !== undefined) };
}

/** Whether callers in plain text are known to be refused. */
export function demandsNames(pods: IWorkload, ports: number[] | undefined, mesh: Mesh): boolean {
  const called = ports ?? serviceOf(pods)?._containerPorts.map(({ port }) => port) ?? [undefined];
  return called.every((port) => mtlsAt(pods, port, mesh)?.mode === MtlsMode.STRICT);
}

/** One for each port and version of theirs. */
function entriesOf(pods: IWorkload, ports: number[] | undefined, mesh: Mesh): Entry[] {
  const service = serviceOf(pods);
  const known = service?._containerPorts ?? [];
  const called = ports ?? (known.length > 0 ? known.map(({ port }) => port) : [undefined]);
  const versions = pods instanceof ServiceVersion ? [pods.version] : service ? [...service.host.versions, ...service.host._lanes.keys()] : [];
  return called.flatMap((port) => {
    const taken = mtlsAt(pods, port, mesh);
    if (taken?.mode === MtlsMode.DISABLE) return [{ port, nameless: `by ${taken.by}, where the pods take plain text alone` }];
    const servicePort = known.find((each) => each.port === port)?.servicePort;
    return (versions.length > 0 ? versions : [undefined]).map((version) => {
      const sent = service?.host._said.tlsOf(version, servicePort);
      return { port, nameless: sent && sent.mode !== 'ISTIO_MUTUAL' ? `by ${sent.by}, where callers are told to send ${sent.mode === 'DISABLE' ? 'plain text' : `TLS of mode ${sent.mode}`}` : undefined };
    });
  });
}

/** What the app says of mutual TLS at a port: policies of pods go before those of their namespace. */
function mtlsAt(pods: IWorkload, port: number | undefined, mesh: Mesh): { readonly mode: MtlsMode; readonly by: string } | undefined {
  const all = mesh.mtlsPolicies.filter(({ _on }) => isWithin(pods, _on));
  const policy = all.find(({ _isWhole }) => !_isWhole) ?? all[0];
  return policy && { mode: policy._modeAt(port), by: policy.node.path };
}
