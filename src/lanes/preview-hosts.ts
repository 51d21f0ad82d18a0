import { openedEdge, rulesForLane } from './edge';
import { objectName, VirtualServiceManifest } from './hosts';
import { uniqueLabel } from './lane-name';
import { LANE_LABEL, Phase, PHASE_LABEL, PREVIEW_HOSTS_ANNOTATION, PREVIEW_LABEL, SOURCE_LABEL } from './ownership';
import { HANDLES_LANE_HEADER_LABEL, LaneTable, WeaveRefused } from './weave';
import { asList } from '../json';

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
 * The rules of an entry that is closed to the lane header are followed as if it were open: such hosts are the way in then.
 *
 * Pure. A lane that the table does not know meets the baseline at the entry, and its own versions further on.
 *
 * @param entry the VirtualService that names the previews' host, with lanes woven into it or without
 * @throws WeaveRefused where the entry cannot have lanes, and where it delegates: delegates are chosen before the header is set
 */
export function previewVirtualService(entry: VirtualServiceManifest, lane: string, table: LaneTable): VirtualServiceManifest {
  const opened = openedEdge(entry, table);
  refuseDelegates(entry, asList(opened.spec?.http));
  const { spec, metadata } = opened;
  const http = rulesForLane(opened, lane, table);
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

function refuseDelegates(entry: VirtualServiceManifest, rules: any[]): void {
  const problems = rules.flatMap((rule, index) => (rule?.delegate
    ? [{ code: 'PreviewDelegates', path: `spec.http[${index}].delegate`, message: 'delegates, and the delegate chooses by a lane header that the request does not have yet; let preview hosts follow a VirtualService that routes by itself' }]
    : []));
  if (problems.length > 0) throw new WeaveRefused(objectName(entry), problems);
}
