import type { DnsChange } from './plan.ts';

const SPF = /^v=spf1(?: |$)/i;
/** Lets nobody send. */
const SPF_NOBODY = /^v=spf1 +-all *$/i;
const DMARC = '_dmarc.';
/** The strictest policy, with nothing that makes it weaker for some mail or sends reports elsewhere. */
const REJECT = /^v=DMARC1 *; *p=reject *;? *$/;

/** Own domains that one update is judged for: records that more of them share are for people. */
export const MOST_JUDGED = 20;

/** Whether a text is an SPF record that somebody's mail may pass. */
export const letsSend = (text: string): boolean => SPF.test(text) && !SPF_NOBODY.test(text);

/**
 * What a change of records would let somebody do with mail of a domain, although the records of the domain
 * itself stay as they are: mail from a name below it is aligned with it (RFC 9989 section 4.4), and a policy
 * there counts before that of the domain. People decide about it; a right that is lent does not.
 * @param own the own domains
 * @returns a sentence; null for none
 */
export function newAuthority({ name, type, before, after }: DnsChange, own: readonly string[]): string | null {
  const domain = own.filter((one) => name.endsWith(`.${one}`)).sort((a, b) => b.length - a.length)[0];
  if (domain === undefined || own.includes(name)) return null;
  const fresh = after.find(({ text, wire }) => letsSend(text) && !before.some((one) => one.wire === wire));
  if (type === 'TXT' && fresh !== undefined)
    return `${name} would have an SPF record of its own, and mail that passes it would pass DMARC of ${domain}.`;
  const sent = before.some(({ text }) => letsSend(text));
  if (type === 'TXT' && sent && !after.some(({ text }) => SPF.test(text)))
    return `${name} would lose its SPF record, and mail from it would pass no more by SPF.`;
  if (!name.startsWith(DMARC) || own.includes(name.slice(DMARC.length))) return null;
  if (type !== 'TXT' && type !== 'CNAME') return null;
  return type === 'TXT' && after.length === 1 && REJECT.test(after[0]!.text)
    ? null
    : `${name} would count before the policy of ${domain}.`;
}
