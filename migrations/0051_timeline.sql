-- What happened to a domain, in one order of time: findings, DNS, requests, decisions, changes.
create or replace view dmarc.timeline as
select e.at, e.domain, 'finding'::text as what, e.event, e.kind as subject, e.by_name as actor, e.summary, e.finding_key,
       null::bigint as request_key
  from dmarc.finding_events e
 where e.event <> 'reminded'
union all
select r.first_seen, r.domain, 'dns', 'published', r.type || ' ' || r.name, null, r.value, null, null
  from ruawatch.dns_records r
union all
select r.gone_at, r.domain, 'dns', 'gone', r.type || ' ' || r.name, null, r.value, null, null
  from ruawatch.dns_records r where r.gone_at is not null
union all
select e.at, r.domain, 'request', e.event, r.kind, e.actor, e.says, r.finding_key, r.request_key
  from ruawatch.request_events e join ruawatch.requests r using (request_key)
 where e.event in ('open', 'withdraw', 'expire', 'hand_over', 'appear', 'outdate', 'fail', 'return', 'settle')
    or (e.event = 'approve' and r.rule ->> 'decide' = 'automatic')
union all
select d.at, r.domain, 'decision', d.decision, r.kind, d.person, d.why, r.finding_key, r.request_key
  from ruawatch.decisions d join ruawatch.requests r using (request_key)
union all
select c.settled_at, r.domain, 'change', case when c.state <> 'applied' then c.state when c.forward then 'applied' else 'put_back' end,
       c.name, 'applier', c.answer, r.finding_key, r.request_key
  from ruawatch.changes c join ruawatch.requests r using (request_key) where c.settled_at is not null;
