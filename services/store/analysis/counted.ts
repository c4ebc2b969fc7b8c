import { ROW_COUNTS } from '../rollups/source-counts.ts';

/** The number of established reporters that must agree where no known reporter reports on a domain. */
export const QUORUM = 3;

/** The reporters of a domain whose rows count. */
export interface Counted {
  reporters: readonly string[];
  /** The number of them that must agree on a source before it counts; 1 when each may decide alone. */
  votes: number;
  /** The window in which agreement is counted. */
  from: string;
  to: string;
}

/**
 * SQL: the rows of ruawatch.source_days that count, as a common table expression `counted`; the domain is
 * `$1`.
 *
 * Where no reporter may decide alone, a source counts as the majority of its reporters see it (most of its
 * mail passes, or most fails), if that majority has at least Counted.votes reporters, whatever their volume.
 * And each of them counts with at most as many messages as the reporter with the Counted.votes-th largest
 * number: a larger number has too few reporters behind it.
 * @param next the number of the first parameter that is free
 */
export function countedRows(counted: Counted, next: number): { cte: string; params: unknown[] } {
  const simple = `select * from ruawatch.source_days where reporter = any($${next}::text[])`;
  if (counted.votes <= 1) return { cte: `counted as not materialized (${simple})`, params: [counted.reporters] };
  const [reporters, from, to] = [`$${next}::text[]`, `$${next + 1}::date`, `$${next + 2}::date`];
  return {
    cte: `counted as materialized (
       select d.domain, d.source, d.day, d.reporter, d.trust, d.signing_domain, round(d.messages * c.cap / c.told)::bigint as messages,
              ${ROW_COUNTS.map((name) => `round(d.${name} * c.cap / c.told)::bigint as ${name}`).join(', ')}
         from (select source, reporter, told, least(cap, told) as cap
                 from (select s.*, count(*) over (partition by source, passes) as votes, count(*) over (partition by source) as voters,
                              nth_value(told, ${counted.votes}) over (partition by source, passes order by told desc, reporter
                                rows between unbounded preceding and unbounded following) as cap
                         from (select source, reporter, sum(messages)::numeric as told, 2 * sum(passed) > sum(messages) as passes
                                 from ruawatch.source_days
                                where domain = $1 and day between ${from} and ${to} and messages > 0 and trust = 'ok' and reporter = any(${reporters})
                                group by 1, 2) s) v
                where votes >= ${counted.votes} and 2 * votes > voters) c
         join ruawatch.source_days d on d.domain = $1 and d.source = c.source and d.reporter = c.reporter
        where d.day between ${from} and ${to} and d.messages > 0 and d.trust = 'ok')`,
    params: [counted.reporters, counted.from, counted.to],
  };
}
