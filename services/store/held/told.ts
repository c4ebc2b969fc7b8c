import type { Tx } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';

/** A recipient, and the mails that are held for him or her and were not said yet. */
export interface ToTell {
  recipient: string;
  mails: {
    held_key: number;
    held_at: string;
    header_from: string | null;
    header_from_domain: string | null;
    subject: string | null;
    expires_at: string | null;
  }[];
  /** How many there are; no more than some of them are in `mails`. */
  total: number;
}

const RECIPIENTS_AT_ONCE = 100;
const MAILS_IN_ONE = 50;

/**
 * Takes what recipients are to be notified now: those of own domains who were not notified for so long, once
 * for each mail.
 * @param hours between two mails to one recipient
 */
export async function takeToTell(tx: Tx, hours: number, now: Date): Promise<ToTell[]> {
  const { rows } = await tx.query<ToTell>(
    `with waiting as (
       select h.held_key, one.recipient, h.held_at, h.header_from, h.header_from_domain, h.subject, r.expires_at
         from ruawatch.held_messages h join ruawatch.requests r using (request_key) cross join lateral unnest(h.recipients) one(recipient)
        where h.state = 'held' and r.state = 'pending'
          and not exists (select from ruawatch.held_told t where t.held_key = h.held_key and t.recipient = one.recipient)
          and one.recipient ~ '^[^@[:space:]<>]+@[^@[:space:]<>]+$'
          and ${isOwnSql("lower(split_part(one.recipient, '@', 2))")}),
     due as (
       select recipient from waiting w
        where not exists (select from ruawatch.held_told t where t.recipient = w.recipient and t.at > $1::timestamptz - make_interval(secs => $2 * 3600))
        group by 1 order by min(held_key) limit ${RECIPIENTS_AT_ONCE}),
     told as (
       insert into ruawatch.held_told (held_key, recipient, at)
       select distinct held_key, recipient, $1::timestamptz from waiting join due using (recipient) on conflict do nothing returning held_key, recipient),
     ranked as (
       select w.*, row_number() over (partition by w.recipient order by w.held_key desc) as rank
         from (select distinct on (held_key, recipient) * from waiting) w join told using (held_key, recipient))
     select recipient, count(*)::int as total,
            jsonb_agg(jsonb_build_object('held_key', held_key, 'held_at', held_at, 'header_from', header_from,
                                         'header_from_domain', header_from_domain, 'subject', subject, 'expires_at', expires_at) order by held_key desc) filter (where rank <= ${MAILS_IN_ONE}) as mails
       from ranked group by 1 order by 1`,
    [now, hours],
  );
  return rows;
}
