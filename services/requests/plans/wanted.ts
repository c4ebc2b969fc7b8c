import { lowerName } from '../../dns/client/name.ts';
import type { Dns } from '../../dns/client/types.ts';
import { withTags } from '../../dns/dmarc/edit.ts';
import { isDmarc } from '../../dns/dmarc/record.ts';
import { PermanentError, TransientError } from '../../shared/errors.ts';
import { escaped } from '../../shared/escape.ts';
import { isPlanName, type Plan } from '../plan.ts';
import { type DnsPlanOptions, type DnsWish, PlanError, planDns } from './dns.ts';
import { halfStepWords, mayHalve, noHalfStepWords, type TestingKnown } from './half-step.ts';
import type { PlannedType } from './members.ts';

export const POLICIES = ['none', 'quarantine', 'reject'] as const;

/** A record that a person wants to publish; without a value, to take away. */
export interface WantedRecord {
  domain: string;
  /** The domain, or a name below it. */
  name: string;
  type: PlannedType;
  value: string | null;
  why: string;
}

/** Names as people write them; a wildcard may stand in front (RFC 4592). */
const PLAIN_NAME = /^(?=.{1,253}$)(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;

/**
 * What an alias leads to (RFC 1123 section 2.1, and "_" as in names of keys): no escapes, which few would
 * read as what they are.
 */
const HOST_NAME = /^(?=.{1,254}$)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?$/;

/**
 * @throws PermanentError `usage` for a name that is not the domain's, or one that cannot be written plainly
 */
export function recordWish({ domain, name, type, value, why }: WantedRecord): DnsWish {
  if (!isPlanName(name)) throw new PermanentError('usage', `${name} is no name of a record that a request can be about.`);
  if (name !== domain && !name.endsWith(`.${domain}`)) throw new PermanentError('usage', `${name} is not below ${domain}.`);
  if (!PLAIN_NAME.test(name))
    throw new PermanentError(
      'usage',
      `${name} is no name of a record: write letters of ASCII, digits, "-" and "_" between dots.`,
    );
  if (type === 'CNAME' && value !== null && !HOST_NAME.test(value))
    throw new PermanentError(
      'usage',
      `${escaped(value)} is no host name: a CNAME record leads to one, such as mail.example.net.`,
    );
  if (type === 'CNAME' && value !== null && lowerName(value.replace(/\.$/, '')) === name)
    throw new PermanentError('usage', `${name} cannot be an alias of itself.`);
  const summary = value === null ? `Take the record at ${name} away.` : `Publish ${value.slice(0, 300)} at ${name}.`;
  return { kind: 'dns.change', domain, records: [{ name, type, value }], summary, why: [why], finding: null };
}

export interface WantedPolicy {
  domain: string;
  to: (typeof POLICIES)[number];
  why: string;
  /**
   * With `t=y`: half a step. Of this, what receivers know it, and the share of the mail that they must see.
   */
  half: { known: TestingKnown; share: number | null } | null;
}

/**
 * The published record of a domain with another policy.
 * @throws PermanentError `no_policy`, `no_half_step`; TransientError when DNS does not answer
 */
export async function policyWish({ domain, to, why, half }: WantedPolicy, dns: Dns): Promise<DnsWish> {
  const answer = await dns.ask(`_dmarc.${domain}`, 'TXT');
  const text = answer.state === 'records' ? answer.records.map((strings) => strings.join('')).find(isDmarc) : undefined;
  if (answer.state === 'unknown')
    throw new TransientError('dns_unknown', `The policy of ${domain} is not known: ${answer.message}`);
  if (text === undefined)
    throw new PermanentError(
      'no_policy',
      `${domain} has no DMARC record of its own: publish one first (ruawatch policy status ${domain}).`,
    );
  if (half !== null && !mayHalve(text, to, half.known, half.share))
    throw new PermanentError('no_half_step', noHalfStepWords(domain, half.known, half.share));
  return {
    kind: 'policy.step',
    domain,
    records: [{ name: `_dmarc.${domain}`, value: withTags(text, { p: to, t: half === null ? null : 'y' }) }],
    summary: `Set the policy of ${domain} to p=${to}${half === null ? '' : ', with t=y'}.`,
    why: [why, ...(half === null ? [] : halfStepWords(to, half.known))],
    finding: null,
  };
}

/**
 * The plan for a person's wish. @throws PermanentError, TransientError for what is in its way, with its code
 */
export async function planWish(wish: DnsWish, dns: Dns, options: DnsPlanOptions): Promise<Plan> {
  try {
    return await planDns(wish, dns, options);
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    if (error.code === 'unknown') throw new TransientError('dns_unknown', error.message, error);
    throw new PermanentError(error.code, error.message, error);
  }
}
