import { isDeepStrictEqual } from 'util';
import { Manifest } from './cluster';
import { asList } from '../json';
import { objectName } from '../lanes/hosts';

/** The rules with the subsets that the live ones have beside theirs: what is routed to now stays until the routes have changed. */
export function widened(rules: Manifest[], live: Manifest[]): Manifest[] {
  return rules.map((rule) => {
    const before = asList(live.find((each) => objectName(each) === objectName(rule))?.spec?.subsets);
    const leaving = before.filter(({ name }) => !asList(rule.spec?.subsets).some((subset: any) => subset.name === name));
    return leaving.length === 0 ? rule : { ...rule, spec: { ...rule.spec, subsets: [...asList(rule.spec?.subsets), ...leaving] } };
  });
}

/** Whether the live rule lacks a subset of this one, or defines it otherwise. */
export function narrowed(rule: Manifest, live: Manifest[]): boolean {
  const before = asList(live.find((each) => objectName(each) === objectName(rule))?.spec?.subsets);
  return asList(rule.spec?.subsets).some(({ name, labels }: any) => !before.some((subset: any) => subset.name === name && isDeepStrictEqual(subset.labels, labels)));
}
