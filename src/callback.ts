import { IConstruct } from 'constructs';
import { demand, InvalidInput } from './errors';
import { isOver, momentProblem } from './expiry';
import { demandKinds, FLAG, maybe, OPTIONS, TEXT } from './kinds';
import { Mesh } from './mesh';
import { intersection, MatchEntry } from './traffic/intersection';
import { dnsNameProblem, pathProblem, tokenProblem, versionNameProblem } from './traffic/predicates';
import { RequestMatch } from './traffic/request-match';
import { StringMatch } from './traffic/string-match';
import { unreachableRules } from './traffic/unreachable';
import { Warnings } from './warnings';

/** A cookie or a query parameter, and its whole value. */
export interface NameAndValue {
  /** The name. */
  readonly name: string;
  /** The value, as it stands in the request. */
  readonly value: string;
}

/**
 * Requests of somebody who cannot send the lane header (a payment provider's notification, a login's redirect), and the lane that
 * they belong to. They are known by their host, path, a cookie or a query parameter; where several are said, all must hold.
 */
export interface CallbackProps {
  /**
   * The host that is called, without port: `aaa.example.com`. Compared without case, with any port.
   * @default - any
   */
  readonly authority?: string;

  /**
   * What the path begins with, letter by letter.
   * @default - any path
   */
  readonly path?: string;

  /**
   * A cookie, for callbacks that come by way of a user's browser.
   * @default - none is asked for
   */
  readonly cookie?: NameAndValue;

  /**
   * A query parameter, for partners that call a URL back as it was given to them.
   * @default - none is asked for
   */
  readonly query?: NameAndValue;

  /** The lane's name: that of a lane of the app, where the app has lanes. */
  readonly lane: string;

  /**
   * Whether the lane may be missing in the app: it belongs to another app, or comes and goes. Its requests meet the baseline then,
   * and carry the lane header for hops further on.
   * @default false
   */
  readonly laneMayBeMissing?: boolean;

  /**
   * The last day of the callback (`2027-01-31`, UTC) or its last moment (RFC 3339). After it, it is left out; a warning comes 14 days
   * before. Synthesis at a fixed moment: `app.node.setContext('cdk8s-lanes/now', '2027-01-01T00:00:00Z')`.
   * @default - none; where anybody may call, that is warned about
   */
  readonly expires?: string;
}

/** The callbacks of one gateway, or of one filter: checked, and known by their ids. */
export class Callbacks {
  private readonly byId = new Map<string, CallbackProps>();
  /** A callback's id → the hosts that it may come in at, where these are told apart. */
  private readonly hostsOf = new Map<string, readonly string[]>();
  /** What tells a callback's requests apart → its id. */
  private readonly keys = new Map<string, string>();

  constructor(private readonly scope: IConstruct) {
    scope.node.addValidation({ validate: () => [...[...this.byId].flatMap(([id, props]) => this.unknownLane(id, props)), ...this.shadowed()] });
  }

  /** Those that are not over, of all or of a host. */
  public live(host?: string): [string, CallbackProps][] {
    const there = this.all.filter(([id]) => host === undefined || this.hostsOf.get(id)!.includes(host));
    return there.filter(([id, { expires }]) => !isOver(this.scope, `callback '${id}'`, expires));
  }

  /** In the order they were added. */
  public get all(): [string, CallbackProps][] {
    return [...this.byId];
  }

  /**
   * One more, for these hosts, where hosts are told apart.
   *
   * Refused: bad names and values, nothing that tells the callback apart, what another callback matches already.
   */
  public add(id: string, props: CallbackProps, hosts: readonly string[] = ['']): CallbackProps {
    const { scope } = this;
    const at = (property: string) => `${id}.${property}`;
    demand('id', id, versionNameProblem(id), { code: 'CallbackId', scope });
    demand('id', id, this.byId.has(id) ? 'must be new' : undefined, { code: 'CallbackTwice', scope });
    demandCallback(props, scope);
    const authority = props.authority?.toLowerCase();
    if (authority !== undefined) {
      const wild = authority.includes('*') ? 'must be one host, as a callback takes all its requests' : dnsNameProblem(authority);
      demand(at('authority'), props.authority, wild, { code: 'CallbackAuthority', scope, remedy: 'write it without port: callback.example.com' });
    }
    if (props.path !== undefined) demand(at('path'), props.path, pathProblem(props.path), { code: 'PathPrefix', scope });
    for (const field of ['cookie', 'query'] as const) {
      const named = props[field];
      if (named === undefined) continue;
      demand(at(`${field}.name`), named.name, nameProblem(field, named.name), { code: 'CallbackName', scope });
      demand(at(`${field}.value`), named.value, valueProblem(named.value), { code: 'CallbackValue', scope });
    }
    const said = [authority, props.path, props.cookie, props.query];
    if (said.every((each) => each === undefined)) {
      throw new InvalidInput('CallbackMatchesAll', `'${id}' must say authority, path, cookie or query, got none of them: every request would belong to the lane`, scope);
    }
    demand(at('lane'), props.lane, versionNameProblem(props.lane), { code: 'LaneName', scope });
    if (props.expires !== undefined) demand(at('expires'), props.expires, momentProblem(props.expires), { code: 'CallbackExpires', scope });
    const key = JSON.stringify([hosts, ...said.map((each) => each ?? null)]);
    const twin = this.keys.get(key);
    if (twin !== undefined) {
      const lanes = this.byId.get(twin)!.lane === props.lane ? `lane ${props.lane}` : `lane ${this.byId.get(twin)!.lane}, and this one to lane ${props.lane}`;
      throw new InvalidInput('CallbackTwice', `'${id}' must match other requests than callback '${twin}', which sends the same to ${lanes}; a request is in one lane: tell them apart by path, cookie or query`, scope);
    }
    this.keys.set(key, id);
    const added = { ...props, ...(authority === undefined ? {} : { authority }) };
    this.byId.set(id, added);
    this.hostsOf.set(id, hosts);
    Mesh.of(scope).changed();
    return added;
  }

