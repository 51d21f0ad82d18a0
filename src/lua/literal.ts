/**
 * A text as a string literal of Lua 5.1, which Envoy's LuaJIT reads: printable ASCII as it is, all else (quotes, backslashes, line
 * ends, bytes of UTF-8) as `\ddd`. So nothing can end the literal but its own quote, and the program is plain ASCII whatever names
 * it holds.
 */
export function luaString(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')];
  const escaped = bytes.map((byte) => {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x22 && byte !== 0x5c;
    return plain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

/** A table of Lua with these fields in this order; those without a value are left out. */
export function luaTable(fields: Record<string, string | undefined>): string {
  const said = Object.entries(fields).filter(([, text]) => text !== undefined);
  return `{ ${said.map(([name, text]) => `${name} = ${luaString(text!)}`).join(', ')} }`;
}
