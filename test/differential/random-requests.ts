import { Chance } from './chance';
import { COOKIES, PATHS, swapCase, VALUES } from './matchers';
import { type Aim, type AimedVirtualService, type Scenery, VIRTUAL_HOSTS } from './random-routes';
import { LANES, NAMESPACES } from './random-services';
import type { Manifest, Spec } from '../mesh/claims/support';
import type { MeshRequest, Sender } from '../mesh/contract';

/** Who may send: few, for each is a proxy that istiod works for. */
function randomSenders(chance: Chance, { services }: Scenery, gateways: readonly Manifest[]): Sender[] {
  const selectors = [...new Set(gateways.map(({ spec }) => JSON.stringify((spec as any).selector)))]
    .map((text) => ({ gateway: JSON.parse(text) as Record<string, string> }));
  const labels: readonly (Record<string, string> | undefined)[] = [undefined, { app: 'web' }, { app: 'web', version: 'v2' }, { app: 'cart' }];
  const clients = chance.some(NAMESPACES.flatMap((home) => labels.map((worn): Sender => ({ namespace: home, ...worn ? { labels: worn } : {}, ...chance.maybe(0.2, 'serviceAccount', () => 'caller') }))), 2, 4);
  const target = chance.pick(services);
  const deployed = target.manifests.filter(({ kind, spec }) => kind === 'Deployment' && (spec as any).replicas > 0);
  const workloads: Sender[] = deployed.length > 0 && chance.happens(0.4)
    ? [{ namespace: target.namespace, workload: chance.pick(deployed).metadata.name }] : [];
  const bare: Sender[] = chance.happens(0.2) ? [{ namespace: chance.pick(NAMESPACES), sidecar: false }] : [];
  return [...clients, ...bare, ...workloads, ...selectors, ...selectors];
}

/** The ways to write a host in a request, all meant for the same one, and a few near misses. */
function spelled(chance: Chance, host: string): string {
  if (!chance.happens(0.35)) { return host; }
  return chance.pick([`${host}.`, host.toUpperCase(), swapCase(host), `${host}:80`, `${host}:8080`, `${host}:1234`, `x${host}`, `${host}x`, `x.${host}`]);
}

const concrete = (chance: Chance, host: string) => host.startsWith('*')
  ? chance.pick([`www${host.slice(1)}`, `a.b${host.slice(1)}`, host.slice(2) || 'any.example.net', `cart.shop${host.slice(1)}`].filter((text) => text !== ''))
  : host;

/** Requests at the edges of what a mesh's rules say. */
export function randomRequests(
  chance: Chance, scenery: Scenery, virtualServices: readonly AimedVirtualService[], gateways: readonly Manifest[], count: number,
): MeshRequest[] {
  const senders = randomSenders(chance, scenery, gateways);
  return Array.from({ length: count }, () => randomRequest(chance, scenery, virtualServices, senders));
}

function randomRequest(chance: Chance, scenery: Scenery, virtualServices: readonly AimedVirtualService[], senders: readonly Sender[]): MeshRequest {
  const rooted = virtualServices.filter(({ hosts }) => hosts.length > 0);
  const aimed = rooted.length > 0 && chance.happens(0.8) ? chance.pick(rooted) : undefined;
  const rules = aimed && chance.happens(0.9) ? aimed.rules : virtualServices.flatMap((each) => each.rules);
  const matches = rules.flatMap((rule) => rule.matches);
  const aim: Aim = matches.length > 0 && chance.happens(0.85) ? chance.pick(matches).aim(chance) : { headers: {} };
  const entering = (aimed?.manifest.spec as any)?.gateways?.some((name: string) => name !== 'mesh');
  const preferred = senders.filter((sender) => 'gateway' in sender === (entering ?? chance.happens(0.15)) && fitsAim(sender, aim));
  const from = preferred.length > 0 && chance.happens(0.85) ? chance.pick(preferred) : chance.pick(senders);
  const target = chance.pick(scenery.services);
  const named = aimed && chance.happens(0.85) ? concrete(chance, chance.pick(aimed.hosts)) : hostOf(chance, scenery);
  const ports = chance.happens(0.9) ? portsOf(scenery, named) : [80, 8080, 443, 9999];
  const servedPorts = 'gateway' in from ? [80, 80, 80, 9090, 443] : ports.length > 0 ? ports : target.ports.map(({ number }) => number);
  const port = aim.port !== undefined && (servedPorts.includes(aim.port) || chance.happens(0.2)) ? aim.port : chance.pick(servedPorts);
  const host = aim.authority?.replace(/:.*/, '') ?? named;
  const authority = aim.authority !== undefined ? aim.authority : spelled(chance, host);
  const path = withQuery(chance, aim.path ?? chance.pick(chance.pick(PATHS).hits.concat('/')), aim.query);
  const headers = {
    ...Object.fromEntries(Object.entries({ ...noise(chance), ...aim.headers }).filter(([name, value]) => value !== undefined && !(name === 'user-agent' && value === '')).map(([name, value]) => [chance.happens(0.1) ? swapCase(name) : name, name === 'user-agent' ? value! : lines(chance, value!)])),
    ...authority === host ? {} : { host: authority },
  };
  return {
    ...'gateway' in from && port === 443 ? { tls: true } : {},
    from,
    host: chance.happens(0.92) ? host : named,
    port,
    ...aim.method || chance.happens(0.1) ? { method: aim.method ?? 'POST' } : {},
    ...path === '/' ? {} : { path },
    ...Object.keys(headers).length > 0 ? { headers } : {},
  };
}

