import type pg from 'pg';
import { codeOf } from '../../shared/errors.ts';
import { READER, SERVICES } from '../../shared/runtime/embedded-secrets.ts';
import { ANALYST_ROLE, ROLES, SERVICE_ROLES } from './role-rights.ts';

/**
 * The database in which the embedded server is administered. People cannot enter it, and so cannot hold a
 * lock that is taken there.
 */
export const MAINTENANCE = 'postgres';

/** Roles of Postgres that give access to the server's files and programs. */
const SERVER_ROLES = ['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'];

/** What Postgres answers when another session changes the same login, or has not committed its change. */
const CHANGED_MEANWHILE = new Set(['55P03', 'XX000', '40001']);
const RESTORE_TRIES = 20;

const PLAIN = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls';

/**
 * Creates the logins of the embedded server with their passwords and no more rights than they need, and the
 * database of the services. Run as the superuser in MAINTENANCE; safe to run again.
 * @param verifiers what Postgres stores of the passwords (embedded-secrets.ts)
 * @returns other logins that had the rights of a superuser or the like, and have them no longer
 */
export async function setUpLogins(
  admin: pg.Client,
  database: string,
  verifiers: { services: string; reader: string },
): Promise<string[]> {
  const stripped = await stripOthers(admin);
  for (const role of ROLES) await admin.query(makeRole(role, 'nologin'));
  await admin.query(makeRole(SERVICES, 'login'));
  await admin.query(makeRole(READER, 'login'));
  await admin.query(`alter role ${SERVICES} ${PLAIN} password '${verifiers.services}'`);
  await admin.query(`grant ${ANALYST_ROLE} to ${READER}`);
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [database]);
  if (rowCount === 0) await admin.query(`create database ${database} owner ${SERVICES}`);
  else await admin.query(`alter database ${database} owner to ${SERVICES}`);
  await restoreReader(admin, database, verifiers.reader);
  await admin.query(`revoke temporary on database ${database} from public;
                     revoke connect, temporary on database ${MAINTENANCE}, template1 from public;
                     grant connect on database ${MAINTENANCE} to ${SERVICES}`);
  return stripped;
}

/**
 * Gives the people's login its password and settings. Postgres lets every login change its own, so that
 * anybody with the URL could lock the others out, or give each of their sessions other settings. Run as the
 * superuser, when the login and the database exist. Ends sessions that are changing the login.
 * @param verifier what Postgres stores of the password
 */
export async function restoreReader(admin: pg.Client, database: string, verifier: string): Promise<void> {
  await admin.query(`set lock_timeout = '2s'`);
  for (let n = 1; ; n++) {
    try {
      // The connection limit leaves the services theirs, whatever people or their programs forget to close.
      // Only a superuser may change temp_file_limit: a join of everything with everything ends before the
      // disk is full.
      await admin.query(`
        alter role ${READER} reset all;
        alter role ${READER} in database ${database} reset all;
        alter role ${READER} ${PLAIN} connection limit 30 valid until 'infinity' password '${verifier}';
        alter role ${READER} set default_transaction_read_only = on;
        alter role ${READER} set temp_file_limit = '4GB'`);
      break;
    } catch (error) {
      if (!CHANGED_MEANWHILE.has(codeOf(error) ?? '') || n >= RESTORE_TRIES) throw error;
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [READER]);
    }
  }
  await admin.query('reset lock_timeout');
}

/** On a server that let everybody in as superuser, anybody may have created a login for later. */
async function stripOthers(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query<{ name: string; quoted: string }>(
    `select r.rolname as name, quote_ident(r.rolname) as quoted from pg_roles r
      where r.oid <> 10 and r.rolname not like 'pg\\_%'
        and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
             or exists (select from pg_auth_members m join pg_roles g on g.oid = m.roleid
                         where m.member = r.oid and g.rolname = any($1)))
      order by 1`,
    [SERVER_ROLES],
  );
  for (const { quoted } of rows) {
    await admin.query(`alter role ${quoted} nosuperuser nocreatedb nocreaterole noreplication nobypassrls`);
    await admin.query(`revoke ${SERVER_ROLES.join(', ')} from ${quoted}`);
  }
  return rows.map((row) => row.name);
}

