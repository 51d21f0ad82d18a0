import { isDeepStrictEqual } from 'util';
import { Manifest } from './cluster';
import { hostOfRule } from './folder';
import { domainOf, routesTo } from './live-lanes';
import { asList } from '../json';
import { objectName } from '../lanes/hosts';

/** The rules with the subsets that the live ones have beside theirs, as far as `keep` wants them. */
export function widened(rules: Manifest[], live: Manifest[], keep: (rule: Manifest, subset: string) => boolean = () => true): Manifest[] {
  return rules.map((rule) => {
    const own = asList(rule.spec?.subsets);
    const leaving = subsetsOf(rule, live).filter(({ name }) => !own.some((subset: any) => subset.name === name) && keep(rule, name));
    return leaving.length === 0 ? rule : { ...rule, spec: { ...rule.spec, subsets: [...own, ...leaving] } };
  });
}

/** Whether a VirtualService, whoever owns it, routes to the subset. */
export function isRoutedTo(rule: Manifest, subset: string, virtualServices: Manifest[]): boolean {
  return virtualServices.some((vs) => routesTo(vs, hostOfRule(rule, domainOf(vs)), subset));
}

/** Whether the live rule lacks a subset of this one, or defines it otherwise. */
export function lacksSubset(rule: Manifest, live: Manifest[]): boolean {
  const before = subsetsOf(rule, live);
  const isThere = ({ name, labels }: any) => before.some((subset) => subset.name === name && isDeepStrictEqual(subset.labels, labels));
  return !asList(rule.spec?.subsets).every(isThere);
}

function subsetsOf(rule: Manifest, live: Manifest[]): any[] {
  return asList(live.find((each) => objectName(each) === objectName(rule))?.spec?.subsets);
}
