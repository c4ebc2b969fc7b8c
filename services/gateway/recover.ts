import { RCODES } from '../dns/wire/outcome.ts';
import type { RrSet } from '../dns/wire/rrset.ts';
import type { Member } from '../requests/plan.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { DnsTarget } from '../shared/settings/dns-servers.ts';
import { type OpenUpdate, openUpdates, settleUpdate } from '../store/grants/lent-updates.ts';
import type { Settled, Step } from './ledger.ts';
import { isThere, primaryOf } from './update.ts';

/** Settles updates whose process ended before it could say how they went: the records say it. */
export async function settleOpen(db: Db, targets: readonly DnsTarget[], signal: AbortSignal): Promise<void> {
  for (const open of await openUpdates(db)) await settleUpdate(db, open.update_key, await endOf(open, targets, signal));
}

async function endOf({ target, steps }: OpenUpdate, targets: readonly DnsTarget[], signal: AbortSignal): Promise<Settled> {
  const rcode = RCODES.SERVFAIL;
  if (steps.length === 0) return { state: 'failed', rcode, answer: 'The gateway ended before anything was sent.' };
  const server = targets.find(({ name }) => name === target);
  if (server?.kind !== 'rfc2136')
    return { state: 'unknown', rcode, answer: `The settings have no name server ${target} any more: look at it by hand.` };
  switch (await isThere(steps.map(stepOf), primaryOf(server), signal)) {
    case 'after':
      return {
        state: 'applied',
        rcode: RCODES.NOERROR,
        answer: 'The gateway ended while it was carried out; the records are there.',
      };
    case 'before':
      return { state: 'failed', rcode, answer: 'The gateway ended while it was carried out; the records are as before.' };
    case null:
      return {
        state: 'unknown',
        rcode,
        answer: 'The gateway ended while it was carried out; the records do not show how it went.',
      };
  }
}

function stepOf({ name, type, before, after }: OpenUpdate['steps'][number]): Step {
  const set = (members: Member[]): RrSet => ({
    name,
    type: type as RrSet['type'],
    ttl: null,
    members: members.map(({ wire }) => Buffer.from(wire, 'hex')),
  });
  return { before: set(before), after: set(after) };
}
