import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { note } from '../requests/events.ts';
import { lockRequest } from '../requests/requests.ts';
import { loadHeld } from './held.ts';

export interface HeldAsk {
  recipient: string;
  why: string;
  asked_at: Date;
}

/** Recipients who ask for a mail, the first first. */
export async function asksFor(q: Queryable, held_key: number): Promise<HeldAsk[]> {
  const { rows } = await q.query<HeldAsk>(
    'select recipient, why, asked_at from ruawatch.held_asks where held_key = $1 order by asked_at limit 100',
    [held_key],
  );
  return rows;
}

/**
 * Writes that a recipient asks for a mail. It decides nothing, and a second time changes nothing.
 * @returns whether it was new; null when the mail does not wait any more
 */
export async function askFor(
  db: Db,
  { held_key, recipient, why }: { held_key: number; recipient: string; why: string },
  now: Date,
): Promise<boolean | null> {
  const { request_key } = await loadHeld(db, held_key);
  return transaction(db, async (tx) => {
    const request = await lockRequest(tx, request_key);
    if (request.state !== 'pending') return null;
    const { rowCount } = await tx.query(
      'insert into ruawatch.held_asks (held_key, recipient, why, asked_at) values ($1, $2, $3, $4) on conflict do nothing',
      [held_key, recipient, why, now],
    );
    if (rowCount === 0) return false;
    await note(tx, request_key, now, {
      event: 'ask',
      actor: `recipient ${recipient}`,
      says: `${recipient} asks for it: ${why}`,
      only: true,
    });
    return true;
  });
}