const makeRole = (role: string, login: 'login' | 'nologin') =>
  `do $$ begin if not exists (select from pg_roles where rolname = '${role}') then create role ${role} ${login}; end if; end $$`;

/** Functions that anybody may call in a new database, and with which a reader could block or fill it. */
const KEPT_FROM_READERS = ['pg\\_%advisory%', 'lo\\_%', 'lo%write', 'lowrite'];

/**
 * Makes the services' login the owner of everything that the superuser owns in this database, and takes from
 * others the functions that could block the services. Run as the superuser in the services' database, in one
 * transaction; safe to run again. (`reassign owned` refuses the first superuser, who owns the system's tables
 * too.)
 */
export async function closeDatabase(admin: pg.Client, queueSchema: string): Promise<void> {
  await admin.query('begin');
  for (const statement of [...(await ownerships(admin)), ...(await closures(admin))]) await admin.query(statement);
  await handOverDefaults(admin, queueSchema);
  await admin.query('commit');
}

async function ownerships(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query<{ statement: string }>(
    `with ours as (
       select oid, nspname from pg_namespace
        where nspname !~ '^pg_' and nspname <> 'information_schema'
     ), extension as (
       select classid, objid from pg_depend where deptype = 'e'
     )
     select format('alter schema %I owner to ${SERVICES}', n.nspname) as statement, 1 as step
       from ours o join pg_namespace n on n.oid = o.oid where n.nspowner = 10 and n.nspname <> 'public'
     union all
     select format('alter %s %I.%I owner to ${SERVICES}',
                   case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
                                  when 'f' then 'foreign table' else 'table' end, o.nspname, c.relname), 2
       from pg_class c join ours o on o.oid = c.relnamespace
      where c.relowner = 10 and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
        -- A sequence of a column goes with its table.
        and not exists (select from pg_depend d where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid
                                                  and d.deptype in ('a', 'i') and d.refclassid = 'pg_class'::regclass)
        and not exists (select from extension e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
     union all
     select format('alter routine %I.%I(%s) owner to ${SERVICES}', o.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), 3
       from pg_proc p join ours o on o.oid = p.pronamespace
      where p.proowner = 10 and not exists (select from extension e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
     union all
     select format('alter type %I.%I owner to ${SERVICES}', o.nspname, t.typname), 4
       from pg_type t join ours o on o.oid = t.typnamespace
      where t.typowner = 10 and (t.typtype in ('d', 'e', 'r')
             or (t.typtype = 'c' and exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')))
        and not exists (select from extension e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
     order by step`,
  );
  return rows.map((row) => row.statement);
}

async function closures(admin: pg.Client): Promise<string[]> {
  const { rows } = await admin.query<{ call: string }>(
    `select p.oid::regprocedure::text as call from pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace and p.proname like any($1) and p.prokind = 'f'
        and has_function_privilege('public', p.oid, 'execute')`,
    [KEPT_FROM_READERS],
  );
  return rows.flatMap(({ call }) => [
    `revoke execute on function ${call} from public`,
    `grant execute on function ${call} to ${[SERVICES, ...SERVICE_ROLES].join(', ')}`,
  ]);
}

/**
 * The default rights on future tables that `migrate --roles` gave the services' roles applied to tables of
 * the superuser.
 */
async function handOverDefaults(admin: pg.Client, queueSchema: string): Promise<void> {
  const { rows } = await admin.query<{ kind: string; role: string; rights: string }>(
    `select case d.defaclobjtype when 'r' then 'tables' else 'sequences' end as kind, quote_ident(g.rolname) as role,
            string_agg(lower(a.privilege_type), ', ') as rights
       from pg_default_acl d join pg_namespace n on n.oid = d.defaclnamespace, aclexplode(d.defaclacl) a
       join pg_roles g on g.oid = a.grantee
      where d.defaclrole = 10 and n.nspname = $1 and d.defaclobjtype in ('r', 'S') and g.oid <> 10
      group by 1, 2`,
    [queueSchema],
  );
  for (const { kind, role, rights } of rows) {
    await admin.query(
      `alter default privileges for role ${SERVICES} in schema ${queueSchema} grant ${rights} on ${kind} to ${role}`,
    );
  }
}
