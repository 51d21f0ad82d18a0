/** A place in an object: keys from the outside in. */
export type Place = readonly (string | number)[];

/** Every place in an object, those that hold objects among them. */
export function placesOf(value: any, at: Place = []): Place[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.keys(value).flatMap((key) => [[...at, key], ...placesOf(value[key], [...at, key])]);
}

/** A copy in which the holder of the place is changed; what is beside the way stays the same. */
export function changedAt(value: any, [key, ...rest]: Place, change: (holder: any, key: string | number) => void): any {
  const copy = Array.isArray(value) ? [...value] : { ...value };
  if (rest.length > 0) copy[key] = changedAt(copy[key], rest, change);
  else change(copy, key);
  return copy;
}
