import { luaString, luaTable } from './literal';

/** Requests that belong to a lane: those for which all that is said here holds. */
export interface ScriptedCallback {
  readonly authority?: string;
  readonly path?: string;
  readonly cookie?: { readonly name: string; readonly value: string };
  readonly query?: { readonly name: string; readonly value: string };
  readonly lane: string;
}

/**
 * The Lua program that sets the lane header of callbacks: the first that a request matches counts, and a header that says a lane
 * (is not missing, empty or `-`) is kept. Reads like the conditions of a VirtualService: hosts without case, port and final dot, paths
 * by prefix, the first query parameter of a name, any cookie of a name.
 *
 * Lua 5.1, and nothing of it that later versions do otherwise. Any text may stand in a callback.
 */
export function callbackScript(header: string, callbacks: readonly ScriptedCallback[]): string {
  const has = (field: keyof ScriptedCallback) => callbacks.some((each) => each[field] !== undefined);
  const tests = [
    ...(has('authority') ? ['(callback.authority == nil or callback.authority == authority)'] : []),
    ...(has('path') ? ['(callback.path == nil or string.sub(path, 1, #callback.path) == callback.path)'] : []),
    ...(has('cookie') ? ['(callback.cookie == nil or has_cookie(headers:get("cookie"), callback.cookie, callback.cookie_value))'] : []),
    ...(has('query') ? ['(callback.query == nil or query_value(path, callback.query) == callback.query_value)'] : []),
  ];
  return lines(
    `local LANE_HEADER = ${luaString(header)}`,
    'local CALLBACKS = {',
    ...callbacks.map((each) => `  ${luaTable(fieldsOf(each))},`),
    '}',
    ...(has('cookie') ? ['', ...HAS_COOKIE] : []),
    ...(has('query') ? ['', ...QUERY_VALUE] : []),
    '',
    'function envoy_on_request(request)',
    '  local headers = request:headers()',
    ...KEEP_LANE,
    ...(has('authority') ? ['  local authority = string.lower(headers:get(":authority") or "")', '  authority = string.gsub(string.gsub(authority, ":%d*$", ""), "%.$", "")'] : []),
    ...(has('path') || has('query') ? ['  local path = headers:get(":path") or ""'] : []),
    '  for _, callback in ipairs(CALLBACKS) do',
    `    if ${tests.length === 0 ? 'true' : tests.join('\n      and ')} then`,
    '      headers:replace(LANE_HEADER, callback.lane)',
    '      return',
    '    end',
    '  end',
    'end',
  );
}

/** The Lua program that sets the lane header of all requests that say no lane. */
export function selfStainingScript(header: string, lane: string): string {
  return lines(
    `local LANE_HEADER = ${luaString(header)}`,
    '',
    'function envoy_on_request(request)',
    '  local headers = request:headers()',
    ...KEEP_LANE,
    `  headers:replace(LANE_HEADER, ${luaString(lane)})`,
    'end',
  );
}

/** What `string.gsub(…)` does to a host that is asked for, done to one that is written down. Bytes, like Lua's own. */
export function normalizedAuthority(authority: string): string {
  const lower = authority.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.replace(/:[0-9]*$/, '').replace(/\.$/, '');
}

function fieldsOf({ authority, path, cookie, query, lane }: ScriptedCallback): Record<string, string | undefined> {
  return {
    authority: authority === undefined ? undefined : normalizedAuthority(authority),
    path,
    cookie: cookie?.name,
    cookie_value: cookie?.value,
    query: query?.name,
    query_value: query?.value,
    lane,
  };
}

const KEEP_LANE = [
  '  local said = headers:get(LANE_HEADER)',
  '  if said ~= nil and said ~= "" and said ~= "-" then',
  '    return',
  '  end',
];

const HAS_COOKIE = [
  'local function has_cookie(cookies, name, value)',
  '  for cookie in string.gmatch(cookies or "", "[^;]+") do',
  '    if string.match(cookie, "^%s*(.*)$") == name .. "=" .. value then',
  '      return true',
  '    end',
  '  end',
  '  return false',
  'end',
];

const QUERY_VALUE = [
  'local function query_value(path, name)',
  '  for pair in string.gmatch(string.match(path, "^[^?#]*%?([^#]*)") or "", "[^&]+") do',
  '    local key, value = string.match(pair, "^([^=]*)=?(.*)$")',
  '    if key == name then',
  '      return value',
  '    end',
  '  end',
  'end',
];

function lines(...all: string[]): string {
  return `${all.join('\n')}\n`;
}
