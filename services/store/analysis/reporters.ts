import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { sinceDay } from './since-day.ts';

/** What is known about one reporter of a domain, from which the analyzer derives whether it decides. */
export interface ReporterFacts {
  reporter: string;
  /** The newest day it has reported on. */
  last_day: string;
  /**
   * A mail of it was verified. False: its reports count because the operator says so (an import, or
   * `trust.check: off`).
   */
  proven: boolean;
  /** The day its first verified report arrived, by our clock; null when none is known. */
  first_arrived: string | null;
  /** The number of days on which verified reports of it arrived. */
  arrival_days: number;
  /** The number of sources on which it and known reporters agree, and on which they disagree. */
  agreed: number;
  contradicted: number;
}

/**
 * Notes when verified reports on a domain arrived, by our clock: a reporter's age is counted from these days,
 * and never from the days in its reports. The analyzer calls it before an analysis, so that no mail waits for
 * it.
 * @param from reports that begin earlier are left out
 */
export async function noteArrivals(q: Queryable, domain: string, from: string): Promise<void> {
  await q.query(
    `with came as materialized (
       select distinct reporter, (received_at at time zone 'UTC')::date as day from ruawatch.reports
        where ${sinceDay('$1', '$2')} and trust = 'ok' and reporter_trust = 'authenticated'),
     arrived as (
       insert into ruawatch.reporter_arrivals (reporter, day) select reporter, day from came order by 1, 2 on conflict do nothing)
     insert into ruawatch.reporters as r (reporter, proven) select distinct reporter, true from came order by 1
     on conflict (reporter) do update set proven = true where not r.proven`,
    [domain, from],
  );
}

/**
 * The reporters of a domain from `from` to `to`. Once any mail in a reporter's name on this domain is
 * verified, that reporter does not count by the operator's word any more.
 */
export async function loadReporters(tx: Tx, domain: string, from: string, to: string): Promise<ReporterFacts[]> {
  const { rows } = await tx.query<ReporterFacts>(
    `with told as materialized (
       select reporter, max((begin_at at time zone 'UTC')::date) as last_day, bool_or(reporter_trust is not distinct from 'authenticated') as verified
         from ruawatch.reports
        where ${sinceDay('$1', '$2')} and begin_at < ($3::date + 1)::timestamp at time zone 'UTC'
          and superseded_by is null and trust = 'ok'
        group by reporter)
     select t.reporter, t.last_day, coalesce(r.proven, false) or t.verified as proven,
            a.first_arrived, a.arrival_days, g.agreed, g.contradicted
       from told t
       left join ruawatch.reporters r using (reporter)
      cross join lateral (
        select min(day) as first_arrived, count(*)::int as arrival_days from ruawatch.reporter_arrivals a where a.reporter = t.reporter) a
      cross join lateral (
        select coalesce(sum(agreed), 0)::int as agreed, coalesce(sum(contradicted), 0)::int as contradicted
          from ruawatch.reporter_agreement g where g.reporter = t.reporter) g
      order by t.reporter`,
    [domain, from, to],
  );
  return rows;
}

/** A source with fewer messages on either side is not compared. */
const COMPARED = 5;

/**
 * Compares reporters with the known ones of a domain, source by source, by whether most of its mail passes.
 * At most once a day for each reporter.
 * @param reporters the reporters to compare
 * @param against.known the reporters to compare them with
 */
