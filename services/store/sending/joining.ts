import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lockNamed, tryLockNamed } from '../locks.ts';
import { rowsJson } from '../sql-text.ts';
import type { StoredLine } from './lines.ts';
import { noteSent } from './names.ts';
import { capRecipients, moveRollups } from './rollups.ts';
import type { Counted, StoredMessage } from './types.ts';

/** Of one queue id: rows of lines and messages that are read at once; the newest. */
const MOST_ROWS = 100;
const MOST_MESSAGES = 10;
/** Messages with one Message-ID or queue id that are looked at together. */
const MOST_RELATED = 20;

/** A queue id whose lines are due, with all that is stored of it. */
export interface DueId {
  source_id: number;
  host: string;
  queue_id: string;
  lines: StoredLine[];
}

/** What of a message is written: a row, with the key of an earlier one, or without. */
export type Judged = Omit<StoredMessage, 'message_key' | 'started_at' | 'last_at' | 'judged_at' | 'counted'> & {
  message_key: number | null;
  /** Milliseconds since the epoch. */
  started_at: number;
  last_at: number;
  /**
   * Of `Judged[]`: the one that it was handed to, whose key is `leads_to` once it has one. A function, which
   * JSON leaves out.
   */
  next: (() => Judged | null) | null;
  counted: Counted | null;
};

export interface Judgement {
  due: DueId[];
  /** The rows of those ids. */
  known: StoredMessage[];
  /** Asks for rows with these Message-IDs or queue ids, of any source. */
  related(messageIds: readonly string[], queueIds: readonly string[]): Promise<StoredMessage[]>;
}

/**
 * Judges queue ids of which no line came for a while: reads their lines, lets `judge` put them together, and
 * writes messages and rollups, all in one transaction, so that a message counts exactly once whenever the
 * process is killed. One process judges at a time.
 * @param which.before of which no line came after this
 * @param which.source only of this source, waiting for whoever judges
 * @returns how many ids were judged, and the own domains that the analyzer is to look at; null when another
 *   process is at it
 */
export async function joinDue(
  db: Db,
  which: { before: Date; limit: number; source?: number; now: Date },
  judge: (judgement: Judgement) => Promise<Judged[]>,
): Promise<{ ids: number; domains: string[] } | null> {
  return transaction(db, async (tx) => {
    if (which.source === undefined) {
      if (!(await tryLockNamed(tx, 'judge'))) return null;
    } else await lockNamed(tx, 'judge');
    const { rows: keys } = await tx.query<{ source_id: number; host: string; queue_id: string }>(
      `select source_id, host, queue_id from ruawatch.log_open
        where received_at <= $1 and ($3::integer is null or source_id = $3)
        order by received_at limit $2 for update skip locked`,
      [which.before, which.limit, which.source ?? null],
    );
    if (keys.length === 0) return { ids: 0, domains: [] };
    const given = rowsJson(keys);
    const judged = await judge({
      due: await linesOf(tx, given),
      known: await messagesOf(tx, given),
      related: (messageIds, queueIds) => relatedTo(tx, messageIds, queueIds),
    });
    const names = await save(tx, judged, which.now);
    await tx.query(
      `delete from ruawatch.log_open o using jsonb_to_recordset($1::jsonb) as k(source_id integer, host text, queue_id text)
        where (o.source_id, o.host, o.queue_id) = (k.source_id, k.host, k.queue_id)`,
      [given],
    );
    return { ids: keys.length, domains: await noteSent(tx, names) };
  });
}

async function linesOf(tx: Tx, keys: string): Promise<DueId[]> {
  const { rows } = await tx.query<Omit<DueId, 'lines'> & { lines: StoredLine[][] }>(
    `select k.source_id, k.host, k.queue_id, coalesce(jsonb_agg(l.lines order by l.line_key) filter (where l.line_key is not null), '[]') as lines
       from jsonb_to_recordset($1::jsonb) as k(source_id integer, host text, queue_id text)
       left join lateral (select * from (select line_key, lines from ruawatch.log_lines l
                           where l.source_id = k.source_id and l.host = k.host and l.queue_id = k.queue_id offset 0) found
                           order by line_key desc limit ${MOST_ROWS}) l on true
      group by 1, 2, 3`,
    [keys],
  );
  return rows.map((row) => ({ ...row, lines: row.lines.flat() }));
}

const COLUMNS = `m.message_key, m.source_id, m.cluster, m.environment, m.workload, m.host, m.queue_id, m.message_id, m.started_at, m.last_at,
  m.judged_at, m.ended, m.direction, m.client_name, host(m.client_ip) as client_ip, m.sasl_username,
  m.envelope_domain, m.header_domain, m.sender_hash, m.signatures, m.sign_fault, m.verify, m.recipients, m.queued_as, m.leads_to, m.counted,
  m.draft, m.line_hashes`;

