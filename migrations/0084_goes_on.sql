-- What a person resolved by hand, and the newest reports still show.

-- Whether a finding about mail that somebody resolved, and did not call a false alarm or expected, goes on: its
-- mail is among that of the three newest days that deciding reporters report. Readers of the view see no table.
create or replace function ruawatch.goes_on(f ruawatch.findings) returns boolean
language sql stable security definer set search_path = pg_catalog as $$
  select f.state = 'resolved' and f.severity <> 'info' and f.evidence #>> '{ended,reason}' = 'closed'
     and (f.evidence ->> 'delivered' <> '0' or f.evidence ->> 'quarantined' <> '0' or f.evidence ->> 'rejected' <> '0')
     and f.last_day > (
           select d.day from ruawatch.source_days d
            where d.domain = f.domain and d.messages > 0 and d.trust = 'ok'
              and not exists (select from ruawatch.domain_reporters n
                               where n.domain = d.domain and n.reporter = d.reporter and not n.decides)
            order by d.day desc limit 1) - 3
     and coalesce((select a.verdict from ruawatch.finding_acts a
                    where a.finding_key = f.finding_key and a.verdict is not null and a.at >= f.resolved_at
                    order by a.act_key desc limit 1), 'right') = 'right'
$$;

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
              then coalesce(ruawatch.goes_on(f), false) else false end as goes_on
    from ruawatch.findings f;
