-- What people say of a finding when they close it is kept with its evidence, and what they put aside comes back.

-- false: there was nothing; right: it was so; expected: it was so, and somebody had meant it.
alter table ruawatch.finding_acts add column if not exists verdict text check (verdict in ('false', 'right', 'expected'));
alter table ruawatch.finding_acts drop constraint if exists finding_acts_act_check;
alter table ruawatch.finding_acts add constraint finding_acts_act_check
  check (act in ('acknowledged', 'unacknowledged', 'outgrown', 'snoozed', 'unsnoozed', 'closed', 'judged')) not valid;
create index if not exists finding_acts_verdict on ruawatch.finding_acts (at) where verdict is not null;

-- An acknowledgement ends; those from before have half a year from now.
alter table ruawatch.findings add column if not exists acknowledged_until timestamptz;
update ruawatch.findings set acknowledged_until = now() + interval '180 days' where acknowledged_at is not null and acknowledged_until is null;

-- What somebody expects on a domain: not mailed until then, and mailed again if it still holds.
create table if not exists ruawatch.expectations (
  domain      text not null,
  kind        text not null,
  subject     text not null,
  until       timestamptz not null,
  -- What is graver than this is mailed all the same.
  severity    text not null,
  by_name     text not null,
  why         text not null,
  finding_key bigint not null,
  primary key (domain, kind, subject)
);

create or replace view dmarc.finding_events as
  select e.finding_key, f.domain, f.kind, f.subject, e.at, e.event, null::text as by_name,
         case when e.event = 'resolved' then e.evidence ->> 'resolved_why' end as why,
         null::timestamptz as until, e.revision, e.severity, e.summary, e.notify, null::text as verdict
    from ruawatch.finding_events e
    join ruawatch.findings f using (finding_key)
  union all
  select a.finding_key, f.domain, f.kind, f.subject, a.at, a.act, a.by_name, a.why, a.until, null, a.severity, a.summary, false, a.verdict
    from ruawatch.finding_acts a
    join ruawatch.findings f using (finding_key);
