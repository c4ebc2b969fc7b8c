import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';
import { rowsJson } from '../sql-text.ts';

/** This part of the days that a reporter reports on is reported on within its lateness. */
const ON_TIME = 0.95;
/** Days; reports that came later than that came with an import of old mail. */
const LATEST = 14;

/** When an own domain was last reported on. */
export interface LastReport {
  domain: string;
  /** The newest day that a deciding reporter reported on; null: none within the time asked for. */
  last_day: string | null;
}

/** SQL: whether the reporter of a row decides nothing about its domain. */
const undecided = (row: string) =>
  `exists (select from ruawatch.domain_reporters n where n.domain = ${row}.domain and n.reporter = ${row}.reporter and not n.decides)`;

/** The own domains on which reporters decide, and the day each was last reported on, between two days. */
export async function loadLastReports(q: Queryable, from: string, to: string): Promise<LastReport[]> {
  const { rows } = await q.query<LastReport>(
    `select d.domain, l.last_day
       from (select distinct domain from ruawatch.domain_reporters where decides) d
       left join lateral (
         select (p.begin_at at time zone 'UTC')::date as last_day from ruawatch.reports p
          where p.domain = d.domain and p.begin_at >= $1::date::timestamp at time zone 'UTC'
            and p.begin_at < ($2::date + 1)::timestamp at time zone 'UTC'
            and p.superseded_by is null and p.trust = 'ok' and not ${undecided('p')}
          order by p.begin_at desc limit 1) l on true
      where ${isOwnSql('d.domain')}
      order by d.domain`,
    [from, to],
  );
  return rows;
}

/** What deciding reporters reported of some domains, by day. */
export async function loadReportedDays(
  q: Queryable,
  domains: readonly string[],
  from: string,
): Promise<{ domain: string; day: string; reporter: string; messages: number }[]> {
  const { rows } = await q.query<{ domain: string; day: string; reporter: string; messages: number }>(
    `select t.domain, t.day, t.reporter, sum(t.messages)::bigint as messages
       from ruawatch.source_days t
      where t.domain = any($1::text[]) and t.day >= $2::date and t.messages > 0 and t.trust = 'ok' and not ${undecided('t')}
      group by 1, 2, 3 order by 1, 2, 3`,
    [domains, from],
  );
  return rows;
}

/** Which reporters have reported on any of these domains since a day. */
export async function loadHeard(q: Queryable, domains: readonly string[], from: string): Promise<Set<string>> {
  const { rows } = await q.query<{ reporter: string }>(
    `select distinct p.reporter from ruawatch.reports p
      where p.domain = any($1::text[]) and p.begin_at >= $2::date::timestamp at time zone 'UTC' and p.superseded_by is null and p.trust = 'ok'`,
    [domains, from],
  );
  return new Set(rows.map((row) => row.reporter));
}

/** On how many other own domains a reporter fell silent on the same day, and on how many it goes on. */
export interface Spread {
  silent: number;
  reporting: number;
}

/**
 * How far the silence of some reporters of a domain goes: of their other domains, those that they reported on
 * within a month before.
 */
export async function loadSpread(
  tx: Tx,
  domain: string,
  reporters: readonly { reporter: string; last: string }[],
): Promise<Map<string, Spread>> {
  if (reporters.length === 0) return new Map();
  const { rows } = await tx.query<{ reporter: string; silent: number; reporting: number }>(
    `select g.reporter, count(*) filter (where l.last_day <= g.last + 1)::int as silent, count(*) filter (where l.last_day > g.last + 1)::int as reporting
       from jsonb_to_recordset($2::jsonb) as g(reporter text, last date)
       join ruawatch.domain_reporters d on d.reporter = g.reporter and d.domain <> $1
      cross join lateral (
        select (p.begin_at at time zone 'UTC')::date as last_day from ruawatch.reports p
         where p.domain = d.domain and p.reporter = d.reporter and p.begin_at >= (g.last - 30)::timestamp at time zone 'UTC'
           and p.superseded_by is null and p.trust = 'ok'
         order by p.begin_at desc limit 1) l
      where ${isOwnSql('d.domain')}
      group by g.reporter`,
    [domain, rowsJson(reporters)],
  );
  return new Map(rows.map(({ reporter, ...spread }) => [reporter, spread]));
}

