import { InvalidInput, shown } from '../errors';
import { asList } from '../json';
import { accountOf, Arrivals, Caller } from './arrival';
import { Destinations, FoundDestination, Proxy } from './destinations';
import { changedHeaders, filledIn, headerChanges, hostSetBy } from './header-changes';
import { durationMs, named, numberOf } from './objects';
import { Branch, Caveat, Ending, Mirror, ObjectReference, Outcome, SentRequest, WorkloadShare } from './outcome';
import { RequestView } from './request-view';
import { Route } from './routes';
import { answersPreflight, faultOf, mirrorsOf, redirectAnswer, retriesOf, rewrittenPath } from './rule-actions';
import { MeshService } from './services';
import { Complaint, StringMatches } from './string-match';

/** What a route makes of a request. */
export type RouteOutcome = Pick<Outcome, 'fault' | 'branches' | 'mirrors' | 'timeoutMs' | 'retries' | 'caveats'>;

/** What the client's connection is about, beside the request. */
export interface Connection {
  readonly proxy: Proxy;
  readonly caller: Caller;
  /** The service that the client connected to, if it is one of the mesh. */
  readonly connectedTo?: MeshService;
}

/** What the ways that a request may end at a destination have in common. */
type Arriving = Pick<Branch, 'probability' | 'answerHeaders' | 'sent'>;

/** Follows routes to their ends. */
export class RouteFollower {
  constructor(
    private readonly destinations: Destinations,
    private readonly arrivals: Arrivals,
    private readonly strings: StringMatches,
  ) {}

  /** What becomes of a request that a route takes. */
  public follow(route: Route, request: RequestView, connection: Connection): RouteOutcome {
    const spec = route.rule?.spec ?? {};
    const complain = complaint(route);
    const fault = faultOf(spec.fault, complain);
    const caveats: Caveat[] = [];
    if (answersPreflight(spec.corsPolicy, request, this.strings, complain)) {
      return aborted(route, {
        fault,
        branches: [answered(200, "the proxy answers this preflight request by the rule's corsPolicy", route)],
        mirrors: [],
        caveats,
      });
    }
    if (spec.redirect) return { branches: [this.redirected(spec, route, request, complain)], mirrors: [], caveats };
    if (spec.directResponse) return { branches: [directAnswer(spec, route)], mirrors: [], caveats };
    const timeoutMs = durationMs(spec.timeout);
    const sent = this.sentTo(spec, route, request, connection, complain);
    const { mirrors, caveats: mirrorCaveats } = this.mirrors(spec, route, request, connection, sent.branches[0]?.sent);
    return aborted(route, {
      fault,
      branches: sent.branches,
      mirrors,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      retries: retriesOf(spec.retries, timeoutMs),
      caveats: unique([...caveats, ...sent.caveats, ...mirrorCaveats]),
    });
  }

  private sentTo(
    spec: any,
    route: Route,
    request: RequestView,
    connection: Connection,
    complain: Complaint,
  ): { branches: Branch[]; caveats: Caveat[] } {
    const listed = route.service ? [{ destination: undefined, weight: 1 }] : asList(spec.route);
    const weighted =
      listed.length === 1
        ? [{ item: listed[0], weight: 1 }]
        : listed.map((item) => ({ item, weight: numberOf(item?.weight) ?? 0 })).filter(({ weight }) => weight > 0);
    const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
    if (total === 0) {
      throw complain('route', listed.length === 0 ? 'must name a destination' : 'must have a weight above 0', listed.length === 0 ? '[]' : 0);
    }
    const path = rewrittenPath(spec.rewrite, route, request, this.strings, complain);
    const parts = weighted.map(({ item, weight }) => {
      const found = route.service
        ? this.destinations.ofService(route.service, route.port, connection.proxy)
        : this.destinations.ofRule(item?.destination, route.rule!.owner, route, connection.proxy);
      return this.sentToOne(found, weight / total, item, listed.length === 1, spec, path, request, connection);
    });
    return { branches: parts.flatMap(({ branches }) => branches), caveats: parts.flatMap(({ caveats }) => caveats) };
  }

