import { lowerName } from '../dns/client/name.ts';
import type { Dns } from '../dns/client/types.ts';
import { isDmarc, parseDmarc } from '../dns/dmarc/record.ts';
import { isSpf } from '../dns/spf/record.ts';
import { nodesOf, type SpfTree, type TreeTerm } from '../dns/spf/tree.ts';
import type { Purpose } from '../store/dns/records.ts';

/** One question of a round. */
export interface Question {
  name: string;
  type: 'TXT' | 'MX' | 'A' | 'AAAA' | 'CNAME';
  purpose: Purpose;
}

/** DKIM keys of a domain that are asked about. */
const MOST_KEYS = 60;
/** Foreign domains that reports go to. */
const MOST_DESTINATIONS = 10;
/** Hosts that the record's own `a` and `mx` name. */
const MOST_HOSTS = 20;

/** A DKIM key: where it is published is `selector._domainkey.domain`. */
export interface KeyName {
  domain: string;
  selector: string;
}

/** The records that a domain has under fixed names, and its keys. */
export function ownQuestions(domain: string, keys: readonly KeyName[]): Question[] {
  const names = new Set(keys.slice(0, MOST_KEYS).map((key) => lowerName(`${key.selector}._domainkey.${key.domain}`)));
  return [
    { name: domain, type: 'TXT', purpose: 'spf' },
    { name: `_dmarc.${domain}`, type: 'TXT', purpose: 'dmarc' },
    { name: domain, type: 'MX', purpose: 'mx' },
    { name: `_mta-sts.${domain}`, type: 'TXT', purpose: 'mta_sts' },
    { name: `_smtp._tls.${domain}`, type: 'TXT', purpose: 'tls_rpt' },
    { name: `default._bimi.${domain}`, type: 'TXT', purpose: 'bimi' },
    ...[...names].map((name) => ({ name, type: 'TXT', purpose: 'dkim' }) as const),
  ];
}

/**
 * The records by which other organizations accept reports about the domain (RFC 9990 section 4).
 * @param texts the domain's DMARC records
 * @param registrable gives the registrable domain of a name: reports within one organization need no such
 *   record
 */
export function destinationQuestions(
  domain: string,
  texts: readonly string[],
  registrable: (name: string) => string,
): Question[] {
  const uris = texts.filter(isDmarc).flatMap((text) => {
    const record = parseDmarc(text);
    return record === null ? [] : [...record.rua, ...record.ruf];
  });
  const foreign = uris.flatMap(({ domain: to }) => (to === null || registrable(to) === registrable(domain) ? [] : [to]));
  return [...new Set(foreign)]
    .slice(0, MOST_DESTINATIONS)
    .map((to) => ({ name: lowerName(`${domain}._report._dmarc.${to}`), type: 'TXT', purpose: 'report_destination' }));
}

/** The values of an SPF tree below the domain's own record: a name may be included twice, and counts once. */
export function includedTexts(
  tree: SpfTree,
): { name: string; state: 'records' | 'absent' | 'unknown'; texts: readonly string[]; reason: string | null }[] {
  const found = new Map<
    string,
    { name: string; state: 'records' | 'absent' | 'unknown'; texts: readonly string[]; reason: string | null }
  >();
  for (const { node, path } of nodesOf(tree.root)) {
    if (path.length === 0 || node.state === 'loop' || node.state === 'not evaluated') continue;
    const state = node.state === 'unknown' ? 'unknown' : node.texts.length > 0 ? 'records' : 'absent';
    const name = lowerName(node.domain);
    if (!found.has(name)) found.set(name, { name, state, texts: node.texts, reason: node.message });
  }
  return [...found.values()];
}

/**
 * What the domain's own record admits by name: the hosts of its `a`, and those behind its `mx`. What an
 * include admits is somebody else's.
 */
export async function admittedHosts(
  tree: SpfTree,
  ask: (name: string) => Promise<readonly string[]>,
): Promise<{ exchanges: string[]; hosts: string[] }> {
  const exchanges: string[] = [];
  const hosts = new Set<string>();
  for (const term of ownTerms(tree)) {
    if (!('kind' in term.term) || term.name === null || term.term.qualifier !== '+') continue;
    if (term.term.kind === 'a') hosts.add(lowerName(term.name));
    if (term.term.kind === 'mx') exchanges.push(lowerName(term.name));
  }
  for (const name of exchanges) for (const host of await ask(name)) hosts.add(host);
  return { exchanges: [...new Set(exchanges)], hosts: [...hosts].slice(0, MOST_HOSTS) };
}

/** The terms of the domain's own record that are evaluated. */
function ownTerms(tree: SpfTree): readonly TreeTerm[] {
  return tree.root.terms.filter(({ state }) => state === 'found' || state === 'unknown' || state === 'void');
}

/**
 * Whether a text at a name is one of the records that are watched there: beside SPF, other TXT records are no
 * business of mail.
 */
export function isWatched(purpose: Purpose, text: string): boolean {
  return purpose === 'spf' || purpose === 'spf_include' ? isSpf(text) : true;
}

/** A client whose questions wait for their turn. */
export function paced(dns: Dns, turn: (signal?: AbortSignal) => Promise<void>): Dns {
  return {
    async ask(name, type, options) {
      await turn(options?.signal);
      return dns.ask(name, type, options);
    },
  };
}
