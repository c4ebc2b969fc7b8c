import type { Queryable } from '../../shared/runtime/db.ts';

/** Mails that were set aside because they could not be read. */
export interface Unread {
  /** All mails that arrived in the time, and those of them that are in quarantine. */
  mails: number;
  quarantined: number;
  /** The most frequent codes and senders' domains among the latter, with their numbers. */
  codes: { name: string; n: number }[];
  senders: { name: string; n: number }[];
}

const MOST_NAMED = 3;

/** Counts by arrival. */
export async function unreadSince(q: Queryable, since: Date): Promise<Unread> {
  const { rows } = await q.query<Unread>(
    `with came as (
       select state, code, lower(split_part(sender, '@', 2)) as sender from ruawatch.messages where received_at >= $1),
     aside as (select code, sender from came where state = 'quarantined')
     select (select count(*)::int from came) as mails, (select count(*)::int from aside) as quarantined,
            (select coalesce(json_agg(c), '[]') from (
               select coalesce(code, 'none') as name, count(*)::int as n from aside group by 1 order by 2 desc, 1 limit ${MOST_NAMED}) c) as codes,
            (select coalesce(json_agg(s), '[]') from (
               select coalesce(nullif(sender, ''), 'nobody') as name, count(*)::int as n from aside group by 1 order by 2 desc, 1 limit ${MOST_NAMED}) s) as senders`,
    [since],
  );
  return rows[0]!;
}
