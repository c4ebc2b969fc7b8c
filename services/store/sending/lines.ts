import { type Db, transaction } from '../../shared/runtime/db.ts';
import { rowsJson } from '../sql-text.ts';

/** A line as it is stored. */
export interface StoredLine {
  /** Milliseconds since the epoch. */
  at: number;
  hash: string;
  program: string;
  tag: string;
  text: string;
  /** Where it was written, as its shipper says. */
  place?: unknown;
}

/** Lines of one queue id. */
export interface LineGroup {
  source_id: number;
  host: string;
  /** '': of no single message. */
  queue_id: string;
  lines: StoredLine[];
}

export interface DnsChange {
  source_id: number;
  hash: string;
  at: number;
  host: string;
  program: string;
  zone: string;
  name: string | null;
  type: string | null;
  action: 'added' | 'deleted' | 'changed' | 'refused';
  client: string | null;
  words: string;
}

export interface Unparsed {
  source_id: number;
  program: string;
  /** YYYY-MM-DD, UTC. */
  day: string;
  lines: number;
  samples: string[];
}

export interface LineBatch {
  groups: LineGroup[];
  changes: DnsChange[];
  unparsed: Unparsed[];
  sources: number[];
  received: Date;
}

const MOST_SAMPLES = 3;

/**
 * Stores lines in one transaction, and notes which queue ids have new ones. The same lines again are stored
 * again; the judge knows them.
 */
export async function storeLines(db: Db, { groups, changes, unparsed, sources, received }: LineBatch): Promise<void> {
  // In the order of keys, so that two processes never wait for each other.
  await transaction(db, async (tx) => {
    if (groups.length > 0)
      await tx.query(
        `with given as (select * from jsonb_to_recordset($1::jsonb) as r(source_id integer, host text, queue_id text, lines jsonb)),
              stored as (insert into ruawatch.log_lines (source_id, host, queue_id, received_at, lines)
                         select source_id, host, queue_id, $2, lines from given)
         insert into ruawatch.log_open (source_id, host, queue_id, received_at)
         select source_id, host, queue_id, $2 from given where queue_id <> '' order by source_id, host, queue_id
             on conflict (source_id, host, queue_id) do update set received_at = greatest(log_open.received_at, excluded.received_at)`,
        [rowsJson(groups), received],
      );
    if (changes.length > 0)
      await tx.query(
        `insert into ruawatch.log_dns_changes (source_id, hash, at, host, program, zone, name, type, action, client, words)
         select source_id, hash, to_timestamp(at / 1000), host, program, zone, name, type, action, client, words
           from jsonb_to_recordset($1::jsonb) as r(source_id integer, hash text, at double precision, host text, program text, zone text,
                                                   name text, type text, action text, client text, words text)
             on conflict do nothing`,
        [rowsJson(changes)],
      );
    if (unparsed.length > 0)
      await tx.query(
        `insert into ruawatch.log_unparsed (source_id, program, day, lines, samples)
         select source_id, program, day, lines, samples[1:${MOST_SAMPLES}]
           from jsonb_to_recordset($1::jsonb) as r(source_id integer, program text, day date, lines integer, samples text[])
          order by source_id, program, day
             on conflict (source_id, program, day) do update set lines = log_unparsed.lines + excluded.lines,
                samples = (log_unparsed.samples || excluded.samples)[1:${MOST_SAMPLES}]`,
        [rowsJson(unparsed)],
      );
    await tx.query(
      `update ruawatch.log_sources set last_seen_at = $2
        where source_id in (select source_id from ruawatch.log_sources
                             where source_id = any($1) and (last_seen_at is null or last_seen_at < $2::timestamptz - interval '10 seconds')
                             order by source_id for update skip locked)`,
      [sources, received],
    );
  });
}
