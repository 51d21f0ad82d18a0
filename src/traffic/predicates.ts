import { isIP } from 'net';
import { RE2JS } from 're2js';

/*
 * What may stand in a field, judged in one place: constructs throw what these say, checks report it. Each answers
 * `undefined` for a good value, else the end of a sentence that begins with the property's name. Code without types hands over
 * anything, so each judges anything.
 */

/** What is judged by nothing but its being there. */
export function textProblem(text: unknown): string | undefined {
  if (typeof text !== 'string') return 'must be a text';
  return text === '' ? 'must not be empty' : undefined;
}

function isText(value: unknown, pattern: RegExp, longest = Infinity): value is string {
  return typeof value === 'string' && pattern.test(value) && value.length <= longest;
}

/** RE2, because Istio accepts nothing else: no lookaround, no backreferences; at most 1024 characters. */
export function regexProblem(regex: string): string | undefined {
  if (typeof regex !== 'string') return 'must be a regular expression as a text';
  if (regex === '') return 'must not be empty';
  if (regex.length > 1024) return `must have at most 1024 characters, has ${regex.length}`;
  try {
    RE2JS.compile(regex);
    return undefined;
  } catch (error) {
    return `must be an RE2 regular expression (no lookaround, no backreferences): ${(error as Error).message}`;
  }
}

/** A whole string of these characters is a header name (RFC 7230 token). */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** RFC 7230 token in lower case: Envoy lower-cases names on the wire, and two spellings of one name would hide that. */
export function headerNameProblem(name: string): string | undefined {
  const problem = tokenProblem(name);
  if (problem) return problem;
  if (name !== name.toLowerCase()) return `must be in lower case (${JSON.stringify(name.toLowerCase())})`;
  return undefined;
}

/** The same in any case, as cookies are called. */
export function tokenProblem(name: string): string | undefined {
  return isText(name, HEADER_NAME) ? undefined : 'must be a header name (RFC 7230: letters, digits and !#$%&\'*+.^_`|~-)';
}

/** Envoy substitutes `%NAME%` in header values, so a lone `%` is refused by istiod; control characters always are. */
export function headerValueProblem(value: string): string | undefined {
  if (typeof value !== 'string') return 'must be a text';
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return 'must not contain control characters';
  if (value.replace(/%%/g, '').replace(/%[A-Za-z_][^%]*%/g, '').includes('%')) return 'must write a literal % as %%';
  return undefined;
}

export function portProblem(port: number): string | undefined {
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? undefined : 'must be a whole number from 1 to 65535';
}

