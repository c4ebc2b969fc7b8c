import { DAY_MS } from '../../shared/days.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

const DAYS = 30;

/**
 * How much of a domain's mail of the last month is reported by receivers whose reports follow RFC 9990, by
 * its elements that older ones do not have: those know `t=y`. The word of reporters that decide counts alone:
 * a stranger's counts would choose the step.
 */
export async function knowsTesting(
  q: Queryable,
  domain: string,
  now: Date,
): Promise<{ days: number; messages: number; knowing: number; others: string[] }> {
  const { rows } = await q.query<{ reporter: string; messages: number; knowing: number }>(
    `select reporter, sum(messages)::bigint as messages,
            coalesce(sum(messages) filter (where policy_testing is not null or discovery_method is not null), 0)::bigint as knowing
       from ruawatch.reports join ruawatch.domain_reporters using (domain, reporter)
      where domain = $1 and begin_at >= $2 and begin_at <= $3 and superseded_by is null and trust = 'ok' and decides
      group by reporter having sum(messages) > 0 order by 2 desc, 1`,
    [domain, new Date(now.getTime() - DAYS * DAY_MS), now],
  );
  return {
    days: DAYS,
    messages: rows.reduce((sum, one) => sum + one.messages, 0),
    knowing: rows.reduce((sum, one) => sum + one.knowing, 0),
    others: rows.flatMap((one) => (one.knowing < one.messages ? [one.reporter] : [])),
  };
}
