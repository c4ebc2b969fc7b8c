import { addDays } from '../../shared/days.ts';
import { type Db, transaction } from '../../shared/runtime/db.ts';
import { kept } from '../schema/partitions.ts';
import { added, sumOf } from './allowance.ts';

/** Daily totals that a database from before them lacks; `TABLE_from` has the day from which they are kept. */
export interface Totals {
  table: 'domain_days' | 'class_days';
  keys: readonly string[];
  counts: readonly string[];
  /** SQL: what they are sums of, with the columns of ruawatch.source_days. */
  from: string;
}

/** SQL: whether the `day` of a row has totals already. Earlier ones are added up later (fillTotals). */
export const filled = (table: Totals['table']) =>
  `day >= (select from_day from ruawatch.${table}_from where from_day < 'infinity') and ${kept(table)}`;

/** SQL, within ON CONFLICT: the new counts of row `d`. */
export const addedCounts = (counts: readonly string[]) => counts.map((name) => `${name} = ${added('d', name)}`).join(', ');

/** SQL: how long services of the version before may run beside a migration, and write without its totals. */
const REPLACED_WITHIN = "interval '15 minutes'";

/** No month before has a partition: DMARC's first reports are of 2012. */
const FIRST_DAY = '2012-01-01';

/**
 * Adds up the totals of one piece of days of a database from before these totals, the newest days first. Who
 * writes reports waits for the piece, so that each report is counted once: before, by its batch, or here.
 * @param days how many, at most
 * @param today YYYY-MM-DD: later days are one piece
 * @returns false when all days had their totals already, or writers of the version before may still run
 */
export async function fillTotals(
  db: Db,
  { table, keys, counts, from: sums }: Totals,
  days: number,
  today: string,
): Promise<boolean> {
  const { rows: left } = await db.query(
    `select from ruawatch.${table}_from where from_day > '-infinity'
        and (from_day < 'infinity' or made_at is null or made_at <= now() - ${REPLACED_WITHIN})`,
  );
  if (left.length === 0) return false;
  return transaction(db, async (tx) => {
    await tx.query("set local lock_timeout = '2s'");
    await tx.query(`lock table only ruawatch.${table} in share row exclusive mode`);
    const { rows } = await tx.query<{ to_day: string | null }>(
      `select case when isfinite(from_day) then to_char(from_day, 'YYYY-MM-DD') end as to_day from ruawatch.${table}_from where from_day > '-infinity'`,
    );
    const [piece] = rows;
    if (piece === undefined) return false;
    const earlier = piece.to_day === null ? addDays(today, 1) : addDays(piece.to_day, -days);
    const from = earlier < FIRST_DAY ? '-infinity' : earlier;
    const capped = sumOf([Number.MAX_VALUE]);
    await tx.query(
      `insert into ruawatch.${table} (${keys.join(', ')}, ${counts.join(', ')})
       select ${keys.join(', ')}, ${counts.map((name) => capped(`sum(d.${name})`)).join(', ')}
         from ${sums}
        where d.day >= $1::date and ($2::date is null or d.day < $2::date) and d.trust = 'ok' and d.messages <> 0
        group by ${keys.join(', ')}`,
      [from, piece.to_day],
    );
    await tx.query(`update ruawatch.${table}_from set from_day = $1`, [from]);
    return true;
  });
}
