import type { Tx } from '../../shared/runtime/db.ts';
import { committedSql } from './committed.ts';

/** The tables that hold the position of a scan through all reports in the order of their keys. */
export type ScanTable = 'enrichment' | 'domain_scan';

/** Report keys, the first excluded, the last included. */
export interface KeyRange {
  after: number;
  upto: number;
}

/**
 * The keys that a scan goes through next; its position is locked until the transaction ends. A key is drawn
 * before its transaction commits. So the newest key is noted first, and the scan goes up to it only when all
 * transactions that were open then have ended: no report is skipped. Reports that are about to be verified
 * are waited for.
 * @returns the range; without one, whether there may be one right now
 */
export async function nextRange(tx: Tx, table: ScanTable): Promise<KeyRange | boolean> {
  const { rows } = await tx.query<{ scanned_key: number; upto_key: number | null; settled: boolean | null }>(
    `select scanned_key, upto_key, ${committedSql('upto_xid')} as settled
       from ruawatch.${table} for update skip locked`,
  );
  const position = rows[0];
  // Another enricher scans.
  if (!position) return false;
  if (position.upto_key !== null) return position.settled ? { after: position.scanned_key, upto: position.upto_key } : false;
  const { rowCount } = await tx.query(
    `update ruawatch.${table} set upto_key = newest.key, upto_xid = pg_snapshot_xmax(pg_current_snapshot())::text::bigint
       from (select least(max(report_key),
                          (select min(report_key) - 1 from ruawatch.trust_checks where attempts = 0 and report_key > $1)) as key
               from ruawatch.reports) newest
      where newest.key > scanned_key`,
    [position.scanned_key],
  );
  return rowCount === 1;
}

/** Moves the position of a scan to `last`; from the end of the range on, the next range is looked for. */
export async function moveScan(tx: Tx, table: ScanTable, { upto }: KeyRange, last: number): Promise<void> {
  const done = last >= upto;
  await tx.query(
    `update ruawatch.${table} set scanned_key = $1, upto_key = case when $2 then null else upto_key end,
            upto_xid = case when $2 then null else upto_xid end`,
    [last, done],
  );
}
