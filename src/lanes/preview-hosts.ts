import { objectName, VirtualServiceManifest } from './hosts';
import { uniqueLabel } from './lane-name';
import { LANE_LABEL, Phase, PHASE_LABEL, PREVIEW_HOSTS_ANNOTATION, PREVIEW_LABEL, SOURCE_LABEL } from './ownership';
import { HANDLES_LANE_HEADER_LABEL, laneOfRule, LaneTable, weave, WeaveRefused } from './weave';
import { asList, cloneJson } from '../json';

/** The host under which a lane can be looked at without sending the lane header: `release-v1.preview.example.com`. */
export function previewHost(lane: string, wildcard: string): string {
  return wildcard.replace('*', lane);
}

/** The wildcard host of the previews that follow a VirtualService, `undefined` where it has none. */
export function previewWildcard(entry: VirtualServiceManifest): string | undefined {
  return entry.metadata?.annotations?.[PREVIEW_HOSTS_ANNOTATION];
}

/**
 * The VirtualService of a lane's preview host: the rules of the entry, as they are for a request of the lane. Each sets the lane
 * header, in place of one that the request brought, for the hops that follow. It cannot choose the route by it, since headers are
 * changed when the route is chosen already: so destinations are the lane's own where it has them, and the baseline's where not.
 *
 * Pure. A lane that the table does not know meets the baseline at the entry, and its own versions further on.
 *
 * @param entry the VirtualService that names the previews' host, with lanes woven into it or without
 * @throws WeaveRefused where the entry cannot have lanes, and where it delegates: delegates are chosen before the header is set
 */
export function previewVirtualService(entry: VirtualServiceManifest, lane: string, table: LaneTable): VirtualServiceManifest {
  const lanes = { [lane]: table.lanes[lane] ?? {} };
  const { spec, metadata } = weave(entry, { ...table, lanes }).virtualService;
  const rules = asList(spec?.http);
  refuseDelegates(entry, rules);
  const http = rules.flatMap((rule, index) => {
    if (laneOfRule(rule) !== undefined) return [];
    const copy = index > 0 && laneOfRule(rules[index - 1]) !== undefined ? rules[index - 1] : rule;
    return [ruleOfPreview(copy, rule, table.header, lane)];
  });
  const name = `${metadata.name}-${lane}`;
  return {
    apiVersion: entry.apiVersion,
    kind: entry.kind,
    metadata: {
      name: name.length > 253 ? uniqueLabel(name, 253) : name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: {
        ...(metadata.labels?.[SOURCE_LABEL] === undefined ? {} : { [SOURCE_LABEL]: metadata.labels[SOURCE_LABEL] }),
        [LANE_LABEL]: lane,
        [PHASE_LABEL]: Phase.ROUTES,
        [PREVIEW_LABEL]: uniqueLabel(metadata.name, 63),
        [HANDLES_LANE_HEADER_LABEL]: 'true',
      },
    },
    spec: {
      ...spec,
      hosts: [previewHost(lane, previewWildcard(entry)!)],
      gateways: asList(spec.gateways).filter((gateway) => gateway !== 'mesh'),
      http,
    },
  };
}

/** The lane's copy of a rule for all requests that the rule is for, whatever lane header they bring. */
function ruleOfPreview(copy: any, { name, match, route }: any, header: string, lane: string): any {
  const { name: woven, match: withHeader, ...kept } = copy;
  const { headers, ...rest } = kept;
  const request = { ...headers?.request, set: { ...headers?.request?.set, [header]: lane } };
  return {
    ...(name === undefined ? {} : { name }),
    ...(match === undefined ? {} : { match: cloneJson(match) }),
    ...rest,
    // Redirects and direct responses go nowhere from here.
    ...(asList(route).length === 0 ? (headers ? { headers } : {}) : { headers: { ...headers, request } }),
  };
}

function refuseDelegates(entry: VirtualServiceManifest, rules: any[]): void {
  const problems = rules.flatMap((rule, index) => (rule?.delegate
    ? [{ code: 'PreviewDelegates', path: `spec.http[${index}].delegate`, message: 'delegates, and the delegate chooses by a lane header that the request does not have yet; let preview hosts follow a VirtualService that routes by itself' }]
    : []));
  if (problems.length > 0) throw new WeaveRefused(objectName(entry), problems);
}
