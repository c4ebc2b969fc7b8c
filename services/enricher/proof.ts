import type { AskOptions, Dns } from '../dns/client/types.ts';
import { checkDestination } from '../dns/dmarc/destination.ts';
import { discoverPolicy, type Walk, walkTree } from '../dns/dmarc/walk.ts';
import { hostNameOf } from '../report/hostname.ts';
import { organizationalDomain } from '../report/orgdomain.ts';
import { isFreeMail } from '../report/reporters/reporters.ts';

/** Maximum number of DNS queries for one domain: two tree walks and the record of the other side. */
const QUESTIONS = 30;

/**
 * Whether DNS confirms, from both sides, that reports about a domain are meant for a mailbox that is read
 * here.
 */
export type Proof =
  /** `at` is the name with the DMARC record: the domain or one above it. */
  | { state: 'proven'; at: string; reason: string }
  | { state: 'denied'; reason: string }
  /** A query failed, which decides nothing. */
  | { state: 'unknown'; reason: string };

/**
 * Checks both sides: the DMARC record that applies to the domain (tree walk, RFC 9989 section 4.10) names one
 * of our mailboxes in rua=, and the mailbox's domain belongs to the same organization or accepts reports
 * about just this domain (RFC 9990 section 4).
 *
 * A rua= alone proves nothing, since anyone can name our mailbox; nor does a wildcard, which accepts reports
 * about any domain.
 * @param addresses the mailboxes that are read here, in lower case
 */
export async function proveDomain(
  domain: string,
  addresses: ReadonlySet<string>,
  dns: Dns,
  signal?: AbortSignal,
): Promise<Proof> {
  const options: AskOptions = { signal, budget: { left: QUESTIONS } };
  const found = await discoverPolicy(domain, dns, options);
  if (found.state === 'unknown') return { state: 'unknown', reason: found.message };
  if (found.state === 'none') return { state: 'denied', reason: `No DMARC record that asks for reports applies to ${domain}.` };
  const { at, record } = found;
  if (record.psd === 'y' && at !== domain)
    return { state: 'denied', reason: `The DMARC record that applies is that of the public suffix ${at}.` };
  const ours = new Set(
    record.rua.flatMap(({ address, domain: of }) =>
      address !== null && of !== null && reaches(address.toLowerCase(), addresses) ? [of.toLowerCase()] : [],
    ),
  );
  if (ours.size === 0) {
    const named = record.rua.length === 0 ? 'asks for no reports' : 'names no mailbox in rua= that is read here';
    return { state: 'denied', reason: `The DMARC record at _dmarc.${at} ${named}.` };
  }
  const said: Proof[] = [];
  for (const mailbox of ours) {
    const proof = await otherSide({ at, mailbox, walked: found.at === domain ? found.walk : null }, dns, options);
    if (proof.state === 'proven') return proof;
    said.push(proof);
  }
  return said.find(({ state }) => state === 'unknown') ?? said[0]!;
}

/** A domain whose record names a mailbox's domain, and the walk to that record where the domain holds it. */
interface Sides {
  at: string;
  mailbox: string;
  walked: Walk | null;
}

async function otherSide(sides: Sides, dns: Dns, options: AskOptions): Promise<Proof> {
  const { at, mailbox } = sides;
  // An account at a mail provider does not make a domain part of the provider's organization.
  if (!isFreeMail(mailbox) && organizationalDomain(at) === organizationalDomain(mailbox)) {
    const same = await sameOrganization(sides, dns, options);
    if (typeof same === 'string') return { state: 'unknown', reason: same };
    if (same) {
      return { state: 'proven', at, reason: `The DMARC record at _dmarc.${at} names a mailbox of the same organization.` };
    }
  }
  const destination = await checkDestination(at, mailbox, dns, options);
  if (destination.state === 'unknown') return { state: 'unknown', reason: destination.message };
  const { name } = destination;
  if (destination.state === 'unauthorized')
    return { state: 'denied', reason: `${mailbox} does not accept reports about ${at}: there is no record at ${name}.` };
  if (destination.by === 'wildcard')
    return {
      state: 'denied',
      reason: `${mailbox} accepts reports about any domain (a wildcard covers ${name}), which proves nothing about ${at}.`,
    };
  return {
    state: 'proven',
    at,
    reason: `The DMARC record at _dmarc.${at} names a mailbox whose domain accepts its reports (${name}).`,
  };
}

/**
 * Whether two names that the public suffix list puts into one organization are not separated by a record with
 * psd= between them (RFC 9989 section 4.10.2). The list includes its private part: customers of one host are
 * strangers, and none of them can publish anything that would join them.
 * @returns a sentence when a query failed
 */
async function sameOrganization({ at, mailbox, walked }: Sides, dns: Dns, options: AskOptions): Promise<boolean | string> {
  if (at === mailbox) return true;
  const tops: string[] = [];
  for (const name of [at, mailbox]) {
    const walk = name === at && walked !== null ? walked : await walkTree(name, dns, options);
    const unknown = walk.steps.find((step) => step.state === 'unknown');
    if (unknown?.state === 'unknown') return unknown.message;
    tops.push(boundaryOf(walk) ?? organizationalDomain(name));
  }
  return tops[0] === tops[1];
}

/** The organizational domain that a record of the tree walk states with psd=; null when none does. */
function boundaryOf({ domain, steps }: Walk): string | null {
  for (const step of steps) {
    if (step.state !== 'record' || step.record.psd === 'u') continue;
    if (step.record.psd === 'n') return step.domain;
    return domain
      .split('.')
      .slice(-(step.domain.split('.').length + 1))
      .join('.');
  }
  return null;
}

/**
 * Whether mail to an address arrives at one of ours; `dmarc+shop@example.com` arrives at `dmarc@example.com`
 * (RFC 5233). A server that treats them as different mailboxes does so within one domain, which is checked
 * anyway.
 */
function reaches(address: string, ours: ReadonlySet<string>): boolean {
  return ours.has(address) || ours.has(address.replace(/(?<=^[^+@]+)\+[^@]*(?=@)/, ''));
}

/** An address as `proveDomain` compares it; null when its domain is not a host name. */
export function addressOf(text: string): string | null {
  const at = text.lastIndexOf('@');
  const domain = hostNameOf(text.slice(at + 1));
  return at < 1 || domain === null ? null : `${text.slice(0, at).toLowerCase()}@${domain}`;
}
