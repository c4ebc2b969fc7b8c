import type { Queryable } from '../../shared/runtime/db.ts';

/** A sender of a domain over a month, as reporters whose word decides saw it. Counts are messages. */
export interface SenderMonthRow {
  source: string;
  class: 'authorized' | 'misaligned' | 'forwarded' | 'unauthorized' | 'unknown';
  messages: number;
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
}

export interface ReportMonthRow {
  days: number;
  reporters: number;
  senders: SenderMonthRow[];
}

/** Senders named one by one; the rest are summed by class. */
const MOST_SENDERS = 200;

/**
 * What trusted reports of deciding reporters say of a domain from `from` to `to`, both included (YYYY-MM-DD).
 * @param reporterDays days on which a reporter must have reported to be counted
 * @returns null when there is no such report
 */
export async function loadReportMonth(
  q: Queryable,
  { domain, from, to, reporterDays }: { domain: string; from: string; to: string; reporterDays: number },
): Promise<ReportMonthRow | null> {
  const counted = `select d.source, d.day, d.reporter, d.messages, d.passed, d.dkim_aligned, d.spf_aligned
                     from ruawatch.source_days d
                     join ruawatch.domain_reporters r on r.domain = d.domain and r.reporter = d.reporter and r.decides
                    where d.domain = $1 and d.day between $2 and $3 and d.messages > 0 and d.trust = 'ok'`;
  const { rows: totals } = await q.query<{ days: number; reporters: number }>(
    `with counted as materialized (select distinct day, reporter from (${counted}) c)
     select (select count(distinct day) from counted)::int as days,
            (select count(*) from (select from counted group by reporter having count(*) >= $4) regular)::int as reporters`,
    [domain, from, to, reporterDays],
  );
  const { days, reporters } = totals[0]!;
  if (days === 0) return null;
  const { rows: senders } = await q.query<SenderMonthRow>(
    `with per_source as (
       select source, sum(messages) as messages, sum(passed) as passed, sum(least(passed, dkim_aligned)) as dkim_aligned,
              sum(least(passed, spf_aligned)) as spf_aligned
         from (${counted}) c group by source),
     known as (
       select coalesce(s.grouped_as, s.name, p.source) as named, coalesce(s.class, 'unknown') as class, p.*
         from per_source p left join ruawatch.sources s on s.domain = $1 and s.source = p.source),
     ranked as (
       select named, class, sum(messages) as messages, sum(passed) as passed, sum(dkim_aligned) as dkim_aligned,
              sum(spf_aligned) as spf_aligned, row_number() over (order by sum(messages) desc, named, class) as rank
         from known group by named, class)
     select case when rank <= $4 then named else 'other sources' end as source, class, sum(messages)::bigint as messages,
            sum(passed)::bigint as passed, sum(dkim_aligned)::bigint as dkim_aligned, sum(spf_aligned)::bigint as spf_aligned
       from ranked group by 1, 2 order by messages desc, source, class`,
    [domain, from, to, MOST_SENDERS],
  );
  return { days, reporters, senders };
}
