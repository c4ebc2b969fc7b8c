-- The daily totals of whole domains, by reporter: what an overview of thousands of domains adds up. Of proven reports alone; whether their
-- reporter's word counts is looked up when they are read.
create table if not exists ruawatch.domain_days (
  domain                 text not null,
  day                    date not null,
  reporter               text not null,
  messages               bigint not null,
  passed                 bigint not null,
  dkim_aligned           bigint not null,
  spf_aligned            bigint not null,
  forwarded              bigint not null,
  failed_forwarded       bigint not null,
  failed_authenticated   bigint not null,
  failed_unauthenticated bigint not null,
  delivered              bigint not null,
  quarantined            bigint not null,
  rejected               bigint not null,
  failed_delivered       bigint not null,
  primary key (domain, day, reporter)
) partition by range (day);
create table if not exists ruawatch.domain_days_default partition of ruawatch.domain_days default;
insert into ruawatch.partitioned (name, key, dropped_before)
select 'domain_days', 'day', dropped_before from ruawatch.partitioned where name = 'source_days'
on conflict (name) do nothing;
-- The months that source_days has.
select ruawatch.ensure_partitions('domain_days', array(
  select to_date(substring(c.relname from '_(\d{4}_\d\d)$'), 'YYYY_MM') from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'ruawatch.source_days'::regclass and c.relname ~ '_\d{4}_\d\d$'), 0);

-- From which day on the totals are kept: earlier days are added up by the parser, from the newest on (services/store/rollups/domain-days.ts).
create table if not exists ruawatch.domain_days_from (
  one      boolean primary key default true check (one),
  from_day date not null
);
insert into ruawatch.domain_days_from (from_day)
select case when exists (select from ruawatch.source_days) then date 'infinity' else date '-infinity' end
on conflict (one) do nothing;

create or replace view dmarc.domain_days as
  select domain, day, reporter, messages, passed, messages - passed as failed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
         failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered,
         not exists (
           select from ruawatch.domain_reporters n where n.domain = d.domain and n.reporter = d.reporter and not n.decides) as counts
    from ruawatch.domain_days d
   where messages > 0;
