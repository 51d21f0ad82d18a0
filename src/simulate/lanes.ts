import { asList } from '../json';
import { Rule, VirtualService } from './virtual-services';
import { compareText } from '../lanes/hosts';
import { laneOfRule } from '../lanes/weave';

/** The lane header of a mesh without woven rules. */
export const DEFAULT_LANE_HEADER = 'project-version';

/** The header by which most of the woven rules tell their lane; `undefined` where no rule is woven. */
export function laneHeaderOf(virtualServices: readonly VirtualService[]): string | undefined {
  const votes = new Map<string, number>();
  for (const { spec } of allRules(virtualServices)) {
    const lane = laneOfRule(spec);
    for (const [name, match] of Object.entries<any>(lane === undefined ? {} : (spec.match?.[0]?.headers ?? {}))) {
      if (match?.exact === lane) votes.set(name.toLowerCase(), (votes.get(name.toLowerCase()) ?? 0) + 1);
    }
  }
  return [...votes].sort((one, other) => other[1] - one[1] || compareText(one[0], other[0]))[0]?.[0];
}

/** Every value that some rule asks the lane header to be, sorted. */
export function lanesOf(virtualServices: readonly VirtualService[], header: string): string[] {
  const entries = allRules(virtualServices).flatMap(({ spec }) => asList(spec.match));
  const values = entries.map((entry) => conditionOn(entry?.headers, header)?.exact).filter((value) => typeof value === 'string');
  return [...new Set<string>(values)].sort(compareText);
}

/** A value that no rule asks for. */
export function unknownLane(lanes: readonly string[]): string {
  let name = 'no-such-lane';
  while (lanes.includes(name)) name += '-';
  return name;
}

/** What an entry asks of a header. */
export function conditionOn(headers: any, header: string): any {
  return Object.entries<any>(headers ?? {}).find(([name]) => name.toLowerCase() === header)?.[1];
}

function allRules(virtualServices: readonly VirtualService[]): Rule[] {
  return virtualServices.flatMap(({ rules }) => rules);
}
