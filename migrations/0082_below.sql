-- What a domain's policy does with mail as names below it: sp and np beside p, and of each row how much of its failing mail is below.
create or replace view dmarc.domains as
  select d.domain, d.state, d.how, d.since, d.confirmed_at, d.last_checked, d.reason, d.lost_since, d.last_reported,
         p.policy_p as policy, p.end_at as last_report_at, coalesce(s.messages, 0)::bigint as messages_30_days,
         round(s.passed / nullif(s.messages, 0), 4)::real as pass_share_30_days, coalesce(f.open_findings, 0)::bigint as open_findings,
         coalesce(p.policy_sp, p.policy_p) as policy_sp, coalesce(p.policy_np, p.policy_sp, p.policy_p) as policy_np
    from ruawatch.domains d
    left join lateral (
      select policy_p, policy_sp, policy_np, end_at from ruawatch.reports r
       where r.domain = d.domain and r.superseded_by is null and r.trust = 'ok' order by r.begin_at desc limit 1) p on true
    left join lateral (
      select sum(messages) as messages, sum(passed) as passed from ruawatch.source_days s
       where s.domain = d.domain and s.trust = 'ok' and s.day > (p.end_at at time zone 'UTC')::date - 30) s on true
    left join lateral (
      select count(*) as open_findings from ruawatch.findings f where f.domain = d.domain and f.state = 'open') f on true;

create or replace view dmarc.reporter_days as
  select domain, source, day, reporter, messages, passed, messages - passed as failed, dkim_aligned, spf_aligned, forwarded,
         failed_forwarded, failed_authenticated, failed_unauthenticated, delivered, quarantined, rejected, failed_delivered,
         signing_domain, trust,
         trust = 'ok' and not exists (
           select from ruawatch.domain_reporters n where n.domain = d.domain and n.reporter = d.reporter and not n.decides) as counts,
         failed_subdomain
    from ruawatch.source_days d
   where messages > 0;