async function messagesOf(tx: Tx, keys: string): Promise<StoredMessage[]> {
  const { rows } = await tx.query<StoredMessage>(
    `select ${COLUMNS}
       from jsonb_to_recordset($1::jsonb) as k(source_id integer, host text, queue_id text),
            lateral (select * from ruawatch.sent_messages m
                      where m.source_id = k.source_id and m.host = k.host and m.queue_id = k.queue_id
                      order by started_at desc limit ${MOST_MESSAGES}) m`,
    [keys],
  );
  return rows;
}

/**
 * SQL: the newest messages that meet a condition. They are found before they are sorted (OFFSET 0): where the
 * table was analyzed before its first commit, the planner expects one row, and would as soon walk through the
 * whole table in the order of its keys.
 */
const newest = (condition: string) =>
  `select message_key from (select message_key from ruawatch.sent_messages where ${condition} offset 0) found
    order by message_key desc limit ${MOST_RELATED}`;

/** SQL: the messages with some of the message ids ($1) or queue ids ($2). */
export const RELATED = `select ${COLUMNS} from ruawatch.sent_messages m
      where message_key in (
        select message_key from unnest($1::text[]) i(id), lateral (${newest('message_id = i.id')}) a
        union
        select message_key from unnest($2::text[]) q(id), lateral (${newest('queue_id = q.id')}) b)`;

async function relatedTo(tx: Tx, messageIds: readonly string[], queueIds: readonly string[]): Promise<StoredMessage[]> {
  const { rows } = await tx.query<StoredMessage>(RELATED, [messageIds, queueIds]);
  return rows;
}

const SAVED = `message_key bigint, source_id integer, cluster text, environment text, workload text, host text, queue_id text, message_id text,
  started_at double precision, last_at double precision, ended boolean, direction text, client_name text, client_ip inet,
  sasl_username text, envelope_domain text, header_domain text, sender_hash text, signatures jsonb, sign_fault text[], verify jsonb,
  recipients jsonb, queued_as text[], leads_to bigint, counted jsonb, draft jsonb, line_hashes text[]`;
const NAMES = [...SAVED.matchAll(/(\w+) (?:bigint|integer|text(?:\[\])?|double precision|boolean|inet|jsonb)(?:,|$)/g)].map(
  ([, name]) => name!,
);
const VALUES = NAMES.map((name) => (name === 'started_at' || name === 'last_at' ? `to_timestamp(${name} / 1000)` : name)).join(
  ', ',
);

/** @returns the domains that the messages count for, or counted for before */
async function save(tx: Tx, judged: readonly Judged[], now: Date): Promise<string[]> {
  if (judged.length === 0) return [];
  const fresh = judged.filter(({ message_key }) => message_key === null);
  const { rows: keys } = await tx.query<{ key: number }>(
    "select nextval(pg_get_serial_sequence('ruawatch.sent_messages', 'message_key')) as key from generate_series(1, $1)",
    [fresh.length],
  );
  for (const [n, one] of fresh.entries()) one.message_key = keys[n]!.key;
  const { rows: before } = await tx.query<{ counted: Counted }>(
    'select counted from ruawatch.sent_messages where message_key = any($1) and counted is not null',
    [judged.map(({ message_key }) => message_key)],
  );
  const counting = judged.filter(({ counted }) => counted !== null);
  const counted = await capRecipients(
    tx,
    counting.map((one) => one.counted!),
  );
  for (const [n, one] of counting.entries()) one.counted = counted[n]!;
  for (const one of judged) one.leads_to = one.next?.()?.message_key ?? null;
  await tx.query(
    `insert into ruawatch.sent_messages (${NAMES.join(', ')}, judged_at) overriding system value
     select ${VALUES}, $2 from jsonb_to_recordset($1::jsonb) as r(${SAVED})
         on conflict (message_key) do update set judged_at = excluded.judged_at, ${NAMES.slice(1)
           .map((name) => `${name} = excluded.${name}`)
           .join(', ')}`,
    [rowsJson(judged), now],
  );
  await moveRollups(
    tx,
    before.map((row) => row.counted),
    counted,
    now,
  );
  const verified = judged.flatMap(({ verify }) => verify.flatMap(({ domain }) => domain ?? []));
  const sent = [...before.map((row) => row.counted), ...counted].map(({ domain }) => domain);
  return [...new Set([...sent, ...verified])].filter((name) => name !== '');
}

/** How many queue ids wait to be judged, and since when the oldest does. */
export async function openIds(db: Db): Promise<{ count: number; oldest: Date | null }> {
  const { rows } = await db.query<{ count: number; oldest: Date | null }>(
    'select count(*) as count, min(received_at) as oldest from ruawatch.log_open',
  );
  return rows[0]!;
}

/** Gives up the oldest queue id that is due: its lines cannot be judged, and others wait behind it. */
export async function skipOldest(db: Db, which: { before: Date; source?: number }): Promise<void> {
  await db.query(
    `delete from ruawatch.log_open where (source_id, host, queue_id) in (
       select source_id, host, queue_id from ruawatch.log_open
        where received_at <= $1 and ($2::integer is null or source_id = $2) order by received_at limit 1)`,
    [which.before, which.source ?? null],
  );
}
