import type { SenderChange } from '../../requests/plan.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { lockNamed } from '../locks.ts';
import { endInTransaction, putInTransaction } from '../sources/sender-list.ts';
import { standingEntry } from './seen.ts';

/**
 * Makes a change of the list of senders, on the condition that its entry is what the plan says.
 * @param word who asked, and why: kept with the entry
 */
export async function applySender(
  db: Db,
  change: SenderChange,
  word: { by: string; why: string },
  now: Date,
): Promise<'applied' | 'stale'> {
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    const standing = await standingEntry(tx, change);
    if (standing === change.after) return 'applied';
    if (standing !== change.before) return 'stale';
    const subject = { domain: change.domain, source: change.source, service: change.is_service ? { domains: [] } : null };
    if (change.after === null) await endInTransaction(tx, subject, word, now);
    else
      await putInTransaction(
        tx,
        subject,
        { verdict: change.after, word, until: change.until === null ? null : new Date(change.until) },
        now,
      );
    return 'applied';
  });
}
