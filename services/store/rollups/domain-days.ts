import { addedCounts, filled, type Totals } from './fill.ts';

/** The counts of ruawatch.domain_days: sums of those of ruawatch.source_days. */
const DOMAIN_COUNTS = [
  'messages',
  'passed',
  'dkim_aligned',
  'spf_aligned',
  'forwarded',
  'failed_forwarded',
  'failed_authenticated',
  'failed_unauthenticated',
  'delivered',
  'quarantined',
  'rejected',
  'failed_delivered',
] as const;

/**
 * SQL: the common table expression that adds the proven part of rollUp's `delta` to the totals of the
 * domains. Days whose totals are still to be added up (fillTotals) are left out: they are read from
 * source_days later.
 */
export const domainDaysSql = (within: (sum: string) => string) => `domain_totals as (
       insert into ruawatch.domain_days as d (domain, day, reporter, ${DOMAIN_COUNTS.join(', ')})
       select domain, day, reporter, ${DOMAIN_COUNTS.map((name) => within(`sum(${name})`)).join(', ')}
         from delta where trust = 'ok' and ${filled('domain_days')}
        group by domain, day, reporter order by domain, day, reporter
       on conflict (domain, day, reporter) do update set ${addedCounts(DOMAIN_COUNTS)})`;

/** The totals of the domains, of a database from before them. */
export const DOMAIN_DAYS: Totals = {
  table: 'domain_days',
  keys: ['domain', 'day', 'reporter'],
  counts: DOMAIN_COUNTS,
  from: 'ruawatch.source_days d',
};
