import type { Tx } from '../../shared/runtime/db.ts';
import type { TrustClass } from '../reports/trust.ts';
import { beginRange, kept, recordsOf } from '../schema/partitions.ts';
import { KEY_LENGTH } from '../sql-text.ts';
import { added, type ReportSize, sumOf } from './allowance.ts';
import { limitNames, type OverAllowance } from './over-allowance.ts';

/**
 * SQL: the domain of a record's From address as the rollups spell it. Reporters keep the spelling of the
 * mail.
 */
const nameOf = (record: string) => `rtrim(lower(${record}.header_from), '.')`;

/**
 * What no host name contains: ASCII other than letters, digits, hyphen, dot and underscore; blanks, invisible
 * characters, direction marks.
 */
const NO_NAME =
  '[\\u0001-\\u002c\\u002f\\u003a-\\u0040\\u005b-\\u005e\\u0060\\u007b-\\u00a0\\u00ad\\u061c\\u180e\\u2000-\\u206f\\u3000\\ufe00-\\ufe0f\\ufeff\\ufff0-\\uffff]|[.][.]|^[.]|[^.]{64}|.{255}';

/**
 * SQL: whether a record's From address is below the domain of its report, and not the domain itself. The
 * cheap comparison comes first, since nearly all are the domain itself. What is not a host name counts under
 * the report's domain: a forger may choose anything.
 */
export const isBelow = (record: string, report: string) =>
  `(${record}.header_from <> ${report}.domain and ${report}.domain <> ''
    and right(${nameOf(record)}, length(${report}.domain) + 1) = '.' || ${report}.domain
    and ${record}.header_from !~ '${NO_NAME}')`;

/**
 * Does what rollUp does for the names below the domain. Every name has rows of its own: which names have much
 * mail is known only at the end, and a sum of the others would depend on the order of arrival. Names beyond a
 * report's allowance are counted as `*.` and the domain.
 * @param domains the domains with mail below them
 */
export async function rollUpSubdomains(
  tx: Tx,
  changes: readonly { key: number; sign: 1 | -1; trust: TrustClass; begin: number; size: ReportSize }[],
  domains: readonly string[],
  over: OverAllowance,
): Promise<void> {
  const own = `left(${nameOf('r')}, ${KEY_LENGTH})`;
  const within = sumOf(changes.map(({ size }) => size.messages));
  const { cte, name, join, params } = limitNames(over, 7, { name: own, rest: "'*.' || p.domain", only: isBelow('r', 'p') });
  await tx.query(
    // Materialized: otherwise the planner finds the reports by domain, and compares each record with all
    // given reports.
    `with ${cte}given as materialized (
       select p.report_key as key, p.report_key, p.domain, p.begin_at, s.sign, s.trust
         from unnest($1::bigint[], $2::integer[], $3::text[]) as s(key, sign, trust) join ruawatch.reports p on p.report_key = s.key),
     delta as (
       select p.domain, ${name} as name, (p.begin_at at time zone 'UTC')::date as day, p.trust,
              ${within('sum(p.sign * r.count)')} as messages,
              ${within('sum(p.sign * r.count) filter (where ok.pass)')} as passed,
              ${within('sum(p.sign * r.count) filter (where not ok.pass and not r.forwarded and r.foreign_dkim is null and r.foreign_spf is null)')}
                as failed_unauthenticated,
              ${within("sum(p.sign * r.count) filter (where not ok.pass and coalesce(r.disposition, 'none') in ('none', 'pass'))")}
                as failed_delivered
         from given s
        cross join lateral (select s.report_key, s.domain, s.begin_at, s.sign, s.trust) p
        cross join lateral (${recordsOf('p', '$4', '$5')}) r
        cross join lateral (select r.dkim_aligned or r.spf_aligned as pass) ok
        ${join}
        where p.domain = any($6::text[]) and ${isBelow('r', 'p')}
        group by 1, 2, 3, 4)
     insert into ruawatch.subdomain_days as d (domain, name, day, trust, messages, passed, failed_unauthenticated, failed_delivered)
     select domain, name, day, trust, messages, passed, failed_unauthenticated, failed_delivered
       from delta
      where ${kept('subdomain_days')}
      order by domain, name, day, trust
     on conflict (domain, name, day, trust) do update
        set ${['messages', 'passed', 'failed_unauthenticated', 'failed_delivered'].map((of) => `${of} = ${added('d', of)}`).join(', ')}`,
    [
      changes.map((c) => c.key),
      changes.map((c) => c.sign),
      changes.map((c) => c.trust),
      ...beginRange(changes),
      domains,
      ...params,
    ],
  );
}

