/*
 * Subsets select pods by labels, and nothing keeps two of them from selecting the same pods. Requests of the baseline would then meet a
 * lane's pods, or the other way round: what lanes are there to prevent.
 */

/** The pods of a version or of a lane. */
export interface NamedPods {
  readonly name: string;
  readonly isLane: boolean;
  /** What the subset says, for messages. */
  readonly labels: Record<string, string>;
  /** All labels that the pods are known to have, those of the Service's selector among them. */
  readonly all: Record<string, string>;
}

/** Why two groups of pods are surely not apart: the rest of a sentence. Versions among themselves, and lanes that share all their pods, may be meant so. */
export function sharedPodsProblem(one: NamedPods, other: NamedPods): string | undefined {
  if (!one.isLane && !other.isLane) return undefined;
  const ways = [selects(one.all, other.all), selects(other.all, one.all)];
  const meant = one.isLane && other.isLane && !ways.includes(false);
  if (meant || !ways.includes(true)) return undefined;
  return `must tell the pods of ${called(one)} from those of ${called(other)}, which are selected by ${JSON.stringify(other.labels)}`;
}

/** Why pods of a lane may be a version's too, for all that the labels tell: a sentence. */
export function sharedPodsWarning(lane: NamedPods, version: NamedPods): string | undefined {
  if (Object.entries(lane.all).some(([key, text]) => key in version.all && version.all[key] !== text)) return undefined;
  return `'labels' of ${called(lane)}, ${JSON.stringify(lane.labels)}, do not tell whether its pods have those of ${called(version)}, ${JSON.stringify(version.labels)}, too: `
    + "a pod with both would get requests of both; give both a label with different values, such as 'version'";
}

function called({ name, isLane }: NamedPods): string {
  return `${isLane ? 'lane' : 'version'} ${name}`;
}

/** Whether who selects by these labels gets pods that have those. */
function selects(labels: Record<string, string>, pods: Record<string, string>): boolean {
  for (const key in labels) if (pods[key] !== labels[key]) return false;
  return true;
}
