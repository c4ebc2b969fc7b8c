-- Locks that readers of the database cannot take. An advisory lock has a number, and anybody who may connect can hold any number, or read in
-- pg_locks which one is held: an analyst's forgotten session could stop analysis, alerts or an import. Who has no right on these tables cannot.

create table if not exists ruawatch.locks (name text primary key);
insert into ruawatch.locks (name)
  select 'compose' union all select 'senders' union all select 'domain ' || n from generate_series(0, 1023) n
  on conflict do nothing;

-- One row for each report identity that a running transaction works on, inserted and deleted by it: another one that inserts the same waits for its
-- end. Nothing is ever left, so nothing need survive a crash.
create unlogged table if not exists ruawatch.identity_locks (identity bytea primary key);

create or replace function ruawatch.lock_identities(wanted bytea[]) returns void language plpgsql
as $$
begin
  insert into ruawatch.identity_locks (identity) select distinct i from unnest(wanted) i order by i;
  delete from ruawatch.identity_locks where identity = any(wanted);
end $$;

-- The functions of months and those who migrate meet at a table now.
do $$
begin
  execute replace(pg_get_functiondef('ruawatch.ensure_partitions(text, date[], integer)'::regprocedure),
                  'perform pg_advisory_xact_lock(1920295287);', 'lock table ruawatch.migrations in exclusive mode;');
  execute replace(pg_get_functiondef('ruawatch.drop_partitions(text, date)'::regprocedure),
                  'perform pg_advisory_xact_lock(1920295287);', 'lock table ruawatch.migrations in exclusive mode;');
end $$;
