-- The daily totals of each class of sources, by reporter: what the overview and the page of a domain add up by class. Of proven reports
-- alone, by the class that a source has now: what changes a class moves the mail of the source (services/store/rollups/class-days.ts).
create table if not exists ruawatch.class_days (
  domain           text not null,
  class            text not null,
  day              date not null,
  reporter         text not null,
  messages         bigint not null,
  passed           bigint not null,
  failed_forwarded bigint not null,
  failed_subdomain bigint not null,
  delivered        bigint not null,
  quarantined      bigint not null,
  rejected         bigint not null,
  primary key (domain, class, day, reporter)
) partition by range (day);
create table if not exists ruawatch.class_days_default partition of ruawatch.class_days default;
insert into ruawatch.partitioned (name, key, dropped_before)
select 'class_days', 'day', dropped_before from ruawatch.partitioned where name = 'source_days'
on conflict (name) do nothing;
-- The months that source_days has.
select ruawatch.ensure_partitions('class_days', array(
  select to_date(substring(c.relname from '_(\d{4}_\d\d)$'), 'YYYY_MM') from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent = 'ruawatch.source_days'::regclass and c.relname ~ '_\d{4}_\d\d$'), 0);

-- From which day on the totals are kept: earlier days are added up by the parser, from the newest on. It begins a while after `made_at`,
-- when services of the version before, which write without these totals, have been replaced.
create table if not exists ruawatch.class_days_from (
  one      boolean primary key default true check (one),
  from_day date not null,
  made_at  timestamptz
);
insert into ruawatch.class_days_from (from_day, made_at)
select case when used then date 'infinity' else date '-infinity' end, case when used then now() end
  from (select exists (select from ruawatch.source_days) as used) t
on conflict (one) do nothing;
alter table ruawatch.domain_days_from add column if not exists made_at timestamptz;

create or replace view dmarc.class_days as
  select domain, day, reporter, class, messages, passed, messages - passed as failed, failed_forwarded, failed_subdomain, delivered,
         quarantined, rejected,
         not exists (
           select from ruawatch.domain_reporters n where n.domain = d.domain and n.reporter = d.reporter and not n.decides) as counts
    from ruawatch.class_days d
   where messages > 0;

-- Mail.Ru's "nil" for a tag that the record lacks is no policy: the default applies.
create or replace view dmarc.domains as
  select d.domain, d.state, d.how, d.since, d.confirmed_at, d.last_checked, d.reason, d.lost_since, d.last_reported,
         p.policy_p as policy, p.end_at as last_report_at, coalesce(s.messages, 0)::bigint as messages_30_days,
         round(s.passed / nullif(s.messages, 0), 4)::real as pass_share_30_days, coalesce(f.open_findings, 0)::bigint as open_findings,
         coalesce(nullif(p.policy_sp, 'nil'), p.policy_p) as policy_sp,
         coalesce(nullif(p.policy_np, 'nil'), nullif(p.policy_sp, 'nil'), p.policy_p) as policy_np
    from ruawatch.domains d
    left join lateral (
      select policy_p, policy_sp, policy_np, end_at from ruawatch.reports r
       where r.domain = d.domain and r.superseded_by is null and r.trust = 'ok' order by r.begin_at desc limit 1) p on true
    left join lateral (
      select sum(messages) as messages, sum(passed) as passed from ruawatch.domain_days s
       where s.domain = d.domain and s.day > (p.end_at at time zone 'UTC')::date - 30) s on true
    left join lateral (
      select count(*) as open_findings from ruawatch.findings f where f.domain = d.domain and f.state = 'open') f on true;
