import { lowerName } from '../client/name.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import { expand, type Piece, toName } from './macro.ts';
import { isSpf, type Mechanism, type Modifier, parseSpf, type SpfRecord } from './record.ts';

/**
 * Look-ups after which nothing more is followed: what is above ten is wrong anyway, and a hostile zone has no
 * end.
 */
const MOST_FOLLOWED = 40;
const MOST_DEPTH = 12;

/** What is there for one term, whatever the mail. */
export type TermState =
  /** Asks nothing: all, ip4, ip6, exp. */
  | 'plain'
  | 'found'
  /** Asks, and finds nothing; of a null MX, no host. */
  | 'void'
  /** Depends on the mail, through a macro: cannot be queried without one. */
  | 'macro'
  /** Nobody could say; `message` is a sentence. */
  | 'unknown'
  /** Behind "all", or beyond what is followed: not looked at. */
  | 'not evaluated';

export interface TreeTerm {
  term: Mechanism | Modifier;
  /**
   * The number of its look-up when no term before it matches, from 1; null for a term that asks nothing or is
   * not evaluated.
   */
  lookup: number | null;
  state: TermState;
  message: string | null;
  /** The name that is queried; null when none is, or when it depends on the mail. */
  name: string | null;
  /** Of mx: how many hosts there are. */
  hosts: number | null;
  /** Of include and redirect. */
  inner: SpfTreeNode | null;
}

export interface SpfTreeNode {
  domain: string;
  /** "loop": a record that appears above in this tree. */
  state: 'record' | 'none' | 'nxdomain' | 'several' | 'unknown' | 'loop' | 'not evaluated';
  message: string | null;
  /** The SPF records that are there, each with its strings joined. */
  texts: readonly string[];
  /** The strings of the record as they are published. */
  strings: readonly string[];
  /** TXT records that are none. */
  others: readonly string[];
  record: SpfRecord | null;
  terms: readonly TreeTerm[];
}

/**
 * An SPF record with all that it includes, as an evaluation sees it for which no term matches: the worst
 * case.
 */
export interface SpfTree {
  root: SpfTreeNode;
  /** Terms that query DNS (RFC 7208 section 4.6.4). */
  lookups: number;
  /** Of those, terms that find nothing. */
  voids: number;
}

/** Reads the SPF record of a domain and all records it includes, without a mail. */
export async function spfTree(domain: string, dns: Dns, options: AskOptions = {}): Promise<SpfTree> {
  const walker = new Walker(dns, options);
  const root = await walker.node(domain, []);
  return { root, lookups: walker.lookups, voids: walker.voids };
}

/** All nodes of a tree, the root first, in the order of evaluation, each with the terms that lead to it. */
export function* nodesOf(
  node: SpfTreeNode,
  path: readonly TreeTerm[] = [],
): Generator<{ node: SpfTreeNode; path: readonly TreeTerm[] }> {
  yield { node, path };
  for (const term of node.terms) if (term.inner !== null) yield* nodesOf(term.inner, [...path, term]);
}

class Walker {
  lookups = 0;
  voids = 0;
  private readonly dns: Dns;
  private readonly options: AskOptions;

  constructor(dns: Dns, options: AskOptions) {
    this.dns = dns;
    this.options = options;
  }

  async node(domain: string, above: readonly string[]): Promise<SpfTreeNode> {
    const empty = { domain, message: null, texts: [], strings: [], others: [], record: null, terms: [] };
    const key = lowerName(domain);
    if (above.includes(key)) return { ...empty, state: 'loop' };
    if (above.length >= MOST_DEPTH || this.lookups > MOST_FOLLOWED) return { ...empty, state: 'not evaluated' };
    const name = toName(domain);
    if (name === null) return { ...empty, state: 'nxdomain' };
    const answer = await this.dns.ask(name, 'TXT', this.options);
    if (answer.state === 'unknown') return { ...empty, state: 'unknown', message: answer.message };
    if (answer.state === 'nxdomain') return { ...empty, state: 'nxdomain' };
    const all = answer.state === 'records' ? answer.records.map((strings) => ({ strings, text: strings.join('') })) : [];
    const spf = all.filter(({ text }) => isSpf(text));
    const found = {
      ...empty,
      texts: spf.map(({ text }) => text),
      others: all.filter(({ text }) => !isSpf(text)).map(({ text }) => text),
    };
    if (spf.length !== 1) return { ...found, state: spf.length === 0 ? 'none' : 'several' };
    const record = parseSpf(spf[0]!.text);
    const terms = await this.terms(record, domain, [...above, key]);
    return { ...found, state: 'record', strings: spf[0]!.strings, record, terms };
  }

