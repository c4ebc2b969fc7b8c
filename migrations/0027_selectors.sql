-- The keys that mail is signed with: of each source, how much of its mail bears which of the domain's own selectors. Earlier reports are not
-- looked through again: a selector is new only where the rollup goes back further than the selector does.
create table if not exists ruawatch.selector_days (
  domain         text not null,
  source         text not null,
  -- `d=` and `s=` of the signature, lower case; both empty for what exceeds a report's allowance.
  signing_domain text not null,
  selector       text not null,
  day            date not null,
  reporter       text not null,
  trust          text not null,
  messages       bigint not null,
  passed         bigint not null,
  primary key (domain, source, signing_domain, selector, day, reporter, trust)
) partition by range (day);
create table if not exists ruawatch.selector_days_default partition of ruawatch.selector_days default;
create index if not exists selector_days_day on ruawatch.selector_days (domain, day);
insert into ruawatch.partitioned (name, key, dropped_before)
select 'selector_days', 'day', dropped_before from ruawatch.partitioned where name = 'source_days'
on conflict (name) do nothing;
select ruawatch.ensure_partitions('selector_days', array(
  select m::date from generate_series(date_trunc('month', now()) - interval '1 month', date_trunc('month', now()) + interval '2 months', '1 month') m), 0);

create or replace view dmarc.selectors as
  select domain, signing_domain, selector, min(day) filter (where passed > 0) as first_seen, max(day) filter (where passed > 0) as last_seen,
         sum(messages)::bigint as messages, sum(passed)::bigint as passed, sum(messages - passed)::bigint as failed,
         count(distinct source) as sources, count(distinct reporter) as reporters
    from ruawatch.selector_days
   where messages > 0 and trust = 'ok' and selector <> ''
   group by domain, signing_domain, selector;
