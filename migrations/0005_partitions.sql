-- Raw mail, records and rollups by month, so that what is too old is dropped and never deleted row by row. ruawatch.ensure_partitions makes the
-- months, ruawatch.drop_partitions drops them; services/store/partitions.ts calls both. What belongs to no month (yet) lies in the default
-- partition: no date, however absurd, and no month that nobody made fails a write.

create table ruawatch.partitioned (
  name           text primary key,
  key            text not null,
  -- What is unique within a partition. Not a key of the whole table, which would have to hold the date as well: a report has one begin, a mail
  -- one moment of storing, so nothing is lost, and the indexes stay as small as they were.
  unique_columns text,
  -- Everything before has been dropped. What still comes for an earlier day is not added up again: its sums would be partial.
  dropped_before date
);
insert into ruawatch.partitioned (name, key, unique_columns)
values ('raw', 'stored_at', 'message_key, n'), ('records', 'begin_at', 'report_key, n'), ('source_days', 'day', null), ('policy_days', 'day', null);

-- Makes the missing ones of the named months, and of up to `strays` others of which rows lie in the default partition, and moves those rows.
-- Anyone may call it at any time. It waits for who is writing; whoever that is may be waiting for somebody who waits for us, so this gives up after half a second, before anybody is taken for deadlocked (deadlock_timeout is a second). The caller comes again.
-- One table a call: holding one while waiting for another is what could deadlock.
create function ruawatch.ensure_partitions(parent text, months date[], strays integer) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' set timezone = 'UTC'
as $$
declare
  p      ruawatch.partitioned;
  lowest date;
  beyond date := date_trunc('month', now()) + interval '3 months';
  found  date[];
  month  date;
  child  text;
  made   text[] := '{}';
  bounds text;
  moving boolean;
  filled boolean;
begin
  select * into strict p from ruawatch.partitioned where name = parent;
  -- DMARC's first reports are of 2012. A date beyond these months is somebody's mistake or invention.
  lowest := greatest(date '2012-01-01', p.dropped_before);
  if strays > 0 then
    execute format('select array_agg(m) from (select distinct date_trunc(''month'', %1$I::timestamp)::date as m from ruawatch.%2$I
                                               where %1$I >= %3$L and %1$I < %4$L order by m desc limit %5$s) s',
                   p.key, parent || '_default', lowest, beyond, strays) into found;
  end if;
  for month in select distinct date_trunc('month', m::timestamp)::date from unnest(months || found) m where m >= lowest and m < beyond order by 1 loop
    child := parent || to_char(month, '"_"YYYY"_"MM');
    continue when to_regclass('ruawatch.' || child) is not null;
    -- Held to the end: none is made while the schema changes.
    perform pg_advisory_xact_lock(1920295287);
    -- Keeps writers out: one that has found no partition for its row, and then waits for the default one, is refused by Postgres when the month
    -- has been attached meanwhile. Where rows are to be moved, readers too: one that knows no such month, and waits for the default partition,
    -- would find them in neither. Now they wait for the table itself, and look afterwards. Taken once: a lock that is raised is a deadlock.
    -- Taking it also makes the other makers' work visible to the next line.
    if moving is null then
      execute format('select exists (select from ruawatch.%1$I where %2$I >= %3$L and %2$I < %4$L)', parent || '_default', p.key, lowest, beyond) into moving;
      execute format('lock table only ruawatch.%I in %s mode', parent, case when moving then 'access exclusive' else 'share row exclusive' end);
    end if;
    continue when to_regclass('ruawatch.' || child) is not null;
    execute format('create table ruawatch.%I (like ruawatch.%I including all)', child, parent);
    if p.unique_columns is not null then
      execute format('alter table ruawatch.%I add primary key (%s)', child, p.unique_columns);
    end if;
    bounds := format('%1$I >= %2$L and %1$I < %3$L', p.key, month, (month + interval '1 month')::date);
    execute format('select exists (select from ruawatch.%I where %s)', parent || '_default', bounds) into filled;
    if filled and not moving then
      raise lock_not_available using message = 'rows came in while the table was taken';
    end if;
    execute format('lock table ruawatch.%I in access exclusive mode', parent || '_default');
    execute format('with moved as (delete from ruawatch.%I where %s returning *) insert into ruawatch.%I select * from moved',
                   parent || '_default', bounds, child);
    execute format('alter table ruawatch.%I attach partition ruawatch.%I for values from (%L) to (%L)',
                   parent, child, month, (month + interval '1 month')::date);
    made := made || child;
  end loop;
  return made;
