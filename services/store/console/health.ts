import type { Queryable } from '../../shared/runtime/db.ts';
import { type Reader, read, readKept } from './scope.ts';

/** A mailbox and how its last round went. */
export interface MailboxHealth {
  mailbox: string;
  folder: string;
  polled_at: Date | null;
  backlog: number | null;
  last_error: string | null;
}

/** What waits, where it waits, and since when. */
export interface Waiting {
  what: 'mails' | 'checks' | 'analysis' | 'alerts';
  waiting: number;
  /** Seconds; null where that is not kept, or nothing waits. */
  oldest: number | null;
}

/** Mails of the last 30 days by what became of them. */
export interface MailState {
  state: string;
  code: string | null;
  mails: number;
  last_at: Date;
}

export async function mailboxHealth(q: Queryable): Promise<MailboxHealth[]> {
  const { rows } = await q.query<MailboxHealth>(
    'select mailbox, folder, polled_at, backlog, last_error from ruawatch.mailboxes order by mailbox limit 200',
  );
  return rows;
}

/** The work that is committed and not done: the rows are the truth, whatever the queue says. */
export async function waitingWork(q: Queryable): Promise<Waiting[]> {
  const { rows } = await q.query<Waiting>(
    `select 'mails' as what, count(*)::int as waiting, extract(epoch from now() - min(stored_at))::float8 as oldest
       from ruawatch.messages where state = 'received'
     union all
     select 'checks', count(*)::int, null from ruawatch.trust_checks
     union all
     select 'analysis', count(*)::int, null from ruawatch.analysis_work
     union all
     select 'alerts', count(*)::int, null from ruawatch.outbox where state = 'pending'`,
  );
  return rows;
}

/** The mails of the last days by state and code, the most first. */
export async function mailStates(reader: Reader, since: Date): Promise<MailState[]> {
  return read<MailState>(
    reader,
    ['messages'],
    `select state, code, count(*)::int as mails, max(received_at) as last_at from messages where received_at >= $1
      group by state, code order by mails desc, state, code limit 50`,
    [since],
  );
}

/**
 * Reports of the last days by whether they were proven, for each own domain with unproven ones, the worst
 * first.
 */
export interface TrustShare {
  domain: string;
  reports: number;
  verified: number;
  pending: number;
  unproven: number;
}

export async function trustShares(reader: Reader, since: Date, limit: number): Promise<readonly TrustShare[]> {
  return readKept<TrustShare>(
    reader,
    ['messages', 'reports', 'domains'],
    // Mails have an index by arrival, which is that of their reports. They are counted before the domains are
    // looked up: as long as Postgres takes own domains for few, it would begin with these, and read all
    // reports of each.
    `select r.* from (
       select r.domain, count(*)::int as reports, count(*) filter (where r.reporter_trust = 'authenticated')::int as verified,
              count(*) filter (where r.trust = 'pending')::int as pending, count(*) filter (where r.trust = 'bad')::int as unproven
         from messages m join reports r on r.message_key = m.message_key where m.received_at >= $1 group by r.domain) r
       join domains d on d.domain = r.domain and d.state = 'own'
      order by r.unproven::float8 / r.reports desc, r.reports desc, r.domain limit $2`,
    [since, limit],
  );
}
