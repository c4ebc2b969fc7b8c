-- Who looks after a finding, and how the class of a source changed.

alter table ruawatch.findings add column if not exists assigned_to text;
alter table ruawatch.finding_acts add column if not exists assigned_to text;
alter table ruawatch.finding_acts drop constraint if exists finding_acts_act_check;
alter table ruawatch.finding_acts add constraint finding_acts_act_check
  check (act in ('acknowledged', 'unacknowledged', 'outgrown', 'snoozed', 'unsnoozed', 'closed', 'judged', 'assigned', 'unassigned')) not valid;

create or replace view dmarc.findings as
  select finding_key, domain, kind, severity, subject, state, opened_at, changed_at, resolved_at, summary, evidence,
         confidence, first_day, last_day, revision,
         case when state = 'resolved' then 'resolved'
              when reopened_at = changed_at then 'reopened'
              when changed_at > opened_at then 'changed'
              else 'open' end as phase,
         acknowledged_at, acknowledged_by, acknowledged_why, snoozed_until, snoozed_by, snoozed_why, reopened_at, reopened, assigned_to
    from ruawatch.findings;

create or replace view dmarc.finding_events as
  select e.finding_key, f.domain, f.kind, f.subject, e.at, e.event, null::text as by_name,
         case when e.event = 'resolved' then e.evidence ->> 'resolved_why' end as why,
         null::timestamptz as until, e.revision, e.severity, e.summary, e.notify, null::text as verdict, null::text as assigned_to
    from ruawatch.finding_events e
    join ruawatch.findings f using (finding_key)
  union all
  select a.finding_key, f.domain, f.kind, f.subject, a.at, a.act, a.by_name, a.why, a.until, null, a.severity, a.summary, false, a.verdict, a.assigned_to
    from ruawatch.finding_acts a
    join ruawatch.findings f using (finding_key);

-- A row where an analysis gave a source another class than it had. The first class of a source is no change.
create table if not exists ruawatch.class_changes (
  domain text not null,
  source text not null,
  at     timestamptz not null,
  was    text not null,
  class  text not null,
  why    text not null,
  primary key (domain, source, at)
);

create or replace view dmarc.class_changes as
  select domain, source, at, was, class, why from ruawatch.class_changes;
