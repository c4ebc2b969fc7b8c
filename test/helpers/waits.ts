import { type Db, type Tx, transaction } from '../../services/shared/runtime/db.ts';

/** Whether `second` waits for a lock until the transaction of `first` has ended. Nobody else is there. */
export async function waitsFor(db: Db, first: (tx: Tx) => Promise<unknown>, second: () => Promise<unknown>): Promise<boolean> {
  const order: string[] = [];
  let other: Promise<unknown> = Promise.resolve();
  await transaction(db, async (tx) => {
    await first(tx);
    other = second().then(() => order.push('second'));
    for (;;) {
      const { rows } = await db.query<{ blocked: boolean }>(
        "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock') as blocked",
      );
      if (rows[0]!.blocked || order.length > 0) break;
    }
    order.push('first');
  });
  await other;
  return order[0] === 'first';
}
