import { createHash, randomBytes } from 'node:crypto';
import { PermanentError } from '../../shared/errors.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

/** Who delivers lines, as it is stored. */
export interface LogSource {
  source_id: number;
  name: string;
  cluster: string;
  environment: string;
  workload: string;
  /** Hexadecimal; null: none, as its lines come otherwise. */
  token_sha256: string | null;
  syslog_from: string[];
  egress: string[];
  last_seen_at: Date | null;
  dropped_before: Date | null;
}

export type NewLogSource = Pick<LogSource, 'name' | 'cluster' | 'environment' | 'workload' | 'syslog_from' | 'egress'>;

const COLUMNS = `source_id, name, cluster, environment, workload, encode(token_sha256, 'hex') as token_sha256,
  array(select n::text from unnest(syslog_from) n) as syslog_from, array(select n::text from unnest(egress) n) as egress, last_seen_at,
  nullif(dropped_before, '-infinity') as dropped_before`;

export async function logSources(q: Queryable): Promise<LogSource[]> {
  const { rows } = await q.query<LogSource>(`select ${COLUMNS} from ruawatch.log_sources order by name`);
  return rows;
}

/** Of a token, what is stored: it is random, so nothing is gained by hashing it slowly. */
export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * Adds a source, and returns its token, which is not stored and cannot be shown again.
 * @throws PermanentError `log_source_exists`
 */
export async function addLogSource(q: Queryable, source: NewLogSource): Promise<{ source_id: number; token: string }> {
  const token = `rwl_${randomBytes(24).toString('base64url')}`;
  const source_id = await insertSource(q, source, tokenHash(token));
  if (source_id === null)
    throw new PermanentError('log_source_exists', `There is a source "${source.name}": remove it first, or choose another name.`);
  return { source_id, token };
}

async function insertSource(q: Queryable, source: NewLogSource, token: string | null): Promise<number | null> {
  const { rows } = await q.query<{ source_id: number }>(
    `insert into ruawatch.log_sources (name, cluster, environment, workload, token_sha256, syslog_from, egress)
     values ($1, $2, $3, $4, decode($5, 'hex'), $6::text[]::cidr[], $7::text[]::cidr[])
     on conflict do nothing returning source_id`,
    [source.name, source.cluster, source.environment, source.workload, token, source.syslog_from, source.egress],
  );
  return rows[0]?.source_id ?? null;
}

/** Makes a source without a token, for files; one of the name stays as it is, but for what is given. */
export async function putFileSource(q: Queryable, source: NewLogSource): Promise<LogSource> {
  await insertSource(q, source, null);
  const { rows } = await q.query<LogSource>(`select ${COLUMNS} from ruawatch.log_sources where name = $1`, [source.name]);
  return rows[0]!;
}

/** Makes the source of a token that the settings name, or gives it that token and place. */
export async function putConfiguredSource(q: Queryable, source: NewLogSource, token: string): Promise<void> {
  await q.query(
    `insert into ruawatch.log_sources (name, cluster, environment, workload, token_sha256, syslog_from, egress)
     values ($1, $2, $3, $4, decode($5, 'hex'), $6::text[]::cidr[], $7::text[]::cidr[])
     on conflict (name) do update set cluster = excluded.cluster, environment = excluded.environment, workload = excluded.workload,
       token_sha256 = excluded.token_sha256, syslog_from = excluded.syslog_from, egress = excluded.egress`,
    [source.name, source.cluster, source.environment, source.workload, tokenHash(token), source.syslog_from, source.egress],
  );
}

/**
 * Ends a source: its token and its networks are forgotten, and no further line of it is taken. What it
 * delivered stays until its time is over.
 * @returns false when there is none of the name
 */
export async function endLogSource(q: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await q.query(
    "update ruawatch.log_sources set token_sha256 = null, syslog_from = '{}', name = name || ' (removed ' || source_id || ')' where name = $1",
    [name],
  );
  return rowCount === 1;
}

/** Messages of a source that are looked at for those of others. */
const MOST_COMPARED = 1_000;

/**
 * Whether the newest messages of a source came under others as well: the same id at the same time on the same
 * host, with a line in common.
 * @returns how many of how many, by the names of the other sources
 */
export async function alsoUnder(q: Queryable, source_id: number): Promise<{ name: string; messages: number; of: number }[]> {
  const { rows } = await q.query<{ name: string; messages: number; of: number }>(
    `with own as (select host, queue_id, started_at, line_hashes from ruawatch.sent_messages where source_id = $1
                   order by started_at desc limit ${MOST_COMPARED})
     select s.name, count(*) as messages, (select count(*) from own) as of
       from own join ruawatch.sent_messages m on m.queue_id = own.queue_id and m.source_id <> $1 and m.host = own.host
                                             and m.started_at = own.started_at and m.line_hashes && own.line_hashes
                join ruawatch.log_sources s on s.source_id = m.source_id
      group by 1 order by 2 desc, 1`,
    [source_id],
  );
  return rows;
}

/** The key of hashes that is kept in the database. */
export async function storedHashKey(q: Queryable): Promise<string> {
  const { rows } = await q.query<{ key: string }>('select key from ruawatch.log_key');
  if (rows[0] === undefined)
    throw new PermanentError(
      'log_key_missing',
      'The row of ruawatch.log_key is gone: set collector.key_file, or insert a random key.',
    );
  return rows[0].key;
}

/**
 * Lines that no parser read on this day and later, and the programs that wrote them. @param since a day, UTC
 */
export async function unparsedLines(q: Queryable, since: Date): Promise<{ lines: number; programs: string[] }> {
  const { rows } = await q.query<{ lines: number; programs: string[] }>(
    `select coalesce(sum(lines), 0)::bigint as lines, coalesce(array_agg(distinct program order by program), '{}') as programs
       from ruawatch.log_unparsed where day >= $1::date`,
    [since],
  );
  return rows[0]!;
}
