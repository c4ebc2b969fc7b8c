import { type Db, transaction } from '../../shared/runtime/db.ts';
import { tryLockNamed } from '../locks.ts';

/**
 * Does some work while no other process does it: the lock is held by a transaction that is idle meanwhile, and ends with the
 * process. The work has transactions of its own.
 * @returns whether it was done
 */
export async function whileAlone(
  db: Db,
  work: () => Promise<void>,
  lock: 'apply' | 'grants' | `held ${string}` = 'apply',
): Promise<boolean> {
  return transaction(db, async (tx) => {
    await tx.query('set local idle_in_transaction_session_timeout = 0');
    if (!(await tryLockNamed(tx, lock))) return false;
    await work();
    return true;
  });
}
