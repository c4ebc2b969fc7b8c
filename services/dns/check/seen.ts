import { lowerName } from '../client/name.ts';
import type { Answer, Dns, RecordType } from '../client/types.ts';
import { evaluateSpf } from '../spf/evaluate.ts';
import type { Mechanism } from '../spf/record.ts';
import { type Finding, finding } from './finding.ts';
import type { SpfCheck } from './spf.ts';
import { withoutTerm } from './spf-correct.ts';

/** What trusted reports of the last `SEEN_DAYS` days say of a domain's mail. */
export interface SeenMail {
  /** Days with reports. */
  days: number;
  /** Addresses that mail of the domain's own senders came from, or that passed SPF with the domain. */
  addresses: readonly string[];
  /** Whether these are all of them. */
  complete: boolean;
  /** Own senders none of whose mail passed DMARC lately, those of the most mail first. */
  failing: readonly { source: string; messages: number }[];
}

export const SEEN_DAYS = 90;
/** Addresses that are evaluated: with more, nothing is said of terms that none of them needs. */
export const MOST_ADDRESSES = 1_000;
/** Days with reports that are enough to say that nobody sends: a newsletter may go out once a month. */
const ENOUGH_DAYS = 60;
const MOST_QUESTIONS = 400;

/**
 * What reports add to the check of a domain: SPF terms that no mail needs, and own senders whose mail passes
 * DMARC by nothing.
 */
export async function seenFindings(
  { domain, tree }: Pick<SpfCheck, 'tree'> & { domain: string },
  seen: SeenMail,
  dns: Dns,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Finding[]> {
  const failing = seen.failing.map(({ source, messages }) =>
    finding('dmarc_sender_fails', {
      domain,
      message: `${source} sent ${messages.toLocaleString('en')} messages as ${domain} in 30 days, and none of them is aligned with it by SPF or DKIM: set up DKIM there first, then SPF.`,
    }),
  );
  const { record } = tree.root;
  if (record === null || record.errors.length > 0 || !seen.complete || seen.days < ENOUGH_DAYS) return failing;
  const end = record.mechanisms.findIndex(({ kind }) => kind === 'all');
  const terms = record.mechanisms.slice(0, end < 0 ? undefined : end).filter(admits);
  const needed = await neededTerms(domain, { addresses: seen.addresses, terms }, dns, options);
  if (needed === null) return failing;
  const unused = terms.filter((term) => !needed.has(term.at));
  return [
    ...unused.map((term) =>
      finding('spf_unused', {
        domain,
        message: `No mail in the reports of ${SEEN_DAYS} days needed ${term.text}. If nobody sends from there any more, remove it: whoever gets hold of these addresses sends as ${domain}.`,
        record: { name: domain, text: record.text },
        place: { at: term.at, text: term.text },
        publish: { name: domain, value: withoutTerm(record, term) },
      }),
    ),
    ...failing,
  ];
}

/** Terms that let somebody send, and that do not depend on the mail. */
function admits({ kind, qualifier, text }: Mechanism): boolean {
  return qualifier === '+' && ['ip4', 'ip6', 'a', 'mx', 'include'].includes(kind) && !text.includes('%');
}

/**
 * The places of those of some terms in the domain's own record that decide about an address; null when one
 * could not be evaluated.
 */
async function neededTerms(
  domain: string,
  { addresses, terms }: { addresses: readonly string[]; terms: readonly Mechanism[] },
  dns: Dns,
  { signal }: { signal?: AbortSignal | undefined },
): Promise<Set<number> | null> {
  const asked = askingOnce(dns);
  const budget = { left: MOST_QUESTIONS };
  const needed = new Set<number>();
  for (const ip of addresses.slice(0, MOST_ADDRESSES)) {
    if (terms.every(({ at }) => needed.has(at))) break;
    const mail = { ip, helo: domain, mailFrom: `postmaster@${domain}` };
    const { result, tree } = await evaluateSpf(mail, asked, { budget, ...(signal && { signal }) });
    if (result === 'temperror' || result === 'permerror') return null;
    const step = tree.steps.find(({ outcome }) => outcome === 'match');
    if (step !== undefined) needed.add(step.at);
  }
  return needed;
}

/** Asks each question once: a thousand addresses go through the same record. */
function askingOnce(dns: Dns): Dns {
  const answers = new Map<string, Promise<Answer>>();
  return {
    ask<T extends RecordType>(name: string, type: T, options?: Parameters<Dns['ask']>[2]) {
      const key = `${type} ${lowerName(name)}`;
      const known = answers.get(key) ?? dns.ask(name, type, options);
      answers.set(key, known);
      return known as Promise<Answer<T>>;
    },
  };
}
