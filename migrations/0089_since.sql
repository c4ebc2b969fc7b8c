-- Since when a finding is what it says now: mails and its page named that day, lists the day on which it was
-- first found. It is later for one that came back, or whose numbers were taken anew.
create or replace view dmarc.findings as
  select finding_key, domain, kind, severity, subject, state, opened_at, changed_at, resolved_at, summary, evidence,
         confidence, first_day, last_day, revision,
         case when state = 'resolved' then 'resolved'
              when reopened_at = changed_at then 'reopened'
              when changed_at > opened_at then 'changed'
              else 'open' end as phase,
         acknowledged_at, acknowledged_by, acknowledged_why, snoozed_until, snoozed_by, snoozed_why, reopened_at, reopened, assigned_to,
         -- Few are resolved by hand: all others are not looked at further.
         case when state = 'resolved' and evidence #>> '{ended,reason}' = 'closed'
              then coalesce(ruawatch.goes_on(f), false) else false end as goes_on,
         case when evidence ->> 'since' ~ '^\d{4}-\d\d-\d\d$' then (evidence ->> 'since')::date else first_day end as since
    from ruawatch.findings f;