function fitsAim(sender: Sender, aim: Aim): boolean {
  if ('gateway' in sender || 'workload' in sender) { return true; }
  const worn: Spec = sender.labels ?? {};
  return (aim.namespace === undefined || aim.namespace === sender.namespace)
    && Object.entries(aim.labels ?? {}).every(([key, value]) => worn[key] === value);
}

function hostOf(chance: Chance, { services, entries }: Scenery): string {
  const target = chance.pick(services);
  return chance.pick([
    target.host, target.host, target.name, `${target.name}.${target.namespace}`, `${target.name}.${target.namespace}.svc`, ...VIRTUAL_HOSTS.filter((host) => !host.startsWith('*')),
    'www.example.com', 'unknown.example.net', ...entries.flatMap(({ hosts }) => hosts.map((host) => host.replace('*', 'some'))),
  ]);
}

function portsOf({ services, entries }: Scenery, host: string): number[] {
  const service = services.find((each) => each.host === host || each.name === host || host.startsWith(`${each.name}.${each.namespace}`));
  if (service) { return service.ports.map(({ number }) => number); }
  const entry = entries.find(({ hosts }) => hosts.some((each) => each === host || each.startsWith('*') && host.endsWith(each.slice(1))));
  return entry ? [...entry.ports] : [80, 80, 80, 8080];
}

function withQuery(chance: Chance, path: string, query: readonly string[] | undefined): string {
  const odd = chance.happens(0.08) ? chance.pick(['/./a', '/b/../a', '/a%2Fb', '/%61', '//a', '/a//b', '/a;v=1', '/a%20b', '/..', '/a/..', '/a/.', '/A/b']) : path;
  const parts = chance.shuffled([...query ?? [], ...chance.happens(0.15) ? [chance.pick(['x=1', 'q', 'q=1', 'debug=', '=', '', 'a=b=c', 'q=v1&q=1'])] : []]);
  const text = odd.startsWith('/') ? odd : `/${odd}`;
  return parts.length > 0 ? `${text}?${parts.join('&')}` : text;
}

function noise(chance: Chance): Record<string, string | undefined> {
  return {
    ...chance.maybe(0.15, 'x-user', () => chance.pick(chance.pick(VALUES).hits)),
    ...chance.maybe(0.1, 'cookie', () => chance.pick(chance.pick(COOKIES).hits)),
    ...chance.maybe(0.15, 'x-lane', () => chance.pick([...LANES, 'l3', 'L1', ''])),
    ...chance.maybe(0.15, 'x-a', () => 'own'),
    ...chance.maybe(0.1, 'x-b', () => 'own'),
    ...chance.maybe(0.05, 'user-agent', () => 'Safari'),
    ...chance.maybe(0.03, 'x-forwarded-proto', () => chance.pick(['https', 'http', 'ftp'])),
  };
}

/** Seldom several header lines of one name. */
function lines(chance: Chance, value: string): string | string[] {
  return chance.happens(0.05) ? chance.pick([[value, 'second'], ['first', value], [value, value]]) : value;
}
