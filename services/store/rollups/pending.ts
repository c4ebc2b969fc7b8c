import type { Tx } from '../../shared/runtime/db.ts';
import { beginRange, readingByKey, recordsOf } from '../schema/partitions.ts';
import { limitNames, overAllowance, type RollupChange } from './over-allowance.ts';
import { dropEmptyPendingSelectors } from './selector-days.ts';
import { dropEmptyPendingSubdomains } from './subdomain-days.ts';

/**
 * Removes the empty rows of trust class `pending` that verified reports leave: nearly every report leaves
 * one. Rows that another worker has locked are skipped, since it adds to them or removes them itself.
 */
export async function dropEmptyPending(tx: Tx, changes: readonly RollupChange[]): Promise<void> {
  const reports = changes.filter(({ sign, trust }) => sign === -1 && trust === 'pending');
  if (reports.length > 0) await readingByKey(tx, () => dropRowsOf(tx, reports));
}

async function dropRowsOf(tx: Tx, reports: readonly RollupChange[]): Promise<void> {
  const keys = reports.map((r) => r.key);
  const reporters = reports.map((r) => r.reporter);
  const [from, to] = beginRange(reports);
  const { cte, name, join, params } = limitNames(overAllowance(reports), 5);
  await tx.query(
    `with ${cte}touched as materialized (
       select distinct p.domain, ${name} as source, (p.begin_at at time zone 'UTC')::date as day, s.reporter
         from (select *, 'pending' as trust from unnest($1::bigint[], $4::text[]) as g(key, reporter)) s
         join ruawatch.reports p on p.report_key = s.key
        cross join lateral (${recordsOf('p', '$2', '$3')}) r
        ${join}),
     empty as materialized (
       select d.domain, d.source, d.day, d.reporter
         from ruawatch.source_days d join touched t using (domain, source, day, reporter)
        where d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
          and d.trust = 'pending' and d.messages = 0
          for update of d skip locked)
     delete from ruawatch.source_days d using empty e
      where d.domain = e.domain and d.source = e.source and d.day = e.day and d.reporter = e.reporter
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
        and d.trust = 'pending'`,
    [keys, from, to, reporters, ...params],
  );
  await tx.query(
    `with empty as materialized (
       select d.domain, d.day, d.reporter, d.policy
         from (select distinct r.domain, (r.begin_at at time zone 'UTC')::date as day, s.reporter
                 from unnest($1::bigint[], $4::text[]) as s(key, reporter) join ruawatch.reports r on r.report_key = s.key) p
         join ruawatch.policy_days d using (domain, day, reporter)
        where d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date
          and d.trust = 'pending' and d.reports = 0
          for update of d skip locked)
     delete from ruawatch.policy_days d using empty e
      where d.domain = e.domain and d.day = e.day and d.reporter = e.reporter and d.policy = e.policy and d.trust = 'pending'
        and d.day between ($2::timestamptz at time zone 'UTC')::date and ($3::timestamptz at time zone 'UTC')::date`,
    [keys, from, to, reporters],
  );
  await dropEmptyPendingSubdomains(tx, keys, from, to);
  await dropEmptyPendingSelectors(tx, { keys, reporters }, from, to);
}
