import type { Db, Queryable } from '../../shared/runtime/db.ts';
import { loadRaws } from './messages.ts';

/** A stored mail, and the domains that the reports in it are about. */
export interface RawMail {
  message_key: number;
  mailbox: string;
  size: number;
  /** Null when its retention time is over. */
  stored_at: Date;
  domains: string[];
  /** Everything in it was read, and says which domain it is about. */
  told: boolean;
  /** For those that could not be read. */
  unread: boolean;
}

/** What is known of a mail's origin and contents; null when there is none of that key. */
export async function rawMail(q: Queryable, key: number): Promise<RawMail | null> {
  const { rows } = await q.query<RawMail>(
    `select m.message_key, m.mailbox, m.size, m.stored_at, m.state <> 'stored' as unread,
            array(select domain from dmarc.reports where message_key = $1 union select domain from dmarc.superseded_reports where message_key = $1
                  union select policy_domain from dmarc.tls_reports where message_key = $1 and policy_domain is not null
                  union select policy_domain from dmarc.superseded_tls_reports where message_key = $1 and policy_domain is not null
                  union select domain from dmarc.failure_reports where message_key = $1) as domains,
            m.code is null
              and not exists (select 1 from dmarc.tls_reports where message_key = $1 and policy_domain is null)
              and not exists (select 1 from dmarc.superseded_tls_reports where message_key = $1 and policy_domain is null)
              and not exists (select 1 from dmarc.failure_reports where message_key = $1 and domain is null) as told
       from ruawatch.messages m where m.message_key = $1`,
    [key],
  );
  return rows[0] ?? null;
}

/** The bytes of a mail; null when they are no longer kept. */
export async function rawBytes(q: Queryable, mail: Pick<RawMail, 'message_key' | 'stored_at'>): Promise<Buffer | null> {
  return (await loadRaws(q, [mail])).get(mail.message_key) ?? null;
}

/** The mail and the place in it that a report came from; null when there is no such report. */
export async function placeOfReport(q: Queryable, key: number): Promise<{ message_key: number; part: number } | null> {
  const { rows } = await q.query<{ message_key: number; part: number }>(
    'select message_key, part from ruawatch.reports where report_key = $1',
    [key],
  );
  return rows[0] ?? null;
}

/** Lets the parser's next sweep take mails that have no job. */
export async function leaveToSweep(db: Db, keys: readonly number[]): Promise<void> {
  await db.query("update ruawatch.messages set queued_at = null where message_key = any($1::bigint[]) and state = 'received'", [
    keys,
  ]);
}
