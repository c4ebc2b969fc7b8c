-- Senders that broke by one cause are one finding: its subject is the cause (dkim or spf), its evidence lists the senders. What was found of
-- single senders is put together so that nobody is told of it again.

create temporary table incident on commit drop as
select finding_key, domain, state, subject as source, case when evidence ->> 'mechanism' = 'spf' then 'spf' else 'dkim' end as cause,
       acknowledged_at is not null or snoozed_until is not null as silent,
       jsonb_strip_nulls(jsonb_build_object('source', subject, 'mechanism', coalesce(evidence ->> 'mechanism', 'both'), 'since', first_day,
         'last_good_day', coalesce(evidence ->> 'last_good_day', first_day::text), 'last_day', last_day,
         'messages', coalesce(evidence -> 'messages', '0'), 'of', coalesce(evidence -> 'of', evidence -> 'messages', '0'),
         'per_day', coalesce(evidence -> 'per_day', '0'), 'delivered', coalesce(evidence -> 'delivered', '0'),
         'quarantined', coalesce(evidence -> 'quarantined', '0'), 'rejected', coalesce(evidence -> 'rejected', '0'),
         'reporters', coalesce(evidence -> 'reporters', '[]'), 'confidence', confidence)) as part
  from ruawatch.findings
 where kind = 'authentication_regression' and not evidence ? 'broken';

-- The one that a person wants to hear about goes on, the oldest of several; the others are told in it.
create temporary table kept on commit drop as
select distinct on (domain, cause) domain, cause, finding_key
  from incident where state = 'open' order by domain, cause, silent, finding_key;

update ruawatch.findings f
   set subject = i.cause, evidence = f.evidence || jsonb_build_object('broken', jsonb_build_array(i.part)),
       state = 'resolved', resolved_at = coalesce(f.resolved_at, now()), changed_at = case when f.state = 'open' then now() else f.changed_at end,
       acknowledged_at = null, acknowledged_by = null, acknowledged_why = null, snoozed_until = null, snoozed_by = null, snoozed_why = null
  from incident i
 where f.finding_key = i.finding_key and not exists (select from kept k where k.finding_key = f.finding_key);

update ruawatch.findings f
   set evidence = f.evidence || jsonb_build_object('resolved_day', f.last_day, 'resolved_why',
         'It shares its cause with finding ' || k.finding_key || ' and goes on there.')
  from incident i join kept k using (domain, cause)
 where f.finding_key = i.finding_key and i.state = 'open' and f.finding_key <> k.finding_key;

insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify, handled_at, posted_at)
select f.finding_key, f.revision, 'resolved', now(), f.severity, f.summary, f.evidence, false, now(), now()
  from incident i join kept k on k.domain = i.domain and k.cause = i.cause and k.finding_key <> i.finding_key
  join ruawatch.findings f on f.finding_key = i.finding_key
 where i.state = 'open'
    on conflict (finding_key, revision, event) do nothing;

create temporary table together on commit drop as
select k.finding_key, k.cause, jsonb_agg(i.part order by i.part ->> 'source') as broken, min((i.part ->> 'since')::date) as first_day,
       max((i.part ->> 'last_day')::date) as last_day
  from kept k join incident i using (domain, cause) where i.state = 'open' group by k.finding_key, k.cause;

update ruawatch.findings f
   set subject = t.cause, first_day = t.first_day, last_day = t.last_day, evidence = f.evidence || jsonb_build_object('broken', t.broken)
  from together t where f.finding_key = t.finding_key;

-- All of them were told, each by itself.
update ruawatch.finding_events e set evidence = e.evidence || jsonb_build_object('broken', t.broken)
  from together t
 where e.finding_key = t.finding_key;
update ruawatch.finding_acts a set evidence = a.evidence || jsonb_build_object('broken', t.broken)
  from together t
 where a.finding_key = t.finding_key;
