import { asList } from '../json';
import { isCoveredBy } from './names';
import { labelsOf, numberOf, selects, textsOf } from './objects';
import { RequestView } from './request-view';
import { Route, Router } from './routes';
import { MeshService } from './services';
import { resolvedGateway, VirtualService } from './virtual-services';

/** Routes of connections: `tls` by server name, `tcp` by port. Addresses in matches are not looked at. */
export class TcpRoutes {
  constructor(private readonly virtualServices: readonly VirtualService[]) {}

  /**
   * The route that takes a connection to a host; `undefined` where no rule does.
   *
   * @param hostname absent where the connection names none: all VirtualServices are for it
   */
  public routeFor(hostname: string | undefined, view: RequestView, router: Router, service?: MeshService): Route | undefined {
    for (const vs of this.virtualServices.filter(({ hosts }) =>
      hostname === undefined || hosts.some((host) => isCoveredBy(hostname.toLowerCase(), host.toLowerCase())),
    )) {
      const spec = this.ruleFor(vs, view, router);
      if (!spec) continue;
      const rule = { owner: vs.object, index: spec.index, spec: { route: spec.rule.route }, entries: [] };
      return {
        name: '',
        virtualService: vs,
        rule,
        port: view.port,
        isTls: false,
        lookup: (host) => (host === service?.hostname ? service : undefined),
      };
    }
    return undefined;
  }

  private ruleFor(vs: VirtualService, view: RequestView, router: Router): { rule: any; index: number } | undefined {
    const { tls, tcp } = vs.manifest.spec;
    const isFor = (entry: any) => entryIsFor(entry, vs, view, router);
    const named = view.connection === 'https' ? asList(tls) : [];
    const byName = named.findIndex((rule) =>
      asList(rule?.match).some((entry) => isFor(entry) && textsOf(entry?.sniHosts).some((host) => isCoveredBy(view.serverName, host.toLowerCase()))),
    );
    if (byName >= 0) return { rule: named[byName], index: byName };
    const byPort = asList(tcp).findIndex((rule) => asList(rule?.match).length === 0 || asList(rule.match).some(isFor));
    return byPort < 0 ? undefined : { rule: tcp[byPort], index: byPort };
  }
}

function entryIsFor(entry: any, vs: VirtualService, view: RequestView, router: Router): boolean {
  const port = numberOf(entry?.port);
  if (port && port !== view.port) return false;
  const gateways = textsOf(entry?.gateways).map((gateway) => resolvedGateway(gateway, vs.namespace));
  if (gateways.length > 0) return gateways.includes(router.gateway);
  if (entry?.sourceLabels && !selects(labelsOf(entry.sourceLabels), router.labels)) return false;
  return !entry?.sourceNamespace || entry.sourceNamespace === router.namespace;
}
