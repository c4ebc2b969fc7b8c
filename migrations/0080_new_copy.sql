-- The server, its history and the numbers of the database and of a table, which a copy of the database does not share.
create or replace function ruawatch.database_print() returns text language sql stable security definer set search_path = pg_catalog as $$
  select concat_ws(' ', (select system_identifier from pg_control_system()), (select timeline_id from pg_control_checkpoint()),
    (select oid from pg_database where datname = current_database()), 'ruawatch.grants'::regclass::oid)
$$;
-- Whether the database is a copy that the keeper of grants has not looked at yet: nothing that is lent in it counts until then.
create or replace function ruawatch.is_new_copy() returns boolean language sql stable security definer set search_path = pg_catalog as $$
  select coalesce((select print <> ruawatch.database_print() from ruawatch.grant_watch), false)
$$;
