/** The schema on a lending server, and the role that its functions run as. */
export const LEND_SCHEMA = 'ruawatch_lend';
const LENDER = 'ruawatch_lender';

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

const HEAD = 'language plpgsql security definer set search_path = pg_catalog, pg_temp as';

/**
 * What a superuser runs on a server that is to lend roles, in each of its databases: functions that make and
 * end roles with our mark alone, with members of the named groups alone. The service's login may call them,
 * and needs no other right: on Postgres 15 and older a login that may create roles could make itself the
 * master of the server's files.
 * @param login of the service: that of `url` in the settings
 */
export function lendSetup(login: string, groups: readonly string[]): string {
  return `-- Run as a superuser, in every database of the server that people may connect to. Safe to run again.
do $$ begin
  if not exists (select from pg_roles where rolname = '${LENDER}') then create role ${LENDER} nologin; end if;
end $$;
alter role ${LENDER} nologin createrole nosuperuser nocreatedb noreplication nobypassrls;
grant pg_signal_backend to ${LENDER};
-- Since version 15: what lent roles run is logged, where the server's log is kept.
do $$ begin
  if current_setting('server_version_num')::int >= 150000 then execute 'grant set on parameter log_statement to ${LENDER}'; end if;
end $$;
create schema if not exists ${LEND_SCHEMA};
revoke all on schema ${LEND_SCHEMA} from public;
grant usage on schema ${LEND_SCHEMA} to ${LENDER}, ${quoted(login)};
create table if not exists ${LEND_SCHEMA}.groups (name text primary key);
revoke all on ${LEND_SCHEMA}.groups from public;
grant select on ${LEND_SCHEMA}.groups to ${LENDER};
delete from ${LEND_SCHEMA}.groups;
insert into ${LEND_SCHEMA}.groups values ${groups.map((one) => `(${literal(one)})`).join(', ')};
do $$ declare one text; begin
  for one in select name from ${LEND_SCHEMA}.groups loop
    if current_setting('server_version_num')::int >= 160000 then
      execute format('grant %I to ${LENDER} with admin true, inherit false, set false', one);
    end if;
  end loop;
end $$;
${FUNCTIONS}
do $$ declare one regprocedure; begin
  for one in select oid from pg_proc where pronamespace = '${LEND_SCHEMA}'::regnamespace loop
    execute format('alter function %s owner to ${LENDER}', one);
    execute format('revoke all on function %s from public', one);
    execute format('grant execute on function %s to %I', one, ${literal(login)});
  end loop;
end $$;
`;
}

