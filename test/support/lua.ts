import { parse } from 'luaparse';

// It comes without types.
const { lauxlib, lua, lualib, to_luastring: luaBytes, to_jsstring: jsText } = jest.requireActual('fengari');

/** The headers that Envoy hands to a Lua program: several values of one name are one, divided by commas. */
export type LuaHeaders = Readonly<Record<string, string>>;

/** The problem that a reader of Lua 5.1 (and of LuaJIT, which Envoy has) finds in a program, if any. */
export function syntaxProblem(program: string): string | undefined {
  for (const luaVersion of ['5.1', 'LuaJIT'] as const) {
    try {
      parse(program, { luaVersion, encodingMode: 'x-user-defined' });
    } catch (error) {
      return `${luaVersion}: ${(error as Error).message}`;
    }
  }
  return undefined;
}

/**
 * A program of Envoy's Lua filter, ready to be asked what it makes of requests. The interpreter speaks 5.3; of what is generated all
 * means the same there (a sample runs in Envoy's own, in test/mesh).
 */
export class LuaProgram {
  private readonly state = lauxlib.luaL_newstate();

  constructor(program: string) {
    lualib.luaL_openlibs(this.state);
    this.check(lauxlib.luaL_loadstring(this.state, luaBytes(program)) || lua.lua_pcall(this.state, 0, 0, 0));
    this.check(lauxlib.luaL_loadstring(this.state, luaBytes(HARNESS)) || lua.lua_pcall(this.state, 0, 0, 0));
  }

  /** The headers after the program ran. */
  public run(headers: LuaHeaders): LuaHeaders {
    const { state } = this;
    lua.lua_getglobal(state, luaBytes('run'));
    lua.lua_createtable(state, 0, 0);
    for (const [name, text] of Object.entries(headers)) {
      lua.lua_pushstring(state, bytesOf(text));
      lua.lua_setfield(state, -2, luaBytes(name));
    }
    this.check(lua.lua_pcall(state, 1, 1, 0));
    const after: Record<string, string> = {};
    lua.lua_pushnil(state);
    while (lua.lua_next(state, -2) !== 0) {
      after[jsText(lua.lua_tostring(state, -2))] = Buffer.from(lua.lua_tostring(state, -1)).toString('utf8');
      lua.lua_pop(state, 1);
    }
    lua.lua_pop(state, 1);
    return after;
  }

  private check(status: number): void {
    if (status !== lua.LUA_OK) throw new Error(jsText(lua.lua_tostring(this.state, -1)));
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'utf8'));
}

/** Stands in for Envoy: the parts of its API that programs use. */
const HARNESS = `
function run(given)
  local headers = {}
  function headers:get(name) return given[name] end
  function headers:replace(name, value) given[name] = value end
  envoy_on_request({ headers = function() return headers end })
  return given
end`;
