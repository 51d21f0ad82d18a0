import { isDeepStrictEqual } from 'util';
import { Manifest } from './cluster';
import { hasPreviews, isPreview, isWoven, laneNames, laneRoutes, laneTable, LiveLane, routedHosts } from './live-lanes';
import { laneOf, nameOf } from './marks';
import { asList } from '../json';
import { namespaceOf } from '../lanes/hosts';
import { PREVIEW_LABEL } from '../lanes/ownership';
import { previewVirtualService } from '../lanes/preview-hosts';
import { laneOfRule, weave, WeaveFinding, WeaveRefused } from '../lanes/weave';

/** What one VirtualService should be. */
export interface PlannedRoutes {
  /** What messages call it. */
  readonly name: string;
  /** As it was read; `undefined` for one that is to be made. */
  readonly current?: Manifest;
  /** As it should be; `undefined` for one that is to go. */
  readonly desired?: Manifest;
  readonly changed: boolean;
  /** The hosts it routes to, and for a preview host the lane: by these a run tells which ones its mark concerns. */
  readonly hosts: ReadonlySet<string>;
  readonly lane?: string;
  readonly warnings: WeaveFinding[];
  /** Why the live lanes cannot be woven in; `desired` then only lacks the lanes that are gone. */
  readonly problems: WeaveFinding[];
}

/**
 * What each woven VirtualService and each preview host should be, given the live lanes. Pure: the same cluster gives the same
 * plan, whoever makes it.
 */
export function planRoutes(virtualServices: Manifest[], live: LiveLane[]): PlannedRoutes[] {
  return [...virtualServices.filter(isWoven).map((each) => planWoven(each, live)), ...planPreviews(virtualServices, live)];
}

/** One woven VirtualService with these lanes in place of those that are in it. */
export function planWoven(current: Manifest, live: LiveLane[]): PlannedRoutes {
  const hosts = routedHosts(current);
  try {
    const { virtualService: desired, warnings } = weave(current, laneTable(current, live));
    return { name: nameOf(current), current, desired, changed: !isDeepStrictEqual(current, desired), hosts, warnings, problems: [] };
  } catch (error) {
    if (!(error instanceof WeaveRefused)) throw error;
    const desired = withoutGoneLanes(current, live);
    return { name: nameOf(current), current, desired, changed: !isDeepStrictEqual(current, desired), hosts, warnings: [], problems: error.problems };
  }
}

/** A baseline that takes no lanes any more must not keep routes to lanes that are gone. */
function withoutGoneLanes(virtualService: Manifest, live: LiveLane[]): Manifest {
  const { lanes } = laneTable(virtualService, live);
  const served = (rule: any) => laneRoutes({ ...virtualService, spec: { http: [rule] } }).every(({ host, subset }) => lanes[subset]?.[host]);
  const http = asList(virtualService.spec?.http).filter((rule) => laneOfRule(rule) === undefined || served(rule));
  return { ...virtualService, spec: { ...virtualService.spec, http } };
}

function planPreviews(virtualServices: Manifest[], live: LiveLane[]): PlannedRoutes[] {
  const key = (object: Manifest) => `${namespaceOf(object)}/${object.metadata.name}`;
  const there = new Map(virtualServices.filter(isPreview).map((each) => [key(each), each]));
  const plans: PlannedRoutes[] = [];
  for (const entry of virtualServices.filter(hasPreviews)) {
    for (const lane of laneNames(live)) {
      const { wanted, problems } = wantedPreview(entry, lane, live);
      const current = wanted && there.get(key(wanted));
      if (wanted) there.delete(key(wanted));
      const desired = current ? withContentOf(current, wanted) : wanted;
      const changed = !isDeepStrictEqual(current, desired);
      plans.push({ name: nameOf(wanted ?? entry), current, desired, changed, hosts: routedHosts(entry), lane, warnings: [], problems });
    }
  }
  const gone = [...there.values()].map((current) => ({
    name: nameOf(current), current, changed: true, hosts: routedHosts(current), lane: laneOf(current), warnings: [], problems: [],
  }));
  return [...plans, ...gone];
}

/** An entry that takes no lanes has no preview hosts either. */
function wantedPreview(entry: Manifest, lane: string, live: LiveLane[]): { wanted?: Manifest; problems: WeaveFinding[] } {
  try {
    return { wanted: previewVirtualService(entry, lane, laneTable(entry, live)), problems: [] };
  } catch (error) {
    if (error instanceof WeaveRefused) return { problems: error.problems };
    throw error;
  }
}

/** What is there, with the marks and the spec that are wanted: the server's own fields stay. */
function withContentOf(current: Manifest, wanted: Manifest): Manifest {
  const { labels, annotations } = wanted.metadata;
  return {
    ...current,
    metadata: {
      ...current.metadata,
      labels: { ...current.metadata.labels, ...labels },
      ...(annotations ? { annotations: { ...current.metadata.annotations, ...annotations } } : {}),
    },
    spec: wanted.spec,
  };
}

/** A route to a lane that is not live, or a live lane that a VirtualService of its host does not route to. */
export interface RouteDrift {
  readonly virtualService: string;
  readonly lane: string;
  readonly host: string;
  readonly kind: 'route without live lane' | 'live lane without route' | 'preview host out of date';
}

/** Where the routes differ from the live lanes. What `converge` would mend. */
export function routeDrift(virtualServices: Manifest[], live: LiveLane[]): RouteDrift[] {
  return planRoutes(virtualServices, live).filter(({ changed }) => changed).flatMap(({ name, current, desired, lane }) => {
    const [before, after] = [current, desired].map((each) => new Map((each ? laneRoutes(each) : []).map((route) => [`${route.subset} ${route.host}${route.fallback ? ' with fallback' : ''}`, route])));
    const drift = (from: typeof before, other: typeof before, kind: RouteDrift['kind']) => [...from]
      .filter(([key]) => !other.has(key)).map(([, { host, subset }]) => ({ virtualService: name, lane: subset, host, kind }));
    const found = [...drift(before, after, 'route without live lane'), ...drift(after, before, 'live lane without route')];
    if (found.length > 0) return found;
    const [label] = [(current ?? desired)!.metadata.labels?.[PREVIEW_LABEL]];
    return label ? [{ virtualService: name, lane: lane!, host: String((desired ?? current)!.spec.hosts), kind: 'preview host out of date' as const }] : [];
  });
}