end $$;

-- Drops the months that lie whole before `before`, and says which. Rows of those months in the default partition, which are few, are deleted.
-- The whole table is taken for a moment, and given up after half a second as above. That also makes it exact: whoever has looked whether a
-- report's records are there still finds them so until his transaction ends.
create function ruawatch.drop_partitions(parent text, before date) returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms' set timezone = 'UTC'
as $$
declare
  p       ruawatch.partitioned;
  horizon date := date_trunc('month', least(before, current_date)::timestamp);
  waiting date;
  strays  boolean;
  child   text;
  n       bigint;
  gone    text[] := '{}';
  locked  boolean := false;
begin
  select * into strict p from ruawatch.partitioned where name = parent;
  loop
    if parent = 'raw' then
      -- What is still to be read or verified stays, and what came after it.
      select date_trunc('month', min(m.stored_at)::timestamp) into waiting from ruawatch.messages m
       where m.state = 'received' or m.message_key in (select c.message_key from ruawatch.trust_checks c);
      horizon := least(horizon, waiting);
    end if;
    execute format('select exists (select from ruawatch.%I where %I < %L)', parent || '_default', p.key, horizon) into strays;
    exit when not strays and not exists (
      select from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = format('ruawatch.%I', parent)::regclass and to_date(substring(c.relname from '_(\d{4}_\d\d)$'), 'YYYY_MM') < horizon);
    -- Looked first, so as not to stop everybody for nothing; now again, with nobody else at it.
    if not locked then
      perform pg_advisory_xact_lock(1920295287);
      execute format('lock table only ruawatch.%I in access exclusive mode', parent);
      locked := true;
      continue;
    end if;
    for child in
      select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = format('ruawatch.%I', parent)::regclass and to_date(substring(c.relname from '_(\d{4}_\d\d)$'), 'YYYY_MM') < horizon
       order by 1
    loop
      execute format('drop table ruawatch.%I', child);
      gone := gone || child;
    end loop;
    if strays then
      execute format('delete from ruawatch.%I where %I < %L', parent || '_default', p.key, horizon);
      get diagnostics n = row_count;
      gone := gone || format('%s rows of %s_default', n, parent);
    end if;
    update ruawatch.partitioned set dropped_before = greatest(dropped_before, horizon) where name = parent;
    exit;
  end loop;
  return gone;
end $$;

revoke execute on function ruawatch.ensure_partitions(text, date[], integer), ruawatch.drop_partitions(text, date) from public;

-- The existing tables step aside and every row is put into its month. Indexes are made when the rows are there.

alter table ruawatch.raw rename to raw_before;
alter table ruawatch.raw_before drop constraint raw_pkey;
alter table ruawatch.records rename to records_before;
alter table ruawatch.records_before drop constraint records_pkey;
drop index ruawatch.records_source_ip, ruawatch.records_begin;
alter table ruawatch.source_days rename to source_days_before;
alter table ruawatch.source_days_before drop constraint source_days_pkey;
drop index ruawatch.source_days_day;
alter table ruawatch.policy_days rename to policy_days_before;
alter table ruawatch.policy_days_before drop constraint policy_days_pkey;

create table ruawatch.raw (
  like ruawatch.raw_before including all,
  -- That of the message: both are written in one transaction. It says in which month the bytes lie.
  stored_at timestamptz not null default now()
) partition by range (stored_at);
create table ruawatch.records (like ruawatch.records_before including all) partition by range (begin_at);
create table ruawatch.source_days (like ruawatch.source_days_before including all) partition by range (day);
create table ruawatch.policy_days (like ruawatch.policy_days_before including all) partition by range (day);
create table ruawatch.raw_default partition of ruawatch.raw default;
create table ruawatch.records_default partition of ruawatch.records default;
create table ruawatch.source_days_default partition of ruawatch.source_days default;
create table ruawatch.policy_days_default partition of ruawatch.policy_days default;
alter table ruawatch.raw_default add primary key (message_key, n);
alter table ruawatch.records_default add primary key (report_key, n);

create function ruawatch.months_of(days date[]) returns date[] language sql
as $$
  select array_agg(m) from (
    select m::date from generate_series(date_trunc('month', now()) - interval '1 month', date_trunc('month', now()) + interval '2 months', '1 month') m
     union
    select distinct date_trunc('month', d)::date from unnest(days) d where d >= '2012-01-01') months
