-- Mail below the policy domain. Of each source's unauthenticated mail, how much had its From address below the domain; and for every such name
-- how much came, passed, or had no authentication: a row for each name that a report of the day tells of, so never more than records.

alter table ruawatch.source_days add column if not exists failed_subdomain bigint not null default 0;

create table if not exists ruawatch.subdomain_days (
  domain                 text not null,
  -- The domain of the From address: lower case, no trailing dot.
  name                   text not null,
  day                    date not null,
  trust                  text not null,
  messages               bigint not null,
  passed                 bigint not null,
  failed_unauthenticated bigint not null,
  failed_delivered       bigint not null,
  primary key (domain, name, day, trust)
) partition by range (day);
create table if not exists ruawatch.subdomain_days_default partition of ruawatch.subdomain_days default;
create index if not exists subdomain_days_day on ruawatch.subdomain_days (domain, day);
insert into ruawatch.partitioned (name, key, dropped_before)
select 'subdomain_days', 'day', dropped_before from ruawatch.partitioned where name = 'source_days'
on conflict (name) do nothing;
select ruawatch.ensure_partitions('subdomain_days', array(
  select m::date from generate_series(date_trunc('month', now()) - interval '1 month', date_trunc('month', now()) + interval '2 months', '1 month') m
   union
  select distinct (date_trunc('month', begin_at at time zone 'UTC'))::date from ruawatch.reports where isfinite(begin_at)), 0);

-- What the records that are kept tell.
insert into ruawatch.subdomain_days (domain, name, day, trust, messages, passed, failed_unauthenticated, failed_delivered)
select p.domain, left(n.name, 255), d.day, p.trust, sum(r.count), coalesce(sum(r.count) filter (where n.pass), 0),
       coalesce(sum(r.count) filter (where not n.pass and not r.forwarded and r.foreign_dkim is null and r.foreign_spf is null), 0),
       coalesce(sum(r.count) filter (where not n.pass and coalesce(r.disposition, 'none') in ('none', 'pass')), 0)
  from ruawatch.reports p
  join ruawatch.records r on r.report_key = p.report_key and r.begin_at = p.begin_at
 cross join lateral (select rtrim(lower(r.header_from), '.') as name, r.dkim_aligned or r.spf_aligned as pass) n
 cross join lateral (select (p.begin_at at time zone 'UTC')::date as day) d
 where p.superseded_by is null and p.domain <> '' and r.header_from <> p.domain and right(n.name, length(p.domain) + 1) = '.' || p.domain
   and d.day >= coalesce((select dropped_before from ruawatch.partitioned where name = 'subdomain_days'), '-infinity')
 group by 1, 2, 3, 4
on conflict (domain, name, day, trust) do nothing;

update ruawatch.source_days s set failed_subdomain = b.messages
  from (select p.domain, r.source, d.day, p.reporter, p.trust, sum(r.count) as messages
          from ruawatch.reports p
          join ruawatch.records r on r.report_key = p.report_key and r.begin_at = p.begin_at
         cross join lateral (select (p.begin_at at time zone 'UTC')::date as day) d
         where p.superseded_by is null and p.domain <> '' and r.header_from <> p.domain
           and right(rtrim(lower(r.header_from), '.'), length(p.domain) + 1) = '.' || p.domain
           and not (r.dkim_aligned or r.spf_aligned or r.forwarded) and r.foreign_dkim is null and r.foreign_spf is null
         group by 1, 2, 3, 4, 5) b
 where s.domain = b.domain and s.source = b.source and s.day = b.day and s.reporter = b.reporter and s.trust = b.trust
   and s.failed_subdomain <> b.messages;

create or replace view dmarc.subdomain_days as
  select domain, name, day, sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(messages - passed)::bigint as failed,
         sum(failed_unauthenticated)::bigint as failed_unauthenticated, sum(failed_delivered)::bigint as failed_delivered,
         coalesce(sum(messages) filter (where trust <> 'ok'), 0)::bigint as untrusted
    from ruawatch.subdomain_days
   where messages > 0
   group by domain, name, day;