const FUNCTIONS = `create or replace function ${LEND_SCHEMA}.checked(name text) returns text ${HEAD} $$
begin
  if name !~ '^ruawatch_lent_[0-9a-f]{8}_[0-9]+_[0-9a-f]{6}$' then
    raise exception '% is no name of a lent role', name using errcode = 'invalid_parameter_value';
  end if;
  return name;
end $$;

-- Why a group must not be lent; null when it may be.
create or replace function ${LEND_SCHEMA}.too_much(group_name text) returns text ${HEAD} $$
declare
  found_role text;
begin
  with recursive all_of as (
    select oid from pg_roles where rolname = group_name
    union select m.roleid from pg_auth_members m join all_of a on m.member = a.oid)
  select r.rolname into found_role from all_of join pg_roles r using (oid)
   where r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
      or r.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files', 'pg_signal_backend',
                       'pg_create_subscription', 'pg_database_owner', '${LENDER}')
   limit 1;
  if found then return format('%s is too powerful to be lent', found_role); end if;
  -- Up to version 15, a member may become its group, and do as the group what stays when it is a member no more.
  with recursive all_of as (
    select oid from pg_roles where rolname = group_name
    union select m.roleid from pg_auth_members m join all_of a on m.member = a.oid)
  select r.rolname into found_role from all_of join pg_roles r using (oid) where r.rolcanlogin limit 1;
  if found then return format('%s can log in by itself, and who is lent it might give it a password', found_role); end if;
  with recursive all_of as (
    select oid from pg_roles where rolname = group_name
    union select m.roleid from pg_auth_members m join all_of a on m.member = a.oid)
  select r.rolname into found_role from all_of join pg_roles r using (oid)
   where r.rolname !~ '^pg_'
     and exists (select from pg_shdepend d where d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid and d.deptype = 'o') limit 1;
  if found then return format('%s owns objects, and who is lent it might pass on rights to them', found_role); end if;
  if exists (select from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = group_name and m.admin_option) then
    return format('%s may pass on roles', group_name);
  end if;
  select nspname into found_role from pg_namespace
   where nspname !~ '^pg_(temp|toast)' and has_schema_privilege(group_name, oid, 'create') limit 1;
  if found then return format('%s may create objects in the schema %s', group_name, found_role); end if;
  if has_database_privilege(group_name, current_database(), 'create') then
    return format('%s may create schemas', group_name);
  end if;
  if has_schema_privilege(group_name, '${LEND_SCHEMA}', 'usage') then return format('%s may lend roles itself', group_name); end if;
  return null;
end $$;

-- Makes a role, or finds it made. One that was taken back is never given again.
create or replace function ${LEND_SCHEMA}.lend(name text, verifier text, group_name text, seconds integer, connections integer)
returns timestamptz ${HEAD} $$
declare
  until timestamptz := clock_timestamp() + make_interval(secs => seconds);
  there pg_roles;
  reason text;
begin
  perform ${LEND_SCHEMA}.checked(name);
  if verifier !~ '^SCRAM-SHA-256[$][0-9]+:[A-Za-z0-9+/=]+[$][A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' then
    raise exception 'that is no SCRAM verifier' using errcode = 'invalid_parameter_value';
  end if;
  if current_setting('max_prepared_transactions')::int > 0 then
    raise exception 'a prepared transaction outlives its session and keeps what it locked, so that nothing lent could be ended: lending needs max_prepared_transactions = 0' using errcode = 'insufficient_privilege';
  end if;
  if not exists (select from ${LEND_SCHEMA}.groups g join pg_roles r on r.rolname = g.name where g.name = group_name) then
    raise exception 'the role % is not among those that may be lent', group_name using errcode = 'insufficient_privilege';
  end if;
  reason := ${LEND_SCHEMA}.too_much(group_name);
  if reason is not null then raise exception '%', reason using errcode = 'insufficient_privilege'; end if;
  select * into there from pg_roles where rolname = name;
  if found then
    if not there.rolcanlogin then
      raise exception 'the role % was taken back', name using errcode = 'insufficient_privilege';
    end if;
    return there.rolvaliduntil;
  end if;
  execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit connection limit %s valid until %L password %L',
                 name, connections, until, verifier);
  execute format(case when current_setting('server_version_num')::int >= 160000 then 'grant %I to %I with inherit true, set false, admin false'
                      else 'grant %I to %I' end, group_name, name);
  if current_setting('server_version_num')::int >= 150000 then
    begin
      execute format('alter role %I set log_statement = ''all''', name);
    exception when insufficient_privilege then null;
    end;
  end if;
  return until;
end $$;

-- Nobody logs in any more. To be committed before sessions are ended.
create or replace function ${LEND_SCHEMA}.close(name text) returns boolean ${HEAD} $$
begin
  perform ${LEND_SCHEMA}.checked(name);
  if not exists (select from pg_roles where rolname = name) then return false; end if;
  execute format('alter role %I nologin password null valid until ''epoch''', name);
  return true;
end $$;

-- Ends sessions, and says how many there were.
create or replace function ${LEND_SCHEMA}.cut(name text) returns bigint ${HEAD} $$
begin
  perform ${LEND_SCHEMA}.checked(name);
  return (select count(pg_terminate_backend(a.pid)) from pg_stat_activity a where a.usename = name);
end $$;

-- Databases in which a role has something left.
create or replace function ${LEND_SCHEMA}.left_in(name text) returns setof text ${HEAD} $$
begin
  perform ${LEND_SCHEMA}.checked(name);
  return query select distinct d.datname::text from pg_shdepend s join pg_roles r on r.oid = s.refobjid
    join pg_database d on d.oid = s.dbid where s.refclassid = 'pg_authid'::regclass and r.rolname = name;
end $$;

-- Takes what a closed role has in this database.
create or replace function ${LEND_SCHEMA}.clear(name text) returns void ${HEAD} $$
begin
  perform ${LEND_SCHEMA}.checked(name);
  if not exists (select from pg_roles where rolname = name and not rolcanlogin) then return; end if;
  execute format(case when current_setting('server_version_num')::int >= 160000 then 'grant %I to ${LENDER} with inherit true, set true'
                      else 'grant %I to ${LENDER}' end, name);
  execute format('drop owned by %I', name);
end $$;

-- Takes memberships of a closed role, and then the role.
create or replace function ${LEND_SCHEMA}.remove(name text) returns void ${HEAD} $$
declare
  one text;
begin
  perform ${LEND_SCHEMA}.checked(name);
  if not exists (select from pg_roles where rolname = name and not rolcanlogin) then return; end if;
  for one in select g.rolname from pg_auth_members m join pg_roles g on g.oid = m.roleid join pg_roles r on r.oid = m.member where r.rolname = name loop
    execute format('revoke %I from %I', one, name);
  end loop;
  execute format('drop role if exists %I', name);
end $$;

-- The roles of the server with a mark, with their sessions: those too that no function here has made.
create or replace function ${LEND_SCHEMA}.lent(mark text)
returns table (name text, can_login boolean, valid_until timestamptz, group_names text[], sessions bigint) ${HEAD} $$
begin
  return query select r.rolname::text, r.rolcanlogin, r.rolvaliduntil,
      array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid order by 1),
      (select count(*) from pg_stat_activity a where a.usename = r.rolname)
    from pg_roles r where starts_with(r.rolname, mark) and mark ~ '^ruawatch_lent_[0-9a-f]{8}_$';
end $$;`;
