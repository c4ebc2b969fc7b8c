-- Nothing that anybody can mail may spoil the sums of what is proven, or come before it.

-- How many sources (and names below its domain) a report has in the rollups by name, while it is proven and while it is not. Null, in
-- reports of earlier versions: all of them.
alter table ruawatch.reports add column if not exists allowance_proven integer;
alter table ruawatch.reports add column if not exists allowance_unproven integer;

-- What the analyzer looks at first: 0 before 1, in the order that the index has.
alter table ruawatch.analysis_work add column if not exists tier smallint not null default 1;
create index if not exists analysis_work_order on ruawatch.analysis_work (domain, tier, source);
-- What was noted for reports that are not proven goes: a source is noted again when they are.
delete from ruawatch.analysis_work w
 where w.source <> ''
   and exists (select from ruawatch.source_days d where d.domain = w.domain and d.source = w.source and d.day = w.day)
   and not exists (select from ruawatch.source_days d
                    where d.domain = w.domain and d.source = w.source and d.day = w.day and d.trust = 'ok');

-- Sums over all time were of all reports, whoever sent them; now they are of those that count. One look through the rollups.
create temporary table unproven on commit drop as
select domain, source, sum(messages) as messages, sum(passed) as passed
  from ruawatch.source_days where trust <> 'ok' and messages <> 0 group by domain, source;
create temporary table proven on commit drop as
select u.domain, u.source, d.first_seen, d.last_seen, coalesce(d.messages, 0) as messages, coalesce(d.passed, 0) as passed
  from unproven u
  left join lateral (
    select min(day) as first_seen, max(day) as last_seen, sum(messages) as messages, sum(passed) as passed
      from ruawatch.source_days o
     where o.domain = u.domain and o.source = u.source and o.trust = 'ok' and o.messages > 0) d on true;

-- What was dropped cannot be looked up: the sums keep what it told, less what is known to be unproven.
update ruawatch.sources s
   set messages = least(greatest(s.messages - u.messages, p.messages), 9007199254740991)::bigint,
       passed = least(greatest(s.passed - u.passed, p.passed), 9007199254740991)::bigint,
       first_seen = case when s.first_seen < x.before then s.first_seen else coalesce(p.first_seen, s.first_seen) end,
       last_seen = coalesce(p.last_seen, s.last_seen)
  from unproven u join proven p using (domain, source),
       (select coalesce((select dropped_before from ruawatch.partitioned where name = 'source_days'), '-infinity') as before) x
 where s.domain = u.domain and s.source = u.source;
delete from ruawatch.sources s using unproven u where s.domain = u.domain and s.source = u.source and s.messages <= 0;

-- Sums that stand where no true one can: they end at what a JavaScript number holds, and can be added up.
update ruawatch.source_days
   set messages = least(messages, 9007199254740991), passed = least(passed, 9007199254740991),
       dkim_aligned = least(dkim_aligned, 9007199254740991), spf_aligned = least(spf_aligned, 9007199254740991),
       forwarded = least(forwarded, 9007199254740991), failed_forwarded = least(failed_forwarded, 9007199254740991),
       failed_authenticated = least(failed_authenticated, 9007199254740991),
       failed_unauthenticated = least(failed_unauthenticated, 9007199254740991),
       failed_foreign_dkim = least(failed_foreign_dkim, 9007199254740991),
       failed_foreign_spf = least(failed_foreign_spf, 9007199254740991), delivered = least(delivered, 9007199254740991),
       quarantined = least(quarantined, 9007199254740991), rejected = least(rejected, 9007199254740991),
       failed_delivered = least(failed_delivered, 9007199254740991), contradicted = least(contradicted, 9007199254740991),
       failed_subdomain = least(failed_subdomain, 9007199254740991)
 where messages > 9007199254740991;
update ruawatch.sources set messages = least(messages, 9007199254740991), passed = least(passed, 9007199254740991)
 where messages > 9007199254740991;
update ruawatch.subdomain_days
   set messages = least(messages, 9007199254740991), passed = least(passed, 9007199254740991),
       failed_unauthenticated = least(failed_unauthenticated, 9007199254740991), failed_delivered = least(failed_delivered, 9007199254740991)
 where messages > 9007199254740991;
