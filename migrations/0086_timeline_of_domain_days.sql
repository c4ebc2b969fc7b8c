-- Days with failing mail in the timeline are read of the sums of domains, not of all sources of all days: those were most of
-- what the page of a domain read.

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
  from ruawatch.changes c join ruawatch.requests r using (request_key) where c.settled_at is not null
union all
-- The first message of a workload with one key, or without any.
select min(d.first_at), d.domain, 'sending', 'begins',
       concat_ws('/', nullif(d.cluster, ''), coalesce(nullif(d.environment, ''), '-'), coalesce(nullif(d.workload, ''), '-')), null,
       case when d.selector = '' then 'unsigned' else d.selector || '._domainkey.' || d.signing_domain end, null, null
  from ruawatch.sending_days d
 where d.sent + d.refused > 0 and (d.selector <> '' or d.unsigned > 0)
 group by d.domain, d.cluster, d.environment, d.workload, d.selector, d.signing_domain
union all
select min(d.first_at), d.domain, 'sending', 'refused',
       concat_ws('/', nullif(d.cluster, ''), coalesce(nullif(d.environment, ''), '-'), coalesce(nullif(d.workload, ''), '-')), null,
       sum(d.refused_dmarc) || ' refused, ' || sum(d.sent) || ' sent', null, null
  from ruawatch.sending_days d
 group by d.domain, d.cluster, d.environment, d.workload, d.day
having sum(d.refused_dmarc) > 0
union all
select z.at, z.zone, 'zone', z.action, concat_ws(' ', z.type, coalesce(z.name, z.zone)), z.client, z.words, null, null
  from ruawatch.log_dns_changes z
union all
-- The end of a day of which reports count failing mail: twenty messages and a tenth of all.
select (s.day + 1)::timestamp at time zone 'UTC', s.domain, 'reports', 'failing', s.day::text, null,
       sum(s.messages - s.passed) || ' of ' || sum(s.messages) || ' messages', null, null
  from ruawatch.domain_days s
 where s.messages > 0
   and not exists (select from ruawatch.domain_reporters n where n.domain = s.domain and n.reporter = s.reporter and not n.decides)
 group by s.domain, s.day
having sum(s.messages - s.passed) >= 20 and sum(s.messages - s.passed) * 10 >= sum(s.messages)
union all
-- What people said of senders, and where that ended.
select l.since, l.domain, 'sender', l.verdict, l.source, l.by_name, l.why, null, null
  from ruawatch.sender_list l
union all
select l.ended_at, l.domain, 'sender', 'ended', l.source, l.ended_by, l.ended_why, null, null
  from ruawatch.sender_list l where l.ended_at is not null
union all
-- Bounces about authentication, of mail that the logs show was sent to that domain: others may be made up.
select min(b.received_at), m.domain, 'bounce', b.action, b.recipient_domain, null,
       concat_ws(' ', count(distinct b.message_id), case when count(distinct b.message_id) = 1 then 'message' else 'messages' end,
                 nullif(b.status, '')), null, null
  from ruawatch.bounces b
       cross join lateral (select coalesce(s.header_domain, s.envelope_domain, '') as domain from ruawatch.sent_messages s
                            where s.message_id = b.message_id
                              and s.recipients @> jsonb_build_array(jsonb_build_object('domain', b.recipient_domain))
                            order by s.started_at limit 1) m
 where b.dmarc_words and b.message_id is not null
 group by m.domain, b.action, b.recipient_domain, b.status, (b.received_at at time zone 'UTC')::date
union all
-- The failure reports of a day that count.
select min(f.received_at), f.domain, 'reports', 'failure', coalesce(f.reporter, 'unknown'), null,
       concat_ws(' ', count(*), case when count(*) = 1 then 'message' else 'messages' end), null, null
  from ruawatch.failure_reports f
 where f.trust = 'ok'
 group by f.domain, f.reporter, (f.received_at at time zone 'UTC')::date;
