import { PermanentError } from '../shared/errors.ts';
import type { Queryable, Tx } from '../shared/runtime/db.ts';

/*
 * All locks that one process holds against another. None of those in the database of the services is an
 * advisory lock: whoever may connect can take an advisory lock by its number, and block everybody for as long
 * as the session lasts. What is locked are rows of tables on which readers of the views have no rights. (The
 * queue's: schema/queue-locks.ts.)
 *
 * A transaction that takes several kinds takes them in this order, so that no two wait for each other:
 * identities of aggregate reports, rows of the rollups, identities of TLS reports, identities of failure
 * reports. Of one kind it takes all it needs at once, in the order of their keys.
 */

/**
 * How long a transaction that holds one of the locks may be idle, in milliseconds: it only computes between
 * two statements. Its session outlives a line that fell silent, for hours where something still acknowledges
 * what the server sends, and the lock with it. A shorter limit of the server stays.
 */
const MOST_IDLE_MS = 60_000;
const BOUNDED = `set_config('idle_in_transaction_session_timeout', least(nullif(extract(epoch from
  current_setting('idle_in_transaction_session_timeout')::interval) * 1000, 0), ${MOST_IDLE_MS})::int::text, true)`;

/**
 * Takes a lock of the whole program until the transaction ends. Waits for whoever has it.
 * @throws PermanentError `lock_missing`
 */
export async function lockNamed(tx: Tx, name: 'compose' | 'senders' | 'requests' | 'judge'): Promise<void> {
  const { rowCount } = await tx.query(`select ${BOUNDED} from ruawatch.locks where name = $1 for update`, [name]);
  if (rowCount !== 1) {
    throw new PermanentError('lock_missing', `The row "${name}" of ruawatch.locks is gone: insert it again.`);
  }
}

/** Takes such a lock until the transaction ends. @returns false when somebody has it */
export async function tryLockNamed(tx: Tx, name: 'apply' | 'grants' | 'judge' | `held ${string}`): Promise<boolean> {
  const { rowCount } = await tx.query(`select ${BOUNDED} from ruawatch.locks where name = $1 for update skip locked`, [name]);
  return rowCount === 1;
}

/** Makes such a lock where it is not there yet, for a name that a machine has. */
export async function makeLock(q: Queryable, name: `held ${string}`): Promise<void> {
  await q.query('insert into ruawatch.locks (name) values ($1) on conflict do nothing', [name]);
}

/** Domains share 1,024 locks. Two domains with the same lock are analyzed one after the other. */
const DOMAIN_LOCK = "'domain ' || (hashtextextended($1, 0) & 1023)";

/** Takes the lock of a domain until the transaction ends. @returns false when another analyzer has it */
export async function tryLockDomain(tx: Tx, domain: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `select ${BOUNDED} from ruawatch.locks where name = ${DOMAIN_LOCK} for update skip locked`,
    [domain],
  );
  return rowCount === 1;
}

/**
 * Takes the lock of a domain, and waits for an analysis that has it: an operator's command must not fall into
 * the middle of one.
 */
export async function lockDomain(tx: Tx, domain: string): Promise<void> {
  await tx.query(`select ${BOUNDED} from ruawatch.locks where name = ${DOMAIN_LOCK} for update`, [domain]);
}

/** Takes the locks of several domains, and waits for the analyses that have them. */
export async function lockDomains(tx: Tx, domains: readonly string[]): Promise<void> {
  await tx.query(
    `select ${BOUNDED} from ruawatch.locks
      where name in (select 'domain ' || (hashtextextended(domain, 0) & 1023) from unnest($1::text[]) as d(domain))
      order by name for update`,
    [domains],
  );
}

/**
 * Takes identities of reports until the transaction ends. A worker with a report of the same identity waits;
 * there is never a row to be seen.
 * @param identities hexadecimal
 */
export async function lockIdentities(tx: Tx, identities: readonly string[]): Promise<void> {
  await tx.query(`select ruawatch.lock_identities(array(select decode(i, 'hex') from unnest($1::text[]) i))`, [identities]);
}

/** Keeps out all others that change the schema, its rights or its months, until the transaction ends. */
export async function lockSchema(tx: Tx): Promise<void> {
  await tx.query('lock table ruawatch.migrations in exclusive mode');
}

/**
 * The sessions that have tables of ours in use, such as a query that runs for hours or a session left open in
 * a transaction.
 * @returns "analyst (process 4711)", sorted, at most 20; empty when there are none
 */
export async function sessionsUsing(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ who: string }>(
    `select distinct coalesce(a.usename, '?') || ' (process ' || a.pid || ')' as who
       from pg_locks l
       join pg_stat_activity a using (pid)
       join pg_class c on c.oid = l.relation
      where l.database = (select oid from pg_database where datname = current_database()) and l.granted
        and c.relnamespace in (select oid from pg_namespace where nspname in ('ruawatch', 'dmarc')) and a.pid <> pg_backend_pid()
      order by who limit 20`,
  );
  return rows.map((row) => row.who);
}

/**
 * The lock that each process holds shared while it uses the embedded server; the process that can take it
 * alone is the last one. An advisory lock, since it must last as long as a session. It is taken in the
 * maintenance database, which people cannot enter (schema/logins.ts).
 */
const EMBEDDED_USERS = 0x72756175;

/** Counts this session among the users of the embedded server. */
export async function joinUsers(session: Pick<Tx, 'query'>): Promise<void> {
  await session.query('select pg_advisory_lock_shared($1)', [EMBEDDED_USERS]);
}

/** Counts this session among them no more. */
export async function leaveUsers(session: Pick<Tx, 'query'>): Promise<void> {
  await session.query('select pg_advisory_unlock_shared($1)', [EMBEDDED_USERS]);
}

/**
 * Whether no other session uses the embedded server. Then this one holds the lock alone until it ends: nobody
 * can join meanwhile.
 */
export async function isLastUser(session: Pick<Tx, 'query'>): Promise<boolean> {
  const { rows } = await session.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [EMBEDDED_USERS]);
  return rows[0]?.alone === true;
}
