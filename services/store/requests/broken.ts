import type { Queryable } from '../../shared/runtime/db.ts';

/** Mail of a domain's own senders that failed DMARC and was not delivered, before and since a day. */
export interface Broken {
  messages: number;
  lost: number;
  /** Deciding reporters that saw it. */
  reporters: number;
  messages_before: number;
  lost_before: number;
  /** Mail that failed before, delivered or not. */
  failed_before: number;
  /**
   * What passes of the senders that lose mail, and what passed of them on the same days of the weeks before,
   * by those who have reported since: the week in which less passed.
   */
  passed: number;
  passed_usual: number;
}

/** Days before the change that show what is usual. */
const USUAL_DAYS = 14;

/**
 * What deciding reporters saw of authorized and misaligned senders since a day, held against the days before
 * it. The word of others, such as forged reports, does not count.
 * @param day YYYY-MM-DD, the first whole day after the change
 */
export async function brokenSince(q: Queryable, domain: string, day: string): Promise<Broken> {
  const { rows } = await q.query<Broken>(
    `with own as (
       select d.day >= $2::date as since, d.day, d.source, d.messages, d.passed,
              least(d.messages - d.passed, d.quarantined + d.rejected) as lost, d.reporter
         from ruawatch.source_days d
         join ruawatch.domain_reporters r on r.domain = d.domain and r.reporter = d.reporter and r.decides
         join ruawatch.sources s on s.domain = d.domain and s.source = d.source and s.class in ('authorized', 'misaligned')
        where d.domain = $1 and d.trust = 'ok' and d.day >= $2::date - ${USUAL_DAYS}),
     losers as (select source from own where since group by source having sum(lost) > 0),
     weeks as (
       select w.days, sum(o.passed) as passed
         from own o cross join (values (7), (14)) as w (days)
        where not o.since and (o.day + w.days, o.reporter) in (select day, reporter from own where since)
          and o.source in (select source from losers)
        group by w.days)
     select coalesce(sum(messages) filter (where since), 0)::bigint as messages, coalesce(sum(lost) filter (where since), 0)::bigint as lost,
            count(distinct reporter) filter (where since and lost > 0) as reporters,
            coalesce(sum(messages) filter (where not since), 0)::bigint as messages_before,
            coalesce(sum(lost) filter (where not since), 0)::bigint as lost_before,
            coalesce(sum(messages - passed) filter (where not since), 0)::bigint as failed_before,
            coalesce(sum(passed) filter (where since and source in (select source from losers)), 0)::bigint as passed,
            coalesce((select min(passed) from weeks), 0)::bigint as passed_usual
       from own`,
    [domain, day],
  );
  return rows[0]!;
}
