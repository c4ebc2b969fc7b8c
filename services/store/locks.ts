import { PermanentError } from '../shared/errors.ts';
import type { Queryable, Tx } from '../shared/runtime/db.ts';

/*
 * No advisory locks: whoever may connect can take them by their number, and hold up everybody for as long as he stays. What is locked here are
 * rows of tables that readers of the views have no right on.
 */

/** Takes a lock of the whole program for the rest of the transaction, waiting for who has it. */
export async function lockNamed(tx: Tx, name: 'compose' | 'senders'): Promise<void> {
  const { rowCount } = await tx.query('select from ruawatch.locks where name = $1 for update', [name]);
  if (rowCount !== 1) {
    throw new PermanentError('lock_missing', `The row "${name}" of ruawatch.locks is gone: insert it again.`);
  }
}

/** Domains share 1,024 locks: two that meet in one are judged after one another. */
const DOMAIN_LOCK = "'domain ' || (hashtextextended($1, 0) & 1023)";

/** Takes the domain for the rest of the transaction. False when another analyzer has it. */
export async function tryLockDomain(tx: Tx, domain: string): Promise<boolean> {
  const { rowCount } = await tx.query(`select from ruawatch.locks where name = ${DOMAIN_LOCK} for update skip locked`, [domain]);
  return rowCount === 1;
}

/** The same, waiting for an analysis that has it: for what a person does, which must not fall into the middle of a judgement. */
export async function lockDomain(tx: Tx, domain: string): Promise<void> {
  await tx.query(`select from ruawatch.locks where name = ${DOMAIN_LOCK} for update`, [domain]);
}

/** The same for several, in one order everywhere. */
export async function lockDomains(tx: Tx, domains: readonly string[]): Promise<void> {
  await tx.query(
    `select from ruawatch.locks
      where name in (select 'domain ' || (hashtextextended(domain, 0) & 1023) from unnest($1::text[]) as d(domain))
      order by name for update`,
    [domains],
  );
}

/**
 * Takes identities of reports for the rest of the transaction, in one order everywhere: two workers with the same report wait for
 * each other.
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
 * Who has tables of ours in use at present, such as a report that runs for hours or a session left open in the middle of a transaction.
 * @returns "analyst (process 4711)", sorted; empty when there is nobody
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
