-- The life of a finding: what a person says about it, and that it comes back.

alter table ruawatch.findings
  add column acknowledged_at  timestamptz,
  add column acknowledged_by  text,
  add column acknowledged_why text,
  add column snoozed_until    timestamptz,
  add column snoozed_by       text,
  add column snoozed_why      text,
  add column reopened_at      timestamptz,
  add column reopened         integer not null default 0,
  -- One silence at a time: the later word of a person stands.
  add constraint findings_silence check (acknowledged_at is null or snoozed_until is null);
create index findings_snoozed on ruawatch.findings (snoozed_until) where snoozed_until is not null;

alter table ruawatch.finding_events drop constraint finding_events_event_check;
alter table ruawatch.finding_events
  add constraint finding_events_event_check check (event in ('opened', 'changed', 'resolved', 'reopened', 'reminded'));

-- What persons did, and what ended it. Rows are added and never changed: an audit trail.
create table ruawatch.finding_acts (
  act_key     bigint generated always as identity primary key,
  finding_key bigint not null references ruawatch.findings,
  act         text not null check (act in ('acknowledged', 'unacknowledged', 'outgrown', 'snoozed', 'unsnoozed', 'closed')),
  at          timestamptz not null,
  by_name     text not null,
  why         text not null,
  until       timestamptz,
  -- As the finding stood then: an acknowledgement holds until it is materially worse than this.
  severity    text not null,
  summary     text not null,
  evidence    jsonb not null
);
create index finding_acts_finding on ruawatch.finding_acts (finding_key, act_key);

create or replace view dmarc.findings as
  select finding_key, domain, kind, severity, subject, state, opened_at, changed_at, resolved_at, summary, evidence,
         confidence, first_day, last_day, revision,
         case when state = 'resolved' then 'resolved'
              when reopened_at = changed_at then 'reopened'
              when changed_at > opened_at then 'changed'
              else 'open' end as phase,
         acknowledged_at, acknowledged_by, acknowledged_why, snoozed_until, snoozed_by, snoozed_why, reopened_at, reopened
    from ruawatch.findings;

create view dmarc.finding_events as
  select e.finding_key, f.domain, f.kind, f.subject, e.at, e.event, null::text as by_name,
         case when e.event = 'resolved' then e.evidence ->> 'resolved_why' end as why,
         null::timestamptz as until, e.revision, e.severity, e.summary, e.notify
    from ruawatch.finding_events e
    join ruawatch.findings f using (finding_key)
  union all
  select a.finding_key, f.domain, f.kind, f.subject, a.at, a.act, a.by_name, a.why, a.until, null, a.severity, a.summary, false
    from ruawatch.finding_acts a
    join ruawatch.findings f using (finding_key);
