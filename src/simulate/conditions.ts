/** What a match entry asks for, for people; empty: nothing. `except` is a header that is left out. */
export function conditionsText(entry: any, except?: string): string {
  const conditions: string[] = [];
  const uri = entry?.uri;
  // These are every path.
  const isAny = uri && (uri.prefix === '/' || uri.prefix === '' || uri.regex === '.*' || uri.regex === '/.*');
  if (uri && !isAny) conditions.push(uri.prefix !== undefined ? `${uri.prefix}*` : (uri.exact ?? `~${uri.regex}`));
  if (entry?.method) conditions.push(matchText(entry.method));
  for (const field of ['authority', 'scheme']) if (entry?.[field]) conditions.push(`${field} ${matchText(entry[field])}`);
  for (const [field, sign] of [
    ['headers', ''],
    ['withoutHeaders', 'not '],
    ['queryParams', '?'],
  ]) {
    for (const [name, match] of Object.entries<any>(entry?.[field] ?? {})) {
      if (field === 'queryParams' || name.toLowerCase() !== except) conditions.push(`${sign}${name}=${matchText(match)}`);
    }
  }
  if (entry?.port) conditions.push(`port ${entry.port}`);
  for (const [key, value] of Object.entries(entry?.sourceLabels ?? {})) conditions.push(`from ${key}=${value}`);
  if (entry?.sourceNamespace) conditions.push(`from namespace ${entry.sourceNamespace}`);
  return conditions.join(' ');
}

function matchText(match: any): string {
  if (match?.prefix !== undefined) return `${match.prefix}*`;
  if (match?.regex !== undefined) return `~${match.regex}`;
  return match?.exact ?? 'any';
}

/** What rules ask for that did not take a request, for people: `; its rules take /api*, /old*`. */
export function askedText(routes: readonly { readonly entry?: { readonly spec: any } }[]): string {
  const texts = [...new Set(routes.map(({ entry }) => conditionsText(entry?.spec)))];
  if (texts.length === 0) return '';
  return `; ${texts.length > 1 ? 'its rules take' : 'its rule takes'} ${texts.slice(0, 5).join(', ')}${texts.length > 5 ? ` and ${texts.length - 5} more` : ''}`;
}
