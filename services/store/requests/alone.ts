import { type Db, transaction } from '../../shared/runtime/db.ts';
import { tryLockNamed } from '../locks.ts';

/**
 * How long the session that holds the lock may be idle, and how often it shows that it is there, in
 * milliseconds.
 */
const TIMES = { idleMs: 60_000, signMs: 15_000 };

/**
 * Does some work while no other process does it. The lock is held by a transaction that does nothing else,
 * and ends with the process; the work has transactions of its own. The holder shows at intervals that it is
 * there. On a line that fell silent it cannot: the server then ends its session, which something on the way
 * may go on acknowledging for hours, and another process takes over.
 * @param work its signal aborts when the lock is lost: nothing more is begun then
 * @returns whether it was done
 * @throws what the work throws, and what ended the session that had the lock
 */
export async function whileAlone(
  db: Db,
  work: (lost: AbortSignal) => Promise<void>,
  lock: 'apply' | 'grants' | `held ${string}` = 'apply',
  { idleMs, signMs } = TIMES,
): Promise<boolean> {
  return transaction(db, async (tx) => {
    await tx.query("select set_config('idle_in_transaction_session_timeout', $1, true)", [String(idleMs)]);
    if (!(await tryLockNamed(tx, lock))) return false;
    const lost = new AbortController();
    let sign: Promise<unknown> | null = null;
    const timer = setInterval(() => {
      sign ??= tx.query('select').then(
        () => {
          sign = null;
        },
        (error: unknown) => lost.abort(error),
      );
    }, signMs);
    try {
      await work(lost.signal);
    } finally {
      clearInterval(timer);
    }
    await sign;
    lost.signal.throwIfAborted();
    return true;
  });
}