  private async terms(record: SpfRecord, domain: string, above: readonly string[]): Promise<TreeTerm[]> {
    const terms: TreeTerm[] = [];
    let ended = false;
    for (const mechanism of record.mechanisms) {
      terms.push(ended ? notEvaluated(mechanism) : await this.mechanism(mechanism, domain, above));
      ended ||= mechanism.kind === 'all';
    }
    const { redirect } = record;
    if (redirect === null) return terms;
    if (ended) return [...terms, notEvaluated(redirect)];
    const term = { ...notEvaluated(redirect), lookup: ++this.lookups };
    return [...terms, await this.follow(term, await target(redirect.value, domain), above)];
  }

  private async mechanism(mechanism: Mechanism, domain: string, above: readonly string[]): Promise<TreeTerm> {
    const plain = { ...notEvaluated(mechanism), state: 'plain' as const };
    if (['all', 'ip4', 'ip6'].includes(mechanism.kind)) return plain;
    const term: TreeTerm = { ...plain, lookup: ++this.lookups };
    if (this.lookups > MOST_FOLLOWED) return { ...term, state: 'not evaluated' };
    const text = mechanism.domain === null ? domain : await target(mechanism.domain, domain);
    if (mechanism.kind === 'include') return await this.follow(term, text, above);
    // What a ptr finds depends on the client's address.
    if (text === null || mechanism.kind === 'ptr') return { ...term, state: 'macro', name: text };
    const name = toName(text);
    if (name === null) return { ...term, state: 'found', name: text };
    const answers = await Promise.all(
      (mechanism.kind === 'mx'
        ? (['MX'] as const)
        : mechanism.kind === 'exists'
          ? (['A'] as const)
          : (['A', 'AAAA'] as const)
      ).map((type) => this.dns.ask(name, type, this.options)),
    );
    const found = answers.find(({ state }) => state === 'records');
    if (found?.state === 'records') {
      const hosts = mechanism.kind === 'mx' ? mailHosts(found.records) : null;
      return { ...term, state: hosts === 0 ? 'void' : 'found', name, hosts };
    }
    const unknown = answers.find(({ state }) => state === 'unknown');
    if (unknown?.state === 'unknown') return { ...term, state: 'unknown', name, message: unknown.message };
    this.voids++;
    return { ...term, state: 'void', name };
  }

  private async follow(term: TreeTerm, text: string | null, above: readonly string[]): Promise<TreeTerm> {
    if (text === null) return { ...term, state: 'macro' };
    const inner = await this.node(text, above);
    const state = inner.state === 'unknown' ? 'unknown' : inner.state === 'not evaluated' ? 'not evaluated' : 'found';
    return { ...term, state, name: text, inner, message: inner.message };
  }
}

/**
 * The null MX (RFC 7505) names no host. It is a record, so that a term that finds it is none of the voids
 * receivers count.
 */
function mailHosts(records: readonly unknown[]): number {
  const names = (records as readonly { exchange: string }[]).map(({ exchange }) => exchange);
  return names.every((name) => name === '.' || name === '') ? 0 : names.length;
}

function notEvaluated(term: Mechanism | Modifier): TreeTerm {
  return { term, lookup: null, state: 'not evaluated', message: null, name: null, hosts: null, inner: null };
}

/** The domain of a domain-spec if it depends only on the domain of the record; otherwise null. */
async function target(pieces: readonly Piece[], domain: string): Promise<string | null> {
  if (pieces.some((piece) => piece.kind === 'macro' && piece.letter !== 'd')) return null;
  const none = () => Promise.resolve('');
  const values = { ip: '', sender: '', local: '', senderDomain: '', helo: '', validated: none, receiver: '', now: 0 };
  return (await expand(pieces, { ...values, domain })).replace(/\.$/, '');
}
