import type pg from 'pg';
import { makeOnce } from './made-meanwhile.ts';

/*
 * BullMQ's functions take advisory locks, which anybody who may connect to the database can take and keep: an
 * analyst's session could stop the queue. So the queue's own schema has functions of the same names, which
 * are found first and lock rows of tables on which readers have no rights.
 */

/**
 * A lock named by two integers. There are few pairs, one for each queue, so their rows stay: only a row that
 * exists can be locked for share.
 */
const lockOfPair = (schema: string, name: string, strength: 'update' | 'share') => `
  create or replace function ${schema}.${name}(key1 integer, key2 integer) returns void language plpgsql
  set search_path = pg_catalog, pg_temp as $$
  begin
    perform from ${schema}.ruawatch_locks where a = key1 and b = key2 for ${strength};
    if not found then
      insert into ${schema}.ruawatch_locks (a, b) values (key1, key2) on conflict do nothing;
      perform from ${schema}.ruawatch_locks where a = key1 and b = key2 for ${strength};
    end if;
  end $$;`;

/**
 * A lock held by one transaction at a time is a row that it inserts and deletes: another that inserts the
 * same row waits until it ends.
 */
const FUNCTIONS = (schema: string) => `
  create unlogged table if not exists ${schema}.ruawatch_held (a bigint, b bigint, primary key (a, b));
  create table if not exists ${schema}.ruawatch_locks (a bigint, b bigint, primary key (a, b));

  create or replace function ${schema}.pg_advisory_xact_lock(key bigint) returns void language plpgsql
  set search_path = pg_catalog, pg_temp as $$
  begin
    insert into ${schema}.ruawatch_held (a, b) values (0, key);
    delete from ${schema}.ruawatch_held where a = 0 and b = key;
  end $$;

  ${lockOfPair(schema, 'pg_advisory_xact_lock', 'update')}
  ${lockOfPair(schema, 'pg_advisory_xact_lock_shared', 'share')}

  -- BullMQ tries keys that it never waits for, two for each queue, so they need not be the same locks as
  -- above.
  create or replace function ${schema}.pg_try_advisory_xact_lock(key bigint) returns boolean language plpgsql
  set search_path = pg_catalog, pg_temp as $$
  begin
    perform from ${schema}.ruawatch_locks where a = -2147483649 and b = key for update skip locked;
    if found then
      return true;
    end if;
    insert into ${schema}.ruawatch_locks (a, b) values (-2147483649, key) on conflict do nothing;
    return found;
  end $$`;

/**
 * Creates these functions where they are missing and the schema is this user's (or does not exist yet), and
 * makes BullMQ's own migration on this connection use them.
 * @param schema a plain name
 */
export async function prepareLocks(client: pg.Client, schema: string): Promise<void> {
  await makeOnce(async () => {
    if (await made(client, schema)) return;
    try {
      await client.query(`begin; create schema if not exists ${schema}; ${FUNCTIONS(schema)}; commit`);
    } catch (error) {
      await client.query('rollback');
      throw error;
    }
  });
  await client.query(`set search_path = ${schema}, pg_catalog`);
}

/** Whether this user has nothing left to create. */
async function made(client: pg.Client, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ mine: boolean | null; there: boolean }>(
    `select (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = $1) as mine,
            exists (select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                     where n.nspname = $1 and p.proname = 'pg_try_advisory_xact_lock') as there`,
    [schema],
  );
  const { mine, there } = rows[0]!;
  return there || mine === false;
}

/**
 * Makes BullMQ's functions that lock find ours: to be run after its migration, which creates some of them
 * again.
 */
export async function useLocks(client: pg.Client, schema: string): Promise<void> {
  await client.query('begin');
  try {
    const { rows } = await client.query<{ statement: string }>(
      `select format('alter function %s set search_path = %I, pg_catalog', p.oid::regprocedure, n.nspname) as statement
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = $1 and p.prosrc ~ 'pg_(try_)?advisory_' and pg_has_role(p.proowner, 'usage')
          and not coalesce(p.proconfig::text ~ 'pg_catalog', false)`,
      [schema],
    );
    if (rows.length > 0) {
      // Postgres refuses two sessions that alter the same function at once. The second one finds it altered.
      await client.query(`lock table ${schema}.ruawatch_locks in share update exclusive mode`);
      for (const { statement } of rows) await client.query(statement);
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
