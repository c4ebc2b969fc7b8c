import type { State } from '../../requests/states.ts';
import type { Db, Queryable, Tx } from '../../shared/runtime/db.ts';

/** What keeps an SPF record from following. */
export interface StoredProblem {
  code: string;
  message: string;
  addresses: readonly string[];
}

/** A row of ruawatch.egress_records, with the state of its request. */
export interface EgressRecord {
  name: string;
  domain: string;
  request_key: number | null;
  state: State | null;
  asked_at: Date | null;
  before: string | null;
  value: string | null;
  waits: string | null;
  problems: readonly StoredProblem[];
  problems_since: Date | null;
  checked_at: Date;
}

const SELECT = `select e.name, e.domain, e.request_key, r.state, e.asked_at, e.before, e.value, e.waits, e.problems, e.problems_since,
       e.checked_at
  from ruawatch.egress_records e left join ruawatch.requests r using (request_key)`;

/** All records that follow. */
export async function loadEgressRecords(q: Queryable): Promise<EgressRecord[]> {
  const { rows } = await q.query<EgressRecord>(`${SELECT} order by e.name`);
  return rows;
}

/** Keeps what a record waits for, and what is in its way: since when there is anything. */
export async function keepEgressRecord(
  db: Db,
  given: Pick<EgressRecord, 'name' | 'domain' | 'waits' | 'problems'> & { now: Date },
): Promise<void> {
  const { name, domain, waits, problems, now } = given;
  await db.query(
    `insert into ruawatch.egress_records as e (name, domain, waits, problems, problems_since, checked_at)
     values ($1, $2, $3, $4::jsonb, case when $4::jsonb <> '[]' then $5::timestamptz end, $5)
     on conflict (name) do update
        set domain = excluded.domain, waits = excluded.waits, problems = excluded.problems, checked_at = excluded.checked_at,
            problems_since = case when excluded.problems <> '[]' then coalesce(e.problems_since, excluded.problems_since) end`,
    [name, domain, waits, JSON.stringify(problems), now],
  );
}

/** Forgets the records that are not among these: no workload has them any more. */
export async function forgetEgressRecords(db: Db, names: readonly string[]): Promise<void> {
  await db.query('delete from ruawatch.egress_records where name <> all($1::text[])', [names]);
}

/**
 * Notes the request for a record, in its transaction.
 * @param given.after the request that the decision rests on
 * @returns false when another process has asked meanwhile
 */
export async function noteEgressRequest(
  tx: Tx,
  given: { name: string; after: number | null; request_key: number; before: string; value: string; now: Date },
): Promise<boolean> {
  const { name, after, request_key, before, value, now } = given;
  const { rowCount } = await tx.query(
    `update ruawatch.egress_records set request_key = $3, asked_at = $4, before = $5, value = $6
      where name = $1 and request_key is not distinct from $2`,
    [name, after, request_key, now, before, value],
  );
  return rowCount === 1;
}

/**
 * Addresses of which reports about some domains show mail since a time, whoever reports it: a stranger's word
 * keeps an address, too.
 */
export async function sendingSince(q: Queryable, domains: readonly string[], since: Date): Promise<string[]> {
  const { rows } = await q.query<{ address: string }>(
    `select distinct host(r.source_ip) as address
       from ruawatch.records r join ruawatch.reports p using (report_key)
      where p.domain = any($1::text[]) and p.superseded_by is null and p.trust = 'ok' and r.begin_at >= $2 and p.begin_at >= $2
        and r.source_ip is not null and (r.spf_aligned or r.dkim_aligned)
      limit 10000`,
    [domains, since],
  );
  return rows.map(({ address }) => address);
}

/**
 * The addresses of a domain's own senders since a time, those of the most mail first, by the word of
 * reporters that decide.
 */
export async function ownAddresses(
  q: Queryable,
  domains: readonly string[],
  since: Date,
): Promise<{ address: string; messages: number }[]> {
  const { rows } = await q.query<{ address: string; messages: number }>(
    `select host(r.source_ip) as address, sum(r.count)::bigint as messages
       from ruawatch.records r join ruawatch.reports p using (report_key)
       join ruawatch.sources s on s.domain = p.domain and s.source = r.source and s.class in ('authorized', 'misaligned')
      where p.domain = any($1::text[]) and p.superseded_by is null and p.trust = 'ok' and r.begin_at >= $2 and p.begin_at >= $2
        and r.source_ip is not null and (r.spf_aligned or r.dkim_aligned)
        and not exists (select from ruawatch.domain_reporters n
                         where n.domain = p.domain and n.reporter = p.reporter and not n.decides)
      group by 1 order by 2 desc, 1 limit 50`,
    [domains, since],
  );
  return rows;
}
