import { InvalidInput } from '../errors';
import { asList } from '../json';
import { conditionsText } from './conditions';
import { compileMatch } from './matching';
import { isWildcard } from './names';
import { labelsOf, textsOf } from './objects';
import { Sender, SimulatedRequest } from './request';
import { RequestView } from './request-view';
import { StringMatches } from './string-match';
import { keyOf, Part, Wish, wishesOf } from './wishes';

/*
 * Requests that a rule set tells apart.
 */

/** Values that a request must have, as far as something asks for them. */
export interface Probe {
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly authority?: string;
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
}

/** What was found in an entry: a request that meets it, or what it asks for where none was. */
export type ProbeResult = { readonly probe: Probe } | { readonly gaveUpOn: string };

/** A request that meets a match entry; none where nobody can send one, or none was found. */
export function probeOf(entry: any): ProbeResult {
  const parts = [...byPart(wishesOf(entry)).values()];
  const found = parts.map((wishes): [Part, string | undefined] | undefined => {
    const { part } = wishes[0];
    // What may be left out is.
    const choices = [undefined, ...plainestFirst(wishes)].map((text): [Part, string | undefined] => [part, text]);
    return choices.find(([, text]) => wishes.every(({ takes }) => takes(text ?? usual(part))));
  });
  const probe: Probe = {
    ...found.reduce((made, each) => (each?.[1] === undefined ? made : withPart(made, each[0], each[1])), {}),
    ...(entry?.port ? { port: Number(entry.port) } : {}),
    ...(entry?.sourceLabels ? { sourceLabels: labelsOf(entry.sourceLabels) } : {}),
    ...(entry?.sourceNamespace ? { sourceNamespace: String(entry.sourceNamespace) } : {}),
  };
  return !found.includes(undefined) && meets(probe, entry) ? { probe } : { gaveUpOn: conditionsText(entry) };
}

const strings = new StringMatches();

/** Whether the very request is one that the entry takes. */
function meets(probe: Probe, entry: any): boolean {
  const { takes } = compileMatch(entry, strings, () => new InvalidInput('VirtualServiceRule', "'match' must be one that istiod takes"));
  return takes(new RequestView(requestFor(probe, { namespace: 'default' }, 'any', 80)));
}

/** Which requests are to be tried, and how many there would be without a bound. */
export interface ProbeSet {
  readonly probes: readonly Probe[];
  readonly all: number;
}

/**
 * Requests that entries tell apart: a plain one; for each part of a request one for each set of texts that all entries treat
 * alike; what entries of three or more conditions ask for, and the same with one part otherwise; and all pairs of parts.
 */
export function probesFor(entries: readonly any[], limit: number): ProbeSet {
  const choices = [...byPart(entries.flatMap(wishesOf)).values()].map((wishes): Choice => ({ part: wishes[0].part, texts: differentTexts(wishes) }));
  const probes: Probe[] = [{}];
  const add = (probe: Probe) => void (probes.length < limit && probes.push(probe));
  for (const { part, texts } of choices) for (const text of texts) add(withPart({}, part, text));
  const combined = combinedProbes(entries, choices, limit);
  combined.forEach(add);
  let pairs = 0;
  for (const [index, one] of choices.entries()) {
    for (const other of choices.slice(index + 1)) {
      pairs += one.texts.length * other.texts.length;
      for (const text of one.texts) {
        if (probes.length >= limit) break;
        const first = withPart({}, one.part, text);
        for (const second of other.texts) add(withPart(first, other.part, second));
      }
    }
  }
  return { probes, all: 1 + choices.reduce((sum, { texts }) => sum + texts.length, 0) + combined.length + pairs };
}

interface Choice {
  readonly part: Part;
  readonly texts: readonly string[];
}