  private sentToOne(
    found: FoundDestination,
    probability: number,
    item: any,
    isAlone: boolean,
    spec: any,
    path: string,
    request: RequestView,
    connection: Connection,
  ): { branches: Branch[]; caveats: Caveat[] } {
    const changes = headerChanges(spec.headers, item?.headers, isAlone, 'request');
    const authority = spec.rewrite?.authority || hostSetBy(spec.headers) || hostSetBy(item?.headers) || request.authority;
    const sent: SentRequest = { authority, path, headers: changedHeaders(request.headers, changes) };
    const answerHeaders = headerChanges(spec.headers, item?.headers, isAlone, 'response');
    const filled = filledIn(spec.headers, item?.headers);
    const caveats: Caveat[] = filled
      ? [
        {
          code: 'HeaderVariable',
          message: `Envoy fills in the value of header ${filled.name}, ${filled.value}, when a request is there; here it stands as written`,
        },
      ]
      : [];
    const base = { probability, answerHeaders, sent };
    if (found.failure) {
      const { flag, reason, cause } = found.failure;
      return {
        branches: [{ ...base, ending: Ending.FAILED, status: 503, flag, reason, cause, destination: found.destination, workloads: [] }],
        caveats,
      };
    }
    const arrived = this.arriving(found, base, request, connection);
    return { branches: arrived.branches, caveats: [...caveats, ...arrived.caveats] };
  }

  private arriving(found: FoundDestination, base: Arriving, request: RequestView, connection: Connection): { branches: Branch[]; caveats: Caveat[] } {
    return found.goesToOriginal ? this.toOriginal(found, base, request, connection) : this.arrivals.at(found, connection.caller, request, base);
  }

  /** Envoy opens a connection to the address that the client asked for. */
  private toOriginal(
    found: FoundDestination,
    base: Arriving,
    request: RequestView,
    { caller, connectedTo }: Connection,
  ): { branches: Branch[]; caveats: Caveat[] } {
    const { host } = found.destination;
    const own = found.service ? this.destinations.podsOf(found.service, found.destination.port) : [];
    const accounts = new Set(own.flatMap(({ workload }) => (workload ? [accountOf(workload)] : [])));
    const mutual = { ...this.arrivals.mutualTo({ ...found, backends: own }), accounts };
    if (connectedTo?.isKubernetes) {
      const backends = this.destinations.podsOf(connectedTo, request.port);
      const isSame = connectedTo.hostname === host;
      const note: Caveat = {
        code: 'OriginalDestination',
        message: isSame
          ? `${host} is headless: requests go to the very pod that the client connects to, of any version; the shares stand for clients that choose at random`
          : `${host} is headless: requests go to the address that the client connects to, which is one of ${connectedTo.hostname}`,
      };
      if (backends.some(({ pods }) => pods > 0)) {
        const arrived = this.arrivals.at({ ...found, service: connectedTo, backends, standby: [] }, caller, request, base, mutual);
        return { branches: arrived.branches, caveats: [note, ...arrived.caveats] };
      }
      const reason = `${connectedTo.hostname} has no ready pods to connect to`;
      const none: Branch = { ...base, ending: Ending.FAILED, status: 503, flag: 'UF', reason, cause: connectedTo.object, destination: found.destination, workloads: [] };
      return { branches: [none], caveats: [note] };
    }
    const to = request.request.host;
    const workloads: WorkloadShare[] = [{ namespace: found.service?.namespace ?? '', workload: to, labels: {}, pods: 1, share: 1 }];
    const { caveats, ...end } = this.arrivals.outside(to, mutual, `${to} answers, which is where the client connects to`);
    return { branches: [{ ...base, ...end, destination: found.destination, workloads }], caveats: [...caveats] };
  }

  private redirected(spec: any, route: Route, request: RequestView, complain: Complaint): Branch {
    const answer = redirectAnswer(spec.redirect, route, request);
    if (!answer) {
      throw complain(
        'redirect.redirectCode',
        'must be 301, 302, 303, 307 or 308 (Envoy refuses all routes of the port otherwise)',
        spec.redirect.redirectCode,
      );
    }
    return {
      probability: 1,
      ending: Ending.REDIRECTED,
      status: answer.status,
      location: answer.location,
      reason: `${ruleName(route)} redirects`,
      cause: route.rule!.owner,
      workloads: [],
      answerHeaders: headerChanges(spec.headers, undefined, true, 'response'),
    };
  }

