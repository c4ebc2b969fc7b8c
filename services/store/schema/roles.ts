import { codeOf, messageOf, PermanentError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { ANALYST_ROLE, FUNCTIONS, GRANTS, ROLES, SEQUENCES, SERVICE_ROLES } from './role-rights.ts';

/**
 * Creates the missing roles and gives each exactly its rights (role-rights.ts): all others in these schemas
 * are revoked. One transaction, so that a running service notices nothing; any number of processes may do it
 * at once. The roles cannot log in: they are granted to users that can.
 * @returns the roles that this call created
 * @throws PermanentError `roles_missing` when roles are missing and the user may not create any
 */
export async function grantRoles(db: Db): Promise<string[]> {
  return transaction(db, async (tx) => {
    await lockRights(tx, 'ruawatch.migrations', 'exclusive');
    const made = await makeRoles(tx);
    const all = ROLES.join(', ');
    for (const schema of ['ruawatch', 'dmarc']) {
      await tx.query(`revoke all on all tables in schema ${schema} from ${all};
                      revoke all on all sequences in schema ${schema} from ${all};
                      revoke all on all functions in schema ${schema} from ${all};
                      revoke all on schema ${schema} from ${all}`);
    }
    await tx.query(`grant usage on schema ruawatch to ${SERVICE_ROLES.join(', ')}`);
    for (const role of SERVICE_ROLES) {
      const tables = GRANTS[role] as Record<string, readonly string[]>;
      for (const [table, rights] of Object.entries(tables)) {
        await tx.query(`grant ${rights.join(', ')} on ruawatch.${table} to ${role}`);
      }
      for (const { table, column } of SEQUENCES[role] ?? []) {
        const { rows } = await tx.query<{ name: string }>('select pg_get_serial_sequence($1, $2) as name', [
          `ruawatch.${table}`,
          column,
        ]);
        await tx.query(`grant usage on sequence ${rows[0]!.name} to ${role}`);
      }
      for (const name of FUNCTIONS[role] ?? []) await tx.query(`grant execute on function ruawatch.${name} to ${role}`);
    }
    for (const role of [ANALYST_ROLE, 'ruawatch_console'])
      await tx.query(`grant usage on schema dmarc to ${role}; grant select on all tables in schema dmarc to ${role}`);
    await grantConnect(tx, ROLES);
    return made;
  });
}

/**
 * Does the same for the queue's schema, which may be in another database: every service adds and processes
 * jobs. Tables that a later BullMQ adds are covered too, whichever command migrates the schema.
 */
export async function grantQueueRoles(db: Db, schema: string): Promise<void> {
  await transaction(db, async (tx) => {
    await lockRights(tx, 'ruawatch.migrations', 'exclusive');
    await lockRights(tx, `${schema}.meta`, 'share update exclusive');
    await makeRoles(tx);
    const services = SERVICE_ROLES.join(', ');
    await tx.query(`revoke all on all tables in schema ${schema} from ${services};
                    grant usage on schema ${schema} to ${services};
                    grant select, insert, update, delete on all tables in schema ${schema} to ${services};
                    grant usage on all sequences in schema ${schema} to ${services};
                    grant execute on all functions in schema ${schema} to ${services};
                    alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${services};
                    alter default privileges in schema ${schema} grant usage on sequences to ${services}`);
    await grantConnect(tx, SERVICE_ROLES);
  });
}

/**
 * Whether the services' roles have rights in this database: then a migration must give them those on its new
 * tables.
 */
export async function rolesInUse(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ used: boolean }>(
    `select exists (select from pg_roles r, pg_namespace n
                     where r.rolname = any($1) and n.nspname = 'ruawatch' and has_schema_privilege(r.oid, n.oid, 'usage')) as used`,
    [SERVICE_ROLES],
  );
  return rows[0]!.used;
}

/**
 * Lets one session at a time change rights, since Postgres refuses two at once. Locks a table on which no
 * reader has rights. A user that may not lock it may not grant rights either, which the statements that
 * follow report.
 * @param table without quotes
 */
async function lockRights(tx: Tx, table: string, mode: string): Promise<void> {
  const { rows } = await tx.query<{ mine: boolean }>(
    `select pg_has_role(c.relowner, 'usage') as mine from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname || '.' || c.relname = $1`,
    [table],
  );
  if (rows[0]?.mine) await tx.query(`lock table ${table} in ${mode} mode`);
}

/** Roles belong to the whole server: the migration of another database may create one at the same moment. */
async function makeRoles(tx: Tx): Promise<string[]> {
  const { rows } = await tx.query<{ role: string }>(
    'select role from unnest($1::text[]) with ordinality as r(role, n) where not exists (select from pg_roles where rolname = role) order by n',
    [ROLES],
  );
  const missing = rows.map((row) => row.role);
  try {
    for (const role of missing) {
      await tx.query(
        `do $$ begin create role ${role} nologin; exception when duplicate_object or unique_violation then null; end $$`,
      );
    }
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    throw new PermanentError(
      'roles_missing',
      `This database user may not create roles (${messageOf(error)}). Have an administrator run "${missing
        .map((role) => `create role ${role} nologin;`)
        .join(' ')}", then run "ruawatch migrate --roles" again.`,
      error,
    );
  }
  return missing;
}

/**
 * Everybody may connect unless an administrator has revoked that right from PUBLIC. Only the owner of the
 * database can grant it.
 */
async function grantConnect(tx: Tx, roles: readonly string[]): Promise<void> {
  const { rows } = await tx.query<{ statement: string | null }>(
    `select case when pg_has_role(d.datdba, 'usage') then format('grant connect on database %I to %s', d.datname, $1::text) end as statement
       from pg_database d where d.datname = current_database()`,
    [roles.join(', ')],
  );
  if (rows[0]?.statement) await tx.query(rows[0].statement);
}
