import type { Queryable } from '../../shared/runtime/db.ts';
import { aboutSql, DECISIVE_FIRST } from '../sources/sender-list.ts';

/** Days of the mail of senders that fail. */
const LATELY_DAYS = 30;
const MOST_FAILING = 20;
/** Fewer messages than these are no sender that somebody should set up. */
const FEW = 10;

export interface SeenMailRow {
  days: number;
  addresses: string[];
  complete: boolean;
  failing: { source: string; messages: number }[];
}

/**
 * What trusted reports, of reporters that decide, say of a domain's mail.
 * @param since the first moment that is read
 * @param most addresses at most
 */
export async function loadSeenMail(
  q: Queryable,
  domain: string,
  { since, now, most }: { since: Date; now: Date; most: number },
): Promise<SeenMailRow> {
  const { rows } = await q.query<SeenMailRow>(
    `with mail as materialized (
       select r.begin_at, r.source_ip, r.count, coalesce(r.dkim_aligned or r.spf_aligned, false) as passed, coalesce(r.spf_aligned, false) as spf,
              coalesce(s.class in ('authorized', 'misaligned'), false) and l.verdict is distinct from 'denied' as own, coalesce(s.grouped_as, s.name, r.source) as source
         from ruawatch.records r
         join ruawatch.reports p using (report_key)
         join ruawatch.domain_reporters d on d.domain = p.domain and d.reporter = p.reporter and d.decides
         left join ruawatch.sources s on s.domain = $1 and s.source = r.source
         left join lateral (
           select l.verdict from ruawatch.sender_list l
            where ${aboutSql({ domain: '$1', source: 'r.source', service: 's.grouped_as' })} and l.ended_at is null
            order by ${DECISIVE_FIRST} limit 1) l on true
        where p.domain = $1 and p.superseded_by is null and p.trust = 'ok' and r.begin_at >= $2 and p.begin_at >= $2),
     addresses as (
       select source_ip, sum(count) as messages from mail where source_ip is not null and (own or spf) group by 1)
     select (select count(distinct (begin_at at time zone 'UTC')::date) from mail)::int as days,
            (select coalesce(array_agg(host(source_ip) order by messages desc, source_ip), '{}')
               from (select * from addresses order by messages desc, source_ip limit $4) a) as addresses,
            (select count(*) <= $4 from addresses) as complete,
            (select coalesce(jsonb_agg(jsonb_build_object('source', source, 'messages', messages) order by messages desc, source), '[]')
               from (select source, sum(count) as messages from mail
                      where own and begin_at >= $3::timestamptz - make_interval(days => ${LATELY_DAYS})
                      group by 1 having not bool_or(passed) and sum(count) >= ${FEW}
                      order by 2 desc, 1 limit ${MOST_FAILING}) f) as failing`,
    [domain, since, now, most],
  );
  return rows[0]!;
}

/** Whether somebody has decided about a sender of a domain, or taken that back, since a time. */
export async function decidedSince(q: Queryable, domain: string, since: Date): Promise<boolean> {
  const { rows } = await q.query<{ decided: boolean }>(
    `select exists (select from ruawatch.sender_list
                     where domain in ($1, '*') and greatest(since, ended_at) >= $2) as decided`,
    [domain, since],
  );
  return rows[0]!.decided;
}
