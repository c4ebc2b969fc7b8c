import { lowerName } from '../dns/client/name.ts';
import type { Dns } from '../dns/client/types.ts';
import { withPlanned } from '../dns/planned.ts';
import { isWithin } from '../dns/wire/received.ts';
import { sameRrSet } from '../dns/wire/rrset.ts';
import { letsSend, MOST_JUDGED, newAuthority } from '../requests/authority.ts';
import type { DnsChange } from '../requests/plan.ts';
import { effectsOf, plannedBy, type SeenSender } from '../requests/plans/effects.ts';
import { type Lead, leadsOf, standsFor } from '../requests/plans/leads.ts';
import { membersOf } from '../requests/plans/members.ts';
import type { Step } from './ledger.ts';
import { type Refused, refuse } from './plan.ts';
import { opensSpf } from './spf-hosts.ts';

/** What a judgement needs to know about mail. */
export interface Mail {
  /**
   * The own domains whose mail the records of these names may bear on; one more than MOST_JUDGED where there
   * are more.
   */
  domainsOf(names: readonly string[]): Promise<string[]>;
  /** Who sends as a domain, and which keys are in use (store/requests/seen.ts). */
  seen(domain: string): Promise<{ seen: readonly SeenSender[]; keys: ReadonlyMap<string, number>; aliases?: readonly Lead[] }>;
}

/** An RRset before and after, as a plan has it. */
export const asDnsChange = ({ before, after }: Step): DnsChange => ({
  target: 'dns',
  name: after.name,
  type: after.type as DnsChange['type'],
  ttl: { before: before.ttl, after: after.ttl },
  before: membersOf(before),
  after: membersOf(after),
});

/**
 * Judges the state after an update as a plan is judged (requests/plans/effects.ts): what makes records
 * invalid, weakens a policy, withdraws a key in use or locks out a sender is refused. Such a change needs a
 * request that people decide about.
 * @param dns of everybody, the zone's own records fresh
 */
export async function refuseHarm(
  steps: readonly Step[],
  dns: Dns,
  { mail, registrable, signal }: { mail: Mail; registrable: (name: string) => string; signal: AbortSignal },
): Promise<Refused | null> {
  const changes = steps.filter(({ before, after }) => !sameRrSet(before, after)).map(asDnsChange);
  if (changes.length === 0) return null;
  const own = await mail.domainsOf(changes.map(({ name }) => name));
  if (own.length > MOST_JUDGED) return refuse(`It bears on mail of more than ${MOST_JUDGED} own domains.`);
  for (const change of changes) {
    const wrong =
      newAuthority(change, own) ??
      (await authorityOfAlias(change, own, dns, signal)) ??
      (await movedMail(change, own, dns, signal));
    if (wrong !== null) return refuse(wrong);
  }
  const opened = await opensSpf(changes, own, { now: dns, later: withPlanned(plannedBy(changes), dns) });
  if (opened !== null) return refuse(opened);
  for (const domain of own) {
    const seen = await mail.seen(domain);
    const leads = await leadsOf(domain, dns, { ...seen, signal });
    const led = changes.map((change) => ({ ...change, stands_for: standsFor(change.name, leads) }));
    const { warnings } = await effectsOf(domain, led, dns, { ...seen, registrable, signal });
    if (warnings.length > 0) return refuse(`${domain}: ${warnings[0]}`);
  }
  return null;
}

/** The same of an alias: whose SPF record would be found there, as it is now. */
async function authorityOfAlias(
  { name, type, after }: DnsChange,
  own: readonly string[],
  dns: Dns,
  signal: AbortSignal,
): Promise<string | null> {
  if (type !== 'CNAME' || !own.some((one) => name.endsWith(`.${one}`))) return null;
  for (const { text } of after) {
    const answer = await dns.ask(text, 'TXT', { signal });
    if (answer.state === 'records' && answer.records.some((strings) => letsSend(strings.join(''))))
      return `${name} would have the SPF record of ${text}, and mail that passes it would pass DMARC of the domain above.`;
  }
  return null;
}

/**
 * Whether mail to an own domain would arrive elsewhere, or nowhere; a further address of a host is one more
 * place where its mail may go.
 */
async function movedMail(
  { name, type }: DnsChange,
  own: readonly string[],
  dns: Dns,
  signal: AbortSignal,
): Promise<string | null> {
  if (type === 'MX' && own.includes(name)) return `Mail to ${name} would go elsewhere.`;
  if (!['A', 'AAAA', 'CNAME'].includes(type)) return null;
  for (const domain of own) {
    const answer = await dns.ask(domain, 'MX', { signal });
    const hosts = answer.state === 'records' ? answer.records.map(({ exchange }) => lowerName(exchange)) : [];
    if (hosts.includes(name)) return `${name} is where mail to ${domain} goes.`;
  }
  return null;
}

/** DNS as the zone's primary server has it, and as everybody else has the rest. */
export const withPrimary = (zone: string, primary: Dns, others: Dns): Dns => ({
  ask: (name, type, options) => (isWithin(name, zone) ? primary : others).ask(name, type, options),
});
