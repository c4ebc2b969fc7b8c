import { beginRange, type TrustClass } from '../reports/reports.ts';
import { recordsOf } from '../schema/partitions.ts';
import { OTHER_SOURCES, type ReportSize } from './allowance.ts';

/** Reports with more records than they may have sources, among the rows of a trust class. */
export interface Beyond {
  keys: number[];
  trusts: TrustClass[];
  /** How many may have a name. */
  most: number[];
  /** As beginRange. */
  range: [from: string, to: string];
}

/** Those of the reports whose allowance must be looked at: hardly ever any. */
export function beyondAllowance(reports: readonly { key: number; trust: TrustClass; begin: number; size: ReportSize }[]): Beyond {
  const beyond: Beyond = { keys: [], trusts: [], most: [], range: beginRange(reports) };
  const met = new Set<string>();
  for (const { key, trust, size } of reports) {
    const most = trust === 'ok' ? size.proven : size.unproven;
    if (most === null || size.records <= most || met.has(`${key} ${trust}`)) continue;
    met.add(`${key} ${trust}`);
    beyond.keys.push(key);
    beyond.trusts.push(trust);
    beyond.most.push(most);
  }
  return beyond;
}

/**
 * SQL that names what a record counts under, where `s` has key and trust of the change, `p` is the report and `r` the record.
 * @param what `source`, or SQL of the name of record `r` of report `p`; `next` the number of its first parameter
 * @param rest SQL of the name of all that are beyond the allowance
 * @returns `cte` to stand first in the statement's WITH, `join` to end its FROM
 */
export function allowed(
  beyond: Beyond,
  what: string,
  next: number,
  rest = `'${OTHER_SOURCES}'`,
  only = 'true',
): { cte: string; name: string; join: string; params: unknown[] } {
  const name = what === 'source' ? 'r.source' : what;
  if (beyond.keys.length === 0) return { cte: '', name, join: '', params: [] };
  return {
    cte: `beyond as materialized (
       select * from unnest($${next}::bigint[], $${next + 1}::text[], $${next + 2}::integer[]) as b(key, trust, most)),
     listed as materialized (
       select key, trust, name
         from (select b.key, b.trust, b.most, ${name} as name,
                      row_number() over (partition by b.key, b.trust
                        order by bool_or(r.dkim_aligned or r.spf_aligned) desc, sum(r.count) desc, ${name}) as n
                 from beyond b
                 join ruawatch.reports p on p.report_key = b.key
                cross join lateral (${recordsOf('p', `$${next + 3}`, `$${next + 4}`)}) r
                where ${only}
                group by b.key, b.trust, b.most, ${name}) ranked
        where n <= most),
     `,
    name: `case when beyond.key is null or listed.key is not null then ${name} else ${rest} end`,
    join: `left join beyond on beyond.key = s.key and beyond.trust = s.trust
        left join listed on listed.key = s.key and listed.trust = s.trust and listed.name = ${name}`,
    params: [beyond.keys, beyond.trusts, beyond.most, ...beyond.range],
  };
}
