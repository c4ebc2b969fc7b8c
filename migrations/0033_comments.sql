-- What one asks of a domain, in one line each; and reporters that fell silent. After this step every view and column has
-- its comment, from data/comments.json.

create or replace view dmarc.domains as
  select d.domain, d.state, d.how, d.since, d.confirmed_at, d.last_checked, d.reason, d.lost_since, d.last_reported,
         p.policy_p as policy, p.end_at as last_report_at, coalesce(s.messages, 0)::bigint as messages_30_days,
         round(s.passed / nullif(s.messages, 0), 4)::real as pass_share_30_days, coalesce(f.open_findings, 0)::bigint as open_findings
    from ruawatch.domains d
    left join lateral (
      select policy_p, end_at from ruawatch.reports r
       where r.domain = d.domain and r.superseded_by is null and r.trust = 'ok' order by r.begin_at desc limit 1) p on true
    left join lateral (
      select sum(messages) as messages, sum(passed) as passed from ruawatch.source_days s
       where s.domain = d.domain and s.trust = 'ok' and s.day > (p.end_at at time zone 'UTC')::date - 30) s on true
    left join lateral (
      select count(*) as open_findings from ruawatch.findings f where f.domain = d.domain and f.state = 'open') f on true;

create or replace view dmarc.missing_reports as
  with days as (
    select p.domain, p.reporter, p.day, max(p.day) over (partition by p.domain, p.reporter) as last_day,
           max(p.day) over (partition by p.domain) as newest_day
      from ruawatch.policy_days p join ruawatch.domains d on d.domain = p.domain and d.state <> 'ignored'
     where p.trust = 'ok')
  select domain, reporter, last_day, count(distinct day)::integer as days_of_28, (current_date - last_day)::integer as silent_days,
         newest_day > last_day as others_report
    from days
   where day > last_day - 28
   group by domain, reporter, last_day, newest_day
  having count(distinct day) >= 7 and current_date - last_day > 3;
