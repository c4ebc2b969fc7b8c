-- TLS reports that another one with the same identity and different content superseded.

create or replace view dmarc.superseded_tls_reports as
  select r.tls_report_key, p.n, r.superseded_by, r.message_key, r.org_name, r.contact_info, r.report_id, r.begin_at, r.end_at,
         p.policy_domain, p.policy_type, p.successful_sessions, p.failed_sessions, coalesce(p.failures, 0) as failures, r.problems,
         r.received_at, r.duplicates
    from ruawatch.tls_reports r
    left join ruawatch.tls_policies p on p.tls_report_key = r.tls_report_key
   where r.superseded_by is not null;
