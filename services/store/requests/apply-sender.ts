import type { SenderChange } from '../../requests/plan.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import type { OperatorNote } from '../findings/operator-actions.ts';
import { lockNamed } from '../locks.ts';
import { endInTransaction, putInTransaction } from '../sources/sender-list.ts';
import { standingEntry } from './seen.ts';

/**
 * Makes a change of the list of senders, on the condition that its entry is what the plan says.
 * @param word who asked, and why: kept with the entry
 */
export async function applySender(db: Db, change: SenderChange, word: OperatorNote, now: Date): Promise<'applied' | 'stale'> {
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    return put(tx, { ...change, until: change.until === null ? null : new Date(change.until) }, word, now);
  });
}

/** Takes such a change back: the entry before it stands again, and ends when it would have ended. */
export async function restoreSender(
  db: Db,
  { before, after, ...subject }: SenderChange,
  word: OperatorNote,
  now: Date,
): Promise<'applied' | 'stale'> {
  return transaction(db, async (tx) => {
    await lockNamed(tx, 'senders');
    const until = before === null ? null : await untilBefore(tx, { ...subject, verdict: before }, word);
    const over = until !== null && until <= now;
    return put(tx, { ...subject, before: after, after: over ? null : before, until: over ? null : until }, word, now);
  });
}

async function put(
  tx: Tx,
  { before, after, until, ...subject }: Omit<SenderChange, 'until'> & { until: Date | null },
  word: OperatorNote,
  now: Date,
): Promise<'applied' | 'stale'> {
  const standing = await standingEntry(tx, subject, now);
  const there = standing?.verdict ?? null;
  if (there === after && (standing?.until?.getTime() ?? null) === (until?.getTime() ?? null)) return 'applied';
  if (there !== before) return 'stale';
  const { domain, source, is_service } = subject;
  const whose = { domain, source, service: is_service ? { domains: [] } : null };
  if (after === null) await endInTransaction(tx, whose, word, now);
  else await putInTransaction(tx, whose, { verdict: after, word, until }, now);
  return 'applied';
}

/**
 * When the newest entry of this verdict ends or would have ended, of those that the request itself has not
 * made.
 */
async function untilBefore(
  tx: Tx,
  { domain, source, is_service, verdict }: Pick<SenderChange, 'domain' | 'source' | 'is_service'> & { verdict: string },
  { by, why }: OperatorNote,
): Promise<Date | null> {
  const { rows } = await tx.query<{ until: Date | null }>(
    `select until from ruawatch.sender_list
      where domain = $1 and source = $2 and is_service = $3 and verdict = $4 and (by_name, why) <> ($5, $6)
      order by entry_key desc limit 1`,
    [domain, source, is_service, verdict, by, why],
  );
  return rows[0]?.until ?? null;
}
