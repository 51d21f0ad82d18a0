import * as fc from 'fast-check';
import { InvalidInput } from '../../src/errors';
import { MeshModel, Outcome, SimulatedRequest } from '../../src/simulate';
import { diffRoutes } from '../../src/simulate/diff';
import { whereText, wayText } from '../../src/simulate/where-text';
import { readCorpus } from '../differential/corpus';
import { changedAt, placesOf } from '../support/places';

/*
 * `diff` finds out what a change does to any request by asking few. Whether it overlooks something is asked with meshes and requests
 * that others made: one object of a mesh is changed somewhere, and whichever recorded request goes elsewhere then, `diff` must not be
 * silent.
 */
const KINDS = ['VirtualService', 'DestinationRule', 'ServiceEntry', 'Sidecar', 'Gateway', 'AuthorizationPolicy', 'PeerAuthentication', 'Service', 'Deployment'];
const trials = readCorpus();

/** Which mesh, which of its objects, which of its fields, and what becomes of it; each is taken modulo what there is. */
const edit = fc.record({ mesh: fc.nat(), kind: fc.nat(), object: fc.nat(), place: fc.nat(), change: fc.nat() });
interface Edit { readonly kind: number; readonly object: number; readonly place: number; readonly change: number }

test('a change by which a recorded request goes elsewhere is never overlooked', () => {
  let moved = 0;
  fc.assert(fc.property(edit, (choice) => {
    const { manifests, requests } = trials[choice.mesh % trials.length];
    const models = modelsOf(manifests, choice);
    const movers = models ? requests.filter(namesItsHost).filter((request) => moves(request, ...models)) : [];
    if (!models || movers.length === 0) return;
    moved++;
    const { changes, incomplete } = diffRoutes(...models);
    expect({ movers, silent: changes.length + incomplete.length === 0 }).toEqual({ movers, silent: false });
  }), { numRuns: 100 });
  expect(moved).toBeGreaterThan(10);
});

/** The mesh before and after; `undefined` where there is nothing to change, or the change is refused. */
function modelsOf(manifests: readonly any[], { kind, object, place, change }: Edit): [MeshModel, MeshModel] | undefined {
  const kinds = KINDS.filter((each) => manifests.some((manifest) => manifest.kind === each));
  const all = manifests.filter((manifest) => manifest.kind === kinds[kind % kinds.length]);
  if (all.length === 0) return undefined;
  const chosen = all[object % all.length];
  const places = placesOf(chosen.spec);
  const spec = () => changedAt(chosen.spec, places[place % places.length], (holder, key) => edited(holder, key, change));
  const changed = change % 4 === 0 ? [] : [{ ...chosen, spec: spec() }];
  try {
    return [MeshModel.of(manifests), MeshModel.of(manifests.flatMap((each) => (each === chosen ? changed : [each])))];
  } catch (error) {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  }
}

/** `diff` sends no other Host header than that of the host that is called. */
function namesItsHost({ headers = {} }: { readonly headers?: object }): boolean {
  return Object.keys(headers).every((name) => name.toLowerCase() !== 'host');
}

function moves(request: SimulatedRequest, before: MeshModel, after: MeshModel): boolean {
  const ends = [before, after].map((model) => endOf(model, request));
  return ends.every((end) => end !== undefined) && ends[0] !== ends[1];
}

/** In words; `undefined` for senders that are not there any more, and for rules that are refused when they are met. */
function endOf(model: MeshModel, request: SimulatedRequest): string | undefined {
  let outcome: Outcome;
  try {
    outcome = model.send(request);
  } catch (error) {
    if (error instanceof InvalidInput) return undefined;
    throw error;
  }
  return `${whereText(outcome)} ${wayText(outcome)}`;
}

/** Says something else there, or nothing. */
function edited(holder: any, key: string | number, change: number): void {
  const found = otherwise(holder[key], change);
  if (found !== undefined) holder[key] = found;
  else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function otherwise(value: unknown, change: number): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value !== 'string') return undefined;
  return [`${value}x`, value.slice(0, -1) || undefined, value.toUpperCase(), undefined][Math.floor(change / 4) % 4];
}
