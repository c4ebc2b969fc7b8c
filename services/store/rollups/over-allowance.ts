import type { TrustClass } from '../reports/trust.ts';
import { beginRange, recordsOf } from '../schema/partitions.ts';
import { OTHER_SOURCES, type ReportSize } from './allowance.ts';

/** A report that enters (+1) or leaves (-1) the rollups, in the rows of a trust class. */
export interface RollupChange {
  key: number;
  sign: 1 | -1;
  trust: TrustClass;
  /** The reporter that it is counted under. */
  reporter: string;
  /** Of the report, seconds since the epoch. */
  begin: number;
  size: ReportSize;
}

/** Reports with more records than their allowance of names, in the rows of a trust class. */
export interface OverAllowance {
  keys: number[];
  trusts: TrustClass[];
  /** The number of names each may have. */
  allowances: number[];
  /** As beginRange. */
  range: [from: string, to: string];
}

/** Finds the reports that may exceed their allowance, which hardly any does. */
export function overAllowance(reports: readonly Pick<RollupChange, 'key' | 'trust' | 'begin' | 'size'>[]): OverAllowance {
  const over: OverAllowance = { keys: [], trusts: [], allowances: [], range: beginRange(reports) };
  const seen = new Set<string>();
  for (const { key, trust, size } of reports) {
    const allowance = trust === 'ok' ? size.proven : size.unproven;
    if (allowance === null || size.records <= allowance || seen.has(`${key} ${trust}`)) continue;
    seen.add(`${key} ${trust}`);
    over.keys.push(key);
    over.trusts.push(trust);
    over.allowances.push(allowance);
  }
  return over;
}

/** SQL that counts a record under its name, or under a common name when its report is over its allowance. */
export interface LimitedNames {
  /**
   * Goes into the statement's WITH: behind the relation that names are taken from (`among`), and before what
   * uses `name`.
   */
  cte: string;
  name: string;
  /** Goes last in its FROM. */
  join: string;
  params: unknown[];
}

/**
 * The SQL of the name that a record counts under, where `s` has key and trust of the change, `p` is the
 * report and `r` the record.
 * @param next the number of its first parameter
 * @param of.name SQL of the name of record `r` of report `p`; without: its source
 * @param of.among a relation before, with key, trust, name, count of messages and `aligned`, from which names
 *   are taken instead of from the records; the name is then that of row `s`
 * @param of.rest SQL of the common name of all beyond the allowance
 * @param of.only SQL: the records that have a name
 */
export function limitNames(
  over: OverAllowance,
  next: number,
  {
    among,
    name = among === undefined ? 'r.source' : 's.name',
    rest = `'${OTHER_SOURCES}'`,
    only = 'true',
  }: { among?: string; name?: string; rest?: string; only?: string } = {},
): LimitedNames {
  if (over.keys.length === 0) return { cte: '', name, join: '', params: [] };
  const names =
    among === undefined
      ? `select b.key, b.trust, b.most, ${name} as name, bool_or(r.dkim_aligned or r.spf_aligned) as aligned, sum(r.count) as count
                 from over_allowance b
                 join ruawatch.reports p on p.report_key = b.key
                cross join lateral (${recordsOf('p', `$${next + 3}`, `$${next + 4}`)}) r
                where ${only}
                group by b.key, b.trust, b.most, ${name}`
      : `select b.key, b.trust, b.most, a.name, bool_or(a.aligned) as aligned, sum(a.count) as count
                 from over_allowance b join ${among} a on a.key = b.key and a.trust = b.trust
                group by b.key, b.trust, b.most, a.name`;
  return {
    cte: `over_allowance as materialized (
       select * from unnest($${next}::bigint[], $${next + 1}::text[], $${next + 2}::integer[]) as b(key, trust, most)),
     listed as materialized (
       select key, trust, name
         from (select key, trust, most, name,
                      row_number() over (partition by key, trust order by aligned desc, count desc, name) as n
                 from (${names}) names) ranked
        where n <= most),
     `,
    // Nobody can say beforehand how many names there are, and a join compares each record with each of them.
    // A subquery with IN is looked up in a hash table whatever is expected.
    name: `case when over_allowance.key is null or (s.key, s.trust, ${name}) in (select key, trust, name from listed)
             then ${name} else ${rest} end`,
    join: 'left join over_allowance on over_allowance.key = s.key and over_allowance.trust = s.trust',
    params: [over.keys, over.trusts, over.allowances, ...(among === undefined ? over.range : [])],
  };
}