  private mirrors(
    spec: any,
    route: Route,
    request: RequestView,
    connection: Connection,
    sent: SentRequest | undefined,
  ): { mirrors: Mirror[]; caveats: Caveat[] } {
    const caveats: Caveat[] = [];
    const mirrors = mirrorsOf(spec).map(({ destination, percent }): Mirror => {
      const found = this.destinations.ofRule(destination, route.rule!.owner, route, connection.proxy);
      if (found.failure) return { percent, destination: found.destination, workloads: [], lost: found.failure.reason };
      const arrived = this.arriving(found, { probability: 1, answerHeaders: [], sent }, request, connection);
      caveats.push(...arrived.caveats);
      const refused = arrived.branches.find(({ ending }) => ending === Ending.FAILED);
      const workloads = arrived.branches.filter(({ ending }) => ending !== Ending.FAILED).flatMap((branch) => branch.workloads);
      return { percent, destination: found.destination, workloads, ...(workloads.length === 0 && refused ? { lost: refused.reason } : {}) };
    });
    return { mirrors, caveats };
  }
}

/** The rule in words: `http[2] "lane/v1" of VirtualService shop/cart`. */
export function ruleName(route: Route): string {
  if (!route.rule) return `the default route of ${route.service?.hostname ?? 'the service'}`;
  const { owner, index, spec } = route.rule;
  return `rule http[${index}]${spec.name ? ` ${JSON.stringify(spec.name)}` : ''} of ${named(owner)}`;
}

function complaint(route: Route): Complaint {
  return (property, problem, value) => new InvalidInput('VirtualServiceRule', `${ruleName(route)}: '${property}' ${problem}, got ${shown(value)}`);
}

function answered(status: number, reason: string, route: Route, cause: ObjectReference | undefined = route.rule?.owner): Branch {
  return { probability: 1, ending: Ending.ANSWERED, status, reason, cause, workloads: [], answerHeaders: [] };
}

function directAnswer(spec: any, route: Route): Branch {
  const body = spec.directResponse.body?.string;
  return {
    ...answered(numberOf(spec.directResponse.status) ?? 200, `${ruleName(route)} answers by itself`, route),
    ...(body === undefined ? {} : { body: String(body) }),
    answerHeaders: headerChanges(spec.headers, undefined, true, 'response'),
  };
}

/** An abort is a branch of its own, two where only a part is delayed before; what is aborted goes nowhere. */
function aborted(route: Route, outcome: RouteOutcome): RouteOutcome {
  const { abort, delay } = outcome.fault ?? {};
  if (!abort) return outcome;
  const share = abort.percent / 100;
  const delayed = (delay?.percent ?? 0) / 100;
  const others = share < 1 ? outcome.branches.map((branch) => ({ ...branch, probability: branch.probability * (1 - share) })) : [];
  const grpc = abort.grpcStatus ? ` with gRPC status ${abort.grpcStatus}` : '';
  const injected = (probability: number, flag: string): Branch => ({
    probability,
    ending: Ending.FAILED,
    status: abort.status ?? 200,
    flag,
    reason: `${ruleName(route)} injects this fault into ${abort.percent} % of requests${grpc}`,
    cause: route.rule?.owner,
    workloads: [],
    answerHeaders: [],
  });
  const aborts = [injected(share * delayed, 'DI,FI'), injected(share * (1 - delayed), 'FI')].filter(({ probability }) => probability > 0);
  return { ...outcome, branches: [...aborts, ...others] };
}

/** Claims of tokens are not modelled: what is to be said of the routes up to the one that took the request. */
export function claimCaveats(routes: readonly Route[], last: Route | undefined): Caveat[] {
  const caveats: Caveat[] = [];
  for (const route of routes) {
    caveats.push(...claimCaveat(route));
    if (route === last) break;
  }
  return unique(caveats);
}

function claimCaveat(route: Route): Caveat[] {
  return route.entry?.match.asksForClaims
    ? [{ code: 'JwtClaims', message: `${ruleName(route)} looks at claims of a token, which are not modelled: requests are taken to have none` }]
    : [];
}

/** Each caveat once. */
export function unique(caveats: readonly Caveat[]): Caveat[] {
  const seen = new Set<string>();
  return caveats.filter(({ message }) => !seen.has(message) && seen.add(message));
}