/** Does what dropEmptyPending does for the names below the domain. */
export async function dropEmptyPendingSubdomains(tx: Tx, keys: readonly number[], from: string, to: string): Promise<void> {
  await tx.query(
    `with empty as materialized (
       select d.domain, d.name, d.day
         from (select distinct domain, (begin_at at time zone 'UTC')::date as day from ruawatch.reports where report_key = any($1::bigint[])) t
         join ruawatch.subdomain_days d on d.domain = t.domain and d.day = t.day and d.trust = 'pending' and d.messages = 0
        where d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
          for update of d skip locked)
     delete from ruawatch.subdomain_days d using empty e
      where d.domain = e.domain and d.name = e.name and d.day = e.day and d.trust = 'pending'
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date`,
    [keys, from, to],
  );
}

/** A name below the domain with unauthenticated mail. */
export interface SubdomainName {
  name: string;
  messages: number;
  /** Whether passing mail has ever come from it, as far back as rollups are kept. */
  used: boolean;
}

export interface SubdomainNames {
  /** The names with the most messages, the largest first. */
  largest: SubdomainName[];
  /** The number of all names. */
  names: number;
}

/** The names below the domain with unauthenticated mail from `from` to `to`. */
export async function loadSubdomainNames(
  tx: Tx,
  domain: string,
  { from, to }: { from: string; to: string },
  limit: number,
): Promise<SubdomainNames> {
  const { rows } = await tx.query<SubdomainName & { names: number }>(
    `with largest as (
       select name, sum(failed_unauthenticated) as messages, count(*) over () as names
         from ruawatch.subdomain_days
        where domain = $1 and day between $2 and $3 and failed_unauthenticated > 0 and trust = 'ok'
        group by name order by 2 desc, name limit $4)
     select name, messages, names,
            exists (select from ruawatch.subdomain_days d
                     where d.domain = $1 and d.name = l.name and d.passed > 0 and d.trust = 'ok') as used
       from largest l order by messages desc, name`,
    [domain, from, to, limit],
  );
  return { largest: rows.map(({ names: _, ...row }) => row), names: rows[0]?.names ?? 0 };
}

/**
 * Reports and records that are read for the names below a domain at most: those of the newest reports, in a
 * fixed order.
 */
const NAME_REPORTS = 2000;
const NAME_RECORDS = 200_000;

/**
 * The same from the records of these reporters alone, for a domain with other reporters whose reports do not
 * count. The rollup of names does not distinguish reporters, so `used` looks back to `since` only.
 */
export async function loadSubdomainNamesOf(
  tx: Tx,
  domain: string,
  { reporters, since, from, to }: { reporters: readonly string[]; since: string; from: string; to: string },
  limit: number,
): Promise<SubdomainNames> {
  const { rows } = await tx.query<SubdomainName & { names: number }>(
    `with reports as materialized (
       select report_key, domain, begin_at from ruawatch.reports
        where domain = $1 and begin_at >= $3::date::timestamp at time zone 'UTC' and begin_at < ($5::date + 1)::timestamp at time zone 'UTC'
          and superseded_by is null and trust = 'ok' and reporter = any($2::text[])
        order by begin_at desc, identity limit ${NAME_REPORTS}),
     below as materialized (
       select left(${nameOf('r')}, ${KEY_LENGTH}) as name, r.count, r.dkim_aligned or r.spf_aligned as pass,
              p.begin_at >= $4::date::timestamp at time zone 'UTC' and not (r.dkim_aligned or r.spf_aligned) and not r.forwarded
                and r.foreign_dkim is null and r.foreign_spf is null as forged
         from reports p
        cross join lateral (${recordsOf(
          'p',
          "$3::date::timestamp at time zone 'UTC'",
          "'infinity'",
          'count, header_from, dkim_aligned, spf_aligned, forwarded, foreign_dkim, foreign_spf',
        )}) r
        where ${isBelow('r', 'p')}
        limit ${NAME_RECORDS})
     select name, sum(count) filter (where forged) as messages, bool_or(pass) as used, count(*) over () as names
       from below group by name having count(*) filter (where forged) > 0
      order by messages desc, name limit $6`,
    [domain, reporters, since, from, to, limit],
  );
  return { largest: rows.map(({ names: _, ...row }) => row), names: rows[0]?.names ?? 0 };
}