  private unknownLane(id: string, { lane, laneMayBeMissing }: CallbackProps): string[] {
    const known = Mesh.of(this.scope).laneNames;
    const { stain, ownership } = Mesh.of(this.scope);
    if (laneMayBeMissing || known.includes(lane)) return [];
    if (known.length > 0) return [`'${id}.lane' must be a lane of the app, got ${JSON.stringify(lane)} (known: ${known.join(', ')}); add the lane, or say laneMayBeMissing: true`];
    // Lanes of branches are not known before they come, and an app without StainedRoute may know of none.
    if (stain && !ownership) {
      Warnings.of(this.scope).add(this.scope, 'CallbackLaneUnknown', `'${id}.lane' is ${JSON.stringify(lane)}, and the StainedRoute of the app has no lanes yet; add the lane, or say laneMayBeMissing: true if it is another app's`);
    }
    return [];
  }

  /** The first that matches counts: one that another lane's takes all requests of, wherever it is for, does nothing. */
  private shadowed(): string[] {
    const takers = new Map<string, (string | undefined)[]>();
    for (const host of new Set([...this.hostsOf.values()].flat())) {
      const live = this.live(host);
      const found = unreachableRules(live.map(([, props]) => ({ match: [callbackMatch(props, props.authority === host)] })));
      live.forEach(([id], index) => {
        const taker = found.find((each) => each.index === index)?.taker;
        takers.set(id, [...takers.get(id) ?? [], taker === undefined ? undefined : live[taker][0]]);
      });
    }
    return [...takers].flatMap(([id, all]) => {
      const other = all.find((each) => each !== undefined && this.byId.get(each)!.lane !== this.byId.get(id)!.lane);
      if (other === undefined || all.includes(undefined)) return [];
      return [`'${id}' must not match what callback '${other}' takes before it (for lane ${this.byId.get(other)!.lane}, not ${this.byId.get(id)!.lane}): the first that matches counts, so it gets no request; `
        + 'add the narrower one before the other'];
    });
  }
}

/** What code without types may hand over for a callback. */
export function demandCallback(props: CallbackProps, scope: IConstruct): void {
  const [text, named] = [maybe(TEXT), maybe(OPTIONS)];
  demandKinds(props, { authority: text, cookie: named, query: named, laneMayBeMissing: maybe(FLAG), expires: text }, { scope });
}

/** The condition of a VirtualService's rule. `ownHost`: the VirtualService is for the callback's host alone. */
export function callbackMatch({ authority, path, cookie, query }: CallbackProps, ownHost: boolean): MatchEntry {
  const conditions = [
    ...(authority === undefined || ownHost ? [] : [RequestMatch.authority(StringMatch.regex(`(?i)${authority.replace(/\./g, '\\.')}\\.?(:[0-9]+)?`))]),
    ...(path === undefined ? [] : [RequestMatch.pathPrefix(path)]),
    ...(cookie === undefined ? [] : [RequestMatch.cookie(cookie.name, StringMatch.exact(cookie.value))]),
    ...(query === undefined ? [] : [RequestMatch.queryParam(query.name, StringMatch.exact(query.value))]),
  ];
  return conditions.map((each) => each._toManifest()).reduce(intersection, {});
}

function nameProblem(field: 'cookie' | 'query', name: string): string | undefined {
  if (field === 'cookie') return tokenProblem(name);
  return typeof name === 'string' && /^[\x21-\x7e]+$/.test(name) && !/[&=#?]/.test(name) ? undefined : "must be visible ASCII characters without '&', '=', '#' and '?', as in a URL";
}

function valueProblem(value: string): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !/[&;#,"]/.test(value) ? undefined : "must be visible ASCII characters without '&', ';', '#', ',' and quotes, as it stands in the request";
}
