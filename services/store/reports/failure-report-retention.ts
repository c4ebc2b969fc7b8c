import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { storedRange } from '../messages/messages.ts';

/**
 * Marks mails that hold personal data, which retention deletes.
 * @param hideSubjects also hides their subjects in the archive: most repeat the subject of the mail that
 * failed
 */
export async function notePersonal(tx: Tx, keys: readonly number[], hideSubjects: boolean): Promise<void> {
  if (keys.length === 0) return;
  await tx.query(
    `insert into ruawatch.personal_mails (message_key) select unnest($1::bigint[]) on conflict (message_key) do nothing`,
    [keys],
  );
  if (!hideSubjects) return;
  await tx.query(
    `update ruawatch.messages set subject = '***' where message_key = any($1::bigint[]) and subject is not null and subject <> '***'`,
    [keys],
  );
}

/**
 * Deletes failure reports and complaints that were stored before `before`, and the raw bytes of the mails
 * that brought them. The rows of these mails stay in the archive, without sender and subject.
 * @returns the number of mails emptied; fewer than `limit` means that none is left
 */
export async function dropFailureReports(db: Db, before: Date, limit: number): Promise<number> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ message_key: number }>(
      `delete from ruawatch.personal_mails
        where message_key in (
              select p.message_key from ruawatch.personal_mails p
               where p.stored_at < $1
                 -- A mail that is to be read again needs its bytes.
                 and not exists (select from ruawatch.messages m where m.message_key = p.message_key and m.state = 'received')
               order by p.stored_at limit $2 for update skip locked)
       returning message_key`,
      [before, limit],
    );
    const keys = rows.map((row) => row.message_key);
    if (keys.length === 0) return 0;
    await tx.query('delete from ruawatch.failure_reports where message_key = any($1::bigint[])', [keys]);
    const { rows: emptied } = await tx.query<{ stored_at: Date }>(
      'update ruawatch.messages set sender = null, subject = null, raw_gone_at = now() where message_key = any($1::bigint[]) returning stored_at',
      [keys],
    );
    if (emptied.length > 0) {
      await tx.query('delete from ruawatch.raw where message_key = any($1::bigint[]) and stored_at >= $2 and stored_at < $3', [
        keys,
        ...storedRange(emptied),
      ]);
      // The size of these months is measured again.
      await tx.query(
        `update ruawatch.raw_stock set bytes = null
          where partition in (select to_char(s at time zone 'UTC', '"raw_"YYYY"_"MM') from unnest($1::timestamptz[]) s)`,
        [emptied.map(({ stored_at }) => stored_at.toISOString())],
      );
    }
    return keys.length;
  });
}