/** What pairs do not reach: entries of three or more conditions, as they are and with one part otherwise. */
function combinedProbes(entries: readonly any[], choices: readonly Choice[], limit: number): Probe[] {
  const found = new Map<string, Probe>();
  const add = (probe: Probe) => void (found.size <= limit && found.set(JSON.stringify(probe), probe));
  for (const entry of entries) {
    const wished = [...byPart(wishesOf(entry)).values()];
    if (wished.length < 3) continue;
    // No text: what a plain request has is right.
    const asked = wished.map((wishes) => {
      const { part } = wishes[0];
      const { texts } = choices.find((each) => keyOf(each.part) === keyOf(part))!;
      const text = texts.find((each) => wishes.every(({ takes }) => takes(each)));
      return { part, text, others: texts.filter((each) => each !== text) };
    });
    const without = (left?: Part): Probe =>
      asked.reduce((made, { part, text }) => (part === left || text === undefined ? made : withPart(made, part, text)), {});
    add(without());
    for (const { part, others } of asked) {
      const rest = without(part);
      add(rest);
      for (const text of others) add(withPart(rest, part, text));
    }
  }
  return [...found.values()];
}

/** One text, the plainest, for each way in which the conditions of a part judge texts; without the way of a plain request. */
function differentTexts(wishes: readonly Wish[]): string[] {
  const judged = (text: string) => wishes.map(({ takes }) => (takes(text) ? '1' : '0')).join('');
  const plain = usual(wishes[0].part);
  const seen = new Set(plain === undefined ? [] : [judged(plain)]);
  return plainestFirst(wishes).filter((text) => {
    const judgement = judged(text);
    return !seen.has(judgement) && seen.add(judgement);
  });
}

function plainestFirst(wishes: readonly Wish[]): string[] {
  const texts = wishes.flatMap(({ texts: each }) => each);
  const sorted = [...texts].sort((one, other) => Number(one.isBeside) - Number(other.isBeside) || one.text.length - other.text.length);
  return [...new Set(sorted.map(({ text }) => text))];
}

/** What a plain request has as a part. */
function usual({ kind }: Part): string | undefined {
  switch (kind) {
    case 'path':
      return '/';
    case 'method':
      return 'GET';
    case 'scheme':
      return 'http';
    default:
      return undefined;
  }
}

function byPart(wishes: readonly Wish[]): Map<string, Wish[]> {
  const parts = new Map<string, Wish[]>();
  for (const wish of wishes) {
    const key = keyOf(wish.part);
    parts.set(key, [...(parts.get(key) ?? []), wish]);
  }
  return parts;
}

function withPart(probe: Probe, { kind, name = '' }: Part, text: string): Probe {
  return kind === 'headers' || kind === 'query' ? { ...probe, [kind]: { ...probe[kind], [name]: text } } : { ...probe, [kind]: text };
}

/** The request that a probe stands for. */
export function requestFor(probe: Probe, from: Sender, host: string, port: number, tls = false): SimulatedRequest {
  const query = Object.entries(probe.query ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const path = probe.path ?? '/';
  const headers = { ...probe.headers, ...(probe.authority === undefined ? {} : { host: probe.authority }) };
  return {
    from: senderFor(probe, from),
    host,
    port: probe.port ?? port,
    path: query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`,
    ...(probe.method ? { method: probe.method } : {}),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(tls ? { tls } : {}),
  };
}

function senderFor(probe: Probe, from: Sender): Sender {
  if ('workload' in from || 'gateway' in from || !(probe.sourceNamespace || probe.sourceLabels)) return from;
  return { ...from, namespace: probe.sourceNamespace ?? from.namespace, labels: { ...from.labels, ...probe.sourceLabels } };
}

/** A host that a name of a VirtualService or Gateway stands for. */
export function hostLike(name: string): string {
  const bare = textsOf([name])[0].split('/').pop()!;
  if (bare === '*') return 'any.example.com';
  return isWildcard(bare) ? `any${bare.slice(1)}` : bare;
}

/** All match entries of some rules. */
export function entriesOf(rules: readonly { readonly spec: any }[]): any[] {
  return rules.flatMap(({ spec }) => asList(spec.match)).filter((entry) => entry !== null && typeof entry === 'object');
}
