import { type Db, transaction } from '../../shared/runtime/db.ts';
import { askerOf, note } from './events.ts';
import { lockRequest, momentOf, move } from './requests.ts';

/**
 * Ends all approvals that wait, and the changes that are under way, since the database is an older copy of
 * itself: what was decided after the copy (that it is withdrawn, or taken back) is not known any more. Those
 * of rights that are lent end with these.
 * @param why a sentence
 * @returns how many
 */
export async function endApprovals(db: Db, why: string, at: Date | null): Promise<number> {
  const { rows } = await db.query<{ request_key: number }>(
    `select request_key from ruawatch.requests
      where (state = 'approved' and kind not like 'access.%')
         or (state = 'applying' and kind not like 'access.%' and kind not like 'messages.%') order by 1`,
  );
  for (const { request_key } of rows) await transaction(db, (tx) => endOne(tx, request_key, why, at));
  return rows.length;
}

async function endOne(tx: Parameters<typeof lockRequest>[0], key: number, why: string, at: Date | null): Promise<void> {
  const request = await lockRequest(tx, key);
  if (request.state !== 'approved' && request.state !== 'applying') return;
  const now = await momentOf(tx, at);
  const waited = request.state === 'approved';
  const says = waited
    ? `${why} The approval does not count any more: ask again if it is still wanted.`
    : `${why} It was being applied: look at what is published, and ask again if it is still wanted.`;
  await move(tx, key, waited ? 'expire' : 'fail', { at: now, expires_at: null, outcome: says });
  await note(tx, key, now, { event: waited ? 'expire' : 'fail', actor: 'applier', says, to: askerOf(request) });
}
