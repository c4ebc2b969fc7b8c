import type { Dns } from '../dns/client/types.ts';
import { isWithin } from '../dns/wire/received.ts';
import { sameRrSet } from '../dns/wire/rrset.ts';
import type { DnsChange } from '../requests/plan.ts';
import { effectsOf, type SeenSender } from '../requests/plans/effects.ts';
import { membersOf } from '../requests/plans/members.ts';
import type { Step } from './ledger.ts';
import { type Refused, refuse } from './plan.ts';

/** What a judgement needs to know about mail. */
export interface Mail {
  /** The own domains whose mail the records of these names may bear on. */
  domainsOf(names: readonly string[]): Promise<string[]>;
  /** Who sends as a domain, and which keys are in use (store/requests/seen.ts). */
  seen(domain: string): Promise<{ seen: readonly SeenSender[]; keys: ReadonlyMap<string, number> }>;
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
 * Judges the state after an update as a plan is judged (requests/plans/effects.ts): what makes records invalid, weakens a policy,
 * withdraws a key in use or locks out a sender is refused. Such a change needs a request that people decide about.
 * @param dns of everybody, the zone's own records fresh
 */
export async function refuseHarm(
  steps: readonly Step[],
  dns: Dns,
  { mail, registrable, signal }: { mail: Mail; registrable: (name: string) => string; signal: AbortSignal },
): Promise<Refused | null> {
  const changes = steps.filter(({ before, after }) => !sameRrSet(before, after)).map(asDnsChange);
  if (changes.length === 0) return null;
  for (const domain of await mail.domainsOf(changes.map(({ name }) => name))) {
    const { warnings } = await effectsOf(domain, changes, dns, { ...(await mail.seen(domain)), registrable, signal });
    if (warnings.length > 0) return refuse(`${domain}: ${warnings[0]}`);
  }
  return null;
}

/** DNS as the zone's primary server has it, and as everybody else has the rest. */
export const withPrimary = (zone: string, primary: Dns, others: Dns): Dns => ({
  ask: (name, type, options) => (isWithin(name, zone) ? primary : others).ask(name, type, options),
});