$$;
select ruawatch.ensure_partitions('raw', ruawatch.months_of(array(
         select distinct (m.stored_at at time zone 'UTC')::date from ruawatch.raw_before r join ruawatch.messages m using (message_key))), 0),
       ruawatch.ensure_partitions('records', ruawatch.months_of(array(
         select distinct (begin_at at time zone 'UTC')::date from ruawatch.reports where isfinite(begin_at))), 0),
       ruawatch.ensure_partitions('source_days', ruawatch.months_of(array(select distinct day from ruawatch.source_days_before where isfinite(day))), 0),
       ruawatch.ensure_partitions('policy_days', ruawatch.months_of(array(select distinct day from ruawatch.policy_days_before where isfinite(day))), 0);
drop function ruawatch.months_of(date[]);

insert into ruawatch.raw (message_key, n, bytes, stored_at)
select r.message_key, r.n, r.bytes, coalesce(m.stored_at, now())
  from ruawatch.raw_before r left join ruawatch.messages m using (message_key);
insert into ruawatch.records select * from ruawatch.records_before;
insert into ruawatch.source_days select * from ruawatch.source_days_before;
insert into ruawatch.policy_days select * from ruawatch.policy_days_before;

create index records_source_ip on ruawatch.records (source_ip);
create index records_begin on ruawatch.records using brin (begin_at);
alter table ruawatch.source_days add primary key (domain, source, day, reporter, trust);
create index source_days_day on ruawatch.source_days (domain, day);
alter table ruawatch.policy_days add primary key (domain, day, reporter, policy, trust);

-- A range of begin_at is asked of the records: then only their months are touched. Joined on both columns, each record looks for its report once.
create or replace view dmarc.records as
  select r.report_key, r.n, p.domain, p.org_name, r.begin_at, p.end_at, r.source_ip, r.count, r.disposition, r.dkim_result, r.spf_result,
         coalesce(r.reasons, '[]'::jsonb) as reasons, r.header_from, r.envelope_from, r.envelope_to, r.auth, r.dkim_aligned, r.spf_aligned,
         (r.dkim_aligned or r.spf_aligned) as dmarc_pass, r.source, r.forwarded, r.foreign_dkim, r.foreign_spf, p.trust
    from ruawatch.records r
    join ruawatch.reports p on p.report_key = r.report_key and p.begin_at = r.begin_at
   where p.superseded_by is null;

create or replace view dmarc.superseded_records as
  select r.report_key, r.n, p.superseded_by, p.domain, p.org_name, r.begin_at, p.end_at, r.source_ip, r.count, r.disposition, r.dkim_result,
         r.spf_result, r.header_from, r.auth, r.dkim_aligned, r.spf_aligned, (r.dkim_aligned or r.spf_aligned) as dmarc_pass
    from ruawatch.records r
    join ruawatch.reports p on p.report_key = r.report_key and p.begin_at = r.begin_at
   where p.superseded_by is not null;

create or replace view dmarc.source_days as
  select domain, source, day, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(messages - passed)::bigint as failed,
         sum(dkim_aligned)::bigint as dkim_aligned, sum(spf_aligned)::bigint as spf_aligned, sum(forwarded)::bigint as forwarded,
         sum(failed_forwarded)::bigint as failed_forwarded, sum(failed_authenticated)::bigint as failed_authenticated,
         sum(failed_unauthenticated)::bigint as failed_unauthenticated,
         sum(delivered)::bigint as delivered, sum(quarantined)::bigint as quarantined, sum(rejected)::bigint as rejected,
         sum(failed_delivered)::bigint as failed_delivered, count(distinct reporter) as reporters, max(signing_domain) as signing_domain,
         coalesce(sum(messages) filter (where trust <> 'ok'), 0)::bigint as untrusted
    from ruawatch.source_days
   where messages > 0
   group by domain, source, day;

create or replace view dmarc.policy_days as
  select domain, day, reporter, policy, sum(reports)::bigint as reports,
         coalesce(sum(reports) filter (where trust <> 'ok'), 0)::bigint as untrusted
    from ruawatch.policy_days
   where reports > 0
   group by domain, day, reporter, policy;

drop table ruawatch.raw_before, ruawatch.records_before, ruawatch.source_days_before, ruawatch.policy_days_before;
