import { type Db, transaction } from '../../shared/runtime/db.ts';

/** Rows of one statement: none of them holds up whoever writes. */
const AT_ONCE = 5_000;

/** What is deleted, by the limit that it is older than. */
export interface LogLimits {
  /** Lines, and counts of lines that could not be read. */
  lines: Date;
  /** Messages, bounces and DNS changes. */
  messages: Date;
  /** Daily totals; null: they are kept. */
  days: Date | null;
}

/**
 * Deletes one portion of what the logs left that is older than it is kept. Lines of messages that are not
 * judged yet stay. A source notes until when its messages are gone, so that lines of them, should they come
 * again, are not counted anew.
 * @returns how many rows were deleted; fewer than a portion of each when nothing is left
 */
export async function forgetLogs(db: Db, { lines, messages, days }: LogLimits): Promise<{ deleted: number; more: boolean }> {
  const { rowCount: gone } = await db.query(
    `delete from ruawatch.log_lines where line_key in (
       select line_key from ruawatch.log_lines l
        where received_at < $1
          and not exists (select from ruawatch.log_open o where (o.source_id, o.host, o.queue_id) = (l.source_id, l.host, l.queue_id))
        limit ${AT_ONCE})`,
    [lines],
  );
  const { rowCount: unread } = await db.query('delete from ruawatch.log_unparsed where day < $1::date', [lines]);
  const { rowCount: changes } = await db.query('delete from ruawatch.log_dns_changes where at < $1', [messages]);
  const { rowCount: bounced } = await db.query('delete from ruawatch.bounces where received_at < $1', [messages]);
  const left = await transaction(db, async (tx) => {
    const { rows } = await tx.query<{ source_id: number; newest: string; count: number }>(
      `with gone as (
         delete from ruawatch.sent_messages where message_key in (
           select message_key from ruawatch.sent_messages where judged_at < $1 and started_at < $1 order by judged_at limit ${AT_ONCE})
         returning source_id, started_at)
       select source_id, (max(started_at) + interval '1 millisecond')::text as newest, count(*) as count from gone group by 1 order by 1`,
      [messages],
    );
    for (const { source_id, newest } of rows)
      await tx.query(
        'update ruawatch.log_sources set dropped_before = $2::timestamptz where source_id = $1 and dropped_before < $2::timestamptz',
        [source_id, newest],
      );
    return rows.reduce((sum, { count }) => sum + count, 0);
  });
  let totals = 0;
  if (days !== null)
    for (const table of ['sending_day_recipients', 'sending_days'])
      totals += (await db.query(`delete from ruawatch.${table} where day < $1::date`, [days])).rowCount!;
  const deleted = gone! + unread! + changes! + bounced! + left + totals;
  return { deleted, more: gone === AT_ONCE || left === AT_ONCE };
}