/** Paths begin with a slash, so a text that does not is met by none. */
export function pathProblem(text: string): string | undefined {
  return isText(text, /^\//) ? undefined : "must begin with '/'";
}

/** A path that something is sent on to. Of redirects Istio takes `%PREFIX()%` for what a prefix matched being replaced alone. */
export function locationProblem(path: string): string | undefined {
  return isText(path, /^(%PREFIX\(\)%)?\/[\x21-\x7e]*$/) ? undefined : "must be a path that begins with '/', without blanks and characters that URLs do not have";
}

/** What the Host header may say. */
export function authorityProblem(authority: string): string | undefined {
  return isText(authority, /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/) ? undefined : "must be a host, with a port where it has one: 'api.example.com:8443'";
}

/** Weights are relative: 1 and 2 mean a third and two thirds. */
export function weightProblem(weight: number): string | undefined {
  return Number.isInteger(weight) && weight >= 0 && weight <= 2147483647 ? undefined : 'must be a whole number, 0 or more';
}

/** Istio takes durations of whole milliseconds, 1 ms at least. */
export function millisecondsProblem(milliseconds: number): string | undefined {
  return Number.isInteger(milliseconds) && milliseconds >= 1 ? undefined : 'must be a whole number of milliseconds, 1 ms or more';
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** An RFC 1123 label: what a version, a subset and a lane may be called. */
export function dnsLabelProblem(name: string): string | undefined {
  return isText(name, DNS_LABEL, 63)
    ? undefined
    : 'must be a DNS label (lower-case letters, digits and inner dashes, 1 to 63 characters)';
}

/** What a version, and so a lane, may be called: it stands in YAML everywhere, and kubectl takes `0o7` for a number. */
export function versionNameProblem(name: string): string | undefined {
  if (typeof name === 'string' && name in Object.prototype) return 'must not be called like a property of every JavaScript object';
  return isText(name, /^0o[0-7]+$/) ? 'must not read like an octal number' : dnsLabelProblem(name);
}

/** The name of a Service's port. */
export function portNameProblem(name: string): string | undefined {
  return dnsLabelProblem(name) === undefined && name.length <= 15 && /[a-z]/.test(name)
    ? undefined
    : 'must be a port name (lower-case letters, digits and inner dashes, a letter among them, 1 to 15 characters)';
}

/** An RFC 1035 label, which Services need: unlike other objects they may not begin with a digit. */
export function serviceNameProblem(name: string): string | undefined {
  return dnsLabelProblem(name) === undefined && /^[a-z]/.test(name)
    ? undefined
    : 'must be a DNS label that begins with a letter (lower-case letters, digits and inner dashes, 1 to 63 characters)';
}

/** A dotted DNS name, as object names are. */
export function dnsNameProblem(name: string): string | undefined {
  return isText(name, /./, 253) && name.split('.').every((part) => dnsLabelProblem(part) === undefined)
    ? undefined
    : 'must be a DNS name (dotted labels of lower-case letters, digits and inner dashes)';
}

/** What objects may be called: a dotted name, whose parts may be of any length. */
export function objectNameProblem(name: string): string | undefined {
  return isText(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 253)
    ? undefined
    : 'must be a DNS name of at most 253 characters (dotted parts of lower-case letters, digits and inner dashes)';
}

/** What a Gateway server may be for: `*`, `*.example.com` or a name with a dot in it. */
export function gatewayHostProblem(host: string): string | undefined {
  const allowed = "must be '*', a host name with a dot such as 'shop.example.com', or a wildcard such as '*.example.com'";
  if (host === '*') return undefined;
  if (typeof host !== 'string') return allowed;
  const name = host.startsWith('*.') ? host.slice(2) : host;
  return dnsNameProblem(name) === undefined && (host.startsWith('*.') || name.includes('.')) ? undefined : allowed;
}

/** Whether a name ends in a number, as no name in DNS does, but addresses do: Istio takes neither for a host. */
function endsInNumber(host: string): boolean {
  return /(^|\.)[0-9]+$/.test(host);
}

/** Where a host outside is found: an IP address, or, where DNS is asked, a name. */
export function endpointAddressProblem(address: string, dns: boolean): string | undefined {
  if (isIP(address) !== 0) return undefined;
  if (!dns) return 'must be an IP address where resolution is STATIC';
  return typeof address === 'string' && dnsNameProblem(address.toLowerCase()) === undefined && !endsInNumber(address) ? undefined : 'must be a host name or an IP address';
}

/** Under which each lane has a host of its own. */
export function previewHostProblem(wildcard: string): string | undefined {
  return isText(wildcard, /^\*\./) ? gatewayHostProblem(wildcard) : "must be a wildcard such as '*.preview.example.com'";
}

/** What a host outside the mesh may be called: a name with a dot, or a wildcard of one. */
export function externalHostProblem(host: string): string | undefined {
  return host !== '*' && gatewayHostProblem(host) === undefined && !endsInNumber(host) ? undefined : "must be a host name with a dot such as 'api.example.com', or a wildcard such as '*.example.com'";
}

/** What a Sidecar lists: `<namespace>/<host>`, either of them `*`, the namespace also `.`. */
export function sidecarHostProblem(text: string): string | undefined {
  const [namespace, host, ...rest] = typeof text === 'string' ? text.split('/') : [];
  const known = namespace === '*' || namespace === '.' || dnsLabelProblem(namespace) === undefined;
  return rest.length === 0 && host !== undefined && known && gatewayHostProblem(host) === undefined ? undefined : "must be <namespace>/<host> with a whole host name, '*' or a wildcard such as '*.example.com'";
}

/** `name` or `prefix/name`. */
export function labelKeyProblem(key: string): string | undefined {
  const [name, prefix, ...rest] = key.split('/').reverse();
  const valid = rest.length === 0 && name !== '' && labelValueProblem(name) === undefined && (prefix === undefined || dnsNameProblem(prefix) === undefined);
  return valid ? undefined : 'must have label keys (letters, digits, inner - _ and ., at most 63 characters, optionally behind a DNS name and a slash)';
}

/** What is wrong with the first wrong one of these labels. */
export function labelsProblem(labels: Record<string, string>): { key?: string; got: string; problem: string } | undefined {
  for (const [key, text] of Object.entries(labels)) {
    const keyProblem = labelKeyProblem(key);
    if (keyProblem) return { got: key, problem: keyProblem };
    const valueProblem = labelValueProblem(text);
    if (valueProblem) return { key, got: text, problem: valueProblem };
  }
  return undefined;
}

const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

export function labelValueProblem(value: string): string | undefined {
  return isText(value, LABEL_VALUE, 63)
    ? undefined
    : 'must be a label value (letters, digits, inner - _ and ., at most 63 characters)';
}

/** A share of requests: Envoy counts in millionths, so less than 0.0001 % would never happen. */
export function percentageProblem(percentage: number): string | undefined {
  const valid = typeof percentage === 'number' && (percentage === 0 || (percentage >= 0.0001 && percentage <= 100));
  return valid ? undefined : 'must be 0, or from 0.0001 to 100 (per cent; Envoy counts in millionths)';
}

/** What Envoy answers with by itself. istiod also takes 600, which Envoy refuses together with every other route of the port. */
export function httpStatusProblem(status: number): string | undefined {
  return Number.isInteger(status) && status >= 200 && status <= 599 ? undefined : 'must be an HTTP status from 200 to 599';
}

/** A number of things of which there may be none. */
export function countProblem(count: number): string | undefined {
  return Number.isInteger(count) && count >= 0 && count <= 2147483647 ? undefined : 'must be a whole number, 0 or more';
}

/** A limit: Envoy takes 0 for "no limit", so it cannot mean "nothing". */
export function limitProblem(limit: number): string | undefined {
  return Number.isInteger(limit) && limit >= 1 && limit <= 2147483647 ? undefined : 'must be a whole number, 1 or more (0 would mean no limit at all)';
}

/** What an environment variable may be called, so that every shell and language can read it. */
export function envNameProblem(name: string): string | undefined {
  return isText(name, /^[A-Za-z_][A-Za-z0-9_]*$/) ? undefined : 'must be a name of letters, digits and _ that does not begin with a digit';
}
