import type { AskOptions, Dns } from '../client/types.ts';
import { withPlanned } from '../planned.ts';
import { evaluateSpf, MOST_LOOKUPS } from './evaluate.ts';
import type { Mechanism } from './record.ts';
import { spfTree, type TreeTerm } from './tree.ts';

/** An address whose mail passed SPF aligned, and how much. */
export interface SpfSource {
  address: string;
  messages: number;
}

export interface ReducedSpf {
  /** The new record. */
  value: string;
  /** The terms that were taken out. */
  removed: string[];
  /** Whether terms changed places, because what is left still needs too many lookups. */
  moved: boolean;
  lookups: { before: number; after: number };
}

interface Weighed {
  text: string;
  /** Lookups that it needs, with all that it includes; 0 for ip4 and ip6. */
  cost: number;
  /** Messages of the sources that it allows. */
  messages: number;
}

/**
 * A record of fewer lookups (RFC 7208 section 4.6.4): terms that allow none of the sources are taken out, the
 * most expensive first, until ten are enough. Where they are not, terms that allow the most mail come first,
 * so that the least mail meets the limit.
 * @returns null when the record is not over the limit, has errors, or nothing can be improved
 */
export async function reduceSpf(
  domain: string,
  dns: Dns,
  { sources, ...asking }: AskOptions & { sources: readonly SpfSource[] },
): Promise<ReducedSpf | null> {
  const { root, lookups } = await spfTree(domain, dns, asking);
  const { record } = root;
  if (record === null || record.errors.length > 0 || lookups <= MOST_LOOKUPS) return null;
  const end = record.mechanisms.findIndex(({ kind }) => kind === 'all');
  const own = record.mechanisms.slice(0, end < 0 ? undefined : end);
  // An order of terms that deny something is a meaning of its own.
  if (own.some(({ qualifier }) => qualifier !== '+')) return null;
  const terms: Weighed[] = [];
  for (const mechanism of own) {
    const found = root.terms.find(({ term }) => term === mechanism);
    const messages = await allowed({ domain, mechanism, sources }, dns, asking);
    terms.push({ text: mechanism.text, cost: found === undefined ? 0 : costOf(found), messages });
  }
  const removed: string[] = [];
  let after = lookups;
  for (const { text, cost } of [...terms]
    .sort((a, b) => b.cost - a.cost)
    .filter(({ messages, cost }) => messages === 0 && cost > 0)) {
    if (after <= MOST_LOOKUPS) break;
    removed.push(text);
    after -= cost;
  }
  const kept = terms.filter(({ text }) => !removed.includes(text));
  const ordered =
    after <= MOST_LOOKUPS
      ? kept
      : [...kept].sort((a, b) => Number(a.cost > 0) - Number(b.cost > 0) || (a.cost > 0 ? b.messages - a.messages : 0));
  const moved = ordered.some((term, at) => term !== kept[at]);
  if (removed.length === 0 && !moved) return null;
  const rest = record.text.slice(end < 0 ? own.at(-1)!.at + own.at(-1)!.text.length : record.mechanisms[end]!.at).trim();
  const value = ['v=spf1', ...ordered.map(({ text }) => text), ...(rest === '' ? [] : [rest])].join(' ');
  return { value, removed, moved, lookups: { before: lookups, after } };
}

const costOf = ({ lookup, inner }: TreeTerm): number =>
  (lookup === null ? 0 : 1) + (inner?.terms ?? []).reduce((sum, term) => sum + costOf(term), 0);

/** Messages of the sources that one term allows by itself. */
async function allowed(
  { domain, mechanism, sources }: { domain: string; mechanism: Mechanism; sources: readonly SpfSource[] },
  dns: Dns,
  asking: AskOptions,
): Promise<number> {
  const alone = withPlanned(new Map([[domain, { TXT: [[`v=spf1 ${mechanism.text} -all`]] }]]), dns);
  let messages = 0;
  for (const { address: ip, messages: count } of sources) {
    const { result } = await evaluateSpf({ ip, helo: domain, mailFrom: `postmaster@${domain}` }, alone, {
      ...(asking.signal && { signal: asking.signal }),
      ...(asking.budget && { budget: asking.budget }),
    });
    // What nobody can say now may be needed.
    if (result === 'pass' || result === 'temperror') messages += count;
  }
  return messages;
}
