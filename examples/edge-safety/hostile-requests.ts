/*
 * Requests by which somebody outside may try to get into a lane: as bytes, so that no client tidies them up.
 */

/** One request, for this host. */
export interface HostileRequest {
  readonly name: string;
  readonly bytes: (host: string) => string;
  /** How many answers it asks for. */
  readonly answers?: number;
}

const LANE = 'new-checkout';
const HEADER = 'project-version';

interface Parts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** What stands in place of the Host line. */
  readonly hostLines?: (host: string) => string[];
  readonly lines?: string[];
  readonly body?: string;
}

function request(name: string, { method = 'GET', target = '/', version = 'HTTP/1.1', hostLines = (host) => [`Host: ${host}`], lines = [], body = '' }: Parts): HostileRequest {
  const bytes = (host: string) => [`${method} ${target.replace('{host}', host)} ${version}`, ...hostLines(host), ...lines, '', body].join('\r\n');
  return { name, bytes };
}

const lane = `${HEADER}: ${LANE}`;

const spellings = ['project-version', 'Project-Version', 'PROJECT-VERSION', 'pRoJeCt-VeRsIoN', 'project-versioN'];
const values: [string, string][] = [
  ['plain', LANE], ['with blanks around', `  ${LANE}  `], ['with tabs around', `\t${LANE}\t`], ['of another lane', 'new-stock'],
  ['as a list of twice the same', `${LANE},${LANE}`], ['as a list with the baseline', `${LANE}, main`], ['at the end of a list', `-, ${LANE}`],
  ['behind an empty list item', `,${LANE}`], ['in front of an empty list item', `${LANE},`], ['in quotes', `"${LANE}"`], ['encoded', 'new%2Dcheckout'],
  ['in capitals', LANE.toUpperCase()], ['with a parameter', `${LANE};q=1`],
];
const baggage: [string, string[]][] = [
  ['one entry', [`baggage: lane=${LANE}`]], ['one of several', [`baggage: user=1,lane=${LANE},x=y`]], ['with properties', [`baggage: lane=${LANE};p=1;q`]],
  ['with blanks', [`baggage: a=1 , lane = ${LANE} ;p=1`]], ['in two headers', ['baggage: a=1', `baggage: lane=${LANE}`]], ['in odd case', [`BaGGage: lane=${LANE}`]],
  ['beside a silent lane header', [`${HEADER}: -`, `baggage: lane=${LANE}`]], ['beside an empty lane header', [`${HEADER}:`, `baggage: lane=${LANE}`]],
  ['beside the lane header', [lane, `baggage: lane=${LANE}`]],
];
const duplicates: [string, string[]][] = [
  ['twice the same', [lane, lane]], ['the lane, then -', [lane, `${HEADER}: -`]], ['-, then the lane', [`${HEADER}: -`, lane]],
  ['empty, then the lane', [`${HEADER}:`, lane]], ['two lanes', [lane, `${HEADER}: new-stock`]], ['two spellings', [lane, `Project-Version: ${LANE}`]],
  ['thrice', [lane, lane, lane]],
];
const methods = ['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'POST'];
const targets: [string, string][] = [
  ['a double slash', '//'], ['dots', '/a/../'], ['encoded dots', '/%2e%2e/'], ['a query', '/?project-version=new-checkout'], ['an encoded slash', '/%2F'], ['a long path', `/${'a/'.repeat(200)}`],
];
const companions: [string, string][] = [
  ['named in Connection, as a header of this hop alone', `Connection: close, ${HEADER}`], ['X-Forwarded-Host of a preview', `X-Forwarded-Host: ${LANE}.preview.example.com`],
  ['Forwarded host of a preview', `Forwarded: host=${LANE}.preview.example.com`], ['X-Original-URL', 'X-Original-URL: /admin'],
  ['x-envoy-original-path', 'x-envoy-original-path: /admin'], ['x-envoy-internal', 'x-envoy-internal: true'], ['X-Forwarded-For of the house', 'X-Forwarded-For: 10.0.0.1'],
  ['TE', 'TE: trailers'], ['gRPC', 'Content-Type: application/grpc'], ['an override of the method', 'X-HTTP-Method-Override: PUT'], ['a wrong key', 'x-lane-key: wrong'],
  ['an empty key', 'x-lane-key:'], ['a key of wildcards', 'x-lane-key: .*'], ['x-served-lane', `x-served-lane: ${LANE}`],
];
const hosts: [string, Parts][] = [
  ['in mixed case', { hostLines: (host) => [`Host: ${mixedCase(host)}`] }],
  ['with the port', { hostLines: (host) => [`Host: ${host}:80`] }],
  ['with another port', { hostLines: (host) => [`Host: ${host}:8080`] }],
  ['with a dot at the end', { hostLines: (host) => [`Host: ${host}.`] }],
  ['with dot and port', { hostLines: (host) => [`Host: ${host}.:80`] }],
  ['encoded', { hostLines: (host) => [`Host: ${host.replace('.', '%2E')}`] }],
  ['in odd case of the name', { hostLines: (host) => [`hOsT: ${host}`] }],
  ['with blanks', { hostLines: (host) => [`Host:   ${host}  `] }],
  ['of a preview in capitals', { hostLines: () => ['Host: NEW-CHECKOUT.OTHER.EXAMPLE.COM'] }],
  ['conflicting, ours first', { hostLines: (host) => [`Host: ${host}`, `Host: ${LANE}.preview.example.com`] }],
  ['conflicting, ours last', { hostLines: (host) => [`Host: ${LANE}.preview.example.com`, `Host: ${host}`] }],
  ['twice the same', { hostLines: (host) => [`Host: ${host}`, `Host: ${host}`] }],
  ['as a list', { hostLines: (host) => [`Host: ${host}, ${LANE}.preview.example.com`] }],
  ['with a user', { hostLines: (host) => [`Host: ${LANE}@${host}`] }],
  ['missing', { hostLines: () => [] }],
  ['in the target', { target: 'http://{host}/' }],
  ['in the target, another in the header', { target: 'http://{host}/', hostLines: () => [`Host: ${LANE}.preview.example.com`] }],
  ['in the target with the port', { target: 'http://{host}:80/' }],
  ['in the target in capitals', { target: 'HTTP://{host}/' }],
  ['in the target of https', { target: 'https://{host}/' }],
  ['in the target, none in the header', { target: 'http://{host}/', hostLines: () => [] }],
];

export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  ...spellings.map((name) => request(`header spelled ${name}`, { lines: [`${name}: ${LANE}`] })),
  ...values.map(([name, value]) => request(`value ${name}`, { lines: [`${HEADER}: ${value}`] })),
  ...duplicates.map(([name, lines]) => request(`header ${name}`, { lines })),
  ...baggage.map(([name, lines]) => request(`baggage, ${name}`, { lines })),
  ...methods.map((method) => request(`method ${method}`, { method, lines: [lane, 'Content-Length: 0'] })),
  ...targets.map(([name, target]) => request(`path with ${name}`, { target, lines: [lane] })),
  ...companions.map(([name, line]) => request(`beside ${name}`, { lines: [lane, line] })),
  ...hosts.map(([name, parts]) => request(`host ${name}`, { ...parts, lines: [lane] })),
  request('HTTP/1.0', { version: 'HTTP/1.0', lines: [lane] }),
  request('HTTP/1.0 without host', { version: 'HTTP/1.0', hostLines: () => [], lines: [lane] }),
  request('a folded header', { lines: [`${HEADER}:`, ` ${LANE}`] }),
  request('a blank before the colon', { lines: [`${HEADER} : ${LANE}`] }),
  request('line feeds alone', { lines: [`x: y\n${lane}`] }),
  request('a header in front of the host', { hostLines: (host) => [lane, `Host: ${host}`] }),
  request('a body', { method: 'POST', lines: [lane, 'Content-Length: 4'], body: 'body' }),
  request('trailers', { method: 'POST', lines: ['Transfer-Encoding: chunked', `Trailer: ${HEADER}`], body: `4\r\nbody\r\n0\r\n${lane}\r\n\r\n` }),
  request('header and trailers', { method: 'POST', lines: [lane, 'Transfer-Encoding: chunked'], body: `4\r\nbody\r\n0\r\n${lane}\r\n\r\n` }),
  request('both lengths', { method: 'POST', lines: [lane, 'Content-Length: 4', 'Transfer-Encoding: chunked'], body: '0\r\n\r\n' }),
  request('an upgrade', { lines: [lane, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='] }),
  request('a name with underscore', { lines: [lane, `project_version: ${LANE}`] }),
  {
    name: 'the second of two on one connection',
    answers: 2,
    bytes: (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\nGET / HTTP/1.1\r\nHost: ${host}\r\n${lane}\r\n\r\n`,
  },
];

function mixedCase(text: string): string {
  return [...text].map((letter, index) => (index % 2 === 0 ? letter.toUpperCase() : letter)).join('');
}
