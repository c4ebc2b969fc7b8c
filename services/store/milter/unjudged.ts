import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { jsonInsert } from '../json-insert.ts';
import { plain } from '../sql-text.ts';

/** A mail that could not be judged. */
export interface Unjudged {
  at: Date;
  outcome: 'accept' | 'tempfail';
  /** A sentence. */
  why: string;
  queue_id: string | null;
  peer_ip: string | null;
  envelope_from: string;
  header_from_domain: string | null;
  message_id: string | null;
}

/** Days for which the notes are kept. */
const DAYS_KEPT = 30;

const orNull = (text: string | null) => (text === null ? null : plain(text).slice(0, 1_000));

const insertNotes = jsonInsert<Unjudged>('ruawatch.milter_unjudged', {
  at: ['timestamptz', (row) => row.at],
  outcome: ['text', (row) => row.outcome],
  why: ['text', (row) => orNull(row.why)],
  queue_id: ['text', (row) => orNull(row.queue_id)],
  peer_ip: ['inet', (row) => row.peer_ip],
  envelope_from: ['text', (row) => orNull(row.envelope_from)],
  header_from_domain: ['text', (row) => orNull(row.header_from_domain)],
  message_id: ['text', (row) => orNull(row.message_id)],
});

/** Notes mails that could not be judged; notes older than a month go. */
export async function noteUnjudged(db: Db, notes: readonly Unjudged[], now: Date): Promise<void> {
  await transaction(db, async (tx) => {
    await insertNotes(tx, notes);
    await tx.query(`delete from ruawatch.milter_unjudged where at < $1::timestamptz - make_interval(days => ${DAYS_KEPT})`, [
      now,
    ]);
  });
}

/** How many mails could not be judged since a time, and why not the newest of them. */
export async function countUnjudged(q: Queryable, since: Date): Promise<{ mails: number; why: string | null; at: Date | null }> {
  const { rows } = await q.query<{ mails: number; why: string | null; at: Date | null }>(
    `select count(*)::int as mails, (array_agg(why order by at desc))[1] as why, max(at) as at
       from ruawatch.milter_unjudged where at >= $1`,
    [since],
  );
  return rows[0]!;
}
