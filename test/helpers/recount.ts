import { keepTotals } from '../../services/parser/upkeep/fill-daily-totals.ts';
import type { Context } from '../../services/shared/runtime/service.ts';

/** Adds up the daily totals of rows that a test wrote by itself. */
export async function recount(context: Pick<Context, 'db' | 'clock' | 'log'>): Promise<void> {
  for (const table of ['domain_days', 'class_days'])
    await context.db.query(`delete from ruawatch.${table}; update ruawatch.${table}_from set from_day = 'infinity'`);
  await keepTotals(context);
}