/**
 * How many days later than the morning after some reporters of a domain report: of twenty days that they
 * reported on in the last weeks, nineteen were reported on by then. One stray report a month late makes no
 * habit.
 * @param from,to days, YYYY-MM-DD
 * @returns none for a reporter whose arrivals are not on file
 */
export async function loadLateness(
  tx: Tx,
  domain: string,
  reporters: readonly string[],
  { from, to }: { from: string; to: string },
): Promise<Map<string, number>> {
  if (reporters.length === 0) return new Map();
  const { rows } = await tx.query<{ reporter: string; late: number }>(
    `select reporter, percentile_disc(${ON_TIME}) within group (order by late)::int as late
       from (select p.reporter,
                    min(greatest(0, (p.received_at at time zone 'UTC')::date - (p.begin_at at time zone 'UTC')::date - 1)) as late
               from ruawatch.reports p
              where p.domain = $1 and p.reporter = any($2::text[])
                and p.begin_at >= $3::date::timestamp at time zone 'UTC' and p.begin_at < ($4::date + 1)::timestamp at time zone 'UTC'
                and p.trust = 'ok'
              group by p.reporter, p.begin_at) days
      group by reporter
     having percentile_disc(${ON_TIME}) within group (order by late) <= ${LATEST}`,
    [domain, reporters, from, to],
  );
  return new Map(rows.map(({ reporter, late }) => [reporter, late]));
}

/**
 * Whether anything would have come in: a mailbox was read within some hours, or none is set up, so that
 * reports are imported.
 */
export async function isReading(q: Queryable, hours: number): Promise<boolean> {
  const { rows } = await q.query<{ reading: boolean }>(
    `select not exists (select from ruawatch.mailboxes)
         or exists (select from ruawatch.mailboxes where polled_at > now() - $1 * interval '1 hour') as reading`,
    [hours],
  );
  return rows[0]!.reading;
}

/** A domain that is not reported on any more: a row of ruawatch.silences. */
export interface Silence {
  domain: string;
  /** The first day without a report. */
  since: string;
  /** The last day of which a report should have come. */
  last_day: string;
  /** Messages on a usual day, and those that would have been reported since. */
  usual: number;
  expected: number;
  chance: number;
  reporters: string[];
  /** The domain under which the common cause is mailed: itself when it is alone. */
  told_by: string;
  /** Which other domains fell silent at the same time, the largest, and how many. */
  others: string[];
  others_in_all: number;
  /** How many own domains are still reported on. */
  reported: number;
}

const COLUMNS = 'domain, since, last_day, usual, expected, chance, reporters, told_by, others, others_in_all, reported';

/** All domains that are silent. */
export async function loadSilences(q: Queryable): Promise<Silence[]> {
  const { rows } = await q.query<Silence>(`select ${COLUMNS} from ruawatch.silences order by domain`);
  return rows;
}

/** The silence of one domain; null while it is reported on. */
export async function loadSilence(tx: Tx, domain: string): Promise<Silence | null> {
  const { rows } = await tx.query<Silence>(`select ${COLUMNS} from ruawatch.silences where domain = $1`, [domain]);
  return rows[0] ?? null;
}

/** Writes which domains are silent; those not given are so no longer. */
export async function saveSilences(tx: Tx, silences: readonly Silence[]): Promise<void> {
  await tx.query('delete from ruawatch.silences where domain <> all($1::text[])', [silences.map(({ domain }) => domain)]);
  await tx.query(
    `insert into ruawatch.silences as s (${COLUMNS})
     select ${COLUMNS} from jsonb_to_recordset($1::jsonb) as x(domain text, since date, last_day date, usual real, expected real, chance real,
            reporters text[], told_by text, others text[], others_in_all integer, reported integer)
      order by domain
     on conflict (domain) do update
        set since = excluded.since, last_day = excluded.last_day, usual = excluded.usual, expected = excluded.expected,
            chance = excluded.chance, reporters = excluded.reporters, told_by = excluded.told_by, others = excluded.others,
            others_in_all = excluded.others_in_all, reported = excluded.reported`,
    [rowsJson(silences)],
  );
}
