/** A path of an AuthorizationPolicy with `{*}` (one part) or `{**}` (any number of parts) as an expression; `undefined` without them. */
export function templateRegex(path: string): string | undefined {
  if (!/\{\*\*?\}/.test(path)) return undefined;
  return path
    .split(/(\{\*\*?\})/)
    .map((part) => (part === '{*}' ? '[^/]+' : part === '{**}' ? '.*' : quotedRegex(part)))
    .join('');
}

/** An expression for just this text. */
export function quotedRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
