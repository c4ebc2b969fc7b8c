import type { Tx } from '../../shared/runtime/db.ts';
import { writtenSql } from './writers.ts';

/** Who goes through the reports by their keys, each with a mark of its own. */
export type ScanTable = 'enrichment' | 'domain_scan';

/**
 * The stretch of report keys that is to be looked through next; the mark is locked until the transaction ends. The newest key is noted
 * first and gone up to only when the transactions that were open then have ended, so that no report is passed over.
 * @returns the stretch; else whether there may be one right now
 */
export async function nextStretch(tx: Tx, table: ScanTable): Promise<{ after: number; upto: number } | boolean> {
  const { rows } = await tx.query<{ scanned_key: number; upto_key: number | null; settled: boolean | null }>(
    `select scanned_key, upto_key, ${writtenSql('upto_xid')} as settled
       from ruawatch.${table} for update skip locked`,
  );
  const mark = rows[0];
  // Another enricher is at it.
  if (!mark) return false;
  if (mark.upto_key !== null) return mark.settled ? { after: mark.scanned_key, upto: mark.upto_key } : false;
  const { rowCount } = await tx.query(
    `update ruawatch.${table} set upto_key = newest.key, upto_xid = pg_snapshot_xmax(pg_current_snapshot())::text::bigint
       from (select least(max(report_key),
                          (select min(report_key) - 1 from ruawatch.trust_checks where attempts = 0 and report_key > $1)) as key
               from ruawatch.reports) newest
      where newest.key > scanned_key`,
    [mark.scanned_key],
  );
  return rowCount === 1;
}
