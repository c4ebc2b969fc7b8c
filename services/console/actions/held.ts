import { z } from 'zod';
import { planSender } from '../../requests/plans/sender.ts';
import type { State } from '../../requests/states.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import type { HeldRow } from '../../store/held/held.ts';
import { noteDenial } from '../../store/held/steps.ts';
import { lockNamed } from '../../store/locks.ts';
import { decide } from '../../store/requests/decide.ts';
import { openLocked } from '../../store/requests/open.ts';
import { seenSource, standingEntry } from '../../store/requests/seen.ts';
import type { Asked } from '../routes.ts';
import { why } from './findings.ts';

/** What a person decides about a held mail. */
export const heldDecision = z
  .object({
    why,
    verb: z.enum(['release', 'reject', 'delete']),
    from_now_on: z.enum(['no', 'approve', 'deny']).default('no'),
    digest: z.string().regex(/^[0-9a-f]{64}$/, 'must be the digest of the plan'),
  })
  .refine(({ verb, from_now_on }) => from_now_on === 'no' || (from_now_on === 'approve') === (verb === 'release'), {
    path: ['from_now_on'],
    message: 'must be approve with a delivery, and deny with a refusal',
  });

/**
 * Takes a person's decision about a held mail, and opens the request about its source that belongs to it, in
 * one transaction.
 * @returns the state of the request after it
 * @throws PermanentError as `decide` and `openRequest`, and `no_source`
 */
export async function decideHeld(
  { db, config, clock }: Pick<Asked, 'db' | 'config' | 'clock'>,
  held: HeldRow,
  { person, via, verb, from_now_on, ...given }: z.output<typeof heldDecision> & { person: string; via: string },
): Promise<State> {
  const { source, domain } = held;
  if (from_now_on !== 'no' && source === null)
    throw new PermanentError('no_source', 'Nothing names the source of this mail: there is none to approve or deny.');
  const also = async (tx: Tx) => {
    if (verb !== 'release') await noteDenial(tx, held.request_key, verb);
    if (from_now_on === 'no' || source === null) return;
    await lockNamed(tx, 'requests');
    const now = clock.now();
    const what = { domain, source, is_service: false };
    const plan = planSender({
      ...what,
      before: (await standingEntry(tx, what, now))?.verdict ?? null,
      after: from_now_on === 'approve' ? 'approved' : 'denied',
      until: null,
      seen: await seenSource(tx, what, now),
      finding: null,
    });
    const reason = `Held mail ${held.held_key}: ${given.why}`;
    await openLocked(tx, config.approvals.rules, { plan, requester: person, requester_kind: 'person', why: reason }, now);
  };
  return decide(db, held.request_key, { ...given, person, via, decision: verb === 'release' ? 'approve' : 'deny', also });
}
