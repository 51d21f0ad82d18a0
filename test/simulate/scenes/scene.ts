import type { Branch, Outcome, Sender, SimulatedRequest } from '../../../src/simulate';
import { Ending } from '../../../src/simulate';
import type { Manifest } from '../../mesh/claims/support';

/** One promise of the simulator: what becomes of a request. `test/mesh/simulate.test.ts` asks the real mesh for the same. */
export interface Case {
  /** The promise, as a sentence. */
  readonly says: string;
  /** @default - a pod in namespace shop */
  readonly from?: Sender;
  readonly send: Omit<SimulatedRequest, 'from'>;
  /** Who answers, by workload, or the failure as Envoy reports it, such as `503 NC`; with the share of each where they are several. */
  readonly gets: string | Readonly<Record<string, number>>;
  /** The choice is made once for a connection, which a proxy keeps: no shares of few requests can be told. */
  readonly perConnection?: boolean;
  /** Who gets copies. */
  readonly mirrors?: readonly string[];
  /** Parts of the request as the application gets it; a header that is `null` must not be there. */
  readonly arrives?: { readonly path?: string; readonly host?: string; readonly headers?: Readonly<Record<string, string | null>> };
  /** Headers of the answer that the mesh sets; `null` for those that must not be there. */
  readonly answer?: Readonly<Record<string, string | null>>;
  /** What the reason must say, for failures. */
  readonly because?: RegExp;
  /** Further fields of the outcome that only the simulator tells. */
  readonly tells?: object;
  /** Fields of the outcome that must not be there. */
  readonly lacks?: readonly (keyof Outcome)[];
  /** The traffic policy in force, whole. */
  readonly policy?: object;
}

/** A mesh and what is promised of it. */
export interface Scene {
  readonly name: string;
  readonly manifests: readonly (Manifest | object)[];
  readonly cases: readonly Case[];
  /** The mesh refuses hosts that nobody knows. */
  readonly registryOnly?: boolean;
  /** Sidecars speak mutual TLS with each other. */
  readonly mutualTls?: boolean;
  /** Why the real mesh, as the tests run it, cannot judge it. */
  readonly simulatedOnly?: string;
}

export const SHOP: Sender = { namespace: 'shop' };
export const OUTSIDE: Sender = { gateway: { istio: 'ingressgateway' } };

/** Shares by what answers, as the real mesh counts them. */
export function sharesOf({ branches }: Outcome): Record<string, number> {
  const shares: Record<string, number> = {};
  const add = (name: string, share: number) => { shares[name] = Math.round(((shares[name] ?? 0) + share) * 1e9) / 1e9; };
  for (const branch of branches) {
    const answers = branch.ending === Ending.SERVED || branch.ending === Ending.OUTSIDE;
    if (!answers) add(failureOf(branch), branch.probability);
    else for (const { workload, share } of branch.workloads) add(workload, branch.probability * share);
  }
  return shares;
}

function failureOf({ status, flag }: Branch): string {
  return [status === 0 ? 'no answer' : status, flag].filter((part) => part !== undefined).join(' ');
}

/** What a case promises, as shares. */
export function promised({ gets }: Case): Readonly<Record<string, number>> {
  return typeof gets === 'string' ? { [gets]: 1 } : gets;
}

/** A rule without conditions. */
export function everything(...route: object[]): object {
  return { route };
}

/** A rule for one path. */
export function at(path: string, ...route: object[]): object {
  return { match: [{ uri: { exact: path } }], route };
}