export async function measureAgreement(
  tx: Tx,
  domain: string,
  reporters: readonly string[],
  { known, from, to, day }: { known: readonly string[]; from: string; to: string; day: string },
): Promise<void> {
  if (reporters.length === 0 || known.length === 0) return;
  await tx.query(
    `with due as materialized (
       select n.reporter from unnest($2::text[]) n(reporter)
        where not exists (select from ruawatch.reporter_agreement g where g.reporter = n.reporter and g.domain = $1 and g.measured_on >= $6)),
     theirs as materialized (
       select d.reporter, d.source, 2 * sum(d.passed) > sum(d.messages) as passes
         from ruawatch.source_days d join due using (reporter)
        where d.domain = $1 and d.day between $4 and $5 and d.messages > 0 and d.trust = 'ok'
        group by 1, 2 having sum(d.messages) >= ${COMPARED}),
     ours as materialized (
       select d.source, 2 * sum(d.passed) > sum(d.messages) as passes
         from ruawatch.source_days d
        where d.domain = $1 and d.source in (select source from theirs) and d.day between $4 and $5 and d.messages > 0 and d.trust = 'ok'
          and d.reporter = any($3::text[])
        group by 1 having sum(d.messages) >= ${COMPARED})
     insert into ruawatch.reporter_agreement as g (reporter, domain, agreed, contradicted, measured_on)
     select due.reporter, $1, count(*) filter (where t.passes = o.passes), count(*) filter (where t.passes <> o.passes), $6
       from due left join (theirs t join ours o using (source)) on t.reporter = due.reporter
      group by due.reporter order by due.reporter
     on conflict (reporter, domain) do update
        set agreed = excluded.agreed, contradicted = excluded.contradicted, measured_on = excluded.measured_on`,
    [domain, reporters, known, from, to, day],
  );
}

/** The standing of a reporter, and whether its reports decide about the domain. */
export interface DomainReporter {
  reporter: string;
  standing: 'known' | 'established' | 'new';
  decides: boolean;
}

/**
 * Whether the domain was analysed as a whole before.
 * @param until what was analysed first since then was not, as the names of its sources may just have come
 */
export async function wasAnalyzed(tx: Tx, domain: string, until: Date): Promise<boolean> {
  const { rows } = await tx.query<{ analyzed: boolean }>(
    `select exists (select from ruawatch.domain_reporters where domain = $1)
        and (exists (select from ruawatch.sources
                      where domain = $1 and (examined_at <= $2 or (examined_at is null and classified_at is not null)))
             or not exists (select from ruawatch.sources where domain = $1 and examined_at is not null)) as analyzed`,
    [domain, until],
  );
  return rows[0]!.analyzed;
}

/**
 * Writes the reporters of a domain and which of them decide: sums for people exclude the others, as the
 * analyzer does.
 */
export async function saveDomainReporters(tx: Tx, domain: string, reporters: readonly DomainReporter[]): Promise<void> {
  await tx.query(
    `with given as materialized (
       select * from jsonb_to_recordset($2::jsonb) as x(reporter text, standing text, decides boolean)),
     gone as (
       delete from ruawatch.domain_reporters d where d.domain = $1 and not exists (select from given g where g.reporter = d.reporter))
     insert into ruawatch.domain_reporters as d (domain, reporter, standing, decides)
     select $1, reporter, standing, decides from given order by reporter
     on conflict (domain, reporter) do update set standing = excluded.standing, decides = excluded.decides
      where (d.standing, d.decides) is distinct from (excluded.standing, excluded.decides)`,
    [domain, JSON.stringify(reporters)],
  );
}

/**
 * The names that reporters of a domain last gave themselves, by their keys, where the name differs from the
 * key.
 */
export async function loadReporterNames(
  tx: Tx,
  domain: string,
  reporters: readonly string[],
  from: string,
): Promise<Map<string, string>> {
  if (reporters.length === 0) return new Map();
  const { rows } = await tx.query<{ reporter: string; name: string }>(
    `select distinct on (reporter) reporter, org_name as name from ruawatch.reports
      where ${sinceDay('$1', '$3')} and reporter = any($2::text[]) and trust = 'ok'
        and org_name is not null
      order by reporter, received_at desc, report_key desc`,
    [domain, reporters, from],
  );
  return new Map(
    rows.filter(({ reporter, name }) => name.toLowerCase() !== reporter).map(({ reporter, name }) => [reporter, name]),
  );
}
