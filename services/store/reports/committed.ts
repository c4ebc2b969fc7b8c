/**
 * SQL: whether every transaction that was writing into `ruawatch.reports` when a transaction number
 * (`pg_snapshot_xmax`) was noted has ended.
 *
 * That is so when all older transactions have ended. But anybody who may connect can draw a number and keep
 * it, and so can a transaction in another database of the same server. So only those are waited for that hold
 * a writer's lock on the table, or on the sequence of its keys: Postgres keeps both until the transaction
 * ends, and grants them to nobody without rights. A writer that has no number yet is waited for too.
 * @param xid a column of type bigint
 */
export const committedSql = (xid: string): string => `
  (${xid} <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint or not exists (
     select from pg_locks w
       left join pg_locks x on x.virtualtransaction = w.virtualtransaction and x.pid is not distinct from w.pid and x.locktype = 'transactionid'
                           and x.mode = 'ExclusiveLock' and x.granted
      where w.locktype = 'relation' and w.database = (select oid from pg_database where datname = current_database())
        and w.relation in ('ruawatch.reports'::regclass, pg_get_serial_sequence('ruawatch.reports', 'report_key')::regclass)
        and w.mode = 'RowExclusiveLock' and w.granted
        -- A lock holds the lower 32 bits of the number.
        and (x.transactionid is null or ${xid} >
             pg_snapshot_xmax(pg_current_snapshot())::text::bigint
             - ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint - x.transactionid::text::bigint) & 4294967295))))`;
