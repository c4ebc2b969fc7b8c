import { addDays } from '../../shared/days.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { kept } from '../schema/partitions.ts';
import { added, sumOf } from './allowance.ts';

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
 * domains. Days whose totals are still to be added up (fillDomainDays) are left out: they are read from
 * source_days later.
 */
export const domainDaysSql = (within: (sum: string) => string) => `domain_totals as (
       insert into ruawatch.domain_days as d (domain, day, reporter, ${DOMAIN_COUNTS.join(', ')})
       select domain, day, reporter, ${DOMAIN_COUNTS.map((name) => within(`sum(${name})`)).join(', ')}
         from delta, (select from_day from ruawatch.domain_days_from) f
        where trust = 'ok' and day >= f.from_day and f.from_day < 'infinity' and ${kept('domain_days')}
        group by domain, day, reporter order by domain, day, reporter
       on conflict (domain, day, reporter) do update
          set ${DOMAIN_COUNTS.map((name) => `${name} = ${added('d', name)}`).join(', ')})`;

/** No month before has a partition: DMARC's first reports are of 2012. */
const FIRST_DAY = '2012-01-01';

/**
 * Adds up the totals of one piece of days of a database from before these totals, the newest days first. Who
 * writes reports waits for the piece, so that each report is counted once: before, by its batch, or here.
 * @param days how many, at most
 * @param today YYYY-MM-DD: later days are one piece
 * @returns false when all days had their totals already
 */
export async function fillDomainDays(db: Db, days: number, today: string): Promise<boolean> {
  const { rows: left } = await db.query("select from ruawatch.domain_days_from where from_day > '-infinity'");
  if (left.length === 0) return false;
  return transaction(db, async (tx) => {
    await tx.query("set local lock_timeout = '2s'");
    await tx.query('lock table only ruawatch.domain_days in share row exclusive mode');
    const { rows } = await tx.query<{ to_day: string | null }>(
      "select case when isfinite(from_day) then to_char(from_day, 'YYYY-MM-DD') end as to_day from ruawatch.domain_days_from where from_day > '-infinity'",
    );
    const [piece] = rows;
    if (piece === undefined) return false;
    const earlier = piece.to_day === null ? addDays(today, 1) : addDays(piece.to_day, -days);
    const from = earlier < FIRST_DAY ? '-infinity' : earlier;
    const capped = sumOf([Number.MAX_VALUE]);
    await tx.query(
      `insert into ruawatch.domain_days (domain, day, reporter, ${DOMAIN_COUNTS.join(', ')})
       select domain, day, reporter, ${DOMAIN_COUNTS.map((name) => capped(`sum(${name})`)).join(', ')}
         from ruawatch.source_days
        where day >= $1::date and ($2::date is null or day < $2::date) and trust = 'ok' and messages <> 0
        group by domain, day, reporter`,
      [from, piece.to_day],
    );
    await tx.query('update ruawatch.domain_days_from set from_day = $1', [from]);
    return true;
  });
}
